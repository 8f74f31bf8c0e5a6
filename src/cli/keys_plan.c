/*
 * keys_plan.c - the order in which LiveKit keys are changed so that no join is refused for a key,
 * and how long to wait, worked out from the configuration.
 *
 * A server accepts every key it has, and reads them at its start only. It also signs: the tokens it
 * renews for connected clients, with any of its keys (livekit-server, getFirstKeyPair). So a key
 * that is to go must be nobody's on the minting side first, and the renewed tokens of the servers
 * end with the servers' own restart.
 * May touch: the environment, the configuration's files.
 */
#include "cli/keys_plan.h"
#include "core/key.h"
#include "core/time.h"

#include <roomkey/claims.h>

enum {
    LEEWAY_S = 60,          /* a LiveKit server's */
    CEILING_S = 6 * 3600,   /* ceiling.ttl when absent (design s.7) */
    RULE_S = 600,           /* a rule's ttl when absent (semantics D24) */
    ORIGINAL_S = 24 * 3600, /* what a caller may ask for on the original contract, without rules */
};

/* Where the configuration has its keys. */
enum place {
    IN_KEY_FILE = 0,
    IN_ENVIRONMENT, /* variables, which no reload reads again */
    IN_PAIR_FILES,  /* one file for the key, one for its secret: one pair at a time */
};

struct plan {
    struct rkd_cli *cli;
    const struct rkd_args *args;
    struct rkd_settings settings;
    struct rk_str from, to; /* names of keys; to absent: there is none yet */
    bool has_new;           /* the configuration has it */
    bool is_switched;       /* and it signs */
    enum place place;
    const char *key_file; /* what names it */
    bool is_leaked;
    int64_t longest_s;
};

/* ---- the longest life of a token ---- */

static int64_t seconds_of(const struct rkd_raw_time *time, int64_t absent_s)
{
    return time->is_set ? time->ms / 1000 : absent_s;
}

static int64_t longest_of(const struct rkd_settings *settings)
{
    const int64_t ceiling_s = seconds_of(&settings->raw.ceiling.ttl, CEILING_S);
    int64_t longest_s = 0;

    if (settings->raw.rule_count == 0)
        return (settings->contracts & RKD_CONTRACT_ORIGINAL) != 0 ? ORIGINAL_S : RK_TTL_DEFAULT_S;
    for (size_t i = 0; i < settings->raw.rule_count; i++) {
        const int64_t rule_s = seconds_of(&settings->raw.rules[i].ttl, RULE_S);

        if (rule_s > longest_s)
            longest_s = rule_s;
    }
    return longest_s < ceiling_s ? longest_s : ceiling_s;
}

/* ---- the steps ---- */

/* In texts < stands for the old key, > for the new one, @ for what names the key file. */
struct step {
    const char *name, *where, *text, *then;
    bool is_wait; /* for the longest life of a token */
};

static const struct step calm[] = {
    {"name_active", "roomkey",
     "set livekit.active_key: < in roomkey.yaml and reload every instance (SIGHUP): a second line "
     "in the key file is refused until that says which one signs",
     NULL, false},
    {"make", "anywhere", "make the new pair: (umask 077; roomkey keys new --livekit --yaml)", NULL,
     false},
    {"servers_add", "LiveKit servers",
     "add the line of > to the keys of every server, beside <, and restart the servers one after "
     "the other: they read keys at their start only; the first SIGTERM lets participants finish",
     NULL, false},
    {"roomkey_add", "roomkey",
     "add the line of > to the file of @, keep active_key: <, and reload every instance "
     "(SIGHUP)",
     "for every server, `roomkey doctor --url URL` says ok for both keys", false},
    {"switch", "roomkey", "set active_key: > and reload every instance (SIGHUP)",
     "`roomkey doctor` says ok for >; give > to everything else that signs with < as well (agents, "
     "egress, ingress, SIP, programs of your own)",
     false},
    {"wait", "wait", "until the last token that was signed with < has expired", NULL, true},
    {"roomkey_remove", "roomkey",
     "remove the line of < from the file of @ and reload every instance (SIGHUP)", NULL, false},
    {"servers_remove", "LiveKit servers",
     "set webhook.api_key: > where it is <, remove < from the keys of every server and restart "
     "them one after the other",
     "a client that was connected all the time may hold a token that a server renewed with <: if "
     "its reconnect is refused, it must ask roomkey for another, as after any end of a token",
     false},
};

