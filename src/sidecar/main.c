/* SPDX-License-Identifier: Apache-2.0 */
/* sidecar, the agent of a node: its command line, and its life from start to stop. */
#include <errno.h>
#include <limits.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include "program/completion.h"
#include "program/help.h"
#include "program/man.h"
#include "program/option.h"
#include "program/service.h"
#include "program/signals.h"
#include "sidecar/agent.h"
#include "sidecar/footprint.h"
#include "sidecar/log.h"
#include "sidecar/privileges.h"
#include "runtime/cri.h"
#include "runtime/kubelet.h"
#include "sidecar/reporter.h"
#include "sidecar/warden.h"

#define NAME "sidecar"

/* So long may what goes on at the end still take; systemd waits longer (config/systemd/sidecar.service.in).
 */
#define STOP_SECONDS   60
#define ANSWER_SECONDS 5

#define DRIVERS_MOST 16

static struct agent_options agent_options = {
        .listen = "127.0.0.1:10250",
        .socket = "/run/snap/sidecar.sock",
};
static const char *root_directory = "/var/lib/kubelet", *audit, *cri_endpoint;
static struct kubelet_access kubelet;
static uint64_t parallel = 2, queue = 1000, reserve, checkpoint_seconds = 120;
static struct option_list driver_names;

static const struct option_spec options[] = {
        {"listen", 0, OPTION_TEXT, &agent_options.listen, "HOST:PORT",
         "where to serve, always with TLS (default 127.0.0.1:10250); empty: only the socket"},
        {"socket", 0, OPTION_TEXT, &agent_options.socket, "PATH",
         "socket for root on this machine (default /run/snap/sidecar.sock)"},
        {"certificate", 0, OPTION_TEXT, &agent_options.certificate, "FILE",
         "certificate of the server, PEM; read again when it changes; without, one is made"},
        {"key", 0, OPTION_TEXT, &agent_options.key, "FILE", "its key, PEM"},
        {"client-ca", 0, OPTION_TEXT, &agent_options.client_ca, "FILE",
         "authority of client certificates, PEM"},
        {"peer-ca", 0, OPTION_TEXT, &agent_options.node.peer_ca, "FILE",
         "authority of the certificates of other nodes, PEM (default that of --client-ca)"},
        {"peer-certificate", 0, OPTION_TEXT, &agent_options.node.peer_certificate, "FILE",
         "what is shown to other nodes, PEM (default --certificate)"},
        {"peer-key", 0, OPTION_TEXT, &agent_options.node.peer_key, "FILE", "its key, PEM (default --key)"},
        {"registry", 0, OPTION_TEXT, &agent_options.registry, "HOST:PORT",
         "serve images of checkpoints to this machine, 127.0.0.1:5000 say; see docs/node.md"},
        {"access", 0, OPTION_TEXT, &agent_options.access, "FILE", "who may do what, see below; mode 0600"},
        {"audit", 0, OPTION_TEXT, &audit, "FILE",
         "where it is written who did what; without, to standard error"},
        {"root-dir", 0, OPTION_TEXT, &root_directory, "DIR",
         "archives are kept in DIR/checkpoints (default /var/lib/kubelet)"},
        {"state", 0, OPTION_TEXT, &agent_options.node.state_directory, "DIR",
         "catalog, own certificate, what is unfinished (default /var/lib/snap)"},
        {"node", 0, OPTION_TEXT, &agent_options.node.name, "NAME",
         "name of this node (default that of the machine)"},
        {"cluster", 0, OPTION_TEXT, &agent_options.node.cluster, "NAME", "name of its cluster"},
        {"driver", 0, OPTION_LIST, &driver_names, "NAME",
         "use this engine (may be given several times; default all that are here)"},
        {"cri-socket", 0, OPTION_TEXT, &cri_endpoint, "PATH",
         "socket of the engine of pods (default the first of containerd's and CRI-O's that is there)"},
        {"kubelet-url", 0, OPTION_TEXT, &kubelet.url, "URL",
         "have the kubelet of this node, https://NODE:10250 say, checkpoint the containers of pods"},
        {"kubelet-ca", 0, OPTION_TEXT, &kubelet.ca, "FILE",
         "authority of its certificate, PEM (beside the system's)"},
        {"kubelet-token-file", 0, OPTION_TEXT, &kubelet.token_file, "FILE",
         "our token for it, read anew each time"},
        {"kubelet-certificate", 0, OPTION_TEXT, &kubelet.certificate, "FILE",
         "our client certificate for it, PEM"},
        {"kubelet-key", 0, OPTION_TEXT, &kubelet.key, "FILE", "its key, PEM"},
        {"kubelet-directory", 0, OPTION_TEXT, &kubelet.directory, "DIR",
         "where it puts archives (default " KUBELET_DIRECTORY ")"},
        {"parallel", 0, OPTION_NUMBER, &parallel, "N", "operations at once (default 2)"},
        {"queue", 0, OPTION_NUMBER, &queue, "N", "operations that may wait (default 1000)"},
        {"reserve", 0, OPTION_SIZE, &reserve, "SIZE",
         "of the archives' disk, never filled (default a tenth of it)"},
        {"timeout", 0, OPTION_NUMBER, &checkpoint_seconds, "SECONDS",
         "a call of the kubelet's API waits for so long where it does not say (default 120)"},
        {"kube-url", 0, OPTION_TEXT, &agent_options.kube.url, "URL",
         "API server of the cluster that says who may do what; in a pod it is found"},
        {"kube-ca", 0, OPTION_TEXT, &agent_options.kube.ca_file, "FILE", "its authority, PEM"},
        {"kube-token-file", 0, OPTION_TEXT, &agent_options.kube.token_file, "FILE",
         "our token for it, read anew each time"},
        {"kube-certificate", 0, OPTION_TEXT, &agent_options.kube.certificate, "FILE",
         "our client certificate for it, PEM"},
        {"kube-key", 0, OPTION_TEXT, &agent_options.kube.key, "FILE", "its key, PEM"},
};
static const struct option_spec help_option = {.name = "help", .letter = 'h', .help = "show this text"};

