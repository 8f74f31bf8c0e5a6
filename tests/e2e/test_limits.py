"""Rates and client addresses: semantics H19, security §6.1-6.4, RTL-01 to -05. RTL-08 is test_time_limits.py::test_clocks."""

import contextlib
import ipaddress
import threading
import time

import pytest

from process import Roomkey
from shapes import problem, stage_002, standard
from wire import GOOD, Wire, ask, post, request

BEARER = {"Authorization": "Bearer x"}


def statuses(address, data, count, source=None):
    return [ask(address, data, source=source).status for _ in range(count)]


# -- RTL-01, RTL-02


@pytest.mark.parametrize("rate, burst", [("1/h burst 5", 5), ("1/m burst 5", 5), ("5/h", 5), ("3/m", 3), ("1/h", 1), ("600/h burst 2", 2)])
def test_burst(start, rate, burst):
    """semantics H19, RTL-01: at most `burst` at one instant; without `burst` it is N."""
    one = start({"ROOMKEY_LIMITS": f"per_address={rate}"})
    assert statuses(one.address, post(), burst) == [200] * burst
    answer = ask(one.address, post())
    problem(answer, 429, "rate_limited")
    line = one.access(answer.request_id)
    assert line["layer"] == "per_address" and line["err"] == "rate_limited"
    assert statuses(one.address, post(), 2, "127.0.0.2") == [200] * min(2, burst) + [429] * (2 - min(2, burst))


def test_the_layer_is_in_the_log_only(start):
    """design §5."""
    one = start({"ROOMKEY_LIMITS": "per_address=1/h,failures_per_address=1/h"})
    assert statuses(one.address, post(), 1) + statuses(one.address, post(headers=BEARER), 1) == [200, 401]
    first, second = ask(one.address, post()), ask(one.address, post(headers=BEARER))
    for answer in (first, second):
        told = answer.body.decode().replace(answer.request_id, "")
        assert "address" not in told and "fail" not in told
    assert one.access(second.request_id)["layer"] == "failures_per_address"


