"""handler.py - the custom handler's process: started, polled, listened to, started again, given up."""

import contextlib
import secrets
import socket
import subprocess
import threading
import time
import uuid

import http1

READY_S = 30
POLL_S = 0.025
ERRORS_MAX = 3


def free_port():
    """One below those that the kernel hands out: somebody would get it by chance while a handler is started again."""
    while True:
        port = 28_000 + secrets.randbelow(4_000)
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


def level_of(stream, line):
    """What the host makes of a line."""
    if line.startswith(("LanguageWorkerConsoleLog", "azfuncjsonlog:")):
        return "System"
    if stream == "stdout":
        return "Information"
    return "Warning" if "warn" in line.lower() else "Error"


class Handler:
    def __init__(self, app, settings, say):
        self.app, self.settings, self.say = app, settings, say
        self.port = free_port()  # once: restarts reuse it
        self.errors, self.is_over, self.expects_kill = 0, False, False
        self.ready = threading.Event()
        self.idle, self.lock = [], threading.Lock()

    def start(self):
        env = dict(self.settings, FUNCTIONS_CUSTOMHANDLER_PORT=str(self.port), FUNCTIONS_HTTPWORKER_PORT=str(self.port),
                   FUNCTIONS_CUSTOMHANDLER_WORKER_ID=str(uuid.uuid4()), FUNCTIONS_HTTPWORKER_ID=str(uuid.uuid4()),
                   FUNCTIONS_APP_ROOT_PATH=self.app.root)
        self.ready.clear()
        with self.lock:
            self.idle.clear()
        began = time.monotonic()
        self.child = subprocess.Popen(self.app.command, cwd=self.app.directory, env=env, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.say("spawned", pid=self.child.pid, port=self.port)
        readers = [threading.Thread(target=self._drain, args=pair, daemon=True)
                   for pair in (("stdout", self.child.stdout), ("stderr", self.child.stderr))]
        self.readers = readers
        for reader in readers:
            reader.start()
        threading.Thread(target=self._watch, args=(self.child, readers), daemon=True).start()
        threading.Thread(target=self._poll, args=(self.child, began), daemon=True).start()

    def _drain(self, stream, pipe):
        for raw in pipe:
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            self.say("line", stream=stream, level=level_of(stream, line), text=line)

    def _poll(self, child, began):
        """GET / until anything but a refused connection; the connection is kept for what follows."""
        while time.monotonic() - began < READY_S and child.poll() is None:
            try:
                stream = http1.connect(self.port)
            except OSError:
                time.sleep(POLL_S)
                continue
            try:
                self.root(stream)
                self.give(stream)
            except (OSError, http1.Broken):
                pass  # counts as ready too
            self.say("ready", ms=round(1000 * (time.monotonic() - began)))
            self.ready.set()
            return
        if child.poll() is None:
            self.say("timed_out")
            child.kill()

    def root(self, stream):
        stream.send(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % self.port)
        return stream.answer()

    def _watch(self, child, readers):
        code = child.wait()
        for reader in readers:
            reader.join(5)
        self.ready.clear()
        self.say("exited", code=code)
        if self.is_over:
            return
        if self.expects_kill:
            self.expects_kill = False
        elif code == 0:
            return  # the host closes its handle and starts nothing again
        elif code != 200:
            self.errors += 1
            if self.errors == ERRORS_MAX:
                self.say("gave_up")
                return
        self.start()

    def kill(self):
        """The host's way to stop one: no SIGTERM, no drain."""
        self.expects_kill = True
        self.child.kill()

    def end(self, number):
        self.is_over = True
        if self.child.poll() is None:
            self.child.send_signal(number)
        code = self.child.wait(15)
        for reader in self.readers:
            reader.join(5)
        return code

    # -- connections to it

    def take(self):
        with self.lock:
            if self.idle:
                return self.idle.pop(), True
        return http1.connect(self.port), False

    def give(self, stream):
        with self.lock:
            self.idle.append(stream)
