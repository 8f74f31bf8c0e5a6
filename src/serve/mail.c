/*
 * mail.c - a list under a lock, held for a few instructions at a time.
 *
 * May touch: the box and its notes' links.
 */
#include "serve/mail.h"

enum rk_err rkd_mailbox_init(struct rkd_mailbox *box)
{
    *box = (struct rkd_mailbox){.first = NULL};
    box->is_made = pthread_mutex_init(&box->lock, NULL) == 0;
    return box->is_made ? RK_OK : RK_E_NOMEM;
}

void rkd_mail_put(struct rkd_mailbox *box, struct rkd_note *note)
{
    bool is_closed;

    note->next = NULL;
    (void)pthread_mutex_lock(&box->lock);
    is_closed = box->is_closed;
    if (!is_closed) {
        if (box->last != NULL)
            box->last->next = note;
        else
            box->first = note;
        box->last = note;
    }
    (void)pthread_mutex_unlock(&box->lock);
    if (is_closed)
        note->drop(note);
}

static struct rkd_note *take_all(struct rkd_mailbox *box, bool close)
{
    struct rkd_note *first;

    (void)pthread_mutex_lock(&box->lock);
    first = box->first;
    box->first = box->last = NULL;
    box->is_closed |= close;
    (void)pthread_mutex_unlock(&box->lock);
    return first;
}

void rkd_mail_run(struct rkd_mailbox *box, void *owner)
{
    struct rkd_note *note = take_all(box, false);

    while (note != NULL) {
        struct rkd_note *next = note->next; /* run takes the note */

        note->run(owner, note);
        note = next;
    }
}

void rkd_mailbox_close(struct rkd_mailbox *box)
{
    struct rkd_note *note;

    if (!box->is_made)
        return;
    note = take_all(box, true);
    while (note != NULL) {
        struct rkd_note *next = note->next;

        note->drop(note);
        note = next;
    }
}

void rkd_mailbox_clear(struct rkd_mailbox *box)
{
    rkd_mailbox_close(box);
    if (box->is_made)
        (void)pthread_mutex_destroy(&box->lock);
    box->is_made = false;
}
