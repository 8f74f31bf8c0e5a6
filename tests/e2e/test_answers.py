"""What answers carry, OPTIONS, health, connection persistence: semantics H14-H16. The members of every answer are checked in wire.py."""

import email.utils
import time

import pytest

from shapes import problem, standard
from wire import GOOD, Wire, ask, post, request

KINDS = {
    "200": post(), "200 original": post("/api/token", GOOD), "health": request("GET", "/healthz"), "root": request("GET", "/"),
    "204": request("OPTIONS", "/v1/token"), "400 before routing": b"GET / HTTP/1.1\r\nbad\r\n\r\n", "400": post(body=b"x"),
    "401": post(headers={"Authorization": "x"}), "403": post(headers={"Roomkey-Profile": "x"}), "404": request("GET", "/nope"),
    "405": request("PUT", "/v1/token"), "413": post(body=b"", headers={"Content-Length": "70000"}),
    "414": request("GET", "/" + "a" * 9000), "415": post(headers={"Content-Type": "x"}), "417": post(headers={"Expect": "x"}),
    "431": request("GET", "/", None, {"X": "y" * 33000}), "505": request("GET", "/", version="HTTP/1.2"),
}


@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS.keys())
def test_every_answer(service, data):
    """semantics H14: Date, Cache-Control, X-Request-Id, nosniff, Content-Length are checked on reading; the date is now."""
    answer = ask(service.address, data)
    assert abs(email.utils.parsedate_to_datetime(answer.get("date")).timestamp() - time.time()) < 3
    names = [name.lower() for name, _ in answer.headers]
    single = [name for name in names if name not in ("vary",)]
    assert len(set(single)) == len(single), names
    assert not {"server", "x-powered-by", "set-cookie", "x-roomkey-dev"} & set(names)


@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS.keys())
def test_request_ids_are_ours(service, data):
    """semantics H14: always ours, never the client's, each different (HTP-22)."""
    head, rest = data.split(b"\r\n", 1)
    data = head + b"\r\nX-Request-Id: planted-id-1234567890\r\n" + rest
    first, second = ask(service.address, data), ask(service.address, data)
    assert first.request_id != second.request_id
    assert "planted" not in repr(first)


@pytest.mark.parametrize("path", ["/v1/token", "/api/token"])
def test_request_ids_stand_in_the_log(service, path):
    """The id leads from an answer to its line."""
    for body in (GOOD, b"x"):
        answer = ask(service.address, post(path, body))
        line = service.access(answer.request_id)
        assert line["status"] == answer.status and line["path"] == path


# -- health and GET /


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_health(service, path):
    """design §5."""
    answer = ask(service.address, request("GET", path))
    assert answer.status == 200 and answer.json() == {"status": "pass"}
    assert answer.get("content-type").split(";")[0] in ("application/health+json", "application/json")


def test_root(service):
    """semantics H15: GET / is 200 `{}` (the Functions host's ping)."""
    answer = ask(service.address, request("GET", "/"))
    assert answer.status == 200 and answer.json() == {}


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/"])
def test_head(service, path):
    """design §5: HEAD on GET routes: the same fields, no body."""
    with Wire(service.address) as wire:
        wire.send(request("HEAD", path) + request("GET", path))
        head = wire.answer(to_head=True)
        get = wire.answer()
        assert head.status == get.status == 200
        changing = ("date", "x-request-id")
        assert [pair for pair in head.headers if pair[0].lower() not in changing] == \
               [pair for pair in get.headers if pair[0].lower() not in changing]
        wire.expect_open()


@pytest.mark.parametrize("path", ["/nope", "/v1/token"])
def test_head_elsewhere(service, path):
    """An answer to HEAD never has a body, refusals too."""
    with Wire(service.address) as wire:
        wire.send(request("HEAD", path))
        answer = wire.answer(to_head=True)
        assert answer.status == (404 if path == "/nope" else 405)
        wire.expect_open()


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer x"}, {"X-API-Key": "x"}, {"Authorization": "x", "X-API-Key": "y"}])
@pytest.mark.parametrize("method, path", [("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/"), ("HEAD", "/livez"), ("OPTIONS", "/v1/token")])
def test_open_routes_never_look_at_a_credential(service, headers, method, path):
    """semantics H19; design §5: OPTIONS is never authenticated."""
    answer = ask(service.address, request(method, path, None, headers), method)
    assert answer.status == (204 if method == "OPTIONS" else 200)


def test_health_goes_on_with_a_body(service):
    """A body on a GET is dropped (semantics H12)."""
    with Wire(service.address) as wire:
        wire.send(request("GET", "/healthz", b"x" * 1000) + request("GET", "/", b"y"))
        assert wire.answer().json() == {"status": "pass"}
        assert wire.answer().json() == {}
        wire.expect_open()


# -- OPTIONS


@pytest.mark.parametrize("path, allowed", [
    ("/v1/token", {"POST", "OPTIONS"}), ("/getToken", {"POST", "OPTIONS"}), ("/api/token", {"POST", "OPTIONS"}),
    ("/api/sandbox/connection-details", {"POST", "OPTIONS"}), ("/healthz", {"GET", "HEAD", "OPTIONS"}), ("/", {"GET", "HEAD", "OPTIONS"}),
])
def test_options(service, path, allowed):
    """semantics H15: on a known path 204 with Allow."""
    answer = ask(service.address, request("OPTIONS", path))
    assert answer.status == 204
    assert set(answer.get("allow").split(", ")) == allowed


