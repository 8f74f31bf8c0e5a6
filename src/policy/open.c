/*
 * open.c - decides without rules: anybody may have any room, as a speaker, for a while.
 *
 * What a request may not have is listed by what it *may* have, so that a member added to
 * room_config later is refused until somebody thinks about it. May touch: its arguments.
 */
#include "policy/open.h"
#include "core/buf.h"
#include "core/room_config.h"
#include "core/utf8.h"

enum {
    /* D35: the agents, names, tags and numbers */
    ALLOWED_ROOM_CONFIG = RKI_RC_NAME | RKI_RC_EMPTY_TIMEOUT | RKI_RC_DEPARTURE_TIMEOUT |
                          RKI_RC_MAX_PARTICIPANTS | RKI_RC_MIN_PLAYOUT_DELAY |
                          RKI_RC_MAX_PLAYOUT_DELAY | RKI_RC_AGENTS | RKI_RC_TAGS,
};

static const uint32_t speaker_grants =
    RKD_GRANT_BIT(RK_GRANT_ROOM_JOIN) | RKD_GRANT_BIT(RK_GRANT_CAN_PUBLISH) |
    RKD_GRANT_BIT(RK_GRANT_CAN_SUBSCRIBE) | RKD_GRANT_BIT(RK_GRANT_CAN_PUBLISH_DATA);

static enum rkd_err refuse(struct rkd_problem *problem, enum rkd_err err, const char *field,
                           const char *reason)
{
    problem->err = err;
    problem->field = rki_cstr(field);
    problem->reason = reason;
    return err;
}

/* `before` followed by `after`, from the arena. */
static enum rkd_err join(struct rki_arena *arena, struct rk_str before, struct rk_str after,
                         struct rk_str *out, struct rkd_problem *problem)
{
    char *text = rki_arena_take(arena, before.len + after.len);
    struct rki_buf buf = rki_buf_over(text, before.len + after.len);

    if (text == NULL)
        return refuse(problem, RKD_E_UNAVAILABLE, NULL, "arena");
    rki_buf_put(&buf, before);
    rki_buf_put(&buf, after);
    *out = rki_buf_str(&buf);
    return RKD_OK;
}

/* An invented name: the prefix and {random}. */
static enum rkd_err invent(struct rki_arena *arena, struct rk_str prefix, struct rk_str random,
                           struct rk_str *out, struct rkd_problem *problem)
{
    if (random.len != RKD_RANDOM_CHARS) /* a guessable name is worse than none */
        return refuse(problem, RKD_E_INTERNAL, NULL, "no-random");
    return join(arena, prefix, random, out, problem);
}

static enum rkd_err decide_room(const struct rkd_terms *terms, const struct rkd_ask *ask,
                                struct rk_str random, struct rki_arena *arena,
                                struct rkd_decision *out, struct rkd_problem *problem)
{
    if (ask->room.len != 0) {
        out->room = ask->room;
        return RKD_OK;
    }
    if (!terms->invents)
        return refuse(problem, RKD_E_ROOM_REQUIRED, "room_name", "no-room");
    return invent(arena, RK_STR("room-"), random, &out->room, problem);
}

/* {participantName}__{random}, as the public example servers have it. */
static enum rkd_err postfix_identity(const struct rkd_ask *ask, struct rk_str random,
                                     struct rki_arena *arena, struct rkd_decision *out,
                                     struct rkd_problem *problem)
{
    struct rk_str prefix;
    enum rkd_err err;

    if (ask->name.len == 0)
        return refuse(problem, RKD_E_INVALID_IDENTITY, "participant_name", "no-name");
    err = join(arena, ask->name, RK_STR("__"), &prefix, problem);
    if (err == RKD_OK)
        err = invent(arena, prefix, random, &out->identity, problem);
    if (err == RKD_OK && rki_name_check(out->identity) != RK_OK)
        err = refuse(problem, RKD_E_INVALID_IDENTITY, "participant_name", "identity-length");
    return err;
}

