"""process.py - starts the real roomkey, reads what it logs, stops it and insists on a clean end.

May touch: the binary named by ROOMKEY_BIN, loopback addresses, temporary files. Knows nothing of tokens or HTTP.
"""

import contextlib
import itertools
import json
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.abspath(os.environ.get("ROOMKEY_BIN") or os.path.join(ROOT, "build", "release", "roomkey"))

KEY = "APItest123"
SECRET = "testsecrettestsecrettestsecrettestse"
URL = "wss://media.example.org"

# What a service needs to answer at all. The address limit is off: tests that are about it say so.
DEFAULTS = {
    "LIVEKIT_URL": URL,
    "LIVEKIT_API_KEY": KEY,
    "LIVEKIT_API_SECRET": SECRET,
    "ROOMKEY_ANONYMOUS": "allow",
    "ROOMKEY_LISTEN": "127.0.0.1:0",
    "ROOMKEY_LIMITS": "per_address=off,failures_per_address=off",
    "ROOMKEY_WORKERS": "2",
}
# Of the surroundings only what instrumented builds need.
PASSED_ON = ("ASAN_", "UBSAN_", "LSAN_", "TSAN_", "LLVM_PROFILE", "GCOV_")
GIVE_UP_S = 30  # what ends by itself has ended long before, on a busy machine too


def clean_env(env=None, defaults=True):
    """The whole environment of a child. A value of None takes a default away."""
    whole = {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}
    whole.update({name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)})
    if defaults:
        whole.update(DEFAULTS)
    whole.update(env or {})
    return {name: value for name, value in whole.items() if value is not None}


