/*
 * cmd_keys.c - roomkey keys new: a fresh pair for LiveKit, or a caller's API key; shown once. And
 * roomkey keys plan, which is keys_plan.c's.
 *
 * May touch: the kernel's random source.
 */
#include "cli/keys_plan.h"
#include "core/b64.h"

#include <openssl/evp.h>

enum {
    NAME_LEN = 15,
    SECRET_LEN = 43,
    CALLER_BYTES = 32, /* semantics D3: rk_ and 43 characters */
    CALLER_LEN = 3 + 43,
    CALLER_NAME_MAX = 256,
};

static const struct rkd_option options[] = {
    {"livekit", NULL, "a key pair for LiveKit", false},
    {"caller", "NAME", "an API key for a caller, and the line for its file", false},
    {"json", NULL, "as JSON: api_key, api_secret; of a caller name, key, sha256", false},
    {"yaml", NULL, "as a line of LiveKit's key file", false},
    {"new", "KEYID", "plan: the name of the key to change to, where that is not plain", false},
    {"leaked", NULL, "plan: the old key is in wrong hands, so without a wait", false},
    {"config", "FILE", "plan: roomkey.yaml, in place of ROOMKEY_CONFIG", false},
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

static int make_livekit(struct rkd_cli *cli, const struct rkd_args *args)
{
    char name[NAME_LEN], secret[SECRET_LEN];

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

/* ---- a caller's key ---- */

/* The file's hash of it is of all its characters. */
static bool make_caller_key(char key[static CALLER_LEN], struct rki_buf *hex)
{
    static const char digits[] = "0123456789abcdef";
    static const struct rk_str prefix = RK_STR_INIT("rk_");
    uint8_t bytes[CALLER_BYTES], hash[32];
    bool is_good = rkd_random_bytes(bytes, sizeof(bytes));

    memcpy(key, prefix.ptr, prefix.len);
    (void)rki_b64url_encode_raw(key + prefix.len, (const char *)bytes, sizeof(bytes));
    rk_wipe(bytes, sizeof(bytes));
    is_good = is_good && EVP_Digest(key, CALLER_LEN, hash, NULL, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; i < sizeof(hash) && is_good; i++) {
        rki_buf_char(hex, digits[hash[i] >> 4]);
        rki_buf_char(hex, digits[hash[i] & 15]);
    }
    return is_good;
}

static bool is_caller_name(struct rk_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        const char c = rki_lower(name.ptr[i]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
            (c == '\0' || strchr("._-@", c) == NULL))
            return false;
    }
    return name.len != 0 && name.len <= CALLER_NAME_MAX;
}

static int make_caller(struct rkd_cli *cli, const struct rkd_args *args)
{
    const struct rk_str name = rki_cstr(rkd_args_get(args, "caller"));
    char key[CALLER_LEN], hash[64];
    struct rki_buf hex = rki_buf_over(hash, sizeof(hash)), *out = &cli->out;

    if (rkd_args_has(args, "yaml")) {
        rkd_say(cli, "--yaml is for --livekit: the line for the file is printed as it is");
        return RKD_EXIT_USAGE;
    }
    if (!is_caller_name(name)) {
        rkd_say_at(cli, "--caller", "expected 1 to 256 letters, digits, dots, dashes, _ or @");
        return RKD_EXIT_USAGE;
    }
    if (!make_caller_key(key, &hex)) {
        rkd_say(cli, "the kernel has no random bytes");
        return RKD_EXIT_REFUSED;
    }
    if (rkd_args_has(args, "json")) {
        rki_buf_lit(out, "{\"name\":");
        rki_buf_json(out, name);
        rki_buf_lit(out, ",\"key\":");
        rki_buf_json(out, rki_str(key, sizeof(key)));
        rki_buf_lit(out, ",\"sha256\":");
        rki_buf_json(out, rki_buf_str(&hex));
        rki_buf_lit(out, "}\n");
    } else {
        rki_buf_put(out, rki_str(key, sizeof(key)));
        rki_buf_lit(out, "\n");
        rki_buf_json(out, name); /* in quotes: 007 and on are names too */
        rki_buf_lit(out, ": { sha256: ");
        rki_buf_json(out, rki_buf_str(&hex));
        rki_buf_lit(out, " }\n");
        rkd_say(cli, "the first line is the key, for the caller alone; the second is for the file "
                     "that api_keys_file names");
    }
    rk_wipe(key, sizeof(key));
    return RKD_EXIT_OK;
}

static int run(struct rkd_cli *cli, const struct rkd_args *args)
{
    const char *what = args->operand_count == 0 ? "" : args->operands[0];
    const bool is_livekit = rkd_args_has(args, "livekit");
    const bool is_caller = rkd_args_has(args, "caller");
    const bool is_plan =
        rkd_args_has(args, "new") || rkd_args_has(args, "leaked") || rkd_args_has(args, "config");

    if (strcmp(what, "plan") == 0 && !is_livekit && !is_caller && !rkd_args_has(args, "yaml"))
        return rkd_keys_plan(cli, args);
    if (strcmp(what, "new") != 0 || is_livekit == is_caller || is_plan) {
        rkd_say(cli, "expected `roomkey keys new --livekit`, `roomkey keys new --caller NAME` or "
                     "`roomkey keys plan` with options of its own");
        return RKD_EXIT_USAGE;
    }
    return is_livekit ? make_livekit(cli, args) : make_caller(cli, args);
}

const struct rkd_verb rkd_verb_keys = {
    .name = "keys",
    .summary = "Make a new key pair for LiveKit, or a caller's API key; plan a rotation.",
    .operands = "new --livekit | new --caller NAME | plan",
    .operand_max = 1,
    .options = options,
    .notes = "Both roomkey and the LiveKit server need the pair: roomkey in LIVEKIT_API_KEY and\n"
             "LIVEKIT_API_SECRET, the server in its key file (--yaml). Of a caller's key roomkey\n"
             "keeps the hash only, in the file that api_keys_file names. `keys plan` prints the\n"
             "order in which LiveKit keys are changed so that no join is refused, with the time\n"
             "to wait; it changes nothing. With --json: from, to, leaked,\n"
             "longest_token_s, leeway_s, steps.\n",
    .run = run,
};
