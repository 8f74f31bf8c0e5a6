"""Configuration by environment and flags: design §7, semantics H20, FIL-03. Refused before listening, one line, no secret."""

import stat

import pytest

from process import DEFAULTS, KEY, SECRET, refused, run
from shapes import standard, verified
from wire import GOOD, ask, post, request

PLANTED = "planted-secret-0123456789abcdef0123"


# -- somebody must be let in


def test_anonymous_must_be_said():
    """design §7: `serve` with none of callers, anonymous: allow refuses to start and says which line would fix it."""
    line = refused(env={"ROOMKEY_ANONYMOUS": None})
    assert "ROOMKEY_ANONYMOUS=allow" in line or "--anonymous allow" in line


@pytest.mark.parametrize("value", ["refuse", "maybe", "Allow", "ALLOW", "allow ", " allow", "yes", "1", "rules", "allow,refuse"])
def test_anonymous_other_values(value):
    """`refuse` lets nobody in as long as there are no callers; the rest is no value."""
    assert "anonymous" in refused(env={"ROOMKEY_ANONYMOUS": value}).lower()


@pytest.mark.parametrize("words", [["--anonymous", "allow"], ["--anonymous=allow"]])
def test_anonymous_flag(start, words):
    """design §7: flag before environment."""
    for value in (None, "refuse"):
        standard(ask(start({"ROOMKEY_ANONYMOUS": value}, words=["serve", *words]).address, post()))


def test_anonymous_flag_refuse():
    """design §7: flag before environment, the other way round."""
    refused("serve", "--anonymous", "refuse")


# -- what is refused together


@pytest.mark.parametrize("env", [{"ROOMKEY_CONFIG": "/does/not/exist.yaml"}, {"ENTRA_TENANT_ID": "x"}, {"ENTRA_CLIENT_ID": "x"}, {"ENTRA_AUTHORITY": "x"},
                                 {"ENTRA_JWKS_URL": "x"}, {"ENTRA_AUTHORITY": "y", "ENTRA_CLIENT_ID": "x"}, {"ENTRA_CLIENT_ID_FILE": "x"}])
def test_refused_variables(env):
    """design §7: one of the two ENTRA_ settings alone is exit 2; so is what does not exist or is no URL."""
    assert next(iter(env)) in refused(env=env)


@pytest.mark.parametrize("words", [["--config", "x.yaml"], ["--config=x.yaml"]])
def test_no_such_file(words):
    """The file is named, and is not there."""
    assert "--config" in refused("serve", *words)


@pytest.mark.parametrize("words", [["--nope"], ["-x"], ["extra"], ["--listen"], ["--anonymous"], ["--listen="], ["--"], ["--listen", "--anonymous"], [""],
                                   ["--anonymous", "allow", "extra"], ["--workers", "2"], ["--" + "x" * 100000]])
def test_unknown_flags(words):
    """CLI-05 for serve: exit 2."""
    done = run("serve", *words, env=DEFAULTS)
    assert done.returncode == 2 and done.stdout == b"" and 0 < len(done.stderr) < 4096


# -- values


BAD_VALUES = {
    "ROOMKEY_LISTEN": ["127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:x", "127.0.0.1:-1", ":", "256.0.0.1:80", "::1:80", "[::1]", "[::1", "unix:",
                       "127.0.0.1:0,", ",127.0.0.1:0", "127.0.0.1:0,,127.0.0.1:0", "127.0.0.1:0 ", "127.0.0.1:+1", "unix:" + "x" * 108, "127.0.0.1:0x50"],
    "ROOMKEY_WORKERS": ["0", "-1", "x", "1.5", "65", "99999999999999999999", "2 ", "+2", "Auto", "0x2"],
    "ROOMKEY_CONTRACTS": ["nope", "original,", "original,nope", "Original", "original standard", "original,original", ","],
    "ROOMKEY_ENDPOINT_PATHS": ["x", "/x,", "/a b", "/x?y", "/x#y", "/é", "/x,y", "http://a/b", "/x\x7f"],
    "ROOMKEY_SUCCESS_STATUS": ["202", "0", "x", "200 ", "20", "2000", "204"],
    "ROOMKEY_TRUSTED_PROXIES": ["10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/x", "10.0.0/8", "x", "10.0.0.0/8,", "::1/129", "10.0.0.0/8;header=x",
                                "10.0.0.0/8;header", "10.0.0.0/8;x=forwarded", "fe80::1%lo/64", ";header=forwarded", "10.0.0.0/08x", "010.0.0.0/8"],
    "ROOMKEY_LOG_LEVEL": ["loud", "INFO", "info,debug", "3"],
    "LIVEKIT_URL": ["media.example.org", "ftp://media.example.org", "wss://", "wss://a b", "wss://x\ny"],
}


