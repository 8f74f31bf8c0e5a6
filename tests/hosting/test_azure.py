"""Azure Functions: what ./dev package azure wrote, under an emulated host that plays AZ0-AZ9 of the Functions host's source.

Not the real host: tests/real-host has what to do where that is at hand.
"""

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import time
import zipfile

import pytest

from azure import SETTINGS, Host, edit, package, unpack
from conf import Conf, api_key, base, everything
from idp import Key, Provider, rsa_private
from process import ROOT, free_port, refused
from shapes import stage_002, verified
from test_contract import CASES, body_of, match, service_env
from test_entra import CASES as ENTRA_CASES
from test_entra import ENV as ENTRA
from test_entra import authorization
from wire import GOOD, Wire, ask, chunked, post, request

# The envelope twice: chunked as in Azure, with a length as under func start.
MODES = [("forward", {}), ("proxy", {}), ("envelope", {"chunks": True}), ("envelope", {"chunks": False})]
IDS = ["forward", "proxy", "envelope-chunked", "envelope-sized"]
JSON = {"Content-Type": "application/json"}
EVERY = {"bindings": [{"type": "httpTrigger", "direction": "in", "name": "req", "authLevel": "anonymous", "route": "{*path}"},
                      {"type": "http", "direction": "out", "name": "res"}]}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return package(tmp_path_factory.mktemp("dist"))


@pytest.fixture
def host(archive, tmp_path):
    """host(mode, settings, …) -> Host."""
    made = []

    def begin(mode="forward", settings=None, functions=None, handler=None, prefix="api", **options):
        app = unpack(archive, tmp_path / f"app{len(made)}")
        edit(app, mode, functions, prefix, **(handler or {}))
        made.append(Host(app, settings, **options))
        return made[-1]

    yield begin
    for one in made:
        one.close()


def clean(one):
    """AZ7: a clean run has no line of a level above Information, and none the host takes for its own."""
    assert [line for line in one.all("line") if line["level"] != "Information"] == []
    assert [line for line in one.all("line") if not line["text"].startswith("{")] == []
    assert one.all("failed") == []


# -- the zip

def test_the_zip(archive, tmp_path):
    """Names, modes, and the same bytes for the same inputs."""
    with zipfile.ZipFile(archive) as file:
        modes = {info.filename: info.external_attr >> 16 for info in file.infolist()}
        names = [info.filename for info in file.infolist()]
        host = json.loads(file.read("host.json"))
    assert names == sorted(names)
    assert set(names) >= {"roomkey", "host.json", "generateToken/function.json", "local.settings.json.example", ".funcignore"}
    assert "local.settings.json" not in names
    assert {name: oct(mode) for name, mode in modes.items()} == {name: oct(stat.S_IFREG | (0o755 if name == "roomkey" else 0o644)) for name in names}
    assert host["customHandler"]["description"]["defaultExecutablePath"] == "roomkey"  # `func` compares the two texts
    again = package(tmp_path)
    assert hashlib.sha256(open(archive, "rb").read()).digest() == hashlib.sha256(open(again, "rb").read()).digest()


