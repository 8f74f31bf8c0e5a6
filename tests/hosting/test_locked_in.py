"""What the process denies itself: seccomp and Landlock on every thread, and everything it does all the same. Issue 5 point 4, security §7.2.

Release builds only: sanitizers and gcov need more than the sandbox leaves. The end-to-end suite runs inside it as well; here is what that
does not try: what is refused, from inside; names, TLS and Redis by name; files that are replaced; hosts that forbid a sandbox.
"""

import errno
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading

import pytest

from conf import LOCAL_FILES, Conf, allowed, as_local, base, everything, local, oidc, running, wait_until, want
from idp import Provider, Reply, Server, bearer, main_key, self_signed
from process import BIN, Roomkey, as_root, clean_env, free_port, run
from shapes import standard
from wire import ask, post

HERE = os.path.dirname(os.path.abspath(__file__))
HOOK_KEY = b"hook-secret-0123456789abcdef0123456789"
MEASURES = ("no_new_privs", "no_dump", "no_core", "secure_heap", "seccomp", "landlock")
# A mount namespace: as root, or as the root of a user namespace of one's own.
APART = ("unshare", "-m") if os.geteuid() == 0 else ("unshare", "-rm")


def build(source, output, *options):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    subprocess.run([compiler, "-O1", "-o", output, os.path.join(HERE, source), *options], check=True)
    return str(output)


def hardening(one):
    return one.wait_event("hardening")


def statuses(one):
    """{thread: {name: value}} of /proc, for those that are still there."""
    text = as_root("sh", "-c", f"for task in /proc/{one.pid}/task/*; do echo \"$task\"; cat $task/status 2>/dev/null; done; true").decode()
    found = {}
    for line in text.splitlines():
        if line.startswith("/proc/"):
            found[int(line.rsplit("/", 1)[1])] = now = {}
        else:
            name, _, value = line.partition(":")
            now[name] = value.strip()
    return {task: status for task, status in found.items() if "Seccomp" in status}


def document(**more):
    return base(callers=[local()], rules=[everything()], **more)


# -- what is said


@pytest.mark.parametrize("words", (("serve",), ("dev",)))
def test_the_line_at_the_start(start, words):
    """One line states each measure; all hold here."""
    env = {"ROOMKEY_ANONYMOUS": None, "LIVEKIT_URL": "ws://127.0.0.1:1"} if words == ("dev",) else {}
    one = start(env, words=words)
    line = hardening(one)
    assert [line[name] for name in MEASURES] == ["on"] * len(MEASURES), line
    assert line["level"] == "info" and line["wanted"] == "best" and "missing" not in line
    assert 1 <= line["landlock_abi"] <= 6
    assert line["tcp_ports"] == ("listed" if line["landlock_abi"] >= 4 else "any")
    assert [event["event"] for event in one.events][0] == "hardening" and len([e for e in one.events if e["event"] == "hardening"]) == 1


def test_dev_still_sees_its_server(start):
    """`roomkey dev` looks for a LiveKit server from inside: that port is one it may connect to."""
    with Server() as livekit:
        for port, said in ((livekit.port, False), (free_port(), True)):
            one = start({"ROOMKEY_ANONYMOUS": None, "LIVEKIT_URL": f"ws://127.0.0.1:{port}"}, words=("dev",))
            wait_until(lambda one=one: any("demo" in line for line in one.out))
            one.stop()
            assert any("nothing answers" in line for line in one.out) == said, one.out


def test_in_lambda_any_port(start):
    """There a thread of its own connects to the runtime and to its own port."""
    with socket.create_server(("127.0.0.1", 0)) as runtime:  # takes the question for an event, and has none
        one = start({"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime.getsockname()[1]}", "AWS_LWA_PORT": None})
        assert hardening(one)["tcp_ports"] == "any"
        one.stop()


def test_required(tmp_path):
    """`hardening: required` starts where everything holds."""
    with running(tmp_path, document(hardening="required"), LOCAL_FILES) as one:
        assert hardening(one)["wanted"] == "required"
        allowed(want(one, headers=as_local()), "lobby")


