/*
 * fuzz_envelope.c - the Functions host's envelope, to the request that comes out of it.
 *
 * However the JSON is written, the head made of it has as many lines as values were put in, and the
 * scan that reads sockets finds no more: nothing in an envelope writes a header of its own.
 */
#include "api/envelope.h"
#include "core/json.h"
#include "fuzz.h"
#include "net/net.h"

enum { ARENA = 256 * 1024, HEAD_MAX = 40 * 1024, HEADERS_MAX = 32 * 1024, BODY_MAX = 64 * 1024 };

/* How many values the headers of the JSON have, as jansson counts. */
static size_t count_values(const json_t *root)
{
    json_t *headers =
        json_object_get(json_object_get(json_object_get(root, "Data"), "req"), "Headers");
    size_t count = 0;
    const char *name;
    json_t *value;

    json_object_foreach(headers, name, value)
    {
        count += json_is_array(value) ? json_array_size(value) : 1;
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
    json_t *root = NULL;
    const enum rkd_envelope_err err =
        rkd_envelope_read(fuzz_str(data, size), HEAD_MAX, BODY_MAX, &arena, &envelope);

    if (err != RKD_ENVELOPE_OK) {
        FUZZ_CHECK(envelope.head.len == 0 && envelope.body.len == 0);
        return 0;
    }
    FUZZ_CHECK(rki_json_parse(fuzz_str(data, size), RKI_JSON_ALLOW_NUL, &root, NULL) == RK_OK);
    FUZZ_CHECK(envelope.line_count == count_values(root));
    json_decref(root);
    FUZZ_CHECK(envelope.body.len <= BODY_MAX && envelope.body.len <= envelope.body_len);
    if (rkd_request_scan(envelope.head, HEADERS_MAX, &request, &fault)) {
        FUZZ_CHECK(request.header_count == envelope.line_count);
        fuzz_reach();
    }
    return 0;
}
