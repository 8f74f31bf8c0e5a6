"""Odd settings, and what happens: contradictions, secret files that are half there, descriptors that are none. issue 5, Bad input.

A full disk under the audit log is tests/e2e/test_audit.py's; single bad ports and descriptors are tests/e2e/test_listen.py's.
"""

import contextlib
import os
import signal
import socket
import sys

import pytest

from conf import LOCAL_FILES, Conf, base, everything, local, wait_until
from process import KEY, SECRET, Roomkey, free_port, refused
from shapes import standard, verified
from wire import ask, post

NO_KEYS = {"LIVEKIT_API_KEY": None, "LIVEKIT_API_SECRET": None}
OTHER = "another-secret-another-secret-another"


def warnings(one):
    return [event["text"] for event in one.events if event["event"] == "warning"]


def test_an_unresolved_reference_beside_a_file(start, tmp_path):
    """hosting §1.8: the reference is a missing secret, in any case of its letters, so the file is the only one; a real secret beside it is not."""
    (tmp_path / "secret").write_text(SECRET)
    os.chmod(tmp_path / "secret", 0o600)
    file = {"LIVEKIT_API_SECRET_FILE": str(tmp_path / "secret")}
    one = start({**file, "LIVEKIT_API_SECRET": "@microsoft.keyvault(VaultName=v;SecretName=s)"})
    verified(ask(one.address, post()).json()["participant_token"])
    assert any("LIVEKIT_API_SECRET holds a reference" in text for text in warnings(one))
    assert "LIVEKIT_API_SECRET_FILE" in refused(env={**file, "LIVEKIT_API_SECRET": SECRET})


def test_a_port_of_the_local_settings(start, tmp_path):
    """Host.LocalHttpPort and --listen: the flag, and a warning."""
    (tmp_path / "local.settings.json").write_text('{"Values":{},"Host":{"LocalHttpPort":7072}}')
    os.chmod(tmp_path / "local.settings.json", 0o600)
    words = ("serve", "--local-settings", str(tmp_path / "local.settings.json"), "--listen", "127.0.0.1:0")
    for env in ({}, {"ROOMKEY_LISTEN": None}):
        one = start(env, words=words)
        assert one.port != 7072 and any(text.startswith("Host.LocalHttpPort") for text in warnings(one)), one.lines


# -- two ports


@pytest.mark.parametrize("set_, wins, unused", [
    ({"FUNCTIONS_CUSTOMHANDLER_PORT": 0, "AWS_LWA_PORT": 1}, 0, ["AWS_LWA_PORT"]),
    ({"AWS_LWA_PORT": 0, "PORT": 1}, 0, ["PORT"]),
    ({"FUNCTIONS_CUSTOMHANDLER_PORT": 0, "AWS_LWA_PORT": 1, "PORT": 2}, 0, ["AWS_LWA_PORT", "PORT"]),
    ({"AWS_LWA_PORT": 0, "PORT": 0}, 0, []),
])
def test_two_ports(start, set_, wins, unused):
    """hosting §0: the order decides, and a warning names each port nobody listens on; the same port twice is no contradiction."""
    numbers = [free_port() for _ in range(3)]
    one = start({"ROOMKEY_LISTEN": None, **{name: str(numbers[at]) for name, at in set_.items()}}, log_to="stdout" if "FUNCTIONS_CUSTOMHANDLER_PORT" in set_ else "stderr")
    assert one.port == numbers[wins]
    assert [name for name in ("FUNCTIONS_CUSTOMHANDLER_PORT", "AWS_LWA_PORT", "PORT") if any(text.startswith(name + " ") for text in warnings(one))] == unused
    standard(ask(("127.0.0.1", numbers[wins]), post()))


def test_listen_and_a_platforms_port(start):
    """hosting §0: an explicit address goes before the platform's port, which is warned about unless the address has it."""
    one = start({"PORT": str(free_port())})
    assert any(text.startswith("PORT ") for text in warnings(one))
    port = free_port()
    two = start({"ROOMKEY_LISTEN": f"127.0.0.1:{port}", "PORT": str(port)})
    assert not warnings(two)


# -- descriptors


HAND_OVER = """
import os, sys
fd = int(sys.argv[1])
if fd >= 0:
    os.dup2(fd, 3, inheritable=True)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = sys.argv[2]
os.execv(sys.argv[3], sys.argv[3:])
"""


