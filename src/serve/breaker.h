/*
 * breaker.h - spares a hook that fails, and those who would wait for it (security.md s.3.2).
 *
 * After five failures in a row nothing is asked for 5 s; then one question is the probe: a good
 * answer closes the circuit, a bad one doubles the time, to 60 s. Only addresses that have failed
 * take a row; when none is left, one that is closed makes room, and without such the address has no
 * breaker. All zero is a new one. The keeper's thread; no clock of its own.
 */
#ifndef RKD_SERVE_BREAKER_H
#define RKD_SERVE_BREAKER_H

#include "core/str.h"

enum {
    RKD_BREAKER_ROWS = 64,
    RKD_BREAKER_FAILURES = 5,
    RKD_BREAKER_OPEN_MS = 5000,
    RKD_BREAKER_OPEN_MAX_MS = 60000,
};

struct rkd_breaker_row {
    uint64_t key;      /* of the address; 0: the row is free */
    unsigned failures; /* in a row */
    int64_t open_ms;   /* how long it is open; 0: closed */
    int64_t until_ms;
    bool is_probing;
};

struct rkd_breaker {
    struct rkd_breaker_row rows[RKD_BREAKER_ROWS];
};

enum rkd_breaker_leave {
    RKD_BREAKER_NO = 0, /* open: no answer */
    RKD_BREAKER_ASK,
    RKD_BREAKER_PROBE, /* ask; tell or give the probe back afterwards */
};

enum rkd_breaker_news { RKD_BREAKER_NOTHING = 0, RKD_BREAKER_OPENED, RKD_BREAKER_CLOSED };

enum rkd_breaker_leave rkd_breaker_may_ask(struct rkd_breaker *breaker, struct rk_str url,
                                           int64_t now_ms);
/* How it went. Late failures of questions asked before it opened do not prolong it. */
enum rkd_breaker_news rkd_breaker_tell(struct rkd_breaker *breaker, struct rk_str url,
                                       bool is_probe, bool is_good, int64_t now_ms);
/* The probe was called off and says nothing: the next question is the probe. */
void rkd_breaker_give_back(struct rkd_breaker *breaker, struct rk_str url);
/* How many addresses are not asked, or only by a probe. */
unsigned rkd_breaker_open(const struct rkd_breaker *breaker);

#endif
