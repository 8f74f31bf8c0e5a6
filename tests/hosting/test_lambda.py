"""AWS Lambda, played by its published contract: the runtime API (hosting §3.1), the Web Adapter (§3.2), and the zip.

The runtime API here answers as Go's net/http does: bodies over 2 KiB come chunked.
"""

import base64
import http.client
import json
import os
import queue
import subprocess
import threading
import time
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import process
from conf import Conf, LOCAL_FILES, as_local, base, local
from process import BIN, ROOT, Roomkey, clean_env
from shapes import verified
from wire import GOOD, JSON, ask, request

PREFIX = "/2018-06-01/runtime/"
BASE64 = base64.b64encode


class RuntimeApi:
    """The platform's side: `invoke` gives the event out at the next GET and returns what comes back for it."""

    def __init__(self, status=200):
        self.events, self.results, self.init_errors, self.asked = queue.Queue(), {}, [], threading.Event()
        self.changed, self.status, self.count = threading.Condition(), status, 0
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def send(self, status, body, headers=(), chunked=False):
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                if chunked:
                    self.send_header("Transfer-Encoding", "chunked")
                    body = b"".join(b"%X\r\n%s\r\n" % (len(body[at:at + 32768]), body[at:at + 32768]) for at in range(0, len(body), 32768)) + b"0\r\n\r\n"
                else:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                assert self.path == PREFIX + "invocation/next", self.path
                api.asked.set()
                if api.status != 200:
                    return self.send(api.status, b"{}")
                number, event, deadline_ms = api.events.get()
                if number is None:
                    return None
                headers = [("Lambda-Runtime-Aws-Request-Id", number), ("Lambda-Runtime-Deadline-Ms", str(deadline_ms)),
                           ("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0"), ("Content-Type", "application/json")]
                return self.send(200, event, headers, chunked=len(event) > 2048)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with api.changed:
                    if self.path == PREFIX + "init/error":
                        api.init_errors.append((self.headers["Lambda-Runtime-Function-Error-Type"], json.loads(body)))
                    else:
                        number, what = self.path.removeprefix(PREFIX + "invocation/").split("/")
                        assert number not in api.results, "one answer an event"
                        api.results[number] = what, json.loads(body)
                    api.changed.notify_all()
                self.send(202, b'{"status":"OK"}\n')

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.server.server_address[1]}"

    def give(self, event, within_s=30):
        self.count += 1
        number = f"8476a536-e9f4-11e8-9739-{self.count:012}"
        self.events.put((number, event if isinstance(event, bytes) else json.dumps(event).encode(), int((time.time() + within_s) * 1000)))
        return number

    def wait(self, number, timeout=30):
        with self.changed:
            assert self.changed.wait_for(lambda: number in self.results, timeout), "the event got no answer"
            return self.results[number]

    def invoke(self, event):
        """The answer as API Gateway would read it: status, headers with lower-case names, body as bytes."""
        what, result = self.wait(self.give(event))
        assert what == "response", result
        assert set(result) == {"statusCode", "headers", "body", "isBase64Encoded"} and result["isBase64Encoded"] is False
        return result["statusCode"], {name.lower(): value for name, value in result["headers"].items()}, result["body"]

    def close(self):
        self.events.put((None, None, 0))
        self.server.shutdown()
        self.server.server_close()


def event(method="POST", path="/v1/token", body=None, headers=None, query="", source="203.0.113.7", **more):
    """Payload format 2.0, as the developer guide prints it."""
    return {"version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "cookies": ["a=1", "b=2"],
            "headers": {"host": "abc.lambda-url.eu-west-1.on.aws", "x-forwarded-for": source, "x-forwarded-proto": "https", "x-forwarded-port": "443",
                        "x-amzn-trace-id": "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e", "content-type": "application/json", **(headers or {})},
            "requestContext": {"accountId": "123456789012", "requestId": "id", "stage": "$default", "timeEpoch": 1583348638390,
                               "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": source, "userAgent": "agent"}},
            "body": BASE64(body).decode() if isinstance(body, bytes) else body, "isBase64Encoded": isinstance(body, bytes), **more}


