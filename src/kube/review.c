/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/review.h"

#include <errno.h>
#include <pthread.h>
#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "net/errors.h"

#define TOKEN_PATH  "/apis/authentication.k8s.io/v1/tokenreviews"
#define ACCESS_PATH "/apis/authorization.k8s.io/v1/subjectaccessreviews"

/* Answers that are remembered; the one that ends first makes room. */
#define ENTRIES 256

struct entry {
        struct sha256 question;
        uint64_t until_us; /* 0: free */
        bool yes;
        struct principal who; /* of a token */
};

struct reviewer {
        struct kube *kube;
        pthread_mutex_t lock; /* of `entries` */
        struct entry entries[ENTRIES];
};

int reviewer_new(struct kube *kube, struct reviewer **out, struct error *err)
{
        struct reviewer *reviewer = calloc(1, sizeof(*reviewer));

        if (!reviewer)
                return error_oom(err);
        pthread_mutex_init(&reviewer->lock, NULL);
        reviewer->kube = kube;
        *out = reviewer;
        return 0;
}

void reviewer_free(struct reviewer *reviewer)
{
        if (!reviewer)
                return;
        pthread_mutex_destroy(&reviewer->lock);
        free(reviewer);
}

/* --- what is remembered -----------------------------------------------------------------------------------
 */

static bool recall(struct reviewer *reviewer, const struct sha256 *question, bool *yes, struct principal *who)
{
        uint64_t now = clock_monotonic_us();
        bool found = false;

        pthread_mutex_lock(&reviewer->lock);
        for (size_t i = 0; i < ENTRIES && !found; i++) {
                const struct entry *entry = &reviewer->entries[i];

                if (entry->until_us <= now || !sha256_equal(&entry->question, question))
                        continue;
                found = true;
                *yes = entry->yes;
                if (who)
                        *who = entry->who;
        }
        pthread_mutex_unlock(&reviewer->lock);
        return found;
}

static void remember(struct reviewer *reviewer, const struct sha256 *question, bool yes,
                     const struct principal *who)
{
        uint64_t seconds = yes ? REVIEW_YES_SECONDS : REVIEW_NO_SECONDS;
        struct entry *oldest = reviewer->entries;

        pthread_mutex_lock(&reviewer->lock);
        for (size_t i = 1; i < ENTRIES; i++)
                if (reviewer->entries[i].until_us < oldest->until_us)
                        oldest = &reviewer->entries[i];
        *oldest = (struct entry){
                .question = *question, .until_us = clock_monotonic_us() + seconds * 1000000, .yes = yes};
        if (who)
                oldest->who = *who;
        pthread_mutex_unlock(&reviewer->lock);
}

/* --- asking -----------------------------------------------------------------------------------------------
 */

/* {"apiVersion":"GROUP/v1","kind":KIND,"spec":{}}; returns spec. NULL: out of memory. */
static yyjson_mut_val *review_new(yyjson_mut_doc *doc, const char *version, const char *kind)
{
        yyjson_mut_val *root = yyjson_mut_obj(doc);

        yyjson_mut_doc_set_root(doc, root);
        yyjson_mut_obj_add_str(doc, root, "apiVersion", version);
        yyjson_mut_obj_add_str(doc, root, "kind", kind);
        return yyjson_mut_obj_add_obj(doc, root, "spec");
}

/* Takes the text of the question, which may have a secret in it. */
static int post(struct reviewer *reviewer, const char *path, yyjson_mut_doc *doc, struct buffer *answer,
                struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        int ret = json_write(doc, false, &text, err);

        if (ret == 0)
                ret = kube_post(reviewer->kube, path, buffer_slice(&text), answer, err);
        if (text.data)
                explicit_bzero(text.data, text.size);
        return ret;
}

static int ask_token(struct reviewer *reviewer, const char *token, bool *yes, struct principal *who,
                     struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        _cleanup_buffer_ struct buffer answer = {0};
        yyjson_mut_val *spec = doc ? review_new(doc, "authentication.k8s.io/v1", "TokenReview") : NULL;
        int ret;

        if (!spec || !yyjson_mut_obj_add_str(doc, spec, "token", token))
                return error_oom(err);
        ret = post(reviewer, TOKEN_PATH, doc, &answer, err);
        return ret < 0 ? ret : review_read_token(buffer_slice(&answer), yes, who, err);
}

int reviewer_authenticate(struct reviewer *reviewer, const char *token, struct principal *out,
                          struct error *err)
{
        struct principal who = {0};
        struct sha256 question;
        bool yes = false;
        int ret = sha256_of(SLICE_TEXT(token), &question, err);

