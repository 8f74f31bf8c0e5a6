/*
 * hook.c - asks a rule's hook and reads its answer: it can refuse and take away, never give
 * (security.md s.3.2).
 *
 * The request goes out elsewhere; here are its bytes and its signature, and what the answer does to
 * the decision. May touch: its arguments, libcrypto's HMAC, jansson.
 */
#include "core/grants.h"
#include "core/json.h"
#include "core/mac.h"
#include "core/time.h"
#include "policy/compiled.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

enum {
    TIMEOUT_MS = 2000,
    TIMEOUT_MIN_MS = 100,
    TIMEOUT_MAX_MS = 10000,
    ANSWER_MAX = 64 * 1024,
    ALLOWED_CACHE_S = 30,
    REFUSED_CACHE_S = 5,
};

/* ---- at load ---- */

/* The host of an address, between "://" and the port or path; absent: none. */
static struct rk_str host_of(struct rk_str rest)
{
    size_t end = 0;

    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
        end++;
    rest = rki_str(rest.ptr, end);
    if (rest.len != 0 && rest.ptr[0] == '[') {
        const char *close = memchr(rest.ptr, ']', rest.len);

        return close == NULL ? rki_str(NULL, 0) : rki_str(rest.ptr, (size_t)(close - rest.ptr) + 1);
    }
    for (end = 0; end < rest.len && rest.ptr[end] != ':';)
        end++;
    return rki_str(rest.ptr, end);
}

static bool is_loopback(struct rk_str host)
{
    return rki_str_equal(host, RK_STR("127.0.0.1")) || rki_str_equal(host, RK_STR("[::1]")) ||
           rki_str_equal_nocase(host, RK_STR("localhost"));
}

/* https anywhere, http to this machine; printable, without user information and fragment. */
static bool is_good_url(struct rk_str url)
{
    const struct rk_str secure = RK_STR("https://"), plain = RK_STR("http://");
    const bool is_secure = rki_str_starts_with(url, secure);
    const size_t scheme = is_secure ? secure.len : plain.len;
    struct rk_str host;

    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] <= 0x20 || url.ptr[i] > 0x7e || url.ptr[i] == '@' || url.ptr[i] == '#' ||
            url.ptr[i] == '\\')
            return false;
    if (!is_secure && !rki_str_starts_with(url, plain))
        return false;
    host = host_of(rki_str(url.ptr + scheme, url.len - scheme));
    return host.len != 0 && (is_secure || is_loopback(host));
}

enum rk_err rkd_compile_hook(const struct rkd_compile *compile, const struct rkd_raw_hook *raw,
                             size_t rule, struct rkd_hook *out)
{
    const int64_t timeout_ms = raw->timeout.is_set ? raw->timeout.ms : TIMEOUT_MS;

    if (raw->url.text.ptr == NULL)
        return rkd_refuse_raw(compile, raw->at, "url", "expected the address to ask");
    if (!is_good_url(raw->url.text))
        return rkd_refuse_raw(
            compile, raw->url.at, "url",
            "expected an https address (http to loopback only) without user and #");
    if (raw->secret.bytes.len == 0)
        return rkd_refuse_raw(compile, raw->secret.bytes.ptr == NULL ? raw->at : raw->secret.at,
                              "secret_file",
                              "expected a file with the secret that signs the question");
    if (timeout_ms < TIMEOUT_MIN_MS || timeout_ms > TIMEOUT_MAX_MS)
        return rkd_refuse_raw(compile, raw->timeout.at, "timeout", "expected 100ms to 10s");
    *out = (struct rkd_hook){
        .url = raw->url.text, .secret = raw->secret.bytes, .timeout_ms = timeout_ms, .index = rule};
    return RK_OK;
}

/* ---- the question ---- */

static struct rk_str kind_name(enum rkd_caller_kind kind)
{
    switch (kind) {
    case RKD_CALLER_ANONYMOUS:
        return RK_STR("anonymous");
    case RKD_CALLER_OIDC:
        return RK_STR("oidc");
    case RKD_CALLER_API_KEY:
        return RK_STR("api_key");
    case RKD_CALLER_EASY_AUTH:
        return RK_STR("easy_auth");
    case RKD_CALLER_ENTRA:
        return RK_STR("entra");
    case RKD_CALLER_NONE:
        break;
    }
    return RK_STR("");
}

static void put_text(struct rki_buf *body, const char *before, struct rk_str text)
{
    rki_buf_put(body, rki_cstr(before));
    rki_buf_json(body, text);
}

