/*
 * explain_caller.c - picks the caller that is played, and looks at what its claims say of the
 * credential they would stand in.
 *
 * This is no verification: there is no signature here. May touch: its arguments.
 */
#include "cli/explain_caller.h"

#include "core/json.h"

static const char stage[] = "identify";

void rkd_trace_add(struct rkd_trace *trace, const char *in_stage, const char *outcome,
                   struct rk_str detail)
{
    if (trace->count < RKD_TRACE_MAX)
        trace->rows[trace->count++] =
            (struct rkd_trace_row){.stage = in_stage, .outcome = outcome, .detail = detail};
}

/* ---- which caller ---- */

static const struct rkd_raw_caller *find_issuer(const struct rkd_raw *raw, struct rk_str issuer)
{
    for (size_t i = 0; i < raw->caller_count && issuer.len != 0; i++)
        if (raw->callers[i].kind == RKD_RAW_CALLER_OIDC &&
            rki_str_equal(raw->callers[i].oidc.issuer.text, issuer))
            return &raw->callers[i];
    return NULL;
}

const struct rkd_raw_caller *rkd_explain_pick(const struct rkd_raw *raw, const char *name,
                                              const json_t *claims, const char **out_why)
{
    const struct rkd_raw_caller *found;

    for (size_t i = 0; name != NULL && i < raw->caller_count; i++)
        if (rki_str_equal(raw->callers[i].name.text, rki_cstr(name)))
            return &raw->callers[i];
    *out_why = "the configuration has no caller of that name";
    if (name != NULL)
        return NULL;
    *out_why = "the configuration has no callers: say --anonymous in place of --as";
    if (raw->caller_count == 0)
        return NULL;
    if (raw->caller_count == 1)
        return &raw->callers[0];
    found = find_issuer(raw, rki_json_str(json_object_get(claims, "iss")));
    *out_why = "expected --caller NAME, since there are several and no `iss` tells which";
    return found;
}

/* ---- what the claims say ---- */

static bool refuse(struct rkd_problem *problem, struct rkd_trace *trace, const char *outcome,
                   const char *reason, struct rk_str detail)
{
    rkd_trace_add(trace, stage, outcome, detail);
    *problem = (struct rkd_problem){.err = RKD_E_INVALID_TOKEN, .reason = reason};
    return false;
}

static bool is_in_list(const struct rkd_raw_list *list, struct rk_str text)
{
    for (size_t i = 0; i < list->count && text.ptr != NULL; i++)
        if (rki_str_equal(list->items[i].text, text))
            return true;
    return false;
}

/* Of several tenants the issuer is a template; which tenants is the verifier's business. */
static bool is_template(struct rk_str issuer)
{
    return issuer.len != 0 && memchr(issuer.ptr, '{', issuer.len) != NULL;
}

static bool check_issuer(const struct rkd_raw_oidc *oidc, const json_t *claims,
                         struct rkd_trace *trace, struct rkd_problem *problem)
{
    const json_t *issuer = json_object_get(claims, "iss");

    if (issuer == NULL || is_template(oidc->issuer.text))
        rkd_trace_add(trace, stage, "assumed", RK_STR("iss"));
    else if (!rki_str_equal(rki_json_str(issuer), oidc->issuer.text))
        return refuse(problem, trace, "issuer-differs", "jwt.iss", RK_STR("iss"));
    return true;
}

static bool check_audience(const struct rkd_raw_oidc *oidc, const json_t *claims,
                           struct rkd_trace *trace, struct rkd_problem *problem)
{
    const json_t *audience = json_object_get(claims, "aud");

    if (oidc->audience.count == 0) /* `require` stands in its place */
        return true;
    if (audience == NULL) {
        rkd_trace_add(trace, stage, "assumed", RK_STR("aud"));
        return true;
    }
    if (is_in_list(&oidc->audience, rki_json_str(audience)))
        return true;
    for (size_t i = 0; i < json_array_size(audience); i++)
        if (is_in_list(&oidc->audience, rki_json_str(json_array_get(audience, i))))
            return true;
    return refuse(problem, trace, "audience-differs", "jwt.aud", RK_STR("aud"));
}

/* The key may have no NUL behind it. */
static const json_t *find_claim(json_t *claims, struct rk_str key)
{
    for (void *at = json_object_iter(claims); at != NULL; at = json_object_iter_next(claims, at))
        if (rki_str_equal(rki_cstr(json_object_iter_key(at)), key))
            return json_object_iter_value(at);
    return NULL;
}

