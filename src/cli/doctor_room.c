/*
 * doctor_room.c - probes that make something: a room by the server's API, a participant in it who
 * hears the server's version, and both gone again at the end.
 *
 * The version is told to participants only: no answer over plain HTTP has it. The room closes by
 * itself 10 s later, should the end not be reached.
 * May touch: what doctor_ask.c touches.
 */
#include "cli/doctor.h"
#include "core/json.h"

enum { PASS_TTL_S = 60, TOKEN_MAX = 2048 };

/* room_config of a token is read since 1.8.2 (before it, the name of a preset at most), attributes
 * since 1.7.0. Source: livekit-server's tags, pkg/service/rtcservice.go, and its CHANGELOG. */
static const unsigned room_config_since[3] = {1, 8, 2}, attributes_since[3] = {1, 7, 0};

/* ---- the API ---- */

/* Calls a method of RoomService at `base`; `front` room `behind` is its body. False: no token;
 * said.
 */
static bool call_at(struct rkd_doctor *doctor, const char *base, enum rkd_pass pass,
                    const char *path, const char *front, const char *behind)
{
    char token[TOKEN_MAX], body[256];
    struct rki_buf buf = rki_buf_over(body, sizeof(body));
    struct rkd_question question = {.base = rki_cstr(base), .path = path};

    rki_buf_put(&buf, rki_cstr(front));
    rki_buf_json(&buf, rki_str(doctor->room, sizeof(doctor->room)));
    rki_buf_put(&buf, rki_cstr(behind));
    question.body = rki_buf_str(&buf);
    if (!rkd_doctor_sign(doctor, doctor->settings.active_key, pass, rkd_doctor_server_now(doctor),
                         PASS_TTL_S, token, sizeof(token), &question.token))
        return false;
    (void)rkd_doctor_ask(doctor, "the room API", &question);
    rk_wipe(token, sizeof(token));
    return true;
}

static bool list_at(struct rkd_doctor *doctor, const char *base)
{
    return call_at(doctor, base, RKD_PASS_LIST, "/twirp/livekit.RoomService/ListRooms",
                   "{\"names\":[", "]}");
}

/* An empty room may have closed by itself meanwhile. False: it is still there, or that was said. */
static bool delete_at(struct rkd_doctor *doctor, const char *base)
{
    return call_at(doctor, base, RKD_PASS_CREATE, "/twirp/livekit.RoomService/DeleteRoom",
                   "{\"room\":", "}") &&
           (doctor->answer->status == 200 || rkd_answer_has(doctor->answer, "\"not_found\""));
}

/* The answer as JSON; NULL: it is none. */
static json_t *read_answer(const struct rkd_answer *answer)
{
    json_t *value = NULL;
    const enum rk_err err = rki_json_parse(rki_str(answer->body, answer->len), 0, &value, NULL);

    return err == RK_OK ? value : NULL;
}

static void keep_sid(struct rkd_doctor *doctor)
{
    json_t *answer = read_answer(doctor->answer);
    const json_t *sid = json_object_get(answer, "sid");

    if (json_is_string(sid) && json_string_length(sid) < sizeof(doctor->sid))
        memcpy(doctor->sid, json_string_value(sid), json_string_length(sid) + 1);
    json_decref(answer);
}

/* There was no answer: `what`, and why. */
static void say_silent(struct rkd_doctor *doctor, struct rk_str what)
{
    enum rkd_code code;
    const char *todo, *text = rkd_doctor_cause(doctor->answer, &code, &todo);
    struct rki_buf *out = rkd_doctor_find(doctor, RKD_FOUND_FAIL, code, todo);

    rki_buf_put(out, what);
    rki_buf_lit(out, ": ");
    rki_buf_put(out, rki_cstr(text));
}

