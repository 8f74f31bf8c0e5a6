"""The log: one line a request, no secret, no forged line, never in the way: design §9, semantics H22, security LOG-01 to -03."""

import contextlib
import fcntl
import json
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time

import pytest

from conf import wait_until
from machine import took
from process import BIN, DEFAULTS, ROOT, Roomkey, as_root, clean_env, free_port
from shapes import standard
from wire import GOOD, Wire, ask, post, request

SECRET = "planted-livekit-secret-5b1f0c7e9d3a"
MEMBERS = ["event", "ts", "level", "request_id", "method", "path", "status", "err", "contract", "client", "took_us", "bytes_in", "bytes_out"]


# -- what a line says


def test_every_reason_is_explained():
    """roomkey(1), LOG, says what each reason for refusing a credential means: whoever sees `jwt.iss` must find it somewhere."""
    with open(os.path.join(ROOT, "src", "auth", "fault.c"), encoding="utf-8") as file:
        reasons = set(re.findall(r'RKD_E_[A-Z_]+, (?:true|false), "([a-z.-]+)"', file.read())) - {"none", "memory"}
    with open(os.path.join(ROOT, "docs", "man", "roomkey.1"), encoding="utf-8") as file:
        told = set(re.findall(r"[a-z-]+\.[a-z-]+", file.read().partition(".SH LOG\n")[2].partition("\n.SH ")[0].replace("\\-", "-")))
    assert len(reasons) > 20 and reasons <= told, sorted(reasons - told)


def test_access_line(service):
    """The members of an access line; jti is the minted token's."""
    data = post("/api/token", GOOD)
    answer = ask(service.address, data)
    line = service.access(answer.request_id)
    assert next(iter(line)) == "event" and set(MEMBERS) <= set(line), line
    assert (line["method"], line["path"], line["status"], line["err"], line["contract"]) == ("POST", "/api/token", 200, "ok", "original")
    assert line["client"] == "127.0.0.1" and line["level"] == "info"
    assert line["bytes_in"] == len(data)
    assert line["bytes_out"] > len(answer.body)
    assert 0 < line["took_us"] < 5_000_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,6}Z", line["ts"]), line
    import jwt
    assert line["jti"] == jwt.decode(answer.json()["token"], options={"verify_signature": False})["jti"]


@pytest.mark.parametrize("path, body, contract", [
    ("/api/token", GOOD, "original"), ("/v1/token", b"{}", "standard"), ("/api/token", b'{"room_name":"r"}', "standard"),
    ("/api/v2/sandbox/connection-details", b"{}", None), ("/api/sandbox/connection-details", b"{}", "sandbox"),
])
def test_contract_in_the_log(service, path, body, contract):
    """Which contract answered."""
    line = service.access(ask(service.address, post(path, body)).request_id)
    assert line["contract"] == contract or contract is None and line["contract"] in ("sandbox", "standard"), line


@pytest.mark.parametrize("data, status, err", [
    (post(body=b"x"), 400, "invalid_request"), (post(body=b'{"room_name":" "}'), 400, "invalid_room"), (request("GET", "/nope"), 404, "not_found"),
    (request("PUT", "/v1/token"), 405, "method_not_allowed"), (post(headers={"Authorization": "Bearer x"}), 401, "invalid_token"),
    (b"GET / HTTP/1.1\r\nbad\r\n\r\n", 400, "invalid_request"), (request("GET", "/", version="HTTP/1.2"), 505, "http_version"),
    (request("GET", "/" + "a" * 9000), 414, "uri_too_long"), (post(body=b"", headers={"Content-Length": "70000"}), 413, "body_too_large"),
])
def test_refusals_are_logged(service, data, status, err):
    """style §6: the refusals are what an operator will look for."""
    line = service.access(ask(service.address, data).request_id)
    assert line["status"] == status and line["err"] == err, line
    assert "jti" not in line


