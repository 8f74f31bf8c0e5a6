/*
 * cmd_inspect.c - roomkey inspect: what a token says, and every reason a LiveKit server would
 * refuse it.
 *
 * Never says that a token is good when its signature was not checked. May touch: stdin, the
 * environment and the key's files.
 */
#include "cli/cli.h"
#include "cli/json_out.h"
#include "config/number.h"
#include "core/inspect.h"

#include <stdlib.h>
#include <unistd.h>

static const struct rkd_option options[] = {
    {"json", NULL, "the findings, header and payload as JSON", false},
    {.name = NULL},
};

/* ---- the token ---- */

/* Into new memory. From the command line it is wiped there: a token opens a room as a password
 * would. */
static int read_token(struct rkd_cli *cli, const struct rkd_args *args, char **out, size_t *out_len)
{
    enum rk_err err;

    if (args->operand_count == 0 && isatty(cli->in_fd)) {
        rkd_say(cli, "expected a token, here or on stdin");
        return RKD_EXIT_USAGE;
    }
    if (args->operand_count != 0 && strcmp(args->operands[0], "-") != 0) {
        *out_len = strlen(args->operands[0]);
        *out = malloc(*out_len + 1);
        if (*out == NULL) {
            rkd_say(cli, "out of memory");
            return RKD_EXIT_REFUSED;
        }
        memcpy(*out, args->operands[0], *out_len);
        rk_wipe(args->operands[0], *out_len);
        return RKD_EXIT_OK;
    }
    err = rkd_read_all(cli->in_fd, out, out_len);
    if (err == RK_OK)
        return RKD_EXIT_OK;
    rkd_say(cli, err == RK_E_TOO_LONG ? "stdin holds more than a token: over 1 MiB"
                 : err == RK_E_NOMEM  ? "out of memory"
                                      : "stdin cannot be read");
    return RKD_EXIT_REFUSED;
}

/* ---- for people ---- */

static const char *verdict_of(const struct rki_inspection *found)
{
    if (found->refusals != 0)
        return "a LiveKit server refuses this token";
    if (found->signature == RKI_SIGNATURE_GOOD)
        return "a LiveKit server with this key accepts this token";
    return "nothing wrong was found, but the signature was not checked: set LIVEKIT_API_KEY and "
           "LIVEKIT_API_SECRET";
}

/* A field's path may hold names out of the token. */
static void put_plain(struct rki_buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        const bool is_plain = *text >= ' ' && *text <= '~';

        rki_buf_put(out, is_plain ? rki_str(text, 1) : RK_STR("?"));
    }
}

static void put_finding(struct rki_buf *out, const struct rki_finding *finding)
{
    static const char *const words[] = {
        [RKI_SEVERITY_NOTE] = "note",
        [RKI_SEVERITY_WARNING] = "warning",
        [RKI_SEVERITY_REFUSAL] = "refused",
    };

    rki_buf_put(out, rki_cstr(words[finding->severity]));
    if (finding->status != 0) {
        rki_buf_lit(out, " (");
        rki_buf_int(out, finding->status);
        rki_buf_lit(out, ")");
    }
    rki_buf_lit(out, ": ");
    if (finding->field[0] != '\0') {
        put_plain(out, finding->field);
        rki_buf_lit(out, ": ");
    }
    rki_buf_put(out, rki_cstr(finding->text));
    if (finding->detail[0] != '\0') {
        rki_buf_lit(out, " (");
        put_plain(out, finding->detail);
        rki_buf_lit(out, ")");
    }
    rki_buf_lit(out, " [");
    rki_buf_put(out, rki_cstr(finding->code));
    rki_buf_lit(out, "]\n");
}

static void put_text(struct rki_buf *out, const struct rki_inspection *found)
{
    rki_buf_lit(out, "header: ");
    rkd_put_json(out, found->header, true);
    rki_buf_lit(out, "\npayload: ");
    rkd_put_json(out, found->payload, true);
    rki_buf_lit(out, "\n\n");
    for (size_t i = 0; i < found->count; i++)
        put_finding(out, &found->findings[i]);
    if (found->more)
        rki_buf_lit(out, "and more of the kind\n");
    rki_buf_put(out, rki_cstr(verdict_of(found)));
    rki_buf_lit(out, "\n");
}

/* ---- for scripts ---- */

static void put_findings(struct rki_buf *out, const struct rki_inspection *found,
                         enum rki_severity severity)
{
    bool has_any = false;

