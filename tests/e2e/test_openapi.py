"""docs/openapi.yaml is true: schemathesis sends what it describes, and every documented answer shape is seen and checked."""

import json
import os

import hypothesis
import pytest
import schemathesis
import yaml
from openapi_spec_validator import validate
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

from jsonschema import Draft202012Validator
from conf import api_key, base, running
from process import ROOT, Roomkey
from shapes import CODES
from wire import GOOD, Wire, ask, post, request

PATH = os.path.join(ROOT, "docs", "openapi.yaml")
with open(PATH, encoding="utf-8") as file:
    DOCUMENT = yaml.safe_load(file)
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
ENV = {"ROOMKEY_CONTRACTS": "original,standard,sandbox,meet,create-token", "ROOMKEY_CORS_ORIGINS": "https://app.example.org",
       "ROOMKEY_LIMITS": "per_address=off,failures_per_address=off"}
CHECKS = [checks.not_a_server_error, openapi_checks.status_code_conformance, openapi_checks.content_type_conformance,
          openapi_checks.response_headers_conformance, openapi_checks.response_schema_conformance]


@pytest.fixture(scope="module")
def service():
    """All contracts."""
    one = Roomkey(ENV)
    yield one
    one.stop()


def test_the_document_is_openapi():
    """By somebody else's validator."""
    validate(DOCUMENT)


@SCHEMA.parametrize()
@hypothesis.settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck))
def test_schemathesis(case, service):
    """Generated requests, good and bad: every answer is documented: status, content type, headers, body; never a 5xx."""
    case.call_and_validate(base_url=service.url, checks=CHECKS)


def resolve(node):
    while "$ref" in node:
        target = DOCUMENT
        for part in node["$ref"].lstrip("#/").split("/"):
            target = target[part.replace("~1", "/")]
        node = target
    return node


def documented(path, method, status):
    """The response object of the document."""
    operation = resolve(DOCUMENT["paths"][path])[method.lower()]
    return resolve(operation["responses"][str(status)])


def conforms(answer, path, method, status):
    """Status, media type, body and headers of an answer against the document."""
    assert answer.status == status, answer
    response = documented(path, method, status)
    for name, header in response.get("headers", {}).items():
        header = resolve(header)
        assert answer.get(name) is not None or not header.get("required"), (name, answer)
        if answer.get(name) is None:
            continue
        schema = header["schema"]
        value = int(answer.get(name)) if schema.get("type") == "integer" else answer.get(name)
        Draft202012Validator(schema).validate(value)
    if "content" not in response:
        assert answer.body == b""
        return
    kind = answer.get("content-type").split(";")[0]
    assert kind in response["content"], (kind, answer)
    schema = {**response["content"][kind]["schema"], "components": DOCUMENT["components"]}
    Draft202012Validator(schema).validate(answer.body.decode() if kind == "text/plain" else answer.json())


def with_line(data, line):
    head, rest = data.split(b"\r\n", 1)
    return head + b"\r\n" + line + b"\r\n" + rest


POSTS = ["/api/token", "/v1/token", "/getToken", "/api/v2/sandbox/connection-details", "/api/sandbox/connection-details", "/createToken"]
GETS = ["/api/connection-details", "/createToken"]
HEALTH = ["/healthz", "/livez", "/readyz", "/"]
BODY = b'{"roomName":"r","participantIdentity":"i","participantName":"n"}'


def refusals(method, path):
    """(status, bytes) of the refusals every operation documents, as far as a single request can cause them."""
    good = post(path, BODY) if method == "POST" else request(method, path + ("?roomName=r&participantName=n" if path in GETS else ""))
    yield 400, with_line(good, b"bad line")
    yield 414, good.replace(path.encode(), path.encode() + b"?" + b"x" * 9000, 1)
    yield 431, with_line(good, b"X: " + b"y" * 33000)
    yield 505, good.replace(b"HTTP/1.1", b"HTTP/1.2", 1)
    if method == "OPTIONS" or path in HEALTH:
        return
    yield 401, with_line(good, b"Authorization: Bearer x")
    yield 403, with_line(good, b"Roomkey-Profile: moderator")
    yield 417, with_line(good, b"Expect: x")
    if method == "POST":
        yield 400, post(path, b'{"roomName":5}')
        yield 413, post(path, b"", {"Content-Length": "70000"})
        yield 415, post(path, BODY, {"Content-Encoding": "gzip"})


