"""roomkey.yaml: what is refused, where, and what `roomkey check` warns about. CFG-01 to CFG-05, FIL-01, FIL-02; design §7, semantics P1."""

import copy
import os
import re
import stat

import pytest

from conf import LOCAL_FILES, LOCAL_SECRET, Conf, allowed, api_key, as_local, base, everything, local, running, want
from process import KEY, SECRET, run
from wire import ask, request

POSITION = re.compile(r"roomkey: \S*roomkey\.yaml:(\d+):(\d+): (\S+): (.+)")
ISSUER = "https://login.example.org/"


def oidc(**changes):
    inside = {"issuer": ISSUER, "audience": ["roomkey"], "jwks_uri": ISSUER + "keys", **changes}
    return {"name": "staff", "oidc": {name: value for name, value in inside.items() if value is not None}}


def hs256(**changes):
    return oidc(jwks_uri=None, algorithms=["HS256"], hs256_secret_file="hs.key", **changes)


GOOD_OIDC = {
    "plain": oidc(), "discovery": oidc(jwks_uri=None), "discovery_url": oidc(jwks_uri=None, discovery_url="https://other.example/.well-known/x"), "azp": oidc(audience=None, require={"azp": "x"}),
    "client_id": oidc(audience=None, require={"client_id": "x"}), "algorithms": oidc(algorithms=["RS256", "ES512", "EdDSA", "PS384"]), "hs256": hs256(), "skew": oidc(clock_skew="300s"), "no skew": oidc(clock_skew="1s"),
    "http to a host that may": oidc(issuer="http://127.0.0.1:1/", jwks_uri="http://127.0.0.1:1/k", allow_http=["127.0.0.1"]), "times": oidc(jwks={"fresh": "10m", "cooldown": "30s", "stale": "24h", "timeout": "3s"}),
    "one audience as text": oidc(audience="roomkey"), "hosts": oidc(jwks_uri=None, jwks_hosts=["https://keys.example.org"]),
}
BAD_OIDC = {
    "no audience": (oidc(audience=None), "audience"), "empty audience": (oidc(audience=[]), "audience"), "empty audience text": (oidc(audience=""), "audience"), "require without azp": (oidc(audience=None, require={"token_use": "access"}), "audience"),
    "no issuer": (oidc(issuer=None), "issuer"), "http issuer": (oidc(issuer="http://login.example.org/"), "issuer"), "issuer with query": (oidc(issuer=ISSUER + "?x"), "issuer"), "issuer with fragment": (oidc(issuer=ISSUER + "#x"), "issuer"),
    "issuer with user": (oidc(issuer="https://u:planted-pw@login.example.org/"), "issuer"), "issuer text": (oidc(issuer="login"), "issuer"), "http keys": (oidc(jwks_uri="http://login.example.org/keys"), "jwks_uri"), "file keys": (oidc(jwks_uri="file:///etc/passwd"), "jwks_uri"),
    "alg none": (oidc(algorithms=["none"]), "algorithms"), "HS256 beside RS256": (oidc(algorithms=["RS256", "HS256"]), "algorithms"), "HS256 without secret": (oidc(algorithms=["HS256"], jwks_uri=None), None), "HS512": (oidc(algorithms=["HS512"]), "algorithms"),
    "alg in small letters": (oidc(algorithms=["rs256"]), "algorithms"), "no alg": (oidc(algorithms=[]), "algorithms"), "RS1": (oidc(algorithms=["RS1"]), "algorithms"), "secret beside keys": ({**hs256(), "oidc": {**hs256()["oidc"], "jwks_uri": ISSUER + "keys"}}, None),
    "secret with RS256": (oidc(jwks_uri=None, algorithms=["RS256"], hs256_secret_file="hs.key"), None), "short secret": ({**hs256(), "oidc": {**hs256()["oidc"], "hs256_secret_file": "short.key"}}, "hs256_secret_file"),
    "the LiveKit secret": ({**hs256(), "oidc": {**hs256()["oidc"], "hs256_secret_file": "livekit.key"}}, "hs256_secret_file"), "missing secret": ({**hs256(), "oidc": {**hs256()["oidc"], "hs256_secret_file": "nope.key"}}, "hs256_secret_file"),
    "skew": (oidc(clock_skew="301s"), "clock_skew"), "skew in minutes": (oidc(clock_skew="6m"), "clock_skew"), "unknown key": (oidc(audiences=["x"]), "audiences"), "a list": ({"name": "staff", "oidc": []}, "oidc"), "fresh": (oidc(jwks={"fresh": "0s"}), None),
    "jwks key": (oidc(jwks={"ttl": "1s"}), "ttl"), "require list": (oidc(require=["x"]), "require"), "ca": (oidc(ca_file="nope.pem"), "ca_file"),
}
FILES = {**LOCAL_FILES, "hs.key": LOCAL_SECRET, "short.key": b"planted-too-short", "livekit.key": SECRET}


