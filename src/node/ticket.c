/* SPDX-License-Identifier: Apache-2.0 */
#include "node/ticket.h"

#include <errno.h>
#include <pthread.h>
#include <sys/random.h>
#include "base/digest.h"
#include "base/secret_memory.h"
#include "node/peer.h"

#define TICKETS_MAX  256
#define RANDOM_BYTES 32
#define HOLDER_SIZE  128
#define SECOND_US    1000000

struct ticket {
        struct sha256 digest; /* of its text */
        char id[UNIQUE_ID_SIZE], holder[HOLDER_SIZE];
        bool is_held;         /* `holder` is set */
        uint64_t lifetime_us; /* 0: the place is free */
        uint64_t used_us;     /* monotonic */
};

struct ticket_office {
        pthread_mutex_t lock;
        struct ticket tickets[TICKETS_MAX];
};

int ticket_office_new(struct ticket_office **out, struct error *err)
{
        struct ticket_office *office = calloc(1, sizeof(*office));

        if (!office)
                return error_oom(err);
        pthread_mutex_init(&office->lock, NULL);
        *out = office;
        return 0;
}

void ticket_office_free(struct ticket_office *office)
{
        if (!office)
                return;
        pthread_mutex_destroy(&office->lock);
        free(office);
}

static bool is_valid(const struct ticket *ticket, uint64_t now)
{
        return ticket->lifetime_us && now - ticket->used_us < ticket->lifetime_us;
}

static int make_text(char out[TICKET_SIZE], struct error *err)
{
        struct sha256 random;

        _Static_assert(sizeof(random) == RANDOM_BYTES && TICKET_SIZE == SHA256_HEX_SIZE, "256 bits");
        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
                return error_errno(err, errno, "no random bytes for a ticket");
        sha256_hex(&random, out);
        explicit_bzero(&random, sizeof(random));
        return 0;
}

static struct ticket *free_place(struct ticket_office *office)
{
        uint64_t now = clock_monotonic_us();

        for (size_t i = 0; i < TICKETS_MAX; i++)
                if (!is_valid(&office->tickets[i], now))
                        return &office->tickets[i];
        return NULL;
}

int ticket_issue(struct ticket_office *office, const char *id, unsigned seconds, char out[TICKET_SIZE],
                 struct error *err)
{
        struct ticket ticket = {.lifetime_us = (uint64_t)seconds * SECOND_US}, *place;
        int ret = make_text(out, err);

        if (ret == 0)
                ret = sha256_of(SLICE_TEXT(out), &ticket.digest, err);
        if (ret < 0)
                return ret;
        snprintf(ticket.id, sizeof(ticket.id), "%s", id);
        ticket.used_us = clock_monotonic_us();
        pthread_mutex_lock(&office->lock);
        place = free_place(office);
        if (place)
                *place = ticket;
        pthread_mutex_unlock(&office->lock);
        return place ? 0 : error_set(err, &ERROR_BUSY, -EBUSY, "%d tickets are out already", TICKETS_MAX);
}

/* Looks at all of them, so that how long it takes tells nothing. Holds the lock. */
static struct ticket *find(struct ticket_office *office, const struct sha256 *digest)
{
        struct ticket *found = NULL;

        for (size_t i = 0; i < TICKETS_MAX; i++)
                if (secret_equal(&office->tickets[i].digest, digest, sizeof(*digest)))
                        found = &office->tickets[i];
        return found;
}

static bool use(struct ticket *ticket, const char *id, const char *holder)
{
        uint64_t now = clock_monotonic_us();

        if (!is_valid(ticket, now) || strcmp(ticket->id, id) != 0)
                return false;
        if (!ticket->is_held)
                snprintf(ticket->holder, sizeof(ticket->holder), "%s", holder);
        ticket->is_held = true;
        if (strcmp(ticket->holder, holder) != 0)
                return false;
        ticket->used_us = now;
        return true;
}

int ticket_use(struct ticket_office *office, const char *text, const char *id, const char *holder,
               struct error *err)
{
        struct ticket *ticket;
        struct sha256 digest;
        bool is_good;
        int ret = sha256_of(SLICE_TEXT(text), &digest, err);

        if (ret < 0)
                return ret;
        pthread_mutex_lock(&office->lock);
        ticket = find(office, &digest);
        is_good = ticket && use(ticket, id, holder);
        pthread_mutex_unlock(&office->lock);
        return is_good ? 0 : error_set(err, &ERROR_TICKET, -EPERM, "the ticket does not let read `%s`", id);
}

void ticket_end(struct ticket_office *office, const char *text)
{
        struct ticket *ticket;
        struct sha256 digest;

        if (sha256_of(SLICE_TEXT(text), &digest, NULL) < 0)
                return;
        pthread_mutex_lock(&office->lock);
        ticket = find(office, &digest);
        if (ticket)
                *ticket = (struct ticket){0};
        pthread_mutex_unlock(&office->lock);
}
