/* What a worker holds of a snapshot: old leases go with their last call, key sets are counted; and
 * the arenas of calls that wait: no more than RKD_BOXES_MAX. */
#include "check.h"

#include "alloc_fail.h"
#include "serve/job.h"

#include <stdlib.h>

enum { KEYSETS = 2 };

/* ---- key sets by their count ---- */

/* Linked with --wrap: */
struct rkd_keyset *__wrap_rkd_keyset_ref(struct rkd_keyset *keyset);
void __wrap_rkd_keyset_unref(struct rkd_keyset *keyset);
size_t __wrap_rkd_auth_keyset_count(const struct rkd_auth *auth);
struct rkd_snapshot *__wrap_rkd_snapshot_ref(struct rkd_snapshot *snapshot);
void __wrap_rkd_snapshot_unref(struct rkd_snapshot *snapshot);

struct rkd_keyset {
    int refs;
};

struct rkd_keyset *__wrap_rkd_keyset_ref(struct rkd_keyset *keyset)
{
    if (keyset != NULL)
        keyset->refs++;
    return keyset;
}

void __wrap_rkd_keyset_unref(struct rkd_keyset *keyset)
{
    if (keyset != NULL)
        keyset->refs--;
}

size_t __wrap_rkd_auth_keyset_count(const struct rkd_auth *auth)
{
    (void)auth;
    return KEYSETS;
}

/* ---- snapshots: what lease.c needs of build.c ---- */

struct rkd_snapshot *__wrap_rkd_snapshot_ref(struct rkd_snapshot *snapshot)
{
    atomic_fetch_add(&snapshot->refs, 1);
    return snapshot;
}

void __wrap_rkd_snapshot_unref(struct rkd_snapshot *snapshot)
{
    atomic_fetch_sub(&snapshot->refs, 1);
}

static struct rkd_lease *lease(struct rkd_snapshot *snapshot, uint64_t first_id)
{
    struct rkd_lease *one = NULL;

    CHECK_ERR(rkd_lease_new(snapshot, &one), RK_OK, "lease");
    for (size_t i = 0; i < KEYSETS; i++)
        one->keyset_ids[i] = first_id + i;
    return one;
}

static void test_old_leases(void **state)
{
    struct rkd_snapshot snapshots[4] = {{.generation = 1}};
    struct rkd_worker_ctx worker = {.lease = NULL};
    struct rkd_lease *first, *second, *third, *last;

    (void)state;
    rkd_lease_install(&worker, first = lease(&snapshots[0], 1));
    CHECK(worker.lease == first && atomic_load(&snapshots[0].refs) == 1, "the first");
    first->calls = 2;
    rkd_lease_install(&worker, second = lease(&snapshots[1], 1));
    second->calls = 1;
    CHECK(worker.lease == second && second->next == first, "the old one has calls");
    rkd_lease_install(&worker, third = lease(&snapshots[2], 1));
    rkd_lease_install(&worker, last = lease(&snapshots[3], 1));
    CHECK(atomic_load(&snapshots[2].refs) == 0 && last->next == second, "the third had none");
    rkd_lease_leave(&worker, first);
    CHECK(atomic_load(&snapshots[0].refs) == 1, "one call is left");
    rkd_lease_leave(&worker, first);
    CHECK(atomic_load(&snapshots[0].refs) == 0 && second->next == NULL, "its last call");
    last->calls = 1;
    rkd_lease_leave(&worker, last);
    CHECK(worker.lease == last && atomic_load(&snapshots[3].refs) == 1, "the current one stays");
    rkd_lease_leave(&worker, second);
    CHECK(atomic_load(&snapshots[1].refs) == 0 && last->next == NULL, "none is left behind");
    rkd_lease_free(last);
    CHECK(atomic_load(&snapshots[3].refs) == 0, "freed");
    rkd_lease_free(NULL);
    (void)third;
}

static void test_keysets(void **state)
{
    struct rkd_snapshot snapshots[2] = {{.needs_keysets = true, .api_keys_until_s = 100},
                                        {.needs_keysets = false}};
    struct rkd_worker_ctx worker = {.lease = NULL};
    struct rkd_keyset a = {.refs = 1}, b = {.refs = 1};
    struct rkd_lease *old, *now;

    (void)state;
    rkd_lease_install(&worker, old = lease(&snapshots[0], 1)); /* 1 and 2 */
    old->calls = 1;
    rkd_lease_install(&worker, now = lease(&snapshots[1], 2)); /* 2 and 3 */
    CHECK(!rkd_lease_can_verify(old, 100) && rkd_lease_can_verify(now, 100), "no set yet");
    CHECK(rkd_lease_can_verify(old, 99), "but an API key that has not expired");
    rkd_lease_put_keyset(&worker, 2, &a);
    CHECK(a.refs == 3 && old->keysets[1] == &a && now->keysets[0] == &a, "both leases have it");
    CHECK(old->keysets[0] == NULL && now->keysets[1] == NULL, "nothing else");
    CHECK(rkd_lease_can_verify(old, 100), "now it can");
    rkd_lease_put_keyset(&worker, 2, &b);
    CHECK(a.refs == 1 && b.refs == 3, "another in its place");
    rkd_lease_put_keyset(&worker, 9, &a);
    CHECK(a.refs == 1, "an entry nobody has");
    rkd_lease_put_keyset(&worker, 3, &a);
    rkd_lease_put_keyset(&worker, 2, NULL);
    CHECK(a.refs == 2 && b.refs == 1 && old->keysets[1] == NULL, "withdrawn");
    rkd_lease_leave(&worker, old);
    rkd_lease_free(now);
    CHECK(a.refs == 1 && b.refs == 1, "given back");
}

