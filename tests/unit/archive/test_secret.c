/* SPDX-License-Identifier: Apache-2.0 */
/* An example of each pattern, and what only looks like one. All are made up. Marks are written in two parts,
 * so that who looks for secrets in repositories does not find these. */
#include "testing.h"

#include "archive/secret_table.h"

/* With NULs within. */
#define TEXT(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}

static const struct {
        const char *kind;
        struct slice before, secret, after;
} examples[] = {
        {"private key", TEXT("x "),
         TEXT("-----"
              "BEGIN RSA PRIVATE "
              "KEY-----"
              "\nMIIBzWWRpWv81aW71L33scX9VhJhKM1X72eSsFuquaKnx7lhq7aTnjx3oRuBMKlc\nnpLOwrLotCeOKD5IHU9LeMjCad"
              "WYqnEl\n-----END RSA PRIVATE KEY-----"),
         TEXT("")},
        {"private key", TEXT(""),
         TEXT("-----"
              "BEGIN PRIVATE "
              "KEY-----"
              "\\nMIIBzWWRpWv81aW71L33scX9VhJhKM1X72eSsFuquaKnx7lhq7aTnjx3oRuBMKlc\\nnpLOwrLotCeOKD5IHU9LeMjC"
              "adWYqnEl\\n-----END PRIVATE KEY-----"),
         TEXT("\"")},
        {"private key", TEXT(""),
         TEXT("-----"
              "BEGIN OPENSSH PRIVATE "
              "KEY-----"
              "\r\nb3BlbnNzaC1rZXktdjEAAAAANPt5XAWZ8R2a3Hs1jX9CjnTGSigV8lS9W0Iaa0kpiXdJKmYke9M9ImFW05qAYGUk6n"
              "iJUo45kYbbOfSe\r\n-----END OPENSSH PRIVATE KEY-----"),
         TEXT("\r\n")},
        {"private key", TEXT(""),
         TEXT("-----"
              "BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: "
              "AES-128-CBC,"
              "0123456789ABCDEF\n\ntYY926KmmQvTfQaBU8Tf7SJeBHqn9cPSCyI0ZAeijRP7eyCPfR2JuSSfmehp3m4v5HBwITSitV"
              "nSuhBdWXrv0lIC\n-----END EC PRIVATE KEY-----"),
         TEXT("")},
        {"private key", TEXT(""),
         TEXT("-----"
              "BEGIN PGP PRIVATE KEY "
              "BLOCK-----"
              "\n\nlQOYBFAQjdr6G4riMAbxzbmkst9ope261YeZr2uM5Sd1wET1AsxblSpxe6TJKesj4fViJblizDEuOR0FyEq8BVubEZ"
              "sfDH1H\n=ab12\n-----END PGP PRIVATE KEY BLOCK-----"),
         TEXT("")},
        {"AWS access key id", TEXT("id="), TEXT("AKIAOHIS4JLL2KENCGYE"), TEXT(" ")},
        {"AWS access key id", TEXT("id="), TEXT("ASIARDHZIA3FU77WXDIS"), TEXT(" ")},
        {"AWS secret access key", TEXT("aws_secret_access_key = "),
         TEXT("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"), TEXT("\n")},
        {"AWS secret access key", TEXT("AWS_SECRET_ACCESS_KEY="),
         TEXT("TlchIegkRev6xWQCrKELP6ex79pNDxGT2cOK/bRw"),
         TEXT("\0"
              "")},
        {"AWS secret access key", TEXT("\"SecretAccessKey\": \""),
         TEXT("TlchIegkRev6xWQCrKELP6ex79pNDxGT2cOK/bRw"), TEXT("\"")},
        {"GitHub token", TEXT(""),
         TEXT("gh"
              "p_W1PSV7ntWyYYIu1WpSzob92XhClkNvLZEGCC"),
         TEXT("")},
        {"GitHub token", TEXT(""), TEXT("gho_LMMCf47eqwWAbeT47n6bUddGMJpKEX3Y34eJ"), TEXT("")},
        {"GitHub token", TEXT(""), TEXT("ghu_jQHR0KwSrPCe5CW7wXU8DsBrde28JHyqUSdr"), TEXT("")},
        {"GitHub token", TEXT(""), TEXT("ghs_PuKCMtBkOqFnZ6tXrTLdXSEutdKxPLrN8Cpm"), TEXT("")},
        {"GitHub token", TEXT(""), TEXT("ghr_buRAdDcxraKCCj11hkW8GtEP5zfF7eDrPpDf"), TEXT("")},
        {"GitHub token", TEXT(""),
         TEXT("github_pat_ZyDDQ1acToD4C8MLsgoZMi_"
              "OF7UyGFi6KmE2uNnBciWfbkxYhoIuA6wTsc50OjHITeFxxQ0ZUIIiFePsFz"),
         TEXT("")},
        {"GitLab token", TEXT("token: "), TEXT("glpat-2fjH_fGZkvMJ1owAkQD4"), TEXT("")},
        {"Slack token", TEXT(""),
         TEXT("xo"
              "xb-200641682514-KIQfrUSCEiwvjBBHDI0Wb3Q8"),
         TEXT("")},
        {"Slack token", TEXT(""),
         TEXT("xo"
              "xp-903862535502-ln0KuGRhmKotJcw8bybHVUc6"),
         TEXT("")},
        {"Slack token", TEXT(""),
         TEXT("xo"
              "xa-379627028779-AGI02arDNAC6kPet4WZdNMR0"),
         TEXT("")},
        {"Slack token", TEXT(""),
         TEXT("xo"
              "xs-348853553097-ZWJJ1PfYCGKZGwtS56MyzwUe"),
         TEXT("")},
        {"Slack token", TEXT(""), TEXT("xapp-1-A7891360189-lnL0YBUrBnTgYgeitsZcy0l77sjqDiJzaX9lBrxh"),
         TEXT("")},
        {"Slack web hook", TEXT("https://"),
         TEXT("hooks."
              "slack.com/services/TNSSEBFxW/Bnl3w8taT/97AR7tPECwFq99T5Wsz17vmn"),
         TEXT("")},
        {"Google API key", TEXT("key="), TEXT("AIzaa9LPer2yAxwWapxpNvfMblniJVJ0XcI01d2"), TEXT("&")},
        {"Google OAuth token", TEXT(""),
         TEXT("ya29.9fm1jKqX1DTOlX3YpNqJH-RJoY7xd9MAYUOLqTvN4pXNuNIZapvW6Kfz7wAP"), TEXT("")},
        {"Google OAuth secret", TEXT(""), TEXT("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"), TEXT("")},
        {"Stripe key", TEXT(""),
         TEXT("sk_"
              "live_aPRquEJR9GjebLi2Y27PFcWI"),
         TEXT("")},
        {"Stripe key", TEXT(""),
         TEXT("rk_"
              "live_zFA0xJXzBBQjd9Y3hFDNMzcA"),
         TEXT("")},
        {"Stripe test key", TEXT(""), TEXT("sk_test_ehF9Rm91regBDKZxxgb3l85q"), TEXT("")},
        {"Stripe test key", TEXT(""), TEXT("rk_test_pnolCNBaxuaz300b65YA0wK5"), TEXT("")},
        {"npm token", TEXT("_authToken="), TEXT("npm_VJTxMb1EXNZaMRIeXSAqoHxKwdEErYC5a4JM"), TEXT("")},
        {"PyPI token", TEXT(""),
         TEXT("pypi-AgEIcHlwaS5vcmcC_"
              "o6R7eJuDBX2KiQvqbTlLkONzvmv94eRhCBxRe9HBBb1denHeExsCm45NPvjxwmVJ5HbxMmv0R6sI_A"),
         TEXT("")},
        {"Docker Hub token", TEXT(""), TEXT("dckr_pat_a6FHLOrSvrhj9SPhgDgxVfh4WRG"), TEXT("")},
        {"Vault token", TEXT(""), TEXT("hvs.5vWjHAdCs0nfr3pCBlaHauhn"), TEXT("")},
        {"DigitalOcean token", TEXT(""),
         TEXT("dop_v1_e732212e9283c98e990afec468a6e24b2dec564f5eb04d8f675d8a9368db8f23"), TEXT("")},
        {"Anthropic key", TEXT(""),
         TEXT("sk-ant-api03-"
              "OrMNkWGxWqhM0qMnIlr00IImIXFM0N71Jc1DlNpuJ7wNVfOMKw3Oin62FaRwXYpJRnG7n4gkVg68zMRZ"),
         TEXT("")},
        {"OpenAI key", TEXT(""), TEXT("sk-proj-6N4dRfVL5g7U9NmgtGPaDr9-kqHkR1l1vQlYEA-Un1k17rpB"), TEXT("")},
        {"Hugging Face token", TEXT(""), TEXT("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"), TEXT("")},
        {"JSON web token", TEXT("cookie="),
         TEXT("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0IiwibmFtZSI6Im1hZGUifQ."
              "gtD7fGUOv8fwNfBb0jXxUJR4QQAAabVVloZaXZxmCu1"),
         TEXT(";")},
        {"Kubernetes service account token", TEXT(""),
         TEXT("eyJhbGciOiJSUzI1NiIsImtpZCI6Im1hZGUifQ."
              "eyJpc3MiOiJ4Iiwia3ViZXJuZXRlcy5pbyI6eyJuYW1lc3BhY2UiOiJuIn19."
              "VShIqmArIntn9oX98WHgCtzC1uwB5FXZPf7stg7NvlE3LaruSrjLnonWKTn9UGKzEesg61SHE_qaQQ0NV3vTH1"),
         TEXT("")},
        {"basic authentication", TEXT("Authorization: Basic "), TEXT("dXNlcjpodW50ZXIyMg=="), TEXT("\r\n")},
        {"registry login", TEXT("{\"auths\": {\"host\": {\"auth\" : \""), TEXT("dXNlcjpodW50ZXIyMg=="),
         TEXT("\"}}}")},
        {"Redis password", TEXT("port 6379\nrequirepass "), TEXT("foobared"), TEXT("\n")},
        {"Redis password",
         TEXT("redis-server\0"
              "--requirepass\0"
              ""),
         TEXT("foobared"),
         TEXT("\0"
              "")},
        {"Redis password", TEXT("masterauth "), TEXT("foobared"), TEXT("\n")},
        {"netrc password", TEXT("machine example.org\n  login me\n  password "), TEXT("hunter2"), TEXT("\n")},
        {"URL with a password", TEXT("DSN=postgres://"), TEXT("me:hunter2"), TEXT("@db.example.org/x")},
        {"URL with a password", TEXT("redis://"), TEXT(":hunter2"), TEXT("@[::1]:6379")},
        {"bearer token", TEXT("Authorization: Bearer "), TEXT("NqPlEv7gXblTOvGXjmjwzcyruD5Qh1AJ"),
         TEXT("\r\n")},
        {"bearer token", TEXT("authorization: bearer "), TEXT("bDdAMxMGLd4c5zeeShEBxysxnnd1nnmt"),
         TEXT("\r\n")},
        {"password",
         TEXT("\0"
              "POSTGRES_PASSWORD="),
         TEXT("mysecret"),
         TEXT("\0"
              "")},
        {"password", TEXT("MYSQL_PASSWD="), TEXT("mysecret"),
         TEXT("\0"
              "")},
        {"password",
         TEXT("\0"
              "SMTP_PASS="),
         TEXT("geheimnis \xc3\x9f"
              ""),
         TEXT("\0"
              "")},
        {"token",
         TEXT("\0"
              "API_TOKEN="),
         TEXT("0123456789abcdef"),
         TEXT("\0"
              "")},
        {"secret",
         TEXT("\0"
              "CLIENT_SECRET="),
         TEXT("0123456789abcdef"),
         TEXT("\0"
              "")},
        {"key",
         TEXT("\0"
              "ENCRYPTION_KEY="),
         TEXT("/3Wn8s+0123456789abcdef="),
         TEXT("\0"
              "")},
};

