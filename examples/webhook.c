/*
 * webhook.c - whether a webhook comes from a LiveKit server that holds our key.
 *
 *   LIVEKIT_API_KEY=devkey LIVEKIT_API_SECRET=secret ./example_webhook AUTHORIZATION < body
 *
 * AUTHORIZATION is the value of the request's Authorization header, the body comes as it was
 * received: parsing it first and writing it again would change the bytes that were signed.
 * Says "genuine" and exits 0, or why not and exits 1. Drop repeats by the event's id yourself.
 */
#include <roomkey/roomkey.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct rk_str text(const char *s)
{
    struct rk_str str = {s, s == NULL ? 0 : strlen(s)};

    return str;
}

static enum rk_err make_ring(struct rk_keyring **out_ring)
{
    struct rk_key *key = NULL;
    enum rk_err err =
        rk_key_new(text(getenv("LIVEKIT_API_KEY")), text(getenv("LIVEKIT_API_SECRET")), &key);

    if (err == RK_OK)
        err = rk_keyring_new(out_ring);
    if (err == RK_OK)
        err = rk_keyring_add(*out_ring, &key);
    rk_key_free(key);
    return err;
}

int main(int argc, char **argv)
{
    static char bytes[256 * 1024]; /* far more than an event needs */
    struct rk_str body = {bytes, 0};
    struct rk_keyring *ring = NULL;
    struct rk_diag diag = {"", ""};
    enum rk_err err;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s AUTHORIZATION < BODY\n", argv[0]);
        return 2;
    }
    body.len = fread(bytes, 1, sizeof(bytes), stdin);
    if (ferror(stdin) != 0 || body.len == sizeof(bytes)) {
        (void)fprintf(stderr, "%s: the body cannot be read or is too long\n", argv[0]);
        return 1;
    }
    err = make_ring(&ring);
    if (err == RK_OK)
        err = rk_webhook_verify(ring, text(argv[1]), body, time(NULL), RK_LEEWAY_DEFAULT, NULL,
                                &diag);
    if (err == RK_OK)
        (void)printf("genuine\n");
    else
        (void)fprintf(stderr, "%s: %s %s %s\n", argv[0], rk_err_text(err), diag.field, diag.text);
    rk_keyring_free(ring);
    return err == RK_OK ? 0 : 1;
}