def test_one_line_a_request(start):
    """As many lines as requests, each id once."""
    one = start()
    with Wire(one.address) as wire:
        wire.send(post() * 50 + request("GET", "/nope") * 50 + b"bad\r\n\r\n")
        ids = [wire.answer().request_id for _ in range(101)]
    one.wait_event("request", count=101)
    assert [line["request_id"] for line in one.requests()] == ids
    one.stop()
    assert len(one.requests()) == 101


@pytest.mark.parametrize("level, lines", [("info", 0), ("debug", 5)])
def test_health_is_debug(start, level, lines):
    """Health routes and GET / are logged at debug only."""
    one = start({"ROOMKEY_LOG_LEVEL": level})
    for method, path in (("GET", "/healthz"), ("GET", "/livez"), ("GET", "/readyz"), ("GET", "/"), ("HEAD", "/")):
        ask(one.address, request(method, path), method)
    ask(one.address, post())
    one.wait_event("request", path="/v1/token")
    assert len([line for line in one.requests() if line["path"] != "/v1/token"]) == lines


@pytest.mark.parametrize("level", ["warn", "error"])
def test_quiet_levels(level):
    """style §6: info is one line per request; above it there is none."""
    one = Roomkey({"ROOMKEY_LOG_LEVEL": level}, quiet=True)
    standard(ask(one.address, post()))
    one.stop()
    assert one.lines == []


def test_life_is_logged(start):
    """Start, drain and end."""
    one = start()
    one.stop()
    names = [event["event"] for event in one.events]
    assert names.index("listening") < names.index("draining") < names.index("stopped")


# -- LOG-02: nothing forges a line


HOSTILE_PATHS = ['/"quote', "/back\\slash", '/","event":"forged"', "/%n%s%0d%0a", "/a?b=planted-query", "/" + "x" * 5000, "/\\u0000", "/{}", "/%1b[31m", "/'"]


@pytest.mark.parametrize("path", HOSTILE_PATHS)
def test_hostile_paths(service, path):
    """LOG-02: one valid JSON line each; the path is without query, escaped and bounded."""
    answer = ask(service.address, request("GET", path))
    line = service.access(answer.request_id)
    plain = path.split("?")[0]
    assert line["path"] == (plain if len(plain) <= 256 else plain[:256] + "...")
    assert "planted-query" not in service.all_output()
    assert not service.bad_lines


HOSTILE_HEADS = {
    "CR LF": b"GET /a\r\n{\"event\":\"forged\"}\r\n\r\n", "ESC": b"GET /\x1b[31m HTTP/1.1\r\nHost: x\r\n\r\n", "invalid UTF-8": b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "U+2028": "GET /\u2028 HTTP/1.1\r\nHost: x\r\n\r\n".encode(), "NUL": b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", "LF": b"GET /a\nb HTTP/1.1\r\nHost: x\r\n\r\n",
    "method": b"%n%s" + b"A" * 300 + b" / HTTP/1.1\r\nHost: x\r\n\r\n", "method bytes": b"\x1b[2J\xff / HTTP/1.1\r\nHost: x\r\n\r\n", "TLS": bytes(range(256)),
}


@pytest.mark.parametrize("data", HOSTILE_HEADS.values(), ids=HOSTILE_HEADS.keys())
def test_hostile_heads(service, data):
    """LOG-02: in every field that comes from the client."""
    answer = ask(service.address, data)
    service.access(answer.request_id)
    raw = next(line for line in service.lines if answer.request_id in line)
    assert len(raw) < 2048 and raw.isascii() and raw.isprintable(), raw
    assert not [event for event in service.events if event["event"] == "forged"]
    assert not service.bad_lines


@pytest.mark.parametrize("value", ["203.0.113.7\", \"x\":\"y", "\x1b[31m", "%n%s", "\u00e9\u00ff", "x" * 8000])
def test_hostile_client_addresses(start, value):
    """LOG-02: `client` is an address or nothing, whatever a proxy passes on."""
    one = start({"ROOMKEY_TRUSTED_PROXIES": "127.0.0.0/8"})
    answer = ask(one.address, post(headers={"X-Forwarded-For": value} if "\x1b" not in value else {"X-Forwarded-For": value.replace("\x1b", "^")}))
    assert one.access(answer.request_id)["client"] == "127.0.0.1"


