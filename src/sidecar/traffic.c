/* SPDX-License-Identifier: Apache-2.0 */
#include "sidecar/traffic.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>
#include "base/file.h"

/* Statuses that are counted one by one; all others together. */
static const unsigned statuses[] = {0,   200, 201, 202, 204, 206, 304, 400, 401, 403, 404, 405,
                                    409, 413, 416, 422, 429, 431, 499, 500, 502, 503, 504, 507};
#define OTHER ARRAY_SIZE(statuses)

struct traffic {
        const struct route *routes;
        size_t count; /* of routes; one more counts what has none */
        atomic_ulong (*requests)[OTHER + 1];
};

int traffic_new(const struct route *routes, size_t count, struct traffic **out, struct error *err)
{
        struct traffic *traffic = calloc(1, sizeof(*traffic));

        if (traffic)
                traffic->requests = calloc(count + 1, sizeof(*traffic->requests));
        if (!traffic || !traffic->requests) {
                free(traffic);
                return error_oom(err);
        }
        traffic->routes = routes;
        traffic->count = count;
        *out = traffic;
        return 0;
}

void traffic_free(struct traffic *traffic)
{
        if (traffic)
                free(traffic->requests);
        free(traffic);
}

/* HEAD is served by the route of GET. */
static size_t find_route(const struct traffic *traffic, const char *method, const char *pattern)
{
        size_t i;

        if (strcmp(method, "HEAD") == 0)
                method = "GET";
        for (i = 0; pattern && i < traffic->count; i++)
                if (traffic->routes[i].pattern == pattern && strcmp(traffic->routes[i].method, method) == 0)
                        return i;
        return traffic->count;
}

void traffic_count(struct traffic *traffic, const char *method, const char *pattern, unsigned status)
{
        size_t i;

        for (i = 0; i < OTHER && statuses[i] != status; i++)
                ;
        traffic->requests[find_route(traffic, method, pattern)][i]++;
}

static int write_requests(struct traffic *traffic, struct buffer *out)
{
        int ret =
                buffer_append_text(out, "# HELP snap_agent_requests_total Requests that have ended, by route "
                                        "and status.\n# TYPE snap_agent_requests_total counter\n");

        for (size_t i = 0; i <= traffic->count; i++) {
                const struct route *route = i < traffic->count ? &traffic->routes[i] : NULL;

                for (size_t j = 0; j <= OTHER && ret == 0; j++) {
                        unsigned long n = traffic->requests[i][j];
                        char status[16] = "other";

                        if (j < OTHER)
                                snprintf(status, sizeof(status), "%u", statuses[j]);
                        if (n)
                                ret = buffer_printf(out,
                                                    "snap_agent_requests_total{method=\"%s\",route=\"%s\","
                                                    "status=\"%s\"} %lu\n",
                                                    route ? route->method : "", route ? route->pattern : "",
                                                    j == 0 ? "broken" : status, n);
                }
        }
        return ret;
}

/* --- the process: the names that Prometheus' own libraries have -------------------------------------------
 */

static unsigned count_descriptors(void)
{
        _cleanup_closedir_ DIR *dir = opendir("/proc/self/fd");
        unsigned count = 0;

        while (dir && readdir(dir))
                count++;
        return count > 3 ? count - 3 : 0; /* two dots, and the one that reads */
}

/* Resident bytes; 0 when they cannot be read. */
static unsigned long resident(void)
{
        _cleanup_fclose_ FILE *file = fopen("/proc/self/statm", "re");
        unsigned long pages = 0;

        if (!file || fscanf(file, "%*s %lu", &pages) != 1)
                return 0;
        return pages * (unsigned long)sysconf(_SC_PAGESIZE);
}

static double seconds_of(struct timeval time)
{
        return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static int write_process(struct buffer *out)
{
        struct rusage usage = {0};
        struct rlimit files = {0};

        getrusage(RUSAGE_SELF, &usage);
        getrlimit(RLIMIT_NOFILE, &files);
        return buffer_printf(out,
                             "# HELP process_cpu_seconds_total Processor time, user and system.\n"
                             "# TYPE process_cpu_seconds_total counter\n"
                             "process_cpu_seconds_total %.3f\n"
                             "# HELP process_resident_memory_bytes Memory in use.\n"
                             "# TYPE process_resident_memory_bytes gauge\n"
                             "process_resident_memory_bytes %lu\n"
                             "# HELP process_open_fds Open files.\n"
                             "# TYPE process_open_fds gauge\n"
                             "process_open_fds %u\n"
                             "# HELP process_max_fds Files that may be open.\n"
                             "# TYPE process_max_fds gauge\n"
                             "process_max_fds %llu\n",
                             seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime), resident(),
                             count_descriptors(), (unsigned long long)files.rlim_cur);
}

int traffic_metrics(struct traffic *traffic, struct buffer *out, struct error *err)
{
        return write_requests(traffic, out) < 0 || write_process(out) < 0 ? error_oom(err) : 0;
}
