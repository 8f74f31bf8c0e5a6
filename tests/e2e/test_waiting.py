"""Calls that wait (for keys, a hook, the audit log, Redis): they leave, they queue, they are cut short, and nobody else notices."""

import contextlib
import json
import signal
import socket
import threading
import time

import pytest

from conf import LOCAL_FILES, Conf, allowed, api_key, as_local, bad_token, base, everything, local, oidc, running, sanitized, wait_until, want
from idp import Key, Provider, Reply, Server, bearer, main_key, rsa_private, signed
from machine import least, took
from shapes import problem
from test_audit import stalled_pipe
from wire import JSON, Wire, ask, post, request, wait_taken

SLOW = {"fresh": "1h", "cooldown": "100ms", "timeout": "3s"}
PATIENT = {**SLOW, "timeout": "20s"}  # for a provider that answers when the test lets it
HOOK_FILES = {**LOCAL_FILES, "hook.key": b"hook-secret-0123456789abcdef0123456789"}


def percentile(times, share):
    return sorted(times)[int(len(times) * share)]


def p99_of(one, headers, count=200):
    """Seconds, on one connection, of a caller who waits for nothing."""
    times, data = [], post(body=b'{"room_name":"other"}', headers=headers)
    with Wire(one.address) as wire:
        for _ in range(count):
            begun = time.monotonic()
            wire.send(data)
            assert wire.answer().status == 200
            times.append(took(begun))
            time.sleep(0.001)
    return percentile(times, 0.99)


def stranger(idp, kid="nobody-knows"):
    return bearer(signed(idp.main, idp.header(kid=kid), idp.claims("mallory")))


@pytest.fixture
def idp():
    with Provider({"RS256": main_key()}) as one:
        yield one


@pytest.fixture
def hook():
    with Server() as one:
        one.table["/may"] = Reply({"allow": True})
        yield one


def held(go, body):
    """A path that answers once `go` is set."""
    return lambda seen: (go.wait(20), Reply(body()))[1]


def keys_conf(idp, jwks=None, **more):
    callers = [oidc(idp, jwks=jwks or SLOW, identity="staff:{sub}"), {"name": "robots", "api_keys_file": "api-keys.yaml", "identity": "robot:{sub}"}]
    return base(callers=callers, rules=[everything()], **more)


KEY_FILES = {"api-keys.yaml": {"robot": {"sha256": api_key()[1]}}}


def robot():
    return {"X-API-Key": api_key()[0]}


def hook_conf(hook, timeout="5s", **more):
    rules = [{"id": "asked", "room": "team-*", "default_room": "team-1", "ask": {"url": hook.url + "/may", "secret_file": "hook.key", "timeout": timeout}}, {"id": "open", "room": "*"}]
    return base(callers=[local()], rules=rules, **more)


@contextlib.contextmanager
def world(kind, tmp_path, idp, hook, jwks=None, timeout="5s"):
    """(service, headers that wait, headers that do not): everything under this configuration waits for `kind`."""
    if kind == "keys":
        with running(tmp_path, keys_conf(idp, jwks), KEY_FILES) as one:
            wait_until(lambda: want(one, headers=bearer(idp.token())).status == 200)
            time.sleep(0.3)  # the cool-down, if that call joined the first fetch
            idp.misbehave(Reply(idp.jwks(), wait=1))
            yield one, stranger(idp), robot()
    elif kind == "hook":
        hook.table["/may"] = Reply({"allow": True}, wait=1)
        with running(tmp_path, hook_conf(hook, timeout), HOOK_FILES) as one:
            yield one, as_local(), None
    elif kind == "audit":
        path = str(tmp_path / "pipe")
        doc = base(callers=[local()], rules=[everything()], audit={"file": path, "required": True})
        with stalled_pipe(path), running(tmp_path, doc, LOCAL_FILES) as one:
            yield one, as_local(), None
    else:
        with Server() as redis:  # it takes everything and says nothing
            doc = base(callers=[local()], rules=[everything()], redis={"url": f"redis://127.0.0.1:{redis.port}", "timeout": "1s"})
            doc["limits"]["per_caller"] = "100000/s burst 100000"
            with running(tmp_path, doc, LOCAL_FILES) as one:
                yield one, as_local(), None


