/* SPDX-License-Identifier: Apache-2.0 */
/* JSON on standard output, value by value, for answers too large to be held in memory. Untrusted text can
 * neither break it nor make it invalid. */
#ifndef SNAP_CLI_ANSWER_STREAM_H
#define SNAP_CLI_ANSWER_STREAM_H

#include "base/bytes.h"

struct answer_stream {
        bool pretty; /* indented by four blanks, not one line */
        /* The rest is its own. */
        unsigned depth;
        bool has_before; /* another value stands before the next one at this depth */
};

/* `name` is that of a member; NULL in an array and of the whole answer. `bracket` is '{' or '['. */
void answer_stream_open(struct answer_stream *stream, const char *name, char bracket);
/* `bracket` is '}' or ']'. The whole answer ends with a newline. */
void answer_stream_close(struct answer_stream *stream, char bracket);
void answer_stream_unsigned(struct answer_stream *stream, const char *name, uint64_t value);
void answer_stream_signed(struct answer_stream *stream, const char *name, int64_t value);
void answer_stream_bool(struct answer_stream *stream, const char *name, bool value);
/* A text in parts, each of whole characters; invalid UTF-8 is replaced. */
void answer_stream_text(struct answer_stream *stream, const char *name);
void answer_stream_text_part(struct answer_stream *stream, struct slice text);
void answer_stream_text_end(struct answer_stream *stream);

#endif
