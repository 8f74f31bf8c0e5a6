#!/usr/bin/env python3
"""host.py APP_DIRECTORY SETTINGS_JSON - plays the Azure Functions host for one app with a custom handler.

Written from the host's published source (see docs/HOSTING.md, Azure Functions); not the real host. Listens for clients on
127.0.0.1, on a port it chooses. SETTINGS_JSON: {"settings": {app settings}, "cors": "a,b", "corsCredentials": false,
"chunks": true (envelopes are sent chunked, as in Azure; false: as under func start), "key": "a function key"}.

stdout: one JSON object a line for everything that happens. stdin, a line a command: `ping` asks GET / as the platform's
health check does, `kill` kills the handler and starts it again at once, `end NUMBER` sends it that signal and ends.
Standard library only; Python's own sockets, none of roomkey's parsers.
"""

import json
import socket
import sys
import threading
import time
import uuid

import http1
import invoke
from app import App, BadApp, Cors
from handler import Handler

LOCK = threading.Lock()


def say(event, **members):
    with LOCK:
        print(json.dumps({"event": event, **members}), flush=True)


class Front:
    """What stands before the handler: CORS, routes, keys; then the invocation."""

    def __init__(self, app, handler, options):
        self.app, self.handler, self.options = app, handler, options
        self.cors = Cors(options["cors"], options.get("corsCredentials", False)) if options.get("cors") else None

    def serve(self, sock, peer):
        stream = http1.Stream(sock)
        try:
            while self.one(stream, peer):
                pass
        except (http1.Broken, OSError, ValueError):
            pass
        finally:
            stream.close()

    def one(self, stream, peer):
        request = stream.head()
        request.method, request.target, _ = request.first.split(" ")
        if (request.get("expect") or "").lower() == "100-continue":
            stream.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        stream.read_body(request)
        status, fields, body = self.answer(request, peer)
        keeps = (request.get("connection") or "").lower() != "close"
        fields = [(name, value) for name, value in fields if name.lower() not in ("content-length", "transfer-encoding", "connection")]
        if status != 204:
            fields.append(("Content-Length", str(len(body))))
        if not keeps:
            fields.append(("Connection", "close"))
        stream.send(http1.head_bytes(f"HTTP/1.1 {status} OK", fields) + (b"" if request.method == "HEAD" else body))
        return keeps

    def answer(self, request, peer):
        """(status, fields, body)."""
        preflight = self.cors.preflight(request) if self.cors else None
        if preflight is not None:
            return 204, preflight, b""
        status, fields, body = self.routed(request, peer)
        origin = request.get("origin")
        if self.cors and origin is not None and self.cors.allows(origin):
            mine = self.cors.fields(origin)
            names = {name.lower() for name, _ in mine if name != "Vary"}
            fields = [(name, value) for name, value in fields if name.lower() not in names] + mine
        return status, fields, body

    def routed(self, request, peer):
        path = request.target.partition("?")[0]
        function = self.app.find(request.method, path)
        if function is None:
            if request.method == "GET" and path == "/":
                return 200, [("Content-Type", "text/html")], b"<html>Your Functions 4.0 app is up and running</html>"
            return 404, [], b""
        if not self.has_key(function, request):
            return 401, [], b""
        if not self.handler.ready.wait(10):
            return 503, [], b"Function host is not running."
        return self.invoked(function, request, peer)

    def has_key(self, function, request):
        if function.level == "anonymous":
            return True
        _, _, query = request.target.partition("?")
        code = next((part[5:] for part in query.split("&") if part.startswith("code=")), None)
        return (request.get("x-functions-key") or code) == self.options.get("key", object())

    def invoked(self, function, request, peer):
        invocation, mode = str(uuid.uuid4()), self.app.mode_of(function)
        say("invoked", id=invocation, function=function.name, mode=mode)
        try:
            if mode == "envelope":
                answer, status = invoke.wrapped(self.handler, function, request, invocation, self.options.get("chunks", True))
                return status, answer.headers, answer.body
            answer = (invoke.forward(self.handler, request, invocation) if mode == "forward"
                      else invoke.proxy(self.handler, request, invocation, peer))
            return answer.status, answer.headers, answer.body
        except (invoke.Failed, http1.Broken, OSError, ValueError, KeyError) as error:
            say("failed", id=invocation, why=f"{type(error).__name__}: {error}")
            return 500, [], b""


def ping(handler):
    began = time.monotonic()
    try:
        stream = http1.connect(handler.port)
        status = handler.root(stream).status
        stream.close()
    except (OSError, http1.Broken):
        status = 0
    say("ping", status=status, ms=round(1000 * (time.monotonic() - began), 1))


def accept(listener, front):
    while True:
        sock, peer = listener.accept()
        sock.settimeout(60)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=front.serve, args=(sock, peer[0]), daemon=True).start()


def main():
    options = json.loads(sys.argv[2])
    try:
        app = App(sys.argv[1], options["settings"])
        handler = Handler(app, options["settings"], say)
        front = Front(app, handler, options)
    except BadApp as error:
        say("bad_app", why=str(error))
        return 1
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    say("host", port=listener.getsockname()[1], mode=app.mode)
    handler.start()
    threading.Thread(target=accept, args=(listener, front), daemon=True).start()
    for line in sys.stdin:
        words = line.split()
        if words == ["ping"]:
            ping(handler)
        elif words == ["kill"]:
            handler.kill()
        elif words[:1] == ["end"]:
            say("ended", code=handler.end(int(words[1])))
            return 0
    handler.end(9)
    return 0


if __name__ == "__main__":
    sys.exit(main())
