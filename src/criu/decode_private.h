/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of decode share. Not for others. */
#ifndef SNAP_CRIU_DECODE_PRIVATE_H
#define SNAP_CRIU_DECODE_PRIVATE_H

#include "criu/decode.h"
#include "criu/schema.h"

/* Members of a record, or of a message in one; -EBADMSG when it is not well-formed. */
int decode_message(const struct criu_decoding *decoding, const struct criu_message *message,
                   struct slice bytes);

void decode_begin(const struct criu_decoding *decoding, enum criu_event_type type, const char *name);
void decode_end(const struct criu_decoding *decoding, enum criu_event_type type);
void decode_number(const struct criu_decoding *decoding, const char *name, uint64_t value);
void decode_text(const struct criu_decoding *decoding, const char *name, struct slice text);

/* The lines of 76 characters that crit makes of bytes, as parts of a text that has begun. Of several calls
 * for one text, all but the last take a multiple of DECODE_BASE64_LINE bytes. */
#define DECODE_BASE64_LINE 57
void decode_base64(const struct criu_decoding *decoding, struct slice bytes);
/* Quoted-printable (RFC 2045, section 6.7), the same way. */
void decode_quoted(const struct criu_decoding *decoding, struct slice bytes);

/* How people read a number of that field, written to `out`; false: as a number. `hex`: a message around it
 * says that its numbers are hexadecimal. */
#define DECODE_TEXT_SIZE 512
bool decode_pretty_number(const struct criu_field *field, bool hex, uint64_t value,
                          char out[DECODE_TEXT_SIZE]);
/* The name of a value of an enumeration; NULL when it has none. */
const char *decode_enum_name(const struct criu_names *names, uint64_t value);

#endif