def test_asked_for_too_late(tmp_path):
    """A reload cannot make it a condition: the line says that it will be one at the next start."""
    with running(tmp_path, document(), LOCAL_FILES) as one:
        one.conf.write(document(hardening="required"))
        one.send_signal(signal.SIGHUP)
        one.wait_event("reloaded")
        assert "started again" in one.wait_event("warning", key="hardening")["text"]


def test_a_host_that_forbids_it(tmp_path):
    """Serverless hosts and containers do: best effort, said at the start; `required` is exit 1 and one line."""
    launcher = (build("shim_denied.c", tmp_path / "denied"),)
    with running(tmp_path, document(), LOCAL_FILES, launcher=launcher) as one:
        line = hardening(one)
        assert line["level"] == "warn" and line["seccomp"] == line["landlock"] == "refused" and line["no_new_privs"] == "on"
        assert line["landlock_abi"] == 0 and line["tcp_ports"] == "any" and "not permitted" in line["missing"].lower()
        allowed(want(one, headers=as_local()), "lobby")
    conf = Conf(tmp_path, document(hardening="required"), LOCAL_FILES)
    done = subprocess.run([*launcher, BIN, "serve", "--config", conf.path], env=clean_env({"ROOMKEY_LISTEN": "127.0.0.1:0", "ROOMKEY_ANONYMOUS": None, "ROOMKEY_LIMITS": None, "LIVEKIT_URL": None}),
                          capture_output=True, timeout=20, check=False)
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 1 and len(lines) == 1 and lines[0].startswith("roomkey: hardening: required") and "seccomp: Operation not permitted" in lines[0], lines


def test_it_holds_for_every_thread(tmp_path):
    """Workers, keeper, scribe, the audit's thread; and one that a lookup makes later."""
    with running(tmp_path, document(audit={"file": "audit.jsonl"}, redis={"url": "redis://nobody.invalid:6379"}), LOCAL_FILES) as one:
        allowed(want(one, headers=as_local()), "lobby")
        tasks = statuses(one)
        assert len(tasks) >= 5, tasks.keys()
        for task in tasks.values():
            assert (task["Seccomp"], task["NoNewPrivs"]) == ("2", "1"), task


# -- what is refused

EPERM, ENOSYS, EACCES = errno.EPERM, errno.ENOSYS, errno.EACCES
REFUSED = {
    **dict.fromkeys(("read-outside", "write-outside", "make-outside", "make-inside", "write-inside", "read-shell", "read-other-process", "list-outside", "unlink-outside", "bind", "connect"), EACCES),
    **dict.fromkeys(("execve", "execveat", "ptrace", "process-vm-readv", "unshare", "setns", "mount", "bpf", "keyctl", "perf-event-open", "userfaultfd", "kexec-load", "init-module", "delete-module",
                     "seccomp", "chroot", "setuid", "memfd-create"), EPERM),
    **dict.fromkeys(("fork", "kill", "map-writable-code", "make-code", "packet-socket", "raw-socket", "vsock", "multipath-socket", "ping-socket", "fast-open", "fast-open-message", "fast-open-messages", "listen", "own-signals", "kernel-tls", "tgkill", "io-uring-setup", "clone3", "become-dumpable", "raise-limits", "rename-inside", "chmod-inside"), ENOSYS),
}


