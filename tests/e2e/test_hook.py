"""The hook (`ask`): signed, narrowing only, failing closed, bounded. security §3.2, WHK-01 to WHK-05."""

import hashlib
import hmac
import json
import threading
import time

import pytest

from conf import LOCAL_FILES, SPEAKER, allowed, as_local, base, local, running, wait_until, want
from idp import Reply, Server
from machine import took
from shapes import problem
from wire import Wire, post

SECRET = b"hook-secret-0123456789abcdef0123456789"
PLANTED = "planted-claim-4711"


def document(hook, caller=None, timeout="500ms", **more):
    rules = [{"id": "asked", "room": "team-*", "default_room": "team-1", "profile": ["moderator", "speaker"], "ttl": "20m", "ask": {"url": hook.url + "/may", "secret_file": "hook.key", "timeout": timeout}, **more},
             {"id": "open", "room": "*"}]
    return base(callers=[local(**(caller or {}))], rules=rules)


@pytest.fixture
def hook():
    """Says yes."""
    with Server() as one:
        one.table["/may"] = Reply({"allow": True})
        yield one


@pytest.fixture
def one(hook, tmp_path):
    with running(tmp_path, document(hook), {**LOCAL_FILES, "hook.key": SECRET}) as service:
        yield service


MODERATOR = SPEAKER | {"roomAdmin"}


def test_a_yes(one, hook):
    """Everything the rule gives, once the hook said so; the rule without a hook asks nobody."""
    allowed(want(one, headers=as_local()), "team-1", "alice", ttl=1200, grants=MODERATOR)
    assert hook.count("/may") == 1
    allowed(want(one, {"room_name": "other"}, as_local()), "other", "alice")
    problem(want(one, {"participant_identity": "bob"}, as_local()), 403, "identity_mismatch")
    assert hook.count("/may") == 1, "a request that is refused anyway asks nobody"


def receive(seen, secret=SECRET, now=None):
    """A reference receiver: the body, once signature and age are good."""
    stamp, ident, signature = (seen.headers[name] for name in ("roomkey-timestamp", "roomkey-id", "roomkey-signature"))
    if abs((now or time.time()) - int(stamp)) > 300:
        raise ValueError("stale")
    wanted = "v1=" + hmac.new(secret, f"{ident}.{stamp}.".encode() + seen.body, hashlib.sha256).hexdigest()
    if not any(hmac.compare_digest(wanted, part.strip()) for part in signature.replace(",", " ").split()):
        raise ValueError("signature")
    return json.loads(seen.body)


def test_whk_03_the_request(one, hook):
    """Signed over id, time and body; says who, which room, which grants, how long; never the credential."""
    headers = as_local(org="acme")
    answer = want(one, {"room_name": "team-9"}, headers)
    allowed(answer, "team-9", ttl=1200, grants=MODERATOR)
    seen = hook.seen[-1]
    assert seen.method == "POST" and seen.headers["content-type"].startswith("application/json")
    body = receive(seen)
    assert body["room"] == "team-9" and body["ttl"] == 1200 and set(body["grants"]) >= {"roomJoin", "canPublish", "roomAdmin"}
    assert body["request_id"] == answer.request_id and body["client_ip"] == "127.0.0.1" and body["version"]
    assert "alice" in json.dumps(body["caller"])
    token = headers["Authorization"].split()[1]
    assert token not in seen.body.decode() and token.split(".")[2] not in seen.body.decode() and "authorization" not in seen.headers and "cookie" not in seen.headers
    for wrong in (SECRET + b"x", b""):
        with pytest.raises(ValueError, match="signature"):
            receive(seen, wrong)
    with pytest.raises(ValueError, match="stale"):
        receive(seen, now=time.time() + 301)
    want(one, {"room_name": "team-9"}, headers)
    assert hook.seen[-1].headers["roomkey-id"] != seen.headers["roomkey-id"], "an id is used once"


def broken():
    return {
        "500": Reply(b"oops", 500), "404": Reply(b"", 404), "302": Reply(b"", 302, {"Location": "/yes"}), "time-out": Reply({"allow": True}, wait=5), "not JSON": Reply(b"{bad"), "empty": Reply(b""),
        "1 MB": Reply(b'{"allow":true,"x":"' + b"a" * 1_000_000 + b'"}'), "dripping": Reply({"allow": True}, drip=0.1), "closed": Reply(raw=b""), "half": Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"),
        "array": Reply(b'[{"allow":true}]'), "null": Reply(b"null"), "duplicate": Reply(b'{"allow":true,"allow":true}'), "trailing": Reply(b'{"allow":true}x'), "201": Reply({"allow": True}, 201),
        "gzip": Reply({"allow": True}, headers={"Content-Encoding": "gzip"}), "BOM": Reply(b'\xef\xbb\xbf{"allow":true}'), "not UTF-8": Reply(b'{"allow":true,"x":"\xff"}'),
    }


