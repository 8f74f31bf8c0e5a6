/*
 * doctor.h - what the probes of `roomkey doctor` share: what they look at, how they ask it, and
 * what they found.
 *
 * Every probe is a function over one struct rkd_doctor; it asks over HTTP with rkd_doctor_ask, and
 * says what it found with rkd_doctor_find. Nothing in a finding holds a secret or a token: answers
 * of a LiveKit server may repeat the token, so their bodies are only searched, never shown.
 */
#ifndef RKD_CLI_DOCTOR_H
#define RKD_CLI_DOCTOR_H

#include "cli/cli.h"
#include "net/fetch.h"
#include "net/timer.h"

#include <roomkey/claims.h>

enum {
    RKD_FINDINGS_MAX = 160, /* 64 keys, twice, and a few of every other probe */
    RKD_FOUND_TEXT = 1536,
    RKD_BASE_MAX = 1024,
    RKD_ANSWER_MAX = 64 * 1024,
    RKD_ROOM_LEN = 15 + 16,
    RKD_VERSION_MAX = 64,
    RKD_SID_MAX = 64,
    RKD_LEEWAY_S = 60, /* of a LiveKit server, both ways */
};

enum rkd_found {
    RKD_FOUND_SKIP = 0, /* not looked at, and why */
    RKD_FOUND_OK,
    RKD_FOUND_WARN,
    RKD_FOUND_FAIL,
};

/* What was found, for scripts and --accept; their names are in doctor_code.c. */
enum rkd_code {
    RKD_CODE_NO_KEY = 0,
    RKD_CODE_SHORT_SECRET,
    RKD_CODE_NO_URL,
    RKD_CODE_BAD_URL,
    RKD_CODE_HTTP_SCHEME,
    RKD_CODE_INSECURE_SCHEME,
    RKD_CODE_ADDRESS,
    RKD_CODE_OUT_OF_TIME,
    RKD_CODE_NO_LIBCURL,
    RKD_CODE_DNS,
    RKD_CODE_DNS_TIMEOUT,
    RKD_CODE_REFUSED,
    RKD_CODE_UNREACHABLE,
    RKD_CODE_TIMEOUT,
    RKD_CODE_SLOW,
    RKD_CODE_CERTIFICATE,
    RKD_CODE_TLS,
    RKD_CODE_CLOSED,
    RKD_CODE_NO_HTTP,
    RKD_CODE_TLS_ON_PLAIN,
    RKD_CODE_PLAIN_ON_TLS,
    RKD_CODE_REDIRECT,
    RKD_CODE_BAD_GATEWAY,
    RKD_CODE_PATH,
    RKD_CODE_NOT_LIVEKIT,
    RKD_CODE_SIGN,
    RKD_CODE_REFUSED_TOKEN,
    RKD_CODE_UNKNOWN_KEY,
    RKD_CODE_WRONG_SECRET,
    RKD_CODE_NO_ANSWER,
    RKD_CODE_CLOCK_AHEAD,
    RKD_CODE_CLOCK_BEHIND,
    RKD_CODE_CLOCK_DRIFTS,
    RKD_CODE_AUTO_CREATE_OFF,
    RKD_CODE_NO_ROOM_API,
    RKD_CODE_NO_PERMISSION,
    RKD_CODE_API_REFUSES_KEY,
    RKD_CODE_NOT_LISTED,
    RKD_CODE_NO_WEBSOCKET,
    RKD_CODE_NO_ROOM_TO_JOIN,
    RKD_CODE_NO_VERSION,
    RKD_CODE_TOO_OLD,
    RKD_CODE_TWO_SERVERS,
    RKD_CODE_NO_WEBHOOK,
    RKD_CODE_WEBHOOK_UNKNOWN_KEY,
    RKD_CODE_WEBHOOK_WRONG_SECRET,
    RKD_CODE_WEBHOOK_BODY,
    RKD_CODE_WEBHOOK_REFUSED,
    RKD_CODE_LEFT_ROOM,
    RKD_CODES_BAD, /* those above can be a failure or a warning; those below are not */
    RKD_CODE_SKIPPED = RKD_CODES_BAD,
    RKD_CODE_NO_DATE,
    RKD_CODE_SECRET,
    RKD_CODE_URL,
    RKD_CODE_REACH,
    RKD_CODE_KEY,
    RKD_CODE_CLOCK,
    RKD_CODE_AUTO_CREATE,
    RKD_CODE_ROOM_API,
    RKD_CODE_VERSION,
    RKD_CODE_WEBHOOK,
    RKD_CODE_CLEANUP,
    RKD_CODES,
};

struct rkd_finding {
    enum rkd_found found;
    enum rkd_code code;
    const char *probe;   /* a constant, for scripts */
    const char *todo;    /* a constant; NULL: nothing */
    struct rki_buf text; /* may hold bytes of a server: they are escaped on the way out */
    char bytes[RKD_FOUND_TEXT];
};

struct rkd_answer {
    unsigned status; /* 0: none; error and cause say why */
    const char *error;
    enum rkd_fetch_cause cause;
    int64_t date_s; /* -1: not known */
    size_t len;
    char body[RKD_ANSWER_MAX];
};

struct rkd_question {
    struct rk_str base; /* http(s)://host[:port][/path], no slash at the end */
    const char *path;
    struct rk_str token; /* absent: none */
    struct rk_str body;  /* present: POST */
    bool is_upgrade;     /* to a WebSocket: what comes first behind 101 is the body */
};

