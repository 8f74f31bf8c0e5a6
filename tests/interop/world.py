"""world.py - the processes the interop tests stand on: a livekit-server, a roomkey, the peers of other languages.

May touch: loopback, a temporary directory, processes it starts. Everything outside Python is named by the environment
that ./dev sets; what is not there is an error with a clear line, never a skip.
"""

import contextlib
import http.server
import itertools
import json
import os
import queue
import random
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass

import jwt
import requests

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
START_LIMIT_S = 60
PEER_LIMIT_S = 90
JOIN_REQUEST = "EgIKAA=="  # the smallest WrappedJoinRequest, in padded base64url


def peer(name):
    """The path of a peer; missing is a failure of the run."""
    path = os.environ.get(name, "")
    if not os.path.exists(path):
        raise RuntimeError(f"{name} names nothing ({path!r}); run these tests with ./dev test interop")
    return path


def own_ports():
    """Ports below those that the kernel hands out, so that nobody gets one by chance before it is used. Each worker of xdist has its own
    thousands, and takes each of them once: some stay unused for long."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 4
    first = 10_000 + 5_000 * worker
    return itertools.cycle(random.SystemRandom().sample(range(first, first + 5_000), 5_000))


PORTS = own_ports()


def free_port(kind=socket.SOCK_STREAM):
    """One of our own where nobody listens."""
    for port in PORTS:
        with socket.socket(socket.AF_INET, kind) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def bare_env(**more):
    """What a child gets: nothing of ours by accident, no key, no proxy."""
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C.UTF-8", **more}


class Process:
    """A child whose output lines are kept; stop() ends it and everything it started."""

    def __init__(self, command, env=None, cwd=None, stdin=None):
        self.lines, self._queue = [], queue.Queue()
        self.child = subprocess.Popen(command, env=env or bare_env(), cwd=cwd, stdin=stdin or subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
                                      errors="replace", start_new_session=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            self.lines.append(line.rstrip("\n"))
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def wait_for(self, wanted, limit_s=START_LIMIT_S):
        """The first true wanted(line) over the lines not looked at yet."""
        until = time.monotonic() + limit_s
        while True:
            try:
                line = self._queue.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                raise RuntimeError(f"{self.child.args[0]}: nothing within {limit_s} s") from None
            if line is None:
                raise RuntimeError(f"{self.child.args[0]} ended with {self.child.wait()}: " + "\n".join(self.lines[-20:]))
            found = wanted(line)
            if found:
                return found

    def stop(self):
        """SIGTERM to the child, SIGKILL to what is left of its group. Returns the exit code."""
        if self.child.poll() is None:
            self.child.terminate()
        try:
            code = self.child.wait(timeout=30)
        except subprocess.TimeoutExpired:
            code = None
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()
        return code


def result_of(line):
    return json.loads(line[len("RESULT "):]) if line.startswith("RESULT ") else None


@dataclass(frozen=True)
class LiveKit:
    """A running livekit-server and its key pair."""

    host: str  # 127.0.0.1:PORT
    key: str
    secret: str

    @property
    def url(self):
        return f"ws://{self.host}"

    @property
    def http(self):
        return f"http://{self.host}"

    def claims(self, **changes):
        """The claims of a good token; `video` is merged, None takes a claim away."""
        now = int(time.time())
        claims = {"iss": self.key, "sub": fresh("me"), "nbf": now, "exp": now + 600}
        video = {"roomJoin": True, "room": fresh("room")}
        if isinstance(changes.get("video"), dict):
            video.update(changes.pop("video"))
            video = {name: value for name, value in video.items() if value is not None}
        claims["video"] = video
        claims.update(changes)
        return {name: value for name, value in claims.items() if value is not None}

    def sign(self, claims, secret=None, algorithm="HS256", headers=None):
        # PyJWT refuses claims that make no sense (numeric sub): what must be refused by a server is made by hand.
        return jwt.api_jws.encode(json.dumps(claims).encode(), secret or self.secret, algorithm=algorithm,
                                  headers={"typ": "JWT", **(headers or {})})

    def token(self, **changes):
        return self.sign(self.claims(**changes))

    def validate(self, token):
        """The status of both validate routes; they have to agree. Bodies repeat the token: never shown."""
        bearer = {"Authorization": f"Bearer {token}"}
        old = requests.get(f"{self.http}/rtc/validate", headers=bearer, timeout=10).status_code
        new = requests.get(f"{self.http}/rtc/v1/validate", headers=bearer, params={"join_request": JOIN_REQUEST},
                           timeout=10).status_code
        assert old == new, f"/rtc/validate says {old}, /rtc/v1/validate {new}"
        return old


class Webhooks:
    """Keeps what the server posts: (Authorization header, raw body)."""

    def __init__(self):
        posts = self.posts = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                posts.append((self.headers["Authorization"], body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, *wanted, limit_s=START_LIMIT_S):
        """The first post whose body holds all of `wanted`."""
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            for header, body in list(self.posts):
                if all(word.encode() in body for word in wanted):
                    return header, body
            time.sleep(0.05)
        raise RuntimeError(f"no webhook with {wanted} within {limit_s} s")


def fresh_pair():
    return "API" + secrets.token_hex(6), secrets.token_urlsafe(48)


def start_livekit(directory, webhook_url, keys=None, webhook_key=None, room=None, port=None):
    """A livekit-server on loopback alone, with fresh keys unless `keys` says which; the first is ours. Yields like a
    fixture."""
    keys = keys or dict([fresh_pair()])
    key, secret = next(iter(keys.items()))
    port = port or free_port()
    config = {
        "port": port,
        "bind_addresses": ["127.0.0.1"],
        "keys": keys,
        "rtc": {"node_ip": "127.0.0.1", "use_external_ip": False, "enable_loopback_candidate": True,
                "interfaces": {"includes": ["lo"]}, "udp_port": free_port(socket.SOCK_DGRAM), "tcp_port": 0},
        "webhook": {"api_key": webhook_key or key, "urls": [webhook_url] if webhook_url else []},
        "room": room or {},
        "logging": {"level": "warn"},
    }
    path = os.path.join(directory, fresh("livekit") + ".yaml")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)  # JSON is YAML
    process = Process([peer("RKT_LIVEKIT_SERVER"), "--config", path])
    try:
        wait_for_http(f"http://127.0.0.1:{port}/", process)
        yield LiveKit(f"127.0.0.1:{port}", key, secret)
    finally:
        process.stop()


def wait_for_http(url, process, limit_s=START_LIMIT_S):
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        try:
            if requests.get(url, timeout=2).status_code == 200:
                return
        except (requests.ConnectionError, requests.Timeout):
            assert process.child.poll() is None, "\n".join(process.lines[-20:])
        time.sleep(0.05)
    raise RuntimeError(f"{url} did not answer 200 within {limit_s} s")


def roomkey_binary():
    path = os.environ.get("ROOMKEY_BIN") or os.path.join(ROOT, "build", "release", "roomkey")
    if not os.path.exists(path):
        raise RuntimeError(f"there is no {path}; ./dev build makes it")
    return path


def listening_address(line):
    """127.0.0.1:PORT from roomkey's log line that it listens."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event.get("address") if event.get("event") == "listening" else None


