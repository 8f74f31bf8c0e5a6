"""Odd surroundings, each with its documented outcome: docs/HOSTING.md, "Odd surroundings, and what happens". Issue 5, Bad input."""

import os
import re
import subprocess

import pytest

from conf import LOCAL_FILES, Conf, allowed, as_local, base, everything, local, running, want
from process import BIN, Roomkey, as_root, clean_env, free_port, wait_connect
from shapes import standard
from wire import Wire, ask, post

# A mount namespace: as root, or as the root of a user namespace of one's own.
APART = ("unshare", "-m") if os.geteuid() == 0 else ("unshare", "-rm")
READ_ONLY = "for at in $(awk '{print $5}' /proc/self/mountinfo | sort -u); do mount -o remount,bind,ro \"$at\" 2>/dev/null || true; done; mount -o remount,bind,ro /; if (: >/roomkey-was-here) 2>/dev/null; then exit 97; fi"
NO_PROC = "mount -t tmpfs none /proc; if [ -e /proc/self ]; then exit 97; fi"


def apart(script):
    """A launcher: the program in a mount namespace that looks like this."""
    return (*APART, "sh", "-c", f'set -e; {script}; exec "$@"', "sh")


def document(**more):
    return base(callers=[local()], rules=[everything()], **more)


@pytest.mark.parametrize("script", (READ_ONLY, NO_PROC, f"{READ_ONLY}; {NO_PROC}"), ids=("read-only root", "no /proc", "both"))
def test_it_serves_there(tmp_path, script):
    """Nothing is written but what the configuration names, and nothing is needed of /proc; all measures hold."""
    with running(tmp_path, document(), LOCAL_FILES, launcher=apart(script)) as one:
        allowed(want(one, headers=as_local()), "lobby")
        line = one.wait_event("hardening")
        assert line["seccomp"] == line["landlock"] == "on", line


def refused_there(launcher, *words, env=None, **more):
    """exit 1 and one line on stderr; returns it."""
    done = subprocess.run([*launcher, BIN, *words], env=clean_env(env), capture_output=True, timeout=20, check=False, **more)
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 1 and len(lines) == 1 and lines[0].startswith("roomkey: "), (done.returncode, lines)
    return lines[0]


def test_an_audit_log_on_a_read_only_root(tmp_path):
    """Said at the start: nobody believes that there is a log."""
    conf = Conf(tmp_path, document(audit={"file": "audit.jsonl"}), LOCAL_FILES)
    env = {"ROOMKEY_ANONYMOUS": None, "ROOMKEY_LIMITS": None, "LIVEKIT_URL": None}
    line = refused_there(apart(READ_ONLY), "serve", "--config", conf.path, env=env)
    assert "audit.file" in line and "Read-only file system" in line


@pytest.mark.parametrize("closed", ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"), ids=("stdin", "stdout", "stderr", "all"))
def test_standard_descriptors_that_are_closed(closed):
    """No socket and no file takes the place of 0, 1 or 2, where somebody would read from it or write a log into it."""
    port = free_port()
    child = subprocess.Popen(["sh", "-c", f'exec "$@" {closed}', "sh", BIN, "serve"], env=clean_env({"ROOMKEY_LISTEN": f"127.0.0.1:{port}"}), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        wait_connect(("127.0.0.1", port))
        for _ in range(3):
            standard(ask(("127.0.0.1", port), post()))
        links = as_root("sh", "-c", f"for n in 0 1 2; do readlink /proc/{child.pid}/fd/$n; done").decode().split()
        for mark, number in (("<&-", 0), (">&-", 1), ("2>&-", 2)):
            if mark in closed.split():
                assert links[number] == "/dev/null", links
        assert not any(link.startswith("socket:") for link in links), links
        child.terminate()
        assert child.wait(12) == 0
        assert child.stdout.read() == b""
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stderr.close()


def limited(count):
    """A launcher: no more than so many descriptors."""
    return ("sh", "-c", f'ulimit -n {count}; exec "$@"', "sh")


def test_few_descriptors(start):
    """Fewer connections than configured, which the log says; nothing else gets worse."""
    one = start({"ROOMKEY_WORKERS": "1"}, launcher=limited(120))
    assert "descriptor limit" in one.wait_event("warning")["text"]
    room = one.wait_event("started")["connections"]
    assert 0 < room < 120
    wires = [Wire(one.address) for _ in range(room)]
    wires[0].send(post())
    standard(wires[0].answer())
    for wire in wires:
        wire.close()


@pytest.mark.parametrize("count", (4, 8, 16, 27))
def test_no_spare_descriptors(count):
    """Too few to begin with: exit 1 and one line that says how many are needed; what it asks for is enough."""
    env = {"ROOMKEY_LISTEN": f"127.0.0.1:{free_port()}", "ROOMKEY_WORKERS": "1"}
    line = refused_there(limited(count), "serve", env=env)
    needed = int(re.search(r"at least ([0-9]+) ", line).group(1))
    assert needed > count and line.endswith(f"the limit is {count}"), line
    one = Roomkey(env, launcher=limited(needed))
    try:
        standard(ask(one.address, post()))
        one.stop()
    finally:
        one.kill()
