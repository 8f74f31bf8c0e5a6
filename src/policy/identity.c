/*
 * identity.c - who the caller will be in the room: by template, by hash, as a guest (semantics
 * D14-D18, D20).
 *
 * A request can confirm the identity, never replace it. May touch: its arguments, the call's arena,
 * libcrypto's HMAC.
 */
#include "core/mac.h"
#include "core/utf8.h"
#include "policy/run.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { HASH_CHARS = 26, DEVICE_MAX = 16 };

static enum rkd_err set_verdict(struct rkd_run *run, enum rkd_err err, const char *reason)
{
    run->identity_err = err;
    run->identity_reason = reason;
    return RKD_OK;
}

static enum rkd_err keep(struct rkd_run *run, struct rk_str text, struct rk_str *out)
{
    return rki_arena_dup(run->in->arena, text, out) == RK_OK
               ? RKD_OK
               : rkd_run_refuse(run, RKD_E_UNAVAILABLE, NULL, "arena");
}

/* ---- hash ---- */

/* Lower-case base32 (RFC 4648), most significant bit first. */
static void put_base32(struct rki_buf *out, const unsigned char *bytes, size_t chars)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

    for (size_t i = 0; i < chars; i++) {
        const size_t bit = i * 5;
        const unsigned pair = (unsigned)bytes[bit / 8] << 8 | bytes[bit / 8 + 1];

        rki_buf_char(out, alphabet[pair >> (11 - bit % 8) & 31]);
    }
}

/* u_ and 130 bits of HMAC-SHA-256(key, name || 0 || text). The one-shot call has no state to share
 * between threads. */
static enum rkd_err hash(struct rkd_run *run, struct rk_str text, struct rki_buf *out)
{
    const struct rk_str key = run->policy->raw->identity_hash_key.bytes;
    const struct rk_str name = run->caller->name;
    char data[RKI_NAME_MAX + 1 + RKD_HASHED_MAX];
    struct rki_buf message = rki_buf_over(data, sizeof(data));
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    rki_buf_put(&message, name);
    rki_buf_char(&message, '\0');
    rki_buf_put(&message, text);
    if (message.overflow || HMAC(EVP_sha256(), key.ptr, (int)key.len, (unsigned char *)data,
                                 message.len, mac, &len) == NULL)
        return rkd_run_refuse(run, RKD_E_INTERNAL, NULL, "hash");
    rki_buf_lit(out, "u_");
    put_base32(out, mac, HASH_CHARS);
    return RKD_OK;
}

/* ---- device ---- */

static bool is_device(struct rk_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= 'a' && s.ptr[i] <= 'z') || (s.ptr[i] >= '0' && s.ptr[i] <= '9')))
            return false;
    return s.len != 0 && s.len <= DEVICE_MAX;
}

static bool is_bad_device(const struct rkd_ask *ask)
{
    return ask->device_is_repeated || (ask->device.ptr != NULL && !is_device(ask->device));
}

bool rkd_policy_refuses_device(const struct rkd_policy *policy, const struct rkd_caller *caller,
                               const struct rkd_ask *ask)
{
    struct rkd_problem problem = {.err = RKD_OK};
    const struct rkd_policy_in in = {.caller = caller, .ask = ask};
    struct rkd_run run = {.policy = policy, .in = &in, .problem = &problem};

    return is_bad_device(ask) && rkd_run_find_caller(&run) == RKD_OK && run.caller != NULL &&
           run.caller->devices_many;
}

/* D15: the header is looked at where devices are told apart only. */
static enum rkd_err find_device(struct rkd_run *run, struct rk_str *out)
{
    const struct rkd_ask *ask = run->in->ask;

    *out = rki_str(NULL, 0);
    if (run->caller == NULL || !run->caller->devices_many)
        return RKD_OK;
    if (is_bad_device(ask))
        return rkd_run_refuse(run, RKD_E_INVALID_REQUEST, NULL, "device");
    *out = ask->device;
    if (ask->device.ptr != NULL)
        return RKD_OK;
    if (run->in->device_random.len != RKD_DEVICE_CHARS || !is_device(run->in->device_random))
        return rkd_run_refuse(run, RKD_E_INTERNAL, NULL, "no-random");
    *out = run->in->device_random;
    return RKD_OK;
}

static enum rkd_err add_device(struct rkd_run *run, struct rk_str device)
{
    char text[RKI_NAME_MAX];
    struct rki_buf whole = rki_buf_over(text, sizeof(text));

    if (device.ptr == NULL) {
        run->whole = run->base;
        return RKD_OK;
    }
    if (memchr(run->base.ptr, '#', run->base.len) != NULL) /* alice#x is nobody else's device */
        return set_verdict(run, RKD_E_NO_IDENTITY, "identity-hash-sign");
    rki_buf_put(&whole, run->base);
    rki_buf_char(&whole, '#');
    rki_buf_put(&whole, device);
    if (whole.overflow)
        return set_verdict(run, RKD_E_NO_IDENTITY, "identity-length");
    return keep(run, rki_buf_str(&whole), &run->whole);
}

