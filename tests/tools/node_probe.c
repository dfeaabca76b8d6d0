/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node engine by hand, for tests/e2e/node.bats:
 *
 *     node_probe [-d DIRECTORY] [-s STATE] [-p PARALLEL] [-q QUEUE] [-r RESERVE] [COMMAND...]
 *
 * opens the node, does the commands one after another, and prints what comes of each, a line of JSON each:
 *
 *     submit KIND BODY   begins an operation: {"id"}
 *     wait               waits until all that were begun have ended: the operations
 *     run KIND BODY      the two together
 *     cancel             cancels the one that was begun last
 *     list               the checkpoints
 *     operations         the operations
 *     pin ID, unpin ID, delete ID
 *     settle             waits until no operation is under way, and there was none for a second
 *     metrics            Prometheus text
 *     figures            {"rss", "heap", "fds", "threads"} of this process; heap is not freed yet
 *     sleep SECONDS
 *
 * Ends with 1 when a command or an operation fails.
 */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include "node/node.h"

#define IDS_MOST  4096
#define SETTLE_MS 1000

struct probe {
        struct node *node;
        char ids[IDS_MOST][UNIQUE_ID_SIZE];
        size_t count;
        bool failed;
};

static void print_json(yyjson_mut_doc *doc, yyjson_mut_val *value)
{
        _cleanup_buffer_ struct buffer text = {0};

        yyjson_mut_doc_set_root(doc, value);
        if (json_write(doc, false, &text, NULL) == 0)
                printf("%s\n", buffer_text(&text));
        fflush(stdout);
        yyjson_mut_doc_free(doc);
}

static void print_text(const char *name, const char *text)
{
        yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *object = yyjson_mut_obj(doc);

        yyjson_mut_obj_add_strcpy(doc, object, name, text);
        print_json(doc, object);
}

static int submit(struct probe *probe, char **arguments, struct error *err)
{
        const struct node_request request = {
                .kind = arguments[0], .requester = "probe", .body = SLICE_TEXT(arguments[1])};
        int r = probe->count == IDS_MOST ? -ENOSPC
                                         : node_submit(probe->node, &request, probe->ids[probe->count], err);

        if (r == 0)
                print_text("id", probe->ids[probe->count++]);
        return r;
}

static int wait_all(struct probe *probe, char **arguments, struct error *err)
{
        for (size_t i = 0; i < probe->count; i++) {
                _cleanup_operation_ struct operation *operation = NULL;
                yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
                int r = node_wait(probe->node, probe->ids[i], &operation, err);

                if (r < 0)
                        return r;
                probe->failed |= operation->phase != PHASE_DONE;
                print_json(doc, operation_json(operation, doc));
        }
        probe->count = 0;
        return 0;
}

static int run(struct probe *probe, char **arguments, struct error *err)
{
        int r = submit(probe, arguments, err);

        return r < 0 ? r : wait_all(probe, NULL, err);
}

static int cancel(struct probe *probe, char **arguments, struct error *err)
{
        return node_cancel(probe->node, probe->ids[probe->count - 1], err);
}

static int list(struct probe *probe, char **arguments, struct error *err)
{
        const struct checkpoint_filter all = {0};
        _cleanup_checkpoint_list_ struct checkpoint_list list = {0};
        int r = catalog_list_checkpoints(node_catalog(probe->node), &all, &list, err);

        for (size_t i = 0; i < list.count; i++) {
                yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

                print_json(doc, checkpoint_json(list.items[i], doc));
        }
        return r;
}

static int operations(struct probe *probe, char **arguments, struct error *err)
{
        _cleanup_operation_list_ struct operation_list list = {0};
        int r = catalog_list_operations(node_catalog(probe->node), false, 0, &list, err);

        for (size_t i = 0; i < list.count; i++) {
                yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

                print_json(doc, operation_json(list.items[i], doc));
        }
        return r;
}

static int pin(struct probe *probe, char **arguments, struct error *err)
{
        return node_pin_checkpoint(probe->node, arguments[0], true, err);
}

static int unpin(struct probe *probe, char **arguments, struct error *err)
{
        return node_pin_checkpoint(probe->node, arguments[0], false, err);
}

