/*
 * identify.c - who is calling, and may such a caller send this head at all?
 *
 * Every credential is proved or refused before a byte of the body is read (semantics D1-D6); a key
 * that is not in memory is waited for, once. Then what is left of the head: 403 and 415 (H13). May
 * touch: the call, the worker's verifier and key sets, the limiter.
 */
#include "serve/cors.h"
#include "serve/job.h"

static bool has(const struct rkd_request *request, enum rkd_header_id id)
{
    return request->known_count[id] != 0;
}

/* D26: a name, once. */
static enum rkd_err check_profile(struct rkd_call *call, const char **out_reason)
{
    const struct rkd_request *request = call->request;
    const struct rk_str profile = request->known[RKD_H_ROOMKEY_PROFILE];

    if (!has(request, RKD_H_ROOMKEY_PROFILE))
        return RKD_OK;
    *out_reason = "profile-header";
    if (request->known_count[RKD_H_ROOMKEY_PROFILE] > 1 || profile.len == 0 || profile.len > 64)
        return RKD_E_INVALID_REQUEST;
    for (size_t i = 0; i < profile.len; i++) {
        const char c = rki_lower(profile.ptr[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return RKD_E_INVALID_REQUEST;
    }
    return RKD_OK;
}

static enum rkd_flow refuse_credential(struct rkd_call *call, enum rkd_err err, const char *reason)
{
    rkd_charge_failure(call);
    return rkd_refuse(call, err, reason);
}

/* The explanation is for callers whose configuration says so; others' header is no header. */
static void note_caller(struct rkd_call *call)
{
    const struct rkd_raw *raw = &call->snapshot->settings.raw;
    const struct rk_str wish = call->request->known[RKD_H_ROOMKEY_EXPLAIN];

    call->is_explaining = call->caller.index < raw->caller_count &&
                          raw->callers[call->caller.index].explain.value &&
                          rki_str_equal(wish, RK_STR("1"));
}

static enum rkd_flow identify_anonymous(struct rkd_call *call)
{
    const enum rkd_anonymous anonymous = call->snapshot->settings.anonymous;

    if (anonymous != RKD_ANONYMOUS_ALLOW && anonymous != RKD_ANONYMOUS_RULES)
        return rkd_refuse(call, RKD_E_UNAUTHENTICATED, "no-credential");
    call->caller.kind = RKD_CALLER_ANONYMOUS;
    call->caller.name = RK_STR("anonymous");
    return RKD_NEXT;
}

static enum rkd_flow wait_for_keys(struct rkd_call *call, size_t keyset)
{
    struct rkd_job *job = rkd_job_new(call, RKD_JOB_KEYS, 0);

    if (job == NULL)
        return rkd_refuse(call, RKD_E_UNAVAILABLE, "memory");
    job->keyset_id = call->lease->keyset_ids[keyset];
    return rkd_job_send(job);
}

/* What came back: may the credential be looked at again? */
static enum rkd_flow check_waited(struct rkd_call *call, struct rkd_job *job)
{
    const bool is_ok = job->is_ok;

    rkd_job_free(job);
    if (!is_ok)
        return rkd_refuse(call, RKD_E_UNAVAILABLE, "too-many-waiting");
    if (!rkd_call_rules_hold(call)) /* never decided on withdrawn rules (design s.2) */
        return rkd_refuse(call, RKD_E_UNAVAILABLE, "reloaded");
    return RKD_NEXT;
}

static bool is_entra(const struct rkd_call *call)
{
    const struct rkd_raw *raw = &call->snapshot->settings.raw;

    return raw->caller_count == 1 && raw->callers[0].kind == RKD_RAW_CALLER_ENTRA;
}

static void read_principal(const struct rkd_call *call, struct rkd_credentials *out)
{
    const struct rkd_request *request = call->request;

    if (!rkd_call_takes_principal(call))
        return;
    out->principal = request->known[RKD_H_PRINCIPAL];
    out->principal_id = request->known[RKD_H_PRINCIPAL_ID];
    out->principal_idp = request->known[RKD_H_PRINCIPAL_IDP];
    out->principal_is_repeated = request->known_count[RKD_H_PRINCIPAL] > 1 ||
                                 request->known_count[RKD_H_PRINCIPAL_ID] > 1 ||
                                 request->known_count[RKD_H_PRINCIPAL_IDP] > 1;
}

/* D15, before the caller's limit (H13). */
static enum rkd_flow check_device(struct rkd_call *call)
{
    const struct rkd_request *request = call->request;

    call->ask.device = request->known[RKD_H_ROOMKEY_DEVICE];
    call->ask.device_is_repeated = request->known_count[RKD_H_ROOMKEY_DEVICE] > 1;
    if (call->snapshot->policy != NULL &&
        rkd_policy_refuses_device(call->snapshot->policy, &call->caller, &call->ask))
        return rkd_refuse(call, RKD_E_INVALID_REQUEST, "device");
    return RKD_NEXT;
}

static enum rkd_flow verify(struct rkd_call *call, bool may_wait)
{
    const struct rkd_request *request = call->request;
    struct rkd_credentials credentials = {
        .authorization = request->known[RKD_H_AUTHORIZATION],
        .x_api_key = request->known[RKD_H_X_API_KEY],
    };
    const struct rkd_auth_in in = {
        .credentials = &credentials,
        .keysets = call->lease->keysets,
        .now_s = call->now_ms / 1000,
        .may_wait = may_wait,
    };
    struct rkd_auth_out out = {.reason = NULL};

    read_principal(call, &credentials);
    switch (
        rkd_auth_identify(call->snapshot->auth, call->worker->verifier, &in, &call->caller, &out)) {
    case RKD_AUTH_OK:
        note_caller(call);
        return check_device(call);
    case RKD_AUTH_NONE:
        return identify_anonymous(call);
    case RKD_AUTH_WAIT:
        return wait_for_keys(call, out.keyset);
    case RKD_AUTH_REFUSED:
        break;
    }
    if (out.is_charged)
        rkd_charge_failure(call);
    if (is_entra(call)) {
        call->problem.entra_code = out.entra_code;
        call->problem.entra_message = out.entra_message;
    }
    return rkd_refuse(call, out.err == RKD_OK ? RKD_E_INVALID_TOKEN : out.err, out.reason);
}

enum rkd_flow rkd_identify(struct rkd_call *call)
{
    const struct rkd_request *request = call->request;
    struct rkd_job *job = rkd_job_take(call);
    const char *reason = NULL;
    enum rkd_err err;

    if (rkd_call_is_free(call))
        return RKD_NEXT;
    if (job != NULL)
        return check_waited(call, job) == RKD_NEXT ? verify(call, false) : RKD_ANSWER;
    if (has(request, RKD_H_AUTHORIZATION) && has(request, RKD_H_X_API_KEY))
        return refuse_credential(call, RKD_E_INVALID_REQUEST, "credential.two");
    err = check_profile(call, &reason);
    if (err != RKD_OK)
        return rkd_refuse(call, err, reason);
    if (!rkd_call_presents_credential(call))
        return identify_anonymous(call);
    return verify(call, true);
}

/* ---- what is left of the head ---- */

/* A page of another site must not make a browser fetch a token by a plain link or image (design
 * s.5). */
static bool is_cross_site(const struct rkd_call *call)
{
    const struct rkd_request *request = call->request;

    return rki_str_equal(request->known[RKD_H_SEC_FETCH_SITE], RK_STR("cross-site")) &&
           !(has(request, RKD_H_ORIGIN) &&
             rkd_cors_allows(&call->snapshot->settings, request->known[RKD_H_ORIGIN]));
}

/* Trims blanks, cuts parameters: the media type alone. */
static struct rk_str media_type(struct rk_str element)
{
    size_t end = 0;

    while (element.len != 0 && (*element.ptr == ' ' || *element.ptr == '\t')) {
        element.ptr++;
        element.len--;
    }
    while (end < element.len && element.ptr[end] != ';' && element.ptr[end] != ' ' &&
           element.ptr[end] != '\t')
        end++;
    return rki_str(element.ptr, end);
}

/*
 * H10: parameters and lists are tolerated, since some SDKs add a second value to the caller's own.
 * One element must be application/json, and none a type that a browser sends across sites without
 * asking first.
 */
static bool is_json_type(struct rk_str value)
{
    static const struct rk_str simple[] = {RK_STR_INIT("text/plain"),
                                           RK_STR_INIT("multipart/form-data"),
                                           RK_STR_INIT("application/x-www-form-urlencoded")};
    bool found = false;
    size_t from = 0;

    for (size_t i = 0; i <= value.len; i++) {
        struct rk_str type;

        if (i < value.len && value.ptr[i] != ',')
            continue;
        type = media_type(rki_str(value.ptr + from, i - from));
        from = i + 1;
        for (size_t k = 0; k < ARRAY_LEN(simple); k++)
            if (rki_str_equal_nocase(type, simple[k]))
                return false;
        found = found || rki_str_equal_nocase(type, RK_STR("application/json"));
    }
    return found;
}

/* H10. A chunked body may turn out empty: its type is judged when it has been read, but for one
 * that waits for 100. */
static enum rkd_err check_media(const struct rkd_call *call)
{
    const struct rkd_request *request = call->request;
    const struct rk_str encoding = request->known[RKD_H_CONTENT_ENCODING];
    const bool is_certain = request->content_length != 0 ||
                            (request->is_chunked && request->expect == RKD_EXPECT_CONTINUE);

    if (request->method != RKD_POST)
        return RKD_OK;
    if (call->is_body_encoded)
        return RKD_E_MEDIA_TYPE;
    if (encoding.len != 0 && !rki_str_equal_nocase(encoding, RK_STR("identity")))
        return RKD_E_MEDIA_TYPE;
    if (call->contract->wants_json && is_certain &&
        !is_json_type(request->known[RKD_H_CONTENT_TYPE]))
        return RKD_E_MEDIA_TYPE;
    return RKD_OK;
}

enum rkd_flow rkd_accept_head(struct rkd_call *call)
{
    const struct rkd_request *request = call->request;
    enum rkd_err err;

    if (rkd_call_is_free(call))
        return RKD_NEXT;
    if (call->snapshot->policy == NULL && has(request, RKD_H_ROOMKEY_PROFILE) &&
        !rki_str_equal(request->known[RKD_H_ROOMKEY_PROFILE], RK_STR("speaker")))
        return rkd_refuse(call, RKD_E_PROFILE_NOT_ALLOWED, "profile");
    if (request->method != RKD_POST && is_cross_site(call))
        return rkd_refuse(call, RKD_E_CROSS_SITE, "cross-site");
    err = check_media(call);
    return err == RKD_OK ? RKD_NEXT : rkd_refuse(call, err, NULL);
}

enum rkd_flow rkd_accept_body(struct rkd_call *call)
{
    const struct rkd_request *request = call->request;

    if (call->contract->wants_json && request->body.len != 0 &&
        !is_json_type(request->known[RKD_H_CONTENT_TYPE]))
        return rkd_refuse(call, RKD_E_MEDIA_TYPE, NULL);
    return RKD_NEXT;
}
