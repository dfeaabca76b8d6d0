/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/random.h>
#include <time.h>
#include "base/clock.h"
#include "net/headers.h"
#include "oci/registry_private.h"

#define FAILURES_MAX    8
#define PAUSE_FIRST_MS  200
#define PAUSE_MAX_MS    20000
#define RETRY_AFTER_MAX 120 /* seconds; a registry that wants more is waited for no longer */
#define CANCEL_SLICE_MS 100
#define STATUS_TIMEOUT  408
#define STATUS_MANY     429
#define STATUS_NOT_MADE 501
#define STATUS_VERSION  505
#define STATUS_NO_SPACE 507

static bool status_is_momentary(unsigned status)
{
        if (status == STATUS_TIMEOUT || status == STATUS_MANY)
                return true;
        return status >= 500 && status != STATUS_NOT_MADE && status != STATUS_VERSION &&
               status != STATUS_NO_SPACE;
}

bool retry_is_worth(const struct registry *registry, int ret, const struct http_response *response)
{
        if (ret == 0)
                return status_is_momentary(response->status);
        if (ret == -ECONNRESET || ret == -ETIMEDOUT || ret == -EBUSY)
                return true;
        /* One that has answered before is being restarted; a first address is more likely to be wrong. */
        return (ret == -ECONNREFUSED || ret == -EHOSTUNREACH) && registry->answered;
}

/* Growing, and different for each of many clients that were refused at once. */
static uint64_t growing_pause_ms(unsigned failures)
{
        uint64_t pause = PAUSE_FIRST_MS;
        uint16_t random = 0;

        while (--failures && pause < PAUSE_MAX_MS)
                pause *= 2;
        if (pause > PAUSE_MAX_MS)
                pause = PAUSE_MAX_MS;
        (void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
        return pause / 2 + pause / 2 * random / UINT16_MAX;
}

static uint64_t asked_pause_ms(const struct http_response *response)
{
        const char *field = response ? http_response_header(response, "Retry-After") : NULL;
        uint64_t seconds = field ? http_retry_after(field, clock_realtime_ns() / 1000000000) : 0;

        return (seconds < RETRY_AFTER_MAX ? seconds : RETRY_AFTER_MAX) * 1000;
}

int retry_pause(struct retry *retry, const struct registry *registry, const struct http_response *response,
                struct error *err)
{
        const struct timespec slice = {0, CANCEL_SLICE_MS * 1000000L};
        uint64_t pause, asked = asked_pause_ms(response), end;

        if (++retry->failures >= FAILURES_MAX)
                return -ENODATA;
        pause = growing_pause_ms(retry->failures);
        end = clock_monotonic_us() + (asked > pause ? asked : pause) * 1000;
        while (clock_monotonic_us() < end) {
                if (progress_cancelled(registry->access->progress) ||
                    (retry->is_over && retry->is_over(retry->context)))
                        return error_set(err, &ERROR_CANCELLED, -ECANCELED, "interrupted");
                nanosleep(&slice, NULL);
        }
        return 0;
}
