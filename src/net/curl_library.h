/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of libcurl that we use, loaded when they are first asked for. */
#ifndef SNAP_NET_CURL_LIBRARY_H
#define SNAP_NET_CURL_LIBRARY_H

#include <curl/curl.h>
#include "base/error.h"

/* FUNCTION(member, symbol). */
#define CURL_FUNCTIONS(FUNCTION)                                                                             \
        FUNCTION(global_init, curl_global_init)                                                              \
        FUNCTION(version_info, curl_version_info)                                                            \
        FUNCTION(free, curl_free)                                                                            \
        FUNCTION(slist_append, curl_slist_append)                                                            \
        FUNCTION(slist_free_all, curl_slist_free_all)                                                        \
        FUNCTION(easy_init, curl_easy_init)                                                                  \
        FUNCTION(easy_reset, curl_easy_reset)                                                                \
        FUNCTION(easy_cleanup, curl_easy_cleanup)                                                            \
        FUNCTION(easy_setopt, curl_easy_setopt)                                                              \
        FUNCTION(easy_getinfo, curl_easy_getinfo)                                                            \
        FUNCTION(easy_perform, curl_easy_perform)                                                            \
        FUNCTION(easy_strerror, curl_easy_strerror)                                                          \
        FUNCTION(url, curl_url)                                                                              \
        FUNCTION(url_cleanup, curl_url_cleanup)                                                              \
        FUNCTION(url_get, curl_url_get)                                                                      \
        FUNCTION(url_set, curl_url_set)

/* The names stand alone so that the macros of curl.h that check arguments do not get in the way. */
struct curl_library {
#define CURL_MEMBER(member, symbol) __typeof__(&(symbol)) member;
        CURL_FUNCTIONS(CURL_MEMBER)
#undef CURL_MEMBER
};

/* Loads it once per process and keeps it. Thread-safe. ERROR_HTTP_LIBRARY (-ENOENT). */
int curl_library_get(const struct curl_library **out, struct error *err);

#endif