struct rkd_post; /* the webhook that is waited for; doctor_webhook.c */

struct rkd_doctor {
    struct rkd_cli *cli;
    const struct rkd_args *args;
    struct rkd_settings settings;
    bool is_accepted[RKD_CODES_BAD]; /* --accept */
    struct rk_str url, api_url;      /* absent: none */
    bool is_url_bad;                 /* there is one, or two, but nothing that can be asked */
    char base[RKD_BASE_MAX], api_base[RKD_BASE_MAX];
    struct rk_str ca_file;

    struct rkd_loop *loop;
    struct rkd_fetcher *fetcher;
    struct rkd_timer *patience;
    const char *waiting_for;
    struct rkd_answer *answer; /* of the last question */
    uint64_t deadline_ns;      /* of rkd_clock_mono_ns */

    const char *probe; /* the one that runs */
    struct rkd_finding *findings;
    size_t finding_count;

    /* what probes leave for those behind them */
    bool is_reached;      /* a LiveKit server answers at base */
    bool is_key_good;     /* it accepts the active key */
    bool has_date;        /* offset_s is known, and true */
    int64_t offset_s;     /* this machine's clock less the server's */
    bool is_auto_created; /* rooms come into being by a join */
    bool has_room;        /* made, and to be deleted */
    bool has_joined;      /* the room may be there even if nobody made it */
    bool is_split;        /* base and api_base are different servers, and it is at both */
    char room[RKD_ROOM_LEN];
    char sid[RKD_SID_MAX];     /* of the room, as the API says; "" unknown */
    struct rkd_net *listening; /* for webhooks */
    struct rkd_post *post;
};

/* ---- doctor_code.c ---- */

/* "no_key" */
const char *rkd_code_name(enum rkd_code code);
/* The --accept of the command line, into doctor->is_accepted. False: one of them is nothing that a
 * probe can find wrong; said. */
bool rkd_doctor_take_accepted(struct rkd_doctor *doctor);

/* ---- doctor_report.c ---- */

/* A new finding of the probe that runs; the caller writes its text. Never NULL. */
struct rki_buf *rkd_doctor_find(struct rkd_doctor *doctor, enum rkd_found found, enum rkd_code code,
                                const char *todo);
/* The same with a constant for a text. */
void rkd_doctor_say(struct rkd_doctor *doctor, enum rkd_found found, enum rkd_code code,
                    const char *text, const char *todo);
/* All of it to stdout. The exit code. */
int rkd_doctor_report(struct rkd_doctor *doctor, bool is_json);

/* ---- doctor_ask.c ---- */

/* Asks and waits; doctor->answer has what came. `what` is what is waited for: "the room API". */
const struct rkd_answer *rkd_doctor_ask(struct rkd_doctor *doctor, const char *what,
                                        const struct rkd_question *question);
/* Lets the loop run until rkd_loop_stop, or for `ms`. */
void rkd_doctor_wait(struct rkd_doctor *doctor, const char *what, uint64_t ms);
/* What is left of --timeout, at most `ms`. */
uint64_t rkd_doctor_left_ms(const struct rkd_doctor *doctor, uint64_t ms);
bool rkd_answer_has(const struct rkd_answer *answer, const char *part);
/* "nobody knows the host's name": why there is no answer; code and advice with it. */
const char *rkd_doctor_cause(const struct rkd_answer *answer, enum rkd_code *out_code,
                             const char **out_todo);

enum rkd_pass {
    RKD_PASS_JOIN = 0,
    RKD_PASS_CREATE,
    RKD_PASS_LIST,
};

/* A token for doctor->room that was made at `now_s` and lives `ttl_s`. False: said. */
bool rkd_doctor_sign(struct rkd_doctor *doctor, const struct rk_key *key, enum rkd_pass pass,
                     int64_t now_s, int64_t ttl_s, char *out, size_t cap, struct rk_str *out_token);
/* The server's time where it is known and within a day of ours, else ours. */
int64_t rkd_doctor_server_now(const struct rkd_doctor *doctor);

/* ---- the probes ---- */

void rkd_probe_secret(struct rkd_doctor *doctor);
void rkd_probe_url(struct rkd_doctor *doctor);
void rkd_probe_reach(struct rkd_doctor *doctor);
void rkd_probe_key(struct rkd_doctor *doctor);
void rkd_probe_clock(struct rkd_doctor *doctor);
void rkd_probe_auto_create(struct rkd_doctor *doctor);
void rkd_probe_room_api(struct rkd_doctor *doctor);
void rkd_probe_version(struct rkd_doctor *doctor);
void rkd_probe_webhook(struct rkd_doctor *doctor);
void rkd_probe_cleanup(struct rkd_doctor *doctor);

/* --webhook: listens from now on. RKD_EXIT_OK, or the exit code after saying why. */
int rkd_webhook_open(struct rkd_doctor *doctor, const char *address);
void rkd_webhook_close(struct rkd_doctor *doctor);

/*
 * The first message of a LiveKit server behind the head of a WebSocket: 0 more bytes are needed, 1
 * read, -1 it is something else. Texts are borrowed from `bytes`; absent where it does not say.
 */
struct rkd_join {
    struct rk_str version, sid;
    bool is_cloud;
};
int rkd_join_read(struct rk_str bytes, struct rkd_join *out);
/* Is "1.7.2" older than "1.8.2"? What is no version is not. */
bool rkd_version_is_before(struct rk_str version, const unsigned least[static 3]);

#endif