static const struct slice no_secrets[] = {
        TEXT("-----"
             "BEGIN PUBLIC "
             "KEY-----"
             "\nMIIBzWWRpWv81aW71L33scX9VhJhKM1X72eSsFuquaKnx7lhq7aTnjx3oRuBMKlcnpLOwrLotCeOKD5IHU9LeMjCadWYq"
             "nEl\n-----END PUBLIC KEY-----"),
        TEXT("-----"
             "BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----"),
        TEXT("-----"
             "BEGIN RSA PRIVATE "
             "KEY-----"
             "\nQ622nNBp4cgM9EsVMGiX4FLOZACbDTMu3YZKx9H5YsMNIZ5cJa9BRdhxMss31rRwF3O6by0a0q5qj40tvcuMMUlQtr3\n"
             "-----END RSA PRIVATE KEY-----"),
        TEXT("-----"
             "BEGIN RSA PRIVATE KEY-----"),
        TEXT("xAKIACMKXG3XJSLAJ3GA5"),
        TEXT("AKIAUF7JXADX6Q4V2KZ34"),
        TEXT("gh"
             "p_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        TEXT("gh"
             "p_0BOeSG0gExieOFqpmUGFuUaLUW2xxCTorxH"),
        TEXT("gh"
             "p_7h4Fwp36roFCfg4eNcTJbRnckErhP4S1FlTE7"),
        TEXT("aws_secret_access_key = none"),
        TEXT("AIzaYSaGKWo8bFV3NWrGdUG13fUCr9cs37DmO4"),
        TEXT("hf_STQdghWggFgkcaqMnuZbHIEcUCTyXamlG"),
        TEXT("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxMjM0In0.SJd7n2Khd9fsuUeRSeZ5JHY0i9Lo7f3VLFfRgyj3gXE"),
        TEXT("eyJ0eXAiOiJKV1RzIn0.eyJzdWIiOiIxMjM0In0.yyxWslqCwTXjtqR1fQxstS98VpLl2AejxQUqRdS0gpr"),
        TEXT("eyJub3Q.eyJhbnk.AAAAAAAAAAAAAAAAAAAA"),
        TEXT("Basic constraints"),
        TEXT("Basic dGVzdA=="),
        TEXT("\"auth\": \"none\""),
        TEXT("\"auth\": true"),
        TEXT("# requirepass foobared\n"),
        TEXT("requirepass\0"
             "masterauth\0"
             ""),
        TEXT("machine learning is a word"),
        TEXT("https://example.org/a@b"),
        TEXT("https://user@example.org/"),
        TEXT("mailto://%s:%s@%s"),
        TEXT("postgres://user:${PASSWORD}@host"),
        TEXT("http://a:80/x@y"),
        TEXT("Bearer authentication-is-required-here"),
        TEXT("Bearer "),
        TEXT("\0"
             "PASSWORD=\0"
             ""),
        TEXT("\0"
             "PASSWORD=%s\0"
             ""),
        TEXT("\0"
             "DB_PASSWORD=${DB_PASSWORD}\0"
             ""),
        TEXT("\0"
             "TOKEN=short\0"
             ""),
        TEXT("\0"
             "SIGNING_KEY=/etc/keys/signing\0"
             ""),
        TEXT("echo DB_PASSWORD=geheimnis\0"
             ""),
        TEXT("\0"
             "DB_PASSWORD=not ended"),
        TEXT("\0"
             "DB_PASSWORD_FILE=/run/secrets/x\0"
             ""),
        TEXT("\0"
             "password=lower\0"
             ""),
};

