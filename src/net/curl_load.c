/*
 * curl_load.c - finds libcurl and the functions we use in it.
 *
 * May touch: its argument, the dynamic linker.
 */
#include "net/curl_load.h"

#include <dlfcn.h>
#include <stddef.h>

#define SYMBOL(name)                                                                               \
    {                                                                                              \
        "curl_" #name, offsetof(struct rkd_curl, name)                                             \
    }

static const struct {
    const char *name;
    size_t at;
} symbols[] = {
    SYMBOL(global_init),         SYMBOL(global_cleanup),   SYMBOL(easy_init),
    SYMBOL(easy_setopt),         SYMBOL(easy_getinfo),     SYMBOL(easy_cleanup),
    SYMBOL(slist_append),        SYMBOL(slist_free_all),   SYMBOL(multi_init),
    SYMBOL(multi_setopt),        SYMBOL(multi_add_handle), SYMBOL(multi_remove_handle),
    SYMBOL(multi_socket_action), SYMBOL(multi_info_read),  SYMBOL(multi_assign),
    SYMBOL(multi_cleanup),
};

_Static_assert(ARRAY_LEN(symbols) * sizeof(void *) == sizeof(struct rkd_curl), "all of them");

enum rk_err rkd_curl_load(struct rkd_curl *curl)
{
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    struct rkd_curl found;

    if (library == NULL)
        return RK_E_STATE;
    for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
        void *function = dlsym(library, symbols[i].name);

        if (function == NULL)
            return RK_E_STATE;
        /* ISO C has no cast from an object pointer to a function's; POSIX says they fit */
        memcpy((char *)&found + symbols[i].at, &function, sizeof(function));
    }
    if (found.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return RK_E_NOMEM;
    *curl = found;
    return RK_OK;
}
