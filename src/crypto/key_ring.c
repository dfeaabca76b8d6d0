/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/key_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include "base/file.h"

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

int passphrase_load(const char *path, struct secret_memory *out, struct error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        int ret;

        if (fd < 0)
                return error_errno(err, errno, "cannot open `%s`", path);
        ret = secret_memory_read(fd, path, PASSPHRASE_MAX, out, err);
        if (ret < 0)
                return ret;
        if (out->size && out->data[out->size - 1] == '\n')
                out->size--;
        if (out->size)
                return 0;
        secret_memory_free(out);
        return error_set(err, &ERROR_KEY_PASSPHRASE, -EACCES, "`%s` holds no passphrase", path);
}

/* A private key stands in PEM; what is not is a passphrase. What cannot be read is left to who opens it as a
 * key: its name may have a passphrase behind it. */
static bool is_passphrase(const char *path)
{
        static const char begin[] = "-----BEGIN ";
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        uint8_t head[4096];
        ssize_t n = fd < 0 ? -1 : file_pread_full(fd, head, sizeof(head), 0);
        bool is_one = n >= 0 && !memmem(head, (size_t)n, begin, strlen(begin));

        explicit_bzero(head, sizeof(head));
        return is_one;
}

static int load_one(const char *text, struct error *err)
{
        int ret;

        if (is_passphrase(text)) {
                ret = passphrase_load(text, &ring.passphrases[ring.passphrase_count], err);
                ring.passphrase_count += ret == 0;
        } else {
                ret = key_load_private(text, &ring.keys[ring.key_count], err);
                ring.key_count += ret == 0;
        }
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
