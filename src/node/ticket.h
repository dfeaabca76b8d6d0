/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets: who shows one may read one archive, and nothing else. They are kept in memory only, and only their
 * SHA-256; a restart makes all of them void. A ticket is bound to the certificate that first shows it, ends
 * when it was not used for some time, and when its bearer or we say that the transfer is over. All functions
 * may be called by several threads at once.
 */
#ifndef SNAP_NODE_TICKET_H
#define SNAP_NODE_TICKET_H

#include "base/clock.h"
#include "base/error.h"
#include "base/cleanup.h"

#define TICKET_SIZE        65 /* 256 random bits in hexadecimal, and the NUL */
#define TICKET_SECONDS     600
#define TICKET_SECONDS_MAX 86400

struct ticket_office;

int ticket_office_new(struct ticket_office **out, struct error *err);
void ticket_office_free(struct ticket_office *office);
CLEANUP_DEFINE(struct ticket_office *, ticket_office_free);
#define _cleanup_ticket_office_ _cleanup_(ticket_office_freep)

/* A new one for the checkpoint `id`, valid for `seconds` from now and from each use on. -EBUSY (ERROR_BUSY)
 * when too many are out. */
int ticket_issue(struct ticket_office *office, const char *id, unsigned seconds, char out[TICKET_SIZE],
                 struct error *err);
/* May `holder` (the name in a certificate, "" for nobody in particular) read the checkpoint with it? -EPERM
 * (ERROR_TICKET) when not. Takes as long whatever the ticket is. */
int ticket_use(struct ticket_office *office, const char *ticket, const char *id, const char *holder,
               struct error *err);
/* It is void from now on. Unknown ones are fine. */
void ticket_end(struct ticket_office *office, const char *ticket);

#endif
