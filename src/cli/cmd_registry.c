/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "cli/answer.h"
#include "cli/verb.h"
#include "oci/registry_store_collect.h"
#include "oci/registry_server.h"
#include "program/service.h"
#include "program/signals.h"
#include "program/units.h"

/* So long may what goes on at the end still take; systemd waits 90 seconds. */
#define STOP_SECONDS 60

static const char *listen_on = "127.0.0.1:5000", *root = "/var/lib/snap/registry";
static const char *certificate, *key, *client_ca, *tokens;
static bool anonymous_pull, collect;
static const char *grace = "1h";

static const struct option_spec options[] = {
        {"listen", 0, OPTION_TEXT, &listen_on, "HOST:PORT",
         "where to serve; port 0 takes any (default 127.0.0.1:5000)"},
        {"root", 0, OPTION_TEXT, &root, "DIR", "where the content is (default /var/lib/snap/registry)"},
        {"tls-cert", 0, OPTION_TEXT, &certificate, "FILE",
         "certificate of the server, PEM; read again when it changes"},
        {"tls-key", 0, OPTION_TEXT, &key, "FILE", "its key, PEM"},
        {"client-ca", 0, OPTION_TEXT, &client_ca, "FILE",
         "who has a certificate of this authority may do everything"},
        {"tokens", 0, OPTION_TEXT, &tokens, "FILE", "who may do what, see below; mode 0600"},
        {"anonymous-pull", 0, OPTION_FLAG, &anonymous_pull, NULL, "let everybody pull without a token"},
        {"collect", 0, OPTION_FLAG, &collect, NULL, "serve nothing; remove what no manifest needs"},
        {"grace", 0, OPTION_TEXT, &grace, "TIME",
         "with --collect: keep what was used since (30s, 15m, 1h, 2d; default 1h)"},
};

/* --- garbage
 * ------------------------------------------------------------------------------------------------- */

/* "90s", "15m", "1h", "2d" in seconds. */
static bool parse_duration(const char *text, uint64_t *out)
{
        static const struct {
                char unit;
                uint64_t seconds;
        } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
        size_t digits = strspn(text, "0123456789");
        _cleanup_free_ char *number = strndup(text, digits);

        if (!number || !number_parse(number, out) || !text[digits] || text[digits + 1])
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(units); i++)
                if (units[i].unit == text[digits])
                        return !mul_overflow(*out, units[i].seconds, out);
        return false;
}

static int print_collected(const struct cli *cli, const struct collect_result *result, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = NULL;
        yyjson_mut_val *object;
        char size[UNIT_TEXT_SIZE];

        if (!cli->json) {
                printf("Removed %llu blobs (%s) and %llu uploads\n", (unsigned long long)result->blobs,
                       size_format(result->bytes, size), (unsigned long long)result->uploads);
                return 0;
        }
        doc = answer_new();
        object = yyjson_mut_obj(doc);
        yyjson_mut_doc_set_root(doc, object);
        yyjson_mut_obj_add_uint(doc, object, "blobs", result->blobs);
        yyjson_mut_obj_add_uint(doc, object, "bytes", result->bytes);
        yyjson_mut_obj_add_uint(doc, object, "links", result->links);
        yyjson_mut_obj_add_uint(doc, object, "uploads", result->uploads);
        return answer_print(doc, err);
}

static int collect_garbage(const struct cli *cli, struct error *err)
{
        _cleanup_store_ struct registry_store *store = NULL;
        struct collect_result result = {0};
        uint64_t seconds;
        int ret;

        if (!parse_duration(grace, &seconds))
                return error_set(err, &ERROR_USAGE, -EINVAL, "`%s` is not a time, as 30s, 15m, 1h or 2d are",
                                 grace);
        ret = store_open(root, &store, err);
        if (ret == 0)
                ret = store_collect(store, seconds, &result, err);
        return ret < 0 ? ret : print_collected(cli, &result, err);
}

/* --- serving
 * ------------------------------------------------------------------------------------------------- */

static int print_address(const struct cli *cli, const char *address, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = NULL;
        yyjson_mut_val *object;
        int ret = 0;

        if (cli->json) {
                doc = answer_new();
                object = yyjson_mut_obj(doc);
                yyjson_mut_doc_set_root(doc, object);
                answer_add_text(doc, object, "address", address);
                answer_add_text(doc, object, "root", root);
                ret = answer_print(doc, err);
        } else if (!cli->quiet) {
                printf("Serving %s on %s\n", root, address);
        }
        fflush(stdout);
        return ret;
}

static int serve(const struct cli *cli, struct error *err)
{
        const struct registry_server_options server_options = {
                .listen = listen_on,
                .root = root,
                .certificate = certificate,
                .key = key,
                .client_ca = client_ca,
                .tokens = tokens,
                .anonymous_pull = anonymous_pull,
        };
        _cleanup_registry_server_ struct registry_server *server = NULL;
        int ret = registry_server_start(&server_options, &server, err);

        if (ret < 0)
                return ret;
        ret = print_address(cli, registry_server_address(server), err);
        if (ret < 0)
                return ret;
        service_notify("READY=1");
        signals_wait();
        service_notify("STOPPING=1");
        registry_server_stop(server, STOP_SECONDS);
        return 0;
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        return collect ? collect_garbage(cli, err) : serve(cli, err);
}

const struct verb verb_registry = {
        .name = "registry",
        .usage = "",
        .summary = "serve a registry of images from a directory",
        .description =
                "Serves the OCI distribution protocol, as registries do, until it is told to end (SIGTERM): "
                "checkpointctl, Podman, skopeo, buildah and container engines push to it and pull from it. "
                "Every byte is checked against its digest before it counts, and before it is handed out.\n\n"
                "Other addresses than those of this machine itself are only served with --tokens or "
                "--client-ca, and should be with --tls-cert. The file of tokens has a line for each:\n\n"
                "TOKEN NAME [pull,push,delete PATTERN]...\n\n"
                "where PATTERN names repositories and * stands for any characters. A token is sent as the "
                "password of any user (podman login), or as a bearer token.\n\n"
                "With --collect, removes blobs that no manifest refers to any more, and uploads that "
                "nobody went on with, but nothing that was used within the time of --grace. This may be done "
                "while the registry serves.",
        .examples =
                "checkpointctl registry\tfor this machine alone, on port 5000\n"
                "checkpointctl registry --listen :5000 --tokens /etc/snap/registry.tokens --tls-cert r.crt "
                "--tls-key r.key\tfor others\n"
                "checkpointctl registry --collect --grace 1d\tremove what is not needed any more",
        .options = OPTION_TABLE(options),
        .is_long = true,
        .run = run,
};