def document(caller):
    return base(callers=[caller], rules=[everything()])


@pytest.mark.parametrize("name", GOOD_OIDC)
def test_good_callers(tmp_path, name):
    done = Conf(tmp_path, document(GOOD_OIDC[name]), FILES).check()
    assert done.returncode == 0, done


@pytest.mark.parametrize("name", BAD_OIDC)
def test_cfg_01_bad_callers(tmp_path, name):
    """Exit 2, FILE:LINE:COLUMN: key: what was expected; no secret and no value in it."""
    caller, key = BAD_OIDC[name]
    line = Conf(tmp_path, document(caller), FILES).refused()
    found = POSITION.fullmatch(line)
    assert found, line
    assert key is None or key in found.group(3), line
    for planted in ("planted", SECRET, LOCAL_SECRET.decode()):
        assert planted not in line


@pytest.mark.parametrize("text, at", [
    ("listen: 127.0.0.1:0\nlisten: 127.0.0.1:1\n", "2:1"), ("nope: 1\n", "1:1"), ("livekit:\n  url: wss://x.example\n  secret: planted-secret\n", "3:3"), ("limits: { per_address: 3x }\n", "1:24"), ("limits: { per_address: ~ }\n", "1:24"),
    ("workers: many\n", "1:10"), ("success_status: 202\n", "1:17"), ("anonymous: maybe\n", "1:12"), ("contracts: [original, nope]\n", "1:23"), ("log: { level: loud }\n", "1:15"), ("cors: { origins: [\"https://a/b\"] }\n", "1:19"),
    ("trusted_proxies: { from: [300.0.0.0/8], header: forwarded }\n", "1:27"), ("hardening: perhaps\n", "1:12"), ("ceiling: { ttl: 6x }\n", "1:17"), ("ceiling: { grants: [roomCreat] }\n", "1:21"), ("rules: {}\n", "1:8"), ("- a\n", "1:1"),
    ("a: &x 1\nb: *x\n", None), ("<<: {a: 1}\n", None), ("listen: !!str x\n", None), ("--- \nlisten: 127.0.0.1:0\n--- \n", None), ("listen: [", None), ("\tlisten: x\n", None), ("listen: \"\\ud800\"\n", None), ("l\xffsten: x\n", None), ("cors: { origins: [\"*\"], credentials: true }\n", None),
    ("cors: { origins: [\"null\"] }\n", "1:19"), ("audit: { required: true }\n", None), ("endpoint_paths: [nope]\n", "1:18"), ("limits: { body: 0 }\n", "1:17"), ("limits: { nope: 1 }\n", "1:11"), ("redis: { url: x }\n", "1:15"),
])
def test_cfg_01_the_file(tmp_path, text, at):
    """Unknown, duplicate, malformed: refused at the right place (semantics P1)."""
    conf = Conf(tmp_path)
    with open(conf.path, "wb") as file:
        file.write(text.encode("latin-1"))
    os.chmod(conf.path, 0o600)
    line = conf.refused({"ROOMKEY_ANONYMOUS": None if "anonymous" in text else "allow"})
    assert at is None or f"roomkey.yaml:{at}: " in line, line
    assert "planted" not in line


def test_cfg_01_sizes(tmp_path):
    """design §4: depth 16, 10,000 nodes, 1 MiB."""
    for text in ("a: " + "[" * 17 + "]" * 17, "a: [" + "1," * 10_001 + "1]", "# " + "x" * (1 << 20) + "\n", "a: " + "{b: " * 5000 + "1" + "}" * 5000):
        Conf(tmp_path, text).refused({"ROOMKEY_ANONYMOUS": "allow"})


def test_cfg_01_a_file_that_is_none(tmp_path):
    for make in (lambda path: None, os.mkdir, os.mkfifo):
        conf = Conf(tmp_path)
        make(conf.path)
        conf.refused({"ROOMKEY_ANONYMOUS": "allow"})
        if os.path.isdir(conf.path):
            os.rmdir(conf.path)
        elif os.path.exists(conf.path):
            os.remove(conf.path)


@pytest.mark.parametrize("value", ["${RK_MISSING}", "$HOME", "${RK_PLANTED}", "%(x)s"])
def test_cfg_02_nothing_is_expanded(tmp_path, value):
    """`${ENV}` has no meaning in this file: a URL that says so is no URL, and the environment is not looked at."""
    doc = base(callers=[local()], rules=[everything()])
    doc["livekit"]["url"] = value
    line = Conf(tmp_path, doc, LOCAL_FILES).refused({"RK_PLANTED": "wss://planted.example"})
    assert "url" in line and "planted" not in line