@pytest.mark.parametrize("name", list(broken()))
def test_whk_01_fail_closed(one, hook, name):
    """Anything but a clear answer is 503, and nothing is minted."""
    hook.table["/may"], hook.table["/yes"] = broken()[name], Reply({"allow": True})
    begun = time.monotonic()
    answer = want(one, headers=as_local())
    problem(answer, 503, "unavailable")
    assert took(begun) < 2 and hook.count("/yes") == 0
    assert "jti" not in one.access(answer.request_id)
    allowed(want(one, {"room_name": "other"}, as_local()), "other")


def test_whk_01_nobody_there(one, hook):
    hook.close()
    problem(want(one, headers=as_local()), 503, "unavailable")


@pytest.mark.parametrize("status, answer", [(200, {"allow": False}), (200, {"allow": "true"}), (200, {"allow": 1}), (200, {}), (200, {"allow": None}), (200, {"allow": [True]}), (200, {"ok": True}), (401, {"allow": True}), (403, {})])
def test_whk_01_no(one, hook, status, answer):
    """A no, or no literal true, is 403; the text does not say why."""
    hook.table["/may"] = Reply({**answer, "reason": PLANTED}, status)
    got = want(one, headers=as_local())
    problem(got, 403, "refused_by_hook")
    assert PLANTED.encode() not in got.body and PLANTED not in one.all_output()


NARROW = [  # answer, status, room, grants, ttl
    ({"allow": True, "ttl": 60}, 60, MODERATOR), ({"allow": True, "ttl": 31536000}, 1200, MODERATOR), ({"allow": True, "ttl": 1200}, 1200, MODERATOR),
    ({"allow": True, "grants": ["roomJoin", "canSubscribe"]}, 1200, {"roomJoin", "canSubscribe"}),
    ({"allow": True, "grants": ["roomJoin", "canSubscribe", "roomCreate", "roomList", "hidden", "agent", "canUpdateOwnMetadata"]}, 1200, {"roomJoin", "canSubscribe"}),
    ({"allow": True, "identity": "bob", "sub": "bob", "kind": "agent", "room": "team-2", "metadata": "x", "profile": "agent"}, 1200, MODERATOR),
]


@pytest.mark.parametrize("at", range(len(NARROW)))
def test_whk_02_only_narrower(one, hook, at):
    """Wider grants, a foreign room, a year: cut to what the rule gives, or refused; never more."""
    answer, ttl, grants = NARROW[at]
    hook.table["/may"] = Reply(answer)
    claims = allowed(want(one, headers=as_local()), "team-1", "alice", ttl=ttl, grants=grants)
    assert claims.get("kind", "standard") == "standard" and not {"metadata", "attributes", "sip"} & set(claims)


@pytest.mark.parametrize("answer", [{"allow": True, "rooms": ["team-2"]}, {"allow": True, "rooms": []}, {"allow": True, "grants": []}, {"allow": True, "ttl": 0}, {"allow": True, "ttl": -5}, {"allow": True, "ttl": "60"},
                                    {"allow": True, "ttl": 1e300}, {"allow": True, "grants": "roomJoin"}])
def test_whk_02_answers_that_leave_nothing(one, hook, answer):
    """Nothing left, or nothing that can be read: refused or 503; never minted as if it had not been said."""
    hook.table["/may"] = Reply(answer)
    got = want(one, headers=as_local())
    if got.status == 200 and answer.get("grants") == []:
        allowed(got, "team-1", ttl=1200, grants={"roomJoin"})  # may join, and nothing else
    else:
        assert got.status in (403, 503), got


def test_a_hook_that_thinks(hook, tmp_path):
    """It has all of the time its rule gives it, however little it sends meanwhile."""
    hook.table["/may"] = Reply({"allow": True}, wait=4.6)
    with running(tmp_path, document(hook, timeout="6s"), {**LOCAL_FILES, "hook.key": SECRET}) as one:
        assert want(one, headers=as_local()).status == 200


def test_whk_04_the_breaker(one, hook):
    """Five failures in a row open it: then 503 at once and the hook is left alone; after 5 s one call is the probe, which closes it."""
    hook.table["/may"] = Reply(b"", 500)
    for _ in range(5):
        opened = time.monotonic()  # before the last of them: the five seconds begin in it
        problem(want(one, headers=as_local()), 503, "unavailable")
    assert hook.count("/may") == 5
    hook.table["/may"] = Reply({"allow": True}, wait=0.3)
    times = []
    with Wire(one.address) as wire:
        for _ in range(20):
            begun = time.monotonic()
            wire.send(post(headers=as_local()))
            problem(wire.answer(), 503, "unavailable")
            times.append(took(begun))
    assert sorted(times)[10] < 0.05, times
    allowed(want(one, {"room_name": "other"}, as_local()), "other")
    assert hook.count("/may") == 5, "open: not contacted"
    assert one.wait_event("hook_away")["rule"]
    wait_until(lambda: hook.count("/may") == 6 or want(one, headers=as_local()).status == 200, step=0.1)
    assert time.monotonic() - opened >= 4.9 and hook.count("/may") == 6
    one.wait_event("hook_back")
    for n in range(7, 10):
        allowed(want(one, headers=as_local()), "team-1", ttl=1200, grants=MODERATOR)
        assert hook.count("/may") == n


