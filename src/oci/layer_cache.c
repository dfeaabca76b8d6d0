/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/layer_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include "base/file.h"
#include "base/json.h"
#include "oci/layout_index.h"

#define CACHE_LIMIT  (256 * KIB)
#define KEPT_SECONDS ((time_t)30 * 24 * 3600) /* without use */
#define VARIANTS_MAX 8
#define PLACES_MAX   16
/* Changes whenever the same archive would give other layers than before. */
#define PLAN_VERSION 2

struct layer_cache {
        char *directory, *path;
        yyjson_doc *doc; /* NULL: nothing is known */
};

static char *cache_directory(void)
{
        const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
        char *path = NULL;
        int n = -1;

        if (base && *base == '/')
                n = asprintf(&path, "%s/snap/layers", base);
        else if (geteuid() == 0)
                n = asprintf(&path, "/var/cache/snap/layers");
        else if (home && *home == '/')
                n = asprintf(&path, "%s/.cache/snap/layers", home);
        return n < 0 ? NULL : path;
}

static yyjson_doc *load(const char *path)
{
        _cleanup_buffer_ struct buffer text = {0};
        yyjson_doc *doc = NULL;

        if (file_read(AT_FDCWD, path, CACHE_LIMIT, &text, NULL) < 0 ||
            json_parse(buffer_slice(&text), path, &doc, NULL) < 0)
                return NULL;
        return doc;
}

struct layer_cache *layer_cache_open(const struct archive *archive)
{
        _cleanup_layer_cache_ struct layer_cache *cache = calloc(1, sizeof(*cache));
        _cleanup_buffer_ struct buffer identity = {0};
        char hex[SHA256_HEX_SIZE];
        struct sha256 name;

        if (!cache || !archive_identity(archive, &identity) ||
            sha256_of(buffer_slice(&identity), &name, NULL) < 0)
                return NULL;
        cache->directory = cache_directory();
        if (!cache->directory ||
            asprintf(&cache->path, "%s/%s", cache->directory, sha256_hex(&name, hex)) < 0) {
                cache->path = NULL;
                return NULL;
        }
        cache->doc = load(cache->path);
        return steal_ptr(cache);
}

void layer_cache_free(struct layer_cache *cache)
{
        if (!cache)
                return;
        free(cache->directory);
        free(cache->path);
        yyjson_doc_free(cache->doc);
        free(cache);
}

void layer_cache_name(bool common, enum compression compression, int level, char out[LAYER_VARIANT_SIZE])
{
        snprintf(out, LAYER_VARIANT_SIZE, "%d%s/%s-%d", PLAN_VERSION, common ? "-common" : "",
                 compression_name(compression), level);
}

static yyjson_val *list_of(const struct layer_cache *cache, const char *name)
{
        return yyjson_obj_get(yyjson_doc_get_root(cache->doc), name);
}

static bool parse_layer(yyjson_val *from, struct image_layer *out)
{
        enum compression compression = compression_from_name(json_text_or(from, "compression", ""));

        if (compression == COMPRESSION_INVALID || descriptor_parse(from, &out->blob, NULL) < 0 ||
            !sha256_parse(json_text_or(from, "diffId", ""), &out->diff_id))
                return false;
        out->compression = compression;
        return true;
}

void layer_cache_find(const struct layer_cache *cache, const char *variant,
                      struct image_layer layers[LAYERS_MAX], bool known[LAYERS_MAX])
{
        yyjson_val *entry;
        yyjson_arr_iter each;

        memset(known, 0, LAYERS_MAX * sizeof(*known));
        yyjson_arr_iter_init(list_of(cache, "variants"), &each);
        while ((entry = yyjson_arr_iter_next(&each))) {
                yyjson_val *list = yyjson_obj_get(entry, "layers");

                if (strcmp(json_text_or(entry, "name", ""), variant) != 0)
                        continue;
                for (size_t i = 0; i < LAYERS_MAX; i++)
                        known[i] = parse_layer(yyjson_arr_get(list, i), &layers[i]);
        }
}

const char *layer_cache_variant(const struct layer_cache *cache, size_t index)
{
        return json_text(yyjson_arr_get(list_of(cache, "variants"), index), "name");
}

const char *layer_cache_repository(const struct layer_cache *cache, const char *host, size_t index)
{
        yyjson_val *place;
        yyjson_arr_iter each;

        yyjson_arr_iter_init(list_of(cache, "places"), &each);
        while ((place = yyjson_arr_iter_next(&each)))
                if (strcmp(json_text_or(place, "host", ""), host) == 0 && index-- == 0)
                        return json_text(place, "repository");
        return NULL;
}

