/* Deadlines come once, never early, at most a tick late, however they were moved. */
#include "check.h"
#include "net/wheel.h"

#include <stdlib.h>

enum { NODES = 2000, SHIFT = 4, TICK = 1 << SHIFT };

struct seen {
    struct rkd_wheel_node node; /* first */
    uint64_t came_ms;
    unsigned times;
};

struct clock {
    struct rkd_wheel wheel;
    uint64_t now_ms;
    struct rkd_wheel_node *set_again; /* by the callback */
};

static void on_late(void *ctx, struct rkd_wheel_node *node)
{
    struct clock *clock = ctx;
    struct seen *seen = (struct seen *)node;

    seen->came_ms = clock->now_ms;
    seen->times++;
    CHECK(node->next == NULL, "unlinked");
    if (clock->set_again != NULL && clock->set_again != node)
        rkd_wheel_set(&clock->wheel, clock->set_again, clock->now_ms + 1);
}

static void run_to(struct clock *clock, uint64_t now_ms, uint64_t step)
{
    while (clock->now_ms < now_ms) {
        clock->now_ms += step;
        rkd_wheel_run(&clock->wheel, clock->now_ms, on_late, clock);
    }
}

static struct clock *clock_new(uint64_t now_ms)
{
    struct clock *clock = calloc(1, sizeof(*clock));

    clock->now_ms = now_ms;
    rkd_wheel_init(&clock->wheel, SHIFT, now_ms);
    return clock;
}

static void test_on_time(void **state)
{
    static struct seen seen[NODES];
    struct clock *clock = clock_new(1000003);
    uint64_t x = 1;

    (void)state;
    for (size_t i = 0; i < NODES; i++) {
        rkd_wheel_node_init(&seen[i].node);
        x = x * 6364136223846793005U + 1442695040888963407U;
        /* up to two turns of the wheel ahead, and one that has passed */
        rkd_wheel_set(&clock->wheel, &seen[i].node,
                      i == 0 ? 5 : clock->now_ms + (x >> 33) % (2 * RKD_WHEEL_SLOTS * TICK));
    }
    for (size_t i = 0; i < NODES; i += 3) /* some move on, some come nearer */
        rkd_wheel_set(&clock->wheel, &seen[i].node,
                      i % 2 == 0 ? seen[i].node.deadline_ms + 777 : clock->now_ms + 50);
    for (size_t i = 1; i < NODES; i += 7)
        rkd_wheel_remove(&clock->wheel, &seen[i].node);
    for (size_t i = 2; i < NODES; i += 7)
        rkd_wheel_set(&clock->wheel, &seen[i].node, UINT64_MAX);
    for (unsigned turn = 0; turn < 2000; turn++) {
        run_to(clock, clock->now_ms + TICK, TICK);
        for (size_t i = 0; i < NODES; i++)
            if (seen[i].times == 1 && seen[i].came_ms == clock->now_ms && i != 0)
                CHECK(seen[i].node.deadline_ms <= clock->now_ms &&
                          clock->now_ms < seen[i].node.deadline_ms + 2 * TICK,
                      "never early, hardly late");
    }
    for (size_t i = 0; i < NODES; i++)
        CHECK(seen[i].times == (i % 7 == 1 || i % 7 == 2 ? 0 : 1), "once, or not at all");
    CHECK(clock->wheel.linked == 0, "nothing is left");
    free(clock);
}

static void test_moving_on_is_a_store(void **state)
{
    struct clock *clock = clock_new(100);
    struct seen one = {0};

    (void)state;
    rkd_wheel_node_init(&one.node);
    rkd_wheel_set(&clock->wheel, &one.node, 200);
    for (uint64_t t = 101; t < 1000; t++) {
        uint64_t tick = one.node.tick;

        rkd_wheel_set(&clock->wheel, &one.node, clock->now_ms + 300);
        CHECK(one.node.tick == tick, "stays where it is");
        run_to(clock, t, 1);
    }
    CHECK(one.times == 0, "never due");
    run_to(clock, 1400, 1);
    CHECK(one.times == 1, "then due");
    free(clock);
}

static void test_after_a_sleep(void **state)
{
    struct clock *clock = clock_new(100);
    struct seen seen[3] = {0};

    (void)state;
    for (size_t i = 0; i < 3; i++)
        rkd_wheel_node_init(&seen[i].node);
    rkd_wheel_set(&clock->wheel, &seen[0].node, 200);
    rkd_wheel_set(&clock->wheel, &seen[1].node, 900000);
    run_to(clock, 1000000, 999900); /* the loop stood still for a quarter of an hour */
    CHECK(seen[0].times == 1 && seen[1].times == 1, "both are due");
    rkd_wheel_set(&clock->wheel, &seen[2].node, clock->now_ms + 40);
    run_to(clock, clock->now_ms + 64, TICK);
    CHECK(seen[2].times == 1, "and it goes on");
    free(clock);
}

/* The callback may set and remove any node, one of the slot at hand too. */
static void test_from_the_callback(void **state)
{
    struct clock *clock = clock_new(0);
    struct seen seen[3] = {0};

    (void)state;
    for (size_t i = 0; i < 3; i++)
        rkd_wheel_node_init(&seen[i].node);
    rkd_wheel_set(&clock->wheel, &seen[0].node, 100);
    rkd_wheel_set(&clock->wheel, &seen[1].node, 100);
    clock->set_again = &seen[2].node;
    run_to(clock, 128, TICK);
    clock->set_again = NULL;
    run_to(clock, 256, TICK);
    CHECK(seen[0].times == 1 && seen[1].times == 1 && seen[2].times == 1, "each once");
    CHECK(clock->wheel.linked == 0, "nothing is left");
    free(clock);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_on_time),
        cmocka_unit_test(test_moving_on_is_a_store),
        cmocka_unit_test(test_after_a_sleep),
        cmocka_unit_test(test_from_the_callback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
