/*
 * cli.h - what the verbs share: where they read and write, their options, their exit codes.
 *
 * stdout is data, gathered whole and written at the end, so that a script never sees half an
 * answer; stderr is talk. Nothing here keeps state outside struct rkd_cli.
 */
#ifndef RKD_CLI_H
#define RKD_CLI_H

#include "config/config.h"
#include "core/buf.h"

enum rkd_exit { RKD_EXIT_OK = 0, RKD_EXIT_REFUSED = 1, RKD_EXIT_USAGE = 2 };

enum {
    RKD_OUT_MAX = 8 * 1024 * 1024, /* a token of 1 MiB, every byte escaped, and what is said */
    RKD_GIVEN_MAX = 256,           /* options on one command line */
    RKD_OPERANDS_MAX = 2,
    RKD_INPUT_MAX = 1024 * 1024 + 4096, /* of a file or stdin; the longest token a server reads */
};

struct rkd_cli {
    struct rkd_env env;
    int in_fd, out_fd, err_fd;
    int64_t now_s;
    struct rki_buf out; /* over RKD_OUT_MAX bytes */
};

struct rkd_option {
    const char *name;  /* "room" is given as --room; NULL ends a table */
    const char *value; /* what help calls its value; NULL: a switch */
    const char *help;
    bool many; /* may stand more than once */
};

struct rkd_args;

struct rkd_verb {
    const char *name, *summary;
    const char *operands; /* for help; NULL: none are taken */
    size_t operand_max;
    const struct rkd_option *options;
    const char *notes; /* the end of help; may be NULL */
    int (*run)(struct rkd_cli *cli, const struct rkd_args *args);
    bool lists_variables; /* help ends with the table of variables */
};

/* A command line, read. Strings are argv's. */
struct rkd_args {
    struct {
        const struct rkd_option *option;
        const char *value; /* "" of a switch */
    } given[RKD_GIVEN_MAX];
    size_t count;
    char *operands[RKD_OPERANDS_MAX];
    size_t operand_count;
    bool wants_help;
};

/*
 * The arguments behind the verb. "--name value" and "--name=value"; "--" ends the options; "-" is
 * an operand. A value that begins with "--" must be given as --name=--value. False: something is
 * wrong, and it was said on stderr; no value is ever quoted.
 */
bool rkd_args_parse(struct rkd_cli *cli, const struct rkd_verb *verb, int argc, char **argv,
                    struct rkd_args *out);

/* The last value of an option, NULL when it was not given. */
const char *rkd_args_get(const struct rkd_args *args, const char *name);
bool rkd_args_has(const struct rkd_args *args, const char *name);
/* The next value of an option that may stand more than once: start with *at = 0; NULL at the end.
 */
const char *rkd_args_next(const struct rkd_args *args, const char *name, size_t *at);

void rkd_verb_help(const struct rkd_verb *verb, struct rki_buf *out);

/* The whole program but the set-up of the process. Returns the exit code. */
int rkd_cli_run(struct rkd_cli *cli, int argc, char **argv);

/* One line to stderr: "roomkey: TEXT". The text is ours: no input goes in. */
void rkd_say(const struct rkd_cli *cli, const char *text);
/* The same with "WHERE: " in front, for a diagnostic or an option. */
void rkd_say_at(const struct rkd_cli *cli, const char *where, const char *text);

/* One line to stderr as it is: a warning that begins with FILE:LINE:COLUMN. */
void rkd_say_line(const struct rkd_cli *cli, const char *text);
/* A refusal of the configuration: "roomkey: FILE:LINE:COLUMN: key: text". */
void rkd_say_error(const struct rkd_cli *cli, const struct rkd_raw_error *error);

/* Writes what was gathered and empties the buffer; false when stdout did not take all of it. */
bool rkd_flush(struct rkd_cli *cli);

/* Everything from a descriptor, at most RKD_INPUT_MAX - 1 bytes, into new memory the caller frees.
 * RK_E_IO, RK_E_TOO_LONG, RK_E_NOMEM. */
RK_NODISCARD enum rk_err rkd_read_all(int fd, char **out, size_t *out_len);

/* Random bytes, and `len` characters drawn evenly from an alphabet of at most 64. False: the kernel
 * has none. */
bool rkd_random_bytes(void *out, size_t len);
bool rkd_random_text(char *out, size_t len, struct rk_str alphabet);

/* Percent-encoding of everything but RFC 3986's unreserved characters. */
void rkd_put_percent(struct rki_buf *buf, struct rk_str text);

/* Flags, environment and file to settings for serve and dev; the environment wiped behind them.
 * RKD_EXIT_OK, or the exit code after saying why. */
int rkd_cli_settings(struct rkd_cli *cli, const struct rkd_env *env, const struct rkd_flags *flags,
                     struct rkd_settings *out);
/* Every --listen, borrowed from `args`; how many. */
size_t rkd_cli_listen(const struct rkd_args *args, const char *out[static RKD_GIVEN_MAX]);

/* "LIVEKIT_API_KEY ...": keys for a command, the environment wiped behind them. False: said. */
bool rkd_cli_keys(struct rkd_cli *cli, struct rkd_keys *out);

/* Signs with an id of its own. RK_E_CRYPTO also when there is no randomness for it. */
struct rk_claims;
RK_NODISCARD enum rk_err rkd_cli_sign(const struct rkd_cli *cli, const struct rk_key *key,
                                      struct rk_claims *claims, char *out, size_t cap,
                                      size_t *out_len);

/* main.c's table. */
extern const struct rkd_verb rkd_verb_serve, rkd_verb_dev, rkd_verb_token, rkd_verb_inspect,
    rkd_verb_check, rkd_verb_doctor, rkd_verb_explain, rkd_verb_init, rkd_verb_keys,
    rkd_verb_health, rkd_verb_version;

#endif
