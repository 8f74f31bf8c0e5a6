"""azure.py - runs the emulated Functions host (tests/peers/functions_host) on a copy of what ./dev package azure wrote.

May touch: directories it is given, loopback, processes it starts.
"""

import http.client
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile

from process import KEY, ROOT, SECRET, URL, clean_env

HOST = os.path.join(ROOT, "tests", "peers", "functions_host", "host.py")
SETTINGS = {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET, "LIVEKIT_URL": URL, "FUNCTIONS_WORKER_RUNTIME": "custom",
            "ROOMKEY_LIMITS": "per_address=off,failures_per_address=off"}
WAIT_S = 60


def package(directory):
    """scripts/package/azure with the binary under test in the place of the portable one. Returns the zip's path."""
    os.makedirs(os.path.join(directory, "bin"), exist_ok=True)
    shutil.copy(os.environ.get("ROOMKEY_BIN") or os.path.join(ROOT, "build", "release", "roomkey"), os.path.join(directory, "bin", "roomkey"))
    done = subprocess.run([sys.executable, os.path.join(ROOT, "scripts", "package", "azure"), str(directory)], capture_output=True, text=True, check=True)
    assert done.stderr == "", done.stderr
    return os.path.join(directory, "roomkey-azure.zip")


def unpack(archive, directory):
    """With the modes the zip says, as Azure does."""
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            os.chmod(file.extract(info, directory), info.external_attr >> 16)
    return str(directory)


def edit(app, mode, functions=None, prefix="api", **handler):
    """host.json with the switch of that mode; functions: name -> function.json, more folders."""
    path = os.path.join(app, "host.json")
    with open(path, encoding="utf-8") as file:
        host = json.load(file)
    host["extensions"]["http"]["routePrefix"] = prefix
    custom = host["customHandler"]
    custom.pop("enableForwardingHttpRequest", None)
    if mode != "envelope":
        custom["enableForwardingHttpRequest" if mode == "forward" else "enableProxyingHttpRequest"] = True
    custom["description"].update(handler)
    os.chmod(path, 0o644)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(host, file)
    for name, spec in (functions or {}).items():
        os.makedirs(os.path.join(app, name), exist_ok=True)
        with open(os.path.join(app, name, "function.json"), "w", encoding="utf-8") as file:
            json.dump(spec, file)


class Host:
    """A running host with a ready handler."""

    def __init__(self, app, settings=None, ready=True, **options):
        said = {"settings": {**clean_env(defaults=False), **SETTINGS, **(settings or {})}, **options}
        said["settings"] = {name: value for name, value in said["settings"].items() if value is not None}
        self.app, self.events, self.changed = app, [], threading.Condition()
        self.child = subprocess.Popen([sys.executable, HOST, app, json.dumps(said)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        if ready:
            self.port = self.wait("host")["port"]
            self.address = ("127.0.0.1", self.port)
            self.wait("ready")

    def _read(self):
        for line in self.child.stdout:
            with self.changed:
                self.events.append(json.loads(line))
                self.changed.notify_all()

    def all(self, name, **members):
        with self.changed:
            return [event for event in self.events if event["event"] == name and all(event.get(key) == value for key, value in members.items())]

    def wait(self, name, count=1, **members):
        end = time.monotonic() + WAIT_S
        while True:
            with self.changed:
                found = [event for event in self.events if event["event"] == name and all(event.get(key) == value for key, value in members.items())]
                if len(found) >= count:
                    return found[count - 1]
                assert time.monotonic() < end, f"no {name} {members} number {count}; the last: {self.events[-6:]}"
                self.changed.wait(0.2)

    def command(self, *words):
        self.child.stdin.write(" ".join(map(str, words)) + "\n")
        self.child.stdin.flush()

    def log(self, event=None):
        """What roomkey logged, decoded."""
        lines = [json.loads(line["text"]) for line in self.all("line") if line["text"].startswith("{")]
        return [line for line in lines if event in (None, line["event"])]

    def access_by(self, fits):
        """The first access line that fits."""
        end = time.monotonic() + WAIT_S
        while True:
            found = [line for line in self.log("request") if fits(line)]
            if found:
                return found[0]
            assert time.monotonic() < end, f"no such line: {self.log('request')[-3:]}"
            time.sleep(0.02)

    def access(self, invocation):
        """The access line of that invocation."""
        return self.access_by(lambda line: line.get("invocation_id") == invocation)

    def handler_port(self):
        return self.wait("spawned")["port"]

    def ask(self, method, target, body=None, headers=None, **more):
        """By Python's own client: (status, headers, body). For answers that are the host's own."""
        one = http.client.HTTPConnection(*self.address, timeout=WAIT_S)
        try:
            one.request(method, target, body, headers or {}, **more)
            got = one.getresponse()
            return got.status, got.headers, got.read()
        finally:
            one.close()

    def end(self, number=15):
        """The handler's exit code after that signal."""
        self.command("end", number)
        code = self.wait("ended")["code"]
        self.child.wait(WAIT_S)
        self.reader.join(WAIT_S)
        return code

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
        for event in self.all("spawned"):  # a killed host leaves its handler behind, as the real one would
            try:
                # its directory is its own: another test's roomkey may have its number by now
                if os.path.samefile(f"/proc/{event['pid']}/cwd", self.app) and "roomkey" in open(f"/proc/{event['pid']}/comm", encoding="utf-8").read():
                    os.kill(event["pid"], 9)
            except OSError:
                pass
        self.child.wait()