struct seen {
        const char *kind;
        struct slice text, secret;
        unsigned rank, count;
};

static int see(void *argument, const struct secret *secret)
{
        struct seen *seen = argument;

        assert_true(secret->start + secret->size <= seen->text.size);
        seen->count++;
        if (seen->kind && seen->rank < secret->rank)
                return 0;
        seen->kind = secret->kind;
        seen->rank = secret->rank;
        seen->secret = (struct slice){seen->text.data + secret->start, secret->size};
        return 0;
}

static void look(struct slice text, struct seen *seen)
{
        _cleanup_secret_finder_ struct secret_finder *finder = NULL;
        struct error err = {0};

        *seen = (struct seen){.text = text};
        assert_success(secret_finder_new(&finder, &err), &err);
        assert_int_equal(secret_find(finder, text, 0, text.size, see, seen), 0);
}

static void join(struct buffer *out, size_t shift, size_t i)
{
        static const char filler[] = "\0\0\0";

        out->size = 0;
        assert_int_equal(buffer_append(out, filler, shift), 0);
        if (examples[i].before.size)
                assert_int_equal(buffer_append(out, examples[i].before.data, examples[i].before.size), 0);
        assert_int_equal(buffer_append(out, examples[i].secret.data, examples[i].secret.size), 0);
        if (examples[i].after.size)
                assert_int_equal(buffer_append(out, examples[i].after.data, examples[i].after.size), 0);
}

