"""Attacks on calls that wait: for Redis, a hook, a key, the audit log; while clients leave, answers are not taken, rules are withdrawn and the service ends."""

import contextlib
import signal
import threading
import time

from conf import LOCAL_FILES, allowed, as_local, base, everything, local, running, wait_until, want
from idp import Reply, Server
from shapes import problem
from test_hook import SECRET as HOOK_SECRET
from test_shared_limits import FakeRedis
from wire import Wire, post

class MuteRedis(FakeRedis):
    """Greets, then takes every command and answers none."""

    def __init__(self):
        super().__init__(None)

    def _serve(self, sock):
        with contextlib.suppress(OSError), sock:
            while data := sock.recv(65536):
                self.got += data
                if b"PING" in data:
                    sock.sendall(b"+PONG\r\n")


ONE_WORKER = {"ROOMKEY_WORKERS": "1"}


def limited(port, layer, rate="1000/s", timeout="1s", **more):
    doc = base(callers=[local()], rules=[everything(**more)], redis={"url": f"redis://127.0.0.1:{port}", "timeout": timeout})
    doc["limits"][layer] = rate
    return doc


def test_the_end_while_redis_is_asked(tmp_path):
    """Clients leave while their limits are asked for, and the service ends before the answer: nothing is touched that was given back."""
    fake = MuteRedis()
    try:
        with running(tmp_path, limited(fake.port, "per_caller"), LOCAL_FILES, ONE_WORKER) as one:
            wires = [Wire(one.address) for _ in range(20)]
            for n, wire in enumerate(wires):
                wire.send(post(headers=as_local(f"sub-{n}")))
            wait_until(lambda: fake.got.count(b"EVALSHA") >= 10)
            for wire in wires:
                wire.abort()
            begun = time.monotonic()
            one.send_signal(signal.SIGTERM)
            assert one.wait(5) == 0 and time.monotonic() - begun < 3
    finally:
        fake.close()


def test_answers_nobody_takes(tmp_path):
    """Clients who do not read their answers keep no arena: others who must wait are still served."""
    text = "x" * 4000
    doc = base(callers=[local()], rules=[everything(request_may_set=["metadata"])], audit={"file": "audit.jsonl", "required": True})
    doc["limits"].update(write_time="60s", connections_per_address="off")
    with running(tmp_path, doc, LOCAL_FILES, ONE_WORKER) as one:
        request = post(body=b'{"participant_metadata": "%s"}' % text.encode(), headers=as_local())
        wires = [Wire(one.address, timeout=30, receive_buffer=2048) for _ in range(70)]

        def push(wire):
            wire.sock.setblocking(False)
            left = memoryview(request * 600)
            quiet = time.monotonic()
            while left and time.monotonic() - quiet < 1.5:
                try:
                    left = left[wire.sock.send(left):]
                    quiet = time.monotonic()
                except BlockingIOError:
                    time.sleep(0.02)

        threads = [threading.Thread(target=push, args=(wire,)) for wire in wires]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for _ in range(3):
            allowed(want(one, headers=as_local("bob")), "lobby", "bob")
        for wire in wires:
            wire.abort()


def test_more_calls_than_arenas(tmp_path):
    """A hundred calls wait for a Redis that does not answer, in their bodies: the local limit stands for those who find no arena."""
    fake = MuteRedis()
    try:
        with running(tmp_path, limited(fake.port, "per_room"), LOCAL_FILES, ONE_WORKER) as one:
            wires = [Wire(one.address) for _ in range(30)]
            wait_until(lambda: b"PING" in fake.got)
            time.sleep(0.3)
            wires += [Wire(one.address) for _ in range(70)]
            for n, wire in enumerate(wires):
                wire.send(post(headers=as_local(f"sub-{n}")))
            for n, wire in enumerate(wires):
                allowed(wire.answer(), "lobby", f"sub-{n}")
    finally:
        fake.close()


def test_a_call_that_begins_to_wait_when_the_drain_is_nearly_over(tmp_path):
    """H21: 503 draining, not a connection cut off."""
    with Server() as hook:
        hook.table["/may"] = Reply(hang=True)
        doc = base(callers=[local()], rules=[everything(ask={"url": hook.url + "/may", "secret_file": "hook.key", "timeout": "10s"})])
        doc["limits"]["body_time"] = "30s"
        with running(tmp_path, doc, {**LOCAL_FILES, "hook.key": HOOK_SECRET}, ONE_WORKER) as one:
            with Wire(one.address, timeout=12) as wire:
                whole = post(headers=as_local())
                wire.send(whole[:-1])
                time.sleep(0.2)
                begun = time.monotonic()
                one.send_signal(signal.SIGTERM)
                time.sleep(8.7 - (time.monotonic() - begun))
                wire.send(whole[-1:])
                problem(wire.answer(within=1), 503, "draining")
            assert one.wait(3) == 0


def test_the_platform_s_id_alone(tmp_path):
    """D1, D2: half of the platform's headers is a credential too, and does not make its bearer a guest."""
    doc = base(callers=[{"name": "azure", "easy_auth": {"providers": ["aad"]}}], anonymous="rules", rules=[{"id": "guests", "caller": "anonymous", "room": "lobby"}])
    with running(tmp_path, doc, LOCAL_FILES, {"WEBSITE_AUTH_ENABLED": "True", "WEBSITE_SITE_NAME": "site"}) as one:
        assert want(one).status == 200
        problem(want(one, headers={"X-MS-CLIENT-PRINCIPAL-ID": "alice"}), 401, "invalid_token")
        problem(want(one, headers={"X-MS-CLIENT-PRINCIPAL-IDP": "aad", "X-MS-CLIENT-PRINCIPAL-ID": "alice"}), 401, "invalid_token")
