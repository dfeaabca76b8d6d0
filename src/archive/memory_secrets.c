/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/memory_secrets.h"

#include <errno.h>
#include "archive/secret.h"
#include "criu/pagemap.h"

#define WINDOW       (512 * KIB)
#define VARIABLE_MAX 128 /* bytes of the name of a variable */

/* Twice as many slots as secrets: a look-up ends soon. */
#define TABLE_SIZE 32768
_Static_assert(TABLE_SIZE > 2 * MEMORY_SECRETS_MAX, "the table must not fill up");

/* One place, as the threads note it. */
struct place {
        const char *kind;
        unsigned rank;
        int64_t start; /* from the data of the window */
        size_t size;
};

struct finding {
        const struct secret_finder *finder;
        struct memory_secrets *secrets;
        bool reveal;
        uint32_t *table; /* by digest: position in `secrets` + 1; 0: free */
};

/* What `note` needs of a look. */
struct noting {
        const struct memory_window *window;
        struct buffer *result;
};

static int note(void *argument, const struct secret *secret)
{
        const struct noting *noting = argument;
        const struct place place = {secret->kind, secret->rank,
                                    (int64_t)secret->start - (int64_t)noting->window->before, secret->size};

        return buffer_append(noting->result, &place, sizeof(place));
}

static int look(void *context, const struct memory_window *window, struct buffer *result, struct error *err)
{
        const struct finding *finding = context;
        const struct slice text = {window->data - window->before,
                                   window->before + window->size + window->after};
        struct noting noting = {window, result};
        int ret = secret_find(finding->finder, text, window->before, window->before + window->size, note,
                              &noting);

        return ret < 0 ? error_oom(err) : 0;
}

/* The variable of the environment whose value holds this place; NULL when there is none. */
static char *variable_of(const struct memory_window *window, const struct place *place)
{
        uint64_t address = window->address + (uint64_t)place->start;
        const uint8_t *end = window->data + place->start, *begin = end,
                      *limit = window->data - window->before;
        const struct criu_process *process = window->process;
        const uint8_t *equals;

        if (address <= process->environment_start || address >= process->environment_end)
                return NULL;
        while (begin > limit && begin[-1] != '\0' &&
               address - (uint64_t)(end - begin) > process->environment_start)
                begin--;
        equals = memchr(begin, '=', (size_t)(end - begin));
        if (!equals || equals == begin || equals - begin > VARIABLE_MAX)
                return NULL;
        return strndup((const char *)begin, (size_t)(equals - begin));
}

static const struct criu_mapping *mapping_of(const struct criu_process *process, uint64_t address)
{
        for (size_t i = 0; i < process->mapping_count; i++)
                if (address >= process->mappings[i].start && address < process->mappings[i].end)
                        return &process->mappings[i];
        return NULL;
}

/* Where the secret of this digest is in the table, or would be. */
static uint32_t *table_slot(const struct finding *finding, const struct sha256 *digest)
{
        size_t at = load_le32(digest->bytes) % TABLE_SIZE;

        while (finding->table[at] &&
               !sha256_equal(&finding->secrets->items[finding->table[at] - 1].digest, digest))
                at = (at + 1) % TABLE_SIZE;
        return &finding->table[at];
}

static int grow(struct memory_secrets *secrets, struct error *err)
{
        size_t capacity = secrets->capacity ? secrets->capacity * 2 : 64;
        struct memory_secret *items = reallocarray(secrets->items, capacity, sizeof(*items));

        if (!items)
                return error_oom(err);
        secrets->items = items;
        secrets->capacity = capacity;
        return 0;
}

static void put_place(struct memory_secret *secret, const struct memory_window *window,
                      const struct place *place, char *variable)
{
        secret->pid = window->process->pid;
        secret->address = window->address + (uint64_t)place->start;
        secret->variable = variable;
}

static int add(struct finding *finding, const struct memory_window *window, const struct place *place,
               const struct sha256 *digest, uint32_t *slot, struct error *err)
{
        struct memory_secrets *secrets = finding->secrets;
        struct memory_secret *secret;
        uint8_t *copy = NULL;
        int ret;

        if (secrets->count == MEMORY_SECRETS_MAX ||
            (finding->reveal && secrets->bytes + place->size > MEMORY_SECRETS_BYTES_MAX)) {
                secrets->omitted++;
                return 0;
        }
        if (secrets->count == secrets->capacity && (ret = grow(secrets, err)) < 0)
                return ret;
        if (finding->reveal) {
                copy = malloc(place->size + 1);
                if (!copy)
                        return error_oom(err);
                memcpy(copy, window->data + place->start, place->size);
                secrets->bytes += place->size;
        }
        secret = &secrets->items[secrets->count++];
        *secret = (struct memory_secret){
                .kind = place->kind, .rank = place->rank, .digest = *digest, .count = 1};
        secret->value = (struct slice){copy, copy ? place->size : 0};
        put_place(secret, window, place, variable_of(window, place));
        *slot = (uint32_t)secrets->count;
        return 0;
}

