/*
 * wheel.c - the slots and the walk through them.
 *
 * May touch: its arguments. A node lies in slot (tick mod slots); one whose time is further away
 * than a turn of the wheel is met early, found not due and linked again.
 */
#include "net/wheel.h"

void rkd_wheel_init(struct rkd_wheel *wheel, unsigned shift, uint64_t now_ms)
{
    *wheel = (struct rkd_wheel){.shift = shift, .tick = now_ms >> shift};
    for (size_t i = 0; i < RKD_WHEEL_SLOTS; i++)
        wheel->slots[i].prev = wheel->slots[i].next = &wheel->slots[i];
}

void rkd_wheel_node_init(struct rkd_wheel_node *node)
{
    *node = (struct rkd_wheel_node){.deadline_ms = UINT64_MAX};
}

static void unlink_node(struct rkd_wheel_node *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->prev = node->next = NULL;
}

void rkd_wheel_remove(struct rkd_wheel *wheel, struct rkd_wheel_node *node)
{
    if (node->next != NULL) {
        unlink_node(node);
        wheel->linked--;
    }
    node->deadline_ms = UINT64_MAX;
}

static void insert_before(struct rkd_wheel_node *at, struct rkd_wheel_node *node)
{
    node->prev = at->prev;
    node->next = at;
    at->prev->next = node;
    at->prev = node;
}

void rkd_wheel_link(struct rkd_wheel *wheel, struct rkd_wheel_node *node)
{
    uint64_t tick = node->deadline_ms >> wheel->shift;

    if (node->next != NULL)
        unlink_node(node);
    else
        wheel->linked++;
    if (tick <= wheel->tick) /* its slot has been walked: the next one is the soonest */
        tick = wheel->tick + 1;
    node->tick = tick;
    insert_before(&wheel->slots[tick % RKD_WHEEL_SLOTS], node);
}

/* The slot's nodes move to a ring of their own first, so that fn may link into the slot again. */
static void run_slot(struct rkd_wheel *wheel, size_t slot, uint64_t now_ms, rkd_wheel_fn *fn,
                     void *ctx)
{
    struct rkd_wheel_node *head = &wheel->slots[slot];
    struct rkd_wheel_node ring = {.prev = &ring, .next = &ring};

    if (head->next == head)
        return;
    ring.next = head->next;
    ring.prev = head->prev;
    ring.next->prev = &ring;
    ring.prev->next = &ring;
    head->prev = head->next = head;

    while (ring.next != &ring) {
        struct rkd_wheel_node *node = ring.next;

        unlink_node(node);
        wheel->linked--;
        if (node->deadline_ms <= now_ms)
            fn(ctx, node);
        else if (node->deadline_ms != UINT64_MAX)
            rkd_wheel_link(wheel, node);
    }
}

void rkd_wheel_run(struct rkd_wheel *wheel, uint64_t now_ms, rkd_wheel_fn *fn, void *ctx)
{
    uint64_t until = now_ms >> wheel->shift;

    /* After a long sleep every slot is due once, none twice. */
    if (until - wheel->tick > RKD_WHEEL_SLOTS && until > wheel->tick)
        wheel->tick = until - RKD_WHEEL_SLOTS;
    while (wheel->tick < until) {
        wheel->tick++;
        run_slot(wheel, wheel->tick % RKD_WHEEL_SLOTS, now_ms, fn, ctx);
    }
}