# -- LOG-01: planted secrets


PLANTED = {
    "bearer": "planted-bearer-aaaaaaaaaaaa", "api key": "rk_planted-apikey-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "query": "planted-query-cccccccc",
    "cookie": "planted-cookie-dddddddd", "name": "planted-name-eeeeeeee", "metadata": "planted-metadata-ffffffff", "room": "planted-room-gggggggg",
    "identity": "planted-identity-hhhhhhhh", "broken": "planted-broken-iiiiiiii", "header": "planted-header-jjjjjjjj", "agent": "planted-agent-kkkkkkkk",
}


def plant(one):
    """Send each planted value along every path that might print it; the tokens that were minted come back."""
    mark = {key: value for key, value in PLANTED.items()}
    body = json.dumps({"room_name": mark["room"], "participant_identity": mark["identity"], "participant_name": mark["name"],
                       "participant_metadata": mark["metadata"]}).encode()
    original = json.dumps({"roomName": mark["room"], "participantIdentity": mark["identity"], "participantName": mark["name"]}).encode()
    noise = {"Cookie": mark["cookie"], "X-Custom": mark["header"], "User-Agent": mark["agent"], "Referer": mark["header"]}
    requests = [
        post("/v1/token", body, noise), post("/api/token", original, noise), post(f"/v1/token?k={mark['query']}", body),
        post("/api/sandbox/connection-details", json.dumps({"roomName": mark["room"], "participantName": mark["name"]}).encode()),
        request("GET", f"/nope?{mark['query']}", None, noise), post(body=b'{"' + mark["broken"].encode()), post(body=b'{"room_name":"%s "}' % mark["room"].encode()),
        post("/api/token", b'{"roomName":"%s !"}' % mark["room"].encode()), request("PUT", "/v1/token", mark["broken"].encode()),
        b"POST /v1/token HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nAuthorization: Bearer %s\r\n\r\n" % ((mark["bearer"].encode(),) * 2),
        b"POST /v1/token HTTP/1.1\r\nHost: x\r\nX : %s\r\n\r\n" % mark["header"].encode(),
        request("POST", "/v1/token", body, {"Content-Type": "text/plain", "X-Custom": mark["header"]}),
    ]
    for path in ("/v1/token", "/api/token", "/healthz", "/nope"):
        for fields in ({"Authorization": f"Bearer {mark['bearer']}"}, {"X-API-Key": mark["api key"]}, {"Authorization": f"Bearer {mark['api key']}"},
                       {"Authorization": f"Basic {mark['bearer']}"}, {"Authorization": f"Bearer {mark['bearer']}", "X-API-Key": mark["api key"]},
                       {"Proxy-Authorization": f"Bearer {mark['bearer']}", "X-Forwarded-Authorization": mark["bearer"]}):
            requests.append(post(path, body, fields))
    tokens, told = [], ""
    for data in requests:
        answer = ask(one.address, data)
        if answer.status == 200 and b"oken" in answer.body:
            found = answer.json()
            tokens.append(found.get("token") or found.get("participant_token") or found.get("participantToken"))
        else:
            told += repr(answer)
    assert len([token for token in tokens if token]) >= 4
    return [token for token in tokens if token], told


@pytest.mark.parametrize("level", ["info", "debug"])
def test_planted_secrets_in_output(start, level):
    """LOG-01: no token, key, body or client value in any output, at any level; refusals echo nothing."""
    one = start({"LIVEKIT_API_SECRET": SECRET, "ROOMKEY_LOG_LEVEL": level})
    tokens, told = plant(one)
    with Wire(one.address) as wire:
        wire.send(b"POST /v1/token HTTP/1.1\r\nX: " + PLANTED["header"].encode())
        one.send_signal(signal.SIGHUP)
        time.sleep(0.2)
    one.stop()
    output = one.all_output()
    for value in (SECRET, *PLANTED.values()):
        assert value not in output and value not in told
    for token in tokens:
        assert token.split(".")[2] not in output and token.split(".")[1] not in output
    assert "-----BEGIN" not in output


