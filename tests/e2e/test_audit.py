"""The audit log: who got what, one line a decision; and what happens when it cannot be written. Issue 5, design §7."""

import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import signal
import stat
import time

import pytest

from conf import LOCAL_FILES, LOCAL_SECRET, Conf, allowed, as_local, base, everything, local, peek, running, wait_until, want
from process import SECRET
from machine import took
from shapes import problem, stage_002
from wire import Wire, ask, post, request

KEY = b"audit-hash-key-0123456789abcdef0123"


def document(path="audit.jsonl", **audit):
    rules = [{"id": "planted-rule", "room": "team-*", "default_room": "team-1", "profile": ["moderator", "speaker"], "ttl": "20m", "request_may_set": ["name"]}]
    return base(callers=[local(display_name="{name}")], rules=rules, audit={"file": path, **audit})


def lines(one, count, name="audit.jsonl"):
    """The first `count` records."""
    path = os.path.join(one.conf.directory, name)
    wait_until(lambda: os.path.exists(path) and open(path, "rb").read().count(b"\n") >= count)
    with open(path, "rb") as file:
        return [json.loads(line) for line in file if line.endswith(b"\n")]  # the last may be on its way


def test_one_line_a_decision(tmp_path):
    """jti, rule, room, profile, lifetime, token fingerprint; refusals as well; health and preflights not."""
    with running(tmp_path, document(), LOCAL_FILES) as one:
        first = want(one, {"participant_name": "Ann"}, as_local())
        second = want(one, {"room_name": "other"}, as_local())
        third = want(one, {"participant_identity": "bob"}, as_local())
        ask(one.address, request("GET", "/healthz"))
        ask(one.address, request("OPTIONS", "/v1/token"))
        fourth = want(one, headers=as_local("carol"))
        records = lines(one, 4)
        assert [record["request_id"] for record in records] == [answer.request_id for answer in (first, second, third, fourth)]
        token = first.json()["participant_token"]
        good = records[0]
        assert good["jti"] == peek(token)["jti"] and good["rule"] == "planted-rule" and good["room"] == "team-1" and good["profile"] == "moderator" and good["ttl_s"] == 1200
        assert hashlib.sha256(token.encode()).hexdigest()[:16] in good.values() and good["caller"] == "staff"
        assert good["identity"] == "alice" and good["subject"] == "alice" and good["name"] == "Ann" and good["client"] == "127.0.0.1"
        assert [record["outcome"] for record in records] == ["ok", "no_rule", "identity_mismatch", "ok"]
        assert not records[1].get("jti") and not records[2].get("jti") and records[2]["rule"] == "planted-rule"
        text = json.dumps(records)
        assert token not in text and token.split(".")[2] not in text and SECRET not in text and LOCAL_SECRET.decode() not in text
        mode = stat.S_IMODE(os.stat(os.path.join(one.conf.directory, "audit.jsonl")).st_mode)
        assert mode == 0o600, oct(mode)


def test_personal_fields_are_hashed(tmp_path):
    """With hash_key_file: HMAC-SHA-256, so that lines about one person can be put together by whoever has the key."""
    with running(tmp_path, document(hash_key_file="audit.key"), {**LOCAL_FILES, "audit.key": KEY + b"\n"}) as one:
        for sub in ("planted-person", "planted-person", "other"):
            want(one, headers=as_local(sub, name="Planted Name"))
        records = lines(one, 3)
        text = json.dumps(records)
        assert "planted-person" not in text and "Planted Name" not in text and "127.0.0.1" not in text
        wanted = hmac.new(KEY, b"planted-person", hashlib.sha256).hexdigest()
        assert records[0]["identity"] == records[1]["identity"] == wanted != records[2]["identity"], records


def test_hostile_names(tmp_path):
    """LOG-02: one valid line each."""
    with running(tmp_path, document(), LOCAL_FILES) as one:
        names = ['"quote', "back\\slash", '","event":"forged"', "%n%s", "\u200dzero", "ü😀", "x" * 256, "team-{}"]
        for name in names:
            allowed(want(one, {"room_name": "team-" + name[:240], "participant_name": name}, as_local(name)), "team-" + name[:240], ttl=1200, grants=None)
        records = lines(one, len(names))
        assert len(records) == len(names) and all(next(iter(record)) == "event" and record["event"] != "forged" for record in records)