/* Without a wait: until the old key is off the servers, whoever has it enters every room. */
static const struct step urgent[] = {
    {"make", "anywhere", "make the new pair: (umask 077; roomkey keys new --livekit --yaml)", NULL,
     false},
    {"servers_add", "LiveKit servers",
     "add the line of > to the keys of every server, set webhook.api_key: > where it is <, and "
     "restart them at once (SIGTERM twice)",
     "to lose no time at all, leave < out here already: joins are then refused until roomkey signs "
     "with >",
     false},
    {"switch", "roomkey",
     "put > into the file of @ in place of <, with active_key: >, and reload (SIGHUP)",
     "give > to everything else that signs with < as well (agents, egress, ingress, SIP)", false},
    {"servers_remove", "LiveKit servers",
     "remove < from the keys of every server and restart them at once (SIGTERM twice): all tokens "
     "of < end here, and everybody is disconnected; clients ask roomkey for another and come back",
     "`roomkey doctor` says ok for >; look for rooms, egresses and ingresses nobody of yours made",
     false},
};

/* By place. */
static const char *const switches[] = {
    [IN_ENVIRONMENT] =
        "set LIVEKIT_API_KEY and LIVEKIT_API_SECRET (or LIVEKIT_KEYS) to the pair of > and restart "
        "roomkey: the environment is not read again by a reload; livekit.key_file would be",
    [IN_PAIR_FILES] =
        "put the pair of > into the files that LIVEKIT_API_KEY_FILE and LIVEKIT_API_SECRET_FILE "
        "name, and reload every instance (SIGHUP) once both are written",
};

/* Nothing to do for it: there is one pair at a time, or the file says already which key signs. */
static bool is_left_out(const struct plan *plan, const struct step *step)
{
    if (strcmp(step->name, "name_active") == 0)
        return plan->place != IN_KEY_FILE || plan->settings.names_active_key;
    return plan->place != IN_KEY_FILE &&
           (strcmp(step->name, "roomkey_add") == 0 || strcmp(step->name, "roomkey_remove") == 0);
}

static bool is_done(const struct plan *plan, const struct step *step)
{
    if (strcmp(step->name, "make") == 0 || strcmp(step->name, "roomkey_add") == 0)
        return plan->has_new;
    return strcmp(step->name, "switch") == 0 && plan->is_switched && !plan->is_leaked;
}

static const char *text_of(const struct plan *plan, const struct step *step)
{
    return plan->place != IN_KEY_FILE && strcmp(step->name, "switch") == 0 ? switches[plan->place]
                                                                           : step->text;
}

/* ---- saying it ---- */

static void put_text(struct rki_buf *out, const struct plan *plan, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '<')
            rki_buf_put(out, plan->from);
        else if (*text == '>')
            rki_buf_put(out, plan->to.ptr == NULL ? RK_STR("the new key") : plan->to);
        else if (*text == '@')
            rki_buf_put(out, rki_cstr(plan->key_file));
        else
            rki_buf_char(out, *text);
    }
}

/* "1h 1m", "11m", "70s" */
static void put_time(struct rki_buf *out, int64_t seconds)
{
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    bool is_first = true;

    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        const int64_t count = seconds / units[i].seconds;

        if (count == 0)
            continue;
        if (!is_first)
            rki_buf_char(out, ' ');
        is_first = false;
        rki_buf_int(out, count);
        rki_buf_char(out, units[i].unit);
        seconds %= units[i].seconds;
    }
}

static void put_wait(struct rki_buf *out, const struct plan *plan)
{
    rki_buf_lit(out, ": ");
    put_time(out, plan->longest_s + LEEWAY_S);
    rki_buf_lit(out, " after the switch; not before ");
    rki_buf_iso_ms(out, (plan->cli->now_s + plan->longest_s + LEEWAY_S) * 1000);
    rki_buf_lit(out, " if that were now");
}