def test_planted_secrets_in_the_process_table(start):
    """CLI-01, security §7.1: neither the command line nor the environment of the running process shows a secret."""
    one = start({"LIVEKIT_API_SECRET": SECRET})
    for name in ("cmdline", "environ"):
        shown = as_root("cat", f"/proc/{one.pid}/{name}")
        assert SECRET.encode() not in shown, name
        assert name != "cmdline" or b"serve" in shown


def dumps_core(words, env, then):
    """Run with unlimited core size, let it abort; whether the kernel wrote a core."""

    def unlimited():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    pid = os.fork()
    if pid == 0:
        unlimited()
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.execvpe(words[0], words, env)
    then(pid)
    os.kill(pid, signal.SIGABRT)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGABRT
            return os.WCOREDUMP(status)
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise AssertionError("SIGABRT did not end it")


def test_no_core(tmp_path, monkeypatch):
    """issue: no core dumps. The same abort of another program does leave one, so this test can see it."""
    monkeypatch.chdir(tmp_path)
    assert dumps_core(["sleep", "60"], clean_env(), lambda pid: time.sleep(0.3)), "this machine writes no cores at all: nothing can be proved here"
    port = free_port()
    env = clean_env({**DEFAULTS, "ROOMKEY_LISTEN": f"127.0.0.1:{port}", "LIVEKIT_API_SECRET": SECRET})

    def serve_first(_):
        end = time.monotonic() + 20
        while True:
            try:
                assert ask(("127.0.0.1", port), post()).status == 200
                return
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.02)

    assert not dumps_core([BIN, "serve"], env, serve_first)


def is_in_core(pid, secret):
    """Would a core of that process hold it? See memory.py."""
    here = os.path.dirname(os.path.abspath(__file__))
    told = as_root(sys.executable, os.path.join(here, "memory.py"), str(pid), secret).split()
    assert int(told[0]) > 100_000, "next to nothing was searched"
    return int(told[1]) > 0


def test_planted_secret_in_a_core_made_on_purpose(start):
    """LOG-01: root takes the memory a core would hold, before any request and after many; the LiveKit secret is not in it."""
    one = start({"LIVEKIT_API_SECRET": SECRET})
    control = subprocess.Popen(["sleep", "60"], env={"RK": SECRET, "PATH": os.environ["PATH"]})
    wait_until(lambda: b"sleep" in as_root("cat", f"/proc/{control.pid}/cmdline"))
    assert is_in_core(control.pid, SECRET), "the search itself does not work"
    control.kill()
    control.wait()
    assert not is_in_core(one.pid, SECRET), "before any request"
    plant(one)
    with Wire(one.address) as wire:
        wire.send(post() * 200)
        for _ in range(200):
            wire.answer()
    assert not is_in_core(one.pid, SECRET), "after requests"


# -- LOG-03: slow, full and closed sinks


