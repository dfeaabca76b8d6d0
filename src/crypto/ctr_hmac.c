/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/ctr_hmac.h"

#include <errno.h>
#include "base/secret_memory.h"

struct ctr_hmac {
        struct ctr *ctr;
        struct hmac *hmac;
        uint64_t position;
        uint8_t expected[HMAC_SIZE];
};

int ctr_hmac_new(const struct ctr_hmac_key *key, struct ctr_hmac **out, struct error *err)
{
        _cleanup_ctr_hmac_ struct ctr_hmac *stream = calloc(1, sizeof(*stream));
        int ret;

        if (!stream)
                return error_oom(err);
        memcpy(stream->expected, key->mac, HMAC_SIZE);
        ret = ctr_new(key->key, key->nonce, &stream->ctr, err);
        if (ret == 0)
                ret = hmac_new((struct slice){key->key, AES256_KEY_SIZE}, &stream->hmac, err);
        if (ret == 0)
                *out = steal_ptr(stream);
        return ret;
}

void ctr_hmac_free(struct ctr_hmac *stream)
{
        if (!stream)
                return;
        ctr_free(stream->ctr);
        hmac_free(stream->hmac);
        free(stream);
}

int ctr_hmac_encrypt(struct ctr_hmac *stream, void *data, size_t size)
{
        int ret = ctr_apply(stream->ctr, stream->position, data, size);

        stream->position += size;
        return ret < 0 ? ret : hmac_update(stream->hmac, data, size);
}

int ctr_hmac_decrypt(struct ctr_hmac *stream, void *data, size_t size)
{
        int ret = hmac_update(stream->hmac, data, size);

        if (ret == 0)
                ret = ctr_apply(stream->ctr, stream->position, data, size);
        stream->position += size;
        return ret;
}

int ctr_hmac_finish(struct ctr_hmac *stream, uint8_t mac[HMAC_SIZE])
{
        return hmac_finish(stream->hmac, mac);
}

int ctr_hmac_verify(struct ctr_hmac *stream)
{
        uint8_t mac[HMAC_SIZE];
        int ret = hmac_finish(stream->hmac, mac);

        return ret < 0 ? ret : secret_equal(mac, stream->expected, sizeof(mac)) ? 0 : -EBADMSG;
}

int ctr_hmac_decrypt_at(struct ctr_hmac *stream, uint64_t offset, void *data, size_t size)
{
        return ctr_apply(stream->ctr, offset, data, size);
}
