/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/recipients.h"

#include <errno.h>
#include "crypto/jwe.h"
#include "crypto/pkcs7.h"

#define RECIPIENTS_MAX 64

struct keys {
        struct key *keys[RECIPIENTS_MAX];
        size_t count;
};

struct layer_recipients {
        struct keys jwe, pkcs7;
};

static void keys_free(struct keys *keys)
{
        while (keys->count)
                key_free(keys->keys[--keys->count]);
}

void layer_recipients_free(struct layer_recipients *recipients)
{
        if (!recipients)
                return;
        keys_free(&recipients->jwe);
        keys_free(&recipients->pkcs7);
        free(recipients);
}

static int load(const char *text, struct layer_recipients *recipients, struct error *err)
{
        static const char jwe[] = "jwe:", pkcs7[] = "pkcs7:";
        struct keys *keys = text_starts_with(text, jwe) ? &recipients->jwe : &recipients->pkcs7;
        const char *path = strchr(text, ':');
        int ret;

        if (!text_starts_with(text, jwe) && !text_starts_with(text, pkcs7))
                return error_set(
                        err, &ERROR_USAGE, -EINVAL,
                        "`%s` is no recipient: write jwe:FILE (a public key) or pkcs7:FILE (a certificate)",
                        text);
        if (keys->count == RECIPIENTS_MAX)
                return error_set(err, &ERROR_USAGE, -EINVAL, "more than %d recipients", RECIPIENTS_MAX);
        ret = key_load_public(path + 1, &keys->keys[keys->count], err);
        keys->count += ret == 0;
        return ret;
}

int layer_recipients_load(const char *const *texts, size_t count, struct layer_recipients **out,
                          struct error *err)
{
        _cleanup_layer_recipients_ struct layer_recipients *recipients = NULL;

        *out = NULL;
        if (!count)
                return 0;
        recipients = calloc(1, sizeof(*recipients));
        if (!recipients)
                return error_oom(err);
        for (size_t i = 0; i < count; i++) {
                int ret = load(texts[i], recipients, err);

                if (ret < 0)
                        return ret;
        }
        *out = steal_ptr(recipients);
        return 0;
}

static const struct key *const *list(const struct keys *keys)
{
        return (const struct key *const *)keys->keys;
}

int layer_recipients_wrap(const struct layer_recipients *recipients, struct slice plain, struct buffer *jwe,
                          struct buffer *pkcs7, struct error *err)
{
        int ret = 0;

        if (recipients->jwe.count)
                ret = jwe_encrypt(list(&recipients->jwe), recipients->jwe.count, plain, jwe, err);
        if (ret == 0 && recipients->pkcs7.count)
                ret = pkcs7_encrypt(list(&recipients->pkcs7), recipients->pkcs7.count, plain, pkcs7, err);
        return ret;
}