def flood(address, count):
    """Requests on one connection, all answered; how long the slowest batch took."""
    slowest = 0.0
    with Wire(address, timeout=20) as wire:
        for _ in range(count // 100):
            begun = time.monotonic()
            wire.send(post(body=b"x") * 100)
            for _ in range(100):
                assert wire.answer().status == 400
            slowest = max(slowest, took(begun))
    return slowest


def test_a_sink_that_nobody_reads():
    """LOG-03, issue: a slow sink never blocks a worker; the queue is bounded, every drop is counted."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    one = Roomkey(quiet=True, stderr=writer)
    os.close(writer)
    try:
        rss = None
        total = 30000
        for _ in range(6):
            assert flood(one.address, total // 6) < 10
            rss = rss or one.rss_kib()
        assert one.rss_kib() - rss < 8192, "the queue is not bounded"
        text = []
        thread = threading.Thread(target=drain_pipe, args=(reader, text))
        thread.start()
        wait_until_quiet(text)
        one.stop()
        thread.join(20)
    finally:
        one.kill()
    events = [json.loads(line) for line in b"".join(text).decode().splitlines()]
    lines = [event for event in events if event["event"] == "request"]
    dropped = sum(event["count"] for event in events if event["event"] == "log_dropped")
    assert dropped > 0, "nothing was dropped: the queue has no bound, or the flood was too small"
    assert len({event["request_id"] for event in lines}) == len(lines)
    assert len(lines) + dropped >= total, "drops are not all counted"
    assert len(lines) + dropped <= total + 50


def wait_until_quiet(text):
    """Until nothing has been added for a while: what was queued is written."""
    count = -1
    while count != len(text):
        count = len(text)
        time.sleep(0.7)


def drain_pipe(reader, text):
    while data := os.read(reader, 65536):
        text.append(data)


def test_a_sink_that_is_slow():
    """The same when somebody reads slowly, and faster later: lines come whole, one JSON object each, and drops are told."""
    reader, writer = os.pipe()
    one = Roomkey(quiet=True, stderr=writer)
    os.close(writer)
    text, hurry = [], threading.Event()

    def slowly():
        while data := os.read(reader, 512):
            text.append(data)
            hurry.wait(0.005)

    thread = threading.Thread(target=slowly)
    thread.start()
    try:
        assert flood(one.address, 10000) < 10
        hurry.set()
        wait_until_quiet(text)
        assert flood(one.address, 100) < 10
        one.stop()
        thread.join(20)
    finally:
        hurry.set()
        one.kill()
    events = [json.loads(line) for line in b"".join(text).decode().splitlines()]
    dropped = sum(event["count"] for event in events if event["event"] == "log_dropped")
    assert 10100 <= sum(event["event"] == "request" for event in events) + dropped <= 10110


@pytest.mark.parametrize("sink", ["/dev/full", "closed pipe", "closed descriptor"])
def test_a_sink_that_is_gone(sink):
    """issue: a full or closed sink never blocks a worker, and is no reason to stop."""
    if sink == "closed descriptor":
        one = Roomkey(quiet=True, stderr=subprocess.DEVNULL, launcher=["sh", "-c", 'exec "$@" 2>&-', "sh"])
    elif sink == "closed pipe":
        reader, writer = os.pipe()
        os.close(reader)
        one = Roomkey(quiet=True, stderr=writer)
        os.close(writer)
    else:
        with open(sink, "wb", buffering=0) as full:
            one = Roomkey(quiet=True, stderr=full)
    try:
        assert flood(one.address, 3000) < 10
        standard(ask(one.address, post()))
        one.stop()
    finally:
        one.kill()


def test_no_log_line_lands_in_a_connection():
    """With 0-2 closed at the start, no socket takes their place and gets what was meant for the log."""
    one = Roomkey({"ROOMKEY_LOG_LEVEL": "debug"}, quiet=True, stderr=subprocess.DEVNULL,
                  launcher=["sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh"])
    try:
        with contextlib.ExitStack() as stack:
            wires = [stack.enter_context(Wire(one.address)) for _ in range(20)]
            for wire in wires:
                wire.send(post() * 5)
            for wire in wires:
                for _ in range(5):
                    standard(wire.answer())
                wire.expect_silence(0.02)
        one.stop()
    finally:
        one.kill()


# -- H22


def test_under_the_functions_host(start):
    """semantics H22: to stdout under the Functions host, nothing to stderr (hosting §1.9: stderr lines become errors)."""
    port = free_port()
    one = start({"FUNCTIONS_CUSTOMHANDLER_PORT": str(port), "ROOMKEY_LISTEN": None}, log_to="stdout")
    assert one.addresses == [f"127.0.0.1:{port}"]
    standard(ask(one.address, post()))
    one.wait_event("request")
    one.stop()
    assert one.out == []
