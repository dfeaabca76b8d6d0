/* SPDX-License-Identifier: Apache-2.0 */
/* What cri.h offers and no command does yet, for tests/e2e/cri.bats: cri_probe images | pull IMAGE */
#include "runtime/cri.h"

static int images(struct error *err)
{
        _cleanup_cri_image_list_ struct cri_image_list list = {0};
        int ret = cri_list_images(&list, err);

        for (size_t i = 0; i < list.count; i++)
                printf("%s %s %s %llu\n", list.items[i].id, list.items[i].tag, list.items[i].digest,
                       (unsigned long long)list.items[i].size);
        return ret;
}

static int pull(const char *image, struct error *err)
{
        _cleanup_free_ char *reference = NULL;
        int ret = cri_pull_image(image, &reference, err);

        if (ret == 0)
                puts(reference);
        return ret;
}

int main(int argc, char **argv)
{
        struct error err = {0};
        int ret;

        if (argc < 2)
                return EXIT_USAGE;
        ret = argc > 2 ? pull(argv[2], &err) : images(&err);
        if (ret == 0)
                return 0;
        error_print(&err, stderr);
        return error_exit_status(&err);
}
