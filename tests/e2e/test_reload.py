"""SIGHUP: a checked snapshot is swapped in whole, a bad one changes nothing. design §2, §7; CFG-04; the issue's thousand reloads."""

import os
import re
import signal
import threading
import time

from conf import LOCAL_FILES, Conf, allowed, as_local, base, bad_token, everything, local, oidc, running, sanitized, wait_until, want
from idp import Provider, Reply, Server, bearer, main_key, signed
from shapes import problem
from wire import Wire, post

HOOK_KEY = b"hook-secret-0123456789abcdef0123456789"


def document(room, **more):
    return base(callers=[local()], rules=[everything(default_room=room)], **more)


def room_of(one, headers=None):
    answer = want(one, headers=headers or as_local())
    return answer.json()["room_name"] if answer.status == 200 else answer.status


def swap(one, doc, room, timeout=20):
    one.conf.write(doc)
    one.send_signal(signal.SIGHUP)
    wait_until(lambda: room_of(one) == room, timeout)


def test_a_good_file_is_swapped_in(tmp_path):
    """On the same connections, without a restart."""
    with running(tmp_path, document("one"), LOCAL_FILES) as one, Wire(one.address) as wire:
        wire.send(post(headers=as_local()))
        allowed(wire.answer(), "one")
        pid = one.pid
        swap(one, document("two"), "two")

        def room_here():  # each worker takes the new one when it comes to it; swap() asked one of them
            wire.send(post(headers=as_local()))
            return allowed(wire.answer())["video"]["room"]

        wait_until(lambda: room_here() == "two")
        assert one.pid == pid and one.alive()


BROKEN = {
    "not YAML": "rules: [", "empty": "", "unknown key": "nope: 1\n", "no rules": None, "two documents": "a: 1\n---\nb: 2\n", "alias": "a: &a 1\nb: *a\n", "tag": "a: !!python/object x\n", "tab": "\tlisten: x\n",
    "deep": "listen: " + "[" * 40 + "]" * 40 + "\n", "huge": "# " + "x" * 1_100_000 + "\n",
}


def test_cfg_04_a_broken_file_keeps_the_old_rules(tmp_path):
    """And says so, with the position."""
    with running(tmp_path, document("one"), LOCAL_FILES) as one:
        for name, text in BROKEN.items():
            one.conf.write(base(callers=[local()]) if text is None else text)
            before = len(one.lines)
            one.send_signal(signal.SIGHUP)
            wait_until(lambda before=before: [line for line in one.lines[before:] if "roomkey.yaml" in line])
            assert room_of(one) == "one", name
            line = next(line for line in one.lines[before:] if "roomkey.yaml" in line)
            assert re.search(r"roomkey\.yaml:\d+:\d+", line) or name in ("empty", "huge"), line
        swap(one, document("two"), "two")


def test_a_file_that_is_gone_or_forbidden(tmp_path):
    """The same: nothing changes."""
    with running(tmp_path, document("one"), LOCAL_FILES) as one:
        os.remove(one.conf.path)
        before = len(one.lines)
        one.send_signal(signal.SIGHUP)
        wait_until(lambda: [event for event in one.events if event["level"] == "error"])
        assert room_of(one) == "one"
        swap(one, document("two"), "two")
        one.conf.file("local.key", b"short")
        before = len(one.lines)
        one.send_signal(signal.SIGHUP)
        wait_until(lambda: [line for line in one.lines[before:] if "local.key" in line or "hs256_secret_file" in line or "roomkey.yaml" in line])
        assert room_of(one) == "two"


def test_callers_and_secrets_are_swapped_too(tmp_path):
    """A caller that is taken out is out with the next request."""
    doc = base(callers=[local("staff", identity="a:{sub}"), local("other", "https://other.example", identity="b:{sub}")], rules=[everything(default_room="one")])
    with running(tmp_path, doc, LOCAL_FILES) as one:
        allowed(want(one, headers=as_local("x", "https://other.example")), "one", "b:x")
        swap(one, document("two"), "two")
        bad_token(want(one, headers=as_local("x", "https://other.example")))


def test_a_slow_body_is_not_decided_on_withdrawn_rules(tmp_path):
    """design §2: whose body comes only after a reload is identified and decided by what holds then: a caller who was taken out is out, a
    new rule counts, and nobody who may is refused."""
    other = as_local("x", "https://other.example")
    doc = base(callers=[local("staff", identity="a:{sub}"), local("other", "https://other.example", identity="b:{sub}")], rules=[everything(default_room="one")], workers=1)
    with running(tmp_path, doc, LOCAL_FILES) as one, Wire(one.address) as out, Wire(one.address) as stays:
        for wire, who in ((out, other), (stays, as_local())):
            wire.send(post(body=b"", headers={**who, "Content-Length": "2", "Expect": "100-continue"}))
            wire.continued()  # its head was accepted
        swap(one, document("two", workers=1), "two")
        for wire in (out, stays):
            wire.send(b"{}")
        bad_token(out.answer())
        allowed(stays.answer(), "two")
        stays.send(post(headers=as_local()))
        allowed(stays.answer(), "two")


