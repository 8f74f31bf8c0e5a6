/* Notes between threads: their order, and that each is run or dropped exactly once. */
#include "check.h"

#include "serve/mail.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { THREADS = 4, NOTES = 20000 };

struct letter {
    struct rkd_note note;
    unsigned sender, number;
};

struct reader {
    struct rkd_mailbox *box;
    unsigned run, next[THREADS];
    bool is_in_order;
    struct letter *again; /* put by the first note that is run */
};

static atomic_uint dropped;

static void drop(struct rkd_note *note)
{
    atomic_fetch_add(&dropped, 1);
    free(note);
}

static void run(void *owner, struct rkd_note *note)
{
    struct reader *reader = owner;
    struct letter *letter = (struct letter *)note;

    if (reader->again != NULL) {
        struct letter *again = reader->again;

        reader->again = NULL;
        rkd_mail_put(reader->box, &again->note);
    }
    reader->is_in_order &= letter->number == reader->next[letter->sender];
    reader->next[letter->sender] = letter->number + 1;
    reader->run++;
    free(letter);
}

static struct letter *letter(unsigned sender, unsigned number)
{
    struct letter *one = calloc(1, sizeof(*one));

    CHECK(one != NULL, "memory");
    *one = (struct letter){.note = {.run = run, .drop = drop}, .sender = sender, .number = number};
    return one;
}

static void test_order(void **state)
{
    struct rkd_mailbox box;
    struct reader reader = {.box = &box, .is_in_order = true};

    (void)state;
    atomic_store(&dropped, 0);
    CHECK_ERR(rkd_mailbox_init(&box), RK_OK, "init");
    rkd_mail_run(&box, &reader);
    CHECK(reader.run == 0, "an empty box");
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 5; i++)
            rkd_mail_put(&box, &letter(0, 5 * round + i)->note);
        rkd_mail_run(&box, &reader);
        CHECK(reader.run == 5 * (round + 1) && reader.is_in_order, "as they came");
    }
    CHECK(atomic_load(&dropped) == 0, "none was dropped");
    rkd_mailbox_clear(&box);
}

/* What is put while notes are run waits for the next time: a turn has an end. */
static void test_put_while_running(void **state)
{
    struct rkd_mailbox box;
    struct reader reader = {.box = &box, .is_in_order = true};

    (void)state;
    CHECK_ERR(rkd_mailbox_init(&box), RK_OK, "init");
    reader.again = letter(0, 2);
    rkd_mail_put(&box, &letter(0, 0)->note);
    rkd_mail_put(&box, &letter(0, 1)->note);
    rkd_mail_run(&box, &reader);
    CHECK(reader.run == 2, "the third is for later");
    rkd_mail_run(&box, &reader);
    CHECK(reader.run == 3 && reader.is_in_order, "then it is run");
    rkd_mailbox_clear(&box);
}

static void test_close_drops(void **state)
{
    struct rkd_mailbox box, zero = {.first = NULL};
    struct reader reader = {.box = &box};

    (void)state;
    atomic_store(&dropped, 0);
    CHECK_ERR(rkd_mailbox_init(&box), RK_OK, "init");
    for (unsigned i = 0; i < 3; i++)
        rkd_mail_put(&box, &letter(0, i)->note);
    rkd_mailbox_close(&box);
    CHECK(atomic_load(&dropped) == 3, "what was there");
    rkd_mail_put(&box, &letter(0, 3)->note);
    CHECK(atomic_load(&dropped) == 4, "what comes");
    rkd_mail_run(&box, &reader);
    CHECK(reader.run == 0, "nothing is left to run");
    rkd_mailbox_close(&box);
    rkd_mailbox_clear(&box);
    rkd_mailbox_clear(&box);
    CHECK(atomic_load(&dropped) == 4, "once each");
    rkd_mailbox_close(&zero);
    rkd_mailbox_clear(&zero);
}

/* ---- four threads put, the owner runs, and closes in the middle ---- */

struct sender {
    struct rkd_mailbox *box;
    unsigned index;
};

static void *send_notes(void *arg)
{
    const struct sender *sender = arg;

    for (unsigned i = 0; i < NOTES; i++)
        rkd_mail_put(sender->box, &letter(sender->index, i)->note);
    return NULL;
}

static void race(bool close_early)
{
    struct rkd_mailbox box;
    struct reader reader = {.box = &box, .is_in_order = true};
    struct sender senders[THREADS];
    pthread_t threads[THREADS];

    atomic_store(&dropped, 0);
    CHECK_ERR(rkd_mailbox_init(&box), RK_OK, "init");
    for (unsigned i = 0; i < THREADS; i++) {
        senders[i] = (struct sender){.box = &box, .index = i};
        CHECK(pthread_create(&threads[i], NULL, send_notes, &senders[i]) == 0, "thread");
    }
    while (reader.run < (close_early ? NOTES : THREADS * NOTES))
        rkd_mail_run(&box, &reader);
    if (close_early)
        rkd_mailbox_close(&box);
    for (unsigned i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    CHECK(reader.is_in_order, "each sender's own order");
    CHECK(reader.run + atomic_load(&dropped) == THREADS * NOTES, "run or dropped, once");
    rkd_mailbox_clear(&box);
}

static void test_four_threads(void **state)
{
    (void)state;
    race(false);
    race(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_put_while_running),
        cmocka_unit_test(test_close_drops),
        cmocka_unit_test(test_four_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