static void put_lines(struct rki_buf *out, const struct plan *plan, const struct step *steps,
                      size_t count)
{
    int64_t number = 0;

    put_text(out, plan, plan->is_leaked ? "< has leaked: to > in a hurry.\n" : "From < to >.\n");
    rki_buf_lit(out, "Longest life of a token: ");
    put_time(out, plan->longest_s);
    rki_buf_lit(out, "; a LiveKit server allows ");
    put_time(out, LEEWAY_S);
    rki_buf_lit(out, " more. Tokens that `roomkey token --ttl` or another program signed may live "
                     "longer.\n\n");
    for (size_t i = 0; i < count; i++) {
        if (is_left_out(plan, &steps[i]))
            continue;
        rki_buf_int(out, ++number);
        rki_buf_lit(out, ". ");
        rki_buf_put(out, rki_cstr(steps[i].where));
        rki_buf_put(out, is_done(plan, &steps[i]) ? RK_STR(" (done): ") : RK_STR(": "));
        put_text(out, plan, text_of(plan, &steps[i]));
        if (steps[i].is_wait)
            put_wait(out, plan);
        rki_buf_lit(out, "\n");
        if (steps[i].then == NULL)
            continue;
        rki_buf_lit(out, "   then: ");
        put_text(out, plan, steps[i].then);
        rki_buf_lit(out, "\n");
    }
}

static void put_json_text(struct rki_buf *out, const struct plan *plan, const char *text)
{
    char bytes[2048];
    struct rki_buf buf = rki_buf_over(bytes, sizeof(bytes));

    if (text == NULL) {
        rki_buf_lit(out, "null");
        return;
    }
    put_text(&buf, plan, text);
    rki_buf_json(out, rki_buf_str(&buf));
}

static void put_json_step(struct rki_buf *out, const struct plan *plan, const struct step *step,
                          int64_t number)
{
    const int64_t wait_s = plan->longest_s + LEEWAY_S;

    rki_buf_put(out, number == 1 ? RK_STR("{\"number\":") : RK_STR(",{\"number\":"));
    rki_buf_int(out, number);
    rki_buf_lit(out, ",\"step\":");
    rki_buf_json(out, rki_cstr(step->name));
    rki_buf_lit(out, ",\"where\":");
    rki_buf_json(out, rki_cstr(step->where));
    rki_buf_put(out, is_done(plan, step) ? RK_STR(",\"done\":true,\"text\":")
                                         : RK_STR(",\"done\":false,\"text\":"));
    put_json_text(out, plan, text_of(plan, step));
    rki_buf_lit(out, ",\"then\":");
    put_json_text(out, plan, step->then);
    rki_buf_lit(out, ",\"wait_s\":");
    rki_buf_int(out, step->is_wait ? wait_s : 0);
    rki_buf_lit(out, ",\"not_before\":");
    if (step->is_wait) {
        rki_buf_lit(out, "\"");
        rki_buf_iso_ms(out, (plan->cli->now_s + wait_s) * 1000);
        rki_buf_lit(out, "\"}");
    } else {
        rki_buf_lit(out, "null}");
    }
}

static void put_json(struct rki_buf *out, const struct plan *plan, const struct step *steps,
                     size_t count)
{
    int64_t number = 0;

    rki_buf_lit(out, "{\"from\":");
    rki_buf_json(out, plan->from);
    rki_buf_lit(out, ",\"to\":");
    if (plan->to.ptr == NULL)
        rki_buf_lit(out, "null");
    else
        rki_buf_json(out, plan->to);
    rki_buf_put(out, plan->is_leaked ? RK_STR(",\"leaked\":true,\"longest_token_s\":")
                                     : RK_STR(",\"leaked\":false,\"longest_token_s\":"));
    rki_buf_int(out, plan->longest_s);
    rki_buf_lit(out, ",\"leeway_s\":");
    rki_buf_int(out, LEEWAY_S);
    rki_buf_lit(out, ",\"steps\":[");
    for (size_t i = 0; i < count; i++)
        if (!is_left_out(plan, &steps[i]))
            put_json_step(out, plan, &steps[i], ++number);
    rki_buf_lit(out, "]}\n");
}