def test_which_binary(tmp_path):
    """The portable one; else it is made; else, loudly, the one of build/release."""
    tree = tmp_path / "tree"
    script = shutil.copytree(os.path.join(ROOT, "packaging", "azure"), tree / "packaging" / "azure") and tree / "scripts" / "package" / "azure"
    script.parent.mkdir(parents=True)
    shutil.copy(os.path.join(ROOT, "scripts", "package", "azure"), script)
    for name in ("portable_zip.py", "sums"):
        shutil.copy(os.path.join(ROOT, "scripts", name), tree / "scripts")
    shutil.copy(os.path.join(ROOT, "LICENSE"), tree)
    for name in ("local.settings.json", "local.settings.json~", ".local.settings.json.swp", "local.settings.json.bak"):
        (tree / "packaging" / "azure" / name).write_text("a secret")

    def packed():
        done = subprocess.run([sys.executable, str(script), str(tmp_path / "dist")], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return None, done.stderr
        with zipfile.ZipFile(tmp_path / "dist" / "roomkey-azure.zip") as file:
            assert [name for name in file.namelist() if "local.settings" in name] == ["local.settings.json.example"]
            return file.read("roomkey"), done.stderr

    assert packed()[0] is None
    (tree / "build" / "release").mkdir(parents=True)
    (tree / "build" / "release" / "roomkey").write_bytes(b"of this machine")
    data, said = packed()
    assert data == b"of this machine" and "WARNING" in said
    maker = script.parent / "binary"
    maker.write_text('#!/bin/sh\nmkdir -p "$1/bin" && printf portable > "$1/bin/roomkey"\n')
    maker.chmod(0o755)
    assert packed() == (b"portable", "")
    maker.write_text("#!/bin/sh\nexit 1\n")
    assert packed() == (b"portable", "")


# -- AZ2, AZ3: the contract through every mode

def judge(answer, case):
    """What is wrong with the answer by contract.json; None: nothing. Vary is the host's to say where its CORS stands in front."""
    want, now = case["expected"], time.time()
    try:
        assert answer.status == want["status"], answer
        for name, value in want.get("headers", {}).items():
            assert name.lower() == "vary" or answer.get(name) == value, answer
        if want["body"] is not None:
            assert match(answer.json(), want["body"], now), answer.json()
        if want["status"] == 200:
            _, claims = verified(answer.json()["token"])
            for name, value in want["tokenClaims"].items():
                if name == "video":
                    assert {key: claims["video"].get(key) for key in value} == value, claims
                else:
                    assert match(claims[name], value, now), (name, claims)
    except AssertionError as error:
        return f"{case['id']}: {error}"
    return None


def through(one, cases, headers_of):
    """Every case on a client's kept connection; what went wrong."""
    wrong, wire = [], None
    for case in cases:
        req = case["request"]
        wire = wire or Wire(one.address, timeout=20)
        wire.send(request(req["method"], req["path"], body_of(req), headers_of(case)))
        try:
            answer = wire.answer()
        except AssertionError as error:
            return wrong + [f"{case['id']}: {error}"]
        wrong.append(judge(answer, case))
        if answer.closes:
            wire.close()
            wire = None
    if wire:
        wire.close()
    return [line for line in wrong if line]


def functions_see(case):
    """The host routes: other paths and methods never reach roomkey (AZ4)."""
    return case["request"]["method"] == "POST" and case["request"]["path"].startswith("/api/token")


# The host reads a body as text before it wraps it: what is not UTF-8 has become U+FFFD on the way.
MENDED = ("json-invalid-utf8-name", "json-overlong-utf8")


@pytest.mark.parametrize("mode, options", MODES, ids=IDS)
def test_stage_002(host, mode, options):
    """AZ2, AZ3, AZ3p, AZ3e: contract.json through the host; ready at once; not a line of warning."""
    usual = [case for case in CASES if functions_see(case) and service_env(case) == service_env(CASES[0])
             and not (mode == "envelope" and case["id"] in MENDED)]
    assert len(usual) > 100
    one = host(mode, {name: value for name, value in service_env(usual[0]).items() if name.startswith("LIVEKIT")}, cors="http://localhost:4200", **options)
    assert one.wait("host")["mode"] == mode
    assert one.wait("ready")["ms"] < 5000  # AZ2 wants 1 s of an idle machine; the tests' own may be busy
    assert through(one, usual, lambda case: case["request"]["headers"]) == [], one.all("failed")
    one.wait("invoked", len(usual))
    invoked = one.all("invoked")
    assert len(invoked) == len(usual)
    for event in invoked[:5] + invoked[-5:]:
        assert one.access(event["id"])["path"] == "/api/token"
    assert one.end() == 0
    clean(one)


@pytest.mark.parametrize("mode, options", MODES, ids=IDS)
def test_stage_004(host, mode, options):
    """design §7: ENTRA_* turns `--anonymous allow` of host.json off; every stage-004 case through the host."""
    with Provider({"RS256": Key(rsa_private(), "test-kid", "RS256")}, audience=ENTRA["ENTRA_CLIENT_ID"], issuer=ENTRA["ENTRA_AUTHORITY"] + "/v2.0") as idp:
        one = host(mode, {**ENTRA, "ENTRA_JWKS_URL": idp.jwks_uri}, **options)
        assert through(one, ENTRA_CASES, lambda case: {**case["request"]["headers"], **authorization(case, idp.main)}) == []
        assert one.end() == 0
        assert one.all("failed") == []
        assert [line for line in one.log("warning") if "anonymous" in line["text"]]


def test_missing_credentials(host):
    """AZ9: a reference the platform did not resolve is a missing secret, and is said; GET / is answered all the same."""
    one = host(settings={"LIVEKIT_API_SECRET": "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s/)", "LIVEKIT_URL": "@Microsoft.KeyVault(VaultName=v;SecretName=u)"})
    stage_002(ask(one.address, post("/api/token", GOOD)), 500, "MISSING_CREDENTIALS")
    one.command("ping")
    assert one.wait("ping")["status"] == 200
    assert one.end() == 0
    said = [line["text"] for line in one.log("warning")]
    assert any("LIVEKIT_API_SECRET" in text and "reference" in text for text in said), said
    assert any("LIVEKIT_URL" in text and "reference" in text for text in said), said
    clean(one)


@pytest.mark.parametrize("name", ["ENTRA_CLIENT_ID", "ENTRA_AUTHORITY", "ROOMKEY_LIMITS"])
def test_an_unresolved_setting_is_no_open_door(name):
    """A login provider that is missing would let everybody in under --anonymous allow: one line and exit 2 (AZ8)."""
    line = refused("serve", "--anonymous", "allow", env={"ENTRA_CLIENT_ID": "c", "ENTRA_AUTHORITY": "https://login.example/t", name: "@Microsoft.AppConfiguration(Endpoint=x)"})
    assert name in line and "reference" in line, line


# -- AZ3: what a client sends

def test_forward(host):
    """AZ3: the client's own address counts, its port cut off; Expect is answered; a repeated key and CORS change nothing."""
    one = host()
    with Wire(one.address, timeout=20) as wire:
        wire.send(post("/api/token?a=1&a=2", GOOD, {"X-Forwarded-For": "198.51.100.1, [2001:db8::5]:51234", "Expect": "100-continue", "Origin": "http://localhost:4200"}))
        wire.continued()
        answer = wire.answer()
    assert answer.status == 200
    assert [name for name, _ in answer.headers if name.lower().startswith("access-control")] == []  # the platform's to say
    assert one.access(one.wait("invoked")["id"])["client"] == "2001:db8::5"
    assert ask(one.address, post("/api/token", GOOD, {"X-Forwarded-For": "203.0.113.9:51234"})).status == 200
    assert one.access(one.wait("invoked", 2)["id"])["client"] == "203.0.113.9"
    # a chunked client gets the host's own 500, and roomkey sees nothing
    assert one.ask("POST", "/api/token", iter([GOOD]), {**JSON, "Transfer-Encoding": "chunked"}, encode_chunked=True)[0] == 500
    assert one.wait("failed")["why"].startswith("Failed")
    assert one.end() == 0
    assert len(one.log("request")) == 2


def test_proxy(host):
    """AZ3p: all clients look like the host; chunked bodies pass."""
    one = host("proxy")
    assert ask(one.address, post("/api/token", GOOD, {"X-Forwarded-For": "203.0.113.9"})).status == 200
    assert one.access(one.wait("invoked")["id"])["client"] == "127.0.0.1"
    assert ask(one.address, post("/api/token", chunked(GOOD[:7], GOOD[7:]), {"Transfer-Encoding": "chunked"})).status == 200
    assert one.end() == 0
    clean(one)


def test_limits_by_client(host):
    """Trusted loopback is not limited itself; the client it names is, in both modes that name one."""
    for mode in ("forward", "envelope"):
        one = host(mode, {"ROOMKEY_LIMITS": "per_address=2/h"})
        statuses = [ask(one.address, post("/api/token", GOOD, {"X-Forwarded-For": f"203.0.113.{n % 2}:1"})).status for n in range(6)]
        assert statuses == [200, 200, 200, 200, 429, 429]
        assert one.end() == 0
        clean(one)


# -- AZ3e: the envelope

def test_envelope_answers(host):
    """AZ3e: refusals too come in a 200; fields of the answer reach the client; what is base64 is 415."""
    one = host("envelope", {"ROOMKEY_CORS_ORIGINS": "http://localhost:4200"}, functions={"generateToken": EVERY})
    answer = ask(one.address, post("/api/token", b"{}", {"Origin": "http://localhost:4200"}))
    assert answer.status == 400 and len(answer.json()["validationErrors"]) == 2
    assert answer.get("access-control-allow-origin") == "http://localhost:4200"
    preflight = one.ask("OPTIONS", "/api/token", None, {"Origin": "http://localhost:4200", "Access-Control-Request-Method": "POST"})
    assert preflight[0] == 204 and preflight[1]["Access-Control-Allow-Methods"] == "POST" and preflight[2] == b""
    assert one.ask("GET", "/api/token")[0] == 405 and one.ask("GET", "/api/token")[1]["Allow"] == "POST, OPTIONS"
    assert one.ask("POST", "/api/generateToken", GOOD, JSON)[0] == 404  # another path in it is that path; no envelope in an envelope
    for kind in ("application/octet-stream", "multipart/form-data; boundary=x", "text/x, multipart/y"):
        stage_002(ask(one.address, post("/api/token", GOOD, {"Content-Type": kind})), 415, "MEDIA_TYPE")
    assert ask(one.address, post("/api/token", b"", {"Content-Type": "application/octet-stream"})).status == 400
    # a chunked client's body is not in the envelope
    assert ask(one.address, post("/api/token", chunked(GOOD), {"Transfer-Encoding": "chunked"})).status == 400
    long = b'{"roomName":"r","participantIdentity":"i","x":"' + b'\\"' * 40000 + b'"}'
    stage_002(ask(one.address, post("/api/token", long)), 413, "VALIDATION_ERROR")
    fits = b'{"roomName":"r","participantIdentity":"i","x":"' + b'\\"' * 30000 + b'"}'
    assert ask(one.address, post("/api/token", fits)).status == 200  # twice as long in JSON, and still taken
    assert one.end() == 0
    clean(one)


def test_an_envelope_waits_for_keys(host):
    """A call in an envelope waits for a key set like any other, and its arena with it."""
    with Provider({"RS256": Key(rsa_private(), "test-kid", "RS256")}, audience=ENTRA["ENTRA_CLIENT_ID"], issuer=ENTRA["ENTRA_AUTHORITY"] + "/v2.0") as idp:
        one = host("envelope", {**ENTRA, "ENTRA_JWKS_URL": idp.jwks_uri})
        good = next(case for case in ENTRA_CASES if case["expected"]["status"] == 200)
        for n in range(4):  # an unknown kid each time: the set is asked for again
            headers = authorization({**good, "request": {**good["request"], "authorization": {**good["request"]["authorization"], "header": {"alg": "RS256", "kid": f"other-{n}"}}}}, idp.main)
            assert ask(one.address, post("/api/token", GOOD, headers), timeout=20).status == 401
            assert through(one, [good], lambda case: {**case["request"]["headers"], **authorization(case, idp.main)}) == []
        assert one.end() == 0
        assert one.all("failed") == []


@pytest.mark.parametrize("mode", ["forward", "proxy"])
def test_a_clients_own_envelope(host, mode):
    """With a catch-all route at the root a client reaches /generateToken; what he wraps is not unwrapped."""
    one = host(mode, functions={"all": EVERY}, prefix="")
    inner = {"Data": {"req": {"Url": "http://h/api/token", "Method": "POST", "Headers": {"Host": ["h"], "X-Forwarded-For": ["203.0.113.1"]}, "Body": GOOD.decode()}}}
    platform = {"X-Forwarded-For": "203.0.113.9:1"} if mode == "forward" else {}  # of the front end; the proxying host sets its own
    assert one.ask("POST", "/generateToken", json.dumps(inner), {**JSON, **platform})[0] == 404
    assert one.ask("POST", "/v1/token", b"{}", {**JSON, **platform})[0] == 200
    assert one.end() == 0


def test_rules_and_audit_in_an_envelope(host, tmp_path):
    """No side door: an API key's caller, his rule, and the audit line without which no token leaves."""
    text, digest = api_key()
    path = tmp_path / "conf"
    path.mkdir()
    conf = Conf(path, base(callers=[{"name": "app", "api_keys_file": "keys.yaml", "identity": "app:{sub}"}], rules=[everything(room="team-*", default_room="team-a")],
                           audit={"file": str(path / "audit.jsonl"), "required": True}), {"keys.yaml": {"k": {"sha256": digest}}})
    one = host("envelope", {"ROOMKEY_CONFIG": conf.path, "LIVEKIT_URL": None, "ROOMKEY_LIMITS": None}, handler={"arguments": ["serve"]})
    statuses = [ask(one.address, post("/api/token", body, headers)).status for body, headers in (
        (b'{"roomName":"team-b","participantIdentity":"app:k"}', {"X-API-Key": text}), (b'{"roomName":"other","participantIdentity":"app:k"}', {"X-API-Key": text}),
        (b'{"roomName":"team-b","participantIdentity":"app:k"}', {}), (b'{"roomName":"team-b","participantIdentity":"app:k"}', {"X-API-Key": text[:-1] + "x"}))]
    assert statuses == [200, 403, 401, 401]
    assert one.end() == 0
    lines = [json.loads(line) for line in (path / "audit.jsonl").read_text().splitlines()]
    assert [line["outcome"] for line in lines] == ["ok", "no_rule"], lines
    assert {line["rule"] for line in one.log("request") if line["status"] == 200} == {"all"}


# -- AZ4, AZ5, AZ6: what the host does itself

def test_routes_levels_and_cors_are_the_hosts(host):
    """AZ4, AZ5: nothing of it reaches roomkey, and the host's CORS does not meet another's."""
    one = host(cors="http://localhost:4200")
    for method, path in (("GET", "/api/token"), ("POST", "/api/nope"), ("POST", "/token"), ("DELETE", "/api/token")):
        assert one.ask(method, path)[0] == 404
    assert b"up and running" in one.ask("GET", "/")[2]
    status, fields, _ = one.ask("OPTIONS", "/api/token", None, {"Origin": "http://localhost:4200", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"})
    assert status == 204 and fields["Access-Control-Allow-Headers"] == "content-type"
    assert one.all("invoked") == []
    status, fields, _ = one.ask("POST", "/api/token", GOOD, {**JSON, "Origin": "http://localhost:4200"})
    assert status == 200 and fields.get_all("Access-Control-Allow-Origin") == ["http://localhost:4200"]
    assert one.end() == 0
    assert len(one.log("request")) == 1
    clean(one)


def test_a_key_of_the_host(host):
    """AZ4: authLevel function. The key in the query is not in the log."""
    with_key = {"bindings": [{"type": "httpTrigger", "direction": "in", "name": "req", "authLevel": "function", "methods": ["post"], "route": "token"}, {"type": "http", "direction": "out", "name": "res"}]}
    one = host(functions={"generateToken": with_key}, key="sesame-of-the-host")
    assert one.ask("POST", "/api/token", GOOD, JSON)[0] == 401
    assert one.ask("POST", "/api/token", GOOD, {**JSON, "x-functions-key": "sesame-of-the-host"})[0] == 200
    assert one.ask("POST", "/api/token?code=sesame-of-the-host", GOOD, JSON)[0] == 200
    assert one.end() == 0
    assert len(one.log("request")) == 2
    assert "sesame" not in json.dumps(one.all("line"))


def test_more_functions(host):
    """Another folder is another path of roomkey: the standard contract at its own route, the health page for all else."""
    standard = {"bindings": [{"type": "httpTrigger", "direction": "in", "name": "req", "authLevel": "anonymous", "methods": ["post"], "route": "livekit"}, {"type": "http", "direction": "out", "name": "res"}]}
    one = host(settings={"ROOMKEY_ENDPOINT_PATHS": "/api/livekit"}, functions={"livekit": standard})
    status, _, body = one.ask("POST", "/api/livekit", b"{}", JSON)
    assert status == 200 and json.loads(body)["participant_token"]
    assert one.end() == 0
    clean(one)


def test_pings(host):
    """AZ6: GET / on a connection of its own between invocations: answered, and no line of the access log at info."""
    one = host()
    for n in range(1, 4):
        one.command("ping")
        assert one.wait("ping", n)["status"] == 200
        assert ask(one.address, post("/api/token", GOOD)).status == 200
    assert one.end() == 0
    assert [line["path"] for line in one.log("request")] == ["/api/token"] * 3
    clean(one)


# -- AZ8: death

def test_killed_and_started_again(host):
    """AZ8: SIGKILL in the middle of a request, the next one binds the same port at once."""
    one = host()
    for n in range(2, 5):
        half = Wire(("127.0.0.1", one.handler_port()))
        half.send(post("/api/token", GOOD)[:-5])
        one.command("kill")
        one.wait("ready", n)
        assert ask(one.address, post("/api/token", GOOD)).status == 200
        half.close()
    assert {event["port"] for event in one.all("spawned")} == {one.handler_port()}
    assert [event["code"] for event in one.all("exited")] == [-9] * 3
    assert one.end() == 0
    clean(one)


def test_given_up(host):
    """AZ8: a configuration that cannot be: an error each time, one line on stderr, and the host gives up after three."""
    one = host(settings={"ROOMKEY_WORKERS": "many"}, ready=False)
    one.wait("gave_up")
    assert [event["code"] for event in one.all("exited")] == [2, 2, 2]
    lines = [line for line in one.all("line") if line["stream"] == "stderr"]
    assert len(lines) == 3 and all("ROOMKEY_WORKERS" in line["text"] and line["level"] == "Error" for line in lines), lines
    assert [line for line in one.all("line") if line["stream"] == "stdout"] == []


def test_a_port_that_is_taken(host, start):
    """AZ8: not 0, and errno's text, for newer hosts look for it."""
    taken = start()
    line = refused("serve", env={"ROOMKEY_LISTEN": None, "FUNCTIONS_CUSTOMHANDLER_PORT": str(taken.port)}, code=1)
    assert "address already in use" in line.lower(), line


def test_own_cors_is_said(start):
    """hosting §1.11: never both; who switches roomkey's on is told."""
    one = start({"ROOMKEY_LISTEN": None, "FUNCTIONS_CUSTOMHANDLER_PORT": str(free_port()), "ROOMKEY_CORS_ORIGINS": "http://localhost:4200"}, log_to="stdout")
    assert [event for event in one.events if event["event"] == "warning" and "CORS" in event["text"]], one.events


# -- local.settings.json without a host

def test_quick_start(start, tmp_path):
    """issue 2: the original's quick start with the file it has: its port, its origin, its key; the environment wins."""
    port = free_port()
    path = tmp_path / "local.settings.json"
    values = {"FUNCTIONS_WORKER_RUNTIME": "node", "AzureWebJobsStorage": "", "PORT": "1", "WEBSITE_AUTH_ENABLED": "true", **{k: v for k, v in SETTINGS.items() if k.startswith("LIVEKIT")}}
    text = json.dumps({"IsEncrypted": False, "Values": values, "Host": {"LocalHttpPort": port, "CORS": "http://localhost:4200", "CORSCredentials": True}}, indent=2)
    path.write_text("// comments and\n" + text.replace("\n}", ",\n}"), encoding="utf-8")
    path.chmod(0o600)
    one = start(words=("serve", "--anonymous", "allow", "--local-settings", str(path)), defaults=False)
    assert one.address == ("127.0.0.1", port)
    answer = ask(one.address, post("/api/token", GOOD, {"Origin": "http://localhost:4200"}))
    assert answer.status == 200 and verified(answer.json()["token"])
    assert answer.get("access-control-allow-origin") == "http://localhost:4200" and answer.get("access-control-allow-credentials") == "true"
    assert [event for event in one.events if event["event"] == "warning"] == []
    one.send_signal(1)  # the file is the environment: as it was
    assert ask(one.address, post("/api/token", GOOD)).status == 200
    environ = subprocess.run(["cat", f"/proc/{one.pid}/environ"], capture_output=True, check=False).stdout
    assert SETTINGS["LIVEKIT_API_SECRET"].encode() not in environ
    other = start({"LIVEKIT_API_SECRET": "another-secret-another-secret-another", "ROOMKEY_LISTEN": "127.0.0.1:0"}, words=("serve", "--anonymous", "allow", "--local-settings", str(path)), defaults=False)
    answer = ask(other.address, post("/api/token", GOOD))
    with pytest.raises(Exception):
        verified(answer.json()["token"])


def test_local_settings_under_the_host(host, tmp_path):
    """hosting §1.11: never read there, and said."""
    path = tmp_path / "local.settings.json"
    path.write_text('{"Values":{"LIVEKIT_API_KEY":"not-this"}', encoding="utf-8")
    one = host(handler={"arguments": ["serve", "--anonymous", "allow", "--local-settings", str(path)]})
    answer = ask(one.address, post("/api/token", GOOD))
    assert answer.status == 200 and verified(answer.json()["token"])
    assert one.end() == 0
    assert [line for line in one.log("warning") if "--local-settings" in line["text"]]
    clean(one)


@pytest.mark.parametrize("text, place", [
    ('{"Values":{"A":{}}}', ":1:16: A: "), ('{"IsEncrypted":true,"Values":{"LIVEKIT_API_KEY":"x"}}', ":1:16: IsEncrypted: "), ("{", ":1:2: "),
    ('{"Values":{\n"ROOMKEY_WORKERS":"many"}}', ":2:19: ROOMKEY_WORKERS: "), ('{"Host":{"CORS":"*","CORSCredentials":true}}', ":1:39: CORSCredentials: "),
])
def test_local_settings_refused(tmp_path, text, place):
    """semantics P1: FILE:LINE:COLUMN: key, and nothing of what stands there."""
    path = tmp_path / "l.json"
    path.write_text(text, encoding="utf-8")
    line = refused("serve", "--anonymous", "allow", "--local-settings", str(path), defaults=False)
    assert line.startswith(f"roomkey: {path}{place}"), line
    assert "many" not in line
