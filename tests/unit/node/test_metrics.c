/* SPDX-License-Identifier: Apache-2.0 */
#include "open_node.h"

static void count(struct metrics *metrics, const char *namespace, enum operation_phase phase)
{
        _cleanup_operation_ struct operation *operation = NULL;
        struct error err = {0};

        assert_success(operation_new(&operation, &err), &err);
        (void)text_set(&operation->kind, "checkpoint");
        (void)text_set(&operation->namespace, namespace);
        operation->phase = phase;
        metrics_count_operation(metrics, operation, PHASE_DUMP);
}

static void written_as_prometheus_reads_it(void **state)
{
        _cleanup_(metrics_freep) struct metrics *metrics = NULL;
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        _cleanup_buffer_ struct buffer text = {0};
        struct error err = {0};

        assert_success(metrics_new(&metrics, &err), &err);
        count(metrics, "a\"b\\c\n", PHASE_FAILED);
        count(metrics, "a\"b\\c\n", PHASE_FAILED);
        count(metrics, "default", PHASE_DONE);
        assert_success(checkpoint_new(&checkpoint, &err), &err);
        checkpoint->frozen_us = 300000;
        checkpoint->duration_us = 2500000;
        checkpoint->size = 70 * MIB;
        metrics_observe_checkpoint(metrics, checkpoint);
        assert_int_equal(metrics_write(metrics, &text), 0);
        assert_non_null(
                strstr(buffer_text(&text),
                       "\nsnap_node_operations_total{kind=\"checkpoint\",result=\"failed\",phase=\"dump\","
                       "namespace=\"a\\\"b\\\\c\\n\"} 2\n"));
        assert_non_null(strstr(buffer_text(&text), "\nsnap_node_operations_rejected_total 0\n"));
        assert_non_null(strstr(buffer_text(&text),
                               "\nsnap_node_freeze_seconds_bucket{namespace=\"\",le=\"0.25\"} 0\n"
                               "snap_node_freeze_seconds_bucket{namespace=\"\",le=\"0.5\"} 1\n"));
        /* Bounds are inclusive. */
        assert_non_null(strstr(buffer_text(&text),
                               "\nsnap_node_checkpoint_seconds_bucket{namespace=\"\",le=\"2.5\"} 1\n"));
        assert_non_null(strstr(buffer_text(&text),
                               "\nsnap_node_checkpoint_bytes_sum{namespace=\"\"} 73400320\n"
                               "snap_node_checkpoint_bytes_count{namespace=\"\"} 1\n"));
}

/* However many namespaces there are. */
static void bounded(void **state)
{
        _cleanup_(metrics_freep) struct metrics *metrics = NULL;
        _cleanup_buffer_ struct buffer text = {0};
        struct error err = {0};
        unsigned lines = 0;

        assert_success(metrics_new(&metrics, &err), &err);
        for (int i = 0; i < 2000; i++) {
                char namespace[16];

                snprintf(namespace, sizeof(namespace), "n%d", i);
                count(metrics, namespace, PHASE_DONE);
        }
        assert_int_equal(metrics_write(metrics, &text), 0);
        for (const char *line = buffer_text(&text); line; line = strchr(line + 1, '\n'))
                lines += text_starts_with(line + 1, "snap_node_operations_total{");
        assert_int_equal(lines, METRICS_SERIES_MOST + 1);
        assert_non_null(strstr(buffer_text(&text), "namespace=\"other\"} 1744\n"));
}

static void figures_of_a_node(void **state)
{
        static const char *const wanted[] = {
                "\nsnap_node_queue_length 0\n",
                "\nsnap_node_running 0\n",
                "\nsnap_node_disk_reserve_bytes 1\n",
                "\nsnap_node_disk_size_bytes ",
                "\nsnap_node_disk_claimed_bytes 0\n",
                "\nsnap_node_disk_free_bytes ",
                "\nsnap_node_queue_limit 5\n",
                "\nsnap_node_checkpoints{state=\"completed\",namespace=\"x\"} 3\n",
                "\nsnap_node_checkpoints{state=\"any\",namespace=\"other\"} 50\n",
                "\nsnap_node_checkpoints_bytes{state=\"completed\",namespace=\"x\"} 30\n"};
        _cleanup_node_ struct node *node = open_node(1, 5);
        _cleanup_buffer_ struct buffer text = {0};
        struct error err = {0};

        for (int i = 0; i < 152; i++) {
                _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
                char id[16], namespace[16] = "x";

                assert_success(checkpoint_new(&checkpoint, &err), &err);
                snprintf(id, sizeof(id), "%03d", i);
                if (i > 2)
                        snprintf(namespace, sizeof(namespace), "n%d", i);
                (void)text_set(&checkpoint->id, id);
                (void)text_set(&checkpoint->namespace, namespace);
                (void)text_set(&checkpoint->state, "completed");
                (void)text_set(&checkpoint->path, "/"); /* is there */
                checkpoint->size = 10;
                assert_success(catalog_put_checkpoint(node_catalog(node), checkpoint, &err), &err);
        }
        assert_success(node_metrics(node, &text, &err), &err);
        for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
                if (!strstr(buffer_text(&text), wanted[i]))
                        fail_msg("no %s", wanted[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(written_as_prometheus_reads_it),
                cmocka_unit_test(bounded),
                cmocka_unit_test_setup_teardown(figures_of_a_node, scratch_setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
