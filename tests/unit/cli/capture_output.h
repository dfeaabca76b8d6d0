/* SPDX-License-Identifier: Apache-2.0 */
/* Runs code that prints to a FILE and compares what it printed. */
#ifndef SNAP_TESTS_CLI_CAPTURE_OUTPUT_H
#define SNAP_TESTS_CLI_CAPTURE_OUTPUT_H

struct capture {
        FILE *out;
        char *text;
        size_t size;
};

static inline FILE *capture_begin(struct capture *capture)
{
        capture->out = open_memstream(&capture->text, &capture->size);
        assert_non_null(capture->out);
        return capture->out;
}

/* The text so far; freed by capture_end. */
static inline const char *capture_text(struct capture *capture)
{
        fflush(capture->out);
        return capture->text;
}

static inline void capture_end(struct capture *capture)
{
        fclose(capture->out);
        free(capture->text);
}

#endif
