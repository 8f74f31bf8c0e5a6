/*
 * cmd_keys.c - roomkey keys new --livekit: a fresh key and secret, shown once.
 *
 * May touch: the kernel's random source.
 */
#include "cli/cli.h"

enum { NAME_LEN = 15, SECRET_LEN = 43 };

static const struct rkd_option options[] = {
    {"livekit", NULL, "a key pair for LiveKit", false},
    {"caller", "NAME", "comes with a later release", false},
    {"json", NULL, "as JSON: api_key, api_secret", false},
    {"yaml", NULL, "as a line of LiveKit's key file", false},
    {.name = NULL},
};

/*
 * As livekit-server generate-keys: API and 12 characters nobody mistakes for one another; a secret
 * of 43 characters of base62, which is 256 bits.
 */
static bool make_pair(char name[static NAME_LEN], char secret[static SECRET_LEN])
{
    static const struct rk_str prefix = RK_STR_INIT("API");

    memcpy(name, prefix.ptr, prefix.len);
    return rkd_random_text(name + prefix.len, NAME_LEN - prefix.len,
                           RK_STR("23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")) &&
           rkd_random_text(
               secret, SECRET_LEN,
               RK_STR("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"));
}

static void put_pair(struct rki_buf *out, const struct rkd_args *args, struct rk_str name,
                     struct rk_str secret)
{
    if (rkd_args_has(args, "json")) {
        rki_buf_lit(out, "{\"api_key\":");
        rki_buf_json(out, name);
        rki_buf_lit(out, ",\"api_secret\":");
        rki_buf_json(out, secret);
        rki_buf_lit(out, "}\n");
    } else if (rkd_args_has(args, "yaml")) {
        rki_buf_put(out, name);
        rki_buf_lit(out, ": \""); /* in quotes: LiveKit drops a secret that reads as a number */
        rki_buf_put(out, secret);
        rki_buf_lit(out, "\"\n");
    } else {
        rki_buf_lit(out, "LIVEKIT_API_KEY=");
        rki_buf_put(out, name);
        rki_buf_lit(out, "\nLIVEKIT_API_SECRET=");
        rki_buf_put(out, secret);
        rki_buf_lit(out, "\n");
    }
}

static int run(struct rkd_cli *cli, const struct rkd_args *args)
{
    char name[NAME_LEN], secret[SECRET_LEN];
    const char *what = args->operand_count == 0 ? "" : args->operands[0];

    if (strcmp(what, "plan") == 0 || rkd_args_has(args, "caller")) {
        rkd_say(cli, "`keys plan` and keys of callers come with a later release");
        return RKD_EXIT_USAGE;
    }
    if (strcmp(what, "new") != 0 || !rkd_args_has(args, "livekit")) {
        rkd_say(cli, "expected `roomkey keys new --livekit`");
        return RKD_EXIT_USAGE;
    }
    if (rkd_args_has(args, "json") && rkd_args_has(args, "yaml")) {
        rkd_say(cli, "expected --json or --yaml, not both");
        return RKD_EXIT_USAGE;
    }
    if (!make_pair(name, secret)) {
        rkd_say(cli, "the kernel has no random bytes");
        return RKD_EXIT_REFUSED;
    }
    put_pair(&cli->out, args, rki_str(name, sizeof(name)), rki_str(secret, sizeof(secret)));
    rk_wipe(secret, sizeof(secret));
    return RKD_EXIT_OK;
}

const struct rkd_verb rkd_verb_keys = {
    .name = "keys",
    .summary = "Make a new key pair for LiveKit; it is shown once.",
    .operands = "new --livekit",
    .operand_max = 1,
    .options = options,
    .notes = "Both roomkey and the LiveKit server need the pair: roomkey in LIVEKIT_API_KEY and\n"
             "LIVEKIT_API_SECRET, the server in its key file (--yaml).\n",
    .run = run,
};
