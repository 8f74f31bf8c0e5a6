/*
 * cmd_init.c - roomkey init: writes a commented roomkey.yaml for a login provider.
 *
 * The file is the same for all but what init_idp.c knows of each. It holds no secret. May touch:
 * the one file it makes, which must not be there before.
 */
#include "cli/cli.h"
#include "cli/init_idp.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { FILE_MODE = 0644 }; /* less by the umask; everything in it may be read */

static const char default_path[] = "roomkey.yaml";

static const struct rkd_option options[] = {
    {"idp", "NAME", "the login provider; generic when absent", false},
    {"url", "URL", "the LiveKit server's address for clients, wss://...", false},
    {"out", "FILE", "where to; roomkey.yaml when absent, - is standard output", false},
    {.name = NULL},
};

static const struct rkd_idp *find_idp(const char *name)
{
    const struct rkd_idp *idp;

    for (size_t i = 0; (idp = rkd_idp_at(i)) != NULL; i++)
        if (strcmp(idp->name, name) == 0)
            return idp;
    return NULL;
}

/* "entra, auth0, ... or generic" */
static void put_names(struct rki_buf *out)
{
    const struct rkd_idp *idp;

    for (size_t i = 0; (idp = rkd_idp_at(i)) != NULL; i++) {
        const char *before = i == 0 ? "" : rkd_idp_at(i + 1) == NULL ? " or " : ", ";

        rki_buf_put(out, rki_cstr(before));
        rki_buf_put(out, rki_cstr(idp->name));
    }
}

/* ---- the file ---- */

static void put_head(struct rki_buf *out, const struct rkd_idp *idp)
{
    rki_buf_lit(out, "# roomkey.yaml: who may have a LiveKit token, and what it says.\n"
                     "# Written by `roomkey init` for ");
    rki_buf_put(out, rki_cstr(idp->title));
    rki_buf_lit(out,
                ".\n#\n"
                "# Behind each " RKD_INIT_MARK " stands an example of a value only you know: write "
                "yours and take the mark\n"
                "# away. `roomkey check` refuses this file until the last one is gone. Then\n"
                "# `roomkey explain --as claims.json --room team-a` says what somebody with those "
                "claims would get,\n"
                "# rule by rule. Every key there is: roomkey.yaml(5).\n\n");
}

static void put_server(struct rki_buf *out, struct rk_str url)
{
    rki_buf_lit(out, "# listen: 127.0.0.1:7071                # the default. roomkey speaks plain "
                     "HTTP: TLS is your proxy's\n"
                     "livekit:\n"
                     "  url: ");
    if (url.ptr == NULL)
        rki_buf_lit(out, RKD_INIT_MARK " \"wss://media.example.org\"");
    else
        rki_buf_json(out,
                     url); /* a JSON string is a YAML string; the URL has no blanks or quotes */
    rki_buf_lit(
        out,
        "   # what clients get as server_url\n"
        "  # The key that signs: LIVEKIT_API_KEY and LIVEKIT_API_SECRET (or "
        "LIVEKIT_API_SECRET_FILE)\n"
        "  # in the environment, or LiveKit's own file of keys, `APIkey: \"secret\"`, mode 0600:\n"
        "  # key_file: livekit-keys.yaml  # and active_key: NAME, before there are two keys in it\n"
        "anonymous: refuse                       # nobody without a credential\n"
        "cors:\n"
        "  # Where your front end is served from; remove `cors` when no browser asks.\n"
        "  origins: [" RKD_INIT_MARK " \"https://app.example.org\"]\n\n");
}

static void put_caller(struct rki_buf *out, const struct rkd_idp *idp)
{
    rki_buf_lit(out,
                "callers:\n"
                "  - name: users                         # your name for them; the log has it\n");
    rki_buf_put(out, rki_cstr(idp->caller));
    rki_buf_lit(
        out,
        "    # devices: many                     # {identity}#{device}, else a second device "
        "evicts "
        "the first\n"
        "    # explain: true                     # they may send X-Roomkey-Explain: 1; for a while "
        "only\n\n");
}

static void put_rules(struct rki_buf *out, const struct rkd_idp *idp)
{
    rki_buf_lit(out,
                "rules:                                  # the first where caller, when and "
                "room hold decides; none: 403\n"
                "  - id: members                         # the log names it, answers never do\n"
                "    caller: users\n");
    rki_buf_put(out, rki_cstr(idp->rule));
    rki_buf_lit(
        out,
        "    # `*` is one or more characters, at the end only. {claim} is a claim of the caller.\n"
        "    profile: [speaker, listener]        # header Roomkey-Profile chooses; else the first\n"
        "    ttl: 10m                            # for joining; who has joined may stay\n"
        "    # request_may_set: [name]           # else a name in the request is refused: 403\n"
        "  # Another rule could let moderators do more; then it stands first:\n"
        "  # - id: moderators\n"
        "  #   when: { ... }\n"
        "  #   room: [\"team-*\"]\n"
        "  #   profile: [moderator, speaker]     # also audio-only, agent; or your own in "
        "`profiles`\n");
}

static void put_file(struct rki_buf *out, const struct rkd_idp *idp, struct rk_str url)
{
    put_head(out, idp);
    put_server(out, url);
    put_caller(out, idp);
    put_rules(out, idp);
}

/* ---- what is left to do ---- */

