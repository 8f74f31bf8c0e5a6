"""roomkey.yaml through the real binary: serve --config, check, keys new --caller; refusals are one line with the exact place (semantics P1)."""

import hashlib
import json
import os
import re

import pytest

from process import DEFAULTS, KEY, SECRET, refused, run
from shapes import standard
from wire import ask, post, request

PLANTED = "planted-secret-0123456789abcdef0123"
# Nothing of the environment but what no file says here.
BARE = {name: None for name in DEFAULTS}


@pytest.fixture
def config(tmp_path):
    """Writes roomkey.yaml and the files beside it, all 0600; returns its path."""
    def write(text, **files):
        for name, content in {"roomkey.yaml": text, "keys.yaml": f'{KEY}: "{SECRET}"\n', **files}.items():
            path = tmp_path / name.replace("__", ".")
            path.write_text(content, encoding="utf-8")
            path.chmod(0o600)
        return str(tmp_path / "roomkey.yaml")
    return write


OPEN = """listen: 127.0.0.1:0
workers: 1
anonymous: allow
livekit: { url: wss://media.example.org, key_file: keys.yaml }
limits: { per_address: off }
"""


def test_serves(start, config):
    """Everything from the file, nothing from the environment: keys, URL, address, limits."""
    service = start(BARE, words=["serve", "--config", config(OPEN)])
    standard(ask(service.address, post()))


def test_variable(start, config):
    """ROOMKEY_CONFIG in place of --config."""
    service = start({**BARE, "ROOMKEY_CONFIG": config(OPEN)})
    standard(ask(service.address, post()))


def test_environment_goes_first(start, config):
    """design §7: flag, environment, file, default."""
    path = config(OPEN.replace("workers: 1", "workers: 1\nsuccess_status: 201"))
    standard(ask(start(BARE, words=["serve", "--config", path]).address, post()), status=201)
    standard(ask(start({**BARE, "ROOMKEY_SUCCESS_STATUS": "200"}, words=["serve", "--config", path]).address, post()))
    assert "anonymous" in refused("serve", "--config", path, "--anonymous", "refuse", env=BARE)


def test_cors(start, config):
    """cors.credentials and cors.max_age reach the answers."""
    path = config(OPEN + "cors: { origins: [https://app.example.org], credentials: true, max_age: 1h }\n")
    service = start(BARE, words=["serve", "--config", path])
    answer = ask(service.address, request("OPTIONS", "/v1/token", None, {
        "Origin": "https://app.example.org", "Access-Control-Request-Method": "POST"}))
    assert answer.status == 204
    assert answer.get("Access-Control-Allow-Credentials") == "true"
    assert answer.get("Access-Control-Max-Age") == "3600"
    assert answer.get("Access-Control-Allow-Origin") == "https://app.example.org"


REFUSED = [
    ("workers: 0\n", "1:10: workers: expected"),
    ("# comment\n\nwrokers: 1\n", "3:1: wrokers: there is no such key"),
    ("workers: 1\nworkers: 2\n", "2:1: workers: stands here twice"),
    ("limits:\n  body: 64kb\n", "2:9: body: expected bytes"),
    ("limits: { per_address: 1/d }\n", "1:24: per_address: expected a rate"),
    ("listen: [127.0.0.1:0, nowhere]\n", "1:23: listen: expected ADDRESS:PORT"),
    ("anonymous: &a allow\n", "1:12: anonymous: expected a value without an anchor"),
    ("anonymous: !!str allow\n", "1:12: anonymous: expected a value without a tag"),
    ("anonymous:\n", "1:11: anonymous: expected a value, not nothing"),
    ("anonymous: allow\n---\nworkers: 1\n", "2:1: expected one document"),
    ("anonymous: [allow\n", "2:1: not YAML"),
    ("log: { <<: { level: info } }\n", "1:8: expected no merge key"),
    ("cors: { origins: '*', credentials: true }\nanonymous: allow\n", "1:36: credentials: expected false"),
    ("callers:\n  - name: c\n    oidc: { issuer: https://i.example }\n", "1:1: rules: this key is missing"),
    ("anonymous: rules\n", "1:1: rules: this key is missing"),
    ("rules: [{ id: r, room: x }]\nanonymous: allow\n", "2:12: anonymous: expected refuse or rules"),
    ("workers: 1\n", "1:1: anonymous: nobody could be served"),
    ("anonymous: allow\nlivekit: { key_file: nope.yaml }\n", "2:22: key_file: there is no such file"),
    ("callers:\n  - name: c\n    api_keys_file: api__yaml\n".replace("__", ".") + "rules: [{ id: r, room: x }]\n", "api.yaml:2:16: sha256: expected 64"),
]