static const char summary[] = "serve checkpoints of the containers of this node";
static const char description[] =
        "Serves the kubelet's Checkpoint API, and everything that is done with checkpoints of this node: "
        "list, "
        "verify, look into, pin, delete, restore, fetch from other nodes. One checkpoint at a time of each "
        "container; each is verified before it counts, and recorded so that a crash loses nothing.\n\n"
        "Who asks is known by a client certificate (--client-ca) or a bearer token; on the socket only root "
        "is "
        "let in, and may do everything. The file of --access has a line for each of\n\n"
        "token TOKEN NAME [RIGHT,... NAMESPACE]...\n\n"
        "user NAME [RIGHT,... NAMESPACE]...\n\n"
        "group NAME [RIGHT,... NAMESPACE]...\n\n"
        "where the rights are create, list, get, delete, update, restore, read and metrics, users and groups "
        "are CN and O of certificates, and * in NAMESPACE stands for any characters. Where there is a "
        "cluster "
        "it is asked as well, for the verb of that name on nodes/checkpoint.\n\n"
        "What happens is told on standard error, one JSON object a line.";
static const char examples[] =
        "sidecar\tfor root on this machine alone\n"
        "sidecar --listen :10250 --client-ca ca.crt --access /etc/snap/agent.access\tfor others\n"
        "curl --unix-socket /run/snap/sidecar.sock -X POST http://node/checkpoint/default/web/nginx\ttake "
        "one";

/* --- help, man page, completion ---------------------------------------------------------------------------
 */

static void print_help(void)
{
        printf("Usage: %s [OPTIONS]\n\n", NAME);
        help_print_text(description, 0, stdout);
        puts("\nOptions:");
        for (size_t i = 0; i < ARRAY_SIZE(options); i++)
                help_print_option(&options[i], stdout);
        help_print_option(&help_option, stdout);
        help_print_examples(examples, stdout);
}

