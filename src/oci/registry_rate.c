/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/random.h>
#include "base/clock.h"
#include "oci/registry_session.h"

#define PIECE_FIRST (64 * KIB)
#define PIECE_LAST  (4 * MIB)

/* From so long on, what a request costs beside its bytes hardly counts. */
#define LONG_ENOUGH_US 50000

/* No link compresses it. */
static int fill(uint8_t *bytes, size_t size, struct error *err)
{
        size_t done = 0;

        while (done < size) {
                ssize_t n = getrandom(bytes + done, size - done, 0);

                if (n < 0 && errno != EINTR)
                        return error_errno(err, errno, "no random bytes");
                done += n > 0 ? (size_t)n : 0;
        }
        return 0;
}

static int send_piece(struct upload_session *session, const uint8_t *bytes, size_t size, uint64_t *us,
                      struct error *err)
{
        uint64_t start = clock_monotonic_us(), end = session->offset + size;
        int ret = 0;

        while (ret == 0 && session->offset < end) {
                size_t left = (size_t)(end - session->offset);

                ret = session_send(session, (struct slice){bytes + size - left, left}, err);
        }
        *us = clock_monotonic_us() - start + 1;
        return ret;
}

int registry_rate(struct registry *registry, uint64_t *bytes_per_second, struct error *err)
{
        struct upload_session session = {.registry = registry, .piece_max = PIECE_LAST};
        _cleanup_free_ uint8_t *bytes = malloc(PIECE_LAST);
        uint64_t us = 0;
        int ret = bytes ? fill(bytes, PIECE_LAST, err) : error_oom(err);

        if (ret < 0)
                return ret;
        ret = session_open(&session, err);
        for (size_t size = PIECE_FIRST; ret == 0 && us < LONG_ENOUGH_US && size <= PIECE_LAST; size *= 4) {
                ret = send_piece(&session, bytes, size, &us, err);
                *bytes_per_second = size * 1000000 / us;
        }
        session_cancel(&session);
        return ret;
}