@contextmanager
def on_lambda(env=None, words=("serve",), status=200, **more):
    """roomkey under the runtime API. ROOMKEY_LISTEN is one that could not work: it must not count."""
    api = RuntimeApi(status)
    one = Roomkey({"AWS_LAMBDA_RUNTIME_API": api.address, "ROOMKEY_LISTEN": "192.0.2.1:1", "ROOMKEY_WORKERS": "1", "_HANDLER": "bootstrap", **(env or {})}, words, **more)
    try:
        yield one, api
        one.stop()
    finally:
        api.close()
        one.kill()


def test_events_are_answered_as_requests_are():
    """Issue 5 point 3: tokens, refusals, preflights and HEAD, with their headers; one event after the other."""
    with on_lambda({"ROOMKEY_CORS_ORIGINS": "https://app.example.org"}) as (_, api):
        for number in range(5):
            status, headers, body = api.invoke(event(body=b'{"room_name":"r%d","participant_identity":"ada"}' % number, headers={"origin": "https://app.example.org"}))
            assert status == 200 and headers["access-control-allow-origin"] == "https://app.example.org" and headers["cache-control"] == "no-store"
            assert "connection" not in headers and "content-length" not in headers
            _, claims = verified(json.loads(body)["participant_token"])
            assert claims["sub"] == "ada" and claims["video"]["room"] == f"r{number}"
        status, _, body = api.invoke(event(path="/api/token", body=GOOD.decode(), query="a=1&b=%20"))
        assert status == 200 and json.loads(body)["roomName"] == "test-room"
        status, _, body = api.invoke(event(body='{"room_name":"Zoë — é","participant_identity":"x"}'))
        assert status == 200 and json.loads(body)["room_name"] == "Zoë — é"
        status, headers, _ = api.invoke(event("GET"))
        assert status == 405 and "POST" in headers["allow"]
        status, headers, body = api.invoke(event("HEAD", "/healthz"))
        assert status == 200 and body == "" and headers["content-type"]
        status, headers, body = api.invoke(event("OPTIONS", headers={"origin": "https://app.example.org", "access-control-request-method": "POST"}))
        assert status == 204 and body == "" and headers["access-control-max-age"]
        status, headers, _ = api.invoke(event(body=b"{}", headers={"authorization": "Bearer a.b.c"}))
        assert status == 401 and headers["www-authenticate"].startswith("Bearer")


def test_the_client_is_whom_lambda_saw():
    """hosting §3.1: sourceIp is the platform's word; what the caller put into X-Forwarded-For or Forwarded is not."""
    with on_lambda({"ROOMKEY_LIMITS": "per_address=1/h,failures_per_address=off"}) as (one, api):
        forged = {"x-forwarded-for": "198.51.100.1, 203.0.113.7", "forwarded": "for=198.51.100.2"}
        assert api.invoke(event(body=b"{}", headers=forged))[0] == 200
        assert api.invoke(event(body=b"{}", headers={**forged, "x-forwarded-for": "198.51.100.9"}))[0] == 429, "the same client, whatever it claims"
        assert api.invoke(event(body=b"{}", source="2001:db8::7", headers=forged))[0] == 200
        clients = [one.wait_event("request", count=number)["client"] for number in (1, 2, 3)]
        assert clients[0] == clients[1] == "203.0.113.7" and clients[2].startswith("2001:db8:"), clients


