"""The Azure Functions host's envelope, straight to roomkey: what is wrapped is held to what holds for all requests.

The host itself is played in tests/hosting.
"""

import json

import pytest

from process import Roomkey, free_port, stop_all
from wire import GOOD, ask, chunked, post, request


def under_host(env=None):
    """The environment of a handler."""
    return {"ROOMKEY_LISTEN": None, "FUNCTIONS_CUSTOMHANDLER_PORT": str(free_port()), **(env or {})}


@pytest.fixture
def begin(start):
    return lambda env=None: start(under_host(env), log_to="stdout")


@pytest.fixture(scope="module")
def enveloped():
    one = Roomkey(under_host(), log_to="stdout")
    yield one
    stop_all([one])


def envelope(headers, url="http://localhost:7071/api/token", method="POST", body=GOOD.decode(), **more):
    return {"Data": {"req": {"Url": url, "Method": method, "Headers": headers, "Body": body, **more}}}


HOSTED = {"Host": ["localhost:7071"], "Content-Type": ["application/json"]}


def wrap(one, what, outer=()):
    """An envelope: (status of the inner answer, its body)."""
    data = what if isinstance(what, bytes) else json.dumps(what).encode()
    answer = ask(one.address, post("/generateToken", data, dict(outer)))
    assert answer.status == 200, answer
    res = answer.json()["Outputs"]["res"]
    assert set(answer.json()) == {"Outputs", "Logs", "ReturnValue"} and answer.json()["Logs"] == []
    return res["statusCode"], json.loads(res["body"]) if res["body"] else None


def test_nothing_of_the_outer_request_counts(begin):
    """The caller and his address are those in the envelope; of what is around it only the invocation's id."""
    one = begin({"ROOMKEY_LIMITS": "per_address=1/h"})
    outer = {"Authorization": "Bearer x", "X-API-Key": "y", "X-Azure-Functions-InvocationId": "an \"id\"\x80\t{}" + "x" * 400}
    assert wrap(one, envelope({**HOSTED, "X-Forwarded-For": ["203.0.113.1:80"]}), outer)[0] == 200
    line = one.wait_event("request")
    assert line["client"] == "203.0.113.1" and line["invocation_id"].startswith('an "id"') and len(line["invocation_id"]) < 300
    assert wrap(one, envelope({**HOSTED, "X-Forwarded-For": ["203.0.113.1:81"]}))[0] == 429
    status, body = wrap(one, envelope({**HOSTED, "Authorization": ["Bearer x"]}))
    assert status == 401 and body["error"]["code"] == "invalid_token"
    assert wrap(one, envelope({**HOSTED, "Authorization": ["Bearer x"], "X-API-Key": ["y"]}))[0] == 400


@pytest.mark.parametrize("headers, status", [
    ({"Host": ["a", "b"]}, 400), ({}, 200), ({"Host": []}, 200), ({"Host": None}, 200), ({"Host": ["a b"]}, 400), ({"Host": ["a"], "host": ["b"]}, 400),
    ({"Host": ["h"], "Authorization": ["Bearer x", "Bearer y"]}, 400),
    ({"Host": ["h"], "Authorization": ["Bearer x"], "authorization": ["Bearer x"]}, 400),
    ({"Host": ["h"], "Content-Type": ["application/json", "application/json"]}, 400),
    ({"Host": ["h"], "X": ["a\r\nAuthorization: Bearer x"]}, 400), ({"Host": ["h"], "X\r\nAuthorization": ["Bearer x"]}, 400),
    ({"Host": ["h"], "X:": ["y"]}, 400), ({"Host": ["h"], "X Y": ["y"]}, 400), ({"Host": ["h"], "X": ["\x00"]}, 400), ({"Host": ["h"], "": ["y"]}, 400),
    ({"Host": ["h"], "Transfer-Encoding": ["chunked"], "Content-Length": ["3"]}, 400), ({"Host": ["h"], "Transfer-Encoding": ["gzip"]}, 400),
    ({"Host": ["h"], "X": None}, 200), ({"Host": ["h"], "X": [None]}, 200), ({"Host": ["h"], "Authorization": None}, 401), ({"Host": ["h"], "Expect": ["a-miracle"]}, 417), ({"Host": ["h"], "Content-Encoding": ["gzip"]}, 415),
    ({"Host": ["h"], **{f"X-{n}": ["y"] for n in range(64)}}, 431), ({"Host": ["h"], "X": ["y" * 33000]}, 431), ({"Host": ["h"], "X": ["y"] * 3000}, 431),
    ({"Host": ["h"], "Content-Length": ["999999"]}, 200), ({"Host": "h", "Expect": "100-continue"}, 200), ({"Host": ["h"], "Connection": ["close"]}, 200),
])
def test_heads_in_envelopes(enveloped, headers, status):
    """H1-H8 hold for what is wrapped as for what is not; nothing in it writes a line of its own."""
    assert wrap(enveloped, envelope(headers))[0] == status


