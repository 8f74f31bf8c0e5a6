"""The command line: design §6, security CLI-01 to -05. Exit 0 good, 1 refused or failed, 2 usage; stdout is data, stderr is talk."""

import http.server
import json
import os
import re
import socket
import subprocess
import threading
import time
from email.utils import formatdate

import jwt
import pytest

from conf import wait_until
from machine import took
from process import BIN, KEY, SECRET, clean_env, free_port, run
from shapes import granted, verified
from wire import ask, request

KEYS = {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}
VERBS = ["serve", "dev", "check", "explain", "doctor", "init", "token", "inspect", "keys", "health", "version"]


def token(*words, env=KEYS):
    done = run("token", *words, env=env)
    assert done.returncode == 0, done
    assert done.stdout.endswith(b"\n") and done.stdout.count(b"\n") == 1, done.stdout
    return done.stdout.decode().strip()


def signed(claims, secret=SECRET, algorithm="HS256", headers=None):
    return jwt.encode(claims, secret, algorithm=algorithm, headers=headers)


def claims_of(**changes):
    """A good participant's claims; None removes one."""
    now = int(time.time())
    claims = {"iss": KEY, "sub": "i", "nbf": now, "iat": now, "exp": now + 600,
              "video": {"roomJoin": True, "room": "r", "canPublish": True, "canSubscribe": True, "canPublishData": True}}
    claims.update(changes)
    return {name: value for name, value in claims.items() if value is not None}


# -- all verbs


@pytest.mark.parametrize("words", [[verb] for verb in VERBS] + [["keys", "new"], []], ids=" ".join)
def test_help(words):
    """design §6: --help on every verb, to stdout, exit 0."""
    done = run(*words, "--help")
    assert done.returncode == 0, done
    assert b"roomkey" in done.stdout and done.stderr == b""
    assert all(len(line) <= 120 for line in done.stdout.decode().splitlines())


@pytest.mark.parametrize("words", [[], ["nope"], [""], ["--nope"], ["-"], ["SERVE"], ["keys"], ["keys", "nope"], ["x" * 100000]])
def test_no_such_verb(words):
    """Exit 2, on stderr."""
    done = run(*words)
    assert done.returncode == 2
    assert done.stdout == b"" and 0 < len(done.stderr) < 8192


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("words", [["--nope"], ["--nope=1"], ["-Z"], ["--"], ["--", "--help"], ["a", "b", "c"], ["--" + "x" * 1_000]])
def test_option_abuse(verb, words):
    """CLI-05: exit 2, nothing on stdout; what was given is not repeated without bound."""
    done = run(verb, *words, stdin=b"")
    assert done.returncode in ((1, 2) if verb == "inspect" and words[0] == "--" else (2,)), done
    assert done.stdout == b"" or verb == "inspect"
    assert len(done.stderr) < 8192


# -- version, health, keys


def test_version():
    """design §6."""
    done = run("version")
    assert done.returncode == 0 and re.search(rb"\d+\.\d+\.\d+", done.stdout) and done.stderr == b""
    deps = run("version", "--deps")
    assert deps.returncode == 0
    for name in (b"libuv", b"llhttp", b"jansson", b"OpenSSL", b"libcurl", b"hiredis", b"libyaml", b"utf8proc"):
        assert name.lower() in deps.stdout.lower(), name
    for words in ((), ("--deps",)):
        assert isinstance(json.loads(run("version", "--json", *words).stdout), dict)


def test_health(service):
    """design §6: exit 0 when a running instance answers."""
    done = run("health", env={"ROOMKEY_LISTEN": service.addresses[0]})
    assert done.returncode == 0, done


def test_health_unix(start, tmp_path):
    """The same over a Unix socket."""
    path = tmp_path / "sock"
    start({"ROOMKEY_LISTEN": f"unix:{path}"})
    assert run("health", env={"ROOMKEY_LISTEN": f"unix:{path}"}).returncode == 0


def test_health_of_nobody():
    """Exit 1 when none answers."""
    done = run("health", env={"ROOMKEY_LISTEN": f"127.0.0.1:{free_port()}"})
    assert done.returncode == 1 and done.stderr