static void test_no_memory(void **state)
{
    struct rkd_snapshot snapshot = {.generation = 1};
    struct rkd_lease *one = NULL;
    size_t n = 1;

    (void)state;
    for (;; n++) {
        enum rk_err err;

        alloc_fail_at(n);
        err = rkd_lease_new(&snapshot, &one);
        if (!alloc_fail_hit())
            break;
        CHECK_ERR(err, RK_E_NOMEM, "told");
        CHECK(atomic_load(&snapshot.refs) == 0 && one == NULL, "nothing is kept");
    }
    CHECK(n == 4, "three allocations");
    rkd_lease_free(one);
}

/* ---- arenas ---- */

static void test_boxes(void **state)
{
    struct rkd_worker_ctx worker = {.box_bytes = 4096};
    static struct rkd_call calls[RKD_BOXES_MAX];
    struct rkd_box *first;
    struct rkd_call head = {.worker = &worker, .phase = RKD_PHASE_HEAD};

    (void)state;
    worker.box = first = rkd_box_new(&worker);
    CHECK(first != NULL && worker.box_count == 1, "the worker's own");
    CHECK(rkd_call_keep_arena(&head) && worker.box == first, "a head needs none");
    for (size_t i = 0; i < RKD_BOXES_MAX; i++)
        calls[i] = (struct rkd_call){.worker = &worker, .phase = RKD_PHASE_BODY};
    CHECK(rkd_call_keep_arena(&calls[0]) && calls[0].box == first && worker.box != first,
          "it goes with the call, another takes its place");
    CHECK(rkd_call_keep_arena(&calls[0]) && calls[0].box == first, "once");
    alloc_fail_at(1);
    CHECK(!rkd_call_keep_arena(&calls[1]) && alloc_fail_hit() && calls[1].box == NULL,
          "no memory: it cannot wait");
    for (size_t i = 1; i < RKD_BOXES_MAX - 1; i++)
        CHECK(rkd_call_keep_arena(&calls[i]), "64 may wait");
    CHECK(!rkd_call_keep_arena(&calls[RKD_BOXES_MAX - 1]), "65 may not");
    CHECK(worker.box_count == RKD_BOXES_MAX && worker.box != NULL, "the worker keeps one");
    CHECK(rkd_job_send(rkd_job_new(&calls[RKD_BOXES_MAX - 1], RKD_JOB_HOOK, 0)) == RKD_ANSWER,
          "refused");
    CHECK(calls[RKD_BOXES_MAX - 1].problem.err == RKD_E_UNAVAILABLE, "503");
    assert_string_equal(calls[RKD_BOXES_MAX - 1].problem.reason, "too-many-waiting");
    rkd_box_give(&calls[5]);
    CHECK(rkd_call_keep_arena(&calls[RKD_BOXES_MAX - 1]), "one has gone");
    for (size_t i = 0; i < RKD_BOXES_MAX; i++)
        rkd_box_give(&calls[i]);
    rkd_box_give(&head);
    rkd_worker_ctx_clear(&worker);
}

/* A call carries on with what it began with only where that decides as the current rules do. */
static void test_rules_hold(void **state)
{
    struct rkd_snapshot snapshots[4] = {{.generation = 1}};
    struct rkd_worker_ctx worker = {.lease = NULL};
    struct rkd_lease *leases[ARRAY_LEN(snapshots)];
    struct rkd_call call = {.worker = &worker, .snapshot = &snapshots[0]};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(snapshots); i++) {
        snapshots[i].settings.has_rules_digest = i != 3;
        leases[i] = lease(&snapshots[i], 1);
    }
    snapshots[2].settings.rules_digest[31] = 1;
    call.lease = leases[0];
    worker.lease = leases[0];
    CHECK(rkd_call_rules_hold(&call), "its own");
    worker.lease = leases[1];
    CHECK(rkd_call_rules_hold(&call), "the same");
    worker.lease = leases[2];
    CHECK(!rkd_call_rules_hold(&call), "others");
    worker.lease = leases[3];
    CHECK(!rkd_call_rules_hold(&call), "nobody knows");
    for (size_t i = 0; i < ARRAY_LEN(leases); i++)
        rkd_lease_free(leases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_old_leases), cmocka_unit_test(test_keysets),
        cmocka_unit_test(test_no_memory),  cmocka_unit_test(test_boxes),
        cmocka_unit_test(test_rules_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
