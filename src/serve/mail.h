/*
 * mail.h - notes between threads: the one way the keeper and the workers speak to each other.
 *
 * Any thread puts, the owner takes all there is and runs each note. A note that will never be run,
 * because its receiver has ended, is dropped, so whatever it holds is given back exactly once.
 */
#ifndef RKD_SERVE_MAIL_H
#define RKD_SERVE_MAIL_H

#include "core/str.h"

#include <pthread.h>

struct rkd_note {
    struct rkd_note *next;
    void (*run)(void *owner, struct rkd_note *note); /* on the receiver's thread; takes the note */
    void (*drop)(struct rkd_note *note);             /* in its place; on any thread */
};

struct rkd_mailbox {
    pthread_mutex_t lock;
    struct rkd_note *first, *last;
    bool is_closed;
    bool is_made;
};

RK_NODISCARD enum rk_err rkd_mailbox_init(struct rkd_mailbox *box);
/* Takes the note; a closed box drops it. Wake the owner afterwards. Threads: any. */
void rkd_mail_put(struct rkd_mailbox *box, struct rkd_note *note);
/* Runs what is there, in the order it came. The owner's thread. */
void rkd_mail_run(struct rkd_mailbox *box, void *owner);
/* Drops what is there and all that comes. An all-zero box will do. */
void rkd_mailbox_close(struct rkd_mailbox *box);
/* After nobody can put any more. */
void rkd_mailbox_clear(struct rkd_mailbox *box);

#endif