static int delete(struct probe *probe, char **arguments, struct error *err)
{
        return node_delete_checkpoint(probe->node, arguments[0], err);
}

static int settle(struct probe *probe, char **arguments, struct error *err)
{
        uint64_t version = 0;
        int r = 0;

        for (bool any = true; any && r == 0;) {
                _cleanup_operation_ struct operation *operation = NULL;
                _cleanup_operation_list_ struct operation_list left = {0};

                r = node_watch(probe->node, NULL, &version, SETTLE_MS, &operation, err);
                if (r == 0 && !operation)
                        r = catalog_list_operations(node_catalog(probe->node), true, 1, &left, err);
                any = operation || left.count;
        }
        return r;
}

static int metrics(struct probe *probe, char **arguments, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        int r = node_metrics(probe->node, &text, err);

        printf("%s", buffer_text(&text));
        return r;
}

static unsigned entries(const char *path)
{
        _cleanup_closedir_ DIR *dir = opendir(path);
        unsigned count = 0;

        while (dir && readdir(dir))
                count++;
        return count - 2;
}

static int figures(struct probe *probe, char **arguments, struct error *err)
{
        _cleanup_fclose_ FILE *file = fopen("/proc/self/statm", "re");
        const struct mallinfo2 heap = mallinfo2();
        unsigned long pages = 0;

        if (!file || fscanf(file, "%*u %lu", &pages) != 1)
                return -EIO;
        printf("{\"rss\":%lu,\"heap\":%zu,\"fds\":%u,\"threads\":%u}\n",
               pages * (unsigned long)sysconf(_SC_PAGESIZE), heap.uordblks + heap.hblkhd,
               entries("/proc/self/fd") - 1, entries("/proc/self/task"));
        fflush(stdout);
        return 0;
}

static int pause_for(struct probe *probe, char **arguments, struct error *err)
{
        usleep((useconds_t)(atof(arguments[0]) * 1e6));
        return 0;
}

static const struct {
        const char *name;
        int arguments;
        int (*run)(struct probe *probe, char **arguments, struct error *err);
} commands[] = {
        {"submit", 2, submit},   {"wait", 0, wait_all},   {"run", 2, run},
        {"cancel", 0, cancel},   {"list", 0, list},       {"operations", 0, operations},
        {"pin", 1, pin},         {"unpin", 1, unpin},     {"delete", 1, delete},
        {"settle", 0, settle},   {"metrics", 0, metrics}, {"figures", 0, figures},
        {"sleep", 1, pause_for},
};

static int usage(void)
{
        fprintf(stderr, "see the head of node_probe.c\n");
        return EXIT_USAGE;
}

static int command(struct probe *probe, char ***arguments)
{
        struct error err = {0};
        int left = 0;

        while ((*arguments)[left + 1])
                left++;
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
                if (strcmp(commands[i].name, **arguments) != 0 || left < commands[i].arguments)
                        continue;
                if (commands[i].run(probe, *arguments + 1, &err) < 0) {
                        probe->failed = true;
                        print_text("error", error_code(&err));
                        error_print(&err, stderr);
                }
                *arguments += commands[i].arguments + 1;
                return 0;
        }
        return usage();
}

int main(int argc, char **argv)
{
        static struct probe probe;
        struct node_options options = {.name = "probe", .reserve = 1};
        struct error err = {0};
        int option, status = 0;

        while ((option = getopt(argc, argv, "+d:s:p:q:r:")) >= 0) {
                switch (option) {
                case 'd':
                        options.directory = optarg;
                        break;
                case 's':
                        options.state_directory = optarg;
                        break;
                case 'p':
                        options.parallel = (unsigned)atoi(optarg);
                        break;
                case 'q':
                        options.queue = (unsigned)atoi(optarg);
                        break;
                case 'r':
                        options.reserve = strtoull(optarg, NULL, 10);
                        break;
                default:
                        return usage();
                }
        }
        if (node_open(&options, &probe.node, &err) < 0) {
                error_print(&err, stderr);
                return error_exit_status(&err);
        }
        for (char **arguments = argv + optind; *arguments && status == 0;)
                status = command(&probe, &arguments);
        node_stop(probe.node, 60);
        node_free(probe.node);
        return status ? status : probe.failed;
}
