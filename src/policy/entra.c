/*
 * entra.c - decides for callers of the original's ENTRA_* settings: room and identity as asked, the
 * metadata and the default name from the proved claims (contract.json, stage 004; reference
 * livekit-tokens.md s.6).
 *
 * What the metadata says is proved, so a request may not write it. May touch: its arguments, the
 * call's arena.
 */
#include "core/utf8.h"
#include "policy/claim.h"
#include "policy/open.h"

static enum rkd_err refuse(struct rkd_problem *problem, enum rkd_err err, const char *field,
                           const char *reason)
{
    problem->err = err;
    problem->field = rki_cstr(field);
    problem->reason = reason;
    return err;
}

/* The first of the claims that is a non-empty string; otherwise `none`. */
static struct rk_str first_of(const struct rkd_caller *caller, const char *first,
                              const char *second, struct rk_str none)
{
    const char *const names[] = {first, second};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const json_t *value = json_object_get(caller->claims, names[i]);

        if (json_string_length(value) != 0)
            return rki_str(json_string_value(value), json_string_length(value));
    }
    return none;
}

struct who {
    struct rk_str user, email, name, tenant;
};

static struct who read_claims(const struct rkd_caller *caller)
{
    struct who who = {
        .user = first_of(caller, "oid", "sub", RK_STR("")),
        .email = first_of(caller, "email", "preferred_username", RK_STR("")),
        .tenant = first_of(caller, "tid", "tid", RK_STR("")),
    };

    who.name =
        first_of(caller, "name", "name", who.email.len != 0 ? who.email : RK_STR("Unknown User"));
    return who;
}

/* In the original's order. */
static enum rkd_err write_metadata(const struct who *who, struct rki_arena *arena,
                                   struct rk_str *out, struct rkd_problem *problem)
{
    char text[RKD_METADATA_MAX];
    struct rki_buf buf = rki_buf_over(text, sizeof(text));

    rki_buf_lit(&buf, "{\"userId\":");
    rki_buf_json(&buf, who->user);
    rki_buf_lit(&buf, ",\"displayName\":");
    rki_buf_json(&buf, who->name);
    rki_buf_lit(&buf, ",\"email\":");
    rki_buf_json(&buf, who->email);
    rki_buf_lit(&buf, ",\"tenantId\":");
    rki_buf_json(&buf, who->tenant);
    rki_buf_char(&buf, '}');
    if (buf.overflow)
        return refuse(problem, RKD_E_TOO_LARGE, "participant_metadata", "metadata-length");
    if (rki_arena_dup(arena, rki_buf_str(&buf), out) != RK_OK)
        return refuse(problem, RKD_E_UNAVAILABLE, NULL, "arena");
    return RKD_OK;
}

static bool sends_metadata(const struct rkd_ask *ask)
{
    return ask->metadata.len != 0 || (ask->oversize.ptr != NULL &&
                                      rki_str_equal(ask->oversize, RK_STR("participant_metadata")));
}

static enum rkd_err decide(const struct rkd_policy_in *in, struct rkd_decision *out,
                           struct rkd_problem *problem)
{
    const struct who who = read_claims(in->caller);
    const bool is_refused = sends_metadata(in->ask);
    struct rkd_ask ask = *in->ask;
    enum rkd_err err;

    if (who.user.len == 0) /* auth refuses it too */
        return refuse(problem, RKD_E_INVALID_TOKEN, NULL, "no-subject");
    if (is_refused && ask.metadata.len == 0)
        ask.oversize = rki_str(NULL, 0); /* what is not permitted goes before its size (D25) */
    err = rkd_open_decide(in->terms, &ask, in->random, in->arena, out, problem);
    if (err == RKD_OK && is_refused)
        err = refuse(problem, RKD_E_FIELD_NOT_ALLOWED, "participant_metadata", "metadata");
    if (err != RKD_OK)
        return err;
    if (ask.name.len == 0 && rki_name_check(who.name) == RK_OK)
        err = rki_arena_dup(in->arena, who.name, &out->name) == RK_OK
                  ? RKD_OK
                  : refuse(problem, RKD_E_UNAVAILABLE, NULL, "arena");
    return err == RKD_OK ? write_metadata(&who, in->arena, &out->metadata, problem) : err;
}

enum rkd_err rkd_policy_decide_entra(const struct rkd_policy_in *in, struct rkd_decision *out,
                                     struct rkd_problem *problem)
{
    struct rkd_decision decision = {.ttl_s = 0};
    enum rkd_err err;

    *out = decision;
    if (in->caller->kind != RKD_CALLER_ENTRA)
        return refuse(problem, RKD_E_UNAUTHENTICATED, NULL, "no-caller");
    err = decide(in, &decision, problem);
    if (err == RKD_OK)
        *out = decision;
    return err;
}
