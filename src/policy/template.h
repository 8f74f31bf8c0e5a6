/*
 * template.h - texts with placeholders: parsed once at load, rendered for every decision (semantics
 * D8-D11, D13). Not for other rooms.
 */
#ifndef RKD_POLICY_TEMPLATE_H
#define RKD_POLICY_TEMPLATE_H

#include "core/buf.h"
#include "policy/claim.h"

enum {
    RKD_TEMPLATE_MAX = 4096,   /* bytes of a template */
    RKD_PLACEHOLDERS_MAX = 16, /* in one template */
};

enum rkd_part_kind {
    RKD_PART_LITERAL = 0,
    RKD_PART_CLAIM,
    RKD_PART_CALLER,
    RKD_PART_RANDOM,
    RKD_PART_IDENTITY,
    RKD_PART_REQUEST_IDENTITY,
    RKD_PART_REQUEST_NAME,
    RKD_PART_REQUEST_ROOM,
    RKD_PART_STAR, /* patterns only, at their end */
};

struct rkd_part {
    enum rkd_part_kind kind;
    struct rk_str text;         /* LITERAL */
    struct rkd_claim_path path; /* CLAIM */
    struct rk_str after;        /* l of D10; empty: nothing is checked */
    size_t first;               /* the first part that names the same; mostly the part itself */
};

struct rkd_template {
    struct rkd_part *parts;
    size_t count;
    unsigned uses; /* 1 << kind of every part */
};

/* What a template may be. 0: display names, attributes, metadata. */
enum rkd_template_rules {
    RKD_TEMPLATE_NAME = 1, /* room, default_room, identity: D10 holds */
    RKD_TEMPLATE_PATTERN = 2,
    RKD_TEMPLATE_NO_IDENTITY = 4, /* {identity} is refused (D8) */
};

/* *out borrows from the pool. RK_E_INVAL with a constant *out_why, RK_E_NOMEM. */
RK_NODISCARD enum rk_err rkd_template_parse(struct rkd_pool *pool, struct rk_str text,
                                            unsigned rules, struct rkd_template *out,
                                            const char **out_why);

static inline bool rkd_template_uses(const struct rkd_template *template, enum rkd_part_kind kind)
{
    return (template->uses & 1U << kind) != 0;
}

/* Whether two parts render the same in whatever request. */
bool rkd_part_equal(const struct rkd_part *a, const struct rkd_part *b);

/* The literal a template begins with; empty when it begins with a placeholder. */
struct rk_str rkd_template_prefix(const struct rkd_template *template);

/* What placeholders stand for. */
struct rkd_view {
    const struct rkd_caller *caller;
    const struct rkd_ask *ask;
    struct rk_str random;   /* absent: does not render */
    struct rk_str identity; /* the base identity, absent: does not render */
};

/* D10: does the first `after` in value || after begin at the end of the value? */
bool rkd_value_is_unambiguous(struct rk_str value, struct rk_str after);

/* What ours stands for, or a claim that is no list; absent when it does not render. */
struct rk_str rkd_part_value(const struct rkd_part *part, const struct rkd_view *view);

/*
 * Appends. False when a part does not render (a list never does here), or when it does not fit,
 * which out->overflow tells; `out` holds the part before then.
 */
bool rkd_template_render(const struct rkd_template *template, const struct rkd_view *view,
                         struct rki_buf *out);

#endif
