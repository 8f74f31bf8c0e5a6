/* consumer.c - mints with a roomConfig, verifies what it minted, prints the claims. */
#include <roomkey/roomkey.h>
#include <stdio.h>

#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum rk_err try_err = (call);                                                              \
        if (try_err != RK_OK) {                                                                    \
            (void)fprintf(stderr, "%s: %s\n", #call, rk_err_text(try_err));                        \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

int main(void)
{
    static char out[RK_TOKEN_MAX];
    struct rk_key *key = NULL;
    struct rk_keyring *ring = NULL;
    struct rk_claims *claims = NULL, *got = NULL;
    struct rk_str token = {out, 0};
    static char json[RK_TOKEN_MAX];
    size_t len = 0;

    TRY(rk_key_new(RK_STR("APIkey"), RK_STR("0123456789abcdef0123456789abcdef"), &key));
    TRY(rk_claims_new(&claims));
    TRY(rk_claims_set_identity(claims, RK_STR("alice")));
    TRY(rk_claims_set_room(claims, RK_STR("daily")));
    TRY(rk_claims_set_grant(claims, RK_GRANT_ROOM_JOIN, true));
    TRY(rk_claims_set_room_config(claims, RK_STR("{\"agents\":[{\"agent_name\":\"notes\"}]}"),
                                  NULL));
    TRY(rk_token_sign(key, claims, 1767225600, out, sizeof(out), &token.len));
    TRY(rk_keyring_new(&ring));
    TRY(rk_keyring_add(ring, &key));
    TRY(rk_token_verify(ring, token, 1767225600, RK_LEEWAY_DEFAULT, &got, NULL));
    TRY(rk_claims_write_json(got, json, sizeof(json), &len));
    (void)printf("%.*s\n", (int)len, json);
    rk_claims_free(got);
    rk_claims_free(claims);
    rk_keyring_free(ring);
    return 0;
}
