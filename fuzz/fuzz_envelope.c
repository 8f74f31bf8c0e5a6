/*
 * fuzz_envelope.c - the Functions host's envelope, to the request that comes out of it.
 *
 * However the JSON is written, the head made of it has as many lines as values were put in, with
 * one more at most where there was no Host, and the scan that reads sockets finds no more: nothing
 * in an envelope writes a header of its own.
 */
#include "api/envelope.h"
#include "core/json.h"
#include "fuzz.h"
#include "net/net.h"

enum { ARENA = 256 * 1024, HEAD_MAX = 40 * 1024, HEADERS_MAX = 32 * 1024, BODY_MAX = 64 * 1024 };

/* How many values the headers of the JSON have, as jansson counts; is one of them a Host's? */
static size_t count_values(const json_t *root, bool *out_has_host)
{
    json_t *headers =
        json_object_get(json_object_get(json_object_get(root, "Data"), "req"), "Headers");
    size_t count = 0;
    const char *name;
    json_t *value;

    json_object_foreach(headers, name, value)
    {
        const size_t values = json_is_array(value) ? json_array_size(value) : 1;

        *out_has_host =
            *out_has_host || (values != 0 && rki_str_equal_nocase(rki_cstr(name), RK_STR("Host")));
        count += values;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char memory[ARENA];
    static struct rkd_request request;
    struct rki_arena arena = rki_arena_over(memory, sizeof(memory));
    enum rkd_fault fault;
    struct rkd_envelope envelope;
    bool has_host = false;
    size_t values;
    json_t *root = NULL;
    const enum rkd_envelope_err err =
        rkd_envelope_read(fuzz_str(data, size), HEAD_MAX, BODY_MAX, &arena, &envelope);

    if (err != RKD_ENVELOPE_OK) {
        FUZZ_CHECK(envelope.head.len == 0 && envelope.body.len == 0);
        return 0;
    }
    FUZZ_CHECK(rki_json_parse(fuzz_str(data, size), RKI_JSON_ALLOW_NUL, &root, NULL) == RK_OK);
    values = count_values(root, &has_host);
    FUZZ_CHECK(envelope.line_count == values || (!has_host && envelope.line_count == values + 1));
    json_decref(root);
    FUZZ_CHECK(envelope.body.len <= BODY_MAX && envelope.body.len <= envelope.body_len);
    if (rkd_request_scan(envelope.head, HEADERS_MAX, &request, &fault)) {
        FUZZ_CHECK(request.header_count == envelope.line_count);
        fuzz_reach();
    }
    return 0;
}
