/*
 * verify.c - whether a token is good, and what it says.
 *
 *   LIVEKIT_API_KEY=devkey LIVEKIT_API_SECRET=secret ./example_verify TOKEN
 *
 * prints the claims as JSON, or why the token is refused.
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

/* A ring of one; a service that rotates keys adds the old one too. */
static enum rk_err make_ring(struct rk_keyring **out_ring)
{
    struct rk_key *key = NULL;
    enum rk_err err =
        rk_key_new(text(getenv("LIVEKIT_API_KEY")), text(getenv("LIVEKIT_API_SECRET")), &key);

    if (err == RK_OK)
        err = rk_keyring_new(out_ring);
    if (err == RK_OK)
        err = rk_keyring_add(*out_ring, &key); /* takes the key */
    rk_key_free(key);
    return err;
}

int main(int argc, char **argv)
{
    static char json[RK_TOKEN_MAX];
    size_t len = 0;
    struct rk_keyring *ring = NULL;
    struct rk_claims *claims = NULL;
    struct rk_diag diag = {"", ""};
    enum rk_err err;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s TOKEN\n", argv[0]);
        return 2;
    }
    err = make_ring(&ring);
    if (err == RK_OK)
        err = rk_token_verify(ring, text(argv[1]), time(NULL), RK_LEEWAY_DEFAULT, &claims, &diag);
    if (err == RK_OK)
        err = rk_claims_write_json(claims, json, sizeof(json), &len);
    if (err == RK_OK)
        (void)printf("%.*s\n", (int)len, json);
    else
        (void)fprintf(stderr, "%s: %s %s %s\n", argv[0], rk_err_text(err), diag.field, diag.text);
    rk_claims_free(claims);
    rk_keyring_free(ring);
    return err == RK_OK ? 0 : 1;
}