def test_retry_after(start):
    """RTL-02: whole seconds, rounded up; who waits is admitted, and refusals cost nothing."""
    one = start({"ROOMKEY_LIMITS": "per_address=1/s burst 1"})
    with Wire(one.address) as wire:
        wire.send(post() * 21)  # in far less than a second
        first, *refused = [wire.answer() for _ in range(21)]
        assert first.status == 200 and {answer.status for answer in refused} == {429}
        assert {answer.get("retry-after") for answer in refused} == {"1"}
        time.sleep(1.05)
        wire.send(post() * 2)
        assert [wire.answer().status for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("rate, least, most", [("1/h burst 1", 3590, 3600), ("1/m burst 3", 55, 60), ("30/m burst 2", 1, 2), ("10/s burst 1", 1, 1)])
def test_retry_after_is_the_truth(start, rate, least, most):
    """security §6.1: retry_after = at - now."""
    one = start({"ROOMKEY_LIMITS": f"per_address={rate}"})
    with Wire(one.address) as wire:
        wire.send(post() * 40)  # between two of them there may be time for another token on a busy machine
        refused = [answer for answer in [wire.answer() for _ in range(40)] if answer.status == 429]
    assert refused
    assert all(least <= int(answer.get("retry-after")) <= most for answer in refused)


def test_original_shape(start):
    """semantics D34: the code in capitals."""
    one = start({"ROOMKEY_LIMITS": "per_address=1/h"})
    assert ask(one.address, post("/api/token", GOOD)).status == 200
    stage_002(ask(one.address, post("/api/token", GOOD)), 429, "RATE_LIMITED")


# -- who is charged where


@pytest.mark.parametrize("data, status", [
    (request("GET", "/nope"), 404), (request("PUT", "/v1/token"), 405), (post(body=b"x"), 400), (post(headers={"Content-Type": "x"}), 415),
    (b"GET / HTTP/1.1\r\nbad\r\n\r\n", 400), (request("GET", "/", version="HTTP/1.2"), 505), (request("GET", "/" + "a" * 9000), 414),
    (post(body=b"", headers={"Content-Length": "70000"}), 413), (request("POST", "/healthz", b""), 405), (post(headers={"Expect": "x"}), 417),
])
def test_refusals_are_charged(start, data, status):
    """semantics H19: requests that present no credential, those refused before routing too."""
    one = start({"ROOMKEY_LIMITS": "per_address=1/h burst 3"})
    assert statuses(one.address, data, 3) == [status] * 3
    assert ask(one.address, post()).status == 429


@pytest.mark.parametrize("method, path", [("GET", "/healthz"), ("GET", "/livez"), ("GET", "/readyz"), ("GET", "/"), ("HEAD", "/healthz"),
                                          ("HEAD", "/"), ("OPTIONS", "/v1/token"), ("OPTIONS", "/nope"), ("OPTIONS", "*")])
def test_free_requests(start, method, path):
    """semantics H19: GET and HEAD of health routes and `/`, and every OPTIONS are free, before and after the limit is used up."""
    one = start({"ROOMKEY_LIMITS": "per_address=1/h,failures_per_address=1/h"})
    for headers in ({}, BEARER):
        for _ in range(5):
            assert ask(one.address, request(method, path, None, headers), method).status < 405
    assert statuses(one.address, post(), 2) == [200, 429]
    assert statuses(one.address, post(headers=BEARER), 2) == [401, 429]
    for headers in ({}, BEARER):
        assert ask(one.address, request(method, path, None, headers), method).status < 405


@pytest.mark.parametrize("headers", [BEARER, {"Authorization": "Basic dTpw"}, {"Authorization": ""}, {"X-API-Key": "rk_" + "A" * 43}])
def test_failures(start, headers):
    """semantics H19: a credential that is no good is charged to failures_per_address, and to nothing else."""
    one = start({"ROOMKEY_LIMITS": "per_address=1/h burst 2,failures_per_address=1/h burst 4"})
    assert statuses(one.address, post(headers=headers), 6) == [401] * 4 + [429] * 2
    assert statuses(one.address, post(headers=BEARER), 1) == [429], "every request of that address that presents a credential"
    assert statuses(one.address, post(), 3) == [200, 200, 429]
    assert statuses(one.address, post(headers=headers), 1, "127.0.0.2") == [401], "others are unhurt"


def test_off(start):
    """design §7: `off`."""
    one = start({"ROOMKEY_LIMITS": "per_address=off,failures_per_address=off"})
    with Wire(one.address) as wire:
        wire.send(post() * 500 + post(headers=BEARER) * 500)
        assert [wire.answer().status for _ in range(1000)] == [200] * 500 + [401] * 500


def test_default_rates(start):
    """design §7: per_address 300/m burst 60, failures_per_address 60/m (so 60 at once)."""
    one = start({"ROOMKEY_LIMITS": None})
    with Wire(one.address) as wire:
        begun = time.monotonic()
        wire.send(post() * 70)
        got = [wire.answer().status for _ in range(70)]
        assert got[:60] == [200] * 60 and 60 <= got.count(200) <= 61 + int(5 * (time.monotonic() - begun)), got
        begun = time.monotonic()
        wire.send(post(headers=BEARER) * 70)
        got = [wire.answer().status for _ in range(70)]
        assert got[:60] == [401] * 60 and 60 <= got.count(401) <= 61 + int(time.monotonic() - begun), got


def test_exactly_burst_among_many_workers(start):
    """issue: with ROOMKEY_WORKERS=4 exactly `burst` of 1,000 simultaneous requests pass."""
    one = start({"ROOMKEY_LIMITS": "per_address=1/h burst 100", "ROOMKEY_WORKERS": "4"})
    wires = [Wire(one.address, timeout=20) for _ in range(200)]
    for wire in wires:  # every connection has its worker before it begins
        wire.send(request("GET", "/healthz"))
        assert wire.answer().status == 200
    barrier = threading.Barrier(4)

    def fire(mine):
        barrier.wait()
        for wire in mine:
            wire.send(post() * 5)

    threads = [threading.Thread(target=fire, args=(wires[at::4],)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got = [wire.answer().status for wire in wires for _ in range(5)]
    for wire in wires:
        wire.close()
    assert len(got) == 1000 and set(got) == {200, 429}
    assert got.count(200) == 100


# -- client addresses


def client_of(one, headers, source=None):
    answer = ask(one.address, request("GET", "/nope", None, headers), source=source)
    return ipaddress.ip_address(one.access(answer.request_id)["client"])


@pytest.fixture(scope="module")
def behind():
    """Behind proxies at 127.0.0.1 and in 10.0.0.0/8 and 2001:db8:aaaa::/48."""
    one = Roomkey({"ROOMKEY_TRUSTED_PROXIES": "127.0.0.1/32,10.0.0.0/8,2001:db8:aaaa::/48"})
    yield one
    one.stop()


@pytest.fixture(scope="module")
def forwarded():
    """The same with RFC 7239."""
    one = Roomkey({"ROOMKEY_TRUSTED_PROXIES": "127.0.0.1/32,10.0.0.0/8;header=forwarded"})
    yield one
    one.stop()


PEER = "127.0.0.1"
FORWARDED_FOR = [
    ("203.0.113.7", "203.0.113.7"), ("198.51.100.1, 203.0.113.7", "203.0.113.7"), ("198.51.100.1,203.0.113.7", "203.0.113.7"),
    ("203.0.113.7, 10.1.2.3", "203.0.113.7"), ("198.51.100.1, 203.0.113.7 , 10.1.2.3,\t10.9.9.9", "203.0.113.7"),
    ("2001:db8::1", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1"), ("[2001:db8::1]:4711", "2001:db8::1"),
    ("2001:db8:0:0:0:0:0:1, 2001:db8:aaaa::5", "2001:db8::1"), ("::ffff:203.0.113.7", "203.0.113.7"), ("garbage, 203.0.113.7", "203.0.113.7"),
    # anything odd: stop, and the last good address to the right counts
    ("203.0.113.7, garbage", PEER), ("203.0.113.7, unknown", PEER), ("203.0.113.7, _hidden", PEER), ("203.0.113.7, ", PEER),
    ("203.0.113.7, garbage, 10.1.2.3", "10.1.2.3"), ("fe80::1%eth0", PEER), ("[fe80::1%25eth0]:80", PEER), ("010.1.1.1", PEER),
    ("203.0.113.007", PEER), ("203.0.113", PEER), ("203.0.113.7.8", PEER), ("256.1.1.1", PEER), ("0x7f.1.1.1", PEER), ("2001:db8:::1", PEER),
    ("[2001:db8::1", PEER), ("203.0.113.7 x", PEER), ("", PEER), (",", PEER), ("for=203.0.113.7", PEER), ("203.0.113.7; drop", PEER),
    ("x" * 3000, PEER),
]


@pytest.mark.parametrize("value, client", FORWARDED_FOR)
def test_x_forwarded_for(behind, value, client):
    """security §6.3, RTL-04: from the right, trusted ones skipped, the first that is not; parsed strictly."""
    assert client_of(behind, {"X-Forwarded-For": value}) == ipaddress.ip_address(client)


def test_x_forwarded_for_lines_are_joined(behind):
    """security §6.3: all its lines in order."""
    lines = [("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-For", "10.1.1.1")]
    assert client_of(behind, lines) == ipaddress.ip_address("203.0.113.7")


def test_x_forwarded_for_many_hops(behind):
    """RTL-04: 50 hops; security §6.3: more than 30 entries stop the walk."""
    assert client_of(behind, {"X-Forwarded-For": "198.51.100.1, " + ", ".join(["10.1.2.3"] * 50)}) != ipaddress.ip_address("198.51.100.1")
    assert client_of(behind, {"X-Forwarded-For": "198.51.100.1, " + ", ".join(["10.1.2.3"] * 10)}) == ipaddress.ip_address("198.51.100.1")
    assert client_of(behind, {"X-Forwarded-For": ", ".join(["198.51.100.1"] * 50 + ["203.0.113.7"])}) == ipaddress.ip_address("203.0.113.7")


@pytest.mark.parametrize("headers", [{"X-Forwarded-For": "203.0.113.7"}, {"Forwarded": "for=203.0.113.7"}, {"X-Real-IP": "203.0.113.7"},
                                     {"True-Client-IP": "203.0.113.7"}, {"X-Client-IP": "203.0.113.7"}])
def test_forged_from_an_untrusted_peer(service, behind, headers):
    """RTL-04: the peer's address is used."""
    assert client_of(service, headers) == ipaddress.ip_address(PEER)
    assert client_of(behind, headers, source="127.0.0.2") == ipaddress.ip_address("127.0.0.2")


@pytest.mark.parametrize("value, client", [
    ("for=203.0.113.7", "203.0.113.7"), ("For=203.0.113.7;proto=https;by=10.0.0.1", "203.0.113.7"), ("proto=https;for=203.0.113.7", "203.0.113.7"),
    ('for="[2001:db8::1]:4711"', "2001:db8::1"), ('for="[2001:db8::1]"', "2001:db8::1"), ("for=198.51.100.1, for=203.0.113.7", "203.0.113.7"),
    ("for=203.0.113.7, for=10.1.1.1", "203.0.113.7"), ('for="203.0.113.7"', "203.0.113.7"),
    ("for=unknown", PEER), ("for=_hidden", PEER), ("for=203.0.113.7, for=_x", PEER), ("for=2001:db8::1", PEER), ("203.0.113.7", PEER),
    ("by=203.0.113.7", PEER), ('for="203.0.113.7', PEER), ("for=203.0.113.7;for=203.0.113.8", PEER), ("", PEER),
])
def test_forwarded(forwarded, value, client):
    """security §6.3: RFC 7239, when that is the one configured header."""
    assert client_of(forwarded, {"Forwarded": value, "X-Forwarded-For": "198.51.100.9"}) == ipaddress.ip_address(client)


def test_limits_count_the_client_not_the_proxy(start):
    """semantics H19 with trusted proxies; a trusted proxy's own address is never limited (design §7)."""
    one = start({"ROOMKEY_LIMITS": "per_address=1/h burst 2", "ROOMKEY_TRUSTED_PROXIES": "127.0.0.1/32"})
    for client in ("203.0.113.7", "203.0.113.8", "2001:db8::1"):
        assert statuses(one.address, post(headers={"X-Forwarded-For": client}), 3) == [200, 200, 429]
    assert statuses(one.address, post(), 20) == [200] * 20
    assert statuses(one.address, post(headers={"X-Forwarded-For": "garbage"}), 5) == [200] * 5
    assert statuses(one.address, post(headers={"X-Forwarded-For": "203.0.113.9"}), 3, "127.0.0.2") == [200, 200, 429]


def test_ipv6_is_limited_by_64(start):
    """RTL-05: a /64 is one bucket."""
    one = start({"ROOMKEY_LIMITS": "per_address=1/h burst 3", "ROOMKEY_TRUSTED_PROXIES": "127.0.0.1/32"})

    def rotate(prefix, count):
        return [ask(one.address, post(headers={"X-Forwarded-For": f"{prefix}:{at:x}:1:2:3"})).status for at in range(count)]

    assert rotate("2001:db8:0:1", 6) == [200] * 3 + [429] * 3
    assert rotate("2001:db8:0:2", 6) == [200] * 3 + [429] * 3
    one_more = [ask(one.address, post(headers={"X-Forwarded-For": f"::ffff:203.0.113.{at}"})).status for at in range(6)]
    assert one_more == [200] * 6, "mapped IPv4 addresses are not one /64"


def test_a_million_addresses(start):
    """RTL-03: memory is constant, an indebted address stays in debt, a normal one is still served."""
    one = start({"ROOMKEY_LIMITS": "per_address=1/h burst 2", "ROOMKEY_TRUSTED_PROXIES": "127.0.0.1/32", "ROOMKEY_LOG_LEVEL": "warn"}, quiet=True)
    attacker = post(headers={"X-Forwarded-For": "203.0.113.7"})
    assert statuses(one.address, attacker, 3) == [200, 200, 429]

    def flood(first, last):
        with Wire(one.address, timeout=60) as wire:
            for at in range(first, last, 2000):
                data = b"".join(b"GET /x HTTP/1.1\r\nHost:x\r\nX-Forwarded-For:%d.%d.%d.%d\r\n\r\n" % (20 + (n >> 24), n >> 16 & 255, n >> 8 & 255, n & 255)
                                for n in range(at, at + 2000))
                sender = threading.Thread(target=wire.send, args=(data,))
                sender.start()
                left, tail = 2000, b""
                while left:
                    got = tail + wire.sock.recv(1 << 20)
                    found = got.count(b"HTTP/1.1 404 ")
                    assert b"HTTP/1.1 429 " not in got
                    left -= found
                    tail = got[-12:]  # one byte less than what is counted
                sender.join()

    flood(0, 100_000)
    before = one.rss_kib()
    flood(100_000, 1_000_000)
    assert one.rss_kib() - before < 1024, "the limiter grows"
    assert statuses(one.address, attacker, 1) == [429], "a flood of fresh addresses washed the debt away"
    standard(ask(one.address, post(headers={"X-Forwarded-For": "198.51.100.77"})))


def test_bad_credentials_at_speed(start):
    """The part of RTL-10 that needs no callers: a flood of bad credentials is cut by the failure limiter, others are unhurt."""
    one = start({"ROOMKEY_LIMITS": "failures_per_address=1/h burst 10,per_address=off"})
    with Wire(one.address, source="127.0.0.9") as wire, contextlib.ExitStack():
        wire.send(post(headers=BEARER) * 1000)
        got = [wire.answer().status for _ in range(1000)]
    assert got.count(401) == 10 and got.count(429) == 990
    standard(ask(one.address, post()))
