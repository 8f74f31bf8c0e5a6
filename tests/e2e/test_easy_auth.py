"""Azure Easy Auth headers: unsigned, so believed only where the operator and the platform both say so. security §3.3, EZA-01 to -03, HDR-06."""

import base64
import json

import pytest

from conf import Conf, allowed, api_key, bad_token, base, nobody, not_echoed, running, want
from shapes import problem
from wire import ask, post, request

ON = {"WEBSITE_AUTH_ENABLED": "True", "WEBSITE_SITE_NAME": "roomkey-test"}
CALLER = {"name": "portal", "easy_auth": {"providers": ["aad"]}, "identity": "portal:{sub}"}
ID = "0f0f0f0f-1111-2222-3333-444444444444"
OID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
DOC = base(callers=[CALLER], rules=[{"id": "all", "caller": "portal", "room": "*", "default_room": "lobby"}])


def principal(claims=None, **changes):
    """The platform's JSON, in base64."""
    claims = [{"typ": OID, "val": ID}, {"typ": "name", "val": "Ann"}, {"typ": "roles", "val": "host"}] if claims is None else claims
    whole = {"auth_typ": "aad", "name_typ": "name", "role_typ": "roles", "claims": claims, **changes}
    return base64.b64encode(json.dumps(whole).encode()).decode()


def headers(**changes):
    names = {"principal": "X-MS-CLIENT-PRINCIPAL", "id": "X-MS-CLIENT-PRINCIPAL-ID", "idp": "X-MS-CLIENT-PRINCIPAL-IDP", "name": "X-MS-CLIENT-PRINCIPAL-NAME"}
    whole = {"principal": principal(), "id": ID, "idp": "aad", "name": "ann@example.org", **changes}
    return [(names[key], value) for key, value in whole.items() if value is not None]


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    with running(tmp_path_factory.mktemp("on"), DOC, env=ON) as service:
        yield service


def test_a_principal(one):
    """The yes: one of each header, on the platform, provider listed."""
    allowed(want(one, headers=headers()), "lobby", "portal:" + ID)
    allowed(want(one, headers=headers(name=None)), "lobby", "portal:" + ID)


def test_nothing_presented(one):
    """security §3.3: header absent (the site allows anonymous) is 401."""
    problem(want(one), 401, "unauthenticated")


def test_claims_feed_rules(tmp_path):
    """semantics D9: a claim type that occurs several times is a list."""
    doc = base(callers=[{**CALLER, "display_name": "{name}"}], rules=[{"id": "hosts", "when": {"roles": "host"}, "room": "*", "default_room": "lobby"}])
    with running(tmp_path, doc, env=ON) as one:
        assert allowed(want(one, headers=headers()), "lobby")["name"] == "Ann"
        several = principal([{"typ": OID, "val": ID}, {"typ": "roles", "val": "guest"}, {"typ": "roles", "val": "host"}])
        allowed(want(one, headers=headers(principal=several)), "lobby")
        problem(want(one, headers=headers(principal=principal([{"typ": OID, "val": ID}, {"typ": "roles", "val": "guest"}]))), 403, "no_rule")


@pytest.mark.parametrize("env", [None, {"WEBSITE_AUTH_ENABLED": "False"}, {"WEBSITE_AUTH_ENABLED": ""}, {"WEBSITE_AUTH_ENABLED": "0"}])
def test_eza_01_off_the_platform(tmp_path, env):
    """EZA-01, EZA-02: without WEBSITE_AUTH_ENABLED the caller is off, the log says so, and its headers are no credential (semantics D1)."""
    with running(tmp_path, DOC, env=env) as one:
        problem(want(one, headers=headers()), 401, "unauthenticated")
        assert len([line for line in one.lines if "WEBSITE_AUTH_ENABLED" in line or "easy_auth" in line]) == 1, one.lines


def test_eza_01_no_such_caller(tmp_path):
    """On the platform, but nobody wrote an easy_auth caller: the headers mean nothing, also beside another credential."""
    doc = base(callers=[{"name": "backend", "api_keys_file": "k.yaml"}], rules=[{"id": "all", "room": "*", "default_room": "lobby"}])
    with running(tmp_path, doc, {"k.yaml": {"acme": {"sha256": api_key()[1]}}}, env=ON) as one:
        nobody(want(one, headers=headers()))
        allowed(want(one, headers=[*headers(), ("X-API-Key", api_key()[0])]), "lobby", "acme")


def test_eza_02_the_platform_decides_alone(tmp_path):
    """EZA-02: a peer cannot say that it is the platform."""
    with running(tmp_path, DOC) as one:
        for more in ([("X-MS-CLIENT-PRINCIPAL-IDP", "aad")], [("WEBSITE-AUTH-ENABLED", "True")], [("X-ARR-LOG-ID", "x"), ("X-ARR-SSL", "x"), ("X-AppService-Proto", "https")]):
            problem(want(one, headers=[*headers(idp=None), *more]), 401, "unauthenticated")


