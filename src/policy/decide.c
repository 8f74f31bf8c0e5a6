/*
 * decide.c - the decision under rules, from the first question to the last (semantics D21-D30,
 * D36).
 *
 * Granted is what the rule gives, under the ceiling; the request chooses inside of it. May touch:
 * its arguments, the call's arena.
 */
#include "core/utf8.h"
#include "policy/run.h"

enum rkd_err rkd_run_refuse(struct rkd_run *run, enum rkd_err err, const char *field,
                            const char *reason)
{
    run->problem->err = err;
    run->problem->field = rki_cstr(field);
    run->problem->reason = reason;
    if (run->rule != NULL)
        run->problem->rule = run->rule->id;
    return err;
}

void rkd_run_trace(const struct rkd_run *run, const char *stage, struct rk_str rule,
                   const char *outcome, struct rk_str detail)
{
    struct rkd_trace *trace = run->in->trace;

    if (trace == NULL || trace->count == RKD_TRACE_MAX)
        return;
    trace->rows[trace->count++] =
        (struct rkd_trace_row){.stage = stage, .rule = rule, .outcome = outcome, .detail = detail};
}

static void trace_result(const struct rkd_run *run, const char *stage, enum rkd_err err,
                         const char *good, struct rk_str detail)
{
    rkd_run_trace(run, stage, run->rule->id, err == RKD_OK ? good : run->problem->reason, detail);
}

/* ---- who ---- */

/* Zero is deny: only a caller the rules can be about gets past this. */
enum rkd_err rkd_run_find_caller(struct rkd_run *run)
{
    static const enum rkd_raw_caller_kind kinds[] = {
        [RKD_CALLER_OIDC] = RKD_RAW_CALLER_OIDC,
        [RKD_CALLER_API_KEY] = RKD_RAW_CALLER_API_KEYS,
        [RKD_CALLER_EASY_AUTH] = RKD_RAW_CALLER_EASY_AUTH,
    };
    const struct rkd_caller *caller = run->in->caller;
    const struct rkd_policy *policy = run->policy;

    if (caller->kind == RKD_CALLER_ANONYMOUS)
        return policy->raw->anonymous_by_rules
                   ? RKD_OK
                   : rkd_run_refuse(run, RKD_E_UNAUTHENTICATED, NULL, "no-caller");
    if ((size_t)caller->kind >= ARRAY_LEN(kinds) || kinds[caller->kind] == RKD_RAW_CALLER_NONE ||
        caller->index >= policy->caller_count ||
        policy->callers[caller->index].raw->kind != kinds[caller->kind])
        return rkd_run_refuse(run, RKD_E_UNAUTHENTICATED, NULL, "no-caller");
    run->caller = &policy->callers[caller->index];
    return RKD_OK;
}

/* How long the caller's own credential lasts; INT64_MAX where that does not bind. */
static int64_t seconds_left(const struct rkd_run *run)
{
    const struct rkd_caller *caller = run->in->caller;

    if (run->caller == NULL || !run->caller->binds_to_exp || caller->expires_s == 0)
        return INT64_MAX;
    return caller->expires_s > run->in->now_s ? caller->expires_s - run->in->now_s : 0;
}

/* What no rule can mend. */
static enum rkd_err check_request(struct rkd_run *run)
{
    const struct rkd_ask *ask = run->in->ask;

    if (run->in->random.len != RKD_RANDOM_CHARS) /* a guessable name is worse than none */
        return rkd_run_refuse(run, RKD_E_INTERNAL, NULL, "no-random");
    if (seconds_left(run) < RKD_TTL_MIN_S)
        return rkd_run_refuse(run, RKD_E_INVALID_TOKEN, NULL, "exp-close");
    if (ask->ttl_s != 0 && ask->ttl_s < RKD_TTL_MIN_S)
        return rkd_run_refuse(run, RKD_E_INVALID_REQUEST, "expiration_seconds", "ttl");
    if (ask->room.len != 0 && rki_name_check(ask->room) != RK_OK)
        return rkd_run_refuse(run, RKD_E_INVALID_ROOM, "room_name", "room-name");
    return RKD_OK;
}

/* ---- which rule ---- */

static bool is_for(const struct rkd_rule *rule, const struct rkd_run *run)
{
    if (run->caller == NULL)
        return rule->caller == RKD_ANONYMOUS;
    return rule->caller == RKD_ANY_VERIFIED || rule->caller == run->in->caller->index;
}