/* At even and at odd places. */
static void test_examples_are_found(void **state)
{
        for (size_t i = 0; i < 2 * ARRAY_SIZE(examples); i++) {
                _cleanup_buffer_ struct buffer text = {0};
                struct seen seen;

                join(&text, i % 2, i / 2);
                look(buffer_slice(&text), &seen);
                if (!seen.kind)
                        fail_msg("%s: not found", (const char *)examples[i / 2].secret.data);
                assert_string_equal(seen.kind, examples[i / 2].kind);
                assert_int_equal(seen.secret.size, examples[i / 2].secret.size);
                assert_memory_equal(seen.secret.data, examples[i / 2].secret.data, seen.secret.size);
        }
}

static void test_every_pattern_has_an_example(void **state)
{
        for (size_t i = 0; i < secret_pattern_count; i++) {
                const char *mark = secret_patterns[i].mark;
                bool found = false;

                assert_true(strlen(mark) >= SECRET_MARK_MIN);
                for (size_t j = 0; j < ARRAY_SIZE(examples); j++) {
                        _cleanup_buffer_ struct buffer text = {0};

                        join(&text, 0, j);
                        found = found || memmem(text.data, text.size, mark, strlen(mark));
                }
                if (!found)
                        fail_msg("no example has `%s`", mark);
        }
}