static void print_man_page(void)
{
        man_print_heading(NAME, NULL, 8);
        man_print_text(summary);
        printf("\n.SH SYNOPSIS\n.B %s\n[OPTIONS]\n.SH DESCRIPTION\n", NAME);
        man_print_text(description);
        puts("\n.SH OPTIONS");
        for (size_t i = 0; i < ARRAY_SIZE(options); i++)
                man_print_option(&options[i]);
        man_print_option(&help_option);
        man_print_exit_status();
        man_print_examples(examples);
        puts(".SH SEE ALSO\n.BR checkpointctl (1)");
}

/* For the build: "man-page", "completion SHELL". */
static int print_view(int argc, char **argv, struct error *err)
{
        if (argc == 1 && strcmp(argv[0], "man-page") == 0) {
                print_man_page();
                return 0;
        }
        if (argc == 2 && strcmp(argv[0], "completion") == 0)
                return completion_print(argv[1], NAME, &OPTION_TABLE(options), err);
        return error_set(err, &ERROR_USAGE, -EINVAL, "%s takes no argument `%s`", NAME, argv[0]);
}

/* --- from options to a node -------------------------------------------------------------------------------
 */

static void configure_engines(void)
{
        if (cri_endpoint)
                cri_configure(cri_endpoint);
        if (kubelet.url)
                kubelet_configure(&kubelet);
}

/* The kubelet has the same containers as its engine. */
static bool is_wanted(const struct runtime_driver *driver)
{
        return driver->available() && !(driver == &runtime_cri && kubelet.url);
}

/* Those that were named, or all that are here. */
static int choose_drivers(const struct runtime_driver **out, struct error *err)
{
        size_t count = 0;
        int ret = 0;

        for (size_t i = 0; i < driver_names.count && ret == 0; i++)
                ret = runtime_driver_find(driver_names.items[i], &out[count++], err);
        for (size_t i = 0; !driver_names.count && runtime_drivers[i] && count < DRIVERS_MOST; i++)
                if (is_wanted(runtime_drivers[i]))
                        out[count++] = runtime_drivers[i];
        out[count] = NULL;
        return ret;
}

/* Is there one whose dumps are ours, or its engine's? */
static bool has_driver(const struct runtime_driver *const *drivers, bool engine_dumps)
{
        for (size_t i = 0; drivers[i]; i++)
                if ((drivers[i]->checkpoint != NULL) == engine_dumps)
                        return true;
        return false;
}

/* checkpointctl is installed beside us. */
static int find_reader(char out[PATH_MAX], struct error *err)
{
        ssize_t size = readlink("/proc/self/exe", out, PATH_MAX - sizeof("checkpointctl"));
        char *slash;

        if (size < 0)
                return error_errno(err, errno, "find out where the program is");
        out[size] = '\0';
        slash = strrchr(out, '/');
        strcpy(slash ? slash + 1 : out, "checkpointctl");
        return 0;
}

static int check_number(const char *name, uint64_t value, uint64_t most, struct error *err)
{
        if (value && value <= most)
                return 0;
        return error_set(err, &ERROR_USAGE, -EINVAL, "option `--%s` wants a number from 1 to %llu", name,
                         (unsigned long long)most);
}