static bool any_matches(const struct rkd_rule *rule, const struct rkd_run *run, struct rk_str room)
{
    for (size_t i = 0; i < rule->room_count; i++)
        if (rkd_pattern_matches(&rule->rooms[i], &run->view, room))
            return true;
    return false;
}

enum fit { DIFFERS = 0, FITS, NEEDS_ROOM };

/* D22, no room asked for: the room the rule has of itself, into `out`. */
static enum fit default_room(const struct rkd_rule *rule, const struct rkd_run *run,
                             struct rki_buf *out)
{
    if (rule->default_room.count != 0)
        return rkd_template_render(&rule->default_room, &run->view, out) &&
                       rki_name_check(rki_buf_str(out)) == RK_OK &&
                       any_matches(rule, run, rki_buf_str(out))
                   ? FITS
                   : DIFFERS;
    if (rule->room_count != 1 || rkd_template_uses(&rule->rooms[0], RKD_PART_STAR))
        return NEEDS_ROOM;
    return rkd_pattern_single(&rule->rooms[0], &run->view, out) == RKD_SINGLE_ONE ? FITS : DIFFERS;
}

/* The rule's whole match; its reason when it differs. */
static enum fit fit_rule(const struct rkd_rule *rule, struct rkd_run *run, struct rki_buf *room)
{
    const struct rk_str none = {0};
    struct rk_str key = {0};
    enum fit fit;

    if (!is_for(rule, run)) {
        rkd_run_trace(run, "rule", rule->id, "caller-differs", none);
        return DIFFERS;
    }
    if (!rkd_when_holds(&rule->when, run->in->caller, &key)) {
        rkd_run_trace(run, "rule", rule->id, "when-fails", key);
        return DIFFERS;
    }
    if (run->in->ask->room.len != 0) {
        fit = any_matches(rule, run, run->in->ask->room) ? FITS : DIFFERS;
        rkd_run_trace(run, "rule", rule->id, fit == FITS ? "matches" : "room-differs", none);
        return fit;
    }
    fit = default_room(rule, run, room);
    rkd_run_trace(run, "rule", rule->id,
                  fit == FITS         ? "matches"
                  : fit == NEEDS_ROOM ? "room-required"
                                      : "default-room-fails",
                  none);
    return fit;
}

static enum rkd_err keep_room(struct rkd_run *run, const struct rki_buf *room)
{
    run->decision.room = run->in->ask->room;
    if (run->in->ask->room.len != 0)
        return RKD_OK;
    return rki_arena_dup(run->in->arena, rki_buf_str(room), &run->decision.room) == RK_OK
               ? RKD_OK
               : rkd_run_refuse(run, RKD_E_UNAVAILABLE, NULL, "arena");
}

/* D21: the first rule that fits decides. */
static enum rkd_err find_rule(struct rkd_run *run)
{
    const struct rkd_policy *policy = run->policy;
    char text[RKI_NAME_MAX];

    for (size_t i = 0; i < policy->rule_count; i++) {
        struct rki_buf room = rki_buf_over(text, sizeof(text));
        enum fit fit = fit_rule(&policy->rules[i], run, &room);

        if (fit == DIFFERS)
            continue;
        run->rule = &policy->rules[i];
        run->decision.rule = run->rule->id;
        if (fit == NEEDS_ROOM)
            return rkd_run_refuse(run, RKD_E_ROOM_REQUIRED, "room_name", "no-room");
        return keep_room(run, &room);
    }
    if (run->caller == NULL) /* D5 */
        return rkd_run_refuse(run, RKD_E_UNAUTHENTICATED, NULL, "no-rule");
    return rkd_run_refuse(run, RKD_E_NO_RULE, NULL, "no-rule");
}

/* ---- what the rule gives ---- */

static enum rkd_err take_identity(struct rkd_run *run)
{
    enum rkd_err err = RKD_OK;

    if (run->identity_err != RKD_OK)
        err = rkd_run_refuse(run, run->identity_err, "participant_identity", run->identity_reason);
    run->decision.identity = run->whole;
    trace_result(run, "identity", err,
                 run->caller == NULL         ? "invented"
                 : run->caller->is_hashed    ? "hashed"
                 : run->caller->devices_many ? "device"
                                             : "template",
                 rki_str(NULL, 0));
    return err;
}

