/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "base/file.h"
#include "net/range.h"
#include "oci/registry_server_private.h"

#define BLOB_TYPE "application/octet-stream"
/* Smaller blobs are read before they are served; larger ones while they are, where that can be. */
#define VERIFY_FIRST_SIZE (1 * MIB)

static int blob_digest(const struct request *request, struct sha256 *out, struct error *err)
{
        return digest_parse(request_parameter(request, "digest"), out, err);
}

static int set_digest(struct request *request, const struct sha256 *digest, struct error *err)
{
        char text[DIGEST_TEXT_SIZE];

        return request_set_header(request, err, "Docker-Content-Digest", "%s", digest_format(digest, text));
}

/* --- sending one that is not verified
 * ------------------------------------------------------------------------ */

struct verified_stream {
        struct registry_store *store;
        struct sha256 digest;
        struct store_blob blob;
        struct sha256_stream *hash;
};

static void verified_free(void *context)
{
        struct verified_stream *stream = context;

        sha256_free(stream->hash);
        close(stream->blob.fd);
        free(stream);
}

/* The last bytes are only handed out when all of them are right. */
static ssize_t verified_read(void *context, uint64_t offset, void *data, size_t size)
{
        struct verified_stream *stream = context;
        uint64_t rest = stream->blob.size - offset;
        ssize_t n = file_pread_full(stream->blob.fd, data, size < rest ? size : (size_t)rest, offset);
        struct sha256 actual;

        if (n <= 0 || sha256_update(stream->hash, data, (size_t)n) < 0)
                return -EIO;
        if ((uint64_t)n < rest)
                return n;
        if (sha256_finish(stream->hash, &actual) < 0)
                return -EIO;
        store_blob_found(stream->store, &stream->digest, &stream->blob, &actual);
        return sha256_equal(&actual, &stream->digest) ? n : -EBADMSG;
}

/* Takes the blob's descriptor. */
static int respond_verified(struct request *request, const struct sha256 *digest, const char *etag,
                            const struct store_blob *blob, struct error *err)
{
        struct verified_stream *stream = calloc(1, sizeof(*stream));
        struct response_source source = {verified_read, verified_free, stream};
        int ret = stream ? sha256_new(&stream->hash, err) : error_oom(err);

        if (ret == 0)
                ret = request_set_header(request, err, "ETag", "\"%s\"", etag);
        if (ret == 0)
                ret = request_set_header(request, err, "Accept-Ranges", "bytes");
        if (ret < 0) {
                close(blob->fd);
                if (stream)
                        sha256_free(stream->hash);
                free(stream);
                return ret;
        }
        stream->store = request_store(request);
        stream->digest = *digest;
        stream->blob = *blob;
        return request_respond_stream(request, 200, BLOB_TYPE, blob->size, &source, err);
}

/* --- sending one that is on its way here
 * --------------------------------------------------------------------- */

/* From an offset on. */
struct coming {
        struct response_source source;
        uint64_t offset;
};

static ssize_t coming_read(void *context, uint64_t offset, void *data, size_t size)
{
        const struct coming *coming = context;

        return coming->source.read(coming->source.context, coming->offset + offset, data, size);
}

static void coming_free(void *context)
{
        struct coming *coming = context;

        coming->source.free(coming->source.context);
        free(coming);
}

/* The whole, or what is asked for if that goes to the end, as who was broken off asks; of other parts, as may
 * be (RFC 9110, 14.2), the whole. Takes the source. */
static int respond_coming(struct request *request, const struct sha256 *digest, uint64_t size,
                          const struct response_source *source, struct error *err)
{
        struct coming *coming = malloc(sizeof(*coming));
        struct response_source from = {coming_read, coming_free, coming};
        bool is_rest;
        struct range range;
        int ret;

        if (!coming) {
                source->free(source->context);
                return error_oom(err);
        }
        is_rest = strcmp(request_method(request), "GET") == 0 &&
                  range_parse(request_header(request, "Range"), size, &range) == RANGE_PART &&
                  range.offset + range.size == size;
        *coming = (struct coming){*source, is_rest ? range.offset : 0};
        ret = set_digest(request, digest, err);
        if (ret == 0)
                ret = request_set_header(request, err, "Accept-Ranges", "bytes");
        if (ret == 0 && is_rest)
                ret = request_set_header(request, err, "Content-Range", "bytes %llu-%llu/%llu",
                                         (unsigned long long)range.offset, (unsigned long long)size - 1,
                                         (unsigned long long)size);
        if (ret < 0) {
                coming_free(coming);
                return ret;
        }
        return request_respond_stream(request, is_rest ? 206 : 200, BLOB_TYPE, size - coming->offset, &from,
                                      err);
}