def test_cfg_03_admin_pages_are_not_public(tmp_path):
    """Metrics are on admin_listen only; nothing of it is on the public listener."""
    doc = base(callers=[local()], rules=[everything()], admin_listen="127.0.0.1:0")
    with running(tmp_path, doc, LOCAL_FILES) as one:
        for path in ("/metrics", "/admin", "/debug", "/config"):
            assert ask(one.address, request("GET", path)).status == 404
        allowed(want(one, headers=as_local()), "lobby")


def test_cfg_05_check_shows_no_secret(tmp_path):
    """Neither a good nor a bad file's secrets; not from the environment either."""
    key, digest = api_key()
    callers = [local(identity="a:{sub}"), {"name": "backend", "api_keys_file": "k.yaml", "identity": "b:{sub}"}]
    rules = [everything(ask={"url": "https://hook.example/x", "secret_file": "hook.key"})]
    doc = base(callers=callers, rules=rules, identity_hash_key_file="identity.key", audit={"file": "audit.jsonl", "hash_key_file": "audit.key"}, redis={"url": "redis://:planted-redis@127.0.0.1:6379"})
    files = {**LOCAL_FILES, "k.yaml": {"acme": {"sha256": digest}}, "hook.key": "planted-hook-secret-0123456789abcdef", "audit.key": "planted-audit-key-0123456789abcdefgh"}
    conf = Conf(tmp_path, doc, files)
    good = conf.check()
    assert good.returncode == 0, good
    broken = copy.deepcopy(doc)
    broken["rules"][0]["nope"] = 1
    conf.write(broken)
    for done in (good, conf.check(), conf.run("serve")):
        text = (done.stdout + done.stderr).decode()
        for planted in (SECRET, LOCAL_SECRET.decode(), "planted", digest, key):
            assert planted not in text, text


WARNINGS = {
    "a rule that can never match": (lambda doc: doc["rules"].append({"id": "planted-never", "room": "x"}), "planted-never"),
    "a profile never used": (lambda doc: doc.update(profiles={"planted-unused": {"canSubscribe": True}}), "planted-unused"),
    "a lifetime over a day": (lambda doc: (doc["rules"][0].update(id="planted-long", ttl="25h"), doc.update(ceiling={"ttl": "48h"})), "planted-long"),
    "a lifetime under two minutes": (lambda doc: doc["rules"][0].update(id="planted-short", ttl="119s"), "planted-short"),
    "a lifetime beyond the ceiling": (lambda doc: doc["rules"][0].update(id="planted-cut", ttl="7h"), "planted-cut"),
    "a grant beyond the ceiling": (lambda doc: (doc["rules"][0].update(id="planted-grant", profile="moderator"), doc.update(ceiling={"grants": ["roomJoin", "canPublish", "canSubscribe", "canPublishData"]})), "moderator"),
    "a single separator": (lambda doc: doc["rules"][0].update(id="planted-sep", room="{org}-*", default_room="{org}-main"), "planted-sep"),
    "a public listener without a proxy": (lambda doc: doc.update(listen="0.0.0.0:7071"), "trusted_proxies"),
    "identities from the request": (lambda doc: doc["callers"][0].update(identity="{request.identity}"), "identity"),
}


def warnings_of(done):
    """What `check` says beside its last line, the sum."""
    lines = (done.stderr + done.stdout).decode().splitlines()
    return "\n".join(line for line in lines if not re.fullmatch(r"ok: .*", line))


@pytest.mark.parametrize("name", WARNINGS)
def test_check_warns(tmp_path, name):
    """issue 1: good, but worth a word; the file of the sample policy without any of it is quiet."""
    change, said = WARNINGS[name]
    doc = base(callers=[local()], rules=[everything()], listen="127.0.0.1:7071")
    conf = Conf(tmp_path, doc, LOCAL_FILES)
    quiet = conf.check(env={"ROOMKEY_LISTEN": None})
    assert quiet.returncode == 0 and warnings_of(quiet) == "", quiet
    change(doc)
    conf.write(doc)
    loud = conf.check(env={"ROOMKEY_LISTEN": None})
    assert loud.returncode == 0 and said in warnings_of(loud), loud


def test_check_warns_of_readable_secrets(tmp_path):
    conf = Conf(tmp_path, base(callers=[local()], rules=[everything()], listen="127.0.0.1:7071"), LOCAL_FILES)
    os.chmod(os.path.join(str(tmp_path), "local.key"), 0o644)
    done = conf.check(env={"ROOMKEY_LISTEN": None})
    assert done.returncode == 0 and "hs256_secret_file" in warnings_of(done) and "\n" not in warnings_of(done), "said once"
    assert b" 1 warning\n" in done.stdout, done
    os.chmod(os.path.join(str(tmp_path), "local.key"), 0o666)
    conf.refused()