def test_health_of_somebody_who_hangs():
    """A listener that never answers is not healthy, and the check ends."""
    import socket
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        host, port = sock.getsockname()
        done = run("health", env={"ROOMKEY_LISTEN": f"{host}:{port}"})
    assert done.returncode == 1


def test_keys_new():
    """A new pair for LiveKit: different each time, strong, usable."""
    pairs = []
    for _ in range(2):
        done = run("keys", "new", "--livekit", "--json")
        assert done.returncode == 0, done
        values = [value for value in json.loads(done.stdout).values() if isinstance(value, str)]
        key = next(value for value in values if value.startswith("API"))
        secret = max((value for value in values if value != key), key=len)
        assert len(secret) >= 32
        pairs.append((key, secret))
    assert pairs[0][0] != pairs[1][0] and pairs[0][1] != pairs[1][1]
    key, secret = pairs[0]
    made = token("--room", "r", "--identity", "i", env={"LIVEKIT_API_KEY": key, "LIVEKIT_API_SECRET": secret})
    verified(made, key, secret)
    plain = run("keys", "new", "--livekit")
    assert plain.returncode == 0 and re.search(rb"API\w+", plain.stdout)
    assert run("keys", "new").returncode == 2
    assert run("keys", "new", "--caller", "x", "--livekit").returncode == 2, "one of the two"


# -- token


def test_token():
    """A participant's token: short-lived, the speaker's grants."""
    _, claims = verified(token("--room", "r", "--identity", "i"))
    assert claims["video"]["room"] == "r" and claims["sub"] == "i" and "name" not in claims
    assert granted(claims) == {"roomJoin", "canPublish", "canSubscribe", "canPublishData"}
    assert 300 <= claims["exp"] - claims["nbf"] <= 900
    assert claims["jti"]


@pytest.mark.parametrize("words", [["--room", "r", "--identity", "i", "--name", "Zoë 😀"], ["--name=Zoë 😀", "--identity=i", "--room=r"]])
def test_token_name(words):
    """Both ways of writing an option, any order."""
    assert verified(token(*words))[1]["name"] == "Zoë 😀"


@pytest.mark.parametrize("ttl, seconds", [("10m", 600), ("90s", 90), ("6h", 21600), ("60s", 60)])
def test_token_ttl(ttl, seconds):
    """--ttl."""
    claims = verified(token("--room", "r", "--identity", "i", "--ttl", ttl))[1]
    assert claims["exp"] - claims["nbf"] == seconds


@pytest.mark.parametrize("ttl", ["", "0", "0s", "-1m", "10", "10 m", "m", "1.5h", "99999999999999999999d", "99999999999999999999", "9223372036854775807s", "1e3s",
                                 "0x10s", "10M", "10mm", "inf"])
def test_token_bad_ttl(ttl):
    """CLI-05: numeric overflow and other nonsense: exit 2."""
    done = run("token", "--room", "r", "--identity", "i", "--ttl", ttl, env=KEYS)
    assert done.returncode == 2 and done.stdout == b"" and b"ttl" in done.stderr


def test_token_grants():
    """--grant name=value by LiveKit's names, repeated."""
    claims = verified(token("--room", "r", "--identity", "i", "--grant", "canPublish=false", "--grant", "roomAdmin=true"))[1]
    assert claims["video"]["canPublish"] is False and claims["video"]["roomAdmin"] is True


@pytest.mark.parametrize("name, grants, more", [
    ("speaker", {"roomJoin", "canPublish", "canSubscribe", "canPublishData"}, {}), ("listener", {"roomJoin", "canSubscribe"}, {}),
    ("audio-only", {"roomJoin", "canPublish", "canSubscribe", "canPublishData"}, {"canPublishSources": ["microphone"]}),
    ("moderator", {"roomJoin", "canPublish", "canSubscribe", "canPublishData", "roomAdmin"}, {}),
    ("agent", {"roomJoin", "canPublish", "canSubscribe", "canPublishData", "agent", "canUpdateOwnMetadata"}, {}),
])
def test_token_profile(name, grants, more):
    """D29, as rules have them; what a listener may not is written, since LiveKit takes absence for leave."""
    claims = verified(token("--room", "r", "--identity", "i", "--profile", name))[1]
    assert granted(claims) == grants and more.items() <= claims["video"].items()
    assert claims["video"]["canPublish"] is ("canPublish" in grants)
    assert claims.get("kind") == ("agent" if name == "agent" else None)