def run_roomkey(livekit, *words, stdin=None):
    """A verb of the command line with the server's key in its environment."""
    env = bare_env(LIVEKIT_URL=livekit.url, LIVEKIT_API_KEY=livekit.key, LIVEKIT_API_SECRET=livekit.secret)
    return subprocess.run([roomkey_binary(), *words], env=env, input=stdin, capture_output=True, text=True,
                          encoding="utf-8", timeout=20, check=False)


class NodePeers:
    """A directory of tests/peers in a place of its own, where the installed packages are found beside the scripts."""

    def __init__(self, directory, name="node", modules="RKT_NODE_MODULES"):
        self.directory = os.path.join(directory, name)
        shutil.copytree(os.path.join(ROOT, "tests", "peers", name), self.directory)
        os.symlink(peer(modules), os.path.join(self.directory, "node_modules"))

    def start(self, script, *words, stdin=None):
        return Process([peer("RKT_NODE"), script, *words], cwd=self.directory, stdin=stdin)

    def run(self, script, *words):
        process = self.start(script, *words)
        try:
            return process.wait_for(result_of, PEER_LIMIT_S)
        finally:
            process.stop()


def go_peer(url, token, *words):
    done = subprocess.run([peer("RKT_GO_PEER"), url, token, *words], env=bare_env(), capture_output=True, text=True,
                          encoding="utf-8", timeout=PEER_LIMIT_S, check=False)
    return json.loads(done.stdout)


class Browser:
    """A headless Chromium with a page of ours, driven over lines of JSON."""

    def __init__(self, nodes, port):
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        if not chromium:
            raise RuntimeError("there is no chromium; ./dev test interop installs it")
        self.process = nodes.start("browser.mjs", chromium, str(port), stdin=subprocess.PIPE)
        self.process.wait_for(result_of, PEER_LIMIT_S)

    def ask(self, **job):
        self.process.child.stdin.write(json.dumps(job) + "\n")
        self.process.child.stdin.flush()
        return self.process.wait_for(result_of, PEER_LIMIT_S)

    def stop(self):
        self.process.child.stdin.close()
        self.process.stop()


def fresh(what):
    """A name nobody used: a second join with one identity removes the first, roomConfig counts for new rooms only."""
    return f"{what}-{secrets.token_hex(5)}"
