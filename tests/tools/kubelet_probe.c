/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checkpoint by the driver "kubelet", for tests/e2e/kubelet.bats:
 *
 *     kubelet_probe URL AUTHORITY TOKEN_FILE DIRECTORY CONTAINER ARCHIVE
 */
#include "runtime/capture.h"
#include "runtime/kubelet.h"

int main(int argc, char **argv)
{
        _cleanup_container_ struct container *container = NULL;
        const struct runtime_driver *driver;
        struct checkpoint_options options = {0};
        struct checkpoint_result result;
        struct error err = {0};
        int ret;

        if (argc != 7)
                return EXIT_USAGE;
        kubelet_configure(&(struct kubelet_access){
                .url = argv[1], .ca = argv[2], .token_file = argv[3], .directory = argv[4]});
        options.output = argv[6];
        ret = runtime_driver_find("kubelet", &driver, &err);
        if (ret == 0)
                ret = runtime_find_container(argv[5], driver, &driver, &container, &err);
        if (ret == 0)
                ret = capture_checkpoint(driver, container, &options, NULL, &result, &err);
        if (ret == 0)
                return 0;
        error_print(&err, stderr);
        return error_exit_status(&err);
}
