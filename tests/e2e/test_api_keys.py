"""API keys: security §3.1, KEY-01 to KEY-03; semantics D3."""

import datetime
import hashlib
import json
import os
import re
import signal
import statistics
import subprocess
import time

import pytest

from conf import Conf, allowed, api_key, bad_token, base, everything, nobody, not_echoed, oidc, reload, running, wait_until, want
from idp import Provider, bearer, main_key
from machine import least, took
from process import BIN, clean_env
from shapes import problem, stage_004
from wire import GOOD, Wire, ask, post

KEY, OTHER, EXPIRED, LATE = (api_key(n)[0] for n in range(4))
FILE = {
    "acme": {"sha256": api_key(0)[1], "claims": {"org": "acme", "roles": ["host", "guest"]}}, "zebra": {"sha256": api_key(1)[1], "expires": "2099-01-01", "claims": {"org": "zebra"}},
    "gone": {"sha256": api_key(2)[1], "expires": "2020-01-01"}, "late": {"sha256": api_key(3)[1], "expires": "2099-01-01T00:00:00Z"},
}
CALLER = {"name": "backend", "api_keys_file": "api-keys.yaml", "identity": "{sub}"}


def document(**more):
    return base(callers=[CALLER], rules=[{"id": "tenants", "room": "{org}__*", "default_room": "{org}__main"}, everything()], **more)


@pytest.fixture(scope="module")
def idp():
    with Provider({"RS256": main_key()}) as one:
        yield one


@pytest.fixture(scope="module")
def one(idp, tmp_path_factory):
    doc = document()
    doc["callers"] = [{**CALLER, "identity": "key:{sub}"}, oidc(idp, identity="staff:{sub}")]
    with running(tmp_path_factory.mktemp("keys"), doc, {"api-keys.yaml": FILE}) as service:
        wait_until(lambda: want(service, headers=bearer(idp.token())).status == 200)
        yield service


def both(key):
    """The two ways to send one."""
    return [{"X-API-Key": key}, bearer(key)]


def test_a_good_key(one):
    """semantics D3: X-API-Key or Bearer rk_…; {sub} is the key's name; its claims feed rules and templates."""
    for headers in both(KEY):
        allowed(want(one, headers=headers), "acme__main", "key:acme")
        allowed(want(one, {"room_name": "acme__x"}, headers), "acme__x", "key:acme")
    for headers in both(OTHER):
        allowed(want(one, headers=headers), "zebra__main", "key:zebra")
    allowed(want(one, headers={"X-API-Key": LATE}), "lobby", "key:late")
    assert want(one, GOOD, {"X-API-Key": KEY}, "/api/token").status == 403, "GOOD names another identity"


WRONG = ["", "rk_", "rk_" + "A" * 43, "rk_" + "A" * 42, "rk_" + "A" * 44, KEY[:-1], KEY + "A", KEY[:-1] + ("A" if KEY[-1] != "A" else "B"), KEY.lower(), KEY.upper(), KEY[3:], "RK_" + KEY[3:],
         "rk-" + KEY[3:], KEY + "=", KEY.replace(KEY[5], "+", 1), "null", "undefined", EXPIRED, hashlib.sha256(KEY.encode()).hexdigest(), "rk_" + api_key(0)[1], "rk_" + "é" * 21,
         "rk_" + "A" * 2000, KEY + " " + KEY, f'"{KEY}"', KEY + "," + OTHER]


@pytest.mark.parametrize("key", WRONG)
def test_key_01_wrong(one, key):
    """401 and one text, whatever is wrong."""
    bodies = set()
    for headers in both(key):
        answer = want(one, headers=headers)
        body = bad_token(answer)
        not_echoed(answer, key)
        bodies.add((body["title"], body["detail"], answer.get("www-authenticate")))
    assert len(bodies) == 1