static bool is_key_char(char c)
{
    return c != ' ' && c != '{' && c != '"' && c != '\n' && c != ',';
}

/* The key whose value has the mark at `at`: what stands before the colon before it. */
static struct rk_str key_before(struct rk_str text, size_t at)
{
    size_t end, begin;

    while (at > 0 && (text.ptr[at - 1] == ' ' || text.ptr[at - 1] == '['))
        at--;
    end = at > 0 ? at - 1 : 0; /* the colon */
    if (end > 0 && text.ptr[end - 1] == '"')
        end--;
    for (begin = end; begin > 0 && is_key_char(text.ptr[begin - 1]);)
        begin--;
    return rki_str(text.ptr + begin, end - begin);
}

static void say_blank(const struct rkd_cli *cli, int64_t line, struct rk_str key)
{
    char where[32], what[64];
    struct rki_buf line_buf = rki_buf_over(where, sizeof(where) - 1);
    struct rki_buf key_buf = rki_buf_over(what, sizeof(what) - 1);

    rki_buf_lit(&line_buf, "line ");
    rki_buf_int(&line_buf, line);
    where[line_buf.len] = '\0';
    rki_buf_put(&key_buf, key);
    what[key_buf.len] = '\0';
    rkd_say_at(cli, where, what);
}

/* One line on stderr for each blank; comments name the mark too, and are none. */
static void say_blanks(const struct rkd_cli *cli, struct rk_str text)
{
    static const struct rk_str mark = RK_STR_INIT(RKD_INIT_MARK " ");
    bool is_comment = false;
    int64_t line = 1;

    for (size_t at = 0; at < text.len; at++) {
        if (text.ptr[at] == '\n')
            line++;
        is_comment = text.ptr[at] != '\n' && (is_comment || text.ptr[at] == '#');
        if (!is_comment && rki_str_starts_with(rki_str(text.ptr + at, text.len - at), mark))
            say_blank(cli, line, key_before(text, at));
    }
}

/* Made new and never followed: what is there stays. */
static int write_file(const struct rkd_cli *cli, const char *path, struct rk_str text)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, FILE_MODE);
    bool is_written = true;

    if (fd < 0 && errno == EEXIST) {
        rkd_say(cli, "the file is there already, and stays as it is; --out FILE names another");
        return RKD_EXIT_REFUSED;
    }
    if (fd < 0) {
        rkd_say(cli, "the file cannot be made");
        return RKD_EXIT_REFUSED;
    }
    while (is_written && text.len != 0) {
        const ssize_t put = write(fd, text.ptr, text.len);

        if (put > 0)
            text = rki_str(text.ptr + put, text.len - (size_t)put);
        else
            is_written = put < 0 && errno == EINTR;
    }
    if (close(fd) == 0 && is_written)
        return RKD_EXIT_OK;
    (void)unlink(path); /* half a file would be refused next time, and serves nobody */
    rkd_say(cli, "the file could not be written");
    return RKD_EXIT_REFUSED;
}

static int fail_idp(const struct rkd_cli *cli)
{
    char text[160];
    struct rki_buf buf = rki_buf_over(text, sizeof(text) - 1);

    rki_buf_lit(&buf, "expected ");
    put_names(&buf);
    text[buf.len] = '\0';
    rkd_say_at(cli, "--idp", text);
    return RKD_EXIT_USAGE;
}

static int run(struct rkd_cli *cli, const struct rkd_args *args)
{
    const char *name = rkd_args_get(args, "idp"), *path = rkd_args_get(args, "out");
    const struct rk_str url = rki_cstr(rkd_args_get(args, "url"));
    const struct rkd_idp *idp = find_idp(name == NULL ? "generic" : name);
    const bool is_to_stdout = path != NULL && strcmp(path, "-") == 0;
    int code = RKD_EXIT_OK;

    if (idp == NULL)
        return fail_idp(cli);
    if (url.ptr != NULL && !rkd_url_is_valid(url)) {
        rkd_say_at(cli, "--url", "expected a ws://, wss://, http:// or https:// URL with a host");
        return RKD_EXIT_USAGE;
    }
    if (path != NULL && *path == '\0') {
        rkd_say_at(cli, "--out", "expected a path, or - for standard output");
        return RKD_EXIT_USAGE;
    }
    put_file(&cli->out, idp, url);
    if (!is_to_stdout)
        code = write_file(cli, path == NULL ? default_path : path, rki_buf_str(&cli->out));
    if (code == RKD_EXIT_OK) {
        rkd_say(cli, is_to_stdout ? "yours to fill in:" : "written; yours to fill in:");
        say_blanks(cli, rki_buf_str(&cli->out));
        rkd_say(cli, "then: roomkey check --config FILE, with LIVEKIT_API_KEY and "
                     "LIVEKIT_API_SECRET set");
    }
    if (!is_to_stdout)
        cli->out.len = 0;
    return code;
}

const struct rkd_verb rkd_verb_init = {
    .name = "init",
    .summary = "Write a commented roomkey.yaml for a login provider.",
    .options = options,
    .notes =
        "Providers: entra, auth0, okta, keycloak, supabase, clerk, firebase, cognito, google,\n"
        "generic. A file that is there is never written over. Values that only you know have the\n"
        "mark " RKD_INIT_MARK
        " in front, and `roomkey check` refuses the file until all are gone.\n",
    .run = run,
};
