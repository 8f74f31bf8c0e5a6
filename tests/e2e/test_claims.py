"""Claims of well-signed tokens: security §5.1, CLM-01 to CLM-23, the providers' own rules of §1.7 included."""

import json
import time

import pytest

from conf import allowed, bad_token, base, everything, not_echoed, oidc, running, wait_until, want
from idp import ABSENT, Key, Provider, Server, bearer, compact, hmac_token, json_bytes, rsa_private, signed
from shapes import problem

SINGLE = "22222222-3333-4444-5555-666666666666"
TENANT, OTHER, PERSONAL = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555", "9188040d-6c67-4c5b-b112-36a304b66dad"
HS_SECRET = "a-legacy-supabase-secret-of-forty-bytes!"
ENTRA = "https://login.microsoftonline.com"


@pytest.fixture(scope="module")
def idp():
    with Provider() as one:
        yield one


@pytest.fixture(scope="module")
def other():
    """A second provider, trusted as well, with a key of its own under the same kid."""
    with Provider({"RS256": Key(rsa_private("other"), "rsa-1", "RS256")}) as one:
        yield one


@pytest.fixture(scope="module")
def entra():
    """A key for every tenant, one for ours and one for personal accounts, as the common end point publishes them."""
    issuer = ENTRA + "/{tenantid}/v2.0"
    with Provider({"RS256": Key(rsa_private(), "for-all", issuer=issuer), "ours": Key(rsa_private("ours"), "ours", issuer=f"{ENTRA}/{TENANT}/v2.0"),
                   "personal": Key(rsa_private("personal"), "personal", issuer=f"{ENTRA}/{PERSONAL}/v2.0")}, issuer=issuer) as one:
        yield one


