"""When things go wrong around it: descriptors, memory, peers that go away. That request fails, the service goes on (issue, Bad input)."""

import contextlib
import os
import random
import resource
import select
import socket
import time

import pytest

from conf import wait_until
from shapes import standard
from wire import JSON, Wire, ask, post, request


def settle(one, wanted, within=20):
    """Descriptors come back to what they were, and stay so: connections that are still queued come up later."""
    end, calm, count = time.monotonic() + within, 0, 0
    while calm < 10 and time.monotonic() < end:
        count = one.descriptors()
        calm = calm + 1 if count <= wanted else 0
        time.sleep(0.02)
    return count


def served(one):
    """Whether a request is answered: a connection that came while there was no room is closed without."""
    try:
        answer = ask(one.address, post())
    except (AssertionError, OSError):
        return False
    standard(answer)
    return True


def warm(one):
    """How many descriptors it has at rest, once every worker has served somebody."""
    wires = [Wire(one.address) for _ in range(20)]
    for wire in wires:
        wire.send(post())
        standard(wire.answer())
    for wire in wires:
        wire.close()
    counts = []
    while len(counts) < 10 or len(set(counts[-10:])) != 1:
        counts.append(one.descriptors())
        time.sleep(0.02)
    return counts[-1]


def test_out_of_descriptors(start):
    """issue: a reserve descriptor closes the excess accept, no busy loop, service resumes when descriptors return."""
    one = start()
    base = warm(one)
    hard = resource.prlimit(one.pid, resource.RLIMIT_NOFILE)[1]
    highest = max(one.fds())
    resource.prlimit(one.pid, resource.RLIMIT_NOFILE, (highest + 11, hard))
    held = [socket.create_connection(one.address) for _ in range(60)]

    def closed():
        ready, _, _ = select.select(held, [], [], 0)  # nothing was asked, so what can be read is the end
        return len(ready)

    wait_until(lambda: closed() >= 30)  # the excess is closed, not left hanging
    before = one.cpu_s()
    time.sleep(1)
    assert one.cpu_s() - before < 0.2, "busy loop"
    for sock in held:
        sock.close()
    settle(one, base)
    for _ in range(5):
        standard(ask(one.address, post()))
    resource.prlimit(one.pid, resource.RLIMIT_NOFILE, (hard, hard))
    for _ in range(5):
        standard(ask(one.address, post()))


def test_served_while_others_are_refused(start):
    """The connections that are there go on while there are no descriptors."""
    one = start()
    with Wire(one.address) as wire:
        wire.send(post())
        standard(wire.answer())
        hard = resource.prlimit(one.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(one.pid, resource.RLIMIT_NOFILE, (max(one.fds()) + 1, hard))
        held = [socket.create_connection(one.address) for _ in range(20)]
        for _ in range(20):
            wire.send(post())
            standard(wire.answer())
        for sock in held:
            sock.close()


def test_started_with_few_descriptors(start):
    """semantics H18, and then more connections than fit: they are closed, the service goes on."""
    one = start(launcher=["prlimit", "--nofile=40:40"])
    assert [event for event in one.events if event.get("level") == "warn"], one.lines
    held = []
    for _ in range(100):
        held.append(socket.create_connection(one.address))
    time.sleep(0.2)
    assert one.descriptors() <= 40
    for sock in held:
        sock.close()
    wait_until(lambda: served(one))


def test_out_of_memory(start):
    """issue: out of memory in a request: that request fails, the service goes on."""
    one = start({"ROOMKEY_LIMITS": "per_address=off,connections_per_address=off"})
    standard(ask(one.address, post()))
    with open(f"/proc/{one.pid}/statm", encoding="ascii") as statm:
        size = int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    old = resource.prlimit(one.pid, resource.RLIMIT_AS)
    resource.prlimit(one.pid, resource.RLIMIT_AS, (size + (1 << 16), old[1]))
    body = b'{"x":[' + b'"' + b"y" * 60000 + b'"]}'
    data = post(body=body)
    wires = []
    for _ in range(150):
        wire = Wire(one.address)
        wire.send(data[:-1])
        wires.append(wire)
    time.sleep(0.3)
    outcomes = []
    for wire in wires:
        wire.send(data[-1:])
        end = time.monotonic() + 20
        while wire._more(end) and b"\r\n\r\n" not in wire.buffer:
            pass
        outcomes.append(wire.buffer[9:12] or b"end")
        wire.close()
    assert one.alive()
    assert set(outcomes) <= {b"200", b"500", b"503", b"end"}, set(outcomes)
    resource.prlimit(one.pid, resource.RLIMIT_AS, old)
    wait_until(lambda: served(one))
    for _ in range(10):
        standard(ask(one.address, post()))


@pytest.mark.parametrize("how", ["fin", "rst", "half close"])
@pytest.mark.parametrize("what", ["head", "body", "answer", "many answers", "continue"])
def test_clients_that_go_away(start, how, what):
    """HTP-23: mid-request and mid-answer, by FIN, RST and half-close: no leak of descriptors, SIGPIPE is no end."""
    one = start()
    base = warm(one)
    data = {"head": b"POST /v1/token HTTP/1.1\r\nHo", "body": post()[:-1], "answer": post(), "many answers": post() * 50,
            "continue": post(body=None, headers={"Content-Length": "5", "Expect": "100-continue"})}[what]
    for _ in range(300):
        wire = Wire(one.address)
        wire.send(data)
        if how == "rst":
            wire.abort()
        elif how == "half close":
            with contextlib.suppress(OSError):
                wire.half_close()
            wire.close()
        else:
            wire.close()
    assert settle(one, base) <= base
    standard(ask(one.address, post()))


def test_ten_thousand_rounds(start):
    """HTP-23: no leak over 10,000 rounds, descriptors and memory."""
    one = start({"ROOMKEY_LIMITS": "per_address=off,connections_per_address=off"})
    rng = random.Random(1)
    pieces = [b"P", post()[:40], post()[:-1], post(), post() * 3, b"bad\r\n\r\n", post(headers={"Transfer-Encoding": "chunked"}, body=b"5\r\nab"),
              post(body=b"", headers={"Content-Length": "70000"}), b""]

    def rounds(count):
        for _ in range(count):
            sock = socket.create_connection(one.address)
            sock.sendall(rng.choice(pieces))
            choice = rng.random()
            if choice < 0.3:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            elif choice < 0.5:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_WR)
            elif choice < 0.6:
                sock.settimeout(0.005)
                with contextlib.suppress(OSError):
                    sock.recv(100)
            sock.close()

    base = warm(one)
    rounds(2000)
    settle(one, base)
    memory = one.rss_kib()
    rounds(8000)
    assert settle(one, base) <= base
    assert one.rss_kib() - memory < 1024
    standard(ask(one.address, post()))


