"""The Debian package under a real systemd, the first process of a Debian 12 of its own. Issue 5, point 3.

boot.sh starts it where this machine's files cannot be reached. May touch: a control group of its own, which it removes.
"""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
import warnings

from conf import wait_until
from places_boot import CLIENT
from process import KEY, SECRET, URL
from test_deb import bring, files

HERE = os.path.dirname(os.path.abspath(__file__))
WORDS = ("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive")
SETTINGS = f"LIVEKIT_URL={URL}\nROOMKEY_CONFIG=/etc/roomkey/roomkey.yaml\n"
GOOD = '{"anonymous": "allow", "limits": {"per_address": "off", "failures_per_address": "off"}}'
OTHER = GOOD.replace("}}", ', "per_caller": "off"}}')
GIVE_UP_S = 60


# What a kernel or a container engine says that lets nobody make namespaces, mounts or control groups.
REFUSALS = ("Operation not permitted", "permission denied", "Permission denied", "Read-only file system")


class Forbidden(Exception):
    """This machine allows no systemd of one's own."""


class Machine:
    """A directory in which systemd is process 1."""

    def __init__(self, root):
        with open("/proc/mounts", encoding="utf-8") as file:
            groups = [line.split()[1] for line in file if line.split()[2] == "cgroup2"]
        if not groups:
            raise Forbidden("no cgroup2 mount")
        self.root, self.pid = root, None
        self.group = os.path.join(groups[0], f"roomkey-boot-{secrets.token_hex(6)}")
        try:
            os.mkdir(self.group)
        except OSError as error:
            raise Forbidden(f"no control group of its own: {error}") from error
        self.log = open(root + ".console", "wb+")
        self.one = None

    def begin(self, *words):
        self.one = subprocess.Popen([os.path.join(HERE, "boot.sh"), self.root, self.group, *words], stdin=subprocess.DEVNULL,
                                    stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True)

    def said(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def boot(self):
        self.begin("/lib/systemd/systemd", "--system", "--log-target=journal", "--show-status=no")

        def up():
            if self.one.poll() is not None and any(text in self.said() for text in REFUSALS):
                raise Forbidden(self.said().strip())
            assert self.one.poll() is None, f"systemd could not be started: {self.said()}"
            with open(f"/proc/{self.one.pid}/task/{self.one.pid}/children", encoding="ascii") as file:
                children = file.read().split()
            with contextlib.suppress(OSError):
                if children and os.readlink(f"/proc/{children[0]}/exe").endswith("/systemd"):
                    self.pid = children[0]
            return self.pid and os.path.exists(f"/proc/{self.pid}/root/run/systemd/private")

        wait_until(up, GIVE_UP_S)
        wait_until(lambda: self.call("systemctl", "is-system-running", code=None).strip() in ("running", "degraded"), GIVE_UP_S, 0.2)

    def call(self, *words, code=0):
        done = subprocess.run(["nsenter", "-t", self.pid, "-a", "-r", "-w", *WORDS, *words], stdin=subprocess.DEVNULL, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=GIVE_UP_S)
        assert code is None or done.returncode == code, f"{words}: exit {done.returncode}\n{done.stdout}\n{self.journal()}"
        return done.stdout

    def journal(self):
        """Without the requests: there are thousands."""
        lines = self.call("journalctl", "--no-pager", "-o", "cat", "-u", "roomkey.service", "-u", "roomkey.socket", code=None).splitlines()
        return "\n".join(line for line in lines if '"event":"request"' not in line)

    def show(self, name):
        return self.call("systemctl", "show", "roomkey.service", "-p", name, "--value").strip()

    def reaches(self, name, *values):
        try:
            wait_until(lambda: self.show(name) in values, GIVE_UP_S, 0.1)
        except AssertionError as error:
            raise AssertionError(f"{name} is {self.show(name)}, not {values}\n{self.journal()}") from error

    def asks(self):
        """A client on this machine's network, until its input ends; it then says how many tokens it got, or what went wrong."""
        client = subprocess.Popen(["nsenter", "-t", self.pid, "-n", sys.executable, "-c", CLIENT], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        assert client.stdout.readline() == "begun\n"
        return client

    def serving(self):
        """The processes roomkey-handover has started, by the numbers they have in there."""
        main = self.show("MainPID")
        return self.call("cat", f"/proc/{main}/task/{main}/children").split()

    def write(self, path, text, mode=0o644, group=0):
        with open(self.root + path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(self.root + path, mode)
        os.chown(self.root + path, 0, group)

    def end(self):
        """Nothing is left: no process, no group, no mount."""
        if self.one:
            if self.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(self.pid), signal.SIGKILL)  # process 1: the kernel ends all others with it
            elif self.one.poll() is None:
                self.one.kill()
            self.one.wait(GIVE_UP_S)
        self.log.close()

        def gone():
            for where, _, _ in os.walk(self.group, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(where)
            return not os.path.exists(self.group)

        wait_until(gone, GIVE_UP_S, 0.1)
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            assert self.root not in file.read()


def is_alone(machine):
    """Tried before systemd runs in it: its processes cannot see this machine's files."""
    sentinel = os.path.join(os.path.dirname(machine.root), "sentinel")
    with open(sentinel, "w", encoding="ascii"):
        pass
    machine.begin("/bin/sh", "-c", 'ls -A / /tmp; cat /proc/self/mountinfo; ! [ -e "$0" ] && ! [ -e "$1" ] && echo alone', sentinel, HERE)
    if machine.one.wait(GIVE_UP_S) != 0 and any(text in machine.said() for text in REFUSALS):
        raise Forbidden(machine.said().strip())
    assert machine.one.returncode == 0, machine.said()
    assert machine.said().endswith("alone\n") and ".gone" not in machine.said(), machine.said()


@contextlib.contextmanager
def booted(root):
    machine = Machine(root)
    try:
        is_alone(machine)
        machine.boot()
        yield machine
    finally:
        machine.end()


def token(machine):
    """One token, by the address of the socket unit."""
    out, _ = machine.asks().communicate("once\n", timeout=GIVE_UP_S)
    assert out.startswith("ok"), f"{out}\n{machine.journal()}"


def test_the_package_under_systemd(room, debs):
    """Under the real thing where the machine allows it; where not that is said, and what stands in for it must be there."""
    try:
        with booted(room("bookworm")) as alone:
            live(alone, debs)
    except Forbidden as error:
        warnings.warn(f"NO REAL SYSTEMD HERE, only verify and a played manager: {error}")
        with open(os.path.join(os.path.dirname(HERE), "hosting", "test_systemd.py"), encoding="utf-8") as file:
            text = file.read()
        assert "systemd-analyze" in text and "verify" in text and "NOTIFY_SOCKET" in text


def exchanged(alone, group):
    """docs/HOSTING.md, *Another binary*: with the drop-in the program is exchanged, nobody is refused, and nobody waits."""
    drop_in = "/etc/systemd/system/roomkey.service.d/handover.conf"
    alone.call("install", "-D", "-m", "644", "/usr/share/doc/roomkey/examples/handover.conf", drop_in)
    alone.call("systemctl", "daemon-reload")
    alone.call("systemctl", "reset-failed", "roomkey.service")
    alone.call("systemctl", "start", "roomkey.socket", "roomkey.service")
    main, (old,) = alone.show("MainPID"), alone.serving()
    assert (alone.show("ActiveState"), alone.show("StatusText")) == ("active", "serving")

    client = alone.asks()
    for _ in range(3):
        alone.call("cp", "/usr/bin/roomkey", "/usr/bin/roomkey.new")
        alone.call("mv", "/usr/bin/roomkey.new", "/usr/bin/roomkey")
        alone.call("systemctl", "kill", "--kill-whom=main", "--signal=SIGUSR2", "roomkey")
        wait_until(lambda old=old: len(alone.serving()) == 1 and alone.serving() != [old], GIVE_UP_S, 0.1)
        (old,) = alone.serving()
        assert alone.call("stat", "-L", "-c", "%i", f"/proc/{old}/exe") == alone.call("stat", "-c", "%i", "/usr/bin/roomkey")

    for text, word in ((OTHER, "reloaded"), ("rules: [", "reload_failed"), (GOOD, "reloaded")):
        before = alone.journal().count(f'"event":"{word}"')
        alone.write("/etc/roomkey/roomkey.yaml", text, 0o640, group)
        alone.call("systemctl", "reload", "roomkey")
        wait_until(lambda word=word, before=before: alone.journal().count(f'"event":"{word}"') > before, GIVE_UP_S, 0.1)

    alone.call("mv", "/usr/bin/roomkey", "/usr/bin/roomkey.good")
    alone.write("/usr/bin/roomkey", "#!/bin/sh\nexit 3\n", 0o755)
    alone.call("systemctl", "kill", "--kill-whom=main", "--signal=SIGUSR2", "roomkey")
    wait_until(lambda: "the old one stays" in alone.journal(), GIVE_UP_S, 0.1)
    alone.call("mv", "/usr/bin/roomkey.good", "/usr/bin/roomkey")
    assert alone.serving() == [old]

    out, _ = client.communicate(timeout=GIVE_UP_S)
    assert out.startswith("ok") and int(out.split()[1]) > 0, f"{out}\n{alone.journal()}"
    assert (alone.show("MainPID"), alone.show("ActiveState"), alone.show("NRestarts")) == (main, "active", "0")
    alone.call("sh", "-c", f"kill -KILL {old}")
    wait_until(lambda: alone.serving() not in ([], [old]), GIVE_UP_S, 0.1)
    token(alone)
    alone.call("systemctl", "stop", "roomkey.service", "roomkey.socket")
    assert (alone.show("Result"), alone.show("ExecMainStatus"), alone.show("NRestarts")) == ("success", "0", "0")

    alone.write("/etc/roomkey/roomkey.yaml", "rules: [", 0o640, group)
    alone.call("systemctl", "start", "roomkey.service", code=1)
    assert (alone.show("ActiveState"), alone.show("ExecMainStatus")) == ("failed", "2"), alone.journal()
    alone.write("/etc/roomkey/roomkey.yaml", GOOD, 0o640, group)
    alone.call("rm", "-r", os.path.dirname(drop_in))
    alone.call("systemctl", "daemon-reload")


def live(alone, debs):
    """Installed, it waits; configured it serves, reloads, restarts and recovers as docs/HOSTING.md says; purged it is gone."""
    names = bring(alone.root, debs)
    before = files(alone.root)
    alone.call("dpkg", "-i", *names)
    for unit in ("roomkey.service", "roomkey.socket"):
        alone.call("systemctl", "start", unit)  # does nothing, and is no failure
        assert alone.call("systemctl", "is-active", unit, code=3).strip() == "inactive"

    group = int(alone.call("getent", "group", "roomkey").split(":")[2])
    os.makedirs(alone.root + "/etc/roomkey/livekit", mode=0o700, exist_ok=True)
    alone.write("/etc/roomkey/livekit/api_key", KEY, 0o600)
    alone.write("/etc/roomkey/livekit/api_secret", SECRET, 0o600)
    alone.write("/etc/roomkey/environment", SETTINGS)
    alone.write("/etc/roomkey/roomkey.yaml", GOOD, 0o640, group)
    os.makedirs(f"/proc/{alone.pid}/root/run/systemd/system/roomkey.service.d")
    with open(f"/proc/{alone.pid}/root/run/systemd/system/roomkey.service.d/sooner.conf", "w", encoding="ascii") as file:
        file.write("[Service]\nWatchdogSec=10\n")  # a sign of life each 5 s
    alone.call("systemctl", "daemon-reload")
    alone.call("systemctl", "start", "roomkey.socket", "roomkey.service")
    assert (alone.show("Type"), alone.show("ActiveState"), alone.show("StatusText")) == ("notify", "active", "serving")
    token(alone)
    log = alone.journal()
    for word in ('"seccomp":"on"', '"landlock":"on"', '"no_new_privs":"on"'):
        assert word in log, log
    for word in ("Unknown", "ignoring", "Failed", '"level":"warn"'):
        assert word not in log, log

    for text, status in ((OTHER, "serving"), ("rules: [", "failed"), (GOOD, "serving")):
        alone.write("/etc/roomkey/roomkey.yaml", text, 0o640, group)
        alone.call("systemctl", "reload", "roomkey")
        wait_until(lambda status=status: status in alone.show("StatusText") and alone.show("ActiveState") == "active", GIVE_UP_S, 0.1)
        token(alone)

    alone.call("systemctl", "reset-failed", "roomkey.service")
    client = alone.asks()
    first = alone.show("MainPID")
    for _ in range(3):
        alone.call("systemctl", "restart", "roomkey")
    out, _ = client.communicate(timeout=GIVE_UP_S)
    assert out.startswith("ok") and int(out.split()[1]) > 0 and alone.show("MainPID") != first, f"{out}\n{alone.journal()}"

    alone.call("systemctl", "kill", "--kill-whom=main", "--signal=SIGKILL", "roomkey")
    alone.reaches("NRestarts", "1")
    alone.reaches("ActiveState", "active")
    token(alone)

    seen = int(alone.show("WatchdogTimestampMonotonic"))
    wait_until(lambda: int(alone.show("WatchdogTimestampMonotonic")) > seen > 0, GIVE_UP_S, 0.2)
    alone.call("systemctl", "stop", "roomkey.service", "roomkey.socket")
    assert alone.show("Result") == "success" and alone.show("ExecMainStatus") == "0"
    os.remove(f"/proc/{alone.pid}/root/run/systemd/system/roomkey.service.d/sooner.conf")
    exchanged(alone, group)

    alone.write("/etc/roomkey/roomkey.yaml", "rules: [", 0o640, group)
    alone.call("systemctl", "reset-failed", "roomkey.service")  # so many starts in ten seconds would be a failure of their own
    restarts = alone.show("NRestarts")
    alone.call("systemctl", "start", "roomkey.service", code=1)
    time.sleep(2)  # RestartSec is 1
    found = (alone.show("ActiveState"), alone.show("ExecMainStatus"), alone.show("NRestarts"))
    assert found == ("failed", "2", restarts), f"{found}\n{alone.journal()}"

    alone.call("dpkg", "--purge", "roomkey", "libroomkey1")
    left = {path for path in files(alone.root) - before if "roomkey" in path}  # systemd writes files of its own meanwhile
    assert not left, sorted(left)
