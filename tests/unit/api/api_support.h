/*
 * api_support.h - one request through reading, deciding and writing, without a socket.
 */
#ifndef RK_TEST_API_SUPPORT_H
#define RK_TEST_API_SUPPORT_H

#include "check.h"

#include <jansson.h>
#include <stdlib.h>

#include "api/api.h"
#include "policy/policy.h"

enum { ARENA_BYTES = 256 * 1024, ANSWER_BYTES = 16 * 1024 };

#define TEST_TOKEN "aaaa.bbbb.cccc"
#define TEST_RANDOM "abcdefghijklmnop"
#define TEST_NOW_MS 1767225600123 /* 2026-01-01T00:00:00.123Z */

struct trip {
    char *memory, *text;
    struct rki_arena arena;
    struct rkd_ask ask;
    struct rkd_problem problem;
    struct rkd_decision decision;
    struct rk_str path;
    struct rki_buf answer;
};

static inline void trip_init(struct trip *trip)
{
    memset(trip, 0, sizeof(*trip));
    trip->memory = malloc(ARENA_BYTES);
    trip->text = malloc(ANSWER_BYTES);
    CHECK(trip->memory != NULL && trip->text != NULL, "memory");
    trip->arena = rki_arena_over(trip->memory, ARENA_BYTES);
    trip->answer = rki_buf_over(trip->text, ANSWER_BYTES);
    trip->path = RK_STR("/api/token");
}

static inline void trip_clear(struct trip *trip)
{
    free(trip->memory);
    free(trip->text);
}

static inline enum rkd_err trip_read(struct trip *trip, const struct rkd_contract *contract,
                                     struct rk_str body, struct rk_str query)
{
    struct rkd_read_in in = {.body = body, .query = query, .arena = &trip->arena};
    enum rkd_err err;

    trip->ask.contract = contract;
    err = contract->read(&in, &trip->ask, &trip->problem);
    CHECK(err == RKD_OK || err == trip->problem.err, "a refusal says the same in both places");
    return err;
}

static inline enum rkd_err trip_decide(struct trip *trip)
{
    const struct rkd_caller caller = {.kind = RKD_CALLER_ANONYMOUS};

    return rkd_policy_decide_open(&trip->ask.contract->terms, &caller, &trip->ask,
                                  RK_STR(TEST_RANDOM), &trip->arena, &trip->decision,
                                  &trip->problem);
}

static inline void trip_write_pass(struct trip *trip)
{
    const struct rkd_decision *d = &trip->decision;
    const struct rkd_pass pass = {
        .token = RK_STR(TEST_TOKEN),
        .expires_at_s = TEST_NOW_MS / 1000 + d->ttl_s,
        .server_url = RK_STR("wss://media.example.org"),
        .room = d->room,
        .identity = d->identity,
        .name = d->name.len != 0 ? d->name : d->identity,
    };

    trip->ask.contract->write_pass(&trip->answer, &pass);
    CHECK(!trip->answer.overflow, "16 KiB hold an answer");
}

static inline void trip_write_error(struct trip *trip)
{
    const struct rkd_error_view view = {
        .problem = &trip->problem,
        .request_id = RK_STR("request-id-of-22-bytes"),
        .path = trip->path,
        .now_ms = TEST_NOW_MS,
    };

    trip->ask.contract->write_error(&trip->answer, &view);
    CHECK(!trip->answer.overflow, "16 KiB hold a refusal");
}

/* The answer as JSON, strictly; the caller's to json_decref. */
static inline json_t *trip_json(const struct trip *trip, const char *why)
{
    json_t *json = json_loadb(trip->answer.ptr, trip->answer.len,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

    if (json == NULL)
        fail_msg("%s: not JSON: %.*s", why, (int)trip->answer.len, trip->answer.ptr);
    return json;
}

#endif