    rki_buf_lit(out, "[");
    for (size_t i = 0; i < found->count; i++) {
        const struct rki_finding *finding = &found->findings[i];

        if (finding->severity != severity)
            continue;
        rki_buf_put(out, has_any ? RK_STR(",{\"code\":") : RK_STR("{\"code\":"));
        has_any = true;
        rki_buf_json(out, rki_cstr(finding->code));
        rki_buf_lit(out, ",\"text\":");
        rki_buf_json(out, rki_cstr(finding->text));
        if (finding->status != 0) {
            rki_buf_lit(out, ",\"status\":");
            rki_buf_int(out, finding->status);
        }
        if (finding->field[0] != '\0') {
            rki_buf_lit(out, ",\"field\":");
            rki_buf_json_untrusted(out, rki_cstr(finding->field), SIZE_MAX);
        }
        if (finding->detail[0] != '\0') {
            rki_buf_lit(out, ",\"detail\":");
            rki_buf_json_untrusted(out, rki_cstr(finding->detail), SIZE_MAX);
        }
        rki_buf_lit(out, "}");
    }
    rki_buf_lit(out, "]");
}

static bool is_accepted(const struct rki_inspection *found)
{
    return found->refusals == 0 && found->signature == RKI_SIGNATURE_GOOD;
}

static void put_json(struct rki_buf *out, const struct rki_inspection *found)
{
    static const char *const signatures[] = {
        [RKI_SIGNATURE_UNCHECKED] = "unchecked",
        [RKI_SIGNATURE_GOOD] = "good",
        [RKI_SIGNATURE_BAD] = "bad",
    };

    rki_buf_put(out, is_accepted(found) ? RK_STR("{\"accepted\":true,\"verified\":")
                                        : RK_STR("{\"accepted\":false,\"verified\":"));
    rki_buf_put(out, found->signature == RKI_SIGNATURE_GOOD ? RK_STR("true") : RK_STR("false"));
    rki_buf_lit(out, ",\"signature\":");
    rki_buf_json(out, rki_cstr(signatures[found->signature]));
    rki_buf_lit(out, ",\"refusals\":");
    put_findings(out, found, RKI_SEVERITY_REFUSAL);
    rki_buf_lit(out, ",\"warnings\":");
    put_findings(out, found, RKI_SEVERITY_WARNING);
    rki_buf_lit(out, ",\"notes\":");
    put_findings(out, found, RKI_SEVERITY_NOTE);
    rki_buf_lit(out, ",\"header\":");
    rkd_put_json(out, found->header, false);
    rki_buf_lit(out, ",\"payload\":");
    rkd_put_json(out, found->payload, false);
    rki_buf_lit(out, "}\n");
}

static int inspect(struct rkd_cli *cli, const struct rkd_args *args, const struct rkd_keys *keys,
                   struct rk_str token)
{
    struct rki_inspection *found = NULL;
    enum rk_err err = rki_token_inspect(keys->ring, token, cli->now_s, &found);
    bool is_good;

    if (err != RK_OK) {
        rkd_say(cli, rk_err_text(err));
        return RKD_EXIT_REFUSED;
    }
    if (rkd_args_has(args, "json"))
        put_json(&cli->out, found);
    else
        put_text(&cli->out, found);
    is_good = is_accepted(found);
    rki_inspection_free(found);
    return is_good ? RKD_EXIT_OK : RKD_EXIT_REFUSED;
}

static int run(struct rkd_cli *cli, const struct rkd_args *args)
{
    struct rkd_keys keys;
    char *token = NULL;
    size_t len = 0;
    int code;

    if (!rkd_cli_keys(cli, &keys))
        return RKD_EXIT_USAGE;
    for (size_t i = 0; i < keys.warning_count && keys.is_given; i++)
        rkd_say(cli, keys.warnings[i]);
    code = read_token(cli, args, &token, &len);
    if (code == RKD_EXIT_OK) {
        code = inspect(cli, args, &keys, rki_str_trim(rki_str(token, len)));
        rk_wipe(token, len);
    }
    free(token);
    rkd_keys_clear(&keys);
    return code;
}

const struct rkd_verb rkd_verb_inspect = {
    .name = "inspect",
    .summary = "Decode a token and say why a LiveKit server would refuse it, and what is risky.",
    .operands = "[TOKEN | -]",
    .operand_max = 1,
    .options = options,
    .notes =
        "Keys come from LIVEKIT_API_KEY and LIVEKIT_API_SECRET, or LIVEKIT_KEYS, or their _FILE.\n"
        "Exit 0: signature checked and accepted; 1: refused, or without a key for it.\n",
    .run = run,
};