def test_bad_events_stay_one_event():
    """An event cannot become two requests, and one that is no HTTP event is 400; the next is served."""
    with on_lambda() as (one, api):
        smuggled = "x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        bad = [{"hello": "test event of the console"}, b"[]", b"{", b"", event(path="/v1/token HTTP/1.1\r\nX: y"), event(method="GET /"), event(path="v1/token"),
               event(headers={"x-a": smuggled}), event(headers={smuggled: "x"}), event(headers={"x: y": "z"}), event(headers={"host": "a b"}), event(query="a=1 b"),
               event(source=""), event(source=smuggled), event(headers={"x-forwarded-for": smuggled}), event(isBase64Encoded=True, body="e30=="), event(headers={"x-list": ["a"]}),
               {"version": "1.0", "httpMethod": "GET", "path": "/", "headers": {}}]
        for one_event in bad:
            assert api.invoke(one_event)[0] == 400, one_event
        assert one.requests() == []
        assert api.invoke(event(body="\x00"))[0] == 400
        one.wait_event("request")
        assert len(one.requests()) == 1


def test_large_events():
    """A body over the limit is the service's 413; an event that roomkey does not read at all is 413 too."""
    with on_lambda() as (_, api):
        assert api.invoke(event(body=b'{"participant_metadata":"%s"}' % (b"m" * 4000)))[0] == 200
        assert api.invoke(event(body=b" " * 100_000))[0] == 413
        assert api.invoke(event(body=b" " * 4_000_000))[0] == 413
        assert api.invoke(event(body=GOOD))[0] == 200


def test_no_answer_before_the_deadline(tmp_path):
    """hosting §3.1: /error, with the type in the header's form, before Lambda ends the function; then the next event."""
    slow = ThreadingHTTPServer(("127.0.0.1", 0), type("Slow", (BaseHTTPRequestHandler,), {"do_POST": lambda self: time.sleep(4), "log_message": lambda *_: None}))
    slow.daemon_threads = True
    threading.Thread(target=slow.serve_forever, daemon=True).start()
    doc = base(callers=[local()], rules=[{"id": "slow", "room": "slow", "ask": {"url": f"http://127.0.0.1:{slow.server_port}/", "secret_file": "identity.key", "timeout": "2s"}},
                                         {"id": "rest", "room": "*"}])
    conf = Conf(tmp_path, doc, LOCAL_FILES)
    with on_lambda({"ROOMKEY_ANONYMOUS": None, "ROOMKEY_LIMITS": None, "ROOMKEY_CONFIG": conf.path}) as (_, api):
        headers = {name.lower(): value for name, value in as_local().items()}
        what, result = api.wait(api.give(event(body=b'{"room_name":"slow"}', headers=headers), within_s=0.6))
        assert what == "error" and result["errorType"] == "Roomkey.Failed" and result["stackTrace"] == []
        assert api.invoke(event(body=b'{"room_name":"fast"}', headers=headers))[0] == 200
    slow.shutdown()
    slow.server_close()


def test_bootstrap_ends_when_told():
    """Named bootstrap and without arguments it is `serve`; SIGTERM while it waits for an event is a clean end."""
    with on_lambda(words=(), launcher=("bash", "-c", 'exec -a /var/task/bootstrap "$0"')) as (one, api):
        assert api.invoke(event(body=GOOD))[0] == 200
        one.stop()


def test_what_cannot_start_says_so_to_lambda():
    """hosting §3.1: /init/error, then a code that is not 0."""
    api = RuntimeApi()
    env = clean_env({"AWS_LAMBDA_RUNTIME_API": api.address, "ROOMKEY_ANONYMOUS": "perhaps"})
    done = subprocess.run([BIN, "serve"], env=env, capture_output=True, timeout=20, check=False)
    api.close()
    assert done.returncode == 2 and done.stderr.startswith(b"roomkey: ROOMKEY_ANONYMOUS"), done
    (kind, body), = api.init_errors
    assert kind == "Roomkey.Failed" and body["errorType"] == "Roomkey.Init" and "perhaps" not in json.dumps(body)


