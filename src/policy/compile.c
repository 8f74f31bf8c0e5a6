/*
 * compile.c - the raw configuration of callers, profiles and rules becomes a policy, whole or not
 * at all. May touch: its arguments, the heap.
 */
#include "policy/compiled.h"

#include <stdlib.h>

enum rk_err rkd_refuse_raw(const struct rkd_compile *compile, struct rkd_pos at, const char *key,
                           const char *text)
{
    return rkd_raw_refuse(compile->error, at, key, text);
}

static bool has_entra(const struct rkd_raw *raw)
{
    for (size_t i = 0; i < raw->caller_count; i++)
        if (raw->callers[i].kind == RKD_RAW_CALLER_ENTRA)
            return true;
    return false;
}

/* D5: callers and `anonymous: rules` are nothing without rules. */
static enum rk_err check_without_rules(const struct rkd_compile *compile)
{
    const struct rkd_raw *raw = compile->raw;
    enum rk_err err;
    const struct rkd_pos at = raw->callers_at.file != NULL ? raw->callers_at : raw->rules_at;

    if (raw->anonymous_by_rules)
        return rkd_refuse_raw(compile, at, "rules", "expected rules, since anonymous says rules");
    if (raw->caller_count != 0 && !has_entra(raw))
        return rkd_refuse_raw(compile, at, "rules",
                              "expected rules beside callers: without one nobody is "
                              "let in");
    err = rkd_compile_ceiling(compile); /* what nobody uses is no place for a typing error either */
    return err == RK_OK ? rkd_compile_profiles(compile) : err;
}

static enum rk_err compile_all(const struct rkd_compile *compile)
{
    enum rk_err err;

    if (has_entra(compile->raw))
        return rkd_refuse_raw(compile, compile->raw->rules_at, "rules",
                              "expected no rules beside ENTRA_CLIENT_ID and ENTRA_AUTHORITY");
    if ((err = rkd_compile_ceiling(compile)) != RK_OK ||
        (err = rkd_compile_profiles(compile)) != RK_OK ||
        (err = rkd_compile_callers(compile)) != RK_OK ||
        (err = rkd_check_identity_spaces(compile)) != RK_OK)
        return err;
    return rkd_compile_rules(compile);
}

enum rk_err rkd_policy_compile(const struct rkd_raw *raw, struct rkd_policy **out,
                               struct rkd_raw_error *out_error)
{
    struct rkd_compile compile = {.raw = raw, .error = out_error};
    enum rk_err err;

    *out = NULL;
    compile.policy = calloc(1, sizeof(*compile.policy));
    if (compile.policy == NULL)
        return RK_E_NOMEM;
    compile.policy->raw = raw;
    err = raw->rule_count == 0 ? check_without_rules(&compile) : compile_all(&compile);
    if (err == RK_OK && raw->rule_count != 0)
        *out = compile.policy;
    else
        rkd_policy_free(compile.policy);
    return err;
}

void rkd_policy_free(struct rkd_policy *policy)
{
    if (policy == NULL)
        return;
    rkd_pool_clear(&policy->pool);
    free(policy);
}

size_t rkd_policy_hook_count(const struct rkd_policy *policy)
{
    return policy == NULL ? 0 : policy->hook_count;
}

const struct rkd_hook *rkd_policy_hook_at(const struct rkd_policy *policy, size_t index)
{
    return &policy->hooks[index];
}
