/*
 * identify.c - which credential a request presents, and whom it proves (semantics D1-D3).
 *
 * May touch: its arguments. One kind a request; a credential that is there and no good is a
 * refusal, never a reason to try another.
 */
#include "auth/impl.h"

/* clang-format off */
/* Of a token68 (RFC 9110 s.11.2), the padding aside. A table: tokens are a thousand bytes. */
static const bool token_chars[256] = {
    /*        SP !  "  #  $  %  &  '  (  )  *  +  ,  -  .  / */
    [0x20] =  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 1,
    /* 30 */  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, /* : ; < = > ? */
    /* 40 */  0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    /* 50 */  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, /* [ \ ] ^ _ */
    /* 60 */  0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    /* 70 */  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 0, /* { | } ~ DEL */
};
/* clang-format on */

static struct rk_str trim_end(struct rk_str text)
{
    while (text.len != 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* "Bearer" in any case, blanks, one token68 (RFC 6750 s.2.1). */
static enum rkd_fault read_bearer(struct rk_str value, struct rk_str *out)
{
    static const struct rk_str scheme = RK_STR_INIT("bearer");
    size_t at = scheme.len, end;

    value = trim_end(value);
    if (value.len == 0)
        return RKD_FAULT_EMPTY;
    if (value.len == at || !rki_str_starts_with_nocase(value, scheme) || value.ptr[at] != ' ')
        return RKD_FAULT_SCHEME;
    while (at < value.len && value.ptr[at] == ' ')
        at++;
    for (end = at; end < value.len && token_chars[(unsigned char)value.ptr[end]];)
        end++;
    if (end == at)
        return RKD_FAULT_SCHEME;
    *out = rki_str(value.ptr + at, value.len - at);
    while (end < value.len && value.ptr[end] == '=')
        end++;
    return end == value.len ? RKD_FAULT_NONE : RKD_FAULT_SCHEME;
}

static enum rkd_fault identify_bearer(const struct rkd_job *job, size_t *index)
{
    struct rk_str token = {NULL, 0};
    const enum rkd_fault fault = read_bearer(job->in->credentials->authorization, &token);

    if (fault != RKD_FAULT_NONE)
        return fault;
    /* the prefix decides: a key is never tried as a token, nor a token as a key */
    if (rki_str_starts_with(token, RK_STR("rk_")))
        return rkd_api_key_identify(job, token, index);
    return rkd_bearer_identify(job, token, index);
}

static bool sees_principal(const struct rkd_auth *auth, const struct rkd_credentials *credentials)
{
    return auth != NULL && auth->has_easy_auth && auth->raw->is_easy_auth_on &&
           (credentials->principal.ptr != NULL || credentials->principal_id.ptr != NULL ||
            credentials->principal_is_repeated);
}

static enum rkd_fault identify(const struct rkd_job *job, size_t *index)
{
    const struct rkd_credentials *credentials = job->in->credentials;
    const bool has_principal = sees_principal(job->auth, credentials);
    const int count = (credentials->authorization.ptr != NULL) +
                      (credentials->x_api_key.ptr != NULL) + has_principal;

    if (count > 1 || (has_principal && credentials->principal_is_repeated))
        return RKD_FAULT_TWO;
    if (job->auth == NULL)
        return RKD_FAULT_NO_CALLER;
    if (has_principal)
        return rkd_easy_auth_identify(job, index);
    if (credentials->x_api_key.ptr != NULL)
        return rkd_api_key_identify(job, trim_end(credentials->x_api_key), index);
    return identify_bearer(job, index);
}

static bool presents_nothing(const struct rkd_auth *auth, const struct rkd_credentials *credentials)
{
    return credentials->authorization.ptr == NULL && credentials->x_api_key.ptr == NULL &&
           !sees_principal(auth, credentials);
}

enum rkd_auth_verdict rkd_auth_identify(const struct rkd_auth *auth, struct rkd_verifier *verifier,
                                        const struct rkd_auth_in *in, struct rkd_caller *caller,
                                        struct rkd_auth_out *out)
{
    struct rkd_caller ours = {.kind = RKD_CALLER_NONE};
    struct rkd_job job = {
        .auth = auth, .verifier = verifier, .in = in, .caller = &ours, .out = out};
    size_t index = 0;
    enum rkd_fault fault;

    *out = (struct rkd_auth_out){.err = RKD_E_INVALID_TOKEN};
    *caller = ours;
    if (presents_nothing(auth, in->credentials)) {
        (void)rkd_fault_tell(RKD_FAULT_EMPTY, out);
        out->err = RKD_E_UNAUTHENTICATED;
        out->is_charged = false;
        out->reason = "credential.none";
        return RKD_AUTH_NONE;
    }
    fault = identify(&job, &index);
    if (fault != RKD_FAULT_NONE)
        return rkd_fault_tell(fault, out);
    ours.index = index;
    ours.name = auth->callers[index].raw->name.text;
    *caller = ours;
    *out = (struct rkd_auth_out){.err = RKD_OK};
    return RKD_AUTH_OK;
}
