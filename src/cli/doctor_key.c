/*
 * doctor_key.c - probes with a participant's token: does the server know the keys, is its clock
 * ours, may a join make a room?
 *
 * A key is judged with a token made by the server's own time, so that a wrong clock is not taken
 * for a wrong key. A server looks at key, then signature, then times (reference livekit-tokens.md
 * s.2.2); only its text tells them apart, and what no text tells is called refused.
 * May touch: what doctor_ask.c touches.
 */
#include "cli/doctor.h"
#include "core/key.h"
#include "serve/clock.h"

enum { PROBE_TTL_S = 60, OFFSET_WARN_S = 10, TOKEN_MAX = 2048 };

enum verdict {
    REFUSED = 0,
    ACCEPTED,
    ACCEPTED_NO_ROOM, /* and rooms must be made before */
    ACCEPTED_FULL,    /* and the node takes nobody any more */
    UNKNOWN_KEY,
    WRONG_SECRET,
    NOT_YET,
    EXPIRED,
    NO_ANSWER,
};

static enum verdict read_verdict(const struct rkd_answer *answer)
{
    if (answer->status == 0)
        return NO_ANSWER;
    if (answer->status == 200)
        return ACCEPTED;
    if (answer->status == 503)
        return ACCEPTED_FULL;
    if (answer->status == 404 && rkd_answer_has(answer, "does not exist"))
        return ACCEPTED_NO_ROOM;
    if (answer->status != 401)
        return REFUSED;
    if (rkd_answer_has(answer, "not valid yet"))
        return NOT_YET;
    if (rkd_answer_has(answer, "is expired"))
        return EXPIRED;
    if (rkd_answer_has(answer, "signature is invalid"))
        return WRONG_SECRET;
    return rkd_answer_has(answer, "invalid API key") ? UNKNOWN_KEY : REFUSED;
}

static bool is_accepted(enum verdict verdict)
{
    return verdict == ACCEPTED || verdict == ACCEPTED_NO_ROOM || verdict == ACCEPTED_FULL;
}

static enum verdict try_key(struct rkd_doctor *doctor, const struct rk_key *key, int64_t now_s)
{
    char token[TOKEN_MAX];
    struct rkd_question question = {.base = rki_cstr(doctor->base), .path = "/rtc/validate"};
    enum verdict verdict;

    if (!rkd_doctor_sign(doctor, key, RKD_PASS_JOIN, now_s, PROBE_TTL_S, token, sizeof(token),
                         &question.token))
        return REFUSED;
    verdict = read_verdict(rkd_doctor_ask(doctor, "the server's word on a token", &question));
    rk_wipe(token, sizeof(token));
    return verdict;
}

/* By the server's time; where that is not good either, a proxy's clock may have been read. */
static enum verdict judge(struct rkd_doctor *doctor, const struct rk_key *key)
{
    const enum verdict verdict = try_key(doctor, key, rkd_doctor_server_now(doctor));
    enum verdict other;

    if (!doctor->has_date || (verdict != NOT_YET && verdict != EXPIRED))
        return verdict;
    other = try_key(doctor, key, rkd_clock_wall_ms() / 1000);
    if (!is_accepted(other))
        return verdict;
    doctor->has_date = false;
    return other;
}

static void say_key(struct rkd_doctor *doctor, const struct rk_key *key, enum verdict verdict)
{
    static const struct {
        enum rkd_code code;
        const char *text, *todo;
    } rows[] = {
        [REFUSED] = {RKD_CODE_REFUSED_TOKEN,
                     ": the server refuses tokens, and does not say why in words we know",
                     "look at the server's log; something in front of it may ask for a login"},
        [ACCEPTED] = {RKD_CODE_KEY, ": the server accepts tokens of this key", NULL},
        [ACCEPTED_NO_ROOM] = {RKD_CODE_KEY, ": the server accepts tokens of this key", NULL},
        [ACCEPTED_FULL] = {RKD_CODE_KEY,
                           ": the server accepts tokens of this key, but takes nobody now (503)",
                           NULL},
        [UNKNOWN_KEY] = {RKD_CODE_UNKNOWN_KEY, ": the server does not know this key",
                         "put the pair into the server's keys (key_file, LIVEKIT_KEYS) and restart "
                         "it, or give roomkey the key the server has"},
        [WRONG_SECRET] = {RKD_CODE_WRONG_SECRET, ": the server knows this key with another secret",
                          "give both the same secret: a quote or a blank too many counts"},
        [NOT_YET] = {RKD_CODE_KEY, ": key and secret are good, but for the clock", NULL},
        [EXPIRED] = {RKD_CODE_KEY, ": key and secret are good, but for the clock", NULL},
        [NO_ANSWER] = {RKD_CODE_NO_ANSWER, ": the server stopped answering", "run doctor again"},
    };
    const bool is_active = key == doctor->settings.active_key;
    const bool is_good = is_accepted(verdict) || verdict == NOT_YET || verdict == EXPIRED;
    const enum rkd_found bad = is_active ? RKD_FOUND_FAIL : RKD_FOUND_WARN;
    const char *todo = rows[verdict].todo;
    struct rki_buf *out;

    if (!is_active && !is_good)
        todo = "harmless while it does not sign: add it to the server before it becomes "
               "active_key, or take it from roomkey when its rotation is over (roomkey keys plan)";
    out = rkd_doctor_find(doctor, is_good ? RKD_FOUND_OK : bad, rows[verdict].code, todo);
    rki_buf_put(out, rk_key_name(key));
    if (!is_active)
        rki_buf_lit(out, " (does not sign)");
    rki_buf_put(out, rki_cstr(rows[verdict].text));
}