static yyjson_mut_val *layer_new(yyjson_mut_doc *doc, const struct image_layer *layer)
{
        yyjson_mut_val *object = descriptor_new(doc, "", &layer->blob);
        char hex[SHA256_HEX_SIZE];

        yyjson_mut_obj_add_strcpy(doc, object, "diffId", sha256_hex(&layer->diff_id, hex));
        yyjson_mut_obj_add_str(doc, object, "compression", compression_name(layer->compression));
        return object;
}

/* What is new (NULL: nothing) comes first; of what there was, as much as there is room for follows. */
static yyjson_mut_val *merge(yyjson_mut_doc *doc, yyjson_mut_val *first, yyjson_val *old, const char *key,
                             const char *second_key, size_t limit)
{
        yyjson_mut_val *list = yyjson_mut_arr(doc);
        yyjson_arr_iter each;
        yyjson_val *entry;

        if (first)
                yyjson_mut_arr_append(list, first);
        yyjson_arr_iter_init(old, &each);
        while ((entry = yyjson_arr_iter_next(&each)) && yyjson_mut_arr_size(list) < limit) {
                bool same = first && strcmp(json_text_or(entry, key, ""),
                                            yyjson_mut_get_str(yyjson_mut_obj_get(first, key))) == 0;

                if (same && second_key)
                        same = strcmp(json_text_or(entry, second_key, ""),
                                      yyjson_mut_get_str(yyjson_mut_obj_get(first, second_key))) == 0;
                if (!same)
                        yyjson_mut_arr_append(list, yyjson_val_mut_copy(doc, entry));
        }
        return list;
}

static yyjson_mut_doc *describe(const struct layer_cache *cache, const char *variant,
                                const struct image_layer *layers, const bool *known, const char *host,
                                const char *repository)
{
        yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root = yyjson_mut_obj(doc), *entry = yyjson_mut_obj(doc), *list = yyjson_mut_arr(doc);
        yyjson_mut_val *place = host ? yyjson_mut_obj(doc) : NULL;

        if (!doc)
                return NULL;
        yyjson_mut_doc_set_root(doc, root);
        yyjson_mut_obj_add_str(doc, entry, "name", variant);
        for (size_t i = 0; i < LAYERS_MAX; i++)
                yyjson_mut_arr_append(list, known[i] ? layer_new(doc, &layers[i]) : yyjson_mut_null(doc));
        yyjson_mut_obj_add_val(doc, entry, "layers", list);
        if (place) {
                yyjson_mut_obj_add_str(doc, place, "host", host);
                yyjson_mut_obj_add_str(doc, place, "repository", repository);
        }
        yyjson_mut_obj_add_val(doc, root, "variants",
                               merge(doc, entry, list_of(cache, "variants"), "name", NULL, VARIANTS_MAX));
        yyjson_mut_obj_add_val(doc, root, "places",
                               merge(doc, place, list_of(cache, "places"), "host", "repository", PLACES_MAX));
        return doc;
}

/* Whoever pushes also tidies up. */
static void forget_unused(const char *directory)
{
        DIR *dir = opendir(directory);
        struct dirent *entry;
        struct stat st;

        while (dir && (entry = readdir(dir)))
                if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                    S_ISREG(st.st_mode) && st.st_mtime < time(NULL) - KEPT_SECONDS)
                        unlinkat(dirfd(dir), entry->d_name, 0);
        if (dir)
                closedir(dir);
}

void layer_cache_store(struct layer_cache *cache, const char *variant,
                       const struct image_layer layers[LAYERS_MAX], const bool known[LAYERS_MAX],
                       const char *host, const char *repository)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = describe(cache, variant, layers, known, host, repository);
        _cleanup_file_writer_ struct file_writer *writer = NULL;
        _cleanup_buffer_ struct buffer text = {0};

        if (!doc || json_write(doc, false, &text, NULL) < 0 ||
            file_mkdir_all(cache->directory, 0700, NULL) < 0 ||
            file_writer_open(cache->path, true, &writer, NULL) < 0 ||
            file_write_full(file_writer_fd(writer), text.data, text.size) < 0)
                return;
        if (file_writer_commit(writer, NULL) == 0)
                forget_unused(cache->directory);
}
