/*
 * bearer.c - a bearer token from its first byte to a caller: the steps of security.md s.1.2 in
 * their order.
 *
 * May touch: its arguments, the verifier, jansson through core. Of the payload nothing but `iss` is
 * looked at before the signature is good, and that only to choose among our issuers.
 */
#include "auth/impl.h"
#include "auth/plain.h"

#include "core/b64.h"
#include "core/json.h"

struct bearer {
    struct rkd_jws jws;
    struct rkd_header header;
    json_t *claims; /* unverified until check_signature says otherwise */
    const struct rkd_issuer *issuer;
    size_t index; /* of the caller */
    const struct rkd_public_key *key;
};

static enum rkd_fault read_header(struct rkd_verifier *verifier, struct bearer *bearer)
{
    if (rkd_verifier_recall(verifier, bearer->jws.header, &bearer->header))
        return RKD_FAULT_NONE;
    return rkd_jws_read_header(bearer->jws.header, &bearer->header);
}

static enum rkd_fault read_payload(struct rkd_verifier *verifier, struct bearer *bearer)
{
    size_t len = 0;
    enum rk_err err =
        rki_b64url_decode(bearer->jws.payload, verifier->payload, sizeof(verifier->payload), &len);

    if (err == RK_OK && rkd_plain_read(rki_str(verifier->payload, len), &bearer->claims))
        return RKD_FAULT_NONE;
    if (err == RK_OK)
        err = rki_json_parse(rki_str(verifier->payload, len), 0, &bearer->claims, NULL);
    if (err != RK_OK)
        return err == RK_E_NOMEM ? RKD_FAULT_MEMORY : RKD_FAULT_FORM;
    return json_is_object(bearer->claims) ? RKD_FAULT_NONE : RKD_FAULT_FORM;
}

/* V8, V9. ENTRA has one issuer, which is compared later: its answers tell the faults apart. */
static enum rkd_fault find_caller(const struct rkd_auth *auth, struct bearer *bearer)
{
    const struct rk_str iss = rki_json_str(json_object_get(bearer->claims, "iss"));
    const struct rkd_auth_caller *caller;

    if (!auth->has_entra) {
        bearer->issuer = iss.ptr == NULL ? NULL : rkd_issuer_find(auth, iss);
        if (bearer->issuer == NULL)
            return RKD_FAULT_ISS;
        bearer->index = bearer->issuer->caller;
    }
    caller = &auth->callers[bearer->index];
    if (caller->secret != NULL)
        return bearer->header.is_hs256 ? RKD_FAULT_NONE : RKD_FAULT_ALG;
    if (bearer->header.alg == RKD_ALG_NONE ||
        (caller->algorithms & RKD_ALG_BIT(bearer->header.alg)) == 0)
        return RKD_FAULT_ALG;
    return RKD_FAULT_NONE;
}

/* V10, V11. What is not in memory is asked for, or refused; nothing is fetched here. */
static enum rkd_fault find_key(const struct rkd_job *job, struct bearer *bearer)
{
    const size_t keyset = (size_t)job->auth->callers[bearer->index].keyset;
    const struct rkd_keyset *set = job->in->keysets == NULL ? NULL : job->in->keysets[keyset];
    enum rkd_key_choice choice = RKD_CHOICE_UNKNOWN;

    job->out->keyset = keyset;
    if (set != NULL)
        choice = rkd_keyset_choose(set, bearer->header.alg, rkd_header_kid(&bearer->header),
                                   &bearer->key);
    if (choice == RKD_CHOICE_FOUND)
        return RKD_FAULT_NONE;
    if (choice == RKD_CHOICE_MISFIT || choice == RKD_CHOICE_AMBIGUOUS)
        return RKD_FAULT_KEY;
    if (job->in->may_wait)
        return RKD_FAULT_WAIT;
    return set == NULL ? RKD_FAULT_NO_KEYS : RKD_FAULT_KID;
}

static enum rkd_fault fault_of(enum rk_err err)
{
    if (err == RK_OK)
        return RKD_FAULT_NONE;
    return err == RK_E_SIGNATURE ? RKD_FAULT_SIG : RKD_FAULT_MEMORY;
}

/* V12, over the bytes as they were received. */
static enum rkd_fault check_signature(const struct rkd_job *job, struct bearer *bearer)
{
    const struct rkd_auth_caller *caller = &job->auth->callers[bearer->index];
    char bytes[RKD_SIGNATURE_MAX];
    size_t len = 0;
    enum rkd_fault fault;
    enum rk_err err = rki_b64url_decode(bearer->jws.signature, bytes, sizeof(bytes), &len);

    if (err == RK_E_MALFORMED)
        return RKD_FAULT_FORM;
    if (err != RK_OK || len == 0)
        return RKD_FAULT_SIG;
    if (caller->secret != NULL)
        return fault_of(
            rkd_hs256_check(caller->secret, bearer->jws.signed_text, rki_str(bytes, len)));
    fault = find_key(job, bearer);
    if (fault != RKD_FAULT_NONE)
        return fault;
    return fault_of(rkd_verifier_check(job->verifier, bearer->key, bearer->header.alg,
                                       bearer->jws.signed_text, rki_str(bytes, len)));
}

static enum rkd_fault check(const struct rkd_job *job, struct rk_str token, struct bearer *bearer)
{
    enum rkd_fault fault = rkd_jws_split(token, &bearer->jws);

    if (fault == RKD_FAULT_NONE)
        fault = read_header(job->verifier, bearer);
    if (fault == RKD_FAULT_NONE)
        fault = read_payload(job->verifier, bearer);
    if (fault == RKD_FAULT_NONE)
        fault = find_caller(job->auth, bearer);
    if (fault == RKD_FAULT_NONE)
        fault = check_signature(job, bearer);
    if (fault != RKD_FAULT_NONE)
        return fault;
    rkd_verifier_remember(job->verifier, bearer->jws.header, &bearer->header);
    return rkd_claims_check(job->auth, &job->auth->callers[bearer->index], bearer->issuer,
                            bearer->key, bearer->claims, job->in->now_s, job->caller);
}

enum rkd_fault rkd_bearer_identify(const struct rkd_job *job, struct rk_str token, size_t *index)
{
    struct bearer bearer = {.claims = NULL};
    const enum rkd_fault fault = check(job, token, &bearer);

    if (fault != RKD_FAULT_NONE) {
        json_decref(bearer.claims);
        return fault;
    }
    *index = bearer.index;
    job->caller->kind = job->auth->callers[bearer.index].kind;
    job->caller->claims = bearer.claims;
    job->caller->owned_claims = bearer.claims;
    return RKD_FAULT_NONE;
}
