"""Deadlines and connection limits: semantics H17, H18. Small limits keep the tests short; upper bounds are generous for a busy machine."""

import contextlib
import shutil
import socket
import subprocess
import time

import pytest

from conf import sanitized, wait_until
from machine import took
from shapes import problem, stage_002, standard
from wire import GOOD, JSON, Wire, ask, chunked, is_left, post, request

FAST = "head_time=300ms,body_time=300ms,idle_time=300ms,write_time=300ms"
LATE = 4  # how long after 0.3 s is still "in time": the default times are longer


@pytest.fixture(scope="module")
def fast():
    """All times 300 ms."""
    from process import Roomkey
    one = Roomkey({"ROOMKEY_LIMITS": f"per_address=off,{FAST}"})
    yield one
    one.stop()


def cut_off(wire, begun, shape, at_least=0.25):
    """408 and the end, not before the deadline and soon after it."""
    answer = wire.answer()
    whole = time.monotonic() - begun
    assert at_least <= whole and took(begun) <= LATE, whole
    shape(answer)
    assert answer.closes
    wire.expect_end()


def plain_408(answer):
    problem(answer, 408, "timeout")


# -- H17


@pytest.mark.parametrize("data", [b"G", b"GET / HTTP/1.1", b"GET / HTTP/1.1\r\nHost: x\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX: y"])
def test_a_partial_head(fast, data):
    """semantics H17: a partial head gets 408."""
    with Wire(fast.address) as wire:
        begun = time.monotonic()
        wire.send(data)
        cut_off(wire, begun, plain_408)


def test_a_dribbled_head(fast):
    """semantics H17: totals, not pauses (HTP-11)."""
    with Wire(fast.address) as wire:
        begun = time.monotonic()
        for byte in b"GET / HTTP/1.1\r\nHost: x\r\n":
            wire.send(bytes([byte]))
            time.sleep(0.05)
            if time.monotonic() - begun > 0.9:
                break
        cut_off(wire, begun, plain_408)


@pytest.mark.parametrize("path, shape", [
    ("/v1/token", plain_408), ("/api/token", lambda answer: stage_002(answer, 408, "TIMEOUT")), ("/nope", plain_408),
])
@pytest.mark.parametrize("headers, first", [({"Content-Length": "20"}, b"xxxxx"), ({"Content-Length": "20"}, b""),
                                            ({"Transfer-Encoding": "chunked"}, b"5\r\nxx"), ({"Transfer-Encoding": "chunked"}, b"1\r\nx\r\n0\r\n")])
def test_a_partial_body(fast, path, shape, headers, first):
    """semantics H17, H12: 408 in the contract's shape, also for a body that is only dropped (HTP-12)."""
    with Wire(fast.address) as wire:
        begun = time.monotonic()
        wire.send(request("POST", path, None, {**JSON, **headers}) + first)
        cut_off(wire, begun, shape)


def test_a_dribbled_body(fast):
    """semantics H17: body_time is a total from the end of the head."""
    with Wire(fast.address) as wire:
        begun = time.monotonic()
        wire.send(post(body=b"", headers={"Content-Length": "100"}))
        for _ in range(18):
            wire.send(b"x")
            time.sleep(0.05)
        cut_off(wire, begun, plain_408)


def test_body_time_begins_after_the_head(start):
    """semantics H17: head_time from the first byte, body_time from the end of the head."""
    one = start({"ROOMKEY_LIMITS": "per_address=off,head_time=2s,body_time=2s"})
    data = post(body=b"{}")
    with Wire(one.address) as wire:
        for piece in (data[:10], data[10:-2]):
            wire.send(piece)
            time.sleep(1.1)
        wire.send(data[-2:])
        standard(wire.answer())


