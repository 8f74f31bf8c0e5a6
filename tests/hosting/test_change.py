"""Change without outage: files that a cluster swaps, reloads under load, and one binary in the other's place. issue 5 point 6."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import jwt

import scrape
from conf import FILE_RULES, HASH_KEY, LOCAL_FILES, Conf, api_key, as_local, base, everything, local, oidc, wait_until, want
from idp import Provider, Reply, Server, bearer, main_key
from process import BIN, KEY, ROOT, SECRET, Roomkey, clean_env, free_port
from shapes import verified
from wire import Wire, ask, post

HANDOVER = os.path.join(ROOT, "packaging", "upgrade", "roomkey-handover")
NO_KEYS = {"LIVEKIT_API_KEY": None, "LIVEKIT_API_SECRET": None}
OTHER_KEY, OTHER = "APIother", "another-secret-another-secret-another"
HOOK_KEY = b"hook-secret-0123456789abcdef0123456789"
PATIENCE_S = 20


class Volume:
    """A directory as Kubernetes' AtomicWriter keeps it: NAME -> ..data/NAME, ..data -> ..TIMESTAMP; hosting §4.2."""

    def __init__(self, path, **files):
        self.path, self.count, self.old = str(path), 0, None
        os.mkdir(self.path)
        self.swap(**files)
        for name in files:
            os.symlink(os.path.join("..data", name), self.file(name))

    def file(self, name):
        return os.path.join(self.path, name)

    def swap(self, **files):
        self.count += 1
        fresh = f"..2026_11_28_10_00_00.{self.count}"
        os.mkdir(self.file(fresh), 0o755)
        for name, text in files.items():
            with open(os.path.join(self.file(fresh), name), "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(os.path.join(self.file(fresh), name), 0o644)
        os.symlink(fresh, self.file("..data_tmp"))
        os.rename(self.file("..data_tmp"), self.file("..data"))
        if self.old is not None:
            shutil.rmtree(self.file(self.old))
        self.old = fresh


def signed_by(one, secret, headers=()):
    answer = ask(one.address, post(headers=headers))
    try:
        jwt.decode(answer.json()["participant_token"], secret, algorithms=["HS256"])
    except jwt.InvalidSignatureError:
        return False
    return True


def test_swapped_secrets_are_picked_up(start, tmp_path):
    """hosting §4.2: key and secret change together, without a signal and without a configuration file; a bad edition is refused once, and
    the next good one is taken."""
    volume = Volume(tmp_path / "secrets", key=KEY, secret=SECRET)
    one = start({**NO_KEYS, "LIVEKIT_API_KEY_FILE": volume.file("key"), "LIVEKIT_API_SECRET_FILE": volume.file("secret")})
    assert signed_by(one, SECRET)
    volume.swap(key=OTHER_KEY, secret=OTHER)
    one.wait_event("reloaded", timeout=PATIENCE_S)
    assert set(one.wait_event("files_swapped")) == {"event", "ts", "level"}
    wait_until(lambda: signed_by(one, OTHER), PATIENCE_S)
    volume.swap(key=OTHER_KEY, secret="")
    one.wait_event("reload_failed", timeout=PATIENCE_S)
    time.sleep(3)  # it is not tried again by itself
    assert len([event for event in one.events if event["event"] == "reload_failed"]) == 1 and signed_by(one, OTHER)
    volume.swap(key=KEY, secret=SECRET)
    one.wait_event("reloaded", count=2, timeout=PATIENCE_S)
    wait_until(lambda: signed_by(one, SECRET), PATIENCE_S)


def test_a_swapped_configuration_is_picked_up(tmp_path):
    """The file itself, and what it names in a directory below another volume."""
    doc = base(callers=[local()], rules=[everything(default_room="one")])
    doc["callers"][0]["oidc"]["hs256_secret_file"] = str(tmp_path / "secrets" / "local.key")
    secrets = Volume(tmp_path / "secrets", **{"local.key": LOCAL_FILES["local.key"].decode()})
    volume = Volume(tmp_path / "config", **{"roomkey.yaml": json.dumps(doc)})
    one = Roomkey(FILE_RULES, ("serve", "--config", volume.file("roomkey.yaml")))
    try:
        assert want(one, headers=as_local()).json()["room_name"] == "one"
        doc["rules"][0]["default_room"] = "two"
        volume.swap(**{"roomkey.yaml": json.dumps(doc)})
        wait_until(lambda: want(one, headers=as_local()).json()["room_name"] == "two", PATIENCE_S)
        secrets.swap(**{"local.key": "another-secret-of-a-local-issuer-0123456789"})
        wait_until(lambda: want(one, headers=as_local()).status == 401, PATIENCE_S)
        one.stop()
    finally:
        one.kill()


def test_plain_files_wait_for_the_signal(tmp_path):
    """Only swapped links are looked at: an editor that saves twice a minute must not change who gets in before its user says so."""
    conf = Conf(tmp_path, base(callers=[local()], rules=[everything(default_room="one")]), LOCAL_FILES)
    one = conf.serve()
    try:
        conf.write(base(callers=[local()], rules=[everything(default_room="two")]))
        time.sleep(2.5)
        assert want(one, headers=as_local()).json()["room_name"] == "one"
        one.stop()
    finally:
        one.kill()


# -- reload under load


def rotating(hook, idp):
    """Two LiveKit keys in one file, an OIDC caller, and a rule whose hook makes every call wait."""
    keys = f'{KEY}: "{SECRET}"\n{OTHER_KEY}: "{OTHER}"\n'
    rule = everything(ask={"url": hook.url + "/may", "secret_file": "hook.key", "timeout": "8s"})

    def doc(active, **more):
        return base(callers=[oidc(idp)], rules=[{**rule, **more}], livekit={"url": "wss://media.example.org", "key_file": "keys", "active_key": active})

    return doc, {"keys": keys, "hook.key": HOOK_KEY}


def test_no_call_fails_while_keys_change(tmp_path):
    """issue 5 point 6: reloads of LiveKit's keys under load, with callers of a provider who all wait for a hook: nobody is refused, and
    both keys have signed."""
    with Provider({"RS256": main_key()}) as idp, Server() as hook:
        hook.table["/may"] = Reply({"allow": True}, wait=0.05)
        doc, files = rotating(hook, idp)
        conf = Conf(tmp_path, doc(KEY), files)
        one = conf.serve(NO_KEYS)
        try:
            wait_until(lambda: want(one, headers=bearer(idp.token())).status == 200, PATIENCE_S)
            over, statuses, issuers = threading.Event(), [], set()

            def load():
                with Wire(one.address, timeout=PATIENCE_S) as wire:
                    while not over.is_set():
                        wire.send(post(headers=bearer(idp.token())))
                        answer = wire.answer()
                        statuses.append(answer.status)
                        if answer.status == 200:
                            issuers.add(jwt.decode(answer.json()["participant_token"], options={"verify_signature": False})["iss"])

            threads = [threading.Thread(target=load) for _ in range(4)]
            for thread in threads:
                thread.start()
            for n in range(60):
                conf.write(doc((OTHER_KEY, KEY)[n % 2]))
                one.send_signal(signal.SIGHUP)
                time.sleep(0.05)
            wait_until(lambda: len(statuses) > 40 and len(issuers) == 2, 60)
            over.set()
            for thread in threads:
                thread.join(PATIENCE_S)
            assert set(statuses) == {200}, {status: statuses.count(status) for status in set(statuses)}
            assert issuers == {KEY, OTHER_KEY}
            one.stop()
            assert next(event for event in one.events if event["event"] == "stopped")["snapshots"] == 1
        finally:
            one.kill()


def test_who_waits_gets_the_new_key_and_never_withdrawn_rules(tmp_path):
    """design §2: a call that waits while the keys change is signed with the key in use; while a rule changes it is 503."""
    with Provider({"RS256": main_key()}) as idp, Server() as hook:
        doc, files = rotating(hook, idp)
        conf = Conf(tmp_path, doc(KEY), files)
        one = conf.serve(NO_KEYS)
        try:
            for n, (fresh, status) in enumerate(((doc(OTHER_KEY), 200), (doc(OTHER_KEY, ttl="5m"), 503))):
                go = threading.Event()
                hook.table["/may"] = lambda seen, go=go: (go.wait(6), Reply({"allow": True}))[1]
                with Wire(one.address, timeout=PATIENCE_S) as wire:
                    wire.send(post(headers=bearer(idp.token())))
                    hook.wait_count(n + 1, "/may")
                    conf.write(fresh)
                    one.send_signal(signal.SIGHUP)
                    one.wait_event("reloaded", count=n + 1, timeout=PATIENCE_S)
                    go.set()
                    answer = wire.answer(within=PATIENCE_S)
                assert answer.status == status, answer
                if status == 200:
                    verified(answer.json()["participant_token"], key=OTHER_KEY, secret=OTHER)
            one.stop()
        finally:
            one.kill()


# -- one binary in the other's place


class Handed:
    """roomkey-handover with a link to the binary, so that there is something to exchange."""

    def __init__(self, tmp_path, addresses, *options, env=None):
        self.link, self.log = str(tmp_path / "roomkey"), tmp_path / "log"
        os.symlink(BIN, self.link)
        words = [word for text in addresses for word in ("--listen", text)]
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen([sys.executable, HANDOVER, *words, *options, "--", self.link, "serve"], env=clean_env({"ROOMKEY_LISTEN": None, **(env or {})}), stdout=log, stderr=log)

    def said(self, text):
        return self.log.read_text(errors="replace").count(text)

    def exchange(self, count):
        self.child.send_signal(signal.SIGUSR2)
        wait_until(lambda: self.said(" serves now") >= count, PATIENCE_S)

    def stop(self):
        self.child.terminate()
        assert self.child.wait(30) == 0, self.log.read_text()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(15)
            self.child.kill()
            self.child.wait()


class Load:
    """Clients on connections of their own for each request, and clients that keep theirs until an answer says close. `failed` has what
    went wrong once a request was accepted. A kept connection that ends before a byte of an answer is not among it: RFC 9112 §9.3.1
    lets either side close an idle one at any time, and a client asks again; `closed_idle` counts those."""

    def __init__(self, addresses):
        self.addresses, self.over, self.lock = addresses, threading.Event(), threading.Lock()
        self.answered, self.failed, self.closed_idle, self.told_to_close = 0, [], 0, 0
        self.threads = [threading.Thread(target=work, args=(address,)) for address in addresses for work in (self.fresh, self.fresh, self.kept)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(PATIENCE_S)

    def count(self, answer):
        with self.lock:
            self.answered += 1
            self.told_to_close += answer.closes
            if answer.status != 200:
                self.failed.append(answer)

    def fresh(self, address):
        while not self.over.is_set():
            try:
                with Wire(address, timeout=PATIENCE_S) as wire:
                    wire.send(post())
                    self.count(wire.answer())
            except (OSError, AssertionError) as error:
                self.failed.append(error)

    def kept(self, address):
        while not self.over.is_set():
            try:
                with Wire(address, timeout=PATIENCE_S) as wire:
                    used = 0
                    while not self.over.is_set():
                        try:
                            wire.send(post())
                            answer = wire.answer()
                        except (OSError, AssertionError) as error:
                            if used == 0:
                                self.failed.append(error)
                            self.closed_idle += 1
                            break
                        used += 1
                        self.count(answer)
                        if answer.closes:
                            break
            except OSError as error:
                self.failed.append(error)


def test_binaries_are_exchanged_under_load(tmp_path):
    """issue 5 point 6: the same descriptors go to the new process, the old one ends when that is ready: eight exchanges, no reset, TCP and
    a Unix socket, whose path stays; and the admin listener, which the new one answers at once and as ready."""
    port, admin, path = free_port(), free_port(), str(tmp_path / "sock")
    env = {**FILE_RULES, "ROOMKEY_CONFIG": Conf(tmp_path, base(anonymous="allow", admin_listen=f"127.0.0.1:{admin}")).path}
    with Handed(tmp_path, [f"127.0.0.1:{admin}", f"127.0.0.1:{port}", f"unix:{path}"], env=env) as handed:
        wait_until(lambda: handed.said('"event":"listening"') >= 2, PATIENCE_S)
        with Load([("127.0.0.1", port), path]) as load:
            for n in range(8):
                handed.exchange(n + 1)
                wait_until(lambda: scrape.get(("127.0.0.1", admin), "/readyz")[0] == 200, PATIENCE_S)
                assert scrape.get(("127.0.0.1", admin), "/metrics")[0] == 200
            wait_until(lambda: handed.said('"event":"stopped"') >= 8 and load.answered > 100, 60)
        assert not load.failed, (load.failed[:3], load.answered)
        assert os.path.exists(path)
        assert handed.said('"event":"stopped"') == handed.said('"cut_off":0'), "somebody was cut off"
        handed.stop()


def test_the_supervisor_under_systemd(tmp_path):
    """hosting §5.1, §5.2: roomkey-handover takes sockets that are handed over, and says READY once, when the first roomkey is ready."""
    code = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); os.execv(sys.argv[2], sys.argv[2:])"
    with socket.create_server(("127.0.0.1", 0)) as sock, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "manager"))
        manager.settimeout(PATIENCE_S)
        env = clean_env({"ROOMKEY_LISTEN": None, "NOTIFY_SOCKET": str(tmp_path / "manager")})
        words = [sys.executable, "-c", code, str(sock.fileno()), sys.executable, HANDOVER, "--", BIN, "serve"]
        child = subprocess.Popen(words, env=env, pass_fds=[sock.fileno()], stderr=subprocess.PIPE)
        try:
            assert b"READY=1" in manager.recv(4096)
            assert ask(sock.getsockname(), post()).status == 200
            child.send_signal(signal.SIGUSR2)
            while b" serves now" not in child.stderr.readline():
                assert child.poll() is None
            assert ask(sock.getsockname(), post()).status == 200
            child.terminate()
            child.communicate(timeout=30)
            assert child.returncode == 0
            manager.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                assert not manager.recv(4096), "told twice"
        finally:
            child.kill()
            child.communicate()


