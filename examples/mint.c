/*
 * mint.c - a LiveKit token in one screen of C.
 *
 *   LIVEKIT_API_KEY=devkey LIVEKIT_API_SECRET=secret ./example_mint ROOM IDENTITY
 *
 * prints a token that lets IDENTITY join ROOM for ten minutes, publish and subscribe.
 */
#include <roomkey/roomkey.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A NUL-terminated string as the library takes it; the environment may have none. */
static struct rk_str text(const char *s)
{
    struct rk_str str = {s, s == NULL ? 0 : strlen(s)};

    return str;
}

/* What the token says. Every setter checks its value; the first one that refuses ends it. */
static enum rk_err fill(struct rk_claims *claims, const char *room, const char *identity)
{
    static const enum rk_grant grants[] = {RK_GRANT_ROOM_JOIN, RK_GRANT_CAN_PUBLISH,
                                           RK_GRANT_CAN_SUBSCRIBE};
    enum rk_err err = rk_claims_set_room(claims, text(room));

    if (err == RK_OK)
        err = rk_claims_set_identity(claims, text(identity));
    if (err == RK_OK)
        err = rk_claims_set_ttl(claims, 600);
    for (size_t i = 0; err == RK_OK && i < sizeof(grants) / sizeof(grants[0]); i++)
        err = rk_claims_set_grant(claims, grants[i], true);
    return err;
}

int main(int argc, char **argv)
{
    static char token[RK_TOKEN_MAX];
    size_t len = 0;
    struct rk_key *key = NULL;
    struct rk_claims *claims = NULL;
    enum rk_err err;

    if (argc != 3) {
        (void)fprintf(stderr, "usage: %s ROOM IDENTITY\n", argv[0]);
        return 2;
    }
    err = rk_key_new(text(getenv("LIVEKIT_API_KEY")), text(getenv("LIVEKIT_API_SECRET")), &key);
    if (err == RK_OK)
        err = rk_claims_new(&claims);
    if (err == RK_OK)
        err = fill(claims, argv[1], argv[2]);
    if (err == RK_OK)
        err = rk_token_sign(key, claims, time(NULL), token, sizeof(token), &len);
    if (err == RK_OK)
        (void)printf("%.*s\n", (int)len, token);
    else
        (void)fprintf(stderr, "%s: %s\n", argv[0], rk_err_text(err));
    rk_claims_free(claims);
    rk_key_free(key);
    return err == RK_OK ? 0 : 1;
}