static void test_what_looks_like_one_is_not_found(void **state)
{
        for (size_t i = 0; i < ARRAY_SIZE(no_secrets); i++) {
                struct seen seen;

                look(no_secrets[i], &seen);
                if (seen.kind)
                        fail_msg("%.*s: %s", (int)no_secrets[i].size, (const char *)no_secrets[i].data,
                                 seen.kind);
        }
}

/* A mark belongs to the one part in which it begins. */
static void test_parts_find_each_secret_once(void **state)
{
        _cleanup_secret_finder_ struct secret_finder *finder = NULL;
        _cleanup_buffer_ struct buffer text = {0};
        struct error err = {0};

        assert_success(secret_finder_new(&finder, &err), &err);
        for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
                struct seen whole;

                join(&text, 1, i);
                look(buffer_slice(&text), &whole);
                for (size_t cut = 0; cut <= text.size; cut++) {
                        struct seen seen = {.text = buffer_slice(&text)};

                        assert_int_equal(secret_find(finder, seen.text, 0, cut, see, &seen), 0);
                        assert_int_equal(secret_find(finder, seen.text, cut, text.size, see, &seen), 0);
                        assert_int_equal(seen.count, whole.count);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_examples_are_found),
                cmocka_unit_test(test_every_pattern_has_an_example),
                cmocka_unit_test(test_what_looks_like_one_is_not_found),
                cmocka_unit_test(test_parts_find_each_secret_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