def test_key_01_kinds_are_not_mixed(one, idp):
    """A JWT as key, a key as JWT, a key where a JWT says rk_."""
    bad_token(want(one, headers={"X-API-Key": idp.token()}))
    bad_token(want(one, headers=bearer(f"{KEY}.e30.x")))
    bad_token(want(one, headers=bearer("x.y." + KEY)))
    bad_token(want(one, headers={"Authorization": f"Basic {KEY}"}))
    bad_token(want(one, headers={"Authorization": KEY}))
    for headers in ({"Cookie": f"key={KEY}"}, {"X-Api-Token": KEY}, {"Api-Key": KEY}):
        nobody(want(one, headers=headers))
    nobody(ask(one.address, post(f"/v1/token?api_key={KEY}")))
    stage_004(want(one, GOOD, {"X-API-Key": EXPIRED}, "/api/token"))


def test_key_01_no_difference_in_time(one):
    """Unknown, expired and nearly right keys cost the same: medians of interleaved tries differ by less than they scatter."""
    tries = {"unknown": "rk_" + "B" * 43, "expired": EXPIRED, "nearly": KEY[:-1] + ("A" if KEY[-1] != "A" else "B")}

    def difference():
        """Of the medians, in what the times of one kind scatter; that is 20 us at least."""
        times = {name: [] for name in tries}
        with Wire(one.address) as wire:
            for _ in range(1500):
                for name, key in tries.items():
                    data = post(headers={"X-API-Key": key})
                    begun = time.perf_counter_ns()
                    wire.send(data)
                    assert wire.answer().status == 401
                    times[name].append(time.perf_counter_ns() - begun)
        medians = [statistics.median(list_) for list_ in times.values()]
        quartiles = statistics.quantiles(times["unknown"], n=4)
        return (max(medians) - min(medians)) / max(quartiles[2] - quartiles[0], 20_000)

    assert least(difference, 1) < 1


