"""`roomkey doctor` against a real livekit-server, with exactly one thing broken at a time: it finds that, and in a world
where nothing is broken it finds nothing (issue: doctor finds each of)."""

import asyncio
import contextlib
import json
import os
import re
import socket
import struct
import subprocess

import pytest
from livekit import api

import fronts
import world

LIMIT_S = 60
ALL = {"secret", "url", "reach", "key", "clock", "auto_create", "room_api", "version", "webhook", "cleanup"}


class Said:
    """What doctor said: its exit code, and for each probe the (status, code) of its findings."""

    def __init__(self, done, secrets_):
        self.code, self.out, self.talk = done.returncode, done.stdout, done.stderr
        self.all = json.loads(done.stdout)["findings"] if done.stdout.startswith("{") else []
        for secret in secrets_:
            assert secret not in done.stdout + done.stderr, "a secret was said"
        # with its dot: three letters come about by chance in a server's random ids
        assert not re.search(r"eyJ[\w-]+\.[\w-]", done.stdout + done.stderr), "a token was said"

    def of(self, probe):
        return [(one["status"], one["code"]) for one in self.all if one["probe"] == probe]

    @property
    def bad(self):
        return {(one["probe"], one["code"]) for one in self.all if one["status"] in ("warn", "fail")}

    def text(self, code):
        return next(one["text"] for one in self.all if one["code"] == code)