def test_limits_survive_a_reload(tmp_path):
    """design §2: limiter state lives outside the snapshot."""
    doc = document("one")
    doc["limits"]["per_caller"] = "1/h burst 3"
    with running(tmp_path, doc, LOCAL_FILES) as one:
        assert [want(one, headers=as_local("bob")).status for _ in range(4)] == [200] * 3 + [429]
        other = document("two")
        other["limits"]["per_caller"] = "1/h burst 3"
        one.conf.write(other)
        one.send_signal(signal.SIGHUP)
        wait_until(lambda: room_of(one, as_local(f"probe-{time.monotonic_ns()}")) == "two")
        assert want(one, headers=as_local("bob")).status == 429


def test_a_waiting_call_is_never_decided_on_withdrawn_rules(tmp_path):
    """design §2: 503 with Retry-After where callers or rules changed meanwhile; where nothing changed, it is answered as usual."""
    with Provider({"RS256": main_key()}) as idp:
        doc = base(callers=[oidc(idp, jwks={"fresh": "1h", "cooldown": "500ms", "timeout": "20s"}), local("own", identity="own:{sub}")], rules=[everything(default_room="one")])
        doc["callers"][0]["identity"] = "staff:{sub}"
        with running(tmp_path, doc, LOCAL_FILES) as one:
            wait_until(lambda: want(one, headers=bearer(idp.token())).status == 200)
            for same in (False, True):
                time.sleep(0.6)
                before = idp.fetches()
                go = threading.Event()
                idp.table["/jwks"] = lambda seen, go=go: (go.wait(20), Reply(idp.jwks()))[1]
                with Wire(one.address) as wire:
                    wire.send(post(headers=bearer(signed(idp.main, idp.header(kid="unknown"), idp.claims()))))
                    idp.wait_count(before + 1, "/jwks")
                    lines = len(one.lines)
                    if not same:
                        doc["rules"][0]["default_room"] = "two"
                    one.conf.write(doc)
                    one.send_signal(signal.SIGHUP)
                    if same:
                        wait_until(lambda lines=lines: len(one.lines) > lines)
                    else:
                        wait_until(lambda: room_of(one, as_local()) == "two")
                    go.set()
                    answer = wire.answer()
                    if same:
                        bad_token(answer)
                    else:
                        problem(answer, 503, "unavailable")


def test_a_thousand_reloads_under_load(tmp_path):
    """issue, Bad input: with waiting calls; then one snapshot is alive, and the log says so when the service ends."""
    with Server() as hook:
        hook.table["/may"] = Reply({"allow": True}, wait=0.02)
        docs = []
        for room in ("one", "two"):
            doc = document(room)
            doc["rules"].insert(0, {"id": "asked", "when": {"asks": "yes"}, "room": "asked", "ask": {"url": hook.url + "/may", "secret_file": "hook.key", "timeout": "2s"}})
            docs.append(doc)
        conf = Conf(tmp_path, docs[0], {**LOCAL_FILES, "hook.key": HOOK_KEY})
        one = conf.serve()
        try:
            over, statuses = threading.Event(), []

            def load(asks):
                with Wire(one.address, timeout=20) as wire:
                    while not over.is_set():
                        wire.send(post(headers=as_local(asks=asks)))
                        statuses.append(wire.answer().status)

            threads = [threading.Thread(target=load, args=(asks,)) for asks in ("no", "no", "yes", "yes", "yes")]
            for thread in threads:
                thread.start()
            rss = one.rss_kib()
            for n in range(1000):
                conf.write(docs[n % 2])
                one.send_signal(signal.SIGHUP)
                time.sleep(0.004)
            conf.write(docs[1])
            one.send_signal(signal.SIGHUP)
            wait_until(lambda: room_of(one) == "two", 20)
            over.set()
            for thread in threads:
                thread.join(25)
            assert set(statuses) <= {200, 503} and statuses.count(200) > 200, {status: statuses.count(status) for status in set(statuses)}
            assert one.rss_kib() - rss < 16 * 1024 or sanitized()
            one.stop()
        finally:
            one.kill()
        stopped = next(event for event in one.events if event["event"] == "stopped")
        assert stopped["snapshots"] == 1, stopped


def test_what_a_reload_cannot_change_is_said(tmp_path):
    """Whoever adds an audit log or a Redis to a service that runs is told that there is none yet; each time for the log, which may be a duty.
    So is who moves it to another address."""
    with running(tmp_path, document("one"), LOCAL_FILES) as one:
        swap(one, document("two"), "two")
        assert not [event for event in one.events if event.get("key") in ("audit", "redis", "listen", "admin_listen")]
        more = {"audit": {"file": "audit.jsonl", "required": True}, "redis": {"url": "redis://127.0.0.1:1"}, "admin_listen": "127.0.0.1:9464"}
        swap(one, document("three", **more), "three")
        one.wait_event("warning", key="audit", level="warn")
        one.wait_event("warning", key="redis", level="warn")
        one.wait_event("warning", key="admin_listen", level="warn")
        swap(one, document("four", **more), "four")
        one.wait_event("warning", count=2, key="audit")
        assert not os.path.exists(os.path.join(one.conf.directory, "audit.jsonl"))