static void say_refused(struct rkd_doctor *doctor, const char *method)
{
    const struct rkd_answer *answer = doctor->answer;
    struct rki_buf *out;

    if (answer->status == 0) {
        say_silent(doctor, rki_cstr(doctor->api_base));
        return;
    }
    if (answer->status == 401 && rkd_answer_has(answer, "permissions denied"))
        out = rkd_doctor_find(doctor, RKD_FOUND_FAIL, RKD_CODE_NO_PERMISSION,
                              "something between roomkey and the server takes rights away, or the "
                              "server is none of LiveKit's own");
    else if (answer->status == 401)
        out = rkd_doctor_find(doctor, RKD_FOUND_FAIL, RKD_CODE_API_REFUSES_KEY,
                              "api_url leads to another server than url, or to one that was not "
                              "given this key");
    else
        out = rkd_doctor_find(doctor, RKD_FOUND_FAIL, RKD_CODE_NO_ROOM_API,
                              "let /twirp/ through the proxy, or set livekit.api_url to an address "
                              "inside, where the server itself answers");
    rki_buf_lit(out, "the room API at ");
    rki_buf_put(out, rki_cstr(doctor->api_base));
    rki_buf_lit(out, " answers ");
    rki_buf_put(out, rki_cstr(method));
    rki_buf_lit(out, " with ");
    rki_buf_int(out, answer->status);
}

/* Is the room in the list? */
static bool lists_room(struct rkd_doctor *doctor)
{
    const struct rk_str room = rki_str(doctor->room, sizeof(doctor->room));
    json_t *answer = read_answer(doctor->answer);
    const json_t *rooms = json_object_get(answer, "rooms");
    bool is_there = false;

    for (size_t i = 0; i < json_array_size(rooms); i++) {
        const json_t *name = json_object_get(json_array_get(rooms, i), "name");

        is_there = is_there || (json_is_string(name) && rki_str_equal(rki_json_str(name), room));
    }
    json_decref(answer);
    return is_there;
}

void rkd_probe_room_api(struct rkd_doctor *doctor)
{
    if (!call_at(doctor, doctor->api_base, RKD_PASS_CREATE, "/twirp/livekit.RoomService/CreateRoom",
                 "{\"name\":", ",\"empty_timeout\":10,\"departure_timeout\":1}"))
        return;
    if (doctor->answer->status == 200)
        keep_sid(doctor);
    doctor->has_room = doctor->sid[0] != '\0';
    if (!doctor->has_room) {
        say_refused(doctor, "CreateRoom");
        return;
    }
    if (!list_at(doctor, doctor->api_base))
        return;
    if (doctor->answer->status != 200)
        say_refused(doctor, "ListRooms");
    else if (!lists_room(doctor))
        rkd_doctor_say(doctor, RKD_FOUND_WARN, RKD_CODE_NOT_LISTED,
                       "a room that was made is not in the server's list",
                       "several servers answer at api_url without a common Redis");
    else
        rkd_doctor_say(doctor, RKD_FOUND_OK, RKD_CODE_ROOM_API,
                       "rooms can be made and listed by the server's API", NULL);
}

/* ---- the version ---- */

static void say_version(struct rkd_doctor *doctor, const struct rkd_join *join)
{
    struct rki_buf *out;

    if (join->is_cloud) {
        rkd_doctor_say(doctor, RKD_FOUND_OK, RKD_CODE_VERSION, "LiveKit Cloud, a join works", NULL);
    } else if (join->version.len == 0) {
        rkd_doctor_say(doctor, RKD_FOUND_WARN, RKD_CODE_NO_VERSION,
                       "a join works, but the server does not say its version",
                       "see that it is livekit-server 1.8.2 or later");
    } else if (rkd_version_is_before(join->version, room_config_since)) {
        out = rkd_doctor_find(doctor, RKD_FOUND_FAIL, RKD_CODE_TOO_OLD,
                              "update livekit-server; 1.8.2 is the oldest that honours all of a "
                              "token of roomkey's");
        rki_buf_lit(out, "livekit-server ");
        rki_buf_put(out, join->version);
        rki_buf_lit(out, " drops a token's room_config (agents, the room's limits)");
        if (rkd_version_is_before(join->version, attributes_since))
            rki_buf_lit(out, " and attributes");
        rki_buf_lit(out, " without a word");
    } else {
        out = rkd_doctor_find(doctor, RKD_FOUND_OK, RKD_CODE_VERSION, NULL);
        rki_buf_lit(out, "livekit-server ");
        rki_buf_put(out, join->version);
        rki_buf_lit(out, ", a join works");
    }
}

