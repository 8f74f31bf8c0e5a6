"""The end: semantics H21. Accepted requests are answered, new connections refused, exit 0 within 10 s (HTP-24)."""

import contextlib
import signal
import socket
import time

import pytest

from conf import wait_until
from machine import took
from shapes import standard
from wire import GOOD, Wire, ask, post, request, wait_taken

BOTH = [signal.SIGTERM, signal.SIGINT]


@pytest.mark.parametrize("number", BOTH)
def test_nothing_to_do(start, number):
    """Exit 0, at once."""
    one = start()
    one.stop(number)
    assert took(one.signalled) < 2
    assert [event["event"] for event in one.events][-2:] == ["draining", "stopped"]


@pytest.mark.parametrize("number", BOTH)
def test_idle_connections_are_closed(start, number):
    """semantics H21: idle connections are closed, new ones refused."""
    one = start()
    with Wire(one.address) as fresh, Wire(one.address) as used:
        used.send(post())
        standard(used.answer())
        one.send_signal(number)
        fresh.expect_end()
        used.expect_end()
        assert one.wait() == 0
        assert took(one.signalled) < 3
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(one.address)


@pytest.mark.parametrize("number", BOTH)
@pytest.mark.parametrize("cut", [1, 20, 60, -1])
def test_a_request_that_has_begun(start, number, cut):
    """semantics H21: what was received before the signal is a request begun and is served to its answer, the last on its connection."""
    one = start()
    data = post("/api/token", GOOD)
    with Wire(one.address) as wire:
        wire.send(data[:cut])
        wire.wait_taken()
        one.send_signal(number)
        one.wait_event("draining")
        time.sleep(0.1)
        wire.send(data[cut:] + request("GET", "/healthz"))
        answer = wire.answer()
        assert answer.status == 200 and answer.closes
        wire.expect_end()
    assert one.wait() == 0


def test_a_hundred_requests(start):
    """HTP-24: SIGTERM during 100 requests; all are answered, exit 0."""
    one = start()
    data = post()
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(one.address)) for _ in range(100)]
        for wire in wires:
            wire.send(data[:-1])
        wait_taken(wires)
        one.send_signal(signal.SIGTERM)
        one.wait_event("draining")
        for wire in wires:
            wire.send(data[-1:])
        for wire in wires:
            answer = wire.answer()
            standard(answer)
            assert answer.closes
            wire.expect_end()
    assert one.wait() == 0
    assert len([line for line in one.requests() if line["status"] == 200]) == 100


def test_the_backlog_is_served(start):
    """semantics H21: listeners close after accepting what is queued; connections in the backlog are served, not reset."""
    one = start()
    one.send_signal(signal.SIGSTOP)
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(one.address)) for _ in range(50)]
        for wire in wires:
            wire.send(post())
        one.send_signal(signal.SIGTERM)
        one.send_signal(signal.SIGCONT)
        for wire in wires:
            standard(wire.answer())  # a worker may have it before the signal was seen: then idle, and closed
            wire.expect_end()
            assert not wire.reset
    assert one.wait() == 0


def test_pipelined_requests(start):
    """semantics H21: while draining every answer carries Connection: close and is the last on its connection."""
    one = start()
    with Wire(one.address) as wire:
        wire.send(post()[:-1])
        wire.wait_taken()
        one.send_signal(signal.SIGTERM)
        one.wait_event("draining")
        wire.send(post()[-1:] + post() + post())
        answer = wire.answer()
        standard(answer)
        assert answer.closes
        wire.expect_end()
    assert one.wait() == 0


@pytest.mark.parametrize("data, status", [(request("GET", "/nope"), 404), (post(body=b"x"), 400), (request("OPTIONS", "/v1/token"), 204),
                                          (b"bad\r\n\r\n", 400), (request("GET", "/readyz"), None)])
def test_other_answers_close_too(start, data, status):
    """semantics H21: every answer."""
    one = start()
    with Wire(one.address) as wire:
        wire.send(data[:2])
        wire.wait_taken()
        one.send_signal(signal.SIGTERM)
        one.wait_event("draining")
        wire.send(data[2:])
        answer = wire.answer()
        assert answer.status == (status or answer.status)
        assert answer.closes
        wire.expect_end()
    assert one.wait() == 0


def test_somebody_dribbles(start):
    """semantics H21: exit 0 by 10 s at the latest, one log line if somebody still dribbled."""
    one = start({"ROOMKEY_LIMITS": "per_address=off,head_time=60s,body_time=60s"})
    with Wire(one.address) as wire:
        wire.send(post()[:-1])
        wire.wait_taken()
        one.send_signal(signal.SIGTERM)
        assert one.wait() == 0
        assert 3 < time.monotonic() - one.signalled and took(one.signalled) < 10.5
    assert [event for event in one.events if event.get("level") == "warn"], one.lines


@pytest.mark.parametrize("first, second", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM), (signal.SIGINT, signal.SIGINT)])
def test_a_second_signal(start, first, second):
    """semantics H21: exits at once with 1."""
    one = start()
    with Wire(one.address) as wire:
        wire.send(post()[:-1])
        wire.wait_taken()
        one.send_signal(first)
        one.wait_event("draining")
        one.send_signal(second)
        assert one.wait() == 1
        assert took(one.signalled) < 2


def test_sighup(start):
    """semantics H21: SIGHUP without a file is logged and ignored."""
    one = start()
    with Wire(one.address) as wire:
        wire.send(post())
        standard(wire.answer())
        before = len(one.events)
        one.send_signal(signal.SIGHUP)
        wait_until(lambda: [event for event in one.events[before:] if event["event"] != "request"])  # it is logged
        wire.send(post())
        standard(wire.answer())
    standard(ask(one.address, post()))


def test_many_starts_and_ends(start):
    """Start and stop 15 times, under traffic: exit 0 each time."""
    for _ in range(15):
        one = start()
        with Wire(one.address) as wire:
            wire.send(post() * 20)
            one.stop()