static void put_grants(struct rki_buf *body, const struct rkd_decision *decision)
{
    char before = '{';

    rki_buf_lit(body, ",\"grants\":");
    for (unsigned grant = 1; grant < RKI_GRANT_COUNT; grant++) {
        if ((decision->grants & rki_grant_bit((enum rk_grant)grant)) == 0)
            continue;
        rki_buf_char(body, before);
        rki_buf_json(body, rki_grants[grant].name);
        rki_buf_lit(body, ":true");
        before = ',';
    }
    rki_buf_put(body, before == '{' ? RK_STR("{}") : RK_STR("}"));
}

void rkd_hook_write_body(const struct rkd_decision *decision, const struct rkd_caller *caller,
                         const struct rkd_hook_view *view, struct rki_buf *body)
{
    put_text(body, "{\"version\":1,\"request_id\":", view->request_id);
    rki_buf_lit(body, ",\"time\":");
    rki_buf_int(body, view->now_s);
    put_text(body, ",\"caller\":{\"name\":", caller->name);
    put_text(body, ",\"kind\":", kind_name(caller->kind));
    if (caller->subject.len != 0)
        put_text(body, ",\"sub\":", caller->subject);
    put_text(body, "},\"rule\":", decision->rule);
    put_text(body, ",\"room\":", decision->room);
    put_text(body, ",\"identity\":", decision->identity);
    put_text(body, ",\"profile\":", decision->profile);
    put_grants(body, decision);
    rki_buf_lit(body, ",\"ttl\":");
    rki_buf_int(body, decision->ttl_s);
    put_text(body, ",\"client_ip\":", view->client_ip);
    rki_buf_char(body, '}');
}

static bool mac_of(const struct rkd_hook *hook, const struct rk_str *parts, size_t count,
                   unsigned char out[RKI_MAC_SIZE])
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = hmac == NULL ? NULL : EVP_MAC_CTX_new(hmac);
    size_t len = 0;
    bool good = ctx != NULL && EVP_MAC_init(ctx, (const unsigned char *)hook->secret.ptr,
                                            hook->secret.len, params) == 1;

    for (size_t i = 0; i < count && good; i++)
        good = EVP_MAC_update(ctx, (const unsigned char *)parts[i].ptr, parts[i].len) == 1;
    good = good && EVP_MAC_final(ctx, out, &len, RKI_MAC_SIZE) == 1 && len == RKI_MAC_SIZE;
    EVP_MAC_CTX_free(ctx); /* wipes the keyed state */
    EVP_MAC_free(hmac);
    return good;
}

enum rk_err rkd_hook_sign(const struct rkd_hook *hook, struct rk_str id, int64_t now_s,
                          struct rk_str body, struct rki_buf *out)
{
    static const char hex[] = "0123456789abcdef";
    char text[24];
    struct rki_buf time = rki_buf_over(text, sizeof(text));
    unsigned char mac[RKI_MAC_SIZE];

    rki_buf_char(&time, '.');
    rki_buf_int(&time, now_s);
    rki_buf_char(&time, '.');
    {
        const struct rk_str parts[] = {id, rki_buf_str(&time), body};

        if (!mac_of(hook, parts, ARRAY_LEN(parts), mac))
            return RK_E_CRYPTO;
    }
    rki_buf_lit(out, "v1=");
    for (size_t i = 0; i < sizeof(mac); i++) {
        rki_buf_char(out, hex[mac[i] >> 4]);
        rki_buf_char(out, hex[mac[i] & 15]);
    }
    return out->overflow ? RK_E_TOO_LONG : RK_OK;
}

/* ---- the answer ---- */

static enum rkd_err refuse(struct rkd_problem *problem, enum rkd_err err, const char *reason)
{
    problem->err = err;
    problem->field = rki_str(NULL, 0);
    problem->reason = reason;
    return err;
}

/* The grants the answer leaves: those that are literally true in its map, or stand in its list.
 * Names nobody has leave nothing, and a roomJoin that is false takes everything. */
static bool read_grants(json_t *grants, uint32_t *out)
{
    const uint32_t join = RKD_GRANT_BIT(RK_GRANT_ROOM_JOIN);
    uint32_t refused = 0;
    void *at;

    *out = 0;
    if (json_is_array(grants)) {
        for (size_t i = 0; i < json_array_size(grants); i++) {
            const json_t *value = json_array_get(grants, i);

            if (!json_is_string(value))
                return false;
            *out |= RKD_GRANT_BIT(rk_grant_from_name(rki_json_str(value)));
        }
    } else if (!json_is_object(grants)) {
        return false;
    }
    for (at = json_object_iter(grants); at != NULL; at = json_object_iter_next(grants, at)) {
        const uint32_t bit = RKD_GRANT_BIT(rk_grant_from_name(rki_cstr(json_object_iter_key(at))));
        const json_t *value = json_object_iter_value(at);

        if (!json_is_boolean(value))
            return false;
        *(json_is_true(value) ? out : &refused) |= bit;
    }
    *out &= (refused & join) != 0 ? 0 : ~RKD_GRANT_BIT(RK_GRANT_NONE);
    return true;
}