@pytest.mark.parametrize("grant", ["", "=", "canPublish", "canPublish=", "canPublish=maybe", "nope=true", "CanPublish=true", "=true", "canPublish=1",
                                   "canPublishSources=telepathy"])
def test_token_bad_grants(grant):
    """Unknown or wrong: exit 2, and it says which."""
    done = run("token", "--room", "r", "--identity", "i", "--grant", grant, env=KEYS)
    assert done.returncode == 2 and done.stdout == b"" and done.stderr


@pytest.mark.parametrize("words", [
    [], ["--room", "r"], ["--identity", "i"], ["--room", "", "--identity", "i"], ["--room", "r", "--identity", ""], ["--room", "r", "--identity"],
    ["--room", "a\nb", "--identity", "i"], ["--room", "r", "--identity", "x" * 257], ["--room", " r", "--identity", "i"],
    ["--room", "r", "--identity", "i", "extra"], ["--room", "r", "--room", "s", "--identity", "i"], ["--room", "r", "--identity", "i", "--profile", "host"],
    ["--room", "r", "--identity", "i", "--profile", "speaker", "--grant", "roomAdmin=true"], ["--identity", "i", "--profile", "speaker"],
    ["--room", "r" * 1_00_000, "--identity", "i"],
])
def test_token_usage(words):
    """Exit 2; nothing on stdout."""
    done = run("token", *words, env=KEYS)
    assert done.returncode == 2, done
    assert done.stdout == b"" and 0 < len(done.stderr) < 8192


def test_token_invalid_utf8():
    """An argument that is no UTF-8 is refused."""
    done = run("token", "--room", b"\xff\xfe", "--identity", "i", env=KEYS)
    assert done.returncode == 2 and done.stdout == b""


@pytest.mark.parametrize("env", [{}, {"LIVEKIT_API_KEY": KEY}, {"LIVEKIT_API_SECRET": SECRET}, {**KEYS, "LIVEKIT_API_SECRET": ""}])
def test_token_without_keys(env):
    """No key, no token; it says what is missing."""
    done = run("token", "--room", "r", "--identity", "i", env=env)
    assert done.returncode in (1, 2) and done.stdout == b"" and b"LIVEKIT" in done.stderr
    assert SECRET.encode() not in done.stderr


def test_token_json():
    """--json: one object that holds the token."""
    done = run("token", "--room", "r", "--identity", "i", "--json", env=KEYS)
    assert done.returncode == 0
    body = json.loads(done.stdout)
    verified(body["token"])


def test_token_secret_file(tmp_path):
    """design §7: each secret also as …_FILE, here too."""
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    path.chmod(0o600)
    verified(token("--room", "r", "--identity", "i", env={"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET_FILE": str(path)}))


@pytest.mark.parametrize("words", [["--api-secret", "planted-88"], ["--secret=planted-88"], ["--api-secret=planted-88"], ["--key", "planted-88"]])
@pytest.mark.parametrize("verb", ["token", "inspect", "serve", "dev", "health"])
def test_no_secret_as_an_argument(verb, words):
    """CLI-01: refused, and not repeated."""
    done = run(verb, *words, env=KEYS)
    assert done.returncode == 2
    assert b"planted-88" not in done.stdout + done.stderr