@pytest.mark.parametrize("name, value", [(name, value) for name, values in BAD_VALUES.items() for value in values])
def test_bad_values(name, value):
    """issue: refused before listening, one line that names the culprit."""
    assert name in refused(env={name: value})


LIMITS = ["x", "per_address", "per_address=", "per_address=0/m", "per_address=1", "per_address=1/d", "per_address=1/M", "per_address=-1/m",
          "per_address=+1/m", "per_address=1.5/m", "per_address=1/m burst", "per_address=1/m burst 0", "per_address=1/m burst -1", "per_address=1/m  burst 2",
          "per_address=1/m burst  2", "per_address=1/m Burst 2", "per_address=1/mburst 2", "per_address=99999999999999999999/m", "per_address=Off",
          "per_address=1 /m", "per_address= 1/m", " per_address=1/m", "per_address =1/m", "per_address=1/m ", "per_address=1/m,", ",per_address=1/m",
          "per_address=1/m,,body=1k", "per_address=1/m,per_address=1/m", "per_address=1/m, body=1k", "Per_address=1/m", "nope=1", "per_adress=1/m",
          "body=0", "body=64K", "body=64kb", "body=-1", "body=1.5k", "body=off", "body=", "body=99999999999999999999", "body=99999999999999m", "body=k",
          "body=0k", "body=0x10", "headers=0", "headers=off", "headers=1g", "head_time=5", "head_time=0s", "head_time=0ms", "head_time=5S", "head_time=5 s",
          "head_time=5sec", "head_time=off", "head_time=-5s", "head_time=1.5s", "head_time=99999999999999999999s", "head_time=1d", "idle_time=5us",
          "body_time=off", "write_time=0", "idle_time=off", "connections=0", "connections=-1", "connections=x", "connections=10k", "connections=99999999999999999999",
          "connections_per_address=0", "connections_per_address=1.5", "per_address=0x1/m", "per_address=1/m burst 99999999999999999999"]


@pytest.mark.parametrize("value", LIMITS)
def test_bad_limits(value):
    """semantics H20."""
    assert "ROOMKEY_LIMITS" in refused(env={"ROOMKEY_LIMITS": value})


def test_the_line_names_the_key_of_the_limit():
    """One line that says where and what was expected."""
    line = refused(env={"ROOMKEY_LIMITS": "body=1k,per_address=nope"})
    assert line.startswith("roomkey: ROOMKEY_LIMITS: per_address: ")


@pytest.mark.parametrize("value", [
    "per_address=1/s", "per_address=1/m burst 5", "per_address=100000/h burst 1", "failures_per_address=60/m,per_caller=120/m burst 30,per_room=off",
    "connections=off,connections_per_address=off", "body=1024", "body=64k", "body=1m", "headers=32k", "head_time=300ms,body_time=10s,idle_time=1m,write_time=10s",
    "connections=12000,connections_per_address=512", "per_caller=off,per_room=10/m burst 5",
])
def test_good_limits(start, value):
    """semantics H20, the yes beside the no."""
    standard(ask(start({"ROOMKEY_LIMITS": value}).address, post()))


