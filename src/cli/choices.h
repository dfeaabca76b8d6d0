/* SPDX-License-Identifier: Apache-2.0 */
/* Values of options that several verbs have, in the order of the enumerations they stand for. */
#ifndef SNAP_CLI_CHOICES_H
#define SNAP_CLI_CHOICES_H

extern const char *const compression_choices[]; /* enum compression */
extern const char *const tcp_choices[];         /* enum tcp_policy */
extern const char *const runtime_choices[];     /* names of drivers */

#endif