/* ---- verified callers ---- */

/* Sets run->base, or the verdict that there is none. */
static enum rkd_err render(struct rkd_run *run)
{
    const struct rkd_compiled_caller *caller = run->caller;
    char text[RKD_HASHED_MAX], hashed[2 + HASH_CHARS];
    struct rki_buf plain =
        rki_buf_over(text, caller->is_hashed ? (size_t)RKD_HASHED_MAX : (size_t)RKI_NAME_MAX);
    struct rki_buf out = rki_buf_over(hashed, sizeof(hashed));
    enum rkd_err err = RKD_OK;

    if (rkd_template_uses(&caller->identity, RKD_PART_REQUEST_IDENTITY) &&
        run->in->ask->identity.len == 0)
        return set_verdict(run, RKD_E_INVALID_IDENTITY, "no-identity");
    if (!rkd_template_render(&caller->identity, &run->view, &plain))
        return set_verdict(run, RKD_E_NO_IDENTITY,
                           plain.overflow ? "identity-length" : "identity-renders-not");
    if (caller->is_hashed)
        err = hash(run, rki_buf_str(&plain), &out);
    else if (rki_name_check(rki_buf_str(&plain)) != RK_OK)
        return set_verdict(run, RKD_E_NO_IDENTITY, "identity-name");
    if (err != RKD_OK)
        return err;
    return keep(run, rki_buf_str(caller->is_hashed ? &out : &plain), &run->base);
}

/* D16: is the identity that was named this one? */
static bool is_own(const struct rkd_run *run)
{
    const struct rkd_ask *ask = run->in->ask;

    if (ask->identity.len == 0 || rki_str_equal(ask->identity, run->base) ||
        rkd_template_uses(&run->caller->identity, RKD_PART_REQUEST_IDENTITY))
        return true;
    return run->caller->devices_many && ask->device.ptr != NULL &&
           rki_str_equal(ask->identity, run->whole);
}

static enum rkd_err identify_verified(struct rkd_run *run)
{
    struct rk_str device;
    enum rkd_err err = find_device(run, &device);

    if (err == RKD_OK)
        err = render(run);
    if (err == RKD_OK && run->identity_err == RKD_OK)
        err = add_device(run, device);
    if (err != RKD_OK || run->identity_err != RKD_OK)
        return err;
    if (run->policy->raw->anonymous_by_rules && rki_str_starts_with(run->whole, RK_STR("guest-")))
        return set_verdict(run, RKD_E_NO_IDENTITY, "identity-of-guests"); /* D18 */
    if (!is_own(run))
        return set_verdict(run, RKD_E_IDENTITY_MISMATCH, "identity-named");
    return RKD_OK;
}

/* ---- guests ---- */

static enum rkd_err identify_guest(struct rkd_run *run)
{
    char text[sizeof("guest-") + RKD_RANDOM_CHARS];
    struct rki_buf guest = rki_buf_over(text, sizeof(text));
    enum rkd_err err;

    rki_buf_lit(&guest, "guest-");
    rki_buf_put(&guest, run->in->random);
    err = keep(run, rki_buf_str(&guest), &run->base);
    run->whole = run->base;
    if (err == RKD_OK && run->in->ask->identity.len != 0)
        return set_verdict(run, RKD_E_IDENTITY_MISMATCH, "identity-of-guest-named");
    return err;
}

enum rkd_err rkd_run_identify(struct rkd_run *run)
{
    enum rkd_err err = run->caller == NULL ? identify_guest(run) : identify_verified(run);

    if (err == RKD_OK && run->whole.ptr != NULL)
        run->view.identity = run->base;
    return err;
}

bool rkd_policy_names_own_identity(const struct rkd_policy *policy, const struct rkd_policy_in *in)
{
    struct rkd_policy_in own = *in;
    struct rkd_problem problem = {.err = RKD_OK};
    struct rkd_run run = {
        .policy = policy,
        .in = &own,
        .problem = &problem,
        .view = {.caller = in->caller, .ask = in->ask, .random = in->random},
    };

    /* The base is asked about here (D16), and no device is made up yet: any serves. */
    if (own.device_random.len == 0)
        own.device_random = RK_STR("aaaaaaaa");
    if (in->ask->identity.len == 0 || rkd_run_find_caller(&run) != RKD_OK || run.caller == NULL ||
        rkd_template_uses(&run.caller->identity, RKD_PART_REQUEST_IDENTITY))
        return false;
    return rkd_run_identify(&run) == RKD_OK && run.identity_err == RKD_OK;
}