def test_a_runtime_api_that_fails_ends_it():
    """Lambda starts a new environment; one that turns in circles it would not notice. 500 is its word for `exit`."""
    for status in (500, 403):
        api = RuntimeApi(status)
        done = subprocess.run([BIN, "serve"], env=clean_env({"AWS_LAMBDA_RUNTIME_API": api.address}), capture_output=True, timeout=20, check=False)
        api.close()
        assert done.returncode == 1 and b"runtime API" in done.stderr, done
    done = subprocess.run([BIN, "serve"], env=clean_env({"AWS_LAMBDA_RUNTIME_API": "nonsense"}), capture_output=True, timeout=20, check=False)
    assert done.returncode == 2 and b"AWS_LAMBDA_RUNTIME_API: expected ADDRESS:PORT" in done.stderr, done


# -- the Web Adapter


def test_behind_the_web_adapter(start):
    """hosting §3.2: it polls GET / until anything below 500 comes, forwards with its two headers, and fetches the events itself."""
    api, port = RuntimeApi(), process.free_port()
    one = start({"AWS_LAMBDA_RUNTIME_API": api.address, "AWS_LWA_PORT": str(port), "ROOMKEY_LISTEN": None, "ROOMKEY_LIMITS": "per_address=1/h,failures_per_address=off"}, listeners=0)
    end = time.monotonic() + 20
    while True:
        try:
            ready = ask(("127.0.0.1", port), request("GET", "/"))
            break
        except OSError:
            assert time.monotonic() < end, "it never listened"
            time.sleep(0.01)
    assert 100 <= ready.status <= 499

    def forward(client):
        headers = {**JSON, "Host": "abc.lambda-url.eu-west-1.on.aws", "X-Forwarded-For": client, "x-amzn-request-context": json.dumps(event()["requestContext"]),
                   "x-amzn-lambda-context": '{"request_id":"8476a536","deadline":1583348638390}'}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", "/v1/token", b"{}", headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    assert [forward("203.0.113.7"), forward("203.0.113.7"), forward("203.0.113.8")] == [200, 429, 200], "by client, not by adapter"
    for client in ("203.0.113.7", "203.0.113.8"):  # the lines of two workers come in any order
        one.wait_event("request", status=200, client=client)
    assert not api.asked.is_set(), "the events are the adapter's"
    api.close()


# -- the zip


def test_the_zip_starts_as_lambda_starts_it(tmp_path, monkeypatch):
    """Issue 5 point 3: bootstrap at the root, 0755, the same bytes each time; what the package holds answers events."""
    (tmp_path / "roomkey.yaml").write_text(json.dumps({"anonymous": "allow", "livekit": {"url": process.URL}}))
    package = [os.path.join(ROOT, "scripts", "package", "lambda")]
    made = []
    for name in ("one", "two"):
        directory = tmp_path / name
        (directory / "bin").mkdir(parents=True)
        os.link(BIN, directory / "bin" / "roomkey") if os.stat(BIN).st_dev == os.stat(directory).st_dev else (directory / "bin" / "roomkey").write_bytes(open(BIN, "rb").read())
        subprocess.run([*package, str(directory), str(tmp_path / "roomkey.yaml")], check=True, capture_output=True)
        made.append((directory / "roomkey-lambda.zip").read_bytes())
    assert made[0] == made[1]
    task = tmp_path / "task"
    with zipfile.ZipFile(tmp_path / "one" / "roomkey-lambda.zip") as archive:
        assert {info.filename: info.external_attr >> 16 for info in archive.infolist()} == {"bootstrap": 0o100755, "roomkey.yaml": 0o100644}
        for info in archive.infolist():
            os.chmod(archive.extract(info, task), info.external_attr >> 16 & 0o777)
    monkeypatch.setattr(process, "BIN", str(task / "bootstrap"))
    with on_lambda({"ROOMKEY_CONFIG": str(task / "roomkey.yaml"), "ROOMKEY_ANONYMOUS": None, "LIVEKIT_URL": None}, words=(), cwd=str(task)) as (_, api):
        assert api.invoke(event(path="/api/token", body=GOOD))[0] == 200