def test_check_refuses_what_serve_refuses(tmp_path):
    """One builder for both: the same line, exit 1 or 2 by design §6."""
    conf = Conf(tmp_path, base(callers=[local()]), LOCAL_FILES)
    line = conf.refused()
    done = conf.check()
    assert done.returncode in (1, 2) and line.split("roomkey.yaml:")[1] in (done.stdout + done.stderr).decode(), (line, done)


def test_a_key_file_of_livekit(tmp_path):
    """design §7: LiveKit's own map; active_key signs; not together with LIVEKIT_API_KEY."""
    doc = base(callers=[local()], rules=[everything()])
    doc["livekit"].update(key_file="livekit-keys.yaml", active_key=KEY)
    files = {**LOCAL_FILES, "livekit-keys.yaml": f"APIother: planted-other-secret-0123456789ab\n{KEY}: {SECRET}\n"}
    env = {"LIVEKIT_API_KEY": None, "LIVEKIT_API_SECRET": None}
    with running(tmp_path, doc, files, env=env) as one:
        allowed(want(one, headers=as_local()), "lobby")
        assert "planted" not in one.all_output()
    conf = Conf(tmp_path, doc, files)
    conf.refused()
    del doc["livekit"]["active_key"]
    conf.write(doc)
    assert "active_key" in conf.refused(env) or "key_file" in conf.refused(env)
    doc["livekit"]["active_key"] = "APInobody"
    conf.write(doc)
    assert "active_key" in conf.refused(env)


def test_fil_01_init_never_writes_through_a_link(tmp_path):
    """An output file that is there, or a link to one, is not written; a new one is 0600 or without group and others' write, whatever the umask."""
    path, victim = tmp_path / "roomkey.yaml", tmp_path / "victim"
    path.write_text("precious")
    done = run("init", "--idp", "keycloak", cwd=str(tmp_path), preexec_fn=lambda: os.umask(0))
    assert done.returncode != 0 and path.read_text() == "precious", done
    path.unlink()
    victim.write_text("precious")
    for target in (victim, tmp_path / "not-there"):
        path.symlink_to(target)
        done = run("init", "--idp", "keycloak", cwd=str(tmp_path), preexec_fn=lambda: os.umask(0))
        assert done.returncode != 0 and victim.read_text() == "precious" and not (tmp_path / "not-there").exists(), done
        path.unlink()
    done = run("init", "--idp", "keycloak", cwd=str(tmp_path), preexec_fn=lambda: os.umask(0))
    assert done.returncode == 0, done
    assert stat.S_IMODE(path.stat().st_mode) & 0o022 == 0, oct(path.stat().st_mode)


def test_fil_02_a_full_disk(tmp_path):
    """`keys new` writes to stdout only: when that is full it fails, and the key file is as it was."""
    keys = tmp_path / "api-keys.yaml"
    keys.write_text("acme: { sha256: x }\n")
    with open("/dev/full", "wb") as full:
        done = run("keys", "new", "--caller", "acme", cwd=str(tmp_path), stdout=full)
    assert done.returncode != 0 and keys.read_text() == "acme: { sha256: x }\n", done


APP = "https://app.example.org"


def preflight(one, origin=APP):
    return ask(one.address, request("OPTIONS", "/v1/token", None, {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}))


@pytest.mark.parametrize("cors, age, credentials", [({"origins": [APP], "max_age": "1h"}, "3600", None), ({"origins": [APP], "credentials": True, "max_age": "10m"}, "600", "true"), ({"origins": APP}, None, None)])
def test_cor_04_max_age_and_credentials(tmp_path, cors, age, credentials):
    """design §7 `cors`: how long a preflight is kept, and whether a page may send credentials; refusals are readable by the page."""
    with running(tmp_path, base(callers=[local()], rules=[everything()], cors=cors), LOCAL_FILES) as one:
        answer = preflight(one)
        assert answer.status == 204 and answer.get("access-control-allow-origin") == APP
        assert age is None or answer.get("access-control-max-age") == age, answer
        assert answer.get("access-control-allow-credentials") == credentials
        assert preflight(one, "https://evil.example").get("access-control-allow-origin") is None
        for headers in ({}, {"Authorization": "Bearer x"}, as_local()):
            answer = want(one, headers={**headers, "Origin": APP})
            assert answer.get("access-control-allow-origin") == APP and answer.get("access-control-allow-credentials") == credentials