def test_reset_right_after_connect(start):
    """Connections that are gone before they are accepted."""
    one = start()
    base = warm(one)
    for _ in range(500):
        sock = socket.create_connection(one.address)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
    standard(ask(one.address, post()))
    assert settle(one, base) <= base


def test_noise(start):
    """Random bytes, and requests with random bytes changed: at most one answer per request, never a 5xx, never a crash."""
    one = start({"ROOMKEY_LIMITS": "per_address=off,head_time=300ms,body_time=300ms"})
    rng = random.Random(7)
    valid = post(body=b'{"room_name":"r","participant_name":"n"}', headers={"X-A": "b", "Connection": "keep-alive"})
    for turn in range(600):
        if turn % 3 == 0:
            data = rng.randbytes(rng.randrange(1, 400))
        else:
            changed = bytearray(valid)
            for _ in range(rng.randrange(1, 4)):
                changed[rng.randrange(len(changed))] = rng.randrange(256)
            data = bytes(changed)
        with Wire(one.address) as wire:
            wire.send(data)
            wire.half_close()
            end = time.monotonic() + 20
            while wire._more(end):
                pass
            assert wire.buffer.count(b"HTTP/1.1 ") <= 2, (data, wire.buffer)
            assert not wire.buffer.startswith(b"HTTP/1.1 50") or wire.buffer.startswith(b"HTTP/1.1 505"), (data, wire.buffer)
    standard(ask(one.address, post()))


def test_an_answer_larger_than_the_socket_buffer(start):
    """Many pipelined answers to a reader with a small window: nothing is lost, in order."""
    one = start()
    with Wire(one.address, receive_buffer=2048, timeout=20) as wire:
        wire.send(b"".join(post(body=b'{"room_name":"r%d"}' % at) for at in range(400)))
        time.sleep(0.5)
        for at in range(400):
            assert wire.answer().json()["room_name"] == f"r{at}"
        wire.expect_open()


def test_cpu_is_idle_when_nothing_happens(start):
    """No busy loop: idle, with idle connections, with half a request."""
    one = start()
    with Wire(one.address), Wire(one.address) as wire:
        wire.send(request("POST", "/v1/token", None, {**JSON, "Content-Length": "5"}) + b"x")
        time.sleep(0.2)
        before = one.cpu_s()
        time.sleep(1.5)
        assert one.cpu_s() - before < 0.1