def test_reopened_on_sighup(tmp_path):
    """A log that was moved away is opened anew."""
    with running(tmp_path, document(), LOCAL_FILES) as one:
        want(one, headers=as_local())
        lines(one, 1)
        path = os.path.join(one.conf.directory, "audit.jsonl")
        os.rename(path, path + ".1")
        one.send_signal(signal.SIGHUP)
        asked = 1
        while not os.path.exists(path) or os.path.getsize(path) == 0:  # it is there a moment before it is written to
            asked += 1
            assert asked < 10000 and want(one, headers=as_local()).status == 200
        wait_until(lambda: len(lines(one, 1)) + len(lines(one, 1, "audit.jsonl.1")) == asked)  # none is lost


@pytest.mark.parametrize("required", [True, False])
def test_a_full_disk(tmp_path, required):
    """audit.required: the answer is released only once the record is written; else it goes out, and the loss is told."""
    with running(tmp_path, document("/dev/full", required=required), LOCAL_FILES) as one:
        begun = time.monotonic()
        answer = want(one, headers=as_local())
        assert took(begun) < 1.6
        if required:
            problem(answer, 503, "unavailable")
            assert answer.get("retry-after")
            assert "token" not in answer.body.decode()
            stage_002(want(one, {"roomName": "team-1"}, as_local(), "/api/token"), 503, "UNAVAILABLE")
        else:
            allowed(answer, "team-1", ttl=1200, grants=None)
        wait_until(lambda: [line for line in one.lines if "audit" in line])
        assert ask(one.address, request("GET", "/livez")).status == 200


@contextlib.contextmanager
def stalled_pipe(path):
    """A FIFO with a reader who does not read, full to the brim."""
    os.mkfifo(path, 0o600)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    filler = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    fcntl.fcntl(filler, fcntl.F_SETPIPE_SZ, 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(filler, b"\n" * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(filler, b"\n")
    try:
        yield reader
    finally:
        os.close(filler)
        os.close(reader)


@pytest.mark.parametrize("required", [True, False])
def test_a_stalled_pipe(tmp_path, required):
    """At most a second, off the worker: other requests do not wait for it."""
    path = os.path.join(str(tmp_path), "pipe")
    with stalled_pipe(path) as reader, running(tmp_path, document(path, required=required), LOCAL_FILES, env={"ROOMKEY_WORKERS": "1"}) as one:
        with Wire(one.address) as wire:
            begun = time.monotonic()
            wire.send(post(headers=as_local()))
            for _ in range(5):
                at = time.monotonic()
                assert ask(one.address, request("GET", "/healthz")).status == 200
                assert took(at) < 0.3, "a worker waited for the audit"
            answer = wire.answer()
            assert took(begun) < 1.8
            if not required:
                allowed(answer, "team-1", ttl=1200, grants=None)
                return
            problem(answer, 503, "unavailable")
        os.set_blocking(reader, False)
        with contextlib.suppress(BlockingIOError):
            while os.read(reader, 65536):
                pass
        wait_until(lambda: drained(reader) or want(one, headers=as_local()).status == 200)


def drained(reader):
    with contextlib.suppress(BlockingIOError):
        os.read(reader, 65536)
    return False


def test_many_at_once_while_stalled(tmp_path):
    """Bounded: everybody is answered within the second and a bit, nothing piles up."""
    path = os.path.join(str(tmp_path), "pipe")
    with stalled_pipe(path), running(tmp_path, document(path, required=True), LOCAL_FILES) as one:
        wires = [Wire(one.address) for _ in range(100)]
        begun = time.monotonic()
        for wire in wires:
            wire.send(post(headers=as_local()))
        assert {wire.answer().status for wire in wires} == {503}
        assert took(begun) < 3
        for wire in wires:
            wire.close()


def test_a_file_that_cannot_be_opened(tmp_path):
    """No start without it; P1: at the value that names it."""
    for n, path in enumerate(("/nonexistent/audit.jsonl", ".", "")):
        directory = tmp_path / str(n)
        directory.mkdir()
        done = Conf(directory, document(path, required=True), LOCAL_FILES).run("serve", env={"ROOMKEY_LISTEN": "127.0.0.1:0"})
        assert done.returncode in (1, 2) and (b"audit" in done.stderr or b": file: " in done.stderr), done
    assert "hash_key_file" in Conf(tmp_path, document(hash_key_file="nope.key"), LOCAL_FILES).refused()
    doc = document()
    doc["rules"] = [everything()]
    doc["audit"]["x"] = 1
    Conf(tmp_path, doc, LOCAL_FILES).refused()