static void narrow_grants(struct rkd_decision *decision, uint32_t left)
{
    const uint32_t agent = RKD_GRANT_BIT(RK_GRANT_AGENT);

    if ((decision->grants & agent) != 0 && (left & agent) == 0)
        decision->kind = RK_KIND_STANDARD; /* D28 */
    decision->grants &= left;
}

/* Is the decision's room among those the answer names? False in *out_is_list: it is no such list.
 */
static bool has_room(const json_t *rooms, struct rk_str room, bool *out_is_list)
{
    bool found = false;

    *out_is_list = json_is_array(rooms);
    for (size_t i = 0; i < json_array_size(rooms); i++) {
        const json_t *name = json_array_get(rooms, i);

        *out_is_list &= json_is_string(name);
        found |= rki_str_equal(rki_json_str(name), room);
    }
    return found;
}

/* An answer that allows: what it takes away. UNAVAILABLE: it cannot be read, so it allows nothing;
 * REFUSED_BY_HOOK: it leaves nothing. */
static enum rkd_err narrow(const json_t *answer, struct rkd_decision *decision)
{
    const json_t *ttl = json_object_get(answer, "ttl"), *rooms = json_object_get(answer, "rooms");
    json_t *grants = json_object_get(answer, "grants");
    uint32_t left = UINT32_MAX;
    int64_t ttl_s = INT64_MAX;
    bool is_list;

    if (rooms != NULL && !has_room(rooms, decision->room, &is_list))
        return is_list ? RKD_E_REFUSED_BY_HOOK : RKD_E_UNAVAILABLE;
    if (rooms != NULL && !is_list)
        return RKD_E_UNAVAILABLE;
    if (grants != NULL && !read_grants(grants, &left))
        return RKD_E_UNAVAILABLE;
    if (ttl != NULL && (!rki_json_int(ttl, &ttl_s) || ttl_s < RKD_TTL_MIN_S))
        return RKD_E_UNAVAILABLE;
    if (left == 0)
        return RKD_E_REFUSED_BY_HOOK;
    narrow_grants(decision, left | RKD_GRANT_BIT(RK_GRANT_ROOM_JOIN));
    if (ttl_s < decision->ttl_s)
        decision->ttl_s = ttl_s;
    return RKD_OK;
}

static int64_t cache_time(const json_t *answer, int64_t most)
{
    int64_t cache_s = 0;

    if (!rki_json_int(json_object_get(answer, "cache_s"), &cache_s) || cache_s < 0)
        return 0;
    return cache_s < most ? cache_s : most;
}

static enum rkd_err read_answer(const json_t *answer, struct rkd_decision *decision,
                                int64_t *out_cache_s, struct rkd_problem *problem)
{
    struct rkd_decision narrowed = *decision;
    enum rkd_err err;

    if (!json_is_object(answer))
        return refuse(problem, RKD_E_UNAVAILABLE, "hook-answer");
    if (!json_is_true(json_object_get(answer, "allow"))) { /* "true" and 1 are no literal */
        *out_cache_s = cache_time(answer, REFUSED_CACHE_S);
        return refuse(problem, RKD_E_REFUSED_BY_HOOK, "hook-refused");
    }
    err = narrow(answer, &narrowed);
    if (err != RKD_OK)
        return refuse(problem, err,
                      err == RKD_E_UNAVAILABLE ? "hook-answer" : "hook-leaves-nothing");
    *out_cache_s = cache_time(answer, ALLOWED_CACHE_S);
    *decision = narrowed;
    return RKD_OK;
}

enum rkd_err rkd_hook_apply(unsigned status, struct rk_str body, struct rki_arena *arena,
                            struct rkd_decision *decision, int64_t *out_cache_s,
                            struct rkd_problem *problem)
{
    json_t *answer = NULL;
    enum rkd_err err;

    (void)arena; /* nothing an answer says is kept as text */
    *out_cache_s = 0;
    if (status == 401 || status == 403)
        return refuse(problem, RKD_E_REFUSED_BY_HOOK, "hook-refused");
    if (status != 200)
        return refuse(problem, RKD_E_UNAVAILABLE, status == 0 ? "hook-silent" : "hook-status");
    if (body.len > ANSWER_MAX || rki_json_parse(body, 0, &answer, NULL) != RK_OK)
        return refuse(problem, RKD_E_UNAVAILABLE, "hook-answer");
    err = read_answer(answer, decision, out_cache_s, problem);
    json_decref(answer);
    return err;
}