@pytest.mark.parametrize("env", [
    {"ROOMKEY_WORKERS": "auto"}, {"ROOMKEY_WORKERS": "1"}, {"ROOMKEY_WORKERS": "8"}, {"ROOMKEY_CONTRACTS": "standard"},
    {"ROOMKEY_TRUSTED_PROXIES": "10.0.0.0/8"}, {"ROOMKEY_TRUSTED_PROXIES": "10.0.0.0/8,::1/128;header=forwarded"},
    {"ROOMKEY_TRUSTED_PROXIES": "10.0.0.0/8;header=x-forwarded-for"}, {"ROOMKEY_ENDPOINT_PATHS": "/a,/b/c-d_e~f"}, {"ROOMKEY_LOG_LEVEL": "debug"},
    {"ROOMKEY_SUCCESS_STATUS": "200"}, {"ROOMKEY_WORKERS": None}, {"ROOMKEY_CONTRACTS": "standard,original"},
])
def test_good_values(start, env):
    """The yes beside the no."""
    standard(ask(start(env).address, post()))


# -- keys and secrets


def token_of(one):
    return ask(one.address, post("/api/token", GOOD)).json()["token"]


@pytest.mark.parametrize("content, secret", [
    (SECRET, SECRET), (SECRET + "\n", SECRET), (SECRET + "\r\n", SECRET), ("ü" * 20 + "\n", "ü" * 20),
])
def test_secret_files(start, tmp_path, content, secret):
    """FIL-03: one newline at the end is not part of the secret."""
    path = tmp_path / "secret"
    path.write_text(content, encoding="utf-8", newline="")
    path.chmod(0o600)
    one = start({"LIVEKIT_API_SECRET": None, "LIVEKIT_API_SECRET_FILE": str(path)})
    verified(token_of(one), secret=secret)
    assert not [event for event in one.events if event.get("level") == "warn"], one.lines


@pytest.mark.parametrize("variable, text, secret", [
    ("LIVEKIT_API_SECRET_FILE", SECRET + " \n", SECRET + " "), ("LIVEKIT_API_SECRET_FILE", SECRET + "\n\n", SECRET + "\n"),
    ("LIVEKIT_API_SECRET_FILE", "\t" + SECRET, "\t" + SECRET), ("LIVEKIT_KEYS_FILE", f"{KEY}: '{SECRET} '\n", SECRET + " "),
])
def test_secrets_with_blanks_at_the_ends(start, tmp_path, variable, text, secret):
    """FIL-03: only one newline is taken off; what stays signs, and is warned about at the start."""
    path = tmp_path / "secret"
    path.write_text(text)
    path.chmod(0o600)
    one = start({"LIVEKIT_API_KEY": None if variable == "LIVEKIT_KEYS_FILE" else KEY, "LIVEKIT_API_SECRET": None, variable: str(path)})
    verified(token_of(one), secret=secret)
    assert ["begins or ends with a blank or a newline" in event["text"] for event in one.events if event.get("level") == "warn"] == [True], one.lines


def test_key_file(start, tmp_path):
    """design §7: each secret also as …_FILE."""
    path = tmp_path / "keys"
    path.write_text(f"{KEY}: {SECRET}\n")
    path.chmod(0o600)
    verified(token_of(start({"LIVEKIT_API_KEY": None, "LIVEKIT_API_SECRET": None, "LIVEKIT_KEYS_FILE": str(path)})))


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n", PLANTED.encode() + b"\0", b"\0", PLANTED.encode() + b"\0x\n"])
def test_bad_secret_files(tmp_path, content):
    """FIL-03: NUL or empty refused; nothing of it is shown."""
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(0o600)
    line = refused(env={"LIVEKIT_API_SECRET": None, "LIVEKIT_API_SECRET_FILE": str(path)})
    assert "LIVEKIT_API_SECRET_FILE" in line or str(path) in line
    assert PLANTED not in line