static void say_no_join(struct rkd_doctor *doctor)
{
    const struct rkd_answer *answer = doctor->answer;
    struct rki_buf *out;

    if (answer->status == 0) {
        say_silent(doctor, RK_STR("a join fails"));
        return;
    }
    if (answer->status == 404 && rkd_answer_has(answer, "does not exist"))
        out = rkd_doctor_find(doctor, RKD_FOUND_FAIL,
                              doctor->has_room ? RKD_CODE_TWO_SERVERS : RKD_CODE_NO_ROOM_TO_JOIN,
                              doctor->has_room
                                  ? "make api_url and url lead to the same server, or give the "
                                    "servers a common Redis"
                                  : "mend what room_api says first");
    else
        out = rkd_doctor_find(doctor, RKD_FOUND_FAIL, RKD_CODE_NO_WEBSOCKET,
                              "let the proxy pass WebSocket upgrades on /rtc (its Connection and "
                              "Upgrade headers)");
    rki_buf_lit(out, "a join, which begins as a WebSocket on /rtc, is answered with ");
    rki_buf_int(out, answer->status);
}

void rkd_probe_version(struct rkd_doctor *doctor)
{
    char token[TOKEN_MAX];
    const struct rkd_answer *answer;
    struct rkd_join join;
    struct rkd_question question = {.base = rki_cstr(doctor->base),
                                    .path = "/rtc?protocol=9&sdk=js&auto_subscribe=0",
                                    .is_upgrade = true};

    if (!rkd_doctor_sign(doctor, doctor->settings.active_key, RKD_PASS_JOIN,
                         rkd_doctor_server_now(doctor), PASS_TTL_S, token, sizeof(token),
                         &question.token))
        return;
    answer = rkd_doctor_ask(doctor, "a join", &question);
    rk_wipe(token, sizeof(token));
    doctor->has_joined = answer->status == 101;
    if (!doctor->has_joined) {
        say_no_join(doctor);
        return;
    }
    if (rkd_join_read(rki_str(answer->body, answer->len), &join) != 1) {
        rkd_doctor_say(doctor, RKD_FOUND_WARN, RKD_CODE_NO_VERSION,
                       "a join begins, but what the server says then is not known here",
                       "see that it is livekit-server 1.8.2 or later");
        return;
    }
    say_version(doctor, &join);
    doctor->is_split =
        doctor->has_room && join.sid.len != 0 && !rki_str_equal(join.sid, rki_cstr(doctor->sid));
    if (doctor->is_split)
        rkd_doctor_say(doctor, RKD_FOUND_FAIL, RKD_CODE_TWO_SERVERS,
                       "url and api_url lead to different servers: the room that was made at one "
                       "is not the room that was joined at the other",
                       "make both lead to the same server, or give the servers a common Redis");
}

/* ---- the end ---- */

/* Deletes the room until it stays away. A server that is still busy with the participant writes the
 * room into its store once more, where nobody closes it. Source: livekit-server 1.13.5,
 * pkg/service/roommanager.go (OnRoomUpdated, persistRoomForParticipantCount).
 */
static bool delete_for_good(struct rkd_doctor *doctor, const char *base)
{
    enum { TRIES = 5, SETTLE_MS = 250 };

    for (int i = 0; i < TRIES; i++) {
        if (!delete_at(doctor, base))
            return false;
        rkd_doctor_wait(doctor, "the room to be gone", SETTLE_MS);
        /* room_api has said what is wrong with lists */
        if (!list_at(doctor, base) || doctor->answer->status != 200 || !lists_room(doctor))
            return true;
    }
    return false;
}

void rkd_probe_cleanup(struct rkd_doctor *doctor)
{
    enum { RESERVE_MS = 3000 };
    const uint64_t left_ms = rkd_doctor_left_ms(doctor, RESERVE_MS);
    bool is_gone;

    if (!doctor->has_room && !doctor->has_joined) {
        rkd_doctor_say(doctor, RKD_FOUND_SKIP, RKD_CODE_CLEANUP, "nothing was made on the server",
                       NULL);
        return;
    }
    /* nothing stays behind because something before took too long */
    doctor->deadline_ns += (RESERVE_MS - left_ms) * 1000000;
    is_gone = delete_for_good(doctor, doctor->api_base);
    if (doctor->is_split)
        is_gone = delete_for_good(doctor, doctor->base) && is_gone;
    if (is_gone)
        rkd_doctor_say(doctor, RKD_FOUND_OK, RKD_CODE_CLEANUP, "the room of this run is gone again",
                       NULL);
    else
        rkd_doctor_say(doctor, RKD_FOUND_WARN, RKD_CODE_LEFT_ROOM,
                       "the room of this run could not be deleted; it closes by itself, as any "
                       "empty room does",
                       "see what room_api says");
}
