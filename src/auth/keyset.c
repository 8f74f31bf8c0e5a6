/*
 * keyset.c - a JWKS document becomes a set of public keys, shared by counting.
 *
 * May touch: its arguments, malloc, libcrypto through jwk.c. A set is never changed once made, so
 * only the count needs to be atomic. A key we cannot use is left out and the rest serves.
 */
#include "auth/keyset.h"

#include "core/json.h"

#include <stdlib.h>

static enum rk_err read_keys(const json_t *list, struct rkd_keyset *set,
                             struct rkd_keyset_report *report)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        enum rk_err err =
            rkd_jwk_read(json_array_get(list, i), &set->keys[set->count], &report->reason);

        if (err == RK_E_NOMEM)
            return err; /* half a set would refuse tokens that are good */
        if (err == RK_OK)
            set->count++;
        else
            report->skipped++;
    }
    report->usable = (unsigned)set->count;
    return set->count != 0 ? RK_OK : RK_E_STATE;
}

static enum rk_err read_document(const json_t *document, struct rkd_keyset **out,
                                 struct rkd_keyset_report *report)
{
    const json_t *list = json_object_get(document, "keys");
    const size_t count = json_array_size(list);
    struct rkd_keyset *set;
    enum rk_err err;

    if (!json_is_array(list)) {
        report->reason = "jwks.keys";
        return RK_E_MALFORMED;
    }
    if (count > RKD_JWKS_KEYS_MAX) {
        report->reason = "jwks.count";
        return RK_E_TOO_LONG;
    }
    set = calloc(1, sizeof(*set) + (count + 1) * sizeof(set->keys[0]));
    if (set == NULL)
        return RK_E_NOMEM;
    atomic_init(&set->refs, 1);
    err = read_keys(list, set, report);
    if (err != RK_OK) {
        if (err == RK_E_STATE && count == 0)
            report->reason = "jwks.empty";
        rkd_keyset_unref(set);
        return err;
    }
    *out = set;
    return RK_OK;
}

enum rk_err rkd_keyset_parse(struct rk_str json, struct rkd_keyset **out,
                             struct rkd_keyset_report *report)
{
    struct rkd_keyset_report ours = {.reason = NULL};
    json_t *document = NULL;
    enum rk_err err = RK_E_TOO_LONG;

    if (json.len <= RKD_JWKS_BYTES_MAX)
        err = rki_json_parse(json, 0, &document, NULL);
    if (err == RK_OK)
        err = read_document(document, out, &ours);
    else
        ours.reason = err == RK_E_TOO_LONG ? "jwks.size" : "jwks.json";
    if (err == RK_E_NOMEM)
        ours.reason = "memory";
    json_decref(document);
    if (report != NULL)
        *report = ours;
    return err;
}

struct rkd_keyset *rkd_keyset_ref(struct rkd_keyset *keyset)
{
    if (keyset != NULL)
        atomic_fetch_add_explicit(&keyset->refs, 1, memory_order_relaxed);
    return keyset;
}

void rkd_keyset_unref(struct rkd_keyset *keyset)
{
    if (keyset == NULL)
        return;
    /* what others did with the keys happens before they go */
    if (atomic_fetch_sub_explicit(&keyset->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < keyset->count; i++)
        rkd_public_key_clear(&keyset->keys[i]);
    free(keyset);
}

static bool fits(const struct rkd_public_key *key, enum rkd_alg alg)
{
    return key->type != RKD_KEY_NONE && key->type == rkd_alg_info(alg)->key &&
           (key->pinned == RKD_ALG_NONE || key->pinned == alg);
}

enum rkd_key_choice rkd_keyset_choose(const struct rkd_keyset *keyset, enum rkd_alg alg,
                                      struct rk_str kid, const struct rkd_public_key **out)
{
    size_t named = 0, fitting = 0;

    for (size_t i = 0; i < keyset->count; i++) {
        const struct rkd_public_key *key = &keyset->keys[i];

        if (kid.ptr != NULL && (key->kid.ptr == NULL || !rki_str_equal(key->kid, kid)))
            continue;
        named++;
        if (fits(key, alg)) {
            fitting++;
            *out = key;
        }
    }
    if (fitting == 1)
        return RKD_CHOICE_FOUND;
    if (fitting > 1)
        return RKD_CHOICE_AMBIGUOUS;
    return kid.ptr == NULL || named != 0 ? RKD_CHOICE_MISFIT : RKD_CHOICE_UNKNOWN;
}
