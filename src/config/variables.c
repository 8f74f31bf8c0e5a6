/*
 * variables.c - is every variable of the environment one that we know?
 *
 * A typing error in ROOMKEY_LIMITS must not leave the service without limits, so an unknown
 * ROOMKEY_ name is refused. May touch: its arguments.
 */
#include "config/read.h"

/* "NAME=..." -> NAME, borrowed. */
static struct rk_str name_of(const char *entry)
{
    const char *end = strchr(entry, '=');

    return end == NULL ? rki_cstr(entry) : rki_str(entry, (size_t)(end - entry));
}

/* The text behind the first `part` in `text`; absent when it is not in it. */
static struct rk_str behind(struct rk_str text, struct rk_str part)
{
    for (; text.len >= part.len; text.ptr++, text.len--)
        if (rki_str_starts_with(text, part))
            return rki_str(text.ptr + part.len, text.len - part.len);
    return rki_str(NULL, 0);
}

/*
 * Kubernetes gives every pod variables of the services beside it, and the service in front of
 * roomkey is likely called roomkey: ROOMKEY_SERVICE_HOST, ROOMKEY_PORT=tcp://10.0.0.1:80,
 * ROOMKEY_PORT_80_TCP_ADDR, ... They are nobody's typing error. ROOMKEY_CACHE belongs to ./dev.
 */
static bool is_others(struct rk_str name, struct rk_str value)
{
    const struct rk_str port = behind(name, RK_STR("_PORT_"));

    return behind(name, RK_STR("_SERVICE_HOST")).ptr != NULL ||
           behind(name, RK_STR("_SERVICE_PORT")).ptr != NULL ||
           (port.len != 0 && port.ptr[0] >= '0' && port.ptr[0] <= '9') ||
           (rki_str_ends_with(name, RK_STR("_PORT")) && behind(value, RK_STR("://")).ptr != NULL) ||
           rki_str_equal(name, RK_STR("ROOMKEY_CACHE"));
}

/* An unknown name is the environment's: as a key only its harmless characters are shown. */
static enum rk_err fail_name(struct rkd_read *read, struct rk_str name, const char *text)
{
    return rkd_error_set(read->error, RK_E_UNKNOWN, (struct rkd_pos){.file = NULL}, name, text);
}

bool rkd_variable_names(const struct rkd_variable *variable, struct rk_str name)
{
    const struct rk_str own = rki_cstr(variable->name);

    if (variable->kind == RKD_VARIABLE_SECRET && rki_str_ends_with(name, RK_STR("_FILE")) &&
        rki_str_equal(rki_str(name.ptr, name.len - 5), own))
        return true;
    return rki_str_equal(own, name);
}

static enum rk_err check_entry(struct rkd_read *read, char *const *entry)
{
    const struct rk_str name = name_of(*entry);
    const struct rk_str value = rki_cstr(*entry + name.len + ((*entry)[name.len] == '='));
    /* a typing error in ENTRA_CLIENT_ID must not leave the service open to everybody */
    const bool is_ours = rki_str_starts_with(name, RK_STR("ROOMKEY_")) ||
                         rki_str_starts_with(name, RK_STR("ENTRA_"));
    const struct rkd_variable *variable;
    size_t i = 0;

    while ((variable = rkd_variable_at(i)) != NULL && !rkd_variable_names(variable, name))
        i++;
    if (variable == NULL)
        return is_ours && !is_others(name, value)
                   ? fail_name(read, name,
                               "there is no such variable; `roomkey serve --help` lists them")
                   : RK_OK;
    for (char *const *other = read->env->entries; other != entry; other++)
        if (rki_str_equal(name_of(*other), name))
            return fail_name(read, name, "stands in the environment twice");
    /* an empty LIVEKIT_ variable is a missing one, as in the original; an empty setting of ours is
     * a mistake in somebody's script */
    if (is_ours && value.len == 0)
        return fail_name(read, name, "is empty; expected a value, or no such variable");
    return RK_OK;
}

enum rk_err rkd_names_check(struct rkd_read *read)
{
    enum rk_err err = RK_OK;

    for (char *const *entry = read->env->entries; *entry != NULL && err == RK_OK; entry++)
        err = check_entry(read, entry);
    return err;
}
