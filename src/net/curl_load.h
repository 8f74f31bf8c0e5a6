/*
 * curl_load.h - libcurl, loaded when somebody fetches.
 *
 * Linked the usual way it costs every start 5 ms and 4.4 MB, for its thirty libraries, before it is
 * even initialised (measured on Debian 12): more than half of what a roomkey without OIDC callers
 * may take.
 */
#ifndef RKD_NET_CURL_LOAD_H
#define RKD_NET_CURL_LOAD_H

#include "core/str.h"

/* The checker of option types is a GNU extension that -Wpedantic rightly refuses. */
#define CURL_DISABLE_TYPECHECK 1
#include <curl/curl.h>

struct rkd_curl {
    __typeof__(curl_global_init) *global_init;
    __typeof__(curl_global_cleanup) *global_cleanup;
    __typeof__(curl_easy_init) *easy_init;
    __typeof__(curl_easy_setopt) *easy_setopt;
    __typeof__(curl_easy_getinfo) *easy_getinfo;
    __typeof__(curl_easy_cleanup) *easy_cleanup;
    __typeof__(curl_slist_append) *slist_append;
    __typeof__(curl_slist_free_all) *slist_free_all;
    __typeof__(curl_multi_init) *multi_init;
    __typeof__(curl_multi_setopt) *multi_setopt;
    __typeof__(curl_multi_add_handle) *multi_add_handle;
    __typeof__(curl_multi_remove_handle) *multi_remove_handle;
    __typeof__(curl_multi_socket_action) *multi_socket_action;
    __typeof__(curl_multi_info_read) *multi_info_read;
    __typeof__(curl_multi_assign) *multi_assign;
    __typeof__(curl_multi_cleanup) *multi_cleanup;
};

/*
 * Loads and initialises it; RK_E_STATE: there is no libcurl.so.4 here, or it is too old. It stays
 * loaded for ever: its resolver threads may outlive everybody. Counted by libcurl: call
 * curl->global_cleanup once for each success. Threads: any.
 */
RK_NODISCARD enum rk_err rkd_curl_load(struct rkd_curl *curl);

#endif