/* --- blobs
 * ------------------------------------------------------------------------------------------------------ */

/* Takes the blob's descriptor. */
static int respond_blob(struct request *request, const struct sha256 *digest, const struct store_blob *blob,
                        struct error *err)
{
        bool is_head = strcmp(request_method(request), "HEAD") == 0;
        char etag[DIGEST_TEXT_SIZE];
        int ret = 0;

        digest_format(digest, etag);
        if (!is_head && !blob->verified) {
                if (blob->size > VERIFY_FIRST_SIZE && request_wants_whole(request, etag, blob->size))
                        return respond_verified(request, digest, etag, blob, err);
                ret = store_blob_verify(request_store(request), digest, blob, err);
        }
        if (ret < 0) {
                close(blob->fd);
                return ret;
        }
        return request_respond_file(request, BLOB_TYPE, etag, blob->fd, blob->size, err);
}

/* The repository does not have it, as `err` says. 0: it has it now. 1: it is being answered. */
static int get_from_elsewhere(struct request *request, const struct sha256 *digest, struct error *err)
{
        const struct registry_origin *origin = request_origin(request);
        struct response_source source;
        struct error why = {0};
        uint64_t size;
        int ret = origin->blob(origin->context, request_repository(request), digest, &size, &source, &why);

        if (ret == -ENOENT && !why.kind)
                return ret;
        *err = why;
        if (ret <= 0)
                return ret;
        ret = respond_coming(request, digest, size, &source, err);
        return ret < 0 ? ret : 1;
}

static int blob_get(struct request *request, struct error *err)
{
        const char *repository = request_repository(request);
        struct store_blob blob;
        struct sha256 digest;
        int ret = blob_digest(request, &digest, err);

        if (ret < 0)
                return ret;
        ret = store_blob_open(request_store(request), repository, &digest, &blob, err);
        if (ret == -ENOENT && request_origin(request)->blob) {
                ret = get_from_elsewhere(request, &digest, err);
                if (ret == 1)
                        return 0;
                if (ret == 0)
                        ret = store_blob_open(request_store(request), repository, &digest, &blob, err);
        }
        if (ret < 0)
                return ret;
        ret = set_digest(request, &digest, err);
        if (ret < 0) {
                close(blob.fd);
                return ret;
        }
        return respond_blob(request, &digest, &blob, err);
}

static int blob_delete(struct request *request, struct error *err)
{
        struct sha256 digest;
        int ret = blob_digest(request, &digest, err);

        if (ret == 0)
                ret = store_blob_delete(request_store(request), request_repository(request), &digest, err);
        if (ret == 0)
                ret = set_digest(request, &digest, err);
        return ret < 0 ? ret : request_respond_status(request, 202, err);
}

const struct handler handle_blob_get = {.end = blob_get}, handle_blob_delete = {.end = blob_delete};

/* --- uploads: what PATCH, PUT and the POST of a whole blob keep
 * --------------------------------------------- */

struct upload_state {
        struct store_upload *upload;
        uint64_t expected; /* bytes of the body by Content-Range; UINT64_MAX: it does not say */
        uint64_t received;
        struct sha256 digest; /* PUT and POST: that it must have */
        bool is_whole;        /* POST: nobody else knows of it */
        bool is_committed;
};

static void upload_state_free(void *context)
{
        struct upload_state *state = context;

        if (state->upload && state->is_whole && !state->is_committed)
                (void)store_upload_delete(state->upload, NULL);
        store_upload_close(state->upload);
        free(state);
}

