/*
 * bench.h - one policy, one caller and one request, for the tests of this room.
 *
 *   struct bench b;
 *   bench_open(&b, "{'callers':[...],'rules':[...]}");
 *   bench_as(&b, "staff", "{'sub':'u1','org':'acme'}");
 *   b.ask.room = RK_STR("acme__1");
 *   CHECK(bench_decide(&b) == RKD_OK, "...");
 *   bench_close(&b);
 */
#ifndef RK_POLICY_BENCH_H
#define RK_POLICY_BENCH_H

#include "check.h"

#include "policy/policy.h"
#include "raw_json.h"

#include <stdlib.h>

#define BENCH_RANDOM "abcdefghijklmnop"
#define BENCH_DEVICE "d3v1c300"
#define BENCH_NOW 1767225600

struct bench {
    char memory[32768];
    struct rki_arena arena;
    struct raw_json *json;
    struct rkd_policy *policy;
    struct rkd_caller caller;
    struct rkd_ask ask;
    struct rkd_attribute attributes[4];
    struct rkd_terms terms;
    struct rkd_decision decision;
    struct rkd_problem problem;
    struct rkd_trace trace;
};

static inline json_t *bench_json(const char *text)
{
    const size_t len = strlen(text);
    char *copy = malloc(len + 1);
    json_t *json;

    for (size_t i = 0; i <= len; i++)
        copy[i] = text[i];
    for (size_t i = 0; i < len; i++)
        if (copy[i] == '\'')
            copy[i] = '"';
    json = json_loadb(copy, len, JSON_DECODE_INT_AS_REAL, NULL);
    free(copy);
    CHECK(json != NULL, text);
    return json;
}

static inline void bench_open(struct bench *b, const char *config)
{
    struct rkd_raw_error error = {.text = ""};

    memset(b, 0, sizeof(*b));
    b->json = raw_json_read(config);
    b->terms.default_ttl_s = 900;
    CHECK_ERR(rkd_policy_compile(raw_json_raw(b->json), &b->policy, &error), RK_OK, error.text);
    b->caller = (struct rkd_caller){.kind = RKD_CALLER_ANONYMOUS, .name = RK_STR("anonymous")};
}

static inline void bench_close(struct bench *b)
{
    rkd_caller_clear(&b->caller);
    rkd_policy_free(b->policy);
    raw_json_free(b->json);
}

/* The caller of that name, with these claims; the subject is the claim sub. */
static inline void bench_as(struct bench *b, const char *name, const char *claims)
{
    static const enum rkd_caller_kind kinds[] = {RKD_CALLER_NONE, RKD_CALLER_OIDC,
                                                 RKD_CALLER_API_KEY, RKD_CALLER_EASY_AUTH,
                                                 RKD_CALLER_ENTRA};
    const struct rkd_raw *raw = raw_json_raw(b->json);
    size_t i = 0;

    rkd_caller_clear(&b->caller);
    while (i < raw->caller_count && !rki_str_equal(raw->callers[i].name.text, rki_cstr(name)))
        i++;
    CHECK(i < raw->caller_count, name);
    b->caller.kind = kinds[raw->callers[i].kind];
    b->caller.index = i;
    b->caller.name = raw->callers[i].name.text;
    b->caller.claims = b->caller.owned_claims = bench_json(claims);
    b->caller.subject = rki_cstr(json_string_value(json_object_get(b->caller.claims, "sub")));
}

static inline void bench_ask(struct bench *b)
{
    memset(&b->ask, 0, sizeof(b->ask));
    b->ask.attributes = b->attributes;
}

static inline struct rkd_policy_in bench_in(struct bench *b)
{
    b->arena = rki_arena_over(b->memory, sizeof(b->memory));
    b->trace.count = 0;
    return (struct rkd_policy_in){.terms = &b->terms,
                                  .caller = &b->caller,
                                  .ask = &b->ask,
                                  .random = RK_STR(BENCH_RANDOM),
                                  .device_random = RK_STR(BENCH_DEVICE),
                                  .now_s = BENCH_NOW,
                                  .arena = &b->arena,
                                  .trace = &b->trace};
}

static inline void bench_check_nothing(const struct bench *b)
{
    const struct rkd_decision *d = &b->decision;

    CHECK(d->room.ptr == NULL && d->identity.ptr == NULL && d->grants == 0 && d->ttl_s == 0 &&
              d->profile.ptr == NULL && d->hook == NULL,
          "a refusal leaves nothing to mint from");
}

static inline enum rkd_err bench_decide(struct bench *b)
{
    const struct rkd_policy_in in = bench_in(b);
    enum rkd_err err;

    memset(&b->problem, 0, sizeof(b->problem));
    err = rkd_policy_decide(b->policy, &in, &b->decision, &b->problem);
    CHECK(b->problem.err == err, "told in both places");
    if (err != RKD_OK) {
        CHECK(b->problem.reason != NULL, "a refusal has its reason");
        bench_check_nothing(b);
    }
    return err;
}

#define CHECK_DECIDE(b, want, why)                                                                 \
    do {                                                                                           \
        enum rkd_err decide_got_ = bench_decide(b), decide_want_ = (want);                         \
        if (decide_got_ != decide_want_)                                                           \
            fail_msg("%s:%d: %s: got %d (%s), wanted %d", __FILE__, __LINE__, (why),               \
                     (int)decide_got_, (b)->problem.reason == NULL ? "" : (b)->problem.reason,     \
                     (int)decide_want_);                                                           \
    } while (0)

/* A configuration that is refused under `key`. */
static inline void bench_refused(const char *config, const char *key, const char *why)
{
    struct raw_json *json = raw_json_read(config);
    struct rkd_policy *policy = NULL;
    struct rkd_raw_error error = {.text = ""};
    enum rk_err err = rkd_policy_compile(raw_json_raw(json), &policy, &error);

    if (err != RK_E_INVAL || strcmp(error.key, key) != 0)
        fail_msg("%s: got %d under \"%s\" (%s), wanted a refusal under \"%s\"", why, (int)err,
                 error.key, error.text, key);
    CHECK(policy == NULL && error.at.line != 0, why);
    CHECK(strncmp(error.text, "expected ", strlen("expected ")) == 0, error.text); /* P1 */
    raw_json_free(json);
}

static inline void bench_loads(const char *config, const char *why)
{
    struct raw_json *json = raw_json_read(config);
    struct rkd_policy *policy = NULL;
    struct rkd_raw_error error = {.text = ""};

    if (rkd_policy_compile(raw_json_raw(json), &policy, &error) != RK_OK)
        fail_msg("%s: refused under \"%s\": %s", why, error.key, error.text);
    rkd_policy_free(policy);
    raw_json_free(json);
}

#endif
