/*
 * cmd_explain.c - roomkey explain: what a caller with these claims would get, stage by stage.
 *
 * The configuration is read as `serve` reads it, the body as the contract reads it, and the rules
 * decide as they would; nothing is signed and no hook is asked. May touch: the environment, the
 * files that are named, randomness.
 */
#include "api/api.h"
#include "cli/cli.h"
#include "cli/explain_caller.h"
#include "cli/explain_text.h"
#include "core/json.h"
#include "core/secret_file.h"
#include "serve/build.h"
#include "serve/explain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { ARENA_BYTES = 4 * 1024 * 1024, PROFILE_MAX = 64 };

static const struct rkd_option options[] = {
    {"as", "FILE", "the caller's claims, a JSON object, as in its token; - is stdin", false},
    {"anonymous", NULL, "in place of --as: a caller without a credential", false},
    {"caller", "NAME", "which caller of the configuration, where several could be meant", false},
    {"room", "ROOM", "the room that is asked for; none when absent", false},
    {"request", "FILE", "in place of --room: the request's whole body; - is stdin", false},
    {"contract", "NAME", "standard (when absent) or original", false},
    {"profile", "NAME", "as the header Roomkey-Profile", false},
    {"device", "NAME", "as the header Roomkey-Device", false},
    {"config", "FILE", "the configuration; else ROOMKEY_CONFIG", false},
    {"json", NULL, "as JSON", false},
    {.name = NULL},
};

/* One question on its way through the stages. */
struct asking {
    struct rkd_cli *cli;
    const struct rkd_args *args;
    struct rkd_snapshot *snapshot;
    json_t *claims; /* NULL: anonymous */
    char *body;     /* with --request */
    size_t body_len;
    char *memory;
    struct rki_arena arena;
    struct rkd_caller caller;
    struct rkd_ask ask;
    struct rkd_decision decision;
    struct rkd_trace trace;
    struct rkd_problem problem;
};

static int usage(const struct asking *asking, const char *where, const char *text)
{
    rkd_say_at(asking->cli, where, text);
    return RKD_EXIT_USAGE;
}

/* ---- files ---- */

static int read_file(const struct asking *asking, const char *option, const char *where, char **out,
                     size_t *out_len)
{
    const char *path = rkd_args_get(asking->args, option);
    const bool is_stdin = strcmp(path, "-") == 0;
    const int fd = is_stdin ? asking->cli->in_fd : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    enum rk_err err;

    if (fd < 0)
        return usage(asking, where, rki_open_problem(errno));
    err = rkd_read_all(fd, out, out_len);
    if (!is_stdin)
        (void)close(fd);
    if (err == RK_E_TOO_LONG)
        return usage(asking, where, "expected at most 1 MiB");
    return err == RK_OK ? RKD_EXIT_OK : usage(asking, where, "the file cannot be read");
}

static int read_claims(struct asking *asking)
{
    char *text = NULL;
    size_t len = 0;
    int code = read_file(asking, "as", "--as", &text, &len);

    if (code == RKD_EXIT_OK &&
        rki_json_parse(rki_str(text, len), 0, &asking->claims, NULL) != RK_OK)
        code = usage(asking, "--as",
                     "expected JSON: the payload of a token, as `roomkey inspect` shows it");
    if (code == RKD_EXIT_OK && !json_is_object(asking->claims))
        code = usage(asking, "--as", "expected a JSON object");
    free(text);
    return code;
}

/* ---- the caller ---- */

static bool refuse(struct asking *asking, enum rkd_err err, const char *reason)
{
    rkd_trace_add(&asking->trace, "identify", reason, rki_str(NULL, 0));
    asking->problem.err = err;
    asking->problem.reason = reason;
    return false;
}

/* RKD_EXIT_OK with a verdict in problem, or usage. */
static int identify(struct asking *asking)
{
    const struct rkd_settings *settings = &asking->snapshot->settings;
    const struct rkd_raw_caller *chosen;
    const char *why = NULL;

    if (asking->claims == NULL) {
        asking->caller =
            (struct rkd_caller){.kind = RKD_CALLER_ANONYMOUS, .name = RK_STR_INIT("anonymous")};
        if (settings->anonymous != RKD_ANONYMOUS_ALLOW && !settings->raw.anonymous_by_rules)
            (void)refuse(asking, RKD_E_UNAUTHENTICATED, "anonymous-refused");
        return RKD_EXIT_OK;
    }
    chosen = rkd_explain_pick(&settings->raw, rkd_args_get(asking->args, "caller"), asking->claims,
                              &why);
    if (chosen == NULL)
        return usage(asking, rkd_args_has(asking->args, "caller") ? "--caller" : "--as", why);
    (void)rkd_explain_identify(&settings->raw, chosen, asking->claims, asking->cli->now_s,
                               &asking->caller, &asking->trace, &asking->problem);
    return RKD_EXIT_OK;
}