@pytest.mark.parametrize("text, want", REFUSED)
def test_refused(config, text, want):
    """One line, exit 2 of serve and 1 of check, the exact place, nothing quoted."""
    path = config(text, api__yaml=f"# keys\nme: {{ sha256:  {PLANTED} }}\n")
    line = refused("serve", "--config", path, env=BARE)
    where = os.path.dirname(path) + "/" if want.startswith("api") else path + ":"
    assert line.startswith(f"roomkey: {where}{want}"), line
    assert PLANTED not in line
    assert refused("check", "--config", path, env=BARE, code=1) == line


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_writable_secret(config, mode):
    """FIL-03, KEY-02: a secret others can write is nobody's secret."""
    path = config(OPEN)
    os.chmod(os.path.join(os.path.dirname(path), "keys.yaml"), mode)
    assert "key_file: group or others can write the file" in refused("serve", "--config", path, env=BARE)


def test_readable_secret(config):
    """KEY-02 under design §7: readable by others is a warning, with its place."""
    path = config(OPEN)
    os.chmod(os.path.join(os.path.dirname(path), "keys.yaml"), 0o644)
    done = run("check", "--config", path, env={})
    assert done.returncode == 0, done.stderr
    assert f"{path}:4:52: key_file: names a file that everybody" in done.stderr.decode()
    assert done.stdout == b"ok: 0 callers, 0 rules, 1 warning\n"


def test_check_json(config):
    """A script reads what check found."""
    path = config(OPEN)
    os.chmod(os.path.join(os.path.dirname(path), "keys.yaml"), 0o644)
    done = run("check", "--config", path, "--json", env={})
    answer = json.loads(done.stdout)
    assert done.returncode == 0 and answer["ok"] is True and answer["livekit_secret"] == "<set>"
    assert [(w["line"], w["column"], w["key"]) for w in answer["warnings"]] == [(4, 52, "key_file")]
    assert SECRET not in done.stdout.decode()
    done = run("check", "--config", config("workers: x\n"), "--json", env={})
    answer = json.loads(done.stdout)
    assert done.returncode == 1 and answer["ok"] is False
    assert (answer["error"]["line"], answer["error"]["column"], answer["error"]["key"]) == (1, 10, "workers")


def test_new_key_loads(config):
    """semantics D3: the printed line is that of the printed key, and check takes it."""
    done = run("keys", "new", "--caller", "tenant-1", env={})
    key, line = done.stdout.decode().splitlines()
    assert re.fullmatch(r"rk_[A-Za-z0-9_-]{43}", key)
    assert hashlib.sha256(key.encode()).hexdigest() in line
    path = config("callers: [{ name: backend, api_keys_file: api.yaml }]\nrules: [{ id: r, room: x }]\n"
                  "livekit: { url: wss://x.example, key_file: keys.yaml }\n", api__yaml=line + "\n")
    assert run("check", "--config", path, env={}).returncode == 0
    other = json.loads(run("keys", "new", "--caller", "tenant-1", "--json", env={}).stdout)
    assert hashlib.sha256(other["key"].encode()).hexdigest() == other["sha256"] and other["key"] != key


def test_entra_turns_allow_off(config):
    """design §7: ENTRA_ settings and callers of the file exclude each other."""
    entra = {**BARE, "ENTRA_CLIENT_ID": "c", "ENTRA_AUTHORITY": "https://login.microsoftonline.com/t"}
    path = config("callers:\n  - { name: c, oidc: { issuer: i } }\nrules: [{ id: r, room: x }]\n")
    assert f"{path}:2:3: callers: expected either" in refused("serve", "--config", path, env=entra)
    done = run("check", "--config", config(OPEN), env={name: value for name, value in entra.items() if value})
    assert done.returncode == 0 and b"turn anonymous: allow off" in done.stderr


def test_health_reads_the_file(start, config):
    """health asks where serve listens, by the same file."""
    service = start(BARE, words=["serve", "--config", config(OPEN)])
    host, port = service.address
    path = config(OPEN.replace("127.0.0.1:0", f"{host}:{port}"))
    assert run("health", "--config", path, env={}).returncode == 0
    assert run("health", env={"ROOMKEY_CONFIG": path}).returncode == 0