class Inside:
    """The shim's surroundings, and what it said."""

    def __init__(self, tmp_path):
        (tmp_path / "lib").mkdir()  # libraries lie where they may be read
        self.shim = build("shim_inside.c", tmp_path / "lib" / "inside.so", "-shared", "-fPIC", "-ldl")
        self.go, self.outside, self.report = tmp_path / "go", tmp_path / "out" / "side", tmp_path / "report"
        self.go.write_bytes(b"\0")
        self.outside.parent.mkdir()
        self.outside.write_bytes(b"x")
        self.out = os.open(self.report, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.listener = socket.create_server(("127.0.0.1", 0))

    def env(self, inside, **more):
        return {"LD_PRELOAD": self.shim, "RK_TEST_INSIDE": str(inside), "RK_TEST_OUTSIDE": str(self.outside), "RK_TEST_OUT": str(self.out),
                "RK_TEST_PORT": str(self.listener.getsockname()[1]), **more}

    def threads(self):
        """{thread: {name: errno}} of those that are through."""
        found = {}
        for line in self.report.read_text().splitlines():
            thread, name, number = line.split()
            found.setdefault(int(thread), {})[name] = int(number)
        return {thread: tried for thread, tried in found.items() if "end" in tried}

    def begin(self):
        """Never shorter meanwhile: threads look into it, mapped."""
        with open(self.go, "r+b") as file:
            file.write(b"\1")

    def close(self):
        os.close(self.out)
        self.listener.close()


@pytest.fixture
def inside(tmp_path):
    one = Inside(tmp_path)
    yield one
    one.close()


@pytest.mark.parametrize("audited", (False, True))
def test_what_no_thread_may(inside, tmp_path, audited):
    """execve, an outside file, other processes, the kernel's dangerous doors: tried on each thread of the real process."""
    etc = tmp_path / "etc"
    etc.mkdir()
    conf = Conf(etc, document(**({"audit": {"file": str(tmp_path / "log" / "audit.jsonl")}} if audited else {})), LOCAL_FILES)
    (tmp_path / "log").mkdir()
    with running(conf, env=inside.env(conf.path, RK_TEST_GO=str(inside.go)), pass_fds=(inside.out,)) as one:
        inside.begin()
        tasks = set(statuses(one))
        assert len(tasks) >= (5 if audited else 4), tasks

        def all_came_by():
            allowed(want(one, headers=as_local()), "lobby")
            return set(inside.threads()) >= tasks

        wait_until(all_came_by, 20)
        for thread, tried in inside.threads().items():
            assert tried["read-inside"] == tried["stream-socket"] == tried["tcp-socket"] == tried["udp-socket"] == tried["no-delay"] == tried["attach-filter"] == tried["kill-itself"] == 0, "what it lives on"
            for name, number in REFUSED.items():
                wanted = {number} if audited or not name.startswith(("write", "make-inside", "make-outside")) else {EACCES, ENOSYS}  # without an audit log seccomp says it first
                assert tried[name] in wanted, (thread, name, errno.errorcode.get(tried[name], tried[name]))
        assert os.path.exists(conf.path) and inside.outside.exists() and not os.path.exists(f"{inside.outside}.made") and not os.path.exists(f"{conf.path}.made")
        allowed(want(one, headers=as_local()), "lobby")


def looked_around(one, inside):
    """What the threads could do that a request came by."""
    inside.begin()

    def came_by():
        allowed(want(one, headers=as_local()), "lobby")
        return inside.threads()

    wait_until(came_by, 20)
    return inside.threads().values()


def test_a_name_of_the_root_opens_no_more_than_a_file(inside, tmp_path):
    """"Of what lies in the root itself the file alone", however the root is written."""
    (tmp_path / "etc").mkdir()
    for name in ("//none", "/./none", "/tmp/../none"):
        inside.report.write_bytes(b"")
        inside.go.write_bytes(b"\0")
        with running(tmp_path / "etc", document(), LOCAL_FILES, env=inside.env(tmp_path / "etc" / "roomkey.yaml", RK_TEST_GO=str(inside.go), SSL_CERT_FILE=name), pass_fds=(inside.out,)) as one:
            for tried in looked_around(one, inside):
                assert (tried["read-inside"], tried["read-outside"], tried["list-outside"]) == (0, EACCES, EACCES), name


def test_the_same_where_nothing_is_forbidden(inside, tmp_path):
    """Or the refusals above would prove nothing."""
    mine = tmp_path / "mine"
    mine.write_bytes(b"x")
    subprocess.run(["/bin/true"], env=inside.env(mine, RK_TEST_NOW="1"), pass_fds=(inside.out,), check=True)
    (tried,) = inside.threads().values()
    for name in ("read-outside", "write-outside", "make-outside", "make-inside", "read-shell", "unlink-outside", "fork", "map-writable-code", "make-code", "kill", "bind", "connect", "fast-open", "listen", "own-signals", "rename-inside"):
        assert tried[name] == 0, (name, tried[name])


# -- what goes on


def test_a_reload_of_files_that_are_replaced(tmp_path):
    """By rename, the file and the key it names; also a file that is new in the same directory."""
    with running(tmp_path, document(), LOCAL_FILES) as one:
        conf = one.conf
        for n in range(3):
            caller = local()
            caller["oidc"]["hs256_secret_file"] = os.path.basename(conf.file(f"key-{n}", LOCAL_FILES["local.key"]))
            conf.write(base(callers=[caller], rules=[everything(default_room=f"room-{n}")]))  # by rename
            one.send_signal(signal.SIGHUP)
            wait_until(lambda n=n: want(one, headers=as_local()).json()["room_name"] == f"room-{n}")
        assert not [event for event in one.events if event["event"] == "reload_failed"]


def kubernetes(volume, generation, room):
    """What the kubelet does: a directory of this generation, and the link ..data moved over to it."""
    fresh = volume / f"..2026_11_28_{generation}"
    fresh.mkdir()
    Conf(fresh, base(callers=[local()], rules=[everything(default_room=room)]), LOCAL_FILES)
    (volume / "..new").symlink_to(fresh.name)
    os.rename(volume / "..new", volume / "..data")
    for name in ("roomkey.yaml", *LOCAL_FILES):
        if not (volume / name).is_symlink():
            (volume / name).symlink_to(f"..data/{name}")


def test_a_reload_after_a_swap_of_kubernetes(tmp_path):
    """..data leads to another directory, in which no file lay at the start."""
    kubernetes(tmp_path, 1, "one")
    conf = Conf.__new__(Conf)
    conf.directory, conf.path = str(tmp_path), str(tmp_path / "roomkey.yaml")
    with running(conf) as one:
        assert want(one, headers=as_local()).json()["room_name"] == "one"
        for n in (2, 3):
            kubernetes(tmp_path, n, f"room-{n}")
            shutil.rmtree(tmp_path / f"..2026_11_28_{n - 1}")
            one.send_signal(signal.SIGHUP)
            wait_until(lambda n=n: want(one, headers=as_local()).json()["room_name"] == f"room-{n}")


def test_a_reload_that_needs_more(tmp_path):
    """A file elsewhere, a port nobody named: refused whole, and the line says that a restart helps."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "elsewhere").mkdir()
    elsewhere = tmp_path / "elsewhere" / "local.key"
    elsewhere.write_bytes(LOCAL_FILES["local.key"])
    os.chmod(elsewhere, 0o600)
    with running(tmp_path / "etc", document(), LOCAL_FILES) as one, Provider({"RS256": main_key()}) as idp:
        caller = local()
        caller["oidc"]["hs256_secret_file"] = str(elsewhere)
        one.conf.write(base(callers=[caller], rules=[everything()]))
        one.send_signal(signal.SIGHUP)
        assert "start it again" in one.wait_event("reload_failed")["text"]
        one.conf.write(base(callers=[local(identity="staff:{sub}"), oidc(idp, "others", identity="others:{sub}")], rules=[everything()]))
        one.send_signal(signal.SIGHUP)
        text = one.wait_event("reload_failed", 2)["text"]
        assert f"port {idp.port}" in text and "start it again" in text
        allowed(want(one, headers=as_local()), "lobby")
        assert idp.connections == 0
    with running(tmp_path / "etc") as one:
        pass  # the same file is good at a start


class Dns:
    """Answers A queries for one name, over UDP."""

    def __init__(self, name, host="127.77.0.53"):
        self.name, self.host, self.asked = name, host, 0
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                query, peer = self.sock.recvfrom(512)
            except OSError:
                return
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            kind = struct.unpack("!H", query[at + 1:at + 3])[0]
            known = ".".join(labels) == self.name
            self.asked += known
            answer = b"\xc0\x0c" + struct.pack("!HHIH4s", 1, 1, 1, 4, socket.inet_aton("127.0.0.1")) if known and kind == 1 else b""
            flags = 0x8180 if known else 0x8183
            self.sock.sendto(query[:2] + struct.pack("!HHHHH", flags, 1, int(bool(answer)), 0, 0) + query[12:at + 5] + answer, peer)

    def close(self):
        self.sock.close()


def apart(tmp_path, *binds):
    """A launcher: the program in a mount namespace in which files of ours lie over the machine's."""
    lines = "".join(f"mount --bind '{ours}' '{theirs}'\n" for ours, theirs in binds)
    script = tmp_path / "apart.sh"
    script.write_text(f"set -e\n{lines}exec \"$@\"\n")
    return (*APART, "sh", str(script))


@pytest.fixture
def names(tmp_path):
    """idp.roomkey.test is this machine, by a name server for root, who may open port 53, and else by a file of hosts."""
    name = "idp.roomkey.test"
    (tmp_path / "hosts").write_text("127.0.0.1 localhost\n" + ("" if os.geteuid() == 0 else f"127.0.0.1 {name}\n"))
    binds = [(tmp_path / "hosts", "/etc/hosts")]
    server = None
    if os.geteuid() == 0:
        server = Dns(name)
        (tmp_path / "resolv.conf").write_text(f"nameserver {server.host}\noptions timeout:2 attempts:5\n")
        binds.append((tmp_path / "resolv.conf", os.path.realpath("/etc/resolv.conf")))
    yield name, apart(tmp_path, *binds), server
    if server is not None:
        server.close()


def etc_of_ours(tmp_path, resolv_conf):
    """A directory to lie over /etc: what names need, as plain files, and a secret of somebody else's."""
    etc = tmp_path / "whole-etc"
    (etc / "ssl" / "private").mkdir(parents=True)
    for name in ("ld.so.cache", "nsswitch.conf", "passwd", "group"):
        if os.path.exists(f"/etc/{name}"):
            shutil.copy(f"/etc/{name}", etc / name)
    (etc / "hosts").write_text("127.0.0.1 localhost\n")
    (etc / "resolv.conf").write_text(resolv_conf)
    for secret in (etc / "shadow", etc / "ssl" / "private" / "key.pem"):
        secret.write_text("not for everybody\n")
        secret.chmod(0o600)
    return etc


@pytest.mark.parametrize("secret, certificate", (("shadow", ""), ("ssl/private/key.pem", ""), ("shadow", "/etc/none.pem"),
                                                 ("ssl/private/key.pem", "/etc/ssl/../ssl/none.pem")))
def test_root_reads_no_secret_of_etc(inside, tmp_path, secret, certificate):
    """/etc/resolv.conf is a plain file, and the process root's: the files that names need, and nothing else of /etc; the line says so."""
    etc, conf = etc_of_ours(tmp_path, "nameserver 127.0.0.1\n"), Conf(tmp_path, document(), LOCAL_FILES)
    env = {**inside.env("/etc/resolv.conf", RK_TEST_GO=str(inside.go)), "RK_TEST_OUTSIDE": f"/etc/{secret}"}
    if certificate:
        env["SSL_CERT_FILE"] = certificate
    (tmp_path / "apart").mkdir()
    with running(conf, env=env, launcher=apart(tmp_path / "apart", (etc, "/etc")), pass_fds=(inside.out,)) as one:
        assert hardening(one)["resolv_conf"] == "until_replaced"
        for tried in looked_around(one, inside):
            assert (tried["read-inside"], tried["read-outside"]) == (0, EACCES)


def test_who_is_not_root_follows_resolv_conf(tmp_path):
    """DHCP may rename another into its place: for a user to whom /etc shows what it shows everybody the rule is on all of it."""
    etc = etc_of_ours(tmp_path, "nameserver 127.0.0.1\n")
    (etc / "shadow").chmod(0)  # in a namespace of one user it would be this user's own
    launcher = (*apart(tmp_path, (etc, "/etc")), "unshare", "--user", "--map-user=1000", "--map-group=1000")
    with running(Conf(tmp_path, document(), LOCAL_FILES), launcher=launcher) as one:
        assert hardening(one)["resolv_conf"] == "followed_by_all_of_etc"


def test_resolv_conf_is_rewritten_in_place(tmp_path):
    """The rule on the file holds for what is written into it: names that nobody knew are found. Who is not root, and may not open port 53,
    writes it into the file of hosts."""
    name = "idp.roomkey.test"
    server = Dns(name, "127.77.0.55") if os.geteuid() == 0 else None
    etc = etc_of_ours(tmp_path, "nameserver 127.77.0.56\noptions timeout:1 attempts:1\n")  # nobody is there
    try:
        with Provider({"RS256": main_key()}) as idp:
            idp.issuer = f"http://{name}:{idp.port}"
            idp.jwks_uri = idp.issuer + "/jwks"
            doc = base(callers=[oidc(idp, oidc={"allow_http": [name]})], rules=[everything()])
            with running(Conf(tmp_path, doc), launcher=apart(tmp_path, (etc, "/etc"))) as one:
                assert hardening(one)["resolv_conf"] == "until_replaced"
                one.wait_event("keyset_failed")
                if server is None:
                    (etc / "hosts").write_text(f"127.0.0.1 localhost {name}\n")
                else:
                    (etc / "resolv.conf").write_text(f"nameserver {server.host}\noptions timeout:2 attempts:5\n")
                wait_until(lambda: want(one, headers=bearer(idp.token())).status == 200, 60)
                assert server is None or server.asked
    finally:
        if server is not None:
            server.close()


def test_names_tls_a_hook_and_redis(tmp_path, names):
    """A key set over https with a ca_file, a hook over https's plain sister, Redis: each by a name that has to be looked up."""
    name, launcher, server = names
    context, ca = self_signed(tmp_path, name)
    (tmp_path / "etc").mkdir()
    redis_port = free_port()
    redis = subprocess.Popen([shutil.which("redis-server") or shutil.which("valkey-server"), "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with Provider({"RS256": main_key()}, tls=context) as idp, Server() as hook:
            hook.table["/may"] = Reply({"allow": True})
            idp.issuer = f"https://{name}:{idp.port}"
            idp.jwks_uri = idp.issuer + "/jwks"
            caller = oidc(idp, discovery=True, oidc={"ca_file": ca, "allow_http": None})
            rules = [everything(ask={"url": f"http://{hook.host}:{hook.port}/may", "secret_file": "hook.key", "timeout": "5s"})]
            doc = base(callers=[caller], rules=rules, redis={"url": f"redis://{name}:{redis_port}", "timeout": "2s"}, limits={"per_address": "off", "failures_per_address": "off", "per_caller": "1000/s"})
            with running(tmp_path / "etc", doc, {**LOCAL_FILES, "hook.key": HOOK_KEY}, launcher=launcher) as one:
                wait_until(lambda: want(one, headers=bearer(idp.token())).status == 200, 20)
                assert idp.count("/.well-known/openid-configuration") and idp.fetches() and hook.count("/may")

                def counts_there():
                    allowed(want(one, headers=bearer(idp.token())), "lobby")
                    done = subprocess.run([shutil.which("redis-cli") or shutil.which("valkey-cli"), "-p", str(redis_port), "dbsize"], capture_output=True, check=False)
                    return done.stdout.strip() not in (b"", b"0", b"(integer) 0")

                wait_until(counts_there, 20)
                assert server is None or server.asked >= 2
                for task in statuses(one).values():
                    assert task["Seccomp"] == "2"
    finally:
        redis.kill()
        redis.wait()


def test_health_and_the_end(tmp_path):
    """`roomkey health` against it, by TCP and by a Unix socket, whose path is removed when it ends."""
    path = tmp_path / "run" / "roomkey.sock"
    path.parent.mkdir()
    listen = f"unix:{path},127.0.0.1:0"
    one = Roomkey({"ROOMKEY_LISTEN": listen}, listeners=2)
    try:
        assert hardening(one)["landlock"] == "on"
        for address in (f"unix:{path}", one.addresses[1]):
            assert run("health", env={"ROOMKEY_LISTEN": address}).returncode == 0
            standard(ask(Roomkey.parse(address), post()))
        one.stop()
        assert not path.exists()
    finally:
        one.kill()
