"""Where it listens: Unix sockets, IPv6, inherited descriptors, port order: design §7, hosting §0 and §5.2."""

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys

import pytest

import scrape
from conf import FILE_RULES, Conf, base, wait_until
from process import Roomkey, free_port, refused, run
from shapes import standard
from wire import Wire, ask, post, request


def serves(address):
    standard(ask(address, post()))


# -- TCP


def test_ipv6(start):
    """design §7 listen."""
    one = start({"ROOMKEY_LISTEN": "[::1]:0"})
    assert one.addresses[0].startswith("[::1]:")
    serves(one.address)
    assert one.access(ask(one.address, post()).request_id)["client"] == "::1"


def test_several(start):
    """ROOMKEY_LISTEN may be a list; each gets a listening line."""
    one = start({"ROOMKEY_LISTEN": "127.0.0.1:0,[::1]:0,127.0.0.2:0"}, listeners=3)
    assert len(set(one.addresses)) == 3
    for text in one.addresses:
        serves(Roomkey.parse(text))


def test_flag_repeats_and_wins(start):
    """design §7: flag before environment; --listen may repeat."""
    port = free_port()
    one = start({"ROOMKEY_LISTEN": f"127.0.0.1:{port}"}, words=["serve", "--listen", "127.0.0.1:0", "--listen=[::1]:0"], listeners=2)
    assert not any(text.endswith(f":{port}") for text in one.addresses)
    for text in one.addresses:
        serves(Roomkey.parse(text))


def test_taken(service):
    """Exit 1 when it cannot bind, and the line names the address."""
    line = refused(env={"ROOMKEY_LISTEN": service.addresses[0]}, code=1)
    assert service.addresses[0] in line and "address already in use" in line.lower()


def test_taken_among_several(service):
    """One bad address is enough."""
    assert service.addresses[0] in refused(env={"ROOMKEY_LISTEN": f"127.0.0.1:0,{service.addresses[0]}"}, code=1)


def test_not_ours():
    """An address this machine does not have (TEST-NET-3)."""
    assert "203.0.113.1:0" in refused(env={"ROOMKEY_LISTEN": "203.0.113.1:0"}, code=1)


def test_the_port_is_free_at_once(start):
    """hosting §0: always SO_REUSEADDR: killed and started again on the same port."""
    port = free_port()
    for _ in range(3):
        one = Roomkey({"ROOMKEY_LISTEN": f"127.0.0.1:{port}"})
        wires = [Wire(one.address) for _ in range(5)]
        for wire in wires:
            wire.send(post())
            standard(wire.answer())
        one.kill()
        for wire in wires:
            wire.close()
    serves(start({"ROOMKEY_LISTEN": f"127.0.0.1:{port}"}).address)


def test_every_worker_answers(start):
    """design §2: connections are spread over the workers; 64 connections at once are all served."""
    one = start({"ROOMKEY_WORKERS": "4"})
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(one.address)) for _ in range(64)]
        for wire in wires:
            wire.send(post() * 10)
        for wire in wires:
            for _ in range(10):
                standard(wire.answer())


# -- Unix sockets


def test_unix_socket(start, tmp_path):
    """design §7: mode 0660; the path is gone afterwards."""
    path = str(tmp_path / "sock")
    one = start({"ROOMKEY_LISTEN": f"unix:{path}"})
    assert one.addresses == [f"unix:{path}"]
    mode = os.stat(path).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660
    with Wire(path) as wire:
        wire.send(post() * 3)
        for _ in range(3):
            standard(wire.answer())
        wire.expect_open()
    one.stop()
    assert not os.path.exists(path)


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_unix_socket_mode_whatever_the_umask(start, tmp_path, umask):
    """design §7: 0660."""
    path = str(tmp_path / "sock")
    start({"ROOMKEY_LISTEN": f"unix:{path}"}, umask=umask)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660