/* Seen again: what is known best, and the place that says most, is kept. */
static void see_again(struct memory_secret *secret, const struct memory_window *window,
                      const struct place *place)
{
        bool same_place = secret->pid == window->process->pid &&
                          secret->address == window->address + (uint64_t)place->start;

        secret->count += !same_place;
        if (place->rank < secret->rank) {
                secret->rank = place->rank;
                secret->kind = place->kind;
        }
        if (!secret->variable) {
                char *variable = variable_of(window, place);

                if (variable)
                        put_place(secret, window, place, variable);
        }
}

static int take(void *context, const struct memory_window *window, struct slice result, struct error *err)
{
        struct finding *finding = context;
        struct place place;
        int ret = 0;

        for (size_t i = 0; ret == 0 && i + sizeof(place) <= result.size; i += sizeof(place)) {
                struct sha256 digest;
                uint32_t *slot;

                memcpy(&place, result.data + i, sizeof(place));
                ret = sha256_of((struct slice){window->data + place.start, place.size}, &digest, err);
                if (ret < 0)
                        return ret;
                slot = table_slot(finding, &digest);
                if (*slot)
                        see_again(&finding->secrets->items[*slot - 1], window, &place);
                else
                        ret = add(finding, window, &place, &digest, slot, err);
        }
        return ret;
}

static int restart(void *context, struct error *err)
{
        struct finding *finding = context;

        memory_secrets_free(finding->secrets);
        memset(finding->table, 0, TABLE_SIZE * sizeof(*finding->table));
        return 0;
}

static int compare_pids(const void *a, const void *b)
{
        const struct criu_process *const *x = a, *const *y = b;
        pid_t first = (*x)->pid, second = (*y)->pid;

        return first < second ? -1 : first > second;
}

/* Their processes may only have been guessed when they were found: gives them those of the dump. */
static int bind_processes(struct memory_secrets *secrets, const struct criu_dump *dump, struct error *err)
{
        _cleanup_free_ const struct criu_process **by_pid =
                calloc(dump->process_count, sizeof(struct criu_process *));

        if (!by_pid)
                return error_oom(err);
        for (size_t i = 0; i < dump->process_count; i++)
                by_pid[i] = &dump->processes[i];
        qsort(by_pid, dump->process_count, sizeof(*by_pid), compare_pids);
        for (size_t i = 0; i < secrets->count; i++) {
                struct memory_secret *secret = &secrets->items[i];
                const struct criu_process key = {.pid = secret->pid}, *wanted = &key;
                const struct criu_process **found =
                        bsearch(&wanted, by_pid, dump->process_count, sizeof(*by_pid), compare_pids);

                if (!found)
                        return error_set(err, &ERROR_INTERNAL, -EIO, "process %d is not in the dump",
                                         (int)secret->pid);
                secret->process = *found;
                secret->mapping = mapping_of(secret->process, secret->address);
        }
        return 0;
}

static int compare(const void *a, const void *b)
{
        const struct memory_secret *x = a, *y = b;

        if (x->process != y->process)
                return x->process < y->process ? -1 : 1;
        if (!x->variable != !y->variable)
                return x->variable ? -1 : 1;
        return x->address < y->address ? -1 : x->address > y->address;
}

int memory_secrets_find(struct archive *archive, struct criu_dump **dump, bool reveal,
                        const struct progress *progress, struct memory_secrets *out, struct error *err)
{
        _cleanup_secret_finder_ struct secret_finder *finder = NULL;
        _cleanup_free_ uint32_t *table = calloc(TABLE_SIZE, sizeof(*table));
        struct finding finding = {.secrets = out, .reveal = reveal, .table = table};
        const struct memory_scan scan = {
                .size = WINDOW,
                .before = SECRET_BEFORE,
                .after = SECRET_AFTER,
                .look = look,
                .take = take,
                .restart = restart,
                .context = &finding,
                .progress = progress,
        };
        int ret = table ? secret_finder_new(&finder, err) : error_oom(err);

        if (ret < 0)
                return ret;
        finding.finder = finder;
        ret = memory_scan_run(archive, dump, &scan, &out->absent, err);
        if (ret < 0 || !out->count)
                return ret;
        ret = bind_processes(out, *dump, err);
        if (ret == 0)
                qsort(out->items, out->count, sizeof(*out->items), compare);
        return ret;
}

void memory_secrets_free(struct memory_secrets *secrets)
{
        for (size_t i = 0; i < secrets->count; i++) {
                struct memory_secret *secret = &secrets->items[i];
                uint8_t *value = (uint8_t *)(uintptr_t)secret->value.data;

                if (value)
                        explicit_bzero(value, secret->value.size);
                free(value);
                free(secret->variable);
        }
        free(secrets->items);
        *secrets = (struct memory_secrets){0};
}