/* ---- the request ---- */

/* The body of --room, by the contract's own name for it. */
static struct rk_str make_body(struct asking *asking, bool is_original)
{
    const struct rk_str room = rki_cstr(rkd_args_get(asking->args, "room"));
    const size_t cap = 32 + room.len * 6;
    char *text = rki_arena_take(&asking->arena, cap);
    struct rki_buf body = rki_buf_over(text, text == NULL ? 0 : cap);

    rki_buf_lit(&body, "{");
    if (room.ptr != NULL) {
        rki_buf_put(&body, is_original ? RK_STR("\"roomName\":") : RK_STR("\"room_name\":"));
        rki_buf_json(&body, room);
    }
    rki_buf_lit(&body, "}");
    return rki_buf_str(&body);
}

/* D17: the contract's rule for characters does not hold for the caller's own identity. */
static void check_unusual(struct asking *asking)
{
    const struct rkd_policy_in in = {.terms = &asking->ask.contract->terms,
                                     .caller = &asking->caller,
                                     .ask = &asking->ask,
                                     .now_s = asking->cli->now_s,
                                     .arena = &asking->arena};

    if (rkd_policy_names_own_identity(asking->snapshot->policy, &in)) {
        asking->problem.field_error_count = 0;
        return;
    }
    asking->problem.err = RKD_E_INVALID_REQUEST;
    asking->problem.field = rki_cstr(asking->problem.field_errors[0].field);
    asking->problem.reason = "validation";
}

static bool read_request(struct asking *asking, bool is_original)
{
    struct rkd_read_in in = {.arena = &asking->arena,
                             .has_rules = asking->snapshot->policy != NULL};

    in.body = asking->body != NULL ? rki_str(asking->body, asking->body_len)
                                   : make_body(asking, is_original);
    asking->ask.contract = is_original ? &rkd_original : &rkd_standard;
    asking->ask.profile = rki_cstr(rkd_args_get(asking->args, "profile"));
    asking->ask.device = rki_cstr(rkd_args_get(asking->args, "device"));
    asking->problem.err = asking->ask.contract->read(&in, &asking->ask, &asking->problem);
    if (asking->problem.err == RKD_OK && asking->ask.identity_is_unusual)
        check_unusual(asking);
    if (asking->problem.err != RKD_OK)
        rkd_trace_add(&asking->trace, "read", "refused", asking->problem.field);
    return asking->problem.err == RKD_OK;
}

static int decide(struct asking *asking)
{
    static const struct rk_str base32 = RK_STR_INIT("abcdefghijklmnopqrstuvwxyz234567");
    static const struct rk_str base36 = RK_STR_INIT("abcdefghijklmnopqrstuvwxyz0123456789");
    char random[RKD_RANDOM_CHARS], device[RKD_DEVICE_CHARS];
    char *kept = rki_arena_take(&asking->arena, sizeof(random) + sizeof(device));
    struct rkd_policy_in in = {.terms = &asking->ask.contract->terms,
                               .caller = &asking->caller,
                               .ask = &asking->ask,
                               .now_s = asking->cli->now_s,
                               .arena = &asking->arena,
                               .trace = &asking->trace};

    if (kept == NULL || !rkd_random_text(random, sizeof(random), base32) ||
        !rkd_random_text(device, sizeof(device), base36)) {
        rkd_say(asking->cli, "the kernel has no random bytes");
        return RKD_EXIT_REFUSED;
    }
    memcpy(kept, random, sizeof(random)); /* the decision borrows them */
    memcpy(kept + sizeof(random), device, sizeof(device));
    in.random = rki_str(kept, sizeof(random));
    in.device_random = rki_str(kept + sizeof(random), sizeof(device));
    if (asking->snapshot->policy != NULL)
        asking->problem.err =
            rkd_policy_decide(asking->snapshot->policy, &in, &asking->decision, &asking->problem);
    else if (asking->caller.kind == RKD_CALLER_ENTRA)
        asking->problem.err = rkd_policy_decide_entra(&in, &asking->decision, &asking->problem);
    else
        asking->problem.err = rkd_policy_decide_open(in.terms, in.caller, in.ask, in.random,
                                                     in.arena, &asking->decision, &asking->problem);
    return RKD_EXIT_OK;
}

/* ---- the verdict ---- */