SLOW = """#!{python}
import os, signal, socket, time
print("started", os.getpid(), flush=True)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while not os.path.exists("{go}"):
    time.sleep(0.05)
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
signal.signal(signal.SIGHUP, lambda *_: print("reloaded", os.getpid(), flush=True))
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
print("ready", os.getpid(), flush=True)
while True:
    signal.pause()
"""


def test_signals_while_one_follows_the_other(tmp_path):
    """A SIGHUP during an exchange reaches the new process, which may have read what was there before; an end takes one along that is not ready."""
    go, program, log = tmp_path / "go", tmp_path / "slow", tmp_path / "log"
    program.write_text(SLOW.format(python=sys.executable, go=go))
    program.chmod(0o755)
    go.touch()

    def processes(word):
        return [int(line.split()[1]) for line in log.read_text().splitlines() if line.startswith(f"{word} ")]

    with open(log, "wb") as out:
        child = subprocess.Popen([sys.executable, HANDOVER, "--listen", "127.0.0.1:0", "--", program], stdout=out, stderr=out)
    try:
        wait_until(lambda: len(processes("ready")) == 1, PATIENCE_S)
        child.send_signal(signal.SIGHUP)
        wait_until(lambda: len(processes("reloaded")) == 1, PATIENCE_S)
        go.unlink()
        child.send_signal(signal.SIGUSR2)
        wait_until(lambda: len(processes("started")) == 2, PATIENCE_S)
        child.send_signal(signal.SIGHUP)
        wait_until(lambda: len(processes("reloaded")) == 2, PATIENCE_S)
        go.touch()
        wait_until(lambda: len(processes("reloaded")) == 3, PATIENCE_S)
        assert processes("reloaded")[-1] == processes("started")[1]
        wait_until(lambda: b"serves now" in log.read_bytes(), PATIENCE_S)
        go.unlink()
        child.send_signal(signal.SIGUSR2)
        wait_until(lambda: len(processes("started")) == 3, PATIENCE_S)
        child.terminate()
        assert child.wait(30) == 0, log.read_text()
        assert not os.path.exists(f"/proc/{processes('started')[2]}"), "left behind"
    except BaseException:
        child.kill()
        for pid in processes("started"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        raise
    finally:
        child.kill()
        child.wait()


def test_a_unix_path_that_is_no_socket_stays(tmp_path):
    """--listen unix:PATH removes what an earlier run left behind, and nothing else; what is taken is one line."""
    path = tmp_path / "file"
    path.write_text("mine")

    def refused(address):
        done = subprocess.run([sys.executable, HANDOVER, "--listen", address, "--", "/bin/true"], capture_output=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == 1 and done.stderr.count(b"\n") == 1, done
        return done.stderr

    assert b"no socket" in refused(f"unix:{path}") and path.read_text() == "mine"
    with socket.socket(socket.AF_UNIX) as other, socket.create_server(("127.0.0.1", 0)) as taken:
        other.bind(str(tmp_path / "live"))
        other.listen()
        assert b"somebody listens" in refused(f"unix:{tmp_path / 'live'}") and (tmp_path / "live").exists()
        assert b"in use" in refused(f"127.0.0.1:{taken.getsockname()[1]}")


def test_a_new_binary_that_fails_changes_nothing(tmp_path):
    """The old one goes on serving when the new one ends, or never says that it is ready."""
    port = free_port()
    with Handed(tmp_path, [f"127.0.0.1:{port}"], "--ready-within", "6") as handed:
        wait_until(lambda: handed.said('"event":"listening"') >= 1, PATIENCE_S)
        for n, program in enumerate(("#!/bin/sh\nexit 1\n", "#!/bin/sh\nexec sleep 60\n")):
            os.unlink(handed.link)
            with open(handed.link, "w", encoding="ascii") as file:
                file.write(program)
            os.chmod(handed.link, 0o755)
            handed.child.send_signal(signal.SIGUSR2)
            wait_until(lambda n=n: handed.said("did not become ready") > n, PATIENCE_S)
            assert ask(("127.0.0.1", port), post()).status == 200
        os.unlink(handed.link)
        os.symlink(BIN, handed.link)
        handed.exchange(1)
        assert ask(("127.0.0.1", port), post()).status == 200
        handed.stop()