@pytest.mark.parametrize("change, status", [
    ({"url": "http://h/api/token?" + "x" * 8200}, 414), ({"url": "http://h/api/token#x"}, 400), ({"url": "http://h/a b"}, 400), ({"url": "http://h/\u00e9"}, 400),
    ({"url": "http://h/api/token HTTP/1.1\r\nX: y"}, 400), ({"url": "http://h"}, 405), ({"url": "http://h//api/token"}, 404), ({"url": "https://h/v1/token"}, 200),
    ({"url": "http://h/generateToken"}, 404), ({"url": "http://h/healthz", "method": "GET"}, 200), ({"url": "http://h/", "method": "GET"}, 200),
    ({"method": "PO ST"}, 400), ({"method": "POST /x HTTP/1.1\r\nX:"}, 400), ({"method": "BREW"}, 405), ({"method": "CONNECT"}, 400), ({"method": "post"}, 405),
    ({"url": "/api/token"}, 200), ({"url": "api/token"}, 400), ({"url": ""}, 400), ({"url": "ftp://h/api/token"}, 400), ({"url": "//h/api/token"}, 404),
    ({"body": None}, 400), ({"body": ""}, 400), ({"body": "{\"roomName\":\"\\u0000\"}"}, 400), ({"body": "\x00"}, 400),
])
def test_requests_in_envelopes(enveloped, change, status):
    """The path, the method and the query are those in it; every one as if it had been asked directly."""
    assert wrap(enveloped, envelope(HOSTED, **change))[0] == status


PUBLISHED = """{ "Data": { "req": { "Url": "http://localhost:7071/api/token", "Method": "POST", "Query": "{}",
  "Headers": { "Content-Type": ["application/json"] }, "Params": {}, "Body": "{\\"roomName\\":\\"r\\",\\"participantIdentity\\":\\"u\\"}" } },
  "Metadata": { "sys": { "MethodName": "generateToken", "UtcNow": "2026-11-28T10:00:00Z", "RandGuid": "1" } } }"""


def test_the_published_example(enveloped):
    """hosting §1.6: no Host among the headers; the URL has it. Neither: H4."""
    assert wrap(enveloped, PUBLISHED.encode())[0] == 200
    assert wrap(enveloped, PUBLISHED.replace("http://localhost:7071/", "/").encode())[0] == 400
    assert wrap(enveloped, PUBLISHED.replace("localhost:7071", "a b").encode())[0] == 400
    assert wrap(enveloped, PUBLISHED.replace("localhost:7071", "user@h").encode())[0] == 400


@pytest.mark.parametrize("data", [
    b"", b"null", b"[]", b"{}", b'{"Data":{}}', b'{"Data":{"req":[]}}', b'{"Data":{"other":{"Url":"http://h/","Method":"GET"}}}', b'{"Data":{"req":{"Method":"GET"}}}',
    json.dumps(envelope({"Host": [1]})).encode(), json.dumps(envelope([])).encode(),
    json.dumps(envelope(HOSTED)).encode()[:-1], json.dumps(envelope(HOSTED)).encode() + b"{}", json.dumps(envelope(HOSTED)).encode().replace(b'"Url"', b'"Url":"http://h/","Url"'),
    json.dumps(envelope(HOSTED)).replace("{", "[" * 40, 1).encode(), b'{"Data":{"req":{"Url":"http://h/","Method":"GET","Headers":{},"Body":{}}}}',
])
def test_malformed_envelopes(enveloped, data):
    """Nobody's request: not 2xx, so the invocation fails and the host answers 500."""
    answer = ask(enveloped.address, post("/generateToken", data))
    assert answer.status == 400 and answer.json()["code"] == "invalid_request", answer


def test_too_long_envelopes(enveloped):
    """Bounded whichever way it comes."""
    data = b'{"x":"' + b"y" * 800000 + b'"}'
    assert wrap(enveloped, data)[0] == 413
    assert wrap(enveloped, chunked(data), {"Transfer-Encoding": "chunked"})[0] == 413
    assert ask(enveloped.address, post("/api/token", chunked(b"{" + b" " * 70000 + b"}"), {"Transfer-Encoding": "chunked"})).status == 413  # others' limit stays


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-MS-CLIENT-PRINCIPAL", "X-MS-CLIENT-PRINCIPAL-ID", "X-MS-CLIENT-PRINCIPAL-IDP", "Origin", "Sec-Fetch-Site"])
def test_a_clients_own_envelope(enveloped, name):
    """A catch-all route lets a client's request to this path through: in an envelope of his own he would write the headers the platform
    strips. What a front end or a proxying host puts on a request tells the two apart, and an Origin a page in a browser beside the host."""
    data = json.dumps(envelope({**HOSTED, "X-Forwarded-For": ["203.0.113.1"]})).encode()
    assert ask(enveloped.address, post("/generateToken", data, {name: "203.0.113.9"})).status == 404


def test_only_a_posts_body_is_read(begin):
    """As on a socket: GET /createToken takes its names from the query alone."""
    one = begin({"ROOMKEY_CONTRACTS": "create-token"})
    by_body = envelope(HOSTED, "http://h/createToken", "GET", json.dumps({"roomName": "r", "participantName": "p"}))
    data = json.dumps(by_body).encode()
    status = json.loads(ask(one.address, post("/generateToken", data)).body)["Outputs"]["res"]["statusCode"]
    assert status == ask(one.address, request("GET", "/createToken")).status == 400


def test_the_envelope_is_the_hosts_only(start, enveloped):
    """Without FUNCTIONS_CUSTOMHANDLER_PORT there is no such path; with it none for other methods."""
    one = start()
    assert ask(one.address, post("/generateToken", json.dumps(envelope(HOSTED)).encode())).status == 404
    assert ask(enveloped.address, request("GET", "/generateToken")).status == 404
    assert ask(enveloped.address, post("/generatetoken", json.dumps(envelope(HOSTED)).encode())).status == 404
