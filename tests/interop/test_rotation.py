"""LiveKit keys rotated by the book of `roomkey keys plan` while clients join all the time: no join is refused for a key.

Two livekit-servers with the same keys stand behind one address, as behind a balancer; that which is restarted gets no new
connections, for a restart refuses joins whatever the keys are. Everything else is what it is in production: the servers'
key files are rewritten and the servers restarted, roomkey's key_file and active_key are changed and reloaded by SIGHUP,
and clients join with what roomkey gave them, at once or just before it expires.
"""

import asyncio
import json
import os
import signal
import subprocess
import threading
import time

import aiohttp
import jwt
import pytest
import requests

import fronts
import world

TTL_S = 10  # the shortest a rule may have
LATE_S = 6  # so long some clients keep what they got


class Servers:
    """Two servers behind one address."""

    def __init__(self, directory, keys):
        self.directory = directory
        self.ports, self.running = [world.free_port(), world.free_port()], [None, None]
        for index in (0, 1):
            self.start(index, keys)
        self.front = fronts.Front(f"127.0.0.1:{self.ports[0]}")

    def start(self, index, keys):
        running = world.start_livekit(self.directory, None, keys=keys, port=self.ports[index])
        next(running)
        self.running[index] = running

    def restart_all(self, keys):
        """One after the other, each while nobody is sent to it."""
        for index in (0, 1):
            self.front.lead_to(f"127.0.0.1:{self.ports[1 - index]}")  # and joins under way come to their end
            self.running[index].close()
            self.start(index, keys)

    def stop(self):
        self.front.stop()
        for running in self.running:
            running.close()


