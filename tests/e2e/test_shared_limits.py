"""Limits that several instances share on Redis or Valkey, with the local ones when it is away: design §4, security §6.5; RTL-06, -07, -09."""

import contextlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from conf import LOCAL_FILES, Conf, as_local, base, everything, local, running, wait_until, want
from process import free_port, wait_connect
from machine import took
from shapes import problem
from wire import Wire, post


class Redis:
    """A real server, without persistence. Killed and brought back on the same port."""

    def __init__(self, directory, *options):
        self.directory, self.port, self.options, self.child = str(directory), free_port(), options, None
        self.up()

    def up(self):
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        assert program, "no redis-server: ./dev test installs it"
        self.child = subprocess.Popen([program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", self.directory, *self.options],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_connect(("127.0.0.1", self.port))

    def down(self):
        if self.child is not None:
            self.child.kill()
            self.child.wait()
            self.child = None

    def command(self, *words):
        """One command by the letter of RESP; the raw reply to it, behind the one to the password if there is one."""
        with socket.create_connection(("127.0.0.1", self.port), 20) as sock:
            for parts in (("AUTH", self.options[1]) if self.options else (), words):
                sock.sendall(b"*%d\r\n" % len(parts) * bool(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part.encode()), part.encode()) for part in parts))
            sock.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: sock.recv(65536), b""))


class FakeRedis:
    """Answers every read with `reply` after `wait` seconds; None: never."""

    def __init__(self, reply, wait=0.0):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.reply, self.wait, self.got = self.listener.getsockname()[1], reply, wait, b""
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self.listener.accept()[0],), daemon=True).start()

    def _serve(self, sock):
        with contextlib.suppress(OSError), sock:
            while data := sock.recv(65536):
                self.got += data
                time.sleep(self.wait)
                if self.reply is not None:
                    sock.sendall(self.reply)

    def close(self):
        self.listener.close()


@pytest.fixture
def redis(tmp_path):
    one = Redis(tmp_path)
    yield one
    one.down()


def document(port, rate="1/h burst 20", **redis):
    """A second for an answer of Redis, for where each counts: on a busy machine the usual 50 ms would make some of them local."""
    doc = base(callers=[local()], rules=[everything()], redis={"url": f"redis://127.0.0.1:{port}", "timeout": "1s", **redis})
    doc["limits"]["per_caller"] = rate
    return doc


def serve(tmp_path, name, doc):
    directory = tmp_path / name
    directory.mkdir()
    return running(directory, doc, LOCAL_FILES)


def wait_shared(redis, *services):
    """Until each of them counts on the Redis: a caller or a room nobody knows leaves a key there."""

    def is_shared(service):
        before = redis.command("DBSIZE")
        fresh = f"probe-{time.monotonic_ns()}"
        assert want(service, {"room_name": fresh}, as_local(fresh)).status == 200
        return redis.command("DBSIZE") != before

    for service in services:
        wait_until(lambda service=service: is_shared(service))