static enum rkd_err decide_identity(const struct rkd_terms *terms, const struct rkd_ask *ask,
                                    struct rk_str random, struct rki_arena *arena,
                                    struct rkd_decision *out, struct rkd_problem *problem)
{
    if (terms->postfixes_identity)
        return postfix_identity(ask, random, arena, out, problem);
    if (ask->identity.len != 0) {
        out->identity = ask->identity;
        return RKD_OK;
    }
    if (!terms->invents)
        return refuse(problem, RKD_E_INVALID_IDENTITY, "participant_identity", "no-identity");
    return invent(arena, RK_STR("guest-"), random, &out->identity, problem);
}

static enum rkd_err check_profile(const struct rkd_ask *ask, struct rkd_problem *problem)
{
    if (ask->profile.ptr != NULL && !rki_str_equal(ask->profile, RK_STR("speaker")))
        return refuse(problem, RKD_E_PROFILE_NOT_ALLOWED, NULL, "profile");
    return RKD_OK;
}

static enum rkd_err check_room_config(const struct rkd_ask *ask, struct rkd_problem *problem)
{
    static const struct {
        unsigned member;
        const char *field;
    } rows[] = {
        /* in declaration order */
        {RKI_RC_METADATA, "room_config.metadata"},
        {RKI_RC_EGRESS, "room_config.egress"},
        {RKI_RC_SYNC_STREAMS, "room_config.sync_streams"},
    };
    const unsigned refused = ask->room_config_members & ~(unsigned)ALLOWED_ROOM_CONFIG;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if ((refused & rows[i].member) != 0)
            return refuse(problem, RKD_E_FIELD_NOT_ALLOWED, rows[i].field, "room-config");
    if (ask->room_config_has_credentials) /* they stand in egress, so this is the second net */
        return refuse(problem, RKD_E_FIELD_NOT_ALLOWED, "room_config.egress", "credentials");
    if (refused != 0)
        return refuse(problem, RKD_E_FIELD_NOT_ALLOWED, "room_config", "room-config");
    return RKD_OK;
}

static enum rkd_err check_sizes(const struct rkd_ask *ask, struct rkd_problem *problem)
{
    if (ask->oversize.ptr == NULL)
        return RKD_OK;
    (void)refuse(problem, RKD_E_TOO_LARGE, NULL, "oversize");
    problem->field = ask->oversize;
    return problem->err;
}

/* What is left once everything is permitted; nothing here can refuse. */
static void fill(const struct rkd_terms *terms, const struct rkd_ask *ask, struct rkd_decision *out)
{
    out->name = ask->name;
    if (out->name.len == 0 && terms->name_is_identity) /* D33 */
        out->name = out->identity;
    out->metadata = ask->metadata;
    out->attributes = ask->attributes;
    out->attribute_count = ask->attribute_count;
    out->room_config = ask->room_config;
    out->grants = out->written = speaker_grants;
    out->ttl_s = ask->ttl_s > 0 ? ask->ttl_s : terms->default_ttl_s;
    out->profile = RK_STR("speaker");
}

enum rkd_err rkd_open_decide(const struct rkd_terms *terms, const struct rkd_ask *ask,
                             struct rk_str random, struct rki_arena *arena,
                             struct rkd_decision *out, struct rkd_problem *problem)
{
    struct rkd_decision decision = {.ttl_s = 0};
    enum rkd_err err;

    if (terms->default_ttl_s <= 0)
        return refuse(problem, RKD_E_INTERNAL, NULL, "no-terms");
    if ((err = decide_room(terms, ask, random, arena, &decision, problem)) != RKD_OK ||
        (err = decide_identity(terms, ask, random, arena, &decision, problem)) != RKD_OK ||
        (err = check_profile(ask, problem)) != RKD_OK ||
        (err = check_room_config(ask, problem)) != RKD_OK ||
        (err = check_sizes(ask, problem)) != RKD_OK)
        return err;
    fill(terms, ask, &decision);
    *out = decision;
    return RKD_OK;
}

enum rkd_err rkd_policy_decide_open(const struct rkd_terms *terms, const struct rkd_caller *caller,
                                    const struct rkd_ask *ask, struct rk_str random,
                                    struct rki_arena *arena, struct rkd_decision *out,
                                    struct rkd_problem *problem)
{
    *out = (struct rkd_decision){.ttl_s = 0};
    if (caller->kind != RKD_CALLER_ANONYMOUS)
        return refuse(problem, RKD_E_UNAUTHENTICATED, NULL, "no-caller");
    return rkd_open_decide(terms, ask, random, arena, out, problem);
}