static int complete_options(struct agent_options *agent, struct error *err)
{
        static const struct runtime_driver *drivers[DRIVERS_MOST + 1];
        static char reader[PATH_MAX], directory[PATH_MAX], host[HOST_NAME_MAX + 1];
        int ret = check_number("parallel", parallel, 64, err);

        if (ret == 0)
                ret = check_number("queue", queue, 100000, err);
        if (ret == 0)
                ret = check_number("timeout", checkpoint_seconds, UINT_MAX, err);
        configure_engines();
        if (ret == 0)
                ret = choose_drivers(drivers, err);
        if (ret == 0)
                ret = find_reader(reader, err);
        if (ret == 0 && !agent->node.name && gethostname(host, sizeof(host)) < 0)
                ret = error_errno(err, errno, "find out the name of this machine");
        if (!agent->node.name)
                agent->node.name = host;
        snprintf(directory, sizeof(directory), "%s/checkpoints", root_directory);
        agent->node.peer_ca = agent->node.peer_ca ?: agent->client_ca;
        if (!agent->node.peer_certificate) {
                agent->node.peer_certificate = agent->certificate;
                agent->node.peer_key = agent->key;
        }
        agent->node.directory = directory;
        agent->node.drivers = drivers;
        agent->node.parallel = (unsigned)parallel;
        agent->node.queue = (unsigned)queue;
        agent->node.reserve = reserve;
        agent->checkpoint_seconds = (unsigned)checkpoint_seconds;
        agent->reader = reader;
        return ret;
}

/* --- its life ---------------------------------------------------------------------------------------------
 */

/* The node's workers are there already when the filter is set, and have none; see privileges.h. */
static int open_node(struct node **out, struct error *err)
{
        bool criu = has_driver(agent_options.node.drivers, false);
        int ret = privileges_keep(criu, err);

        if (ret == 0 && !criu)
                ret = privileges_filter(FILTER_REMOTE);
        if (ret == 0)
                ret = node_open(&agent_options.node, out, err);
        if (ret == 0 && criu)
                ret = privileges_filter(FILTER_MACHINE);
        if (ret < 0 && !(err->kind))
                ret = error_errno(err, -ret, "give up what is not needed");
        return ret;
}

static int serve(struct error *err)
{
        _cleanup_node_ struct node *node = NULL;
        _cleanup_agent_ struct agent *agent = NULL;
        _cleanup_reporter_ struct reporter *reporter = NULL;
        _cleanup_warden_ struct warden *warden = NULL;
        int ret = open_node(&node, err);

        if (ret == 0)
                ret = agent_start(&agent_options, node, &agent, err);
        if (ret == 0)
                ret = reporter_start(node, agent, &reporter, err);
        if (ret == 0 && has_driver(agent_options.node.drivers, true))
                ret = warden_start(&warden, err);
        if (ret < 0)
                return ret;
        log_event(LOG_LEVEL_INFO, "started", "node", node_options(node)->name, "version", SNAP_VERSION, NULL);
        footprint_release();
        service_notify("READY=1");
        signals_wait();
        service_notify("STOPPING=1");
        log_event(LOG_LEVEL_INFO, "stopping", NULL);
        node_stop(node, STOP_SECONDS);
        agent_stop(agent, ANSWER_SECONDS);
        return 0;
}

static int run(int argc, char **argv, struct error *err)
{
        const struct option_table tables[] = {OPTION_TABLE(options)};
        bool help;
        int ret;

        argc--;
        argv++;
        if (argc && strcmp(argv[0], "--version") == 0) {
                printf("%s %s\n", NAME, SNAP_VERSION);
                return 0;
        }
        ret = option_parse(tables, ARRAY_SIZE(tables), &argc, argv, &help, err);
        if (ret == 0 && help) {
                print_help();
                return 0;
        }
        if (ret == 0 && argc)
                return print_view(argc, argv, err);
        if (ret == 0)
                ret = complete_options(&agent_options, err);
        if (ret == 0)
                ret = log_set_audit(audit, err);
        if (ret < 0)
                return ret;
        signals_catch();
        return serve(err);
}

int main(int argc, char **argv)
{
        struct error err = {0};
        int ret;

        umask(077);
#ifndef __SANITIZE_ADDRESS__ /* the leak checker traces us */
        (void)prctl(PR_SET_DUMPABLE, 0);
#endif
        footprint_limit();
        ret = run(argc, argv, &err);
        if (ret == 0)
                return 0;
        error_print(&err, stderr);
        return error_exit_status(&err);
}