def test_stale_unix_socket(start, tmp_path):
    """issue: a stale one is removed."""
    path = str(tmp_path / "sock")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        sock.listen()
    assert os.path.exists(path)
    one = start({"ROOMKEY_LISTEN": f"unix:{path}"})
    serves(path)
    one.stop()
    killed = Roomkey({"ROOMKEY_LISTEN": f"unix:{path}"})
    killed.kill()
    assert os.path.exists(path)
    start({"ROOMKEY_LISTEN": f"unix:{path}"})
    serves(path)


def test_live_unix_socket(start, tmp_path):
    """issue: only if nobody listens."""
    path = str(tmp_path / "sock")
    start({"ROOMKEY_LISTEN": f"unix:{path}"})
    line = refused(env={"ROOMKEY_LISTEN": f"unix:{path}"}, code=1)
    assert path in line
    serves(path)


@pytest.mark.parametrize("kind", ["file", "directory", "symlink to a file"])
def test_something_else_at_the_path(tmp_path, kind):
    """What is no socket is not removed."""
    path, other = tmp_path / "sock", tmp_path / "other"
    other.write_text("precious")
    if kind == "file":
        path.write_text("precious")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to(other)
    assert str(path) in refused(env={"ROOMKEY_LISTEN": f"unix:{path}"}, code=1)
    assert other.read_text() == "precious" and path.exists()


def test_unix_socket_without_a_place():
    """A directory that is not there."""
    refused(env={"ROOMKEY_LISTEN": "unix:/nonexistent/dir/sock"}, code=1)


def test_unix_and_tcp_together(start, tmp_path):
    """One list for both; limits know no address for a Unix peer, and it is served."""
    path = str(tmp_path / "sock")
    one = start({"ROOMKEY_LISTEN": f"unix:{path},127.0.0.1:0", "ROOMKEY_LIMITS": "per_address=1/h burst 3,connections_per_address=2"}, listeners=2)
    for text in one.addresses:
        serves(Roomkey.parse(text))


# -- inherited descriptors


LAUNCH = """
import os, sys
count = int(sys.argv[1])
for at in range(count):
    os.dup2(int(sys.argv[2 + at]), 100 + at, inheritable=True)
for at in range(count):
    os.dup2(100 + at, 3 + at, inheritable=True)
    os.close(100 + at)
os.environ["LISTEN_PID"] = str(os.getpid() + int(os.environ.get("PID_OFFSET", "0")))
os.environ["LISTEN_FDS"] = str(count)
if "NAMES" in os.environ:
    os.environ["LISTEN_FDNAMES"] = os.environ["NAMES"]
os.execv(sys.argv[2 + count], sys.argv[2 + count:])
"""


def inherited(start, socks, env=None, **more):
    launcher = [sys.executable, "-c", LAUNCH, str(len(socks)), *(str(sock.fileno()) for sock in socks)]
    return start({"ROOMKEY_LISTEN": None, **(env or {})}, launcher=launcher, pass_fds=[sock.fileno() for sock in socks], **more)


def listener(family=socket.AF_INET, address=("127.0.0.1", 0)):
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.bind(address)
    sock.listen(64)
    return sock


def test_inherited(start, tmp_path):
    """hosting §5.2: descriptors from 3 on, any family."""
    path = str(tmp_path / "sock")
    with listener() as tcp, listener(socket.AF_UNIX, path) as unix:
        one = inherited(start, [tcp, unix], listeners=2)
        serves(tcp.getsockname())
        serves(path)
        one.stop()
        assert os.path.exists(path), "the path of an inherited socket is not ours to remove"


def test_inherited_outlives_the_service(start):
    """hosting §5.2: never shutdown(): connections queue up while it restarts, and the next one serves them."""
    with listener() as tcp:
        one = inherited(start, [tcp])
        serves(tcp.getsockname())
        one.stop()
        with Wire(tcp.getsockname()) as wire:
            wire.send(post())
            inherited(start, [tcp])
            standard(wire.answer())


def admin_word(address):
    return f"unix:{address}" if isinstance(address, str) else (f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}")


def with_admin(tmp_path, address):
    return {**FILE_RULES, "ROOMKEY_CONFIG": Conf(tmp_path, base(anonymous="allow", admin_listen=admin_word(address))).path}