def run(*words, env=None, defaults=False, stdin=b"", timeout=GIVE_UP_S, **more):
    """A verb that ends by itself. Returns CompletedProcess with bytes."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    pipes.update(more)
    return subprocess.run([BIN, *words], input=stdin, env=clean_env(env, defaults), timeout=timeout, check=False, **pipes)


def refused(*words, env=None, defaults=True, code=2):
    """Start `serve` (or the words given) and expect it to refuse: one line `roomkey: …` on stderr. Returns that line."""
    done = run(*(words or ("serve",)), env=env, defaults=defaults)
    text = done.stderr.decode("utf-8")
    assert done.returncode == code, f"exit {done.returncode}, wanted {code}: {text!r}"
    assert done.stdout == b""
    lines = [line for line in text.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, f"wanted one line that names the culprit: {text!r}"
    assert lines[0].startswith("roomkey: "), lines[0]
    return lines[0]


def as_root(*words):
    """The output of a command that may look into a process that is not dumpable: its own user may not."""
    words = words if os.geteuid() == 0 else ("sudo", "-n", *words)
    return subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout


def own_ports():
    """Ports that nobody else is given: they lie below those the kernel hands out, each worker of xdist has its own thousand, and takes
    them in an order of its own, for another run beside this one."""
    worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0) % 16
    first = 12_000 + 1_000 * worker
    return itertools.cycle(random.SystemRandom().sample(range(first, first + 1_000), 1_000))


PORTS = own_ports()


def free_port():
    """A port where nobody listens and, until it is used, nobody else of this run will."""
    for port in PORTS:
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


def wait_connect(address):
    """Until somebody listens there."""
    end = time.monotonic() + GIVE_UP_S
    while True:
        try:
            socket.create_connection(address, 1).close()
            return
        except OSError:
            assert time.monotonic() < end, f"nobody listens on {address}"
            time.sleep(0.02)


class Roomkey:
    """A running service, ready to answer. quiet: its log says nothing that helps, so the port is chosen here."""

    def __init__(self, env=None, words=("serve",), defaults=True, listeners=1, launcher=(), stderr=subprocess.PIPE,
                 log_to="stderr", quiet=False, **popen):
        port = free_port() if quiet else 0
        if quiet:
            env = {**(env or {}), "ROOMKEY_LISTEN": f"127.0.0.1:{port}"}
        self.lines = []  # every log line as text
        self.out = []  # what the other stream said
        self.events = []  # the same, decoded
        self.bad_lines = []
        self.addresses = []
        self.log_to = log_to
        self._changed = threading.Condition()
        self._readers = []
        self.signalled = 0.0  # when the signal that it took was sent: see _repeat_a_lost_signal
        self._ends_told = 0  # how many signals to end
        self._stopped = False
        self.child = subprocess.Popen([*launcher, BIN, *words], env=clean_env(env, defaults), stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=stderr, **popen)
        for stream, is_log in ((self.child.stdout, log_to == "stdout"), (self.child.stderr, log_to == "stderr")):
            if stream is not None:
                thread = threading.Thread(target=self._read, args=(stream, is_log), daemon=True)
                thread.start()
                self._readers.append(thread)
        if quiet:
            wait_connect(("127.0.0.1", port))
            self.addresses = [f"127.0.0.1:{port}"]
        elif listeners:
            self._wait_listening(listeners)

    # -- log

    def _read(self, stream, is_log):
        for raw in stream:
            line = raw.decode("utf-8", "surrogateescape").rstrip("\n")
            with self._changed:
                if is_log:
                    self._take(line)
                else:
                    self.out.append(line)
                self._changed.notify_all()

    def _take(self, line):
        self.lines.append(line)
        try:
            event = json.loads(line)
            if not isinstance(event, dict) or next(iter(event)) != "event":
                raise ValueError("event is not first")
            self.events.append(event)
        except (ValueError, StopIteration) as error:
            self.bad_lines.append((str(error), line))

    def _wait_listening(self, count):
        end = time.monotonic() + GIVE_UP_S
        with self._changed:
            while True:
                self.addresses = [e["address"] for e in self.events if e["event"] == "listening"]
                if len(self.addresses) >= count:
                    return
                if self.child.poll() is not None and not any(t.is_alive() for t in self._readers):
                    raise AssertionError(f"roomkey ended with {self.child.returncode}: {self.lines} {self.out}")
                if time.monotonic() > end:
                    self.kill()
                    raise AssertionError(f"roomkey did not say that it listens: {self.lines}")
                self._changed.wait(0.05)

    def wait_event(self, name, count=1, timeout=20, **members):
        """The `count`-th event of that name whose members have those values."""

        def fits(event):
            return event["event"] == name and all(event.get(key) == value for key, value in members.items())

        end = time.monotonic() + timeout
        with self._changed:
            while True:
                found = [event for event in self.events if fits(event)]
                if len(found) >= count:
                    return found[count - 1]
                left = end - time.monotonic()
                assert left > 0, f"no event {name} {members} (number {count}) within {timeout} s; the last: {self.lines[-5:]}"
                self._changed.wait(left)

    def access(self, request_id):
        """The access line of the answer that had this X-Request-Id."""
        return self.wait_event("request", request_id=request_id)

    def requests(self):
        with self._changed:
            return [event for event in self.events if event["event"] == "request"]

    def all_output(self):
        with self._changed:
            return "\n".join(self.lines + self.out)

    # -- address

    @property
    def address(self):
        return self.parse(self.addresses[0])

    @property
    def port(self):
        return self.address[1]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @staticmethod
    def parse(text):
        """'127.0.0.1:80' or '[::1]:80' to a socket address, 'unix:/x' to its path."""
        if text.startswith("unix:"):
            return text[len("unix:"):]
        host, port = re.fullmatch(r"(\[[0-9a-f:.]+\]|[0-9.]+):([0-9]+)", text).groups()
        return host.strip("[]"), int(port)

    # -- life

    @property
    def pid(self):
        return self.child.pid

    def fds(self):
        path = f"/proc/{self.pid}/fd"
        return [int(name) for name in (os.listdir(path) if os.geteuid() == 0 else as_root("ls", path).split())]

    def descriptors(self):
        return len(self.fds())

    def rss_kib(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))

    def _stat(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()

    def cpu_s(self):
        fields = self._stat()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def faults(self):
        """Pages it touched for the first time since they were mapped, none of them from a disk."""
        return int(self._stat()[7])

    def send_signal(self, number):
        told = self._told()
        self._ends_told += number in (signal.SIGINT, signal.SIGTERM)
        self.signalled = time.monotonic()
        self.child.send_signal(number)
        if "TSAN_OPTIONS" in os.environ and number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            threading.Thread(target=self._repeat_a_lost_signal, args=(number, told, self._ends_told), daemon=True).start()

    def wait(self, timeout=30):
        """The exit code, with all output read."""
        code = self.child.wait(timeout)
        self._stopped = True
        for thread in self._readers:
            thread.join(20)
            assert not thread.is_alive(), "a stream is still open after the process ended"
        return code

    def alive(self):
        return self.child.poll() is None

    def stop(self, number=signal.SIGTERM, timeout=30):
        """A clean end: exit 0, and every line it ever logged was one JSON object with `event` first."""
        if self._stopped:
            return
        assert self.alive(), f"roomkey died by itself: {self.child.returncode} {self.lines[-5:]}"
        self.send_signal(number)
        try:
            code = self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"roomkey did not stop within {timeout} s of signal {number}") from None
        assert code == 0, f"exit {code}: {self.lines[-5:]}"
        assert not self.bad_lines, self.bad_lines[:3]

    def _told(self):
        """How much it has said for itself, not for a request."""
        with self._changed:
            return sum(event["event"] != "request" for event in self.events)

    def _listens(self):
        try:
            address = self.address
            with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as sock:
                sock.settimeout(1)
                sock.connect(address)
            return True
        except (OSError, IndexError):  # nobody, or it has not said where
            return False

    def _repeat_a_lost_signal(self, number, told, ends_told):
        """gcc 12's thread sanitizer takes a signal now and then and calls no handler: nothing is pending, libuv's pipe is empty, and the
        next signal is the first the service sees. Only there, and only for a service that has said nothing for three seconds. One that
        was told to end once must still listen, as none does that drains: a second signal ends it with 1. That is what whoever sent two
        wants. How long something took is counted from `signalled`."""
        end = time.monotonic() + 3
        while time.monotonic() < end and self.alive() and self._told() == told:
            time.sleep(0.05)
        if self.alive() and self._told() == told and (ends_told > 1 or self._listens()):
            self.signalled = time.monotonic()
            self.child.send_signal(number)

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self._stopped = True


def stop_all(services):
    """Each must end cleanly; one that does not is killed, and the first such error raised when none is left."""
    errors = []
    for one in services:
        try:
            one.stop()
        except AssertionError as error:
            errors.append(error)
            one.kill()
    if errors:
        raise errors[0]
