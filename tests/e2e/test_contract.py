"""The original contract: every stage-002 case of tests/vectors/contract.json gives `expected`.

Stage 004 needs callers and belongs to a later release.
"""

import base64
import json
import os
import re
import time

import pytest

from process import ROOT, Roomkey
from shapes import ISO, stage_002, verified
from wire import GOOD, Wire, ask, post, request

with open(os.path.join(ROOT, "tests", "vectors", "contract.json"), encoding="utf-8") as vectors:
    CASES = [case for case in json.load(vectors)["cases"] if case["stage"] == "002"]


def service_env(case):
    """What vectors/README says the runner adds to a case's own environment."""
    credentials = {name: case["env"].get(name) for name in ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")}
    return {**credentials, "ROOMKEY_ANONYMOUS": "allow", "ROOMKEY_CORS_ORIGINS": "http://localhost:4200"}


@pytest.fixture(scope="module")
def services():
    """One service per environment that occurs among the cases."""
    running = {}

    def of(case):
        env = service_env(case)
        name = json.dumps(env, sort_keys=True)
        if name not in running:
            running[name] = Roomkey(env)
        return running[name]

    yield of
    for one in running.values():
        one.stop()


def body_of(req):
    if req.get("bodyBase64") is not None:
        return base64.b64decode(req["bodyBase64"])
    if req.get("bodyGenerator") is not None:
        gen = req["bodyGenerator"]
        text = gen["prefix"] + gen["repeatOpen"] * gen["count"] + gen.get("repeatClose", "") * gen["count"] + gen["suffix"]
        return text.encode()
    return req["body"].encode() if req.get("body") is not None else None


def match(got, want, now):
    """Placeholders as the head of contract.json defines them."""
    if isinstance(want, str) and (offset := re.fullmatch(r"<now\+(\d+)>", want)):
        return type(got) is int and abs(got - now - int(offset.group(1))) <= 3
    if want == "<now, or a few seconds earlier>":
        return type(got) is int and -5 <= got - now <= 1
    if want == "<iso8601-ms-z>":
        return isinstance(got, str) and ISO.fullmatch(got) is not None
    if want == "<jwt>":
        return isinstance(got, str) and got.count(".") == 2
    if isinstance(want, dict):
        return isinstance(got, dict) and list(got) == list(want) and all(match(got[k], want[k], now) for k in want)
    if isinstance(want, list):
        return isinstance(got, list) and len(got) == len(want) and all(map(match, got, want, [now] * len(want)))
    return type(got) is type(want) and got == want


def test_all_stage_002_cases_are_here():
    """vectors/README: 166 cases, of which 125 are stage 002."""
    assert len(CASES) == 125


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_case(services, case):
    """contract.json rules over every other document."""
    req, want = case["request"], case["expected"]
    one = services(case)
    with Wire(one.address) as wire:
        wire.send(request(req["method"], req["path"], body_of(req), req["headers"]))
        answer = wire.answer(to_head=req["method"] == "HEAD")
    now = time.time()
    assert answer.status == want["status"], answer
    for name, value in want.get("headers", {}).items():
        assert answer.get(name) == value, answer
    for name in want.get("headersAbsent", []):
        assert answer.all(name) == []
    if want["body"] is None:
        return
    assert answer.get("content-type") == "application/json"
    body = answer.json()
    assert match(body, want["body"], now), body
    if want["status"] != 200:
        return
    header, claims = verified(body["token"])
    assert header == want["tokenHeader"]
    for name, value in want["tokenClaims"].items():
        if name == "video":  # canPublishData may come on top (design §5)
            extra = set(claims["video"]) - set(value)
            assert extra <= {"canPublishData"}, claims
            claims["video"] = {key: claims["video"][key] for key in claims["video"] if key not in extra}
            assert claims["video"] == value
        else:
            assert match(claims[name], value, now), (name, claims)
    assert set(claims) - set(want["tokenClaims"]) <= {"iat", "jti"}, claims
    assert body["expiresAt"] == time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(claims["exp"]))


def test_the_same_after_a_keep_alive_history(services):
    """All cases that keep the connection, one after the other on one: no state is left from one to the next."""
    wire = None
    for case in CASES:
        if service_env(case) != service_env(CASES[0]):
            continue
        wire = wire or Wire(services(case).address)
        wire.send(request(case["request"]["method"], case["request"]["path"], body_of(case["request"]), case["request"]["headers"]))
        answer = wire.answer(to_head=case["request"]["method"] == "HEAD")
        assert answer.status == case["expected"]["status"], (case["id"], answer)
        if answer.closes:
            wire.expect_end(3)
            wire.close()
            wire = None


@pytest.mark.parametrize("headers, status, code", [
    ({"Content-Encoding": "gzip"}, 415, "MEDIA_TYPE"),
    ({"Expect": "a-miracle"}, 417, "EXPECTATION"),
    ({"Roomkey-Profile": "moderator"}, 403, "PROFILE_NOT_ALLOWED"),
    ([("Roomkey-Profile", "speaker"), ("Roomkey-Profile", "speaker")], 400, "VALIDATION_ERROR"),
    ({"Roomkey-Profile": ""}, 400, "VALIDATION_ERROR"),
    ({"Authorization": "Bearer x", "X-API-Key": "y"}, 400, "VALIDATION_ERROR"),
])
def test_other_errors_have_the_original_shape(services, headers, status, code):
    """semantics D34: 400 and 413 are VALIDATION_ERROR, everything else is the code in capitals; D26."""
    stage_002(ask(services(CASES[0]).address, post("/api/token", GOOD, headers)), status, code)


def test_method_not_allowed_has_the_original_shape(services):
    """semantics H14: 405 on /api/token has the stage-002 shape."""
    stage_002(ask(services(CASES[0]).address, request("GET", "/api/token")), 405, "METHOD_NOT_ALLOWED")


def test_the_one_profile_without_rules(services):
    """semantics D26: the default profile may be named."""
    answer = ask(services(CASES[0]).address, post("/api/token", GOOD, {"Roomkey-Profile": "speaker"}))
    assert answer.status == 200