/* ---- from which key to which ---- */

static int fail(const struct plan *plan, const char *where, const char *text)
{
    rkd_say_at(plan->cli, where, text);
    return RKD_EXIT_USAGE;
}

/* The key that is not `name`, where there are two; absent otherwise. */
static struct rk_str other_than(const struct rk_keyring *ring, struct rk_str name)
{
    for (size_t i = 0; i < 2 && rk_keyring_count(ring) == 2; i++) {
        const struct rk_str at = rk_key_name(rki_keyring_at(ring, i));

        if (!rki_str_equal(at, name))
            return at;
    }
    return rki_str(NULL, 0);
}

static int choose(struct plan *plan)
{
    const struct rk_keyring *ring = plan->settings.keys;
    const struct rk_str given = rki_cstr(rkd_args_get(plan->args, "new"));
    struct rk_str active;

    if (plan->settings.active_key == NULL) {
        rkd_say(plan->cli, "the configuration has no key: `roomkey keys new --livekit` makes one");
        return RKD_EXIT_REFUSED;
    }
    active = rk_key_name(plan->settings.active_key);
    plan->from = active;
    plan->to = given.ptr != NULL ? given : other_than(ring, active);
    if (given.ptr == NULL && rk_keyring_count(ring) > 2)
        return fail(plan, "--new", "expected, since the configuration has more than two keys");
    if (given.ptr != NULL && rki_str_equal(given, active)) { /* it signs already */
        plan->is_switched = true;
        plan->from = other_than(ring, active);
        if (plan->from.ptr == NULL)
            return fail(plan, "--new", "this key signs already, and there is not one other key");
    }
    for (size_t i = 0; i < plan->to.len; i++)
        if (plan->to.ptr[i] <= ' ' || plan->to.ptr[i] >= 0x7f)
            return fail(plan, "--new", "expected the name of a key, without its secret");
    plan->has_new = plan->to.ptr != NULL && rk_keyring_find(ring, plan->to) != NULL;
    return RKD_EXIT_OK;
}

static bool has(const struct rkd_cli *cli, const char *name)
{
    return rkd_env_get(&cli->env, name).ptr != NULL;
}

static enum place place_of(const struct rkd_cli *cli)
{
    if (has(cli, "LIVEKIT_API_KEY") || has(cli, "LIVEKIT_KEYS"))
        return IN_ENVIRONMENT;
    return has(cli, "LIVEKIT_API_KEY_FILE") ? IN_PAIR_FILES : IN_KEY_FILE;
}

int rkd_keys_plan(struct rkd_cli *cli, const struct rkd_args *args)
{
    const struct rkd_flags flags = {.config = rkd_args_get(args, "config"), .is_for_looking = true};
    struct plan plan = {
        .cli = cli,
        .args = args,
        .place = place_of(cli),
        .key_file = has(cli, "LIVEKIT_KEYS_FILE") ? "LIVEKIT_KEYS_FILE" : "livekit.key_file",
        .is_leaked = rkd_args_has(args, "leaked"),
    };
    const struct step *steps = plan.is_leaked ? urgent : calm;
    const size_t count = plan.is_leaked ? ARRAY_LEN(urgent) : ARRAY_LEN(calm);
    int code = rkd_cli_settings(cli, &cli->env, &flags, &plan.settings);

    if (code != RKD_EXIT_OK)
        return code;
    code = choose(&plan);
    plan.longest_s = longest_of(&plan.settings);
    if (code == RKD_EXIT_OK && rkd_args_has(args, "json"))
        put_json(&cli->out, &plan, steps, count);
    else if (code == RKD_EXIT_OK)
        put_lines(&cli->out, &plan, steps, count);
    rkd_settings_clear(&plan.settings);
    return code;
}