def test_nothing_prints_the_secret():
    """LOG-01 for the command line."""
    env = {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": "planted-secret-0123456789abcdef"}
    good = run("token", "--room", "r", "--identity", "i", env=env).stdout.decode().strip()
    for words in (["token", "--room", "r", "--identity", "i", "--json"], ["inspect", good], ["inspect", good, "--json"], ["inspect", good + "x"], ["version", "--deps"],
                  ["health"], ["serve", "--nope"], ["token"], ["--help"]):
        done = run(*words, env=env)
        assert b"planted-secret" not in done.stdout + done.stderr, words


# -- inspect


def inspect(text, *words, env=KEYS, stdin=b""):
    return run("inspect", *([text] if text is not None else []), *words, env=env, stdin=stdin)


def test_inspect_good():
    """Exit 0; claims are shown."""
    made = token("--room", "planted-room", "--identity", "planted-id")
    for done in (inspect(made), inspect("-", stdin=made.encode()), inspect("-", stdin=made.encode() + b"\n"), inspect(None, stdin=made.encode())):
        assert done.returncode == 0, done
        assert b"planted-room" in done.stdout and b"planted-id" in done.stdout
        assert made.split(".")[2].encode() not in done.stdout


GOOD_VIDEO = {"roomJoin": True, "room": "r"}
REFUSED_CLAIMS = {
    "unknown key": {"iss": "APIother"}, "no iss": {"iss": None}, "no exp": {"exp": None}, "expired": {"exp": 1000000000, "nbf": 1}, "not yet": {"nbf": 4000000000, "exp": 4000000600},
    "exp is text": {"exp": "tomorrow"}, "no video": {"video": None}, "no roomJoin": {"video": {"room": "r"}}, "roomJoin false": {"video": {"roomJoin": False, "room": "r"}},
    "no identity": {"sub": None}, "empty identity": {"sub": ""}, "long identity": {"sub": "x" * 257}, "no room": {"video": {"roomJoin": True}},
    "empty room": {"video": {"roomJoin": True, "room": ""}}, "long room": {"video": {"roomJoin": True, "room": "r" * 257}}, "metadata object": {"metadata": {"a": 1}},
    "number in attributes": {"attributes": {"a": 1}}, "numeric room": {"video": {"roomJoin": True, "room": 5}}, "roomJoin text": {"video": {"roomJoin": "true", "room": "r"}},
    "numeric name": {"name": 5}, "roomConfig number": {"roomConfig": {"emptyTimeout": "x"}}, "roomConfig null agent": {"roomConfig": {"agents": [None]}},
    "video text": {"video": "x"}, "sources text": {"video": {**GOOD_VIDEO, "canPublishSources": "camera"}},
}
REFUSED_TEXT = {
    "another secret": lambda: signed(claims_of(), "another-secret-another-secret-12345"), "HS384": lambda: signed(claims_of(), algorithm="HS384"),
    "HS512": lambda: signed(claims_of(), algorithm="HS512"), "none": lambda: jwt.encode(claims_of(), None, algorithm="none"), "empty": lambda: "", "one word": lambda: "x",
    "two segments": lambda: "a.b", "three letters": lambda: "a.b.c", "four segments": lambda: "a.b.c.d", "dots": lambda: "..", "cut": lambda: signed(claims_of())[:-1],
    "padding": lambda: signed(claims_of()) + "=", "a dot more": lambda: signed(claims_of()) + ".", "a blank inside": lambda: signed(claims_of()).replace(".", ". ", 1),
    "Bearer": lambda: "Bearer " + signed(claims_of()),
}


@pytest.mark.parametrize("changes", REFUSED_CLAIMS.values(), ids=REFUSED_CLAIMS.keys())
def test_inspect_refused_claims(changes):
    """livekit-tokens §2.2-2.3: every refusal that can be decided offline: exit 1, and a reason."""
    done = inspect(jwt.api_jws.encode(json.dumps(claims_of(**changes)).encode(), SECRET, "HS256", {"typ": "JWT"}))
    assert done.returncode == 1, done
    assert done.stdout or done.stderr


@pytest.mark.parametrize("make", REFUSED_TEXT.values(), ids=REFUSED_TEXT.keys())
def test_inspect_refused_text(make):
    """The same for what is no token, or not ours."""
    done = inspect(make())
    assert done.returncode == 1, done
    assert done.stdout or done.stderr


@pytest.mark.parametrize("grant", ["roomCreate", "roomList", "roomRecord", "roomAdmin", "ingressAdmin", "hidden", "recorder", "agent", "canUpdateOwnMetadata"])
def test_inspect_risky_grants(grant):
    """issue: every grant that is more than a participant needs is named."""
    plain = inspect(signed(claims_of())).stdout.decode()
    video = {**claims_of()["video"], grant: True}
    done = inspect(signed(claims_of(video=video)))
    told = done.stdout.decode() + done.stderr.decode()
    assert told.count(grant) > plain.count(grant) + 1, f"shown among the claims, and warned about: {told}"


def test_inspect_long_lifetime():
    """A token of six hours or more deserves a word; it is no refusal."""
    done = inspect(signed(claims_of(exp=int(time.time()) + 86400 * 30)))
    assert done.returncode == 0


def test_inspect_without_a_key():
    """CLI-03: never "valid" without a key; exit 1, since nothing was verified."""
    made = signed(claims_of())
    for env in ({}, {"LIVEKIT_API_KEY": KEY}, {"LIVEKIT_API_KEY": "APIother", "LIVEKIT_API_SECRET": SECRET}):
        done = inspect(made, env=env)
        assert done.returncode == 1, done
        assert not re.search(r"(?i)\b(valid|verified|accepted)\b", (done.stdout + done.stderr).decode()), done
        body = json.loads(inspect(made, "--json", env=env).stdout)
        assert body["accepted"] is False and body["verified"] is False


def test_inspect_json_says_verified():
    """The yes beside the no."""
    body = json.loads(inspect(signed(claims_of()), "--json").stdout)
    assert body["accepted"] is True and body["verified"] is True


def test_inspect_json():
    """--json: one object, for good and bad tokens alike."""
    for made, code in ((signed(claims_of()), 0), (signed(claims_of(exp=5)), 1), ("nonsense", 1)):
        done = inspect(made, "--json")
        assert done.returncode == code, done
        assert isinstance(json.loads(done.stdout), dict)


HOSTILE = "\x1b[31mred\x1b]0;title\x07 \u202eevil\u202c \x00nul \r\nforged: line \u2028 \x9b31m \x7f"


def test_inspect_hostile_text():
    """CLI-02: ESC sequences, bidi, NUL, CR LF are escaped."""
    video = {"roomJoin": True, "room": HOSTILE}
    for made in (signed(claims_of(sub=HOSTILE, name=HOSTILE, metadata=HOSTILE, video=video, attributes={HOSTILE: HOSTILE})),
                 signed({**claims_of(), HOSTILE: HOSTILE}), signed(claims_of(), headers={"kid": HOSTILE})):
        for words in ((), ("--json",)):
            done = inspect(made, *words)
            told = (done.stdout + done.stderr).decode()
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]", told), repr(told)
            assert not re.search("(?m)^forged: line", told)