ROWS = [(method, path, status, data) for method, paths in (("POST", POSTS), ("GET", GETS + HEALTH), ("OPTIONS", POSTS + HEALTH))
        for path in paths for status, data in refusals(method, path)]


@pytest.mark.parametrize("method, path, status, data", ROWS, ids=[f"{row[0]} {row[1]} {row[2]} {at}" for at, row in enumerate(ROWS)])
def test_documented_refusals(service, method, path, status, data):
    """Every documented answer shape, caused on purpose."""
    conforms(ask(service.address, data), path, method, status)


@pytest.mark.parametrize("path", POSTS)
def test_documented_successes(service, path):
    """The shape of a success."""
    conforms(ask(service.address, post(path, BODY)), path, "POST", 200)
    conforms(ask(service.address, request("OPTIONS", path)), path, "OPTIONS", 204)


@pytest.mark.parametrize("path", GETS + HEALTH)
def test_documented_gets(service, path):
    """The same for GET."""
    conforms(ask(service.address, request("GET", f"{path}?roomName=r&participantName=n")), path, "GET", 200)


def test_documented_201(start):
    """Where ROOMKEY_SUCCESS_STATUS says so."""
    one = start({**ENV, "ROOMKEY_SUCCESS_STATUS": "201"})
    for path in ("/v1/token", "/getToken"):
        conforms(ask(one.address, post(path)), path, "POST", 201)


def test_documented_429(start):
    """Over the limit."""
    one = start({**ENV, "ROOMKEY_LIMITS": "per_address=1/h"})
    ask(one.address, post())
    for path in POSTS:
        conforms(ask(one.address, post(path, BODY)), path, "POST", 429)
    for path in GETS:
        conforms(ask(one.address, request("GET", f"{path}?roomName=r&participantName=n")), path, "GET", 429)


def test_documented_408(start):
    """Too late."""
    one = start({**ENV, "ROOMKEY_LIMITS": "per_address=off,head_time=300ms,body_time=300ms"})
    for path in POSTS:
        conforms(ask(one.address, post(path, b"{", {"Content-Length": "10"})), path, "POST", 408)
    for path in GETS + HEALTH:
        conforms(ask(one.address, request("GET", path)[:-2]), path, "GET", 408)


def test_documented_not_set_up(start):
    """500 on the original contract, 503 elsewhere."""
    one = start({**ENV, "LIVEKIT_API_KEY": None})
    conforms(ask(one.address, post("/api/token", GOOD)), "/api/token", "POST", 500)
    conforms(ask(one.address, post("/api/token", b'{"room_name":"r"}')), "/api/token", "POST", 503)
    for path in POSTS[1:]:
        conforms(ask(one.address, post(path, BODY)), path, "POST", 503)
    for path in GETS:
        conforms(ask(one.address, request("GET", f"{path}?roomName=r&participantName=n")), path, "GET", 503)
    conforms(ask(one.address, request("GET", "/readyz")), "/readyz", "GET", 503)


@pytest.fixture(scope="module")
def ruled(tmp_path_factory):
    """Callers and rules: API keys, one of them may ask for explanations."""
    keys = {"a.yaml": {"a": {"sha256": api_key(0)[1]}}, "b.yaml": {"b": {"sha256": api_key(1)[1]}}}
    callers = [{"name": "open", "api_keys_file": "a.yaml", "identity": "open-{sub}", "explain": True},
               {"name": "closed", "api_keys_file": "b.yaml", "identity": "closed-{sub}", "devices": "many"}]
    doc = base(callers=callers, rules=[{"id": "r", "room": "r", "profile": ["listener", "speaker"], "request_may_set": ["name"]}])
    env = {"ROOMKEY_CONTRACTS": ENV["ROOMKEY_CONTRACTS"], "ROOMKEY_ANONYMOUS": "refuse"}
    with running(tmp_path_factory.mktemp("openapi"), doc, keys, env) as one:
        yield one


def under_rules(method, path, room, headers):
    if method == "GET":
        return request("GET", f"{path}?roomName={room}&participantName=n", headers=headers)
    identity = "open-a" if "X-Roomkey-Explain" in headers else "closed-b"
    return post(path, json.dumps({"roomName": room, "participantIdentity": identity, "participantName": "n"}).encode(), headers)


