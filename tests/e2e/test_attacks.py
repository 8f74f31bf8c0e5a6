"""Attacks on calls that wait: for Redis, a hook, a key, the audit log; while clients leave, answers are not taken, rules are withdrawn and the service ends."""

import collections
import contextlib
import json
import random
import signal
import threading
import time

import pytest

from conf import LOCAL_FILES, allowed, api_key, as_local, base, everything, local, oidc, peek, running, wait_until, want
from idp import Key, Provider, Reply, Server, bearer, ec_private, main_key
from machine import took
from scrape import admin_of, scrape
from shapes import problem
from test_hook import SECRET as HOOK_SECRET
from test_shared_limits import FakeRedis, Redis
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
    doc = base(callers=[local()], rules=[everything(**more)], redis={"url": f"redis://127.0.0.1:{port}", "timeout": timeout},
               admin_listen="127.0.0.1:0")
    doc["limits"][layer] = rate
    return doc


def wait_greeted(one):
    """Until it has Redis' greeting: what comes before is decided by the local limit, and asks nobody."""
    wait_until(lambda: scrape(admin_of(one))["roomkey_redis_up", ()] == 1)


def test_the_end_while_redis_is_asked(tmp_path):
    """Clients leave while their limits are asked for, and the service ends before the answer: nothing is touched that was given back."""
    fake = MuteRedis()
    try:
        with running(tmp_path, limited(fake.port, "per_caller"), LOCAL_FILES, ONE_WORKER) as one:
            wait_greeted(one)
            wires = [Wire(one.address) for _ in range(20)]
            for n, wire in enumerate(wires):
                wire.send(post(headers=as_local(f"sub-{n}")))
            wait_until(lambda: fake.got.count(b"EVALSHA") >= 10)
            for wire in wires:
                wire.abort()
            one.send_signal(signal.SIGTERM)
            assert one.wait() == 0 and took(one.signalled) < 3
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
        # 70 calls at work are more than may wait at a time, until nothing moves any more. Arenas held by answers would last for write_time.
        # One answer may come between two of theirs, so it is four in a row.
        wait_until(lambda: all(want(one, headers=as_local("bob")).status == 200 for _ in range(4)), 30)
        for wire in wires:
            wire.abort()


def test_more_calls_than_arenas(tmp_path):
    """A hundred calls wait for a Redis that does not answer, in their bodies: the local limit stands for those who find no arena."""
    fake = MuteRedis()
    try:
        with running(tmp_path, limited(fake.port, "per_room"), LOCAL_FILES, ONE_WORKER) as one:
            wait_greeted(one)
            wires = [Wire(one.address) for _ in range(100)]
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
            with Wire(one.address) as wire:
                whole = post(headers=as_local())
                wire.send(whole[:-1])
                wire.wait_taken()
                one.send_signal(signal.SIGTERM)
                one.wait_event("draining")
                time.sleep(7.8)  # those who wait are told at 7.6 s, a tenth later at most; connections are cut at 9.3 s
                wire.send(whole[-1:])
                problem(wire.answer(), 503, "draining")
            assert one.wait() == 0


def test_the_platform_s_id_alone(tmp_path):
    """D1, D2: half of the platform's headers is a credential too, and does not make its bearer a guest."""
    doc = base(callers=[{"name": "azure", "easy_auth": {"providers": ["aad"]}}], anonymous="rules", rules=[{"id": "guests", "caller": "anonymous", "room": "lobby"}])
    with running(tmp_path, doc, LOCAL_FILES, {"WEBSITE_AUTH_ENABLED": "True", "WEBSITE_SITE_NAME": "site"}) as one:
        assert want(one).status == 200
        problem(want(one, headers={"X-MS-CLIENT-PRINCIPAL-ID": "alice"}), 401, "invalid_token")
        problem(want(one, headers={"X-MS-CLIENT-PRINCIPAL-IDP": "aad", "X-MS-CLIENT-PRINCIPAL-ID": "alice"}), 401, "invalid_token")


