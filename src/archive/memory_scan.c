/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/memory_scan.h"

#include <errno.h>
#include "archive/memory_ahead.h"
#include "archive/memory_scanner.h"

int memory_scan_check(const struct criu_dump *dump, pid_t pid, struct error *err)
{
        int ret;

        for (size_t i = 0; i < dump->process_count; i++) {
                if (dump->processes[i].pid != pid)
                        continue;
                if (dump->processes[i].mapping_count == 0)
                        return error_set(err, &ERROR_NOT_FOUND, -ESRCH,
                                         "process %d has no memory pages (task state is zombie or dead)",
                                         (int)pid);
                return 0;
        }
        ret = error_set(err, &ERROR_NOT_FOUND, -ESRCH,
                        "no process with PID %d (use `inspect --ps-tree` to view all PIDs)", (int)pid);
        error_set_hint(err, "memparse without --pid shows those that have memory");
        return ret;
}

/* Has `stream` at the first page of the segment: one stream for a whole tar, one for each member of a
 * directory. */
static int go_to(const struct archive *archive, const struct memory_segment *segment, struct stream **stream,
                 struct error *err)
{
        uint64_t position;
        int ret;

        if (archive_form(archive) == ARCHIVE_DIRECTORY) {
                stream_free(steal_ptr(*stream));
                return stream_open_member(archive, segment->pages, false, stream, err);
        }
        ret = *stream ? 0 : stream_open(archive, stream, err);
        if (ret < 0)
                return ret;
        position = stream_position(*stream);
        if (segment->pages->offset < position)
                return error_set(err, &ERROR_ARCHIVE_INCONSISTENT, -EBADMSG,
                                 "`%s`: two page maps say that `%s` is theirs", archive_path(archive),
                                 segment->pages->name);
        return stream_skip(*stream, segment->pages->offset - position, err);
}

static int scan_all(struct archive *archive, const struct memory_plan *plan, const struct memory_scan *scan,
                    struct error *err)
{
        const struct criu_source source = archive_criu_source(archive);
        _cleanup_memory_scanner_ struct memory_scanner *scanner = NULL;
        _cleanup_stream_ struct stream *stream = NULL;
        int ret = memory_scanner_new(scan, plan->size, &scanner, err);

        for (size_t i = 0; ret == 0 && i < plan->count; i++) {
                const struct memory_segment *segment = &plan->segments[i];

                ret = go_to(archive, segment, &stream, err);
                if (ret == 0)
                        ret = memory_scanner_feed(scanner, &source, segment, stream, err);
        }
        return ret == 0 ? memory_scanner_finish(scanner, err) : ret;
}

static int load_dump(struct archive *archive, struct criu_dump **dump, struct error *err)
{
        const struct criu_source source = archive_criu_source(archive);

        return *dump ? 0 : criu_dump_load(&source, CRIU_LOAD_MAPPINGS, dump, err);
}

int memory_scan_run(struct archive *archive, struct criu_dump **dump, const struct memory_scan *scan,
                    uint64_t *absent, struct error *err)
{
        _cleanup_memory_plan_ struct memory_plan plan = {0};
        struct memory_ahead ahead = {0};
        bool done = false;
        int ret = 0;

        if (archive_is_unread(archive))
                ret = scan->restart ? memory_ahead_read(archive, scan, &ahead, err)
                                    : archive_load(archive, scan->progress, err);
        if (ret == 0)
                ret = load_dump(archive, dump, err);
        if (ret == 0 && scan->pid)
                ret = memory_scan_check(*dump, scan->pid, err);
        if (ret == 0)
                ret = memory_plan_make(archive, *dump, scan->pid, &plan, err);
        if (ret < 0)
                return ret;
        if (ahead.begun)
                ret = memory_ahead_is_whole(&ahead, &plan, &done, err);
        if (ret == 0 && ahead.begun && !done)
                ret = scan->restart(scan->context, err);
        *absent = plan.absent;
        return ret == 0 && !done ? scan_all(archive, &plan, scan, err) : ret;
}