def handed_over(begin, sock, count="1", env=None, **more):
    fd = -1 if sock is None else sock.fileno()
    return begin({"ROOMKEY_LISTEN": None, **(env or {})}, launcher=[sys.executable, "-c", HAND_OVER, str(fd), count], pass_fds=[fd] if fd >= 0 else [], **more)


def test_listen_and_activation(start):
    """An explicit address goes before sockets that are handed over; a warning says that nobody serves those."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        one = handed_over(start, sock, env={"ROOMKEY_LISTEN": "127.0.0.1:0"})
        assert one.port != sock.getsockname()[1] and any("LISTEN_FDS" in text for text in warnings(one))
        standard(ask(one.address, post()))


@pytest.mark.parametrize("count, code, word", [("x", 2, "LISTEN_FDS"), ("-1", 2, "LISTEN_FDS"), ("17", 2, "LISTEN_FDS"), ("1", 1, "descriptor 3"), ("2", 1, "descriptor 3")])
def test_descriptors_that_are_none(count, code, word):
    """hosting §5.2: no number, too many, or not open: it does not start, and says which."""
    service = handed_over(lambda env, **more: Roomkey(env, listeners=0, **more), None, count)
    try:
        assert service.wait(15) == code
    finally:
        service.kill()
    said = [line for line in service.lines if line.startswith("roomkey: ")]
    assert len(said) == 1 and word in said[0], service.lines


def test_no_descriptors_at_all(start):
    """hosting §5.2: LISTEN_FDS=0 is none; the next source of the order counts."""
    port = free_port()
    one = handed_over(start, None, "0", {"PORT": str(port)})
    assert one.port == port


# -- secret files at a reload


def rewrite(path, text, mode=0o600):
    with open(path, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    os.chmod(path, mode)


def hup(one):
    """SIGHUP; the event that says how it went."""
    count = len([event for event in one.events if event["event"] in ("reloaded", "reload_failed")])
    one.send_signal(signal.SIGHUP)

    def outcome():
        return [event for event in one.events if event["event"] in ("reloaded", "reload_failed")][count:]

    wait_until(outcome, 15)
    return outcome()[0]


def signer(one):
    answer = ask(one.address, post())
    assert answer.status == 200, answer
    return answer.json()["participant_token"]


def test_secret_files_are_read_again_without_a_configuration_file(start, tmp_path):
    """issue 5 point 6: _FILE variables are reloaded too; what is broken is refused, and the old key goes on signing."""
    path = tmp_path / "secret"
    rewrite(path, OTHER)
    one = start({"LIVEKIT_API_SECRET": None, "LIVEKIT_API_SECRET_FILE": str(path)})
    verified(signer(one), secret=OTHER)
    for text, mode, word in (("", 0o600, "empty"), ("\n", 0o600, "empty"), (SECRET[:9], 0o600, "half written"), (b"a\0b" * 20, 0o600, "NUL"),
                             (SECRET, 0o666, "group or others"), ("x" * 70000, 0o600, "too long")):
        rewrite(path, text, mode)
        event = hup(one)
        assert event["event"] == "reload_failed" and word in event["text"], event
        verified(signer(one), secret=OTHER)
    path.unlink()
    assert "no such file" in hup(one)["text"]
    rewrite(path, SECRET)
    assert hup(one)["event"] == "reloaded"
    wait_until(lambda: works(one, SECRET))


def works(one, secret):
    with contextlib.suppress(Exception):
        verified(signer(one), secret=secret)
        return True
    return False


@pytest.mark.parametrize("text", [f"{KEY}: ", f"{KEY}: \"{SECRET}", f"{KEY}: {SECRET[:10]}", "", f"{KEY}", f"{KEY}: \"{SECRET}\"\nAPIother"])
def test_a_half_written_key_file(tmp_path, text):
    """Wherever it was cut: refused, and the old keys stay."""
    doc = base(callers=[local()], rules=[everything()], livekit={"url": "wss://media.example.org", "key_file": "keys"})
    conf = Conf(tmp_path, doc, {**LOCAL_FILES, "keys": f'{KEY}: "{SECRET}"\n'})
    one = conf.serve(NO_KEYS)
    try:
        conf.file("keys", text)
        assert hup(one)["event"] == "reload_failed"
        conf.file("keys", f'{KEY}: "{SECRET}"\n')
        assert hup(one)["event"] == "reloaded"
        one.stop()
    finally:
        one.kill()