static struct upload_state *upload_state_new(struct request *request, struct error *err)
{
        struct upload_state *state = calloc(1, sizeof(*state));

        if (!state) {
                error_oom(err);
                return NULL;
        }
        state->expected = UINT64_MAX;
        request_set_state(request, state);
        return state;
}

/* Location, how far it is, and its name. "0-0" is what the specification has for nothing. */
static int describe_upload(struct request *request, const char *id, uint64_t size, struct error *err)
{
        int ret = request_set_header(request, err, "Location", "/v2/%s/blobs/uploads/%s",
                                     request_repository(request), id);

        if (ret == 0)
                ret = request_set_header(request, err, "Range", "0-%llu",
                                         (unsigned long long)(size ? size - 1 : 0));
        return ret < 0 ? ret : request_set_header(request, err, "Docker-Upload-UUID", "%s", id);
}

/* The part must begin where the last one ended. */
static int check_content_range(struct request *request, struct upload_state *state, struct error *err)
{
        const char *header = request_header(request, "Content-Range");
        uint64_t size = store_upload_size(state->upload);
        struct range range;

        if (!header)
                return 0;
        if (!content_range_parse(header, &range))
                return error_set(err, &ERROR_STORE_UPLOAD_INVALID, -EINVAL,
                                 "the Content-Range `%.100s` is malformed", header);
        if (range.offset != size) {
                (void)describe_upload(request, request_parameter(request, "id"), size, NULL);
                return error_set(err, &ERROR_STORE_UPLOAD_RANGE, -ERANGE,
                                 "the part begins at %llu, but the upload has %llu bytes",
                                 (unsigned long long)range.offset, (unsigned long long)size);
        }
        if (request_body_size(request) != UINT64_MAX && request_body_size(request) != range.size)
                return error_set(err, &ERROR_STORE_UPLOAD_INVALID, -EINVAL,
                                 "the body has %llu bytes, but the Content-Range says %llu",
                                 (unsigned long long)request_body_size(request),
                                 (unsigned long long)range.size);
        state->expected = range.size;
        return 0;
}

static int check_space(const struct request *request, const struct upload_state *state, struct error *err)
{
        uint64_t size = request_body_size(request);

        return size == UINT64_MAX ? 0 : store_upload_expect(state->upload, size, err);
}

static int upload_begin(struct request *request, struct error *err)
{
        struct upload_state *state = upload_state_new(request, err);
        int ret = state ? store_upload_open(request_store(request), request_repository(request),
                                            request_parameter(request, "id"), &state->upload, err)
                        : -ENOMEM;

        if (ret == 0)
                ret = check_content_range(request, state, err);
        return ret < 0 ? ret : check_space(request, state, err);
}

static int upload_body(struct request *request, struct slice bytes, struct error *err)
{
        struct upload_state *state = request_state(request);

        state->received += bytes.size;
        if (state->received > state->expected)
                return error_set(err, &ERROR_STORE_UPLOAD_INVALID, -EMSGSIZE,
                                 "the body is longer than the Content-Range says");
        return store_upload_append(state->upload, bytes, err);
}

static int check_received(const struct upload_state *state, struct error *err)
{
        if (state->expected == UINT64_MAX || state->received == state->expected)
                return 0;
        return error_set(err, &ERROR_STORE_UPLOAD_INVALID, -EMSGSIZE,
                         "the body is shorter than the Content-Range says");
}

static int patch_end(struct request *request, struct error *err)
{
        struct upload_state *state = request_state(request);
        int ret = check_received(state, err);

        if (ret == 0)
                ret = describe_upload(request, request_parameter(request, "id"),
                                      store_upload_size(state->upload), err);
        return ret < 0 ? ret : request_respond_status(request, 202, err);
}

const struct handler handle_upload_patch = {upload_begin, upload_body, patch_end, upload_state_free};

/* --- the end of an upload
 * ------------------------------------------------------------------------------------ */

static int respond_created(struct request *request, const struct sha256 *digest, struct error *err)
{
        char text[DIGEST_TEXT_SIZE];
        int ret = request_set_header(request, err, "Location", "/v2/%s/blobs/%s", request_repository(request),
                                     digest_format(digest, text));

        if (ret == 0)
                ret = set_digest(request, digest, err);
        return ret < 0 ? ret : request_respond_status(request, 201, err);
}

