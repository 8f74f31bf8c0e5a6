/*
 * claim.h - finds a claim by name or JSON Pointer and says what is in it (semantics D8, D9). Not
 * for other rooms.
 */
#ifndef RKD_POLICY_CLAIM_H
#define RKD_POLICY_CLAIM_H

#include "model/ask.h"
#include "policy/pool.h"

enum { RKD_PATH_MAX = 16 }; /* names in a pointer: claims are no deeper (core/json.h) */

/* "org" and "/org" are the same path. Names end in NUL, for jansson. */
struct rkd_claim_path {
    const char **names;
    size_t count;
};

enum rkd_claim_kind {
    RKD_CLAIM_NONE = 0, /* missing, null or empty */
    RKD_CLAIM_TEXT,     /* a non-empty string */
    RKD_CLAIM_WORDS,    /* a string scope or scp: a list, split at spaces */
    RKD_CLAIM_OTHER,    /* number, boolean, list or object that is not empty */
};

struct rkd_claim {
    enum rkd_claim_kind kind;
    struct rk_str text;  /* TEXT, WORDS */
    const json_t *value; /* OTHER */
};

/* What begins with "/" is a JSON Pointer (RFC 6901), all else the name of a top-level claim.
 * RK_E_INVAL with a constant *out_why, RK_E_NOMEM. */
RK_NODISCARD enum rk_err rkd_claim_path_parse(struct rkd_pool *pool, struct rk_str text,
                                              struct rkd_claim_path *out, const char **out_why);
bool rkd_claim_path_equal(const struct rkd_claim_path *a, const struct rkd_claim_path *b);

/* Borrowed from the caller. The claim `sub` is the caller's subject where there is one. */
struct rkd_claim rkd_claim_find(const struct rkd_caller *caller, const struct rkd_claim_path *path);

/* A list (WORDS, or OTHER with a JSON array): its length, otherwise 0. */
size_t rkd_claim_list_size(const struct rkd_claim *claim);
/* The member, absent when it is no non-empty string. */
struct rk_str rkd_claim_list_at(const struct rkd_claim *claim, size_t index);

/* Is the claim this string, or one of its members? `s` is not empty. */
bool rkd_claim_has(const struct rkd_claim *claim, struct rk_str s);

/* The next word of *rest, which is cut off; absent at the end. */
struct rk_str rkd_claim_next_word(struct rk_str *rest);

#endif