class Chaos:
    """Clients that do everything a client may do to a call that waits, and judge every answer they get."""

    KINDS = ("plain", "chunked", "dribble", "pipeline", "leave", "half", "expect", "unknown", "forged", "key", "badkey")

    def __init__(self, one, provider, stranger, seconds):
        self.one, self.provider, self.stranger, self.end = one, provider, stranger, time.monotonic() + seconds
        self.statuses, self.errors = collections.Counter(), []

    def headers(self, dice, sub, kind):
        keys = list(self.provider.keys.values())
        key = dice.choice(keys)
        if kind == "unknown":
            return bearer(self.provider.token(sub, self.stranger))
        if kind == "key":
            return {"X-API-Key": api_key(0)[0]}
        if kind == "badkey":
            return bearer(api_key(dice.randrange(1, 1000))[0])
        if kind == "forged":
            return bearer(self.provider.token(sub, self.stranger, header={"kid": key.kid}))
        return bearer(self.provider.token(sub, key, org="acme"))

    def judge(self, answer, sub, room, kind):
        self.statuses[answer.status] += 1
        assert answer.status in (200, 401, 403, 503), answer
        if answer.status != 200:
            return
        assert kind not in ("unknown", "forged", "badkey"), (kind, answer)
        claims = peek(answer.json()["participant_token"])
        assert claims["sub"] == sub and claims["video"]["room"] == room and claims["name"] == f"name of {sub}", (claims, sub, room)
        assert not claims["video"].get("roomAdmin") and claims["exp"] - claims["nbf"] <= 600, claims

    def ask(self, dice, n):
        kind, sub = dice.choice(self.KINDS), f"sub-{n}-{dice.randrange(1 << 30)}"
        sub = "the-key" if kind == "key" else sub
        room = dice.choice(["acme-", "asked-"]) + str(dice.randrange(1000))
        body = json.dumps({"room_name": room, "participant_name": f"name of {sub}"}).encode()
        headers = {**self.headers(dice, sub, kind), "Content-Type": "application/json"}
        with Wire(self.one.address, timeout=15) as wire:
            if kind == "pipeline":
                subs = [f"{sub}-{k}" for k in range(4)]
                wire.send(b"".join(post(body=body.replace(sub.encode(), each.encode()), headers=self.headers(dice, each, kind)) for each in subs))
                for each in subs:
                    self.judge(wire.answer(), each, room, kind)
                return
            if kind == "chunked":
                wire.send(post(body=None, headers={**headers, "Transfer-Encoding": "chunked"}))
                for at in range(0, len(body), 7):
                    wire.send(b"%x;x=y\r\n%s\r\n" % (len(body[at:at + 7]), body[at:at + 7]))
                wire.send(b"0\r\nTrailer: x\r\n\r\n")
            elif kind == "expect":
                whole = post(body=body, headers={**headers, "Expect": "100-continue"})
                wire.send(whole[:-len(body)])
                time.sleep(0.01)
                wire.send(body)
                try:
                    wire.continued()
                except AssertionError:
                    return  # refused from the head, or the answer came without: judged elsewhere
            else:
                whole = post(body=body, headers=headers)
                step = 40 if kind == "dribble" else len(whole)
                wire.dribble(whole, step=step, pause=0.001)
            if kind == "leave":
                time.sleep(dice.random() * 0.05)
                wire.abort()
                return
            if kind == "half":
                wire.half_close()
            self.judge(wire.answer(), sub, room, kind)

    def client(self, n):
        dice = random.Random(n)
        try:
            while time.monotonic() < self.end and not self.errors:
                self.ask(dice, n)
        except BaseException as error:  # for the thread that waits
            self.errors.append(error)

    def run(self, clients=6):
        threads = [threading.Thread(target=self.client, args=(n,)) for n in range(clients)]
        for thread in threads:
            thread.start()
        return threads


@pytest.fixture
def redis(tmp_path):
    one = Redis(tmp_path)
    yield one
    one.down()


def test_everything_at_once(tmp_path, redis):
    """Bearers with known, new, unknown and forged keys, a hook with moods, shared limits, a required audit log, keys that are rotated, rules
    that are swapped: every 200 is for whom it was asked, where his rule lets him, and nothing is left behind."""
    dice = random.Random(4)
    keys = {"RS256": main_key(), "ES256": Key(ec_private(), "ec-1", "ES256")}
    stranger = Key(ec_private(name="stranger"), "stranger", "ES256")
    with Provider(keys) as provider, Server() as hook:
        hook.table["/may"] = lambda seen: Reply({"allow": dice.random() < 0.9, "grants": ["canPublish", "canSubscribe", "roomAdmin"]}, wait=dice.random() * 0.08)
        provider.table["/jwks"] = lambda seen: Reply(provider.jwks(), wait=dice.random() * 0.1)

        def document(n):
            rules = [{"id": f"asked-{n}", "room": "asked-*", "request_may_set": ["name"], "ask": {"url": hook.url + "/may", "secret_file": "hook.key", "timeout": "1s"}},
                     {"id": f"open-{n}", "room": "{org}-*", "request_may_set": ["name"]}]
            callers = [oidc(provider, jwks={"cooldown": "50ms", "stale": f"{n + 5}m"}, shares_identities=True), {"name": "keys", "api_keys_file": "api-keys.yaml", "shares_identities": True}]
            doc = base(callers=callers, rules=rules, audit={"file": "audit.jsonl", "required": True, "hash_key_file": "identity.key"},
                       redis={"url": f"redis://127.0.0.1:{redis.port}", "timeout": "200ms"})
            doc["limits"].update(per_caller="1000/s", per_room="1000/s")
            return doc

        files = {**LOCAL_FILES, "hook.key": HOOK_SECRET, "api-keys.yaml": {"the-key": {"sha256": api_key(0)[1], "claims": {"org": "acme", "groups": ["a", "b"]}}}}
        with running(tmp_path, document(0), files, {"ROOMKEY_WORKERS": "2"}) as one:
            chaos = Chaos(one, provider, stranger, 8)
            threads = chaos.run()
            for n in range(1, 10_000):
                if time.monotonic() > chaos.end:
                    break
                time.sleep(0.05)
                one.conf.write(document(n % 7) if n % 11 else "callers: [")
                one.send_signal(signal.SIGHUP)
                if n % 5 == 0:  # a new key, published after its first tokens are on their way
                    provider.keys = {"RS256": provider.keys["RS256"], "ES256": Key(ec_private(name=f"new-{n % 20}"), f"ec-{n}", "ES256")}
                if n % 40 == 20:
                    redis.down()
                if n % 40 == 35:
                    redis.up()
            for thread in threads:
                thread.join()
            assert not chaos.errors, chaos.errors
            assert chaos.statuses[200] > 20 and chaos.statuses[401] > 5, chaos.statuses
            one.stop()
            stopped = one.wait_event("stopped")
            assert stopped["snapshots"] == 1, stopped
