/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over the files and directories named, for a compiler without libFuzzer and for `make
 * test`. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include "base/file.h"
#include "fuzz.h"

static int run_file(int dir, const char *name)
{
        _cleanup_buffer_ struct buffer bytes = {};
        _cleanup_free_ uint8_t *copy = NULL;
        struct error err = {0};

        if (file_read(dir, name, GIB, &bytes, &err) < 0) {
                error_print(&err, stderr);
                return -1;
        }
        /* Exactly as large as the input, so that a sanitizer sees one byte too many. */
        copy = malloc(bytes.size);
        if (bytes.size > 0)
                memcpy(copy, bytes.data, bytes.size);
        LLVMFuzzerTestOneInput(copy, bytes.size);
        return 0;
}

static int run_directory(const char *path)
{
        _cleanup_closedir_ DIR *dir = opendir(path);
        struct dirent *entry;
        int files = 0;

        if (!dir) {
                perror(path);
                return -1;
        }
        while ((entry = readdir(dir))) {
                if (entry->d_name[0] == '.')
                        continue;
                if (run_file(dirfd(dir), entry->d_name) < 0)
                        return -1;
                files++;
        }
        return files;
}

int main(int argc, char **argv)
{
        int files = 0;

        for (int i = 1; i < argc; i++) {
                struct stat st;
                int r = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode) ? run_directory(argv[i])
                                                                       : run_file(AT_FDCWD, argv[i]) + 1;

                if (r <= 0) {
                        fprintf(stderr, "%s: no input there\n", argv[i]);
                        return 1;
                }
                files += r;
        }
        printf("%d inputs\n", files);
        return files > 0 ? 0 : 1;
}
