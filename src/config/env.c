/*
 * env.c - variables by name, out of a list like environ.
 *
 * May touch: its arguments; rkd_env_wipe writes into the environment.
 */
#include "config/read.h"

/* Not const: rkd_env_wipe writes there. NULL when the entry is another variable's. */
static char *value_of(char *entry, struct rk_str name)
{
    const bool is_it = strncmp(entry, name.ptr, name.len) == 0 && entry[name.len] == '=';

    return is_it ? entry + name.len + 1 : NULL;
}

struct rk_str rkd_env_get(const struct rkd_env *env, const char *name)
{
    for (char *const *entry = env->entries; *entry != NULL; entry++) {
        const char *value = value_of(*entry, rki_cstr(name));

        if (value != NULL)
            return rki_cstr(*value == '\0' ? NULL : value);
    }
    return rki_str(NULL, 0);
}

void rkd_env_wipe(char *const *entries)
{
    for (; *entries != NULL; entries++) {
        const struct rkd_variable *variable;

        for (size_t i = 0; (variable = rkd_variable_at(i)) != NULL; i++) {
            char *value = value_of(*entries, rki_cstr(variable->name));

            /* the name of a key is no secret, but nobody needs it here any more either */
            if (variable->kind == RKD_VARIABLE_SECRET && value != NULL)
                rk_wipe(value, strlen(value));
        }
    }
}