MALFORMED = {
    "two principals": [*headers(), ("X-MS-CLIENT-PRINCIPAL", principal())], "two ids": [*headers(), ("X-MS-CLIENT-PRINCIPAL-ID", ID)], "two idps": [*headers(), ("X-MS-CLIENT-PRINCIPAL-IDP", "aad")],
}
REFUSED = {
    "no idp": headers(idp=None), "other idp": headers(idp="google"), "idp in capitals": headers(idp="AAD"), "empty idp": headers(idp=""), "idp list": headers(idp="aad,google"),
    "no principal": headers(principal=None), "empty principal": headers(principal=""), "not base64": headers(principal="!!!"), "cut base64": headers(principal=principal()[:-3]),
    "url alphabet": headers(principal=base64.urlsafe_b64encode(b'{"auth_typ":"aad","claims":[{"typ":"x","val":"\xc3\xbf\xc3\xbe\xef\xbf\xbf???"}]}').decode()), "not JSON": headers(principal=base64.b64encode(b"{bad").decode()),
    "array": headers(principal=base64.b64encode(b"[]").decode()), "trailing": headers(principal=base64.b64encode(base64.b64decode(principal()) + b"x").decode()),
    "duplicate member": headers(principal=base64.b64encode(b'{"auth_typ":"aad","auth_typ":"aad","claims":[]}').decode()), "claims object": headers(principal=principal({"a": 1})),
    "claims of numbers": headers(principal=principal([1, 2])), "val number": headers(principal=principal([{"typ": OID, "val": 5}])), "no id": headers(id=None), "empty id": headers(id=""),
    "other id": headers(id="11111111-1111-2222-3333-444444444444"), "control in id": headers(id="a\tb"),
    "deep": headers(principal=base64.b64encode(b'{"claims":' + b"[" * 3000 + b"]" * 3000 + b"}").decode()), "big": headers(principal=base64.b64encode(b'{"claims":[],"x":"' + b"a" * 17000 + b'"}').decode()),
    "two object ids": headers(principal=principal([{"typ": OID, "val": ID}, {"typ": OID, "val": "other"}])),
}


@pytest.mark.parametrize("name", REFUSED)
def test_eza_03_malformed(one, name):
    """401; no other caller, no fall-back."""
    answer = want(one, headers=REFUSED[name])
    assert answer.status == 401 and answer.json()["code"] in ("invalid_token", "unauthenticated"), answer
    not_echoed(answer, ID, "ann@example.org")


@pytest.mark.parametrize("name", MALFORMED)
def test_eza_03_repeated(one, name):
    """semantics D1: one of them twice is 400."""
    answer = want(one, headers=MALFORMED[name])
    assert answer.status in (400, 401), answer


def test_principal_beside_another_credential(one):
    """semantics D1: two credentials are 400; one that is not good never falls back to the other."""
    for more in ({"Authorization": "Bearer x"}, {"X-API-Key": "rk_" + "A" * 43}):
        problem(want(one, headers=[*headers(), *more.items()]), 400, "invalid_request")
    bad_token(want(one, headers={"Authorization": "Bearer x"}))


FOREIGN = {"X-Forwarded-User": "root", "Remote-User": "root", "X-Remote-User": "root", "X-Amzn-Oidc-Identity": "root", "X-Amzn-Oidc-Data": "e30.e30.x", "Cf-Access-Authenticated-User-Email": "root@example.org",
           "Cf-Access-Jwt-Assertion": "e30.e30.x", "X-Auth-Request-User": "root", "X-Auth-Request-Email": "r@example.org", "X-Goog-Authenticated-User-Id": "root", "X-MS-TOKEN-AAD-ID-TOKEN": "e30.e30.x",
           "X-WEBAUTH-USER": "root", "Ssl-Client-S-Dn": "CN=root"}


@pytest.mark.parametrize("name", FOREIGN)
def test_hdr_06_headers_of_login_proxies(one, name):
    """Never identity: 401 as if nothing were there."""
    answer = want(one, headers={name: FOREIGN[name]})
    problem(answer, 401, "unauthenticated")


def test_easy_auth_never_on_get_contracts(tmp_path):
    """design §5: GET and HEAD never take platform headers as proof, though the rule would let the name in; the others do."""
    rule = {"id": "all", "caller": "portal", "room": "*", "request_may_set": ["name"]}
    doc = {**DOC, "rules": [rule], "contracts": ["original", "standard", "sandbox", "meet", "create-token"]}
    with running(tmp_path, doc, env=ON) as one:
        want(one, {"room_name": "r", "participant_name": "n"}, headers=headers())
        for path in ("/api/connection-details?roomName=r&participantName=n", "/createToken?roomName=r&participantName=n"):
            head, rest = post(path, b"", headers()).split(b"\r\n", 1)
            rest = rest.replace(b"Content-Type: application/json\r\n", b"")
            answer = ask(one.address, head.replace(b"POST", b"GET") + b"\r\n" + rest)
            assert answer.status == 401 and answer.get("www-authenticate") == 'Bearer realm="roomkey"', answer
            assert ask(one.address, head.replace(b"POST", b"HEAD") + b"\r\n" + rest, method="HEAD").status == 401


def test_a_get_with_a_principal_is_limited_as_any_other(tmp_path):
    """H19: what proves nothing is no credential, and charged to the address."""
    doc = {**DOC, "anonymous": "rules", "contracts": ["meet"]}
    doc["rules"] = [{"id": "lobby", "caller": "anonymous", "room": "lobby", "request_may_set": ["name"]}]
    doc["limits"] = {"per_address": "2/h burst 2", "failures_per_address": "off", "per_caller": "off"}
    with running(tmp_path, doc, env=ON) as one:
        def get(more, source):
            return ask(one.address, request("GET", "/api/connection-details?roomName=lobby&participantName=n", None, more), source=source).status

        for more, source in (({}, "127.0.0.2"), (headers(), "127.0.0.3")):
            assert [get(more, source) for _ in range(3)] == [200, 200, 429], more


def test_configuration(tmp_path):
    """No provider is nobody; an empty list is refused or lets nobody in."""
    for easy_auth in ({"providers": "aad", "x": 1}, {"enabled": True}, True):
        Conf(tmp_path, base(callers=[{**CALLER, "easy_auth": easy_auth}], rules=DOC["rules"])).refused(ON)