def test_missing_secret_file(tmp_path):
    """A file that is named and not there, or is a directory, is no reason to go on without."""
    for path in (tmp_path / "nope", tmp_path):
        line = refused(env={"LIVEKIT_API_SECRET": None, "LIVEKIT_API_SECRET_FILE": str(path)})
        assert "LIVEKIT_API_SECRET_FILE" in line or str(path) in line


@pytest.mark.parametrize("mode, outcome", [(0o600, "good"), (0o400, "good"), (0o640, "good"), (0o644, "warned"), (0o620, "refused"), (0o602, "refused"),
                                           (0o666, "refused"), (0o660, "refused")])
def test_secret_file_modes(start, tmp_path, mode, outcome):
    """design §7: a secret file others can read is a warning, one that group or others can write is refused."""
    path = tmp_path / "secret"
    path.write_text(SECRET)
    path.chmod(mode)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    env = {"LIVEKIT_API_SECRET": None, "LIVEKIT_API_SECRET_FILE": str(path)}
    if outcome == "refused":
        refused(env=env)
        return
    one = start(env)
    verified(token_of(one))
    assert bool([event for event in one.events if event.get("level") == "warn"]) == (outcome == "warned"), one.lines


@pytest.mark.parametrize("value", [f"{KEY}: {SECRET}", f"{KEY}: {SECRET}\n"])
def test_livekit_keys(start, value):
    """design §7 LIVEKIT_KEYS: LiveKit's own map `key: secret`."""
    verified(token_of(start({"LIVEKIT_API_KEY": None, "LIVEKIT_API_SECRET": None, "LIVEKIT_KEYS": value})))


@pytest.mark.parametrize("value", [PLANTED, f"{PLANTED}:", f": {PLANTED}", f"APIa: {PLANTED}\nAPIa: {PLANTED}"])
def test_bad_livekit_keys(value):
    """One line that names the culprit and never shows a secret."""
    line = refused(env={"LIVEKIT_API_KEY": None, "LIVEKIT_API_SECRET": None, "LIVEKIT_KEYS": value})
    assert "LIVEKIT_KEYS" in line and PLANTED not in line


def test_keys_and_key_are_not_together():
    """design §7: not together with LIVEKIT_API_KEY."""
    assert "LIVEKIT_KEYS" in refused(env={"LIVEKIT_KEYS": f"APIa: {PLANTED}"})


@pytest.mark.parametrize("env", [{"LIVEKIT_URL": "nope"}, {"ROOMKEY_LIMITS": "nope"}, {"ROOMKEY_ANONYMOUS": None}, {"ENTRA_CLIENT_ID": "x"},
                                 {"ROOMKEY_LISTEN": "nope"}, {"LIVEKIT_API_SECRET_FILE": "/nonexistent"}, {"ROOMKEY_CORS_ORIGINS": "null"}])
def test_refusals_never_show_a_secret(env):
    """issue, Bad input."""
    done = run("serve", env={"LIVEKIT_API_SECRET": PLANTED, **env}, defaults=True)
    assert done.returncode == 2
    assert PLANTED.encode() not in done.stdout + done.stderr


def test_short_secrets_are_warned_about(start):
    """design §7: a secret under 32 bytes is warned about, and still used (LiveKit's `devkey`/`secret`)."""
    one = start({"LIVEKIT_API_SECRET": "short-planted-77"})
    assert [event for event in one.events if event.get("level") == "warn"]
    verified(token_of(one), secret="short-planted-77")
    assert "short-planted-77" not in one.all_output()
    one = start({"LIVEKIT_API_SECRET": "x" * 32})
    assert not [event for event in one.events if event.get("level") == "warn"], one.lines


def test_key_vault_reference_is_missing(start):
    """hosting §0: a secret that starts with `@Microsoft.KeyVault(` is missing, and it says so."""
    one = start({"LIVEKIT_API_SECRET": "@Microsoft.KeyVault(SecretUri=https://v.example/planted-reference)"})
    assert [event for event in one.events if event.get("level") in ("warn", "error")], one.lines
    assert "planted-reference" not in one.all_output()
    assert ask(one.address, request("GET", "/readyz")).status == 503