def test_options_elsewhere(service):
    """semantics H15: unknown path 404; `*` 204."""
    problem(ask(service.address, request("OPTIONS", "/nope")), 404)
    assert ask(service.address, request("OPTIONS", "*")).status == 204


@pytest.mark.parametrize("body", [b"x" * 10, b"{}"])
def test_options_with_a_body(service, body):
    """It reads no body but drops it (semantics H12)."""
    with Wire(service.address) as wire:
        wire.send(request("OPTIONS", "/v1/token", body))
        assert wire.answer().status == 204
        wire.expect_open()


# -- persistence


@pytest.mark.parametrize("headers", [{}, {"Connection": "keep-alive"}, {"Connection": "Keep-Alive"}])
@pytest.mark.parametrize("data", [("GET", "/healthz"), ("POST", "/v1/token"), ("GET", "/nope"), ("PUT", "/v1/token")])
def test_http_1_0_closes(service, headers, data):
    """semantics H16: HTTP/1.0 is answered with Connection: close."""
    with Wire(service.address) as wire:
        wire.send(request(*data, b"" if data[0] != "GET" else None, headers, version="HTTP/1.0"))
        assert wire.answer().closes
        wire.expect_end()


@pytest.mark.parametrize("value", ["close", "Close", "CLOSE", "keep-alive, close", "close, keep-alive", "x,close,y", " close"])
def test_connection_close(service, value):
    """semantics H14: Connection: close whenever roomkey closes after it."""
    with Wire(service.address) as wire:
        wire.send(post(headers={"Connection": value}) + request("GET", "/healthz"))
        answer = wire.answer()
        standard(answer)
        assert answer.closes
        wire.expect_end()


@pytest.mark.parametrize("value", ["keep-alive", "closed", "x-close", "", "close-not"])
def test_other_connection_values(service, value):
    """The no beside the yes."""
    with Wire(service.address) as wire:
        wire.send(post(headers={"Connection": value}))
        assert not wire.answer().closes
        wire.expect_open()


def test_pipelining(service):
    """semantics H16: answered in order."""
    rooms = [f"room-{number}" for number in range(200)]
    with Wire(service.address) as wire:
        wire.send(b"".join(post(body=b'{"room_name":"%s"}' % room.encode()) for room in rooms))
        for room in rooms:
            assert wire.answer().json()["room_name"] == room
        wire.expect_open()


def raw_length(service, size):
    """Bytes of the answer, head included, to a request with so much metadata and attributes; and the request."""
    text = b"m" * min(size, 4096), b"v" * max(size - 4096, 1)
    data = post(body=b'{"room_name":"r","participant_identity":"i","participant_metadata":"%s","participant_attributes":{"k":"%s"}}' % text)
    with Wire(service.address) as wire:
        wire.send(data)
        wire.half_close()
        received = b""
        while more := wire.sock.recv(65536):
            received += more
    return (len(received) if received.startswith(b"HTTP/1.1 200 ") else 0), data


def test_pipelined_longest_answers(service):
    """semantics H16: answers gathered into one write leave room for the longest there is, and none of them is lost."""
    longest, big = max((raw_length(service, size) for size in range(5400, 5800, 4)), key=lambda pair: pair[0])
    assert longest > 16 * 1024, "a body of up to 16 KiB and its head"
    want = 64 * 1024 - longest + 16 - 2 * longest  # so many bytes left that the last one just does not fit
    length, filler = min((raw_length(service, size) for size in range(5200, 5600, 4)), key=lambda pair: abs(pair[0] - want))
    assert abs(length - want) < 16, "the gap is met"
    with Wire(service.address) as wire:
        wire.send(big * 2 + filler + big + post())
        for _ in range(5):
            assert wire.answer().status == 200
        wire.expect_open()


@pytest.mark.parametrize("bad", [b"garbage\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"\r\n\r\n", b"\0"])
def test_pipelined_error(service, bad):
    """semantics H16, HTP-18: an error in a later one leaves the answers before it intact."""
    with Wire(service.address) as wire:
        wire.send(post() + request("GET", "/healthz") + bad + post())
        standard(wire.answer())
        assert wire.answer().status == 200
        answer = wire.answer()
        problem(answer, 400)
        assert answer.closes
        wire.expect_end(3)


@pytest.mark.parametrize("data", [post(), post("/api/token", GOOD), request("GET", "/healthz"), request("GET", "/nope"), post() * 3])
def test_half_close(service, data):
    """semantics H16: half-close after a complete request is answered."""
    with Wire(service.address) as wire:
        wire.send(data)
        wire.half_close()
        for _ in range(data.count(b"HTTP/1.1")):
            assert wire.answer().status in (200, 404)
        wire.expect_end()


@pytest.mark.parametrize("data", [b"", b"\r\n", b"GET", b"GET / HTTP/1.1\r\nHost: x\r\n", post(body=b"{}")[:-1]])
def test_half_close_of_an_incomplete_request(service, data):
    """Nothing hangs: at most one refusal, then the end."""
    with Wire(service.address) as wire:
        wire.send(data)
        wire.half_close()
        end = time.monotonic() + 20
        while wire._more(end):
            pass
        assert wire.buffer.count(b"HTTP/1.1 ") <= 1 and b" 200 " not in wire.buffer


def test_no_limit_on_requests_per_connection(service):
    """semantics H16."""
    with Wire(service.address) as wire:
        for _ in range(30):
            wire.send(request("GET", "/healthz") * 100)
            for _ in range(100):
                assert wire.answer().status == 200
        wire.expect_open()