def test_head_time_of_the_second_request(fast, start):
    """semantics H17: from that request's own first byte."""
    with Wire(fast.address) as wire:
        begun = time.monotonic()
        wire.send(post() + b"GET /hea")
        standard(wire.answer())
        cut_off(wire, begun, plain_408)
    slow = start({"ROOMKEY_LIMITS": "per_address=off,head_time=2s,idle_time=2s"})
    with Wire(slow.address) as wire:
        wire.send(post())
        standard(wire.answer())
        time.sleep(1.1)
        wire.send(b"GET /heal")
        time.sleep(1.1)
        wire.send(b"thz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.answer().status == 200


@pytest.mark.parametrize("data", [b"", b"\r\n"])
def test_idle_is_closed_silently(fast, data):
    """semantics H17: a connection without a byte of a request is under idle_time (one CRLF is none, H2)."""
    with Wire(fast.address) as wire:
        begun = time.monotonic()
        wire.send(data)
        wire.expect_end()
        assert time.monotonic() - begun >= 0.25 and took(begun) <= LATE
        assert not wire.reset


def test_idle_after_an_answer(fast):
    """The same between requests."""
    with Wire(fast.address) as wire:
        begun = time.monotonic()
        wire.send(post())
        wire.answer()
        wire.expect_end()
        assert time.monotonic() - begun >= 0.25 and took(begun) <= LATE


def test_a_slow_reader(fast):
    """semantics H17: write_time, to the last byte taken (HTP-13): the rest of the answers is not sent."""
    wanted, rss = 30000, fast.rss_kib()
    with Wire(fast.address, receive_buffer=4096) as wire:
        wire.sock.settimeout(2)
        with contextlib.suppress(OSError):
            for _ in range(wanted // 100):
                wire.sock.sendall(request("GET", "/healthz") * 100)
        assert fast.rss_kib() - rss < 1024 or sanitized(), "H16: what is read ahead is bounded"
        wait_until(lambda: is_left(wire))  # it was given up, or a slow machine would be read as fast as it writes
        got = b""
        with contextlib.suppress(OSError):
            while data := wire.sock.recv(65536):
                got += data
        assert got.count(b"HTTP/1.1 200") < wanted
        wire.sock.settimeout(1)
    assert ask(fast.address, request("GET", "/healthz")).status == 200


def test_a_slow_reader_that_keeps_taking(start):
    """The no beside the yes: one who takes his bytes in time is served to the end."""
    one = start({"ROOMKEY_LIMITS": "per_address=off,write_time=2s"})
    with Wire(one.address, receive_buffer=4096) as wire:
        for _ in range(20):
            wire.send(request("GET", "/healthz") * 50)
            for _ in range(50):
                assert wire.answer().status == 200


def test_slowloris(start):
    """HTP-11: 200 slow heads; each is cut off, a normal client is served throughout."""
    one = start({"ROOMKEY_LIMITS": "per_address=off,head_time=1s"})
    slow = [Wire(one.address) for _ in range(200)]
    begun, served = time.monotonic(), 0
    sent = b"GET / HTTP/1.1\r\nX: " + b"y" * 50
    at = 0
    while time.monotonic() - begun < 1.3 or served < 5:
        if time.monotonic() - begun < 1.3:
            for wire in slow:
                wire.send(sent[at:at + 1])
            at += 1
        asked = time.monotonic()
        assert ask(one.address, post()).status == 200 and took(asked) < 1
        served += 1
        time.sleep(0.05)
    for wire in slow:
        plain_408(wire.answer())
        wire.close()


def test_clocks(start, tmp_path):
    """semantics H17, RTL-08: Date and iat follow the wall clock; deadlines and the limiter do not mind its jumps."""
    shim, offset = tmp_path / "shim.so", tmp_path / "offset"
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    here = __file__.rsplit("/", 1)[0]
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", shim, f"{here}/shim_clock.c"], check=True)
    offset.write_bytes((0).to_bytes(8, "little", signed=True))
    one = start({"LD_PRELOAD": str(shim), "RK_TEST_CLOCK": str(offset), "ROOMKEY_LIMITS": "per_address=1/s burst 2,idle_time=20s"})
    with Wire(one.address) as idle:
        for jump in (0, -3600, 86400, 0):
            with open(offset, "r+b") as file:
                file.write(jump.to_bytes(8, "little", signed=True))
            time.sleep(1.2)
            idle.send(request("GET", "/healthz"))
            assert idle.answer().status == 200
            answer = ask(one.address, post())
            assert answer.status == 200, f"locked out after a jump of {jump} s"
            claims = standard_at(answer, jump)
            assert -20 <= claims["iat"] - (time.time() + jump) <= 1
            assert ask(one.address, post()).status in (200, 429)
        assert 429 in [ask(one.address, post()).status for _ in range(8)], "the limiter is off after a jump"


def standard_at(answer, jump):
    """The claims of a token that was minted at another time."""
    import email.utils

    import jwt

    from process import SECRET
    date = email.utils.parsedate_to_datetime(answer.get("date")).timestamp()
    assert abs(date - time.time() - jump) < 20, answer.get("date")
    return jwt.decode(answer.json()["participant_token"], SECRET, algorithms=["HS256"],
                      options={"verify_exp": False, "verify_nbf": False, "verify_iat": False})


# -- H18


def closed_unanswered(address, source=None):
    """Whether that is what happens to a connection; the other thing is an answer."""
    with Wire(address, source=source) as wire:
        wire.send(request("GET", "/healthz"))
        end = time.monotonic() + 20
        while wire.buffer == b"" and wire._more(end):
            pass
        return wire.buffer == b""


def hold(address, count, source=None):
    """Open connections that have each had an answer, so they are counted."""
    held = []
    for _ in range(count):
        wire = Wire(address, source=source)
        wire.send(request("GET", "/healthz"))
        assert wire.answer().status == 200
        held.append(wire)
    return held


def eventually_served(address, source=None, within=20):
    end = time.monotonic() + within
    while time.monotonic() < end:
        if not closed_unanswered(address, source):
            return True
        time.sleep(0.05)
    return False


def test_connections(start):
    """semantics H18: over `connections` a new one is closed without an answer; those there go on; room comes back."""
    one = start({"ROOMKEY_LIMITS": "per_address=off,connections=8"})
    held = hold(one.address, 8)
    assert closed_unanswered(one.address)
    assert closed_unanswered(one.address, "127.0.0.2")
    for wire in held:
        wire.expect_open()
    held.pop().close()
    assert eventually_served(one.address)
    for wire in held:
        wire.close()


def test_connections_per_address(start):
    """semantics H18: each address has its own count."""
    one = start({"ROOMKEY_LIMITS": "per_address=off,connections_per_address=3"})
    held = hold(one.address, 3)
    assert closed_unanswered(one.address)
    other = hold(one.address, 3, "127.0.0.2")
    assert closed_unanswered(one.address, "127.0.0.2")
    held.pop().close()
    assert eventually_served(one.address)
    for wire in held + other:
        wire.close()


def test_connections_per_address_of_a_proxy(start):
    """semantics H18: trusted proxies are exempt from the latter."""
    one = start({"ROOMKEY_LIMITS": "per_address=off,connections_per_address=3", "ROOMKEY_TRUSTED_PROXIES": "127.0.0.1/32"})
    for wire in hold(one.address, 20):
        wire.close()
    held = hold(one.address, 3, "127.0.0.2")
    assert closed_unanswered(one.address, "127.0.0.2")
    for wire in held:
        wire.close()


def test_many_idle_connections(start):
    """HTP-19: 1,500 idle connections; the excess is closed, descriptors are bounded, health still answers."""
    one = start({"ROOMKEY_LIMITS": "per_address=off,connections=1500,connections_per_address=off"})
    before, rss = one.descriptors(), one.rss_kib()
    held = []
    for _ in range(1490):
        held.append(socket.create_connection(one.address))
    assert ask(one.address, request("GET", "/healthz")).status == 200
    extra = [socket.create_connection(one.address) for _ in range(200)]
    time.sleep(0.3)
    assert one.descriptors() <= before + 1500 + 8
    assert one.rss_kib() - rss < 8 * 1500 or sanitized(), "8 KiB for an idle connection is far too much"
    for sock in held + extra:
        sock.close()
    assert eventually_served(one.address)
    end = time.monotonic() + 20
    while one.descriptors() > before + 2 and time.monotonic() < end:
        time.sleep(0.05)
    assert one.descriptors() <= before + 2


def test_partial_heads_hold_little(start):
    """semantics H18: a partial head holds its own bytes, not an arena: more of them than any pool has arenas, and others are served."""
    one = start({"ROOMKEY_LIMITS": "per_address=off,connections_per_address=off,head_time=60s"})
    held = []
    for _ in range(1500):
        sock = socket.create_connection(one.address)
        sock.sendall(b"POST /v1/token HTTP/1.1\r\nHost: x\r\nX-Some: value\r\n")
        held.append(sock)
    standard(ask(one.address, post()))
    stage = ask(one.address, post("/api/token", GOOD))
    assert stage.status == 200
    for sock in held[::100]:
        sock.sendall(b"Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n" + chunked(b"{}"))
        sock.settimeout(20)
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
    for sock in held:
        sock.close()


def test_low_descriptor_limit_is_said(start):
    """semantics H18: the soft limit is raised to the hard one; if still too low, `connections` is lowered and a warning logged."""
    one = start({"ROOMKEY_LIMITS": "per_address=off,connections=5000"}, launcher=["prlimit", "--nofile=32:4096"])
    assert [event for event in one.events if event.get("level") == "warn"], one.lines
    with open(f"/proc/{one.pid}/limits", encoding="ascii") as limits:
        row = next(line for line in limits if line.startswith("Max open files"))
    assert row.split()[3:5] == ["4096", "4096"], row
    standard(ask(one.address, post()))
