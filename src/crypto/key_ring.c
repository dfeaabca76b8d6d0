/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/key_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#define PASSPHRASE_MAX 1024

static const char variable[] = "SNAP_DECRYPTION_KEY";

static struct {
        pthread_mutex_t lock;
        const char *texts[KEY_RING_MAX];
        size_t text_count;
        bool loaded;
        struct key *keys[KEY_RING_MAX];
        size_t key_count;
        struct secret_memory passphrases[KEY_RING_MAX];
        size_t passphrase_count;
} ring = {.lock = PTHREAD_MUTEX_INITIALIZER};

int key_ring_add(const char *text, struct error *err)
{
        if (ring.text_count == KEY_RING_MAX)
                return error_set(err, &ERROR_USAGE, -EINVAL, "more than %d keys to decrypt with",
                                 KEY_RING_MAX);
        ring.texts[ring.text_count++] = text;
        ring.loaded = false;
        return 0;
}

/* What is no PEM file is a passphrase: its first bytes up to a line end. */
static int load_passphrase(const char *path, struct secret_memory *out, bool *is_one, struct error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        int ret;

        *is_one = false;
        if (fd < 0)
                return 0; /* may have a colon in it: not a file by itself */
        ret = secret_memory_read(fd, path, KEY_FILE_MAX, out, err);
        if (ret < 0)
                return ret;
        if (memmem(out->data, out->size, "-----BEGIN ", strlen("-----BEGIN ")) ||
            out->size > PASSPHRASE_MAX) {
                secret_memory_free(out);
                return 0;
        }
        if (out->size && out->data[out->size - 1] == '\n')
                out->size--;
        *is_one = true;
        return 0;
}

static int load_one(const char *text, struct error *err)
{
        bool is_passphrase;
        int ret = load_passphrase(text, &ring.passphrases[ring.passphrase_count], &is_passphrase, err);

        if (ret == 0 && is_passphrase)
                ring.passphrase_count++;
        else if (ret == 0 && (ret = key_load_private(text, &ring.keys[ring.key_count], err)) == 0)
                ring.key_count++;
        return ret;
}

static void forget(void)
{
        while (ring.key_count)
                key_free(ring.keys[--ring.key_count]);
        while (ring.passphrase_count)
                secret_memory_free(&ring.passphrases[--ring.passphrase_count]);
        ring.loaded = false;
}

/* With the lock held. */
static int load(const char *what, struct error *err)
{
        const char *fallback = getenv(variable);
        int ret = 0;

        if (ring.loaded)
                return 0;
        if (!ring.text_count && !(fallback && *fallback))
                return error_set(err, &ERROR_KEY_NONE, -EACCES, "`%s` is encrypted, and no key was given",
                                 what);
        forget();
        if (!ring.text_count)
                ret = load_one(fallback, err);
        for (size_t i = 0; i < ring.text_count && ret == 0; i++)
                ret = load_one(ring.texts[i], err);
        ring.loaded = ret == 0;
        if (ret < 0)
                forget();
        return ret;
}

int key_ring_keys(const char *what, const struct key *const **keys, size_t *count, struct error *err)
{
        int ret;

        pthread_mutex_lock(&ring.lock);
        ret = load(what, err);
        *keys = (const struct key *const *)ring.keys;
        *count = ring.key_count;
        pthread_mutex_unlock(&ring.lock);
        return ret;
}

int key_ring_passphrases(const char *what, const struct secret_memory **passphrases, size_t *count,
                         struct error *err)
{
        int ret;

        pthread_mutex_lock(&ring.lock);
        ret = load(what, err);
        *passphrases = ring.passphrases;
        *count = ring.passphrase_count;
        pthread_mutex_unlock(&ring.lock);
        return ret;
}

void key_ring_clear(void)
{
        pthread_mutex_lock(&ring.lock);
        forget();
        ring.text_count = 0;
        pthread_mutex_unlock(&ring.lock);
}
