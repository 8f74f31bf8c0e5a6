"""The original's own settings: every stage-004 case of tests/vectors/contract.json, with signatures really made and really checked."""

import json
import re
import time

import pytest

from conf import allowed, bad_token, wait_until
from idp import Key, Provider, Reply, b64, hmac_token, json_bytes, main_key, rsa_private, signed
from process import Roomkey, refused, run
from shapes import stage_002, stage_004, verified
from test_contract import body_of, match
from test_contract import CASES as OTHER_CASES
from wire import GOOD, Wire, ask, post, request

with open(__file__.rsplit("/", 2)[0] + "/vectors/contract.json", encoding="utf-8") as vectors:
    CASES = [case for case in json.load(vectors)["cases"] if case["stage"] == "004"]
ENV = CASES[0]["env"]


@pytest.fixture(scope="module")
def idp():
    """The key test-kid, at ENTRA_JWKS_URL."""
    with Provider({"RS256": Key(rsa_private(), "test-kid", "RS256")}, audience=ENV["ENTRA_CLIENT_ID"], issuer=ENV["ENTRA_AUTHORITY"] + "/v2.0") as one:
        yield one


def environment(idp, **more):
    return {**ENV, "ENTRA_JWKS_URL": idp.jwks_uri, "ROOMKEY_ANONYMOUS": None, "ROOMKEY_CORS_ORIGINS": "http://localhost:4200", **more}


@pytest.fixture(scope="module")
def one(idp):
    service = Roomkey(environment(idp))
    wait_until(lambda: ask(service.address, post("/api/token", GOOD, {"Authorization": "Bearer " + signed(idp.main, idp.header(), entra(idp))})).status == 200)
    yield service
    service.stop()


def entra(idp, **changes):
    """Claims as a v2 token has them."""
    return idp.claims(**{"oid": "user-id-123", "tid": ENV["ENTRA_TENANT_ID"], "name": "Test User", "email": "test@example.com", **changes})


def at(value):
    """now+N, now-N, {asString: …} to what they mean."""
    if isinstance(value, dict) and "asString" in value:
        return str(at(value["asString"]))
    if isinstance(value, str) and (found := re.fullmatch(r"now([+-]\d+)", value)):
        return int(time.time()) + int(found.group(1))
    return value


def authorization(case, key):
    """The header as contract.json describes it; None: no header."""
    said = case["request"]["authorization"]
    if said is None:
        return {}
    if "raw" in said:
        return {"Authorization": said["raw"]}
    claims = {name: at(value) for name, value in said["claims"].items()}
    header = said.get("header", {"alg": "RS256", "typ": "JWT", "kid": key.kid})
    start = b64(json_bytes(header)) + "." + b64(json_bytes(claims))
    token = {
        "valid": lambda: signed(key, header, claims), "invalid": lambda: start + "." + b64(bytes(256)), "empty": lambda: start + ".", "absent": lambda: start,
        "hs256-with-public-key": lambda: hmac_token(key.pem(), header, claims),
    }[said["signature"]]()
    return {"Authorization": f"{said.get('scheme', 'Bearer')} {token}"}


