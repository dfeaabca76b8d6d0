/* SPDX-License-Identifier: Apache-2.0 */
#include "sidecar/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include "base/file.h"
#include "net/headers.h"
#include "node/chunk_cache.h"
#include "node/peer.h"
#include "node/ticket.h"
#include "oci/image_plan.h"

#define ARCHIVE_TYPE "application/x-tar"

struct transfer {
        struct node *node;
        struct chunk_cache *chunks;
        struct ticket_office *tickets;
        pthread_mutex_t hashing; /* of layers */
};

int transfer_new(struct node *node, struct transfer **out, struct error *err)
{
        _cleanup_transfer_ struct transfer *transfer = calloc(1, sizeof(*transfer));
        _cleanup_free_ char *directory = NULL;
        int ret;

        if (!transfer)
                return error_oom(err);
        transfer->node = node;
        pthread_mutex_init(&transfer->hashing, NULL);
        if (asprintf(&directory, "%s/chunks", node_options(node)->state_directory) < 0) {
                directory = NULL;
                return error_oom(err);
        }
        ret = chunk_cache_new(directory, &transfer->chunks, err);
        if (ret == 0)
                ret = ticket_office_new(&transfer->tickets, err);
        if (ret == 0)
                *out = steal_ptr(transfer);
        return ret;
}

void transfer_free(struct transfer *transfer)
{
        if (!transfer)
                return;
        chunk_cache_free(transfer->chunks);
        ticket_office_free(transfer->tickets);
        pthread_mutex_destroy(&transfer->hashing);
        free(transfer);
}

/* --- archives ---------------------------------------------------------------------------------------------
 */

/* What the path names, open. Only what is verified is given out. */
static int open_archive(const struct request *request, struct checkpoint **checkpoint, int *out,
                        struct error *err)
{
        const struct transfer *transfer = request_transfer(request);
        _cleanup_close_ int fd = -1;
        struct stat st;
        int ret = catalog_get_checkpoint(node_catalog(transfer->node), request_parameter(request, "id"),
                                         checkpoint, err);

        if (ret < 0)
                return ret;
        if (strcmp((*checkpoint)->state, "completed") != 0)
                return error_set(err, &ERROR_CHECKPOINT_BAD, -EBADMSG, "`%s` is %s, and not given out",
                                 (*checkpoint)->id, (*checkpoint)->state);
        fd = open((*checkpoint)->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0)
                return error_errno(err, errno, "cannot open `%s`", (*checkpoint)->path);
        if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != (*checkpoint)->size)
                return error_set(err, &ERROR_IO, -EIO,
                                 "`%s` is not the file that it was when it was recorded",
                                 (*checkpoint)->path);
        *out = steal_fd(&fd);
        return 0;
}

/* A whole archive that was read with a ticket uses it up; a reader of ranges says when it has all. */
struct whole {
        const struct request *request;
        struct transfer *transfer;
        char *ticket;
};

static void whole_free(void *context)
{
        struct whole *whole = context;

        if (request_was_sent(whole->request))
                ticket_end(whole->transfer->tickets, whole->ticket);
        free(whole->ticket);
        free(whole);
}

static int note_whole(struct request *request, const char *ticket, struct error *err)
{
        struct whole *whole = calloc(1, sizeof(*whole));

        if (whole)
                whole->ticket = strdup(ticket);
        if (!whole || !whole->ticket) {
                free(whole);
                return error_oom(err);
        }
        whole->request = request;
        whole->transfer = request_transfer(request);
        request_set_state(request, whole);
        return 0;
}

static int archive_end(struct request *request, struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        _cleanup_close_ int fd = -1;
        const char *ticket = request_header(request, TICKET_HEADER);
        int ret = open_archive(request, &checkpoint, &fd, err);

        if (ret == 0 && ticket && request_wants_whole(request, checkpoint->digest, checkpoint->size))
                ret = note_whole(request, ticket, err);
        return ret < 0 ? ret
                       : request_respond_file(request, ARCHIVE_TYPE, checkpoint->digest, steal_fd(&fd),
                                              checkpoint->size, err);
}

const struct handler handle_archive = {.end = archive_end, .free = whole_free};

/* --- chunks -----------------------------------------------------------------------------------------------
 */

static int get_chunks(const struct request *request, struct checkpoint **checkpoint, struct chunk_list *out,
                      struct error *err)
{
        const struct transfer *transfer = request_transfer(request);
        _cleanup_close_ int fd = -1;
        int ret = open_archive(request, checkpoint, &fd, err);

        return ret < 0 ? ret
                       : chunk_cache_get(transfer->chunks, node_catalog(transfer->node), *checkpoint, fd, out,
                                         err);
}

/* Appends {"checkpoint":{…},"size":…: what goes with the list, before its own members. */
static int write_chunks(const struct checkpoint *checkpoint, const struct chunk_list *list,
                        struct buffer *out, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        _cleanup_buffer_ struct buffer chunks = {0};
        yyjson_mut_val *object = doc ? checkpoint_json(checkpoint, doc) : NULL;
        int ret;

        if (!object)
                return error_oom(err);
        yyjson_mut_doc_set_root(doc, object);
        ret = buffer_append_text(out, "{\"checkpoint\":") < 0 ? error_oom(err)
                                                              : json_write(doc, false, out, err);
        if (ret == 0)
                ret = chunk_list_write(list, &chunks, err);
        if (ret == 0 &&
            (buffer_append_text(out, ",") < 0 || buffer_append(out, chunks.data + 1, chunks.size - 1) < 0))
                ret = error_oom(err);
        return ret;
}