/* D26 */
static enum rkd_err take_profile(struct rkd_run *run)
{
    const struct rkd_rule *rule = run->rule;
    const struct rk_str asked = run->in->ask->profile;
    const struct rkd_profile *profile;
    size_t i = 0;

    while (asked.ptr != NULL && i < rule->profile_count &&
           !rki_str_equal(rule->profiles[i]->name, asked))
        i++;
    if (i == rule->profile_count) {
        (void)rkd_run_refuse(run, RKD_E_PROFILE_NOT_ALLOWED, NULL, "profile");
        trace_result(run, "profile", RKD_E_PROFILE_NOT_ALLOWED, NULL, rki_str(NULL, 0));
        return RKD_E_PROFILE_NOT_ALLOWED;
    }
    profile = rule->profiles[i];
    run->decision.profile = profile->name;
    run->decision.grants = profile->grants;
    run->decision.written = profile->written;
    run->decision.sources = profile->sources;
    run->decision.kind = profile->kind;
    trace_result(run, "profile", RKD_OK, asked.ptr == NULL ? "default" : "chosen", profile->name);
    if (profile->grants != profile->wanted)
        rkd_run_trace(run, "profile", rule->id, "ceiling-cuts", profile->name);
    return RKD_OK;
}

static enum rkd_err check_sizes(struct rkd_run *run)
{
    const struct rk_str oversize = run->in->ask->oversize;

    if (oversize.ptr == NULL)
        return RKD_OK;
    (void)rkd_run_refuse(run, RKD_E_TOO_LARGE, NULL, "oversize");
    run->problem->field = oversize;
    return RKD_E_TOO_LARGE;
}

/* D25: what is not permitted, then what is too large. */
static enum rkd_err take_fields(struct rkd_run *run)
{
    enum rkd_err err;

    if ((err = rkd_run_check_fields(run)) == RKD_OK &&
        (err = rkd_run_check_config(run)) == RKD_OK && (err = check_sizes(run)) == RKD_OK &&
        (err = rkd_run_fill_fields(run)) == RKD_OK)
        err = rkd_run_fill_config(run);
    trace_result(run, "field", err, "permitted",
                 err == RKD_OK ? rki_str(NULL, 0) : run->problem->field);
    return err;
}

/* D30: asked for too long is lowered, never refused. */
static void take_lifetime(struct rkd_run *run)
{
    const int64_t asked = run->in->ask->ttl_s, left = seconds_left(run);
    const char *outcome = "rule";

    run->decision.ttl_s = run->rule->ttl_s;
    if (run->rule->ttl_s == run->policy->ceiling_ttl_s && run->rule->raw->ttl.is_set &&
        run->rule->raw->ttl.ms / 1000 > run->rule->ttl_s)
        outcome = "ceiling";
    if (asked != 0 && asked < run->decision.ttl_s) {
        run->decision.ttl_s = asked;
        outcome = "asked";
    }
    if (left < run->decision.ttl_s) {
        run->decision.ttl_s = left;
        outcome = "caller-expires";
    }
    rkd_run_trace(run, "lifetime", run->rule->id, outcome, rki_str(NULL, 0));
}

static enum rkd_err decide(struct rkd_run *run)
{
    enum rkd_err err;

    if ((err = rkd_run_find_caller(run)) != RKD_OK || (err = check_request(run)) != RKD_OK ||
        (err = rkd_run_identify(run)) != RKD_OK || (err = find_rule(run)) != RKD_OK ||
        (err = rkd_run_open_config(run)) != RKD_OK || (err = take_identity(run)) != RKD_OK ||
        (err = take_profile(run)) != RKD_OK || (err = take_fields(run)) != RKD_OK)
        return err;
    take_lifetime(run);
    run->decision.hook = run->rule->hook;
    if (run->decision.hook != NULL)
        rkd_run_trace(run, "hook", run->rule->id, "to-be-asked", rki_str(NULL, 0));
    return RKD_OK;
}

enum rkd_err rkd_policy_decide(const struct rkd_policy *policy, const struct rkd_policy_in *in,
                               struct rkd_decision *out, struct rkd_problem *problem)
{
    struct rkd_run run = {
        .policy = policy,
        .in = in,
        .problem = problem,
        .view = {.caller = in->caller, .ask = in->ask, .random = in->random},
    };
    enum rkd_err err;

    *out = (struct rkd_decision){.ttl_s = 0};
    err = decide(&run);
    json_decref(run.config);
    if (err == RKD_OK)
        *out = run.decision;
    return err;
}
