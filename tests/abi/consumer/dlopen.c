/*
 * dlopen.c LIBRARY - loads libroomkey, mints, unloads it, a hundred times; it must be gone each
 * time.
 */
#include <dlfcn.h>
#include <roomkey/roomkey.h>
#include <stdio.h>
#include <string.h>

#define LOOK_UP(name)                                                                              \
    do {                                                                                           \
        void *symbol = dlsym(library, #name);                                                      \
        if (symbol == NULL)                                                                        \
            return 0;                                                                              \
        memcpy(&name##_, &symbol, sizeof(symbol)); /* a cast to a function pointer is not C */     \
    } while (0)

static int mint(void *library)
{
    enum rk_err (*rk_key_new_)(struct rk_str, struct rk_str, struct rk_key **);
    enum rk_err (*rk_claims_new_)(struct rk_claims **);
    enum rk_err (*rk_claims_set_grant_)(struct rk_claims *, enum rk_grant, bool);
    enum rk_err (*rk_token_sign_)(const struct rk_key *, const struct rk_claims *, int64_t, char *,
                                  size_t, size_t *);
    void (*rk_claims_free_)(struct rk_claims *);
    void (*rk_key_free_)(struct rk_key *);
    struct rk_key *key = NULL;
    struct rk_claims *claims = NULL;
    char token[1024];
    size_t len = 0;
    int good;

    LOOK_UP(rk_key_new);
    LOOK_UP(rk_claims_new);
    LOOK_UP(rk_claims_set_grant);
    LOOK_UP(rk_token_sign);
    LOOK_UP(rk_claims_free);
    LOOK_UP(rk_key_free);
    good = rk_key_new_(RK_STR("k"), RK_STR("s"), &key) == RK_OK &&
           rk_claims_new_(&claims) == RK_OK &&
           rk_claims_set_grant_(claims, RK_GRANT_ROOM_LIST, true) == RK_OK &&
           rk_token_sign_(key, claims, 1, token, sizeof(token), &len) == RK_OK;
    rk_claims_free_(claims);
    rk_key_free_(key);
    return good;
}

int main(int argc, char **argv)
{
    for (int i = 0; argc == 2 && i < 100; i++) {
        void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);

        if (library == NULL || !mint(library) || dlclose(library) != 0) {
            (void)fprintf(stderr, "round %d: %s\n", i, dlerror());
            return 1;
        }
        if (dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD) != NULL) {
            (void)fprintf(stderr, "round %d: still loaded\n", i);
            return 1;
        }
    }
    (void)printf("gone\n");
    return argc == 2 ? 0 : 2;
}