def doctor(livekit, *words, env=None, secret=None, key=None, url=None, is_json=True):
    given = {"LIVEKIT_URL": url or livekit.url, "LIVEKIT_API_KEY": key or livekit.key,
             "LIVEKIT_API_SECRET": secret or livekit.secret, **(env or {})}
    given = {name: value for name, value in given.items() if value}
    done = subprocess.run([world.roomkey_binary(), "doctor", *(["--json"] if is_json else []), *words],
                          env=world.bare_env(**given), capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode != 2 or not is_json, done.stderr
    return Said(done, [livekit.secret, given.get("LIVEKIT_API_SECRET", livekit.secret)])


async def rooms_of(livekit):
    async with api.LiveKitAPI(livekit.http, livekit.key, livekit.secret) as server:
        return [room.name for room in (await server.room.list_rooms(api.ListRoomsRequest())).rooms]


@pytest.fixture(autouse=True)
def nothing_stays(livekit):
    """Doctor leaves no room behind, whatever it found; if it does, that is the failure of one test and not of the next."""
    yield
    left = [name for name in asyncio.run(rooms_of(livekit)) if name.startswith("roomkey-doctor")]
    doctor_rooms_gone(livekit)
    assert left == []


@pytest.fixture(scope="module")
def hooked(tmp_path_factory):
    """A livekit-server with two keys whose webhooks are signed with the second and go to a port nobody has yet."""
    keys = dict([world.fresh_pair(), world.fresh_pair()])
    port = world.free_port()
    for livekit in world.start_livekit(str(tmp_path_factory.mktemp("hooked")), f"http://127.0.0.1:{port}/",
                                       keys=keys, webhook_key=list(keys)[1]):
        yield livekit, keys, f"127.0.0.1:{port}"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return fronts.make_certificate(str(tmp_path_factory.mktemp("front")))


@contextlib.contextmanager
def front(*words, **more):
    it = fronts.Front(*words, **more)
    try:
        yield it
    finally:
        it.stop()


def configured(directory, livekit, keys, active, **more):
    """The path of a roomkey.yaml."""
    path = os.path.join(directory, "roomkey.yaml")
    for name, what in (("keys.yaml", keys), ("roomkey.yaml", {
            "anonymous": "allow", "livekit": {"url": livekit.url, "key_file": "keys.yaml", "active_key": active, **more}})):
        with open(os.open(os.path.join(directory, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
                  encoding="utf-8") as file:
            json.dump(what, file)
    return path


# ---- nothing is broken ----

def test_a_good_world(livekit):
    said = doctor(livekit)
    assert (said.code, said.bad) == (0, set()), said.out
    assert {one["probe"] for one in said.all} == ALL
    assert said.of("webhook") == [("skip", "webhook")]
    assert re.search(r"livekit-server \d+\.\d+\.\d+", said.text("version"))
    lines = doctor(livekit, is_json=False)
    assert lines.code == 0 and lines.out.endswith("all good\n") and not re.search(r"(?m)^\s*fail\b", lines.out), lines.out


def test_a_good_world_behind_tls_and_a_prefix(livekit, certificate):
    with front(livekit.host, fronts.behind_prefix("/livekit"), certificate) as proxy:
        said = doctor(livekit, "--ca-file", certificate, url=f"wss://{proxy.host}/livekit")
        assert (said.code, said.bad) == (0, set()), said.out


def test_webhooks_of_a_good_world(tmp_path, hooked):
    livekit, keys, address = hooked
    first, second = keys
    path = configured(str(tmp_path), livekit, keys, first)
    said = doctor(livekit, "--config", path, "--webhook", address, env={"LIVEKIT_API_KEY": "", "LIVEKIT_API_SECRET": "",
                                                                        "LIVEKIT_URL": ""})
    assert (said.code, said.bad, said.of("webhook")) == (0, set(), [("ok", "webhook")]), said.out
    assert second in said.text("webhook")
    assert len(said.of("key")) == 2 and f"{second} (does not sign)" in said.out


# ---- keys ----

def test_wrong_key(livekit):
    said = doctor(livekit, key="APInobodyknows")
    assert (said.code, said.bad) == (1, {("key", "unknown_key")}), said.out
    assert said.of("clock") == [("ok", "clock")]


def test_wrong_secret(livekit):
    said = doctor(livekit, secret=livekit.secret + "\\n")
    assert (said.code, said.bad) == (1, {("key", "wrong_secret")}), said.out


def test_no_key_and_no_url(livekit):
    said = doctor(livekit, env={"LIVEKIT_API_KEY": "", "LIVEKIT_API_SECRET": ""})
    assert (said.code, said.bad) == (1, {("secret", "no_key")}), said.out
    said = doctor(livekit, env={"LIVEKIT_URL": ""})
    assert (said.code, said.bad) == (1, {("url", "no_url")}), said.out


def test_short_secret(tmp_path):
    pair = {"APIshort": "only-twelve."}
    for livekit in world.start_livekit(str(tmp_path), None, keys=pair):
        said = doctor(livekit)
        assert (said.code, said.bad) == (0, {("secret", "short_secret")}), said.out


def test_a_second_key_the_server_does_not_have(tmp_path, livekit):
    """Half of a rotation: it is told, but nothing fails while that key does not sign."""
    other, secret = world.fresh_pair()
    keys = {livekit.key: livekit.secret, other: secret}
    no = {"LIVEKIT_API_KEY": "", "LIVEKIT_API_SECRET": "", "LIVEKIT_URL": ""}
    said = doctor(livekit, "--config", configured(str(tmp_path), livekit, keys, livekit.key), env=no)
    assert (said.code, said.bad) == (0, {("key", "unknown_key")}) and other in said.text("unknown_key"), said.out
    said = doctor(livekit, "--config", configured(str(tmp_path), livekit, keys, other), env=no)
    assert (said.code, said.bad) == (1, {("key", "unknown_key")}), said.out


# ---- the clock ----

@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    directory = str(tmp_path_factory.mktemp("shim"))
    library = os.path.join(directory, "shim_clock.so")
    source = os.path.join(world.ROOT, "tests", "e2e", "shim_clock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)

    def preload(offset_s):
        path = os.path.join(directory, f"offset{offset_s}")
        with open(path, "wb") as file:
            file.write(struct.pack("=q", offset_s))
        return {"LD_PRELOAD": library, "RK_TEST_CLOCK": path}

    return preload


@pytest.mark.parametrize("offset_s, code, words", ((300, "clock_ahead", "not valid yet"), (-300, "clock_behind", "as expired")))
def test_clock_off_by_five_minutes(livekit, shim, offset_s, code, words):
    """The key is still found to be good, and the server's own word confirms what its Date shows."""
    said = doctor(livekit, env=shim(offset_s))
    assert (said.code, said.bad) == (1, {("clock", code)}), said.out
    assert abs(int(re.search(r"clock is (\d+) s ", said.text(code)).group(1)) - 300) < 20 and words in said.text(code)
    assert said.of("key") == [("ok", "key")]


def test_clock_and_secret_are_told_apart(livekit, shim):
    said = doctor(livekit, env=shim(300), secret="some other secret of thirty-two bytes")
    assert said.bad == {("clock", "clock_ahead"), ("key", "wrong_secret")}, said.out


def test_a_clock_that_drifts(livekit, shim):
    said = doctor(livekit, env=shim(30))
    assert (said.code, said.bad) == (0, {("clock", "clock_drifts")}), said.out


# ---- the URL ----

def test_http_in_the_url(livekit):
    said = doctor(livekit, url=livekit.http)
    assert (said.code, said.bad) == (0, {("url", "http_scheme")}), said.out


def test_tls_where_there_is_none(livekit):
    said = doctor(livekit, url=f"wss://{livekit.host}")
    assert (said.code, said.bad) == (1, {("reach", "tls_on_plain")}), said.out
    assert said.of("key") == [("skip", "skipped")]


def test_no_tls_where_there_is_some(livekit, certificate):
    with front(livekit.host, certificate=certificate) as proxy:
        said = doctor(livekit, url=f"ws://{proxy.host}")
        assert (said.code, said.bad) == (1, {("reach", "plain_on_tls")}), said.out


def test_a_certificate_nobody_trusts(livekit, certificate):
    with front(livekit.host, certificate=certificate) as proxy:
        said = doctor(livekit, url=f"wss://{proxy.host}")
        assert (said.code, said.bad) == (1, {("reach", "certificate")}), said.out


def test_a_path_too_many(livekit):
    said = doctor(livekit, url=f"{livekit.url}/rtc")
    assert (said.code, said.bad) == (1, {("reach", "path")}), said.out
    assert f"there is one at {livekit.http}" in said.text("path")


def test_a_prefix_that_is_missing(livekit):
    with front(livekit.host, fronts.behind_prefix("/livekit")) as proxy:
        said = doctor(livekit, url=f"ws://{proxy.host}")
        assert (said.code, said.bad) == (1, {("reach", "path")}), said.out
        assert said.text("path").endswith("/livekit")
        assert doctor(livekit, url=f"ws://{proxy.host}/livekit").code == 0


@pytest.mark.parametrize("answer, code", ((fronts.answer(404, b"nothing"), "not_livekit"),
                                          (fronts.answer(200, b"<html>"), "not_livekit"),
                                          (fronts.answer(502), "bad_gateway"),
                                          (fronts.answer(301, headers="Location: https://x.example/\r\n"), "redirect"),
                                          (b"SSH-2.0-OpenSSH_9.2\r\n", "no_http")))
def test_something_else_answers(livekit, answer, code):
    with front(livekit.host, lambda *_: answer) as other:
        said = doctor(livekit, url=f"ws://{other.host}")
        assert (said.code, said.bad) == (1, {("reach", code)}), said.out


# ---- unreachable ----

def test_refused(livekit):
    said = doctor(livekit, url=f"ws://127.0.0.1:{world.free_port()}")
    assert (said.code, said.bad) == (1, {("reach", "refused")}), said.out


def test_no_such_host(livekit):
    for scheme, warned in (("wss", set()), ("ws", {("url", "insecure_scheme")})):
        said = doctor(livekit, url=f"{scheme}://livekit.invalid")
        found = said.bad - warned
        assert said.code == 1 and warned <= said.bad, said.out
        assert found in ({("reach", "dns")}, {("reach", "dns_timeout")}), said.out


def test_a_server_that_does_not_answer(livekit):
    """Time-outs are told apart from refusals, what is waited for is said, and --timeout bounds all of it."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as silent:
        said = doctor(livekit, "--timeout", "3s", url="ws://127.0.0.1:%d" % silent.getsockname()[1])
    assert (said.code, said.bad) == (1, {("reach", "slow")}), said.out
    assert said.talk == "roomkey: still waiting for: the LiveKit server\n"


def test_a_connection_that_does_not_come_about(livekit):
    """A full backlog: the kernel drops what is sent there, as a firewall does."""
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        said = doctor(livekit, "--timeout", "3s", url="ws://127.0.0.1:%d" % full.getsockname()[1])
    assert (said.code, said.bad) == (1, {("reach", "timeout")}), said.out


# ---- the server ----

def test_auto_create_off(tmp_path):
    for livekit in world.start_livekit(str(tmp_path), None, room={"auto_create": False}):
        said = doctor(livekit)
        assert (said.code, said.bad) == (1, {("auto_create", "auto_create_off")}), said.out
        assert said.of("version") == [("ok", "version")] and said.of("cleanup") == [("ok", "cleanup")]
        said = doctor(livekit, "--accept", "auto_create_off")
        assert (said.code, said.of("auto_create")) == (0, [("warn", "auto_create_off")]), said.out


@pytest.mark.parametrize("version, words", (("1.7.2", "room_config"), ("1.6.2", "and attributes")))
def test_too_old(livekit, version, words):
    """The first message that a real livekit-server 1.7.2 sent to a participant (fuzz/corpus/join), in place of this
    server's; the other version is written into it. Against 1.7.2 itself doctor was run by hand, with the same words."""
    with open(os.path.join(world.ROOT, "fuzz", "corpus", "join", "1.7.2"), "rb") as file:
        recorded = file.read()

    async def sid_of_the_room():
        async with api.LiveKitAPI(livekit.http, livekit.key, livekit.secret) as server:
            return next(room.sid for room in (await server.room.list_rooms(api.ListRoomsRequest())).rooms
                        if room.name.startswith("roomkey-doctor"))

    def decide(_method, path, _head):
        if not path.startswith("/rtc?"):
            return path
        sid = asyncio.run(sid_of_the_room()).encode()  # as long as the recorded one
        return (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" +
                recorded.replace(b"RM_znhbegzjamoU", sid).replace(b"1.7.2", version.encode()))

    with front(livekit.host, decide) as proxy:
        said = doctor(livekit, url=f"ws://{proxy.host}")
        assert (said.code, said.bad) == (1, {("version", "too_old")}), said.out
        assert version in said.text("too_old") and words in said.text("too_old")


def test_no_room_api(livekit):
    with front(livekit.host, fronts.only("/rtc")) as proxy:
        said = doctor(livekit, url=f"ws://{proxy.host}")
        assert said.code == 1 and ("room_api", "no_room_api") in said.bad, said.out
        # what the join made closes by itself; that it stays for a while is said
        assert said.bad - {("cleanup", "left_room")} == {("room_api", "no_room_api")}, said.out
    doctor_rooms_gone(livekit)


def doctor_rooms_gone(livekit):
    """Deletes what a doctor without the room API could not."""

    async def delete():
        async with api.LiveKitAPI(livekit.http, livekit.key, livekit.secret) as server:
            for room in (await server.room.list_rooms(api.ListRoomsRequest())).rooms:
                if room.name.startswith("roomkey-doctor"):
                    await server.room.delete_room(api.DeleteRoomRequest(room=room.name))

    asyncio.run(delete())


async def make_room(livekit, name):
    async with api.LiveKitAPI(livekit.http, livekit.key, livekit.secret) as server:
        await server.room.create_room(api.CreateRoomRequest(name=name, empty_timeout=300))


@pytest.mark.parametrize("returns, code, tries", ((1, "cleanup", 2), (99, "left_room", 5)))
def test_a_room_that_comes_back(livekit, returns, code, tries):
    """Once in thousands of runs a busy livekit-server writes a deleted room into its store again, where it stays. Here
    somebody makes it again between the deletion and the look whether it is gone."""
    deleted = []

    def decide(_method, path, _head):
        if path.endswith("/DeleteRoom"):
            deleted.extend(name for name in asyncio.run(rooms_of(livekit)) if name.startswith("roomkey-doctor"))
        elif path.endswith("/ListRooms") and 0 < len(deleted) <= returns:
            asyncio.run(make_room(livekit, deleted[0]))
        return path

    with front(livekit.host, decide) as proxy:
        said = doctor(livekit, url=f"ws://{proxy.host}")
        assert said.code == 0 and said.of("cleanup") == [("ok" if code == "cleanup" else "warn", code)], said.out
    assert len(deleted) == tries
    doctor_rooms_gone(livekit)


def test_no_websockets(livekit):
    with front(livekit.host, drop=("upgrade",)) as proxy:
        said = doctor(livekit, url=f"ws://{proxy.host}")
        assert (said.code, said.bad) == (1, {("version", "no_websocket")}), said.out


def test_url_and_api_url_of_different_servers(tmp_path, livekit):
    """The same keys everywhere, and no Redis between them."""
    keys = {livekit.key: livekit.secret}
    for other in world.start_livekit(str(tmp_path), None, keys=keys):
        path = configured(str(tmp_path), other, keys, livekit.key, api_url=livekit.http)
        no = {"LIVEKIT_API_KEY": "", "LIVEKIT_API_SECRET": "", "LIVEKIT_URL": ""}
        said = doctor(livekit, "--config", path, env=no)
        assert (said.code, said.bad) == (1, {("version", "two_servers")}), said.out
        assert asyncio.run(rooms_of(other)) == []  # there, too


# ---- webhooks ----

def test_webhook_of_an_unknown_key(hooked):
    livekit, keys, address = hooked
    said = doctor(livekit, "--webhook", address)
    assert (said.code, said.bad) == (1, {("webhook", "webhook_unknown_key")}), said.out
    assert list(keys)[1] in said.text("webhook_unknown_key")


def test_webhook_of_a_known_key_with_another_secret(tmp_path, hooked):
    livekit, keys, address = hooked
    first, second = keys
    mine = {first: keys[first], second: world.fresh_pair()[1]}
    said = doctor(livekit, "--config", configured(str(tmp_path), livekit, mine, first), "--webhook", address,
                  env={"LIVEKIT_API_KEY": "", "LIVEKIT_API_SECRET": "", "LIVEKIT_URL": ""})
    assert (said.code, said.bad) == (1, {("webhook", "webhook_wrong_secret"), ("key", "wrong_secret")}), said.out
    assert second in said.text("webhook_wrong_secret")


def test_no_webhook_comes(livekit):
    said = doctor(livekit, "--webhook", f"127.0.0.1:{world.free_port()}", "--timeout", "9s")
    assert (said.code, said.bad) == (1, {("webhook", "no_webhook")}), said.out
    assert "roomkey: still waiting for: a webhook\n" in said.talk and said.of("cleanup") == [("ok", "cleanup")]


def test_webhook_address(livekit):
    for address in ("7072", "unix:/tmp/x", "127.0.0.1:1,127.0.0.1:2"):
        said = doctor(livekit, "--webhook", address, is_json=False)
        assert said.code == 2 and "--webhook: expected one address" in said.talk, said.talk
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = doctor(livekit, "--webhook", "127.0.0.1:%d" % taken.getsockname()[1], is_json=False)
        assert said.code == 1 and "address already in use" in said.talk, said.talk
