/* SPDX-License-Identifier: Apache-2.0 */
/* One upload as the registry sees it (distribution-spec "Pushing a blob in chunks"): where it is, and how
 * many bytes of it are there. Knows nothing of where the bytes come from. */
#ifndef SNAP_OCI_REGISTRY_SESSION_H
#define SNAP_OCI_REGISTRY_SESSION_H

#include "oci/registry_private.h"

struct upload_session {
        struct registry *registry;
        char *location;                 /* where to send to next; NULL: none is open */
        uint64_t offset;                /* bytes that the registry has */
        uint64_t piece_min;             /* smallest piece that it takes, but the last; 0: any */
        uint64_t piece_max;             /* largest; lowered when it finds one too large */
        bool (*is_over)(void *context); /* true ends what is under way (-ECANCELED); may be NULL */
        void *context;
};

/* POST: begins one, at offset 0. */
int session_open(struct upload_session *session, struct error *err);
/* PATCH: sends the front of `bytes`, which begin at `offset`, trying again after breaks, until `offset` is
 * another: what the registry has then, which may be fewer than before. -ESTALE (ERROR_REGISTRY_UPLOAD_LOST):
 * it no longer knows the upload. */
int session_send(struct upload_session *session, struct slice bytes, struct error *err);
/* PATCH: sends all that the source has from `offset` on, in one request without a length as long as nothing
 * breaks; `offset` is then where the source ended. `source` gets the offset in the blob. -EFBIG: the registry
 * takes no such requests, and nothing was sent. Else as above. */
typedef ssize_t (*upload_source)(void *context, uint64_t offset, void *data, size_t size, struct error *err);
int session_stream(struct upload_session *session, upload_source source, struct error *err);
/* PUT: ends it, with the last bytes of the blob, or none; the blob is there then. -ESTALE as above, also when
 * the registry has other bytes than were sent before. */
int session_close(struct upload_session *session, struct slice rest, const struct descriptor *blob,
                  struct error *err);
/* DELETE, as far as possible. */
void session_cancel(struct upload_session *session);

/* Bytes there are by a Range field "0-LAST"; exposed for its tests. */
bool session_range_parse(const char *field, uint64_t *size);

#endif