def is_admin(address):
    """Only the admin listener has /metrics."""
    address = address if isinstance(address, str) else address[:2]
    return scrape.get(address, "/metrics")[0] == 200 and scrape.get(address, "/v1/token", method="POST")[0] in (404, 405)


def is_unserved(sock):
    """Who connects to it waits."""
    with socket.create_connection(sock.getsockname(), timeout=1) as client:
        client.sendall(request("GET", "/livez"))
        try:
            return client.recv(1) is None
        except TimeoutError:
            return True


@pytest.mark.parametrize("kind", ["IPv4", "IPv6", "unix"])
def test_inherited_admin(start, tmp_path, kind):
    """issue 5 point 6: the socket that lies at admin_listen is the admin listener's, first or last among those handed over, and the public
    is never served on it; when the service ends it stays, and the next one answers."""
    own = {"IPv4": (socket.AF_INET, ("127.0.0.1", 0)), "IPv6": (socket.AF_INET6, ("::1", 0)), "unix": (socket.AF_UNIX, str(tmp_path / "admin"))}[kind]
    with listener() as tcp, listener(*own) as admin:
        env = with_admin(tmp_path, admin.getsockname())
        for socks in ([admin, tcp], [tcp, admin]):
            one = inherited(start, socks, env)
            assert len(one.addresses) == 1 and one.wait_event("admin_listening")["address"] == admin_word(admin.getsockname())
            serves(tcp.getsockname())
            assert is_admin(admin.getsockname())
            if kind != "unix":
                assert scrape.get(admin.getsockname()[:2], "/metrics", {"Host": "evil.example"})[0] == 421, "loopback: no rebinding"
            one.stop()
        assert kind != "unix" or os.path.exists(own[1])


def test_inherited_admin_by_name(start, tmp_path):
    """systemd.socket FileDescriptorName=: a socket named admin is the admin listener's wherever it lies."""
    with listener() as tcp, listener() as admin:
        one = inherited(start, [tcp, admin], {**with_admin(tmp_path, ("127.0.0.1", 1)), "NAMES": "http:admin"})
        assert one.addresses == [admin_word(tcp.getsockname())] and is_admin(admin.getsockname())
        assert "lies elsewhere than admin_listen" in one.wait_event("warning")["text"]


def test_a_socket_named_admin_is_never_public(start):
    """Without admin_listen nobody serves it, and a warning says so."""
    with listener() as tcp, listener() as admin:
        one = inherited(start, [tcp, admin], {"NAMES": "http:admin"})
        assert one.addresses == [admin_word(tcp.getsockname())]
        assert "LISTEN_FDNAMES" in one.wait_event("warning")["text"]
        serves(tcp.getsockname())
        assert is_unserved(admin)


def test_an_admin_listener_that_is_not_handed_over(start, tmp_path):
    """It binds itself, beside inherited sockets, which stay the public's."""
    port = free_port()
    with listener() as tcp:
        one = inherited(start, [tcp], with_admin(tmp_path, ("127.0.0.1", port)))
        serves(tcp.getsockname())
        assert one.addresses == [admin_word(tcp.getsockname())] and is_admin(("127.0.0.1", port))


def test_an_admin_socket_beside_listen(start, tmp_path):
    """listen says where the public is served; the admin listener takes what is handed over all the same."""
    with listener() as admin:
        one = inherited(start, [admin], {**with_admin(tmp_path, admin.getsockname()), "ROOMKEY_LISTEN": "127.0.0.1:0"})
        serves(one.address)
        assert is_admin(admin.getsockname())


def refuses_the_only(tmp_path, code, text, **more):
    """The one socket that is handed over is admin_listen's: one line, and the end."""
    with listener() as admin:
        env = {**with_admin(tmp_path, admin.getsockname()), **more}
        service = inherited(lambda env, **given: Roomkey(env, listeners=0, **given), [admin], env)
        try:
            assert service.wait(10) == code
        finally:
            service.kill()
        assert any(line.startswith(f"roomkey: LISTEN_FDS: {text}") for line in service.lines), service.lines