def test_all_stage_004_cases_are_here():
    assert len(CASES) == 41 and len(OTHER_CASES) == 125
    assert all(case["env"] == ENV for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_case(one, idp, case):
    """contract.json rules over every other document."""
    req, expected = case["request"], case["expected"]
    with Wire(one.address) as wire:
        wire.send(request(req["method"], req["path"], body_of(req), {**req["headers"], **authorization(case, idp.main)}))
        answer = wire.answer()
    now = time.time()
    assert answer.status == expected["status"], answer
    for name, value in expected.get("headers", {}).items():
        assert answer.get(name) == value, answer
    if expected["body"] is not None:
        assert match(answer.json(), expected["body"], now), answer.json()
    if expected["status"] != 200:
        return
    header, claims = verified(answer.json()["token"])
    assert header == expected["tokenHeader"]
    for name, value in expected["tokenClaims"].items():
        if name == "video":
            assert {key: claims["video"].get(key) for key in value} == value and set(claims["video"]) - set(value) <= {"canPublishData"}
        else:
            assert match(claims[name], value, now), (name, claims)
    assert set(claims) - set(expected["tokenClaims"]) <= {"iat", "jti"}, claims


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def sent(one, headers, body=GOOD):
    return ask(one.address, post("/api/token", body, headers))


def test_signatures_are_really_checked(one, idp):
    """What the original never did: wrong key, changed payload, unknown kid, another algorithm."""
    other = Key(rsa_private("attacker"), "test-kid", "RS256")
    h, p, s = signed(idp.main, idp.header(), entra(idp)).split(".")
    for token in (signed(other, idp.header(), entra(idp)), ".".join((h, b64(json_bytes(entra(idp, oid="root"))), s)), signed(idp.main, {**idp.header(), "alg": "PS256"}, entra(idp)),
                  signed(idp.main, idp.header(kid="unknown"), entra(idp)), f"{h}.{p}.{s[:-4]}"):
        stage_004(sent(one, bearer(token)))
    assert sent(one, bearer(f"{h}.{p}.{s}")).status == 200


def test_the_skew_is_300_s(one, idp):
    now = int(time.time())
    for claims, status in (({"exp": now - 290}, 200), ({"exp": now - 310}, 401), ({"nbf": now + 290}, 200), ({"nbf": now + 310}, 401)):
        assert sent(one, bearer(signed(idp.main, idp.header(), entra(idp, **claims)))).status == status, claims


def test_errors_after_the_proof_keep_their_shape(one, idp):
    """400 by stage 002; two credentials are 400 (semantics D1, D34)."""
    good = bearer(signed(idp.main, idp.header(), entra(idp)))
    answer = sent(one, good, b"[]")
    assert answer.status == 400 and answer.json()["errorCode"] == "VALIDATION_ERROR" and answer.json()["validationErrors"], answer
    stage_002(sent(one, {**good, "X-API-Key": "x"}), 400, "VALIDATION_ERROR")
    stage_002(ask(one.address, request("GET", "/api/token", None, good)), 405, "METHOD_NOT_ALLOWED")


def test_the_other_contracts_are_not_open_doors(one):
    """No contract has a side door."""
    for path in ("/v1/token", "/getToken", "/api/v2/sandbox/connection-details", "/api/sandbox/connection-details"):
        assert ask(one.address, post(path)).status == 401
    bad_token(ask(one.address, post(headers={"Authorization": "Bearer x"})))


def test_a_standard_body_by_entra(one, idp):
    """Under the same proof; the identity comes from the request here too, and may not be left to chance."""
    answer = ask(one.address, post("/v1/token", b'{"room_name":"r","participant_identity":"i"}', bearer(signed(idp.main, idp.header(), entra(idp)))))
    if answer.status == 200:
        allowed(answer, "r", "i", ttl=None)
    else:
        assert answer.status in (400, 403), answer


def test_metadata_is_escaped(one, idp):
    """Claims are data: quotes and controls stay inside the string."""
    name = 'A"},"admin":true,"x":{"'
    answer = sent(one, bearer(signed(idp.main, idp.header(), entra(idp, name=name))))
    _, claims = verified(answer.json()["token"])
    assert json.loads(claims["metadata"]) == {"userId": "user-id-123", "displayName": name, "email": "test@example.com", "tenantId": ENV["ENTRA_TENANT_ID"]}


def test_a_provider_that_is_down(idp):
    """No set at all: 503 and not 401; never an open door."""
    with Provider({"RS256": main_key()}) as down:
        down.misbehave(Reply(b"", 500))
        service = Roomkey(environment(down))
        try:
            answer = sent(service, bearer(signed(idp.main, idp.header(), entra(idp))))
            stage_002(answer, 503, "UNAVAILABLE")
            service.stop()
        finally:
            service.kill()


@pytest.mark.parametrize("env", [{"ENTRA_CLIENT_ID": None}, {"ENTRA_AUTHORITY": None}, {"ENTRA_CLIENT_ID": ""}, {"ENTRA_JWKS_URL": "http://login.example/keys"}, {"ENTRA_JWKS_URL": "nope"},
                                 {"ENTRA_JWKS_URL": "file:///etc/passwd"}, {"ENTRA_AUTHORITY": "nope"}])
def test_settings_that_are_refused(idp, env):
    """design §7: only one of the two is exit 2; ENTRA_JWKS_URL is http only to loopback."""
    line = refused(env={**environment(idp), **env})
    assert "ENTRA_" in line, line


def test_anonymous_is_turned_off(idp):
    """design §7: from wherever it comes, and one start line says so."""
    service = Roomkey(environment(idp, ROOMKEY_ANONYMOUS="allow"))
    try:
        stage_004(sent(service, {}), "missing_token")
        assert ask(service.address, post()).status == 401
        said = [line for line in service.lines if "ENTRA_" in line and "anonymous" in line]
        assert len(said) == 1, service.lines
        service.stop()
    finally:
        service.kill()


def test_check_warns(idp):
    """issue: the identity comes from the request as there, which `roomkey check` warns about."""
    done = run("check", env=environment(idp), defaults=True)
    assert done.returncode == 0, done
    assert b"identity" in done.stdout + done.stderr, done
