/* SPDX-License-Identifier: Apache-2.0 */
/* What can be chosen for a checkpoint that an engine takes: little, and most of it in CRIU's configuration.
 */
#include "runtime/cri_private.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include "base/file.h"

#define CONFIG_LIMIT MIB

int cri_check_options(const struct checkpoint_options *options, struct error *err)
{
        const struct {
                bool wanted;
                const char *what, *hint;
        } choices[] = {
                {options->stop, "ending the container (--stop)",
                 "Delete the pod when the checkpoint is complete."},
                {options->compression != COMPRESSION_NONE, "a compressed archive (--compress)",
                 "Images are compressed: see `checkpointctl push --help`."},
                {options->tcp == TCP_KEEP, "keeping connections (--tcp keep)",
                 "Put `tcp-established` into /etc/criu/runc.conf (crun: /etc/criu/crun.conf) of this node."},
                {options->tcp == TCP_CLOSE, "closing connections (--tcp close)",
                 "Put `tcp-close` into /etc/criu/runc.conf (crun: /etc/criu/crun.conf) of this node."},
                {options->file_locks, "keeping file locks (--file-locks)",
                 "Put `file-locks` into /etc/criu/runc.conf (crun: /etc/criu/crun.conf) of this node."},
                {options->ghost_limit != 0, "a limit for deleted files (--ghost-limit)",
                 "Put `ghost-limit SIZE` into /etc/criu/runc.conf (crun: /etc/criu/crun.conf) of this node."},
        };

        for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
                if (!choices[i].wanted)
                        continue;
                (void)error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP,
                                "the engine takes the checkpoint, and %s cannot be asked of it",
                                choices[i].what);
                error_set_hint(err, "%s", choices[i].hint);
                return -ENOTSUP;
        }
        return 0;
}

/* One line of CRIU's configuration (criu(8), "CONFIGURATION FILES"). */
static void line_apply(const char *line, struct checkpoint_options *options)
{
        char word[32] = "", value[32] = "";

        if (sscanf(line, " %31[a-z-] %31s", word, value) < 1)
                return;
        if (strcmp(word, "tcp-established") == 0)
                options->tcp = TCP_KEEP;
        else if (strcmp(word, "tcp-close") == 0)
                options->tcp = TCP_CLOSE;
        else if (strcmp(word, "file-locks") == 0)
                options->file_locks = true;
        else if (strcmp(word, "ghost-limit") == 0) {
                char *end;
                uint64_t number = strtoull(value, &end, 10);
                int shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;

                options->ghost_limit = number << shift;
        }
}

void cri_node_options(const struct container *container, struct checkpoint_options *options)
{
        const char *const files[] = {"/etc/criu/default.conf", "/etc/criu/runc.conf",
                                     strstr(container->runtime, "crun") ? "/etc/criu/crun.conf" : NULL};

        for (size_t i = 0; i < ARRAY_SIZE(files) && files[i]; i++) {
                _cleanup_buffer_ struct buffer text = {0};
                const char *line;

                if (file_read(AT_FDCWD, files[i], CONFIG_LIMIT, &text, NULL) < 0)
                        continue;
                for (line = buffer_text(&text); *line; line += strcspn(line, "\n"), line += *line == '\n')
                        line_apply(line, options);
        }
}