void rkd_probe_key(struct rkd_doctor *doctor)
{
    const struct rk_key *active = doctor->settings.active_key;
    const enum verdict verdict = judge(doctor, active);

    say_key(doctor, active, verdict);
    doctor->is_key_good = is_accepted(verdict);
    doctor->is_auto_created = verdict != ACCEPTED_NO_ROOM;
    for (size_t i = 0; i < rk_keyring_count(doctor->settings.keys); i++) {
        const struct rk_key *key = rki_keyring_at(doctor->settings.keys, i);

        if (key != active)
            say_key(doctor, key, judge(doctor, key));
    }
}

void rkd_probe_auto_create(struct rkd_doctor *doctor)
{
    if (doctor->is_auto_created)
        rkd_doctor_say(doctor, RKD_FOUND_OK, RKD_CODE_AUTO_CREATE,
                       "who joins a room that is not there yet makes it", NULL);
    else
        rkd_doctor_say(doctor, RKD_FOUND_FAIL, RKD_CODE_AUTO_CREATE_OFF,
                       "the server has room.auto_create: false: a token for a room that nobody "
                       "made before is refused (requested room does not exist), and roomkey makes "
                       "none",
                       "set auto_create: true, or make each room by the server's API first; where "
                       "that is done, --accept auto_create_off");
}

/* ---- the clock ---- */

static void put_offset(struct rki_buf *out, int64_t offset_s)
{
    if (offset_s >= -1 && offset_s <= 1) {
        rki_buf_lit(out, "this machine's clock is the server's");
        return;
    }
    rki_buf_lit(out, "this machine's clock is ");
    rki_buf_int(out, offset_s < 0 ? -offset_s : offset_s);
    rki_buf_put(out, offset_s < 0 ? RK_STR(" s behind the server's")
                                  : RK_STR(" s ahead of the server's"));
}

/* What a token made by our own clock comes to; REFUSED when there is no good key to ask with. */
static enum verdict try_own_time(struct rkd_doctor *doctor)
{
    return doctor->is_key_good
               ? try_key(doctor, doctor->settings.active_key, rkd_clock_wall_ms() / 1000)
               : REFUSED;
}

static void say_clock(struct rkd_doctor *doctor, bool is_ahead, enum verdict own)
{
    struct rki_buf *out = rkd_doctor_find(
        doctor, RKD_FOUND_FAIL, is_ahead ? RKD_CODE_CLOCK_AHEAD : RKD_CODE_CLOCK_BEHIND,
        "set both machines by NTP (timedatectl, chronyc tracking); a server allows "
        "60 s");

    if (doctor->has_date)
        put_offset(out, doctor->offset_s);
    else
        rki_buf_put(out, is_ahead ? RK_STR("this machine's clock is ahead of the server's")
                                  : RK_STR("this machine's clock is behind the server's"));
    if (own == NOT_YET)
        rki_buf_lit(out, ": it refuses our tokens as not valid yet");
    else if (own == EXPIRED)
        rki_buf_lit(out, ": it refuses a token of one minute as expired");
    else
        rki_buf_put(out, is_ahead ? RK_STR(": tokens are refused as not valid yet")
                                  : RK_STR(": tokens expire so much too early"));
}

void rkd_probe_clock(struct rkd_doctor *doctor)
{
    const int64_t offset_s = doctor->has_date ? doctor->offset_s : 0;
    const int64_t off_s = offset_s < 0 ? -offset_s : offset_s;
    const enum verdict own = try_own_time(doctor);
    struct rki_buf *out;

    if (own == NOT_YET || own == EXPIRED) {
        say_clock(doctor, own == NOT_YET, own);
    } else if (off_s > RKD_LEEWAY_S && !is_accepted(own)) {
        say_clock(doctor, offset_s > 0, own);
    } else if (off_s > OFFSET_WARN_S) {
        out = rkd_doctor_find(doctor, RKD_FOUND_WARN, RKD_CODE_CLOCK_DRIFTS,
                              "set both machines by NTP; beyond 60 s tokens are refused");
        put_offset(out, offset_s);
    } else if (!doctor->has_date && !is_accepted(own)) {
        rkd_doctor_say(doctor, RKD_FOUND_SKIP, RKD_CODE_NO_DATE,
                       "the server's answers have no date, and no token of ours is accepted", NULL);
    } else {
        out = rkd_doctor_find(doctor, RKD_FOUND_OK, RKD_CODE_CLOCK, NULL);
        if (doctor->has_date)
            put_offset(out, offset_s);
        else
            rki_buf_lit(out, "a token of this minute is accepted");
    }
}
