/*
 * spike.c - the base of the ratios: epoll, llhttp, cJSON, a mint with nettle from a copied keyed
 * context. It reads the JSON body, checks two names, signs, answers. No limits, no log, no
 * timeouts, no request ids: what they cost is the difference to roomkey.
 */
#include "loop.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <llhttp.h>
#include <nettle/base64.h>
#include <nettle/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char header64[] = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.";
static const char api_key[] = "APIbenchbench";
static const char api_secret[] = "bench-secret-bench-secret-bench-secret-";
static struct hmac_sha256_ctx keyed;

struct state {
    llhttp_t parser;
    size_t len;
    int done;
    char body[4096];
};

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct state *state = parser->data;

    if (len > sizeof(state->body) - 1 - state->len)
        return -1;
    memcpy(state->body + state->len, at, len);
    state->len += len;
    return 0;
}

static int on_complete(llhttp_t *parser)
{
    struct state *state = parser->data;

    state->done = 1;
    return 0;
}

static const llhttp_settings_t *settings(void)
{
    static llhttp_settings_t table;
    static int made;

    if (!made) {
        llhttp_settings_init(&table);
        table.on_body = on_body;
        table.on_message_complete = on_complete;
        made = 1;
    }
    return &table;
}

static void start(void *memory)
{
    struct state *state = memory;

    llhttp_init(&state->parser, HTTP_REQUEST, settings());
    state->parser.data = state;
}

static int good_name(const cJSON *name)
{
    if (!cJSON_IsString(name) || *name->valuestring == '\0' || strlen(name->valuestring) > 255)
        return 0;
    for (const char *c = name->valuestring; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
            return 0;
    return 1;
}

static size_t url64(char *out, const void *in, size_t len)
{
    struct base64_encode_ctx ctx;
    size_t n;

    base64url_encode_init(&ctx);
    n = base64_encode_update(&ctx, out, len, in);
    n += base64_encode_final(&ctx, out + n);
    while (n != 0 && out[n - 1] == '=')
        n--;
    return n;
}

static size_t mint(char *out, const char *room, const char *identity)
{
    char payload[1024];
    uint8_t mac[SHA256_DIGEST_SIZE];
    struct hmac_sha256_ctx ctx = keyed;
    const long now = (long)time(NULL);
    size_t n = sizeof(header64) - 1;
    int len = snprintf(payload, sizeof(payload),
                       "{\"iss\":\"%s\",\"sub\":\"%s\",\"nbf\":%ld,\"exp\":%ld,\"video\":{"
                       "\"roomJoin\":true,\"room\":\"%s\"}}",
                       api_key, identity, now, now + 3600, room);

    memcpy(out, header64, n);
    n += url64(out + n, payload, (size_t)len);
    hmac_sha256_update(&ctx, n, (const uint8_t *)out);
    hmac_sha256_digest(&ctx, sizeof(mac), mac);
    out[n++] = '.';
    return n + url64(out + n, mac, sizeof(mac));
}

static size_t answer_request(struct state *state, char *out)
{
    static const char bad[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    char token[1024];
    size_t token_len;
    cJSON *body = cJSON_ParseWithLength(state->body, state->len);
    const cJSON *room = cJSON_GetObjectItemCaseSensitive(body, "roomName");
    const cJSON *identity = cJSON_GetObjectItemCaseSensitive(body, "participantIdentity");
    int len;

    if (!good_name(room) || !good_name(identity)) {
        cJSON_Delete(body);
        memcpy(out, bad, sizeof(bad) - 1);
        return sizeof(bad) - 1;
    }
    token_len = mint(token, room->valuestring, identity->valuestring);
    cJSON_Delete(body);
    len = sprintf(out,
                  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                  "%zu\r\n\r\n{\"token\":\"%.*s\"}",
                  token_len + 12, (int)token_len, token);
    return (size_t)len;
}

static size_t answer(void *memory, const char *in, size_t len, char *out, size_t cap)
{
    struct state *state = memory;

    (void)cap;
    if (llhttp_execute(&state->parser, in, len) != HPE_OK) {
        llhttp_init(&state->parser, HTTP_REQUEST, settings());
        state->parser.data = state;
        return 0;
    }
    if (!state->done)
        return 0;
    state->done = 0;
    len = answer_request(state, out);
    state->len = 0;
    return len;
}

int main(int argc, char **argv)
{
    hmac_sha256_set_key(&keyed, sizeof(api_secret) - 1, (const uint8_t *)api_secret);
    return bench_serve(argc > 1 ? atoi(argv[1]) : 9002, sizeof(struct state), start, answer);
}