@pytest.mark.parametrize("method, path", [("POST", path) for path in POSTS] + [("GET", path) for path in GETS])
def test_documented_under_rules(ruled, method, path):
    """401 and 403, the headers of callers, and explanations, where callers and rules are."""
    explain, closed = {"X-API-Key": api_key(0)[0], "X-Roomkey-Explain": "1"}, {"X-API-Key": api_key(1)[0]}
    for status, room, headers in (
            (401, "r", {}), (401, "r", {"X-API-Key": "x"}), (401, "r", {"Authorization": "Bearer x"}), (400, "r", {**closed, "Authorization": "Bearer x"}),
            (403, "x", closed), (403, "r", {**closed, "Roomkey-Profile": "moderator"}), (400, "r", {**closed, "Roomkey-Device": "A b"})):
        conforms(ask(ruled.address, under_rules(method, path, room, headers)), path, method, status)
    for room, verdict in (("r", "allowed"), ("x", "refused")):
        answer = ask(ruled.address, under_rules(method, path, room, explain))
        conforms(answer, path, method, 200)
        body = answer.json()
        assert body["verdict"] == verdict, body
        Draft202012Validator({**DOCUMENT["components"]["schemas"]["Explanation"], "components": DOCUMENT["components"]}).validate(body)


def test_documented_readiness(start, tmp_path):
    """What /readyz says is missing."""
    one = start({**ENV, "LIVEKIT_URL": None})
    answer = ask(one.address, request("GET", "/readyz"))
    conforms(answer, "/readyz", "GET", 200)
    assert answer.json() == {"status": "warn", "missing": ["server_url"]}
    doc = base(callers=[{"name": "u", "oidc": {"issuer": "http://127.0.0.1:1", "audience": "a", "allow_http": "127.0.0.1"}}], rules=[{"id": "r", "room": "r"}])
    with running(tmp_path, doc) as one:
        answer = ask(one.address, request("GET", "/readyz"))
        conforms(answer, "/readyz", "GET", 503)
        assert answer.json()["missing"] == ["key_sets"]
        said = one.conf.run("health", "--ready", "--listen", one.addresses[0])
        assert said.returncode == 1 and said.stderr.endswith(b"not ready: key_sets\n"), said


def test_credentials_and_headers_are_documented():
    """Every way to say who one is stands in the document, and every header that has a say, on every operation that gives tokens."""
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert (schemes["bearer"]["type"], schemes["bearer"]["scheme"]) == ("http", "bearer")
    assert schemes["apiKey"] == {**schemes["apiKey"], "type": "apiKey", "in": "header", "name": "X-API-Key"}
    assert [set(one) for one in DOCUMENT["security"]] == [{"bearer"}, {"apiKey"}, {"easyAuth"}, set()]
    for path in sorted(set(POSTS + GETS)):
        for method, operation in resolve(DOCUMENT["paths"][path]).items():
            if method == "options":
                assert operation["security"] == []
                continue
            named = {resolve(one)["name"] for one in operation["parameters"]}
            assert {"Roomkey-Profile", "Roomkey-Device", "X-Roomkey-Explain"} <= named, (path, method)
            assert {"401", "403", "429", "503"} <= set(operation["responses"]), (path, method)
            assert "security" not in operation
    for path in HEALTH:
        assert all(operation["security"] == [] for operation in resolve(DOCUMENT["paths"][path]).values()), path


@pytest.mark.parametrize("status", [401, 403, 429, 503])
def test_documented_codes(status):
    """The codes of these statuses are listed, those and no others."""
    assert set(DOCUMENT["components"]["schemas"][f"Problem{status}"]["allOf"][1]["properties"]["code"]["enum"]) == CODES[status]


def test_every_route_is_documented(service):
    """What answers other than 404 stands in the document, and the other way round."""
    for path in DOCUMENT["paths"]:
        assert ask(service.address, request("OPTIONS", path)).status == 204, path
    for path in ("/metrics", "/token", "/api", "/v1", "/openapi.yaml", "/generateToken", "/favicon.ico"):
        assert ask(service.address, request("OPTIONS", path)).status == 404, path
    for path in DOCUMENT["paths"]:
        methods = set(ask(service.address, request("OPTIONS", path)).get("allow").split(", "))
        assert methods == {name.upper() for name in resolve(DOCUMENT["paths"][path])}, path


@pytest.mark.parametrize("path", HEALTH)
def test_documented_heads(service, path):
    """HEAD has a status and no body."""
    with Wire(service.address) as wire:
        wire.send(request("HEAD", path))
        assert str(wire.answer(to_head=True).status) in resolve(DOCUMENT["paths"][path])["head"]["responses"]
        wire.expect_open()
