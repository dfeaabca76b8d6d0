/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates made by the openssl program, in the working directory. */
#ifndef SNAP_TESTS_KEYS_H
#define SNAP_TESTS_KEYS_H

#include "testing.h"

static inline void shell(const char *command)
{
        if (system(command) != 0)
                fail_msg("`%s` failed", command);
}

/* NAME.key and NAME.pub; `how` are the arguments of "openssl genpkey". */
static inline void make_key(const char *name, const char *how)
{
        char command[512];

        snprintf(command, sizeof(command),
                 "openssl genpkey -quiet %s -out %s.key && openssl pkey -in %s.key -pubout -out %s.pub", how,
                 name, name, name);
        shell(command);
}

/* NAME.crt for NAME.key. */
static inline void make_certificate(const char *name)
{
        char command[512];

        snprintf(command, sizeof(command),
                 "openssl req -x509 -new -key %s.key -subj /CN=%s -days 3650 -out %s.crt", name, name, name);
        shell(command);
}

#define KEY_RSA_HOW "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"
#define KEY_EC_HOW  "-algorithm EC -pkeyopt ec_paramgen_curve:"

#endif
