/*
 * wheel.h - deadlines: setting one is one store, a lazy wheel looks now and then.
 *
 * A deadline that moves later stays where it is linked; the wheel finds out when it gets there.
 * Only one that moves earlier is linked anew. No heap, no timer per connection. Not thread-safe;
 * the time is passed in.
 */
#ifndef RKD_NET_WHEEL_H
#define RKD_NET_WHEEL_H

#include "core/str.h"

enum { RKD_WHEEL_SLOTS = 256 };

struct rkd_wheel_node {
    struct rkd_wheel_node *prev, *next; /* NULL: not linked */
    uint64_t deadline_ms;               /* UINT64_MAX: none */
    uint64_t tick;                      /* the one it is linked under */
};

struct rkd_wheel {
    struct rkd_wheel_node slots[RKD_WHEEL_SLOTS]; /* heads of rings */
    uint64_t tick;                                /* all up to this one are done */
    unsigned shift; /* a tick is 1 << shift ms: no division on the way of a request */
    size_t linked;
};

typedef void rkd_wheel_fn(void *ctx, struct rkd_wheel_node *node);

void rkd_wheel_init(struct rkd_wheel *wheel, unsigned shift, uint64_t now_ms);
/* A node before its first use, and after rkd_wheel_remove. */
void rkd_wheel_node_init(struct rkd_wheel_node *node);
void rkd_wheel_remove(struct rkd_wheel *wheel, struct rkd_wheel_node *node);

/* Never use directly: rkd_wheel_set. */
void rkd_wheel_link(struct rkd_wheel *wheel, struct rkd_wheel_node *node);

/* UINT64_MAX for none. */
static inline void rkd_wheel_set(struct rkd_wheel *wheel, struct rkd_wheel_node *node,
                                 uint64_t deadline_ms)
{
    node->deadline_ms = deadline_ms;
    if (deadline_ms == UINT64_MAX ||
        (node->next != NULL && deadline_ms >> wheel->shift >= node->tick))
        return;
    rkd_wheel_link(wheel, node);
}

/* Calls fn for each node whose deadline has come, unlinked; at most a tick late. fn may set, link
 * and remove any node. */
void rkd_wheel_run(struct rkd_wheel *wheel, uint64_t now_ms, rkd_wheel_fn *fn, void *ctx);

#endif