def provider_callers(idp):
    """One caller for each provider of security §1.7, all with the keys of one server; the issuer picks the caller (semantics D3)."""

    def caller(name, issuer, **inside):
        return oidc(idp, name, oidc={"issuer": issuer, "algorithms": ["RS256"], **inside}, identity=name + ":{sub}")

    return [
        caller("keycloak", "https://sso.example/realms/x", require={"typ": "Bearer"}),
        caller("cognito", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x", audience=None, require={"token_use": "access", "client_id": "our-client"}),
        caller("clerk", "https://clerk.example.org", audience=None, require={"azp": "https://app.example.org"}),
        caller("firebase", "https://securetoken.google.com/our-project", audience=["our-project"]),
        caller("supabase", "https://abc.supabase.co/auth/v1", audience=["authenticated"], require={"role": "authenticated", "is_anonymous": False}),
        caller("google", "https://accounts.google.com", audience=["our-client"], require={"hd": "example.org"}),
        caller("entra2", f"{ENTRA}/{SINGLE}/v2.0", require={"ver": "2.0", "tid": SINGLE}),
        caller("parties", "https://parties.example", require={"azp": "our-app"}),
        {"name": "legacy", "oidc": {"issuer": "https://legacy.supabase.co/auth/v1", "audience": ["authenticated"], "algorithms": ["HS256"],
                                    "hs256_secret_file": "legacy.key", "require": {"role": "authenticated"}}, "identity": "legacy:{sub}"},
    ]


@pytest.fixture(scope="module")
def one(idp, other, entra, tmp_path_factory):
    callers = [oidc(idp, jwks={"fresh": "1h", "cooldown": "1h"}, identity="staff:{sub}"), oidc(other, "other", identity="other:{sub}"),
               oidc(entra, "tenants", oidc={"tenants": [TENANT], "algorithms": ["RS256"]}, identity="tenants:{tid}.{oid}"), *provider_callers(idp)]
    rules = [
        {"id": "firebase", "caller": "firebase", "when": {"not": {"/firebase/sign_in_provider": "anonymous"}}, "room": "*", "default_room": "lobby"},
        {"id": "clerk", "caller": "clerk", "when": {"not": {"sts": "pending"}}, "room": "*", "default_room": "lobby"},
        {"id": "scoped", "caller": "parties", "when": {"scope": "room:join"}, "room": "*", "default_room": "lobby"},
        *({**everything(), "id": "all-" + name, "caller": name} for name in ("staff", "other", "tenants", "keycloak", "cognito", "supabase", "google", "entra2", "legacy")),
    ]
    with running(tmp_path_factory.mktemp("claims"), base(callers=callers, rules=rules), {"legacy.key": HS_SECRET}) as service:
        wait_until(lambda: want(service, headers=bearer(idp.token())).status == 200)
        wait_until(lambda: want(service, headers=bearer(other.token())).status == 200)
        yield service


def refused(one, token):
    answer = want(one, headers=bearer(token))
    bad_token(answer)
    not_echoed(answer, token.split(".")[1])
    return answer


def good(one, token, identity):
    allowed(want(one, headers=bearer(token)), "lobby", identity)


def raw_claim(idp, name, text, key=None):
    """The claims with one member written as these bytes."""
    claims = json_bytes(idp.claims(**{name: ABSENT}))
    return signed(key or idp.main, idp.header(key), claims[:-1] + b',"' + name.encode() + b'":' + text + b"}")


# -- time


@pytest.mark.parametrize("exp", [ABSENT, b'"9999999999"', b"null", b"true", b"[9999999999]", b'{"a":1}', b"0", b"-1", b"1e999", b"-0"])
def test_clm_01_exp(one, idp, exp):
    refused(one, idp.token(exp=ABSENT) if exp is ABSENT else raw_claim(idp, "exp", exp))


@pytest.mark.parametrize("ago", [3600, 90, 61])
def test_clm_02_expired(one, idp, ago):
    """The challenge may say so, since the signature is good; the body does not."""
    answer = refused(one, idp.token(exp=int(time.time()) - ago))
    assert answer.get("www-authenticate") in ('Bearer realm="roomkey", error="invalid_token"', 'Bearer realm="roomkey", error="invalid_token", error_description="token expired"')


@pytest.mark.parametrize("ago", [5, 50])
def test_clm_03_expired_within_the_skew(one, idp, ago):
    """design §7: clock_skew 60 s."""
    good(one, idp.token(exp=int(time.time()) - ago), "staff:alice")
    good(one, idp.token(exp=time.time() - ago + 0.5), "staff:alice")


@pytest.mark.parametrize("exp", [b"9223372036854775808", b"9007199254740992", b"1e308", b"18446744073709551616", b"99999999999999999999999999", b"-9223372036854775809"])
def test_clm_04_exp_never_wraps(one, idp, exp):
    refused(one, raw_claim(idp, "exp", exp))
    refused(one, raw_claim(idp, "exp", b"%d" % (int(time.time()) - 2**32)))
    refused(one, raw_claim(idp, "exp", b"%d" % (int(time.time()) - 2**31)))


@pytest.mark.parametrize("exp", [b"9007199254740991", b"4102444800", b"1e10"])
def test_clm_04_far_but_good(one, idp, exp):
    good(one, raw_claim(idp, "exp", exp), "staff:alice")


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_clm_05_clm_06_nbf_and_iat(one, idp, name):
    for value in (int(time.time()) + 3600, int(time.time()) + 90, str(int(time.time())), True, None, [1], {}):
        refused(one, idp.token(**{name: value}))
    for text in (b"1e999", b"9007199254740992", b"9223372036854775808"):
        refused(one, raw_claim(idp, name, text))
    for value in (int(time.time()) + 30, ABSENT, 0, time.time() - 0.5, int(time.time()) - 999999):
        good(one, idp.token(**{name: value}), "staff:alice")


# -- issuer and audience


def test_clm_07_issuer(one, idp):
    fetches, connections = idp.fetches(), idp.connections
    other = idp.issuer.replace("127.0.0.1", "localhost")
    for iss in (ABSENT, "https://login.example", idp.issuer + "/", idp.issuer.upper(), "HTTP" + idp.issuer[4:], idp.issuer[:-1], idp.issuer[:10], idp.issuer + "x", [idp.issuer],
                idp.issuer + "\0", idp.issuer + "\0x", other, " " + idp.issuer, idp.issuer + " ", "", None, 1, True, {"a": idp.issuer}, "http", idp.issuer + "?x", "//" + idp.issuer[7:]):
        refused(one, idp.token(iss=iss))
    assert (idp.fetches(), idp.connections) == (fetches, connections), "an unknown issuer causes no fetch"


def test_clm_08_issuer_a_key_b(one, idp, other):
    """Both are trusted, both publish the kid rsa-1."""
    good(one, idp.token(), "staff:alice")
    good(one, other.token(), "other:alice")
    refused(one, signed(other.main, idp.header(), idp.claims()))
    refused(one, signed(idp.main, other.header(), other.claims()))


def test_clm_09_the_attackers_own_issuer(one):
    with Provider({"RS256": Key(rsa_private("attacker"), "rsa-1", "RS256")}) as attacker:
        for iss in (attacker.issuer, attacker.issuer + "/", f"http://127.0.0.1@127.0.0.1:{attacker.port}"):
            refused(one, attacker.token(iss=iss))
        assert attacker.connections == 0, "the attacker's server was asked"


@pytest.mark.parametrize("aud", [ABSENT, "other", "", [], None, 1, {"roomkey": 1}, "*", ["*"], "room", "roomkey2", "roomkey ", " roomkey", "ROOMKEY", "Roomkey", "other roomkey", "roomkey,other",
                                 [["roomkey"]], ["other"], ["roomkey", 1], ["roomkey", None], [1, "roomkey"], True, "roomkey\0", ["other"] * 64 + ["roomkey"]])
def test_clm_10_audience(one, idp, aud):
    refused(one, idp.token(aud=aud))


def test_clm_11_one_audience_of_several(one, idp):
    for aud in (["https://login.example/userinfo", "roomkey"], ["roomkey"], ["roomkey", "roomkey"], ["a"] * 63 + ["roomkey"]):
        good(one, idp.token(aud=aud), "staff:alice")


def test_clm_12_audience_only_in_azp(one, idp):
    for claims in ({"aud": ABSENT, "azp": "roomkey"}, {"aud": "other", "azp": "roomkey"}, {"aud": "other", "client_id": "roomkey"}, {"aud": ABSENT, "Aud": "roomkey"}):
        refused(one, idp.token(**claims))


def test_clm_13_authorized_parties(one, idp):
    """`require: { azp: our-app }`."""
    who = {"iss": "https://parties.example", "scope": "room:join"}
    good_answer = want(one, headers=bearer(idp.token(azp="our-app", **who)))
    assert good_answer.status == 200, good_answer
    for azp in (ABSENT, "their-app", "", None, ["their-app"], [], "our-app ", "OUR-APP", {"our-app": 1}, True):
        refused(one, idp.token(azp=azp, **who))


@pytest.mark.parametrize("sub", [ABSENT, "", None, 42, ["alice"], {"a": 1}, True, "a\r\nb", "x" * 3000, "x" * 257, "a\tb", "a\x85b", "a\u202eb", "a\x1b[31mb"])
def test_clm_14_subject(one, idp, sub):
    """security §1.2 V19."""
    refused(one, idp.token(sub=sub))


@pytest.mark.parametrize("sub", ["a\x7fb", "a\u2066b", "a\u200eb", "a ", "a\u2028b", "e\u0301"])
def test_clm_14_subjects_that_are_no_names(one, idp, sub):
    """semantics D14, D20: what verification lets pass is still no identity."""
    answer = want(one, headers=bearer(idp.token(sub=sub)))
    assert answer.status == 401 or problem(answer, 403, "no_identity"), answer


# -- providers


def entra_claims(entra, tid=TENANT, **changes):
    return entra.claims(iss=f"{ENTRA}/{tid}/v2.0", tid=tid, oid="oid-1", ver="2.0", **changes)


def test_clm_15_entra_tenants(one, entra):
    """security §1.7: tid a GUID and the issuer's, listed, and the key's own issuer agrees."""
    for name in ("RS256", "ours"):
        key = entra.keys[name]
        allowed(want(one, headers=bearer(signed(key, entra.header(key), entra_claims(entra)))), "lobby", f"tenants:{TENANT}.oid-1")
    key, claims = entra.main, entra_claims(entra)
    for changes in ({"tid": OTHER}, {"tid": ABSENT}, {"tid": "common"}, {"tid": TENANT.upper().replace("1", "l")}, {"tid": ""}, {"tid": 1}, {"iss": f"{ENTRA}/{OTHER}/v2.0"},
                    {"iss": f"{ENTRA}/{OTHER}/v2.0", "tid": OTHER}, {"iss": ENTRA + "/{tenantid}/v2.0"}, {"iss": ENTRA + "/common/v2.0", "tid": "common"},
                    {"iss": f"{ENTRA}/{TENANT}/v2.0/"}, {"iss": f"{ENTRA}/{TENANT}"}, {"iss": f"{ENTRA}/x/{TENANT}/v2.0"}, {"iss": f"{ENTRA}//v2.0", "tid": ""},
                    {"iss": f"{ENTRA}/not-a-guid/v2.0", "tid": "not-a-guid"}, {"iss": f"{ENTRA}/{PERSONAL}/v2.0", "tid": PERSONAL}):
        whole = {name: value for name, value in {**claims, **changes}.items() if value is not ABSENT}
        refused(one, signed(key, entra.header(key), whole))
    personal = entra.keys["personal"]
    refused(one, signed(personal, entra.header(personal), claims))
    refused(one, signed(personal, entra.header(personal), entra_claims(entra, PERSONAL)))


def test_clm_16_entra_v1_where_v2_is_configured(one, idp):
    v2 = {"iss": f"{ENTRA}/{SINGLE}/v2.0", "ver": "2.0", "tid": SINGLE}
    good(one, idp.token(**v2), "entra2:alice")
    refused(one, idp.token(iss=f"https://sts.windows.net/{SINGLE}/", ver="1.0", tid=SINGLE, appid="x"))
    refused(one, idp.token(**{**v2, "ver": "1.0"}))
    refused(one, idp.token(**{**v2, "ver": 2.0}))
    refused(one, idp.token(**{**v2, "tid": OTHER}))


def test_clm_17_keycloak(one, idp):
    iss = "https://sso.example/realms/x"
    good(one, idp.token(iss=iss, typ="Bearer"), "keycloak:alice")
    for changes in ({"typ": "ID"}, {"typ": "Refresh"}, {"typ": ABSENT}, {"typ": "Bearer", "aud": "account"}, {"typ": "bearer"}):
        refused(one, idp.token(iss=iss, **changes))


def test_clm_18_cognito(one, idp):
    iss = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x"
    fine = {"iss": iss, "aud": ABSENT, "token_use": "access", "client_id": "our-client"}
    good(one, idp.token(**fine), "cognito:alice")
    for changes in ({"token_use": "id"}, {"token_use": ABSENT}, {"client_id": "foreign"}, {"client_id": ABSENT}, {"client_id": ["foreign"]}):
        refused(one, idp.token(**{**fine, **changes}))


def test_clm_19_clerk(one, idp):
    fine = {"iss": "https://clerk.example.org", "aud": ABSENT, "azp": "https://app.example.org", "sid": "sess_1"}
    good(one, idp.token(**fine), "clerk:alice")
    for azp in (ABSENT, "", "https://evil.example"):
        refused(one, idp.token(**{**fine, "azp": azp}))
    problem(want(one, headers=bearer(idp.token(**fine, sts="pending"))), 403, "no_rule")


def test_clm_20_firebase(one, idp):
    """All projects share their keys: issuer and audience are the only wall."""
    iss = "https://securetoken.google.com/"
    fine = {"iss": iss + "our-project", "aud": "our-project", "firebase": {"sign_in_provider": "password"}}
    good(one, idp.token(**fine), "firebase:alice")
    refused(one, idp.token(**{**fine, "iss": iss + "other-project", "aud": "other-project"}))
    refused(one, idp.token(**{**fine, "aud": "other-project"}))
    refused(one, idp.token(**{**fine, "iss": iss + "other-project"}))
    problem(want(one, headers=bearer(idp.token(**{**fine, "firebase": {"sign_in_provider": "anonymous"}}))), 403, "no_rule")
    refused(one, compact({"alg": "none", "typ": "JWT"}, idp.claims(**fine), b""))


def test_clm_21_supabase(one, idp):
    iss = "https://abc.supabase.co/auth/v1"
    fine = {"iss": iss, "aud": "authenticated", "role": "authenticated", "is_anonymous": False}
    good(one, idp.token(**fine), "supabase:alice")
    for changes in ({"aud": "anon"}, {"role": "anon"}, {"role": "service_role"}, {"is_anonymous": True}, {"is_anonymous": "false"}, {"is_anonymous": 0}, {"role": ABSENT}):
        refused(one, idp.token(**{**fine, **changes}))
    secret = HS_SECRET.encode()
    legacy = {"alg": "HS256", "typ": "JWT"}
    mine = idp.claims(iss="https://legacy.supabase.co/auth/v1", aud="authenticated", role="authenticated")
    good(one, hmac_token(secret, legacy, mine), "legacy:alice")
    now = int(time.time())
    for role in ("anon", "service_role"):
        refused(one, hmac_token(secret, legacy, {"iss": "supabase", "ref": "abc", "role": role, "iat": now, "exp": now + 9999}))
        refused(one, hmac_token(secret, legacy, {**mine, "role": role}))
    refused(one, hmac_token(secret + b"\n", legacy, mine))
    refused(one, hmac_token(secret, {**legacy, "alg": "HS512"}, mine))
    refused(one, signed(idp.main, idp.header(), mine))
    refused(one, hmac_token(secret, legacy, {**mine, "iss": iss, "is_anonymous": False}))


def test_clm_22_google(one, idp):
    """Google's tokens may say the issuer without its scheme; `hd` is required."""
    fine = {"iss": "https://accounts.google.com", "aud": "our-client", "hd": "example.org"}
    good(one, idp.token(**fine), "google:alice")
    good(one, idp.token(**{**fine, "iss": "accounts.google.com"}), "google:alice")
    for iss in ("http://accounts.google.com", "accounts.google.com/", "ACCOUNTS.google.com", "//accounts.google.com", "accounts.google.com.evil.example", idp.issuer[7:], "sso.example/realms/x"):
        refused(one, idp.token(**{**fine, "iss": iss}))
    for hd in (ABSENT, "evil.example", "", "example.org.evil", "EXAMPLE.org"):
        refused(one, idp.token(**{**fine, "hd": hd}))


def test_clm_23_scope(one, idp):
    """semantics D9: scope is a list, split at spaces, compared whole; a missing one is a rule that does not hold."""
    who = {"iss": "https://parties.example", "azp": "our-app"}
    for scope in ("room:join", "openid room:join", "room:join  profile", ["openid", "room:join"]):
        allowed(want(one, headers=bearer(idp.token(scope=scope, **who))), "lobby", "parties:alice")
    for scope in (ABSENT, "", "room:joiner", "room", "xroom:join", "room:join,profile", "room:Join", ["room:join profile"], "room:join\tx", 1, {"room:join": True}):
        problem(want(one, headers=bearer(idp.token(scope=scope, **who))), 403, "no_rule")


def test_the_token_never_fails_twice_the_same_way(one, idp):
    """One text for all reasons: the answers to quite different failures differ in nothing but the request id."""
    answers = set()
    for token in (idp.token(aud="x"), idp.token(iss="x"), idp.token(nbf=9999999999), idp.token(sub=""), "x", compact({"alg": "none"}, {}, b""), signed(idp.main, idp.header(alg="PS256"), idp.claims()),
                  compact(idp.header(), idp.claims(exp=1), bytes(256))):
        answer = want(one, headers=bearer(token))
        body = answer.json()
        del body["request_id"]
        answers.add((json.dumps(body), answer.get("www-authenticate")))
    assert len(answers) == 1, answers


def test_no_fetch_for_a_canary(one, idp):
    """No claim is an address anybody asks."""
    with Server() as canary:
        for name in ("iss", "jwks_uri", "jku", "azp", "aud", "sub"):
            want(one, headers=bearer(idp.token(**{name: canary.url + "/x"})))
        assert canary.connections == 0