static int answer(struct asking *asking)
{
    struct rki_buf *out = &asking->cli->out;

    if (rkd_args_has(asking->args, "json")) {
        rkd_explain_write(out, &asking->trace, &asking->caller, &asking->decision,
                          &asking->problem);
        rki_buf_lit(out, "\n");
    } else {
        rkd_explain_put_text(out, &asking->trace, &asking->caller, &asking->decision,
                             &asking->problem);
    }
    return asking->problem.err == RKD_OK ? RKD_EXIT_OK : RKD_EXIT_REFUSED;
}

static int explain(struct asking *asking, bool is_original)
{
    int code = identify(asking);

    if (code == RKD_EXIT_OK && asking->problem.err == RKD_OK && read_request(asking, is_original))
        code = decide(asking);
    return code == RKD_EXIT_OK ? answer(asking) : code;
}

/* ---- the command line ---- */

static bool is_profile(const char *name)
{
    const size_t len = strlen(name);

    for (size_t i = 0; i < len; i++) {
        const char c = rki_lower(name[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return false;
    }
    return len != 0 && len <= PROFILE_MAX;
}

static int check_options(const struct asking *asking, bool *out_is_original)
{
    const struct rkd_args *args = asking->args;
    const char *contract = rkd_args_get(args, "contract");
    const char *profile = rkd_args_get(args, "profile");
    const char *as = rkd_args_get(args, "as"), *request = rkd_args_get(args, "request");

    if ((as == NULL) == !rkd_args_has(args, "anonymous"))
        return usage(asking, NULL, "expected one of --as FILE and --anonymous");
    if (as == NULL && rkd_args_has(args, "caller"))
        return usage(asking, "--caller", "expected --as FILE with it");
    if (request != NULL && rkd_args_has(args, "room"))
        return usage(asking, NULL, "expected --room or --request, not both");
    if (as != NULL && request != NULL && strcmp(as, "-") == 0 && strcmp(request, "-") == 0)
        return usage(asking, NULL, "expected one of --as and --request on stdin, not both");
    *out_is_original = contract != NULL && strcmp(contract, "original") == 0;
    if (contract != NULL && !*out_is_original && strcmp(contract, "standard") != 0)
        return usage(asking, "--contract", "expected standard or original");
    if (profile != NULL && !is_profile(profile))
        return usage(asking, "--profile", "expected the name of a profile");
    return RKD_EXIT_OK;
}

static int load(struct asking *asking)
{
    const struct rkd_flags flags = {.config = rkd_args_get(asking->args, "config")};
    struct rkd_settings settings;
    struct rkd_raw_error error = {.text = ""};
    int code = rkd_cli_settings(asking->cli, &asking->cli->env, &flags, &settings);
    enum rk_err err;

    if (code != RKD_EXIT_OK)
        return code;
    err = rkd_snapshot_build(&settings, &asking->snapshot, &error);
    if (err == RK_OK)
        return RKD_EXIT_OK;
    if (err == RK_E_NOMEM)
        rkd_say(asking->cli, "out of memory");
    else
        rkd_say_error(asking->cli, &error);
    return err == RK_E_NOMEM ? RKD_EXIT_REFUSED : RKD_EXIT_USAGE;
}

static int run(struct rkd_cli *cli, const struct rkd_args *args)
{
    struct asking asking = {.cli = cli, .args = args};
    bool is_original = false;
    int code = check_options(&asking, &is_original);

    if (code == RKD_EXIT_OK)
        code = load(&asking);
    if (code == RKD_EXIT_OK && rkd_args_has(args, "as"))
        code = read_claims(&asking);
    if (code == RKD_EXIT_OK && rkd_args_has(args, "request"))
        code = read_file(&asking, "request", "--request", &asking.body, &asking.body_len);
    if (code == RKD_EXIT_OK) {
        asking.memory = malloc(ARENA_BYTES);
        asking.arena = rki_arena_over(asking.memory, asking.memory == NULL ? 0 : ARENA_BYTES);
        code = explain(&asking, is_original);
    }
    free(asking.memory);
    free(asking.body);
    json_decref(asking.claims);
    rkd_snapshot_unref(asking.snapshot);
    return code;
}

const struct rkd_verb rkd_verb_explain = {
    .name = "explain",
    .summary = "Say what a caller would get, stage by stage, without minting anything.",
    .options = options,
    .notes = "Exit 0: allowed; 1: refused. What the claims do not hold of iss, aud and the claims "
             "the\n"
             "configuration requires is taken as right, and said to be. A hook (`ask`) is not "
             "asked.\n",
    .run = run,
};