        if (ret < 0)
                return ret;
        if (!recall(reviewer, &question, &yes, &who)) {
                ret = ask_token(reviewer, token, &yes, &who, err);
                if (ret < 0)
                        return ret;
                remember(reviewer, &question, yes, &who);
        }
        if (!yes)
                return error_set(err, &ERROR_HTTP_UNAUTHENTICATED, -EACCES,
                                 "the cluster does not know this token");
        memcpy(out->name, who.name, sizeof(out->name));
        memcpy(out->groups, who.groups, sizeof(out->groups));
        out->group_count = who.group_count;
        return 0;
}

static yyjson_mut_doc *access_review(const struct principal *who, const struct access_wish *wish)
{
        yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *spec = doc ? review_new(doc, "authorization.k8s.io/v1", "SubjectAccessReview") : NULL,
                       *groups, *resource;

        if (!spec)
                return doc;
        yyjson_mut_obj_add_str(doc, spec, "user", who->name);
        groups = yyjson_mut_obj_add_arr(doc, spec, "groups");
        for (size_t i = 0; i < who->group_count; i++)
                yyjson_mut_arr_add_str(doc, groups, who->groups[i]);
        resource = yyjson_mut_obj_add_obj(doc, spec, "resourceAttributes");
        yyjson_mut_obj_add_str(doc, resource, "verb", wish->verb);
        yyjson_mut_obj_add_str(doc, resource, "version", "v1");
        yyjson_mut_obj_add_str(doc, resource, "resource", "nodes");
        yyjson_mut_obj_add_str(doc, resource, "subresource", wish->subresource);
        yyjson_mut_obj_add_str(doc, resource, "name", wish->node);
        return doc;
}

int reviewer_authorise(struct reviewer *reviewer, const struct principal *who, const struct access_wish *wish,
                       bool *allowed, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = access_review(who, wish);
        _cleanup_buffer_ struct buffer text = {0}, answer = {0};
        struct sha256 question;
        int ret = doc && yyjson_mut_doc_get_root(doc) ? json_write(doc, false, &text, err) : error_oom(err);

        if (ret == 0)
                ret = sha256_of(buffer_slice(&text), &question, err);
        if (ret < 0 || recall(reviewer, &question, allowed, NULL))
                return ret;
        ret = kube_post(reviewer->kube, ACCESS_PATH, buffer_slice(&text), &answer, err);
        if (ret == 0)
                ret = review_read_access(buffer_slice(&answer), allowed, err);
        if (ret == 0)
                remember(reviewer, &question, *allowed, NULL);
        return ret;
}

/* --- answers ----------------------------------------------------------------------------------------------
 */

/* The status of a review of that kind. */
static int read_status(struct slice answer, const char *kind, yyjson_doc **doc, yyjson_val **status,
                       struct error *err)
{
        yyjson_val *root;
        int ret = json_parse(answer, "answer of the API server", doc, err);

        if (ret < 0)
                return error_set(err, &ERROR_KUBE_ANSWER, -EPROTO, "the API server's %s is not JSON", kind);
        root = yyjson_doc_get_root(*doc);
        *status = yyjson_obj_get(root, "status");
        if (strcmp(json_text_or(root, "kind", ""), kind) != 0 || !yyjson_is_obj(*status))
                return error_set(err, &ERROR_KUBE_ANSWER, -EPROTO,
                                 "what the API server answers is not a %s with a status", kind);
        return 0;
}

/* One that is too long is none: a part of it could be somebody else's. */
static bool copy_name(char *out, size_t size, const char *name)
{
        if (!name || !*name || strlen(name) >= size)
                return false;
        strcpy(out, name);
        return true;
}

static void read_groups(yyjson_val *list, struct principal *out)
{
        size_t index, count;
        yyjson_val *each;

        yyjson_arr_foreach (list, index, count, each) {
                if (out->group_count < ARRAY_SIZE(out->groups) &&
                    copy_name(out->groups[out->group_count], sizeof(out->groups[0]), yyjson_get_str(each)))
                        out->group_count++;
        }
}

int review_read_token(struct slice answer, bool *is_known, struct principal *out, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *status, *user;
        int ret = read_status(answer, "TokenReview", &doc, &status, err);

        *is_known = false;
        if (ret < 0 || !json_bool_or(status, "authenticated", false))
                return ret;
        user = yyjson_obj_get(status, "user");
        if (!copy_name(out->name, sizeof(out->name), json_text(user, "username")))
                return error_set(err, &ERROR_KUBE_ANSWER, -EPROTO,
                                 "the API server names no user, or one whose name is too long");
        read_groups(yyjson_obj_get(user, "groups"), out);
        *is_known = true;
        return 0;
}

int review_read_access(struct slice answer, bool *allowed, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *status;
        int ret = read_status(answer, "SubjectAccessReview", &doc, &status, err);

        *allowed = false;
        if (ret == 0)
                *allowed = json_bool_or(status, "allowed", false) && !json_bool_or(status, "denied", false);
        return ret;
}