static int put_begin(struct request *request, struct error *err)
{
        const char *digest = request_query(request, "digest");
        int ret = upload_begin(request, err);
        struct upload_state *state = request_state(request);

        if (ret < 0)
                return ret;
        if (!digest)
                return error_set(err, &ERROR_STORE_DIGEST, -EINVAL,
                                 "the digest of the blob is missing: ?digest=…");
        return digest_parse(digest, &state->digest, err);
}

static int put_end(struct request *request, struct error *err)
{
        struct upload_state *state = request_state(request);
        int ret = check_received(state, err);

        if (ret == 0)
                ret = store_upload_commit(state->upload, &state->digest, err);
        if (ret < 0)
                return ret;
        state->is_committed = true;
        return respond_created(request, &state->digest, err);
}

const struct handler handle_upload_put = {put_begin, upload_body, put_end, upload_state_free};

/* --- the beginning of an upload
 * ------------------------------------------------------------------------------- */

/* From the repository that the client names, if it may pull there, or else from any such. */
static bool mount(struct request *request, const struct sha256 *digest)
{
        _cleanup_store_list_ struct store_list all = {0};
        struct registry_store *store = request_store(request);
        const char *from = request_query(request, "from"), *name = request_repository(request);
        bool done = false;

        if (from)
                return request_allows(request, REGISTRY_PULL, from) &&
                       store_blob_mount(store, name, from, digest);
        if (store_repositories(store, &all, NULL) < 0)
                return false;
        for (size_t i = 0; i < all.count && !done; i++)
                done = request_allows(request, REGISTRY_PULL, all.items[i]) &&
                       store_blob_mount(store, name, all.items[i], digest);
        return done;
}

/* POST with a digest: the body is the whole blob. */
static int begin_whole(struct request *request, const char *digest, struct error *err)
{
        struct upload_state *state = upload_state_new(request, err);
        struct registry_store *store = request_store(request);
        char id[UNIQUE_ID_SIZE];
        int ret = state ? digest_parse(digest, &state->digest, err) : -ENOMEM;

        if (ret == 0)
                ret = store_upload_begin(store, request_repository(request), id, err);
        if (ret < 0)
                return ret;
        state->is_whole = true;
        ret = store_upload_open(store, request_repository(request), id, &state->upload, err);
        return ret < 0 ? ret : check_space(request, state, err);
}

static int post_begin(struct request *request, struct error *err)
{
        const char *from_elsewhere = request_query(request, "mount"),
                   *digest = request_query(request, "digest");
        char id[UNIQUE_ID_SIZE];
        struct sha256 wanted;
        int ret = 0;

        if (from_elsewhere)
                ret = digest_parse(from_elsewhere, &wanted, err);
        if (ret < 0)
                return ret;
        if (from_elsewhere && mount(request, &wanted))
                return respond_created(request, &wanted, err);
        if (digest)
                return begin_whole(request, digest, err);
        ret = store_upload_begin(request_store(request), request_repository(request), id, err);
        if (ret == 0)
                ret = describe_upload(request, id, 0, err);
        return ret < 0 ? ret : request_respond_status(request, 202, err);
}

const struct handler handle_upload_post = {post_begin, upload_body, put_end, upload_state_free};

/* --- the state of an upload, and its end in vain
 * --------------------------------------------------------------- */

static int get_end(struct request *request, struct error *err)
{
        struct upload_state *state = request_state(request);
        int ret = describe_upload(request, request_parameter(request, "id"), store_upload_size(state->upload),
                                  err);

        return ret < 0 ? ret : request_respond_status(request, 204, err);
}

static int delete_end(struct request *request, struct error *err)
{
        struct upload_state *state = request_state(request);
        int ret = store_upload_delete(state->upload, err);

        return ret < 0 ? ret : request_respond_status(request, 204, err);
}

const struct handler handle_upload_get = {upload_begin, NULL, get_end, upload_state_free},
                     handle_upload_delete = {upload_begin, NULL, delete_end, upload_state_free};