@pytest.mark.parametrize("how", ["FIN", "RST"])
@pytest.mark.parametrize("kind", ["keys", "hook", "audit", "redis"])
def test_clients_that_leave(tmp_path, idp, hook, kind, how):
    """Hundreds leave while they wait, before their body is sent and after: no descriptor and no memory is lost, and service goes on."""
    with world(kind, tmp_path, idp, hook) as (one, waits, _):
        whole = post(headers=waits, body=b'{"room_name":"team-1"}')
        head_only = whole[:-5]

        def wave(count):
            wires = [Wire(one.address) for _ in range(count)]
            for n, wire in enumerate(wires):
                wire.send(head_only if n % 4 == 0 else whole)
            time.sleep(0.03)
            for wire in wires:
                (wire.abort if how == "RST" else wire.close)()

        for _ in range(8):  # what is kept for reuse is there now
            wave(40)
        time.sleep(0.3)
        fds, rss = one.descriptors(), one.rss_kib()
        for _ in range(8):
            wave(40)
        wait_until(lambda: one.descriptors() <= fds + 8)
        assert one.rss_kib() - rss < 3072 or sanitized(), (rss, one.rss_kib())
        assert ask(one.address, request("GET", "/livez")).status == 200
        idp.misbehave(None)
        hook.table["/may"] = Reply({"allow": True})
        if kind == "keys":
            wait_until(lambda: want(one, headers=bearer(idp.token())).status == 200)
            allowed(want(one, headers=robot()), "lobby", "robot:robot", grants=None)
        elif kind == "hook":
            wait_until(lambda: want(one, headers=as_local()).status == 200)


def test_pipelined_behind_one_that_waits(tmp_path, idp, hook):
    """Answers come in the order of the requests, whatever waits, in its head or in its body."""
    with world("keys", tmp_path, idp, hook) as (one, waits, quick), Wire(one.address) as wire:
        begun = time.monotonic()
        wire.send(post(headers=waits) + post(headers=quick) + request("GET", "/livez") + post(headers=quick, body=b'{"room_name":"b"}'))
        bad_token(wire.answer())
        assert time.monotonic() - begun > 0.5
        allowed(wire.answer(), "lobby", "robot:robot", grants=None)
        assert b"participant" not in wire.answer().body
        allowed(wire.answer(), "b", grants=None)
    directory = tmp_path / "hook"
    directory.mkdir()
    with world("hook", directory, idp, hook) as (one, waits, _), Wire(one.address) as wire:
        wire.send(post(headers=waits) + post(headers=as_local(), body=b'{"room_name":"other"}') + post(headers=waits, body=b'{"room_name":"team-2"}'))
        for room in ("team-1", "other", "team-2"):
            allowed(wire.answer(), room)
        wire.expect_open()


def test_100_only_after_verification(tmp_path, idp, hook):
    """Expect: 100-continue under a key that is not known yet: 100 when it has been verified; a refusal closes without it."""
    with world("keys", tmp_path, idp, hook, PATIENT) as (one, waits, _):
        body, go = b'{"room_name":"expected"}', threading.Event()
        idp.table["/jwks"] = held(go, idp.jwks)
        with Wire(one.address) as wire:
            wire.send(request("POST", "/v1/token", None, {**JSON, **waits, "Content-Length": len(body), "Expect": "100-continue"}))
            wire.expect_silence(0.3)
            go.set()
            bad_token(wire.answer())
            wire.expect_end()
        idp.keys["new"] = Key(rsa_private("another"), "new", "RS256")
        go.clear()
        time.sleep(0.2)
        with Wire(one.address) as wire:
            wire.send(request("POST", "/v1/token", None, {**JSON, **bearer(idp.token("bob", idp.keys["new"])), "Content-Length": len(body), "Expect": "100-continue"}))
            wire.expect_silence(0.3)
            go.set()
            wire.continued()
            wire.send(body)
            allowed(wire.answer(), "expected", "staff:bob")
            wire.expect_open()


def test_http_1_0(tmp_path, idp, hook):
    with world("hook", tmp_path, idp, hook) as (one, waits, _), Wire(one.address) as wire:
        wire.send(post(headers=waits, version="HTTP/1.0"))
        allowed(wire.answer(), "team-1")
        wire.expect_end()


def test_a_half_close_while_waiting(tmp_path, idp, hook):
    """The answer of a request that is whole is sent, or the connection is gone; nothing stays behind."""
    with world("hook", tmp_path, idp, hook) as (one, waits, _), Wire(one.address) as wire:
        wire.send(post(headers=waits))
        wire.sock.shutdown(socket.SHUT_WR)
        time.sleep(1.3)
        with contextlib.suppress(OSError):
            wire.sock.recv(65536)
        assert ask(one.address, request("GET", "/livez")).status == 200


