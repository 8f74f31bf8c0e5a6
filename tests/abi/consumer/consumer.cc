// consumer.cc - the same library from C++.
#include <cstdio>
#include <roomkey/roomkey.h>
#include <string>

static rk_str text(const std::string &s)
{
    return {s.data(), s.size()};
}

int main()
{
    std::string token(RK_TOKEN_MAX, '\0');
    rk_key *key = nullptr;
    rk_claims *claims = nullptr;
    size_t len = 0;
    bool good = rk_key_new(text("APIkey"), text("secret"), &key) == RK_OK &&
                rk_claims_new(&claims) == RK_OK &&
                rk_claims_set_grant(claims, RK_GRANT_ROOM_LIST, true) == RK_OK &&
                rk_token_sign(key, claims, 1767225600, &token[0], token.size(), &len) == RK_OK;

    token.resize(len);
    rk_claims_free(claims);
    rk_key_free(key);
    std::printf("%s\n", good && token.compare(0, 3, "eyJ") == 0 ? "minted" : "failed");
    return good ? 0 : 1;
}