static int chunks_end(struct request *request, struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        _cleanup_chunk_list_ struct chunk_list list = {0};
        _cleanup_buffer_ struct buffer text = {0};
        int ret = get_chunks(request, &checkpoint, &list, err);

        if (ret == 0)
                ret = write_chunks(checkpoint, &list, &text, err);
        return ret < 0 ? ret
                       : request_respond_bytes(request, 200, "application/json", buffer_slice(&text), err);
}

const struct handler handle_chunks = {.end = chunks_end};

/* --- layers -----------------------------------------------------------------------------------------------
 */

static int write_layers(const struct image_plan *plan, struct buffer *out, struct error *err)
{
        char hex[SHA256_HEX_SIZE];
        int ret = buffer_append_text(out, "{\"layers\":[");

        for (unsigned i = 0; i < plan->members.count && ret == 0; i++)
                ret = buffer_printf(out, "%s\"sha256:%s\"", i ? "," : "",
                                    sha256_hex(&plan->layers[i].blob.digest, hex));
        if (ret == 0)
                ret = buffer_append_text(out, "]}\n");
        return ret < 0 ? error_oom(err) : 0;
}

/* One at a time is read; who comes meanwhile finds what that one has found. */
static int get_layers(const struct request *request, struct image_plan *plan, struct error *err)
{
        struct transfer *transfer = request_transfer(request);
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_close_ int fd = -1;
        int ret = open_archive(request, &checkpoint, &fd, err);

        if (ret == 0)
                ret = archive_open_file(fd, checkpoint->path, &archive, err);
        if (ret == 0)
                ret = image_plan_make(archive, plan, err);
        if (ret < 0)
                return ret;
        pthread_mutex_lock(&transfer->hashing);
        ret = image_plan_hash(archive, plan, NULL, err);
        pthread_mutex_unlock(&transfer->hashing);
        return ret;
}

static int layers_end(struct request *request, struct error *err)
{
        _cleanup_image_plan_ struct image_plan plan = {0};
        _cleanup_buffer_ struct buffer text = {0};
        int ret = get_layers(request, &plan, err);

        if (ret == 0)
                ret = write_layers(&plan, &text, err);
        return ret < 0 ? ret
                       : request_respond_bytes(request, 200, "application/json", buffer_slice(&text), err);
}

const struct handler handle_layers = {.end = layers_end};

/* --- tickets ----------------------------------------------------------------------------------------------
 */

int transfer_check_ticket(struct request *request, const char *holder, struct error *err)
{
        const char *ticket = request_header(request, TICKET_HEADER);
        int ret;

        if (!ticket)
                return 0;
        ret = ticket_use(request_transfer(request)->tickets, ticket, request_parameter(request, "id"), holder,
                         err);
        return ret < 0 ? ret : 1;
}

static int read_seconds(struct request *request, unsigned *out, struct error *err)
{
        const char *text = request_query(request, "seconds");
        uint64_t seconds = TICKET_SECONDS;

        if (text && (!http_number(text, &seconds) || seconds == 0 || seconds > TICKET_SECONDS_MAX))
                return error_set(err, &ERROR_BAD_INPUT, -EINVAL, "`seconds` is a number from 1 to %d",
                                 TICKET_SECONDS_MAX);
        *out = (unsigned)seconds;
        return 0;
}

/* What whoever hands the ticket on can hand on with it, so that the receiver believes nobody else. */
static int respond_ticket(struct request *request, const char *ticket, const struct checkpoint *checkpoint,
                          const struct chunk_list *list, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        _cleanup_buffer_ struct buffer text = {0};
        char chunks[7 + SHA256_HEX_SIZE] = "sha256:";
        yyjson_mut_val *root;
        struct sha256 digest;
        int ret = chunk_list_digest(list, &digest, err);

        if (ret < 0)
                return ret;
        if (!doc)
                return error_oom(err);
        sha256_hex(&digest, chunks + 7);
        root = yyjson_mut_obj(doc);
        yyjson_mut_doc_set_root(doc, root);
        yyjson_mut_obj_add_str(doc, root, "id", checkpoint->id);
        yyjson_mut_obj_add_str(doc, root, "ticket", ticket);
        yyjson_mut_obj_add_uint(doc, root, "size", checkpoint->size);
        yyjson_mut_obj_add_str(doc, root, "digest", checkpoint->digest);
        yyjson_mut_obj_add_str(doc, root, "chunks", chunks);
        ret = json_write(doc, false, &text, err);
        return ret < 0 ? ret
                       : request_respond_bytes(request, 201, "application/json", buffer_slice(&text), err);
}

static int ticket_post_end(struct request *request, struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        _cleanup_chunk_list_ struct chunk_list list = {0};
        char ticket[TICKET_SIZE];
        unsigned seconds = 0;
        int ret = read_seconds(request, &seconds, err);

        if (ret == 0)
                ret = get_chunks(request, &checkpoint, &list, err);
        if (ret == 0)
                ret = ticket_issue(request_transfer(request)->tickets, checkpoint->id, seconds, ticket, err);
        if (ret == 0)
                ret = respond_ticket(request, ticket, checkpoint, &list, err);
        explicit_bzero(ticket, sizeof(ticket));
        return ret;
}

const struct handler handle_ticket = {.end = ticket_post_end};

static int ticket_delete_end(struct request *request, struct error *err)
{
        const char *ticket = request_header(request, TICKET_HEADER);

        if (ticket)
                ticket_end(request_transfer(request)->tickets, ticket);
        return request_respond_status(request, 204, err);
}

const struct handler handle_ticket_end = {.end = ticket_delete_end};