def test_nothing_left_for_the_public(tmp_path):
    """The only socket is admin_listen's: one line, exit 1."""
    refuses_the_only(tmp_path, 1, "")


def test_only_a_socket_named_admin(tmp_path):
    """No port of the host's is opened instead: who hands sockets over has not asked for one."""
    refuses_the_only(tmp_path, 2, "expected a socket besides", NAMES="admin", PORT=str(free_port()))


def test_inherited_for_somebody_else(start):
    """hosting §5.2: LISTEN_PID must be ours; otherwise the next source of the order counts."""
    port = free_port()
    with listener() as tcp:
        one = inherited(start, [tcp], {"PID_OFFSET": "1", "PORT": str(port)})
        assert one.addresses == [f"0.0.0.0:{port}"]


def test_the_flag_goes_before_inherited(start):
    """hosting §0: explicit flag or configuration first."""
    with listener() as tcp:
        one = inherited(start, [tcp], {"ROOMKEY_LISTEN": "127.0.0.1:0"})
        assert one.port != tcp.getsockname()[1]
        serves(one.address)


@pytest.mark.parametrize("kind", ["datagram", "not listening", "no socket"])
def test_inherited_that_is_no_listener(kind):
    """hosting §5.2: SO_TYPE and SO_ACCEPTCONN are checked."""
    with contextlib.ExitStack() as stack:
        if kind == "datagram":
            one = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            one.bind(("127.0.0.1", 0))
        elif kind == "not listening":
            one = stack.enter_context(socket.socket())
            one.bind(("127.0.0.1", 0))
        else:
            one = stack.enter_context(open(os.devnull, "rb"))

        def begin(env, **more):
            return Roomkey(env, listeners=0, **more)

        service = inherited(begin, [one])
        try:
            assert service.wait() in (1, 2)
        finally:
            service.kill()
        assert any(line.startswith("roomkey: ") for line in service.lines), service.lines


# -- port order


@pytest.mark.parametrize("env, host", [
    ({"PORT": "{a}"}, "0.0.0.0"), ({"AWS_LWA_PORT": "{a}"}, "127.0.0.1"), ({"AWS_LWA_PORT": "{a}", "PORT": "{b}"}, "127.0.0.1"),
])
def test_port_order(start, env, host):
    """hosting §0: … FUNCTIONS_CUSTOMHANDLER_PORT, AWS_LWA_PORT, PORT, and where each binds."""
    first, second = free_port(), free_port()
    filled = {name: value.format(a=first, b=second) for name, value in env.items()}
    one = start({"ROOMKEY_LISTEN": None, **filled})
    assert one.addresses == [f"{host}:{first}"]
    serves(("127.0.0.1", first))


def test_port_order_functions_host(start):
    """hosting §0: the Functions host's port goes before the others."""
    port = free_port()
    one = start({"ROOMKEY_LISTEN": None, "FUNCTIONS_CUSTOMHANDLER_PORT": str(port), "AWS_LWA_PORT": "1", "PORT": "2"}, log_to="stdout")
    assert one.addresses == [f"127.0.0.1:{port}"]


def test_port_order_explicit(start):
    """hosting §0: explicit flag or configuration before all."""
    one = start({"PORT": "1", "AWS_LWA_PORT": "2"})
    assert one.addresses[0].startswith("127.0.0.1:") and one.port > 2
    serves(one.address)


def test_default_port():
    """hosting §0: 127.0.0.1:7071. It is taken here (by us, or by whoever has it), so the refusal tells."""
    with contextlib.ExitStack() as stack:
        sock = stack.enter_context(socket.socket())
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", 7071))
            sock.listen()
        assert "127.0.0.1:7071" in refused(env={"ROOMKEY_LISTEN": None}, code=1)


@pytest.mark.parametrize("name", ["PORT", "AWS_LWA_PORT", "FUNCTIONS_CUSTOMHANDLER_PORT"])
@pytest.mark.parametrize("value", ["x", "70000", "-1", "80x", " 80"])
def test_bad_ports(name, value):
    """Refused, and the line names the variable."""
    done = run("serve", env={"ROOMKEY_LISTEN": None, name: value}, defaults=True)
    assert done.returncode == 2 and name.encode() in done.stderr + done.stdout