static bool equals(const struct rkd_value *want, const json_t *got)
{
    double difference;

    switch (want->kind) {
    case RKD_VALUE_STRING:
        return json_is_string(got) && rki_str_equal(rki_json_str(got), want->text);
    case RKD_VALUE_BOOL:
        return want->boolean ? json_is_true(got) : json_is_false(got);
    case RKD_VALUE_NUMBER:
        difference = json_number_value(got) - want->number;
        return json_is_number(got) && !(difference < 0) && !(difference > 0);
    case RKD_VALUE_NONE:
    case RKD_VALUE_LIST:
    case RKD_VALUE_MAP:
        break;
    }
    return false;
}

static bool check_required(const struct rkd_raw_oidc *oidc, json_t *claims, struct rkd_trace *trace,
                           struct rkd_problem *problem)
{
    for (size_t i = 0; i < oidc->require.count; i++) {
        const struct rkd_value_member *member = &oidc->require.members[i];
        const json_t *got = find_claim(claims, member->key);

        if (got == NULL)
            rkd_trace_add(trace, stage, "assumed", member->key);
        else if (!equals(&member->value, got))
            return refuse(problem, trace, "claim-differs", "jwt.require", member->key);
    }
    return true;
}

static bool check_times(const json_t *claims, int64_t now_s, struct rkd_caller *caller,
                        struct rkd_trace *trace, struct rkd_problem *problem)
{
    const json_t *expires = json_object_get(claims, "exp");
    const double exp_s = json_number_value(expires), now = (double)now_s;

    if (expires == NULL)
        return true;
    if (!json_is_number(expires) || exp_s < 0 || exp_s > 9007199254740991.0)
        return refuse(problem, trace, "no-time", "jwt.exp", RK_STR("exp"));
    if (exp_s > now)
        caller->expires_s = (int64_t)exp_s;
    else
        rkd_trace_add(trace, stage, "expired-ignored", RK_STR("exp"));
    return true;
}

static bool identify_oidc(const struct rkd_raw_oidc *oidc, json_t *claims, int64_t now_s,
                          struct rkd_caller *caller, struct rkd_trace *trace,
                          struct rkd_problem *problem)
{
    return check_issuer(oidc, claims, trace, problem) &&
           check_audience(oidc, claims, trace, problem) &&
           check_required(oidc, claims, trace, problem) &&
           check_times(claims, now_s, caller, trace, problem);
}

static bool identify_key(const struct rkd_raw_caller *chosen, int64_t now_s,
                         struct rkd_caller *caller, struct rkd_trace *trace,
                         struct rkd_problem *problem)
{
    for (size_t i = 0; i < chosen->key_count; i++) {
        const struct rkd_raw_api_key *key = &chosen->keys[i];

        if (!rki_str_equal(key->name.text, caller->subject))
            continue;
        caller->expires_s = key->expires_s;
        if (key->expires_s != 0 && key->expires_s <= now_s)
            return refuse(problem, trace, "expired", "key.expired", RK_STR("expires"));
        return true;
    }
    rkd_trace_add(trace, stage, "not-in-key-file", RK_STR("sub"));
    return true;
}

bool rkd_explain_identify(const struct rkd_raw *raw, const struct rkd_raw_caller *chosen,
                          json_t *claims, int64_t now_s, struct rkd_caller *caller,
                          struct rkd_trace *trace, struct rkd_problem *problem)
{
    static const enum rkd_caller_kind kinds[] = {
        [RKD_RAW_CALLER_NONE] = RKD_CALLER_NONE,
        [RKD_RAW_CALLER_OIDC] = RKD_CALLER_OIDC,
        [RKD_RAW_CALLER_API_KEYS] = RKD_CALLER_API_KEY,
        [RKD_RAW_CALLER_EASY_AUTH] = RKD_CALLER_EASY_AUTH,
        [RKD_RAW_CALLER_ENTRA] = RKD_CALLER_ENTRA,
    };

    *caller = (struct rkd_caller){
        .kind = kinds[chosen->kind],
        .index = (size_t)(chosen - raw->callers),
        .name = chosen->name.text,
        .subject = rki_json_str(json_object_get(claims, "sub")),
        .claims = claims,
    };
    if (caller->subject.len == 0)
        return refuse(problem, trace, "no-subject", "jwt.sub", RK_STR("sub"));
    if (chosen->kind == RKD_RAW_CALLER_EASY_AUTH && !raw->is_easy_auth_on)
        rkd_trace_add(trace, stage, "assumed", RK_STR("WEBSITE_AUTH_ENABLED"));
    if (chosen->kind == RKD_RAW_CALLER_API_KEYS)
        return identify_key(chosen, now_s, caller, trace, problem);
    if (chosen->kind == RKD_RAW_CALLER_OIDC || chosen->kind == RKD_RAW_CALLER_ENTRA)
        return identify_oidc(&chosen->oidc, claims, now_s, caller, trace, problem);
    return true;
}
