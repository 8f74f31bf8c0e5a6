/*
 * fuzz_body.c - bodies and queries through every contract; the plain reader against the careful
 * one.
 *
 * The first byte picks the contract, the rest is the body (for meet: the query). What plain.c takes
 * the careful reader must read the same; that is this target's success. Besides, an ask that was
 * read keeps its limits, and whatever is answered is JSON.
 */
#include <jansson.h>
#include <stdlib.h>

#include "api/plain.h"
#include "api/read.h"
#include "core/utf8.h"
#include "fuzz.h"
#include "policy/policy.h"

enum { ARENA_BYTES = 256 * 1024, ANSWER_BYTES = 64 * 1024 };

typedef enum rkd_err read_fn(const struct rkd_read_in *in, struct rkd_ask *ask,
                             struct rkd_problem *problem);

struct trip {
    struct rkd_ask ask;
    struct rkd_problem problem;
    struct rki_arena arena;
};

static void check_same_text(struct rk_str a, struct rk_str b)
{
    FUZZ_CHECK((a.ptr == NULL) == (b.ptr == NULL));
    FUZZ_CHECK(rki_str_equal(a, b));
}

static void check_same(const struct rkd_ask *plain, const struct rkd_ask *careful)
{
    check_same_text(plain->room, careful->room);
    check_same_text(plain->identity, careful->identity);
    check_same_text(plain->name, careful->name);
    check_same_text(plain->metadata, careful->metadata);
    FUZZ_CHECK(careful->attribute_count == 0 && careful->room_config.ptr == NULL);
    FUZZ_CHECK(careful->room_config_members == 0 && careful->oversize.ptr == NULL);
    FUZZ_CHECK(plain->ttl_s == careful->ttl_s);
    FUZZ_CHECK(plain->contract == careful->contract);
}

/* Did the reader of this contract get by without the careful half? It copies nothing then. */
static void check_plain(const struct rkd_contract *contract, read_fn *careful_read,
                        struct rk_str body, char *memory)
{
    struct trip plain = {.arena = rki_arena_over(memory, 0)}, careful = plain;
    struct rkd_read_in in = {.body = body, .arena = &plain.arena};
    struct rkd_plain_body scanned;

    plain.ask.contract = careful.ask.contract = contract;
    if (!rkd_plain_scan(body, &scanned) ||
        contract->read(&in, &plain.ask, &plain.problem) != RKD_OK)
        return; /* in no memory at all only a borrowed ask can be read, or an empty one */
    careful.arena = rki_arena_over(memory, ARENA_BYTES);
    in.arena = &careful.arena;
    if (contract == &rkd_token_route)
        careful.ask.contract = &rkd_original; /* as the route's reader starts */
    FUZZ_CHECK(careful_read(&in, &careful.ask, &careful.problem) == RKD_OK);
    check_same(&plain.ask, &careful.ask);
    if (plain.ask.room.ptr != NULL)
        fuzz_reach();
}

static void check_name(struct rk_str name)
{
    FUZZ_CHECK(name.ptr == NULL || rki_name_check(name) == RK_OK);
}

static void check_ask(const struct rkd_ask *ask)
{
    size_t bytes = 0;

    FUZZ_CHECK(ask->metadata.len <= RKD_METADATA_MAX);
    FUZZ_CHECK(ask->attribute_count <= RKD_ATTRIBUTES_MAX);
    check_name(ask->room);
    check_name(ask->identity);
    if (ask->contract == &rkd_original) { /* its own rule for names (code points) */
        FUZZ_CHECK(ask->name.len <= 4 * 255 && rki_utf8_is_valid(ask->name));
        FUZZ_CHECK(ask->ttl_s == 0 || (ask->ttl_s >= 60 && ask->ttl_s <= 86400));
        return;
    }
    check_name(ask->name);
    FUZZ_CHECK(ask->ttl_s == 0);
    for (size_t i = 0; i < ask->attribute_count; i++) {
        check_name(ask->attributes[i].key);
        FUZZ_CHECK(ask->attributes[i].value.len != 0);
        bytes += ask->attributes[i].key.len + ask->attributes[i].value.len;
    }
    FUZZ_CHECK(bytes <= RKD_ATTRIBUTES_BYTES_MAX || ask->oversize.ptr != NULL);
}

static void check_json(const struct rki_buf *text, bool is_json)
{
    json_t *json;

    FUZZ_CHECK(!text->overflow);
    if (!is_json)
        return;
    json = json_loadb(text->ptr, text->len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    FUZZ_CHECK(json_is_object(json));
    json_decref(json);
}

static void write_pass(struct trip *trip, struct rki_buf *out)
{
    const struct rkd_caller caller = {.kind = RKD_CALLER_ANONYMOUS};
    const struct rkd_contract *contract = trip->ask.contract;
    struct rkd_decision d;
    struct rkd_pass pass = {.token = RK_STR("a.b.c"), .server_url = RK_STR("wss://x")};

    if (rkd_policy_decide_open(&contract->terms, &caller, &trip->ask, RK_STR("abcdefghijklmnop"),
                               &trip->arena, &d, &trip->problem) != RKD_OK)
        return;
    FUZZ_CHECK(d.ttl_s > 0 && d.room.len != 0 && d.identity.len != 0);
    check_name(d.identity);
    pass.room = d.room;
    pass.identity = d.identity;
    pass.name = d.name.len != 0 ? d.name : d.identity;
    contract->write_pass(out, &pass);
    check_json(out, contract != &rkd_create_token);
}

static void check_whole(const struct rkd_contract *contract, struct rk_str text, char *memory,
                        char *answer)
{
    struct trip trip = {.arena = rki_arena_over(memory, ARENA_BYTES)};
    struct rkd_read_in in = {.arena = &trip.arena};
    struct rki_buf out = rki_buf_over(answer, ANSWER_BYTES);
    const struct rkd_error_view view = {.problem = &trip.problem, .path = text};

    *(contract == &rkd_meet ? &in.query : &in.body) = text;
    trip.ask.contract = contract;
    if (contract->read(&in, &trip.ask, &trip.problem) == RKD_OK) {
        check_ask(&trip.ask);
        write_pass(&trip, &out);
    }
    if (trip.problem.err == RKD_OK)
        return;
    out.len = 0;
    trip.ask.contract->write_error(&out, &view);
    check_json(&out, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        const struct rkd_contract *contract;
        read_fn *careful; /* NULL: no plain reader in front */
    } rows[] = {
        {&rkd_token_route, rkd_read_token_json},
        {&rkd_original, rkd_read_original_json},
        {&rkd_standard, rkd_read_standard_json},
        {&rkd_sandbox_v1, rkd_read_standard_json},
        {&rkd_create_token, NULL},
        {&rkd_meet, NULL},
    };
    char *memory, *answer;
    struct rk_str text;
    size_t which;

    if (size == 0)
        return 0;
    which = data[0] % ARRAY_LEN(rows);
    text = fuzz_str(data + 1, size - 1);
    memory = malloc(ARENA_BYTES);
    answer = malloc(ANSWER_BYTES);
    if (memory != NULL && answer != NULL) {
        if (rows[which].careful != NULL)
            check_plain(rows[which].contract, rows[which].careful, text, memory);
        check_whole(rows[which].contract, text, memory, answer);
    }
    free(memory);
    free(answer);
    return 0;
}
