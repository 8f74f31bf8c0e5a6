/*
 * claims_text.c - grants by the names and values a person writes, for command lines and profiles.
 *
 * May touch: its arguments. Nothing else.
 */
#include "core/claims_impl.h"

static enum rk_err set_sources(struct rk_claims *claims, struct rk_str value, struct rk_diag *diag)
{
    enum rk_source sources[RK_SOURCE_SCREEN_SHARE_AUDIO];
    size_t count = 0;
    enum rk_err err;

    for (bool more = true; more;) {
        const char *comma = value.len == 0 ? NULL : memchr(value.ptr, ',', value.len);
        size_t len = comma == NULL ? value.len : (size_t)(comma - value.ptr);
        enum rk_source source = rk_source_from_name(rki_str(value.ptr, len));

        if (source == RK_SOURCE_UNKNOWN)
            return rki_diag_fail(
                diag, RK_E_UNKNOWN, "video.canPublishSources",
                "sources are camera, microphone, screen_share and screen_share_audio");
        if (count == ARRAY_LEN(sources))
            return rki_diag_fail(diag, RK_E_INVAL, "video.canPublishSources", "a source twice");
        sources[count++] = source;
        more = comma != NULL;
        if (more)
            value = rki_str(value.ptr + len + 1, value.len - len - 1);
    }
    err = rk_claims_set_publish_sources(claims, sources, count);
    if (err != RK_OK)
        rki_diag_set(diag, "video.canPublishSources", "a source twice");
    return err;
}

static enum rk_err set_bool(struct rk_claims *claims, enum rk_grant grant, struct rk_str value,
                            struct rk_diag *diag)
{
    bool is_true = rki_str_equal(value, RK_STR("true"));

    if (!is_true && !rki_str_equal(value, RK_STR("false"))) {
        rki_diag_set_str(diag, rk_grant_name(grant), "true or false");
        return RK_E_TYPE;
    }
    return rk_claims_set_grant(claims, grant, is_true);
}

enum rk_err rk_claims_set_grant_text(struct rk_claims *claims, struct rk_str name,
                                     struct rk_str value, struct rk_diag *out_diag)
{
    struct rk_str video = RK_STR("video.");
    enum rk_grant grant = rk_grant_from_name(name);
    enum rk_err err;

    if (grant != RK_GRANT_NONE)
        return set_bool(claims, grant, value, out_diag);
    if (rki_str_starts_with(name, video))
        name = rki_str(name.ptr + video.len, name.len - video.len);
    if (rki_str_equal(name, RK_STR("canPublishSources")))
        return set_sources(claims, value, out_diag);
    if (rki_str_equal(name, RK_STR("room"))) {
        err = rk_claims_set_room(claims, value);
        if (err != RK_OK)
            rki_diag_set(out_diag, "video.room", rk_err_text(err));
        return err;
    }
    if (rki_str_equal(name, RK_STR("destinationRoom"))) {
        err = rk_claims_set_destination_room(claims, value);
        if (err != RK_OK)
            rki_diag_set(out_diag, "video.destinationRoom", rk_err_text(err));
        return err;
    }
    return rki_diag_fail(out_diag, RK_E_UNKNOWN, "", "no grant has this name");
}