def test_whk_04_a_no_is_no_failure(one, hook):
    """401, 403 and a clear no are answers: the breaker stays closed."""
    for reply in (Reply(b"", 401), Reply(b"", 403), Reply({"allow": False})):
        hook.table["/may"] = reply
        for _ in range(6):
            problem(want(one, headers=as_local()), 403, "refused_by_hook")
    assert hook.count("/may") == 18


def test_whk_04_one_probe(hook, tmp_path):
    """When the time is up, one of many is the probe; the others are answered without the hook."""
    hook.table["/may"] = Reply(b"", 500)
    with running(tmp_path, document(hook, timeout="5s"), {**LOCAL_FILES, "hook.key": SECRET}) as one:
        for _ in range(5):
            problem(want(one, headers=as_local()), 503, "unavailable")
        time.sleep(5.1)
        hook.table["/may"] = Reply({"allow": True}, wait=2)  # all of them come while the probe is under way
        wires, data = [Wire(one.address) for _ in range(20)], post(headers=as_local())
        for wire in wires:
            wire.send(data)
        statuses = [wire.answer().status for wire in wires]
        for wire in wires:
            wire.close()
        assert statuses.count(200) == 1 and statuses.count(503) == 19, statuses
        assert hook.count("/may") == 6


def test_whk_05_no_verdict_is_kept_unasked(one, hook):
    """issue: never cached unless the answer says so."""
    for n in range(1, 6):
        allowed(want(one, headers=as_local()), "team-1", ttl=1200, grants=MODERATOR)
        assert hook.count("/may") == n
    hook.table["/may"] = Reply({"allow": False})
    problem(want(one, headers=as_local()), 403, "refused_by_hook")


def test_whk_05_revoked_after_a_kept_yes(one, hook):
    """What the answer lets us keep ends when it says: a yes for a second is not given out three seconds later."""
    hook.table["/may"] = Reply({"allow": True, "cache_s": 1})
    allowed(want(one, headers=as_local()), "team-1", ttl=1200, grants=MODERATOR)
    hook.table["/may"] = Reply({"allow": False})
    wait_until(lambda: want(one, headers=as_local()).status == 403, step=0.1)
    problem(want(one, headers=as_local("bob")), 403, "refused_by_hook")


def test_connection_reuse(one, hook):
    for _ in range(20):
        assert want(one, headers=as_local()).status == 200
    assert hook.count("/may") == 20 and hook.connections <= 3, hook.connections


def test_bounded_parallelism(hook, tmp_path):
    """At most 64 in flight; what is beyond waits or is 503; callers of other rules are not delayed."""
    hook.table["/may"] = Reply({"allow": True}, wait=0.6)
    with running(tmp_path, document(hook, timeout="2s"), {**LOCAL_FILES, "hook.key": SECRET}) as one:
        wires = [Wire(one.address) for _ in range(150)]
        for wire in wires:
            wire.send(post(headers=as_local()))
        begun = time.monotonic()
        allowed(want(one, {"room_name": "other"}, as_local()), "other")
        assert took(begun) < 0.5
        statuses = [wire.answer().status for wire in wires]
        for wire in wires:
            wire.close()
        assert set(statuses) <= {200, 503} and statuses.count(200) >= 32, statuses
        assert hook.most_at_once <= 64, hook.most_at_once


def test_clients_that_leave(one, hook):
    """Disconnect cancels the wait; nothing is minted for nobody, nothing leaks."""
    assert want(one, headers=as_local()).status == 200
    hook.table["/may"] = Reply({"allow": True}, wait=0.2)
    fds = one.descriptors()
    for _ in range(3):
        wires = [Wire(one.address) for _ in range(20)]
        for wire in wires:
            wire.send(post(headers=as_local()))
        time.sleep(0.05)
        for wire in wires:
            wire.abort()
    wait_until(lambda: one.descriptors() <= fds + 70)
    time.sleep(0.5)
    hook.table["/may"] = Reply({"allow": True})
    assert want(one, headers=as_local()).status == 200


def test_a_drain_while_asking(hook, tmp_path):
    """semantics H21: served to its answer, or 503 draining; the service ends in time."""
    hook.table["/may"] = Reply({"allow": True}, wait=0.4)
    with running(tmp_path, document(hook, timeout="2s"), {**LOCAL_FILES, "hook.key": SECRET}) as one, Wire(one.address) as wire:
        wire.send(post(headers=as_local()))
        hook.wait_count(1, "/may")
        thread = threading.Thread(target=one.stop)
        thread.start()
        answer = wire.answer()
        assert answer.status in (200, 503) and answer.closes
        thread.join(30)
        assert not thread.is_alive()


def test_the_secret_stays_here(one, hook):
    """LOG-01 for the hook: neither the secret nor a signature in any output."""
    for reply in (Reply({"allow": True}), Reply(b"", 500), Reply({"allow": False})):
        hook.table["/may"] = reply
        want(one, headers=as_local(org=PLANTED))
    output = one.all_output()
    for seen in hook.seen:
        assert seen.headers["roomkey-signature"][3:] not in output
        assert SECRET.decode() not in seen.body.decode() + repr(seen.headers)
    assert SECRET.decode() not in output and PLANTED not in output
