/* SPDX-License-Identifier: Apache-2.0 */
#include "net/errors.h"

#include <stddef.h>

const struct error_kind ERROR_HTTP_LIBRARY = {
        "SNAP-501", EXIT_ERROR, 500, "libcurl is not installed",
        "Install the package that has libcurl-gnutls.so.4; on Debian, libcurl3t64-gnutls."};
const struct error_kind ERROR_HTTP_URL = {"SNAP-502", EXIT_USAGE, 400, "not an HTTP address",
                                          "Addresses are https://HOST[:PORT]/PATH, or http:// likewise."};
const struct error_kind ERROR_HOST_UNKNOWN = {
        "SNAP-503", EXIT_ERROR, 502, "the host name has no address",
        "Check the name, and whether this machine can resolve names (/etc/resolv.conf)."};
const struct error_kind ERROR_CONNECTION = {
        "SNAP-504", EXIT_ERROR, 502, "no connection to the other side, or it broke",
        "Check that the service runs and that no firewall is in between. Proxies are taken from https_proxy, "
        "http_proxy and no_proxy."};
const struct error_kind ERROR_TLS_HANDSHAKE = {
        "SNAP-505", EXIT_ERROR, 502, "no TLS connection could be agreed on",
        "The other side must speak TLS 1.2 or newer on that port. It may want a client certificate: --cert "
        "and --key."};
const struct error_kind ERROR_TLS_UNTRUSTED = {
        "SNAP-506", EXIT_ERROR, 502, "the certificate of the other side is not trusted",
        "Name the certificate of the authority that signed it with --ca. Certificates are always checked."};
const struct error_kind ERROR_TLS_OWN = {
        "SNAP-507", EXIT_USAGE, 500, "a certificate or key of ours cannot be used",
        "They must be readable files in PEM format, and the key must belong to the certificate."};
const struct error_kind ERROR_HTTP_TIMEOUT = {"SNAP-508", EXIT_TIMEOUT, 504, "the other side does not answer",
                                              "Check the network and the service, then try again."};
const struct error_kind ERROR_HTTP_PROTOCOL = {"SNAP-509", EXIT_ERROR, 502,
                                               "the answer is not one that HTTP allows",
                                               "Check the address: something else may listen there."};
const struct error_kind ERROR_HTTP_PROXY = {
        "SNAP-510", EXIT_ERROR, 502, "the proxy does not let us through",
        "Check https_proxy and http_proxy; no_proxy lists hosts that are reached without."};
const struct error_kind ERROR_GRPC = {"SNAP-511", EXIT_ERROR, 502, "the service that was called failed",
                                      "The words are its own; its log may tell more."};

const struct error_kind ERROR_HTTP_REQUEST = {
        .code = "SNAP-520",
        .exit_status = EXIT_ERROR,
        .http_status = 400,
        .title = "malformed request",
};
const struct error_kind ERROR_HTTP_UNAUTHENTICATED = {
        .code = "SNAP-521",
        .exit_status = EXIT_ERROR,
        .http_status = 401,
        .title = "the server wants to know who asks",
        .hint = "Log in, or send a valid token or client certificate.",
};
const struct error_kind ERROR_HTTP_FORBIDDEN = {
        .code = "SNAP-522",
        .exit_status = EXIT_ERROR,
        .http_status = 403,
        .title = "this account may not do that",
        .hint = "Ask the administrator of the server for the right.",
};
const struct error_kind ERROR_HTTP_PATH = {
        .code = "SNAP-523",
        .exit_status = EXIT_NOT_FOUND,
        .http_status = 404,
        .title = "the server has nothing at this path",
        .hint = "Check the address.",
};
const struct error_kind ERROR_HTTP_METHOD = {
        .code = "SNAP-524",
        .exit_status = EXIT_ERROR,
        .http_status = 405,
        .title = "the path does not know this method",
        .hint = "The header `Allow` of the answer lists the methods it knows.",
};
const struct error_kind ERROR_HTTP_TOO_LARGE = {
        .code = "SNAP-525",
        .exit_status = EXIT_ERROR,
        .http_status = 413,
        .title = "the body of the request is too large",
};
const struct error_kind ERROR_HTTP_HEADER = {
        .code = "SNAP-526",
        .exit_status = EXIT_ERROR,
        .http_status = 431,
        .title = "the header or the address of the request is too long",
};
const struct error_kind ERROR_SERVER_LISTEN = {
        .code = "SNAP-527",
        .exit_status = EXIT_ERROR,
        .http_status = 500,
        .title = "the server cannot listen there",
        .hint = "Write HOST:PORT, [IPV6]:PORT or unix:PATH, and see with `ss -ltn` who has the port.",
};
const struct error_kind ERROR_SERVER_TLS = {
        .code = "SNAP-528",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 500,
        .title = "certificate or key of the server cannot be used",
        .hint = "Both are PEM files; `openssl x509 -in FILE -noout -text` shows what a certificate says.",
};

const struct error_kind *const net_error_kinds[] = {
        &ERROR_HTTP_LIBRARY,
        &ERROR_HTTP_URL,
        &ERROR_HOST_UNKNOWN,
        &ERROR_CONNECTION,
        &ERROR_TLS_HANDSHAKE,
        &ERROR_TLS_UNTRUSTED,
        &ERROR_TLS_OWN,
        &ERROR_HTTP_TIMEOUT,
        &ERROR_HTTP_PROTOCOL,
        &ERROR_HTTP_PROXY,
        &ERROR_GRPC,
        &ERROR_HTTP_REQUEST,
        &ERROR_HTTP_UNAUTHENTICATED,
        &ERROR_HTTP_FORBIDDEN,
        &ERROR_HTTP_PATH,
        &ERROR_HTTP_METHOD,
        &ERROR_HTTP_TOO_LARGE,
        &ERROR_HTTP_HEADER,
        &ERROR_SERVER_LISTEN,
        &ERROR_SERVER_TLS,
        NULL,
};