def test_a_drain_while_a_hook_never_answers(tmp_path, hook):
    """semantics H21: 503 draining before the ten seconds are over, and exit 0."""
    hook.table["/may"] = Reply(hang=True)
    with running(tmp_path, hook_conf(hook, "10s"), HOOK_FILES) as one:
        wires = [Wire(one.address) for _ in range(30)]
        for wire in wires:
            wire.send(post(headers=as_local()))
        hook.wait_count(30, "/may")
        thread = threading.Thread(target=one.stop)
        thread.start()
        for wire in wires:
            answer = wire.answer()
            body = problem(answer, 503, "draining")
            assert answer.closes and "draining" in body["code"], answer
            wire.close()
        assert took(one.signalled) < 10
        thread.join(30)
        assert not thread.is_alive() and one.child.returncode == 0
        assert took(one.signalled) < 10.5


def test_the_end_while_redis_is_asked(tmp_path, idp, hook):
    """Clients leave, the service ends at once, questions to Redis are still under way."""
    for n in range(3):
        directory = tmp_path / str(n)
        directory.mkdir()
        with world("redis", directory, idp, hook) as (one, waits, _):
            wires = [Wire(one.address) for _ in range(10)]
            for wire in wires:
                wire.send(post(headers=waits))
            time.sleep(0.02)
            for wire in wires:
                wire.abort()


@pytest.mark.parametrize("kind", ["keys", "hook"])
def test_a_reload_while_waiting(tmp_path, idp, hook, kind):
    """design §2: never decided on withdrawn rules: 503 with Retry-After. (Where nothing changed: tests/hosting/test_change.py.)"""
    with world(kind, tmp_path, idp, hook, PATIENT, "10s") as (one, waits, _):
        go = threading.Event()
        with open(one.conf.path, encoding="utf-8") as file:
            doc = json.load(file)
        doc["rules"][0]["ttl"] = "5m"
        one.conf.write(doc)
        idp.table["/jwks"] = held(go, idp.jwks)
        hook.table["/may"] = held(go, lambda: {"allow": True})
        wires, data = [Wire(one.address) for _ in range(10)], post(headers=waits)
        for wire in wires:
            wire.send(data)
        wait_taken(wires)
        one.send_signal(signal.SIGHUP)
        one.wait_event("reloaded")
        go.set()
        for wire in wires:
            problem(wire.answer(), 503, "unavailable")
            wire.close()


def test_256_wait_for_one_issuer(tmp_path, idp):
    """The 257th gets 503 at once; known keys and API keys are answered as ever."""
    with running(tmp_path, keys_conf(idp, {**PATIENT, "cooldown": "1s"}), KEY_FILES) as one:
        wait_until(lambda: want(one, headers=bearer(idp.token())).status == 200)
        time.sleep(1.1)
        go = threading.Event()
        idp.table["/jwks"] = held(go, idp.jwks)
        wires = [Wire(one.address) for _ in range(300)]
        for wire, data in zip(wires, [post(headers=stranger(idp, f"kid-{n}")) for n in range(300)]):
            wire.send(data)
        p99 = tuple(least(lambda headers=headers: p99_of(one, headers), 0.1, 3) for headers in (robot(), bearer(idp.token())))
        wait_taken(wires)
        go.set()
        print(f"p99 while 256 wait: API key {p99[0] * 1000:.1f} ms, known key {p99[1] * 1000:.1f} ms")
        statuses = [wire.answer().status for wire in wires]
        for wire in wires:
            wire.close()
        assert statuses.count(401) == 256 and statuses.count(503) == 44, (statuses.count(401), statuses.count(503))
        assert max(p99) < 0.1 or sanitized(), p99


def test_required_audit_on_a_stalled_pipe(tmp_path, idp, hook):
    """503 within a second and a bit."""
    with world("audit", tmp_path, idp, hook) as (one, waits, _):
        def measure():
            begun = time.monotonic()
            problem(want(one, headers=waits), 503, "unavailable")
            return took(begun)

        for _ in range(3):
            assert least(measure, 1.4) < 1.4


def test_failing_hooks_slow_nobody(tmp_path, hook):
    """WHK-04: many calls of a rule whose hook hangs or fails; other rules' callers do not feel it."""
    hook.table["/may"] = Reply(hang=True)
    with running(tmp_path, hook_conf(hook, "300ms"), HOOK_FILES) as one:
        stop = threading.Event()

        def pester():
            with Wire(one.address) as wire:
                while not stop.is_set():
                    wire.send(post(headers=as_local()))
                    problem(wire.answer(), 503, "unavailable")
                    time.sleep(0.01)

        threads = [threading.Thread(target=pester) for _ in range(10)]
        for thread in threads:
            thread.start()
        p99 = least(lambda: p99_of(one, as_local()), 0.1, 3)
        stop.set()
        for thread in threads:
            thread.join(5)
        print(f"p99 beside a hook that hangs: {p99 * 1000:.1f} ms")
        assert p99 < 0.1 or sanitized(), p99
        assert hook.count("/may") <= 16, "the breaker opened"