@pytest.mark.parametrize("size", [100_000, 10_000_000])
def test_inspect_large(size):
    """CLI-02: bounded, and quick."""
    begun = time.monotonic()
    done = run("inspect", "-", env=KEYS, stdin=b"a" * size)
    assert done.returncode == 1 and len(done.stdout) + len(done.stderr) < 16384
    assert took(begun) < 3
    done = run("inspect", "-", env=KEYS, stdin=signed(claims_of(metadata="m" * size)).encode())
    assert len(done.stderr) < 16384


@pytest.mark.parametrize("text", [b"\x1b[2J", b"\xff\xfe", b"\0" * 50, b"\n", b"   "])
def test_inspect_garbage(text):
    """Nothing of it reaches the terminal as it is."""
    done = run("inspect", "-", env=KEYS, stdin=text)
    assert done.returncode == 1
    assert b"\x1b" not in done.stdout + done.stderr and b"\xff" not in done.stdout + done.stderr


# -- where output cannot go


WRITERS = [["version"], ["version", "--deps"], ["--help"], ["serve", "--help"], ["token", "--help"], ["token", "--room", "r", "--identity", "i"],
           ["token", "--room", "r", "--identity", "i", "--json"], ["keys", "new", "--livekit"], ["inspect", "TOKEN"], ["inspect", "TOKEN", "--json"]]