def burst(ones, count, sub="alice"):
    """`count` requests each, in parallel; how many were let in."""
    statuses, barrier = [], threading.Barrier(len(ones) * 2)

    def fire(one):
        with Wire(one.address, timeout=20) as wire:
            barrier.wait()
            wire.send(post(headers=as_local(sub)) * (count // 2))
            statuses.extend(wire.answer().status for _ in range(count // 2))

    threads = [threading.Thread(target=fire, args=(one,)) for one in ones for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 429}, set(statuses)
    return statuses.count(200)


def test_rtl_07_two_instances_one_redis(tmp_path, redis):
    """Exactly `burst` are let in of a hundred in parallel, whatever instance they come to; each caller has his own."""
    with serve(tmp_path, "a", document(redis.port)) as one, serve(tmp_path, "b", document(redis.port)) as two:
        wait_shared(redis, one, two)
        assert burst([one, two], 50) == 20
        assert burst([one, two], 50, "bob") == 20
        answer = want(one, headers=as_local())
        problem(answer, 429, "rate_limited")
        assert one.access(answer.request_id)["layer"] == "per_caller"


def test_per_room_is_shared(tmp_path, redis):
    doc = document(redis.port, "off")
    doc["limits"]["per_room"] = "1/h burst 10"
    with serve(tmp_path, "a", doc) as one, serve(tmp_path, "b", doc) as two:
        wait_shared(redis, one, two)
        assert burst([one, two], 40) == 10


def test_rtl_06_killed_and_brought_back(tmp_path, redis):
    """Local limits carry on without it, and it is used again when it is back."""
    with serve(tmp_path, "a", document(redis.port)) as one, serve(tmp_path, "b", document(redis.port)) as two:
        wait_shared(redis, one, two)
        assert burst([one, two], 50, "first") == 20
        redis.down()
        begun = time.monotonic()
        assert burst([one], 50, "second") == 20, "the local limiter, with the same numbers"
        assert burst([two], 50, "second") == 20
        assert took(begun) < 3
        assert want(one, headers=as_local("third")).status == 200
        redis.up()
        wait_shared(redis, one, two)
        assert burst([one, two], 50, "fourth") == 20
        assert [line for line in one.lines if "redis" in line.lower() or "shared" in line.lower()], "an outage is told"


SLOW = {
    "slow": (b"+OK\r\n", 5.0), "silent": (None, 0.0), "wrong type": (b"+OK\r\n", 0.0), "number": (b":1\r\n", 0.0), "null": (b"$-1\r\n", 0.0), "text": (b"*4\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n", 0.0),
    "short": (b"*1\r\n:1\r\n", 0.0), "negative": (b"*4\r\n:-1\r\n:-1\r\n:-1\r\n:-1\r\n", 0.0), "huge": (b"*4\r\n:9223372036854775807\r\n:1\r\n:1\r\n:1\r\n", 0.0), "deep": (b"*1\r\n" * 5000, 0.0),
    "endless": (b"$1000000000\r\n" + b"a" * 100_000, 0.0), "garbage": (b"HTTP/1.1 400 Bad Request\r\n\r\n", 0.0), "NOAUTH": (b"-NOAUTH Authentication required.\r\n", 0.0),
    "OOM": (b"-OOM command not allowed when used memory > 'maxmemory'.\r\n", 0.0), "MOVED": (b"-MOVED 1 127.0.0.1:1\r\n", 0.0), "NOSCRIPT": (b"-NOSCRIPT No matching script.\r\n", 0.0), "LOADING": (b"-LOADING\r\n", 0.0),
}


@pytest.mark.parametrize("name", SLOW)
def test_rtl_06_a_redis_that_is_no_help(tmp_path, name):
    """Down, slow, wrong answers: neither everybody in nor everybody out; each request at most 50 ms later; told at most once in 10 s."""
    fake = FakeRedis(*SLOW[name])
    try:
        with serve(tmp_path, "a", document(fake.port, "1/h burst 10", timeout="50ms")) as one:
            begun, statuses = time.monotonic(), []
            for _ in range(14):
                at = time.monotonic()
                statuses.append(want(one, headers=as_local()).status)
                assert took(at) < 0.5
            assert statuses == [200] * 10 + [429] * 4
            assert took(begun) < 3
            assert len([line for line in one.lines if '"event":"request"' not in line and "redis" in line.lower()]) <= 4, one.lines
            assert one.rss_kib() < 200_000
    finally:
        fake.close()


def test_rtl_06_nobody_listens(tmp_path):
    with serve(tmp_path, "a", document(free_port(), "1/h burst 10")) as one:
        assert burst([one], 40) == 10


def test_rtl_06_noauth(tmp_path):
    """A password on the server, none in the file: local limits; with it in the URL: shared."""
    redis = Redis(tmp_path, "--requirepass", "planted-redis-password")
    try:
        with serve(tmp_path, "a", document(redis.port)) as one:
            assert burst([one], 50) == 20
        doc = document(redis.port)
        doc["redis"]["url"] = f"redis://:planted-redis-password@127.0.0.1:{redis.port}"
        with serve(tmp_path, "b", doc) as one, serve(tmp_path, "c", doc) as two:
            wait_shared(redis, one, two)
            assert burst([one, two], 50, "bob") == 20
            assert "planted-redis-password" not in one.all_output()
    finally:
        redis.down()


@pytest.mark.parametrize("user", ["", "app"])
def test_the_password_in_a_file(tmp_path, user):
    """redis.password_file, for Redis' own user and for one of its ACL: shared. A wrong one: local limits.
    Whatever is in the file is in no output; another one there takes a restart, and the log says so."""
    password = "planted redis%40:@/password"
    redis = Redis(tmp_path, "--requirepass", password)
    try:
        assert redis.command("ACL", "SETUSER", "app", "on", ">" + password, "~*", "+@all").endswith(b"+OK\r\n")
        doc = document(redis.port, password_file="redis.password")
        doc["redis"]["url"] = f"redis://{user}{'@' * bool(user)}127.0.0.1:{redis.port}"
        files = {**LOCAL_FILES, "redis.password": password + "\n"}
        for name in "ab":
            (tmp_path / name).mkdir()
        with running(tmp_path / "a", doc, files) as one, running(tmp_path / "b", doc, files) as two:
            wait_shared(redis, one, two)
            assert burst([one, two], 50, "bob") == 20
            one.conf.file("redis.password", "planted-other")
            one.send_signal(signal.SIGHUP)
            one.wait_event("warning", key="redis", level="warn")
            assert burst([one, two], 10, "bob") == 0, "as it was at the start"
        assert "planted" not in one.all_output() + two.all_output()
        (tmp_path / "c").mkdir()
        with running(tmp_path / "c", doc, {**files, "redis.password": "planted-wrong"}) as one:
            assert burst([one], 50, "carol") == 20
            one.wait_event("redis_away")
        assert "planted" not in one.all_output()
    finally:
        redis.down()


def test_bad_password_files(tmp_path):
    """As every secret file: refused with its place, by `check` too, when there is none, it is empty, others can write it, or url has a password as well;
    warned about when others can read it. A user without any password is refused at the start."""
    conf = Conf(tmp_path, document(1, password_file="redis.password"), LOCAL_FILES)
    assert "password_file: there is no such file" in conf.refused()
    conf.file("redis.password", "")
    assert "password_file: the file is empty" in conf.refused()
    conf.file("redis.password", "planted", 0o620)
    assert "password_file: group or others can write" in conf.refused()
    conf.file("redis.password", "planted", 0o604)
    done = conf.check()
    assert done.returncode == 0 and b"password_file: names a file that everybody on this machine can read" in done.stdout + done.stderr, done
    conf.file("redis.password", "planted")
    assert b"password_file" not in conf.check().stdout + conf.check().stderr
    conf.write(document(1, password_file="redis.password", url="redis://app:planted-too@127.0.0.1:1"))
    line = conf.refused()
    assert re.search(r"roomkey\.yaml:\d+:\d+: password_file: url has a password as well", line) and "planted" not in line
    assert conf.check().returncode == 1
    conf.write(document(1, url="redis://app@127.0.0.1:1"))
    line = conf.refused()
    assert re.search(r"roomkey\.yaml:\d+:\d+: redis\.url: user and password stand as", line), line
    assert conf.check().returncode == 1, "what serve refuses"


def test_rtl_09_hostile_key_texts(tmp_path, redis):
    """Blanks, CR LF, braces: hashed, so there is nothing to inject and no slot to pin; no personal data on the server."""
    names = ["a b", "a\u00a0b", "{x}", "{}", "x*1", "$5", "FLUSHALL", "rk:*", "a:b", "'; return 1 --", "%s%n", "planted-subject-77"]
    doc = document(redis.port, "1/h burst 1")
    doc["limits"]["per_room"] = "1000/h"
    with serve(tmp_path, "a", doc) as one:
        wait_shared(redis, one)
        assert redis.command("SET", "other", "1").endswith(b"+OK\r\n")
        for name in names:
            assert want(one, {"room_name": name}, as_local(name)).status == 200, name
            assert want(one, {"room_name": name}, as_local(name)).status == 429, name
        keys = redis.command("KEYS", "*")
        assert redis.command("GET", "other") == b"$1\r\n1\r\n"
        assert b"planted-subject-77" not in keys and b"{" not in keys and b" " not in keys.replace(b"\r\n", b""), keys
        text = keys.decode()
        ours = [line for line in text.split("\r\n") if ":" in line]
        assert len(ours) >= len(names), text
        for key in ours:
            ttl = redis.command("PTTL", key)
            assert ttl.startswith(b":") and int(ttl[1:]) > 0, (key, ttl)


def test_bad_addresses(tmp_path):
    """design §4: refused at load."""
    for n, url in enumerate(("http://127.0.0.1:1", "redis://", "127.0.0.1:6379", "redis://127.0.0.1:99999", "redis://127.0.0.1:6379/x", "unix:/x")):
        directory = tmp_path / str(n)
        directory.mkdir()
        doc = document(1)
        doc["redis"]["url"] = url
        assert "redis" in Conf(directory, doc, LOCAL_FILES).refused()