# -- dev


def dev(start, env=None, words=("dev",)):
    bare = {"LIVEKIT_URL": None, "LIVEKIT_API_KEY": None, "LIVEKIT_API_SECRET": None, "ROOMKEY_ANONYMOUS": None, "ROOMKEY_LIMITS": None}
    return start({**bare, **(env or {})}, words=words)


def test_dev(start):
    """design §6: devkey/secret, any loopback origin, X-Roomkey-Dev: unsafe; a curl line, a TokenSource line, a join link."""
    one = dev(start)
    assert one.addresses[0].startswith("127.0.0.1:")
    answer = ask(one.address, post(headers={"Origin": "http://localhost:5173"}))
    assert answer.status == 200 and answer.get("x-roomkey-dev") == "unsafe"
    assert answer.get("access-control-allow-origin") == "http://localhost:5173"
    import jwt
    claims = jwt.decode(answer.json()["participant_token"], "secret", algorithms=["HS256"], issuer="devkey")
    assert claims["exp"] - claims["nbf"] == 900
    assert answer.json()["server_url"] == "ws://localhost:7880"
    wait_until(lambda: any("token=" in line for line in one.out))  # the last that it prints is the link
    told = "\n".join(one.out)
    assert "curl" in told and "TokenSource" in told and "/v1/token" in told and str(one.port) in told, told
    assert "livekit" in told.lower()


@pytest.mark.parametrize("contracts, path", [("standard", "/v1/token"), ("original", "/api/token")])
def test_dev_curl_line_survives_any_shell(start, contracts, path):
    """design §6: each printed line works when pasted; a shell that takes [::1] for a pattern, as zsh does, leaves the address alone."""
    one = dev(start, {"ROOMKEY_LISTEN": "[::1]:0", "ROOMKEY_CONTRACTS": contracts})
    wait_until(lambda: any(line.startswith("curl ") for line in one.out))
    line = next(line for line in one.out if line.startswith("curl "))
    done = subprocess.run(["bash", "-O", "failglob", "-c", "printf '%s\\n' " + line], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    words = done.stdout.splitlines()
    assert words[:3] == ["curl", "-sS", f"http://[::1]:{one.port}{path}"] and words[3:6] == ["-H", "Content-Type: application/json", "-d"], words
    assert ask(one.address, post(path, words[6].encode())).status == 200


@pytest.mark.parametrize("origin, allowed", [
    ("http://127.0.0.2:4200", True), ("http://app.localhost:4200", True), ("http://128.0.0.1", False), ("http://evil-localhost", False),
    ("http://localhost", True), ("http://localhost:1", True), ("http://127.0.0.1:8080", True), ("http://[::1]:3000", True), ("https://localhost:8443", True),
    ("http://localhost.evil.example", False), ("http://evil.example", False), ("null", False), ("http://127.0.0.1.evil.example", False),
    ("http://notlocalhost", False), ("http://192.168.0.1", False), ("http://localhost@evil.example", False), ("file://localhost", False),
])
def test_dev_origins(start, origin, allowed):
    """design §6: any loopback origin, and no other."""
    answer = ask(dev(start).address, post(headers={"Origin": origin}))
    assert answer.get("access-control-allow-origin") == (origin if allowed else None)


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "203.0.113.1:0"])
def test_dev_is_loopback_only(address):
    """design §6."""
    done = run("dev", env={"ROOMKEY_LISTEN": address})
    assert done.returncode == 2 and done.stderr


def test_dev_answers_head_lines_once(start):
    """X-Roomkey-Dev stands on refusals too, and nowhere outside dev."""
    one = dev(start)
    for data in (request("GET", "/nope"), post(body=b"x"), b"bad\r\n\r\n", request("GET", "/healthz")):
        assert ask(one.address, data).get("x-roomkey-dev") == "unsafe"


def test_dev_stops_by_ctrl_c(start):
    """SIGINT: exit 0."""
    dev(start).stop(signal.SIGINT)