class Roomkey:
    """A service whose key_file and active_key are rewritten and reloaded."""

    def __init__(self, directory, url, keys, active):
        self.directory, self.url, self.path = directory, url, os.path.join(directory, "roomkey.yaml")
        self.write(keys, active)
        self.process = world.Process([world.roomkey_binary(), "serve", "--config", self.path], env=world.bare_env())
        self.base = "http://" + self.process.wait_for(world.listening_address)

    def write(self, keys, active):
        for name, what in (("keys.yaml", keys), ("roomkey.yaml", {
                "listen": "127.0.0.1:0", "anonymous": "rules",
                "livekit": {"url": self.url, "key_file": "keys.yaml", "active_key": active},
                "rules": [{"id": "all", "caller": "anonymous", "room": ["room-*"], "ttl": f"{TTL_S}s"}],
                "limits": {"per_address": "off", "per_caller": "off"}})):
            with open(os.open(os.path.join(self.directory, name + ".new"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
                      "w", encoding="utf-8") as file:
                json.dump(what, file)
            os.replace(os.path.join(self.directory, name + ".new"), os.path.join(self.directory, name))

    def reload(self, keys, active):
        self.write(keys, active)
        os.kill(self.process.child.pid, signal.SIGHUP)
        self.process.wait_for(lambda line: '"event":"reload' in line and '"event":"reload_failed"' not in line)
        until = time.monotonic() + 20  # each worker takes it when it comes to it
        while issuer(self.token()) != active:
            assert time.monotonic() < until, "not reloaded"

    def token(self):
        answer = requests.post(f"{self.base}/v1/token", json={"room_name": world.fresh("room")}, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()["participant_token"]

    def plan(self, *words):
        return json.loads(self.run("keys", "plan", "--json", *words).stdout)

    def run(self, *words):
        return subprocess.run([world.roomkey_binary(), *words, "--config", self.path], env=world.bare_env(),
                              capture_output=True, text=True, timeout=60, check=False)


def issuer(token):
    return jwt.decode(token, options={"verify_signature": False})["iss"]


class Joiners:
    """Clients that ask roomkey and join, one after the other, on a thread; some keep their token for LATE_S first."""

    def __init__(self, roomkey, url, keeps=True):
        self.roomkey, self.url, self.keeps = roomkey, url, keeps
        self.joins = []  # (key, was it late, status: 101 is a join)
        self.kept = []  # the key of each token that is kept for later
        self._end, self._thread = threading.Event(), threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    async def _run(self):
        loop, late = asyncio.get_running_loop(), []
        async with aiohttp.ClientSession() as session:
            count = 0
            while not self._end.is_set():
                token = await loop.run_in_executor(None, self.roomkey.token)
                count += 1
                if self.keeps and count % 4 == 0:
                    self.kept.append(issuer(token))
                    late.append(asyncio.ensure_future(self._join(session, token, LATE_S)))
                else:
                    await self._join(session, token, 0)
                await asyncio.sleep(0.05)
            await asyncio.gather(*late)

    async def _join(self, session, token, wait_s):
        await asyncio.sleep(wait_s)
        try:
            async with session.ws_connect(f"{self.url}/rtc?protocol=9&sdk=python",
                                          headers={"Authorization": f"Bearer {token}"}, timeout=aiohttp.ClientWSTimeout(ws_close=60)) as socket:
                first = await asyncio.wait_for(socket.receive(), 60)
                status = 101 if first.type is aiohttp.WSMsgType.BINARY else 0
        except aiohttp.WSServerHandshakeError as error:
            status = error.status
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError):
            status = 0
        self.joins.append((issuer(token), wait_s != 0, status))
        if wait_s != 0:
            self.kept.remove(issuer(token))

    def used_up(self, key):
        """Waits until nobody has a token of this key any more: they have expired, and who kept one has joined with it."""
        time.sleep(TTL_S)
        until = time.monotonic() + 45  # a server takes them for a minute more
        while key in self.kept:
            assert time.monotonic() < until, "a kept token was never used"
            time.sleep(0.05)

    def at_least(self, count):
        """Waits for `count` further joins."""
        until, before = time.monotonic() + 60, len(self.joins)
        while len(self.joins) < before + count:
            assert time.monotonic() < until, "nobody joins"
            time.sleep(0.05)

    def refused(self):
        return [join for join in self.joins if join[2] != 101]


@pytest.fixture
def world_of_two(tmp_path):
    (old, old_secret), (new, new_secret) = world.fresh_pair(), world.fresh_pair()
    both = {old: old_secret, new: new_secret}
    servers = Servers(str(tmp_path), {old: old_secret})
    url = f"ws://{servers.front.host}"
    os.mkdir(tmp_path / "roomkey")
    roomkey = Roomkey(str(tmp_path / "roomkey"), url, {old: old_secret}, old)
    try:
        yield servers, roomkey, url, old, new, both
    finally:
        roomkey.process.stop()
        servers.stop()


@pytest.mark.timeout(300)
def test_a_rotation_by_the_plan(world_of_two):
    """issue: key rotation proved on a real livekit-server whose own keys are rotated while clients join all the time."""
    servers, roomkey, url, old, new, both = world_of_two
    plan = roomkey.plan("--new", new)
    assert (plan["from"], plan["to"], plan["longest_token_s"]) == (old, new, TTL_S)
    steps = {
        "make": lambda: None,
        "servers_add": lambda: servers.restart_all(both),
        "roomkey_add": lambda: roomkey.reload(both, old),
        "switch": lambda: roomkey.reload(both, new),
        "wait": lambda: joiners.used_up(old),  # and not the minute more that a server allows, which nobody here needs
        "roomkey_remove": lambda: roomkey.reload({new: both[new]}, new),
        "servers_remove": lambda: servers.restart_all({new: both[new]}),
    }
    with Joiners(roomkey, url) as joiners:
        joiners.at_least(5)
        for step in plan["steps"]:
            steps.pop(step["step"])()
            joiners.at_least(3)
            if step["step"] in ("roomkey_add", "switch"):  # what the plan says to look at
                done = roomkey.run("doctor", "--json")
                assert done.returncode == 0, done.stdout
                assert [one["status"] for one in json.loads(done.stdout)["findings"] if one["probe"] == "key"] == ["ok"] * 2
    assert steps == {}, "the plan has all of it"
    assert joiners.refused() == [], joiners.refused()
    used = {(key, is_late) for key, is_late, _ in joiners.joins}
    assert used == {(old, False), (old, True), (new, False), (new, True)}, "both keys were used, at once and late"
    assert not [status for key, _, status in joiners.joins[-3:] if key != new]


def test_the_switch_before_the_servers_know_the_key(world_of_two):
    """The control: in the wrong order joins are refused, and the joiners see it."""
    _, roomkey, url, _, new, both = world_of_two
    with Joiners(roomkey, url, keeps=False) as joiners:
        joiners.at_least(3)
        assert joiners.refused() == []
        roomkey.reload(both, new)
        joiners.at_least(3)
    assert {(key, status) for key, _, status in joiners.refused()} == {(new, 401)}, joiners.refused()
    assert json.loads(roomkey.run("doctor", "--json").stdout)["ok"] is False


def test_a_leaked_key_is_worth_nothing_at_the_end_of_the_urgent_order(world_of_two):
    servers, roomkey, _, old, new, both = world_of_two
    plan = roomkey.plan("--new", new, "--leaked")
    assert [step["step"] for step in plan["steps"]] == ["make", "servers_add", "switch", "servers_remove"]
    assert [step["wait_s"] for step in plan["steps"]] == [0] * 4
    stolen = world.LiveKit(servers.front.host, old, both[old])
    servers.restart_all(both)
    roomkey.reload({new: both[new]}, new)
    assert stolen.validate(stolen.token()) == 200, "until here, which is why there is no wait"
    servers.restart_all({new: both[new]})
    assert stolen.validate(stolen.token()) == 401
    assert stolen.validate(roomkey.token()) == 200