@pytest.mark.parametrize("sink", ["/dev/full", "closed", "broken pipe"])
@pytest.mark.parametrize("words", WRITERS, ids=" ".join)
def test_stdout_that_takes_nothing(words, sink):
    """CLI-04: non-zero exit, no partial success, and no signal kills it silently."""
    words = [signed(claims_of()) if word == "TOKEN" else word for word in words]
    env = clean_env(KEYS, False)
    if sink == "/dev/full":
        with open(sink, "wb") as full:
            done = subprocess.run([BIN, *words], env=env, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    elif sink == "closed":
        done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", BIN, *words], env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60, check=False)
    else:
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([BIN, *words], env=env, stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False)
        os.close(writer)
    assert done.returncode == 1, done


def test_dev_with_stdout_closed():
    """dev prints what a newcomer needs; without anywhere to print it does not crash."""
    address = ("127.0.0.1", free_port())
    child = subprocess.Popen(["sh", "-c", 'exec "$@" >&-', "sh", BIN, "dev"], env=clean_env({"ROOMKEY_LISTEN": "%s:%d" % address}, False), stdin=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: child.poll() is not None or listens(address))
        child.terminate()
        assert child.wait(30) in (0, 1)
    finally:
        child.kill()
        child.wait()


def listens(address):
    """Whether it serves there, which it does when it has its signals."""
    try:
        return ask(address, request("GET", "/livez")).status == 200
    except OSError:
        return False


def test_health_answers_a_container(service):
    """The same question as `roomkey health` by HTTP."""
    assert ask(service.address, request("GET", "/healthz")).status == 200


class HostileLiveKit(http.server.BaseHTTPRequestHandler):
    """Agrees to everything, to have tokens, with times of its choosing; and talks to the terminal."""

    protocol_version = "HTTP/1.1"
    tokens, ahead_s, elsewhere = [], 0, ""

    def date_time_string(self, timestamp=None):
        return formatdate(time.time() + self.ahead_s, usegmt=True)

    def log_message(self, *_):
        pass

    def say(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.tokens.append(self.headers.get("Authorization", ""))
        if self.path.startswith("/rtc/validate"):
            self.say(200 if self.tokens[-1] else 401, b"\x1b[2Jsuccess")
            return
        version = b"\x1b]0;mine\x07\x1b[2J"
        info = b"\x12" + bytes([len(version)]) + version
        join = b"\x62" + bytes([len(info)]) + info
        message = b"\x0a" + bytes([len(join)]) + join
        self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x82" + bytes([len(message)]) + message)
        self.close_connection = True

    def do_POST(self):
        self.tokens.append(self.headers.get("Authorization", ""))
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("CreateRoom"):
            self.say(200, b'{"sid":"RM_x"}')
        else:
            self.say(307, Location=self.elsewhere)


@pytest.mark.parametrize("ahead_s", (0, 20 * 365 * 86400, -20 * 365 * 86400))
def test_doctor_and_a_hostile_server(ahead_s):
    """Tokens live for a minute of this time, follow no redirect and hold no more than the question needs; nothing commands the terminal."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        kind = type("Hostile", (HostileLiveKit,), {"tokens": [], "ahead_s": ahead_s, "elsewhere": f"http://127.0.0.1:{other.getsockname()[1]}/"})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            done = run("doctor", "--url", f"ws://127.0.0.1:{server.server_address[1]}", env=KEYS, timeout=60)
        finally:
            server.shutdown()
            server.server_close()
        other.settimeout(0.2)
        with pytest.raises(TimeoutError):
            other.accept()
    assert not re.search(rb"[^\x20-\x7e\n]", done.stdout + done.stderr), done
    tokens = [text.split(" ", 1)[1] for text in kind.tokens if text]
    assert len(tokens) >= 4 and not any(text.encode() in done.stdout + done.stderr for text in (*tokens, SECRET))
    for text in tokens:
        claims = jwt.decode(text, SECRET, algorithms=["HS256"], options={"verify_exp": False, "verify_nbf": False, "verify_iat": False})
        assert abs(claims["exp"] - time.time()) <= 86400 and claims["exp"] - claims["nbf"] <= 120
        given = {name for name, value in claims["video"].items() if value is True}
        assert given in ({"roomJoin"}, {"roomCreate"}, {"roomList"}), claims
        assert "roomJoin" not in given or claims["video"]["room"].startswith("roomkey-doctor-")