def test_expiry_is_exclusive(tmp_path):
    """semantics D3: `expires` is a date (00:00 UTC) or a time, exclusive; a pass bound to it never outlives it (D30)."""
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=16)
    files = {"api-keys.yaml": {"acme": {"sha256": api_key(0)[1], "expires": soon.strftime("%Y-%m-%dT%H:%M:%SZ")},
                               "today": {"sha256": api_key(1)[1], "expires": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")},
                               "offset": {"sha256": api_key(3)[1], "expires": "2099-01-01T00:00:00+02:00"}}}
    doc = base(callers=[{**CALLER, "bind_to_caller_exp": True}], rules=[everything()])
    with running(tmp_path, doc, files) as one:
        claims = allowed(want(one, headers={"X-API-Key": KEY}), "lobby", "acme", ttl=None)
        assert 10 <= claims["exp"] - claims["nbf"] <= 16 and claims["exp"] <= soon.timestamp()
        bad_token(want(one, headers={"X-API-Key": OTHER}))
        allowed(want(one, headers={"X-API-Key": LATE}), "lobby", "offset")
        time.sleep(max(0.0, soon.timestamp() - 9 - time.time()))
        bad_token(want(one, headers={"X-API-Key": KEY}))


BAD_FILES = {
    "two names for one hash": {"a": {"sha256": api_key(0)[1]}, "b": {"sha256": api_key(0)[1]}}, "short hash": {"a": {"sha256": api_key(0)[1][:-2]}}, "no hash": {"a": {"expires": "2099-01-01"}},
    "the key itself": {"a": {"sha256": KEY}}, "unknown member": {"a": {"sha256": api_key(0)[1], "rooms": ["x"]}}, "bad date": {"a": {"sha256": api_key(0)[1], "expires": "tomorrow"}},
    "a date that is none": {"a": {"sha256": api_key(0)[1], "expires": "2026-02-30"}}, "sub in claims": {"a": {"sha256": api_key(0)[1], "claims": {"sub": "root"}}}, "a list": [1],
    "claims that are none": {"a": {"sha256": api_key(0)[1], "claims": ["x"]}}, "empty": b"", "not YAML": b"a: {", "alias": b"a: &x {sha256: " + api_key(0)[1].encode() + b"}\nb: *x\n",
    "duplicate name": ('{"a": {"sha256": "%s"}, "a": {"sha256": "%s"}}' % (api_key(0)[1], api_key(1)[1])).encode(), "a scalar": b"hello",
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_key_files(tmp_path, name):
    """semantics D3, P1: refused with the position in the file."""
    line = Conf(tmp_path, document(), {"api-keys.yaml": BAD_FILES[name]}).refused()
    assert "api-keys.yaml" in line or "api_keys_file" in line, line
    assert KEY not in line and api_key(0)[1] not in line


def test_key_02_files_nobody_should_trust(tmp_path):
    """Writable by others, a directory, a FIFO, a gigabyte, missing: no start, and no waiting. Readable by others is a warning (design §7)."""
    conf = Conf(tmp_path, document(), {"api-keys.yaml": FILE})
    path = os.path.join(str(tmp_path), "api-keys.yaml")
    for mode in (0o620, 0o602, 0o666):
        os.chmod(path, mode)
        assert "api-keys.yaml" in conf.refused() or "api_keys_file" in conf.refused()
    os.chmod(path, 0o644)
    one = conf.serve()
    allowed(want(one, headers={"X-API-Key": KEY}), "acme__main", "acme")
    assert [event for event in one.events if event["level"] == "warn"], one.lines
    one.stop()
    os.remove(path)
    begun = time.monotonic()
    conf.refused()
    os.mkdir(path)
    conf.refused()
    os.rmdir(path)
    os.mkfifo(path)
    conf.refused()
    os.remove(path)
    with open(path, "wb") as file:
        file.truncate(1 << 30)
    os.chmod(path, 0o600)
    conf.refused()
    assert took(begun) < 5


def test_key_03_reload_with_a_broken_file(tmp_path):
    """Old keys go on, the error is logged with its position; a good file is taken whole."""
    conf = Conf(tmp_path, document(), {"api-keys.yaml": FILE})
    with running(conf) as one:
        for broken in BAD_FILES.values():
            conf.file("api-keys.yaml", broken)
            before = len(one.lines)
            one.send_signal(signal.SIGHUP)
            wait_until(lambda before=before: any("api-keys.yaml" in line or "api_keys_file" in line for line in one.lines[before:]))
            allowed(want(one, headers={"X-API-Key": KEY}), "acme__main", "acme")
        conf.file("api-keys.yaml", {"new": {"sha256": api_key(9)[1]}})
        reload(one, lambda: want(one, headers={"X-API-Key": api_key(9)[0]}).status == 200)
        bad_token(want(one, headers={"X-API-Key": KEY}))


def test_keys_new_fits_the_file(tmp_path):
    """issue: `roomkey keys new --caller NAME` shows the key once and the line for its file; the line is what the file takes."""
    made = subprocess.run([BIN, "keys", "new", "--caller", "acme"], capture_output=True, env=clean_env(defaults=False), check=False, timeout=60)
    text = (made.stdout + made.stderr).decode()
    assert made.returncode == 0, text
    key = re.search(r"rk_[A-Za-z0-9_-]{43}", text).group()
    assert text.count(key) == 1
    line = next(line for line in text.splitlines() if "sha256" in line)
    assert hashlib.sha256(key.encode()).hexdigest() in line, line
    with running(tmp_path, document(), {"api-keys.yaml": line.lstrip("# ") + "\n"}) as one:
        allowed(want(one, headers={"X-API-Key": key}), "lobby", "acme")


def test_two_hundred_tenants(tmp_path):
    """issue: claims of keys feed rules, so one rule serves many tenants, and nobody gets into another's rooms."""
    file = {f"t{n:03}": {"sha256": api_key(1000 + n)[1], "claims": {"org": f"org{n}"}} for n in range(200)}
    doc = base(callers=[CALLER], rules=[{"id": "tenants", "room": "{org}__*"}])
    with running(tmp_path, doc, {"api-keys.yaml": file}) as one, Wire(one.address) as wire:
        for n in range(0, 200, 7):
            key = {"X-API-Key": api_key(1000 + n)[0]}
            wire.send(post(body=json.dumps({"room_name": f"org{n}__r"}).encode(), headers=key) + post(body=json.dumps({"room_name": f"org{n + 1}__r"}).encode(), headers=key))
            allowed(wire.answer(), f"org{n}__r", f"t{n:03}")
            problem(wire.answer(), 403, "no_rule")
