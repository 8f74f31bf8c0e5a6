/*
 * curl_linked.c - libcurl where it is part of the program (ROOMKEY_STATIC); curl_load.c finds it
 * where it is not.
 *
 * It is still initialised by the first who fetches. May touch: its argument.
 */
#include "net/curl_load.h"

static const struct rkd_curl linked = {
    .global_init = curl_global_init,
    .global_cleanup = curl_global_cleanup,
    .easy_init = curl_easy_init,
    .easy_setopt = curl_easy_setopt,
    .easy_getinfo = curl_easy_getinfo,
    .easy_cleanup = curl_easy_cleanup,
    .slist_append = curl_slist_append,
    .slist_free_all = curl_slist_free_all,
    .multi_init = curl_multi_init,
    .multi_setopt = curl_multi_setopt,
    .multi_add_handle = curl_multi_add_handle,
    .multi_remove_handle = curl_multi_remove_handle,
    .multi_socket_action = curl_multi_socket_action,
    .multi_info_read = curl_multi_info_read,
    .multi_assign = curl_multi_assign,
    .multi_cleanup = curl_multi_cleanup,
};

enum rk_err rkd_curl_load(struct rkd_curl *curl)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return RK_E_NOMEM;
    *curl = linked;
    return RK_OK;
}
