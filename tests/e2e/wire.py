"""wire.py - an HTTP client that hides nothing: sends the bytes it is given and reads answers by the letter of RFC 9112.

Every answer read here is checked against semantics H14, whatever the test is about.
May touch: sockets it is told to open.
"""

import contextlib
import email.utils
import json
import re
import select
import socket
import struct
import sys
import time

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) ([\x20-\x7e]*)")
FIELD_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FIELD_VALUE = re.compile(rb"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?|")
WAIT_S = 20  # for what must come at all; what must come soon is measured by the test that says so


class Answer:
    """One response."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name):
        """The value of a header that may occur once at most; None when it is absent."""
        found = self.all(name)
        assert len(found) <= 1, f"{name} occurs {len(found)} times"
        return found[0] if found else None

    def json(self):
        def pairs(items):
            names = [name for name, _ in items]
            assert len(names) == len(set(names)), f"duplicate members in {self.body!r}"
            return dict(items)

        return json.loads(self.body, object_pairs_hook=pairs)

    def date_s(self):
        """When it was made, by its Date."""
        return email.utils.parsedate_to_datetime(self.get("date")).timestamp()

    @property
    def closes(self):
        return self.get("connection") is not None and self.get("connection").lower() == "close"

    @property
    def request_id(self):
        return self.get("x-request-id")

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:300]!r}>"


def check_h14(answer, to_head):
    """What every answer has, parse errors included (semantics H14)."""
    assert answer.get("cache-control") == "no-store", answer
    assert answer.get("x-content-type-options") == "nosniff", answer
    assert re.fullmatch(r"[0-9A-Za-z_-]{8,64}", answer.request_id or ""), answer
    date = email.utils.parsedate_to_datetime(answer.get("date"))
    assert answer.get("date").endswith(" GMT") and date is not None, answer
    assert answer.all("transfer-encoding") == [], "an answer is never chunked"
    if answer.status == 204:
        assert answer.get("content-length") is None and answer.body == b"", answer
    elif not to_head:
        assert answer.get("content-length") == str(len(answer.body)), answer
        assert answer.get("content-type"), answer
    if answer.status in (429, 503):
        assert re.fullmatch(r"[1-9][0-9]*", answer.get("retry-after") or ""), f"Retry-After >= 1: {answer}"
    if answer.status == 405:
        assert answer.get("allow"), answer


class Wire:
    """A connection. Use as a context manager."""

    def __init__(self, address, timeout=WAIT_S, source=None, receive_buffer=None):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.sock.bind((source, 0))
        self.sock.settimeout(timeout)
        self.sock.connect(address)
        if family != socket.AF_UNIX:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timeout = timeout
        self.buffer = b""
        self.ended = False
        self.reset = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def abort(self):
        """Close by RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    # -- sending

    def send(self, data):
        """Send all. A peer that has stopped reading is no error here: what it answered is what counts."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.sock.sendall(data)

    def dribble(self, data, step=1, pause=0.002):
        for at in range(0, len(data), step):
            self.send(data[at:at + step])
            time.sleep(pause)

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def wait_taken(self):
        """Until the peer has read every byte that was sent."""
        wait_taken([self])

    # -- receiving

    def _more(self, end):
        """Read once before `end`. False at the end of the stream."""
        if self.ended:
            return False
        self.sock.settimeout(max(end - time.monotonic(), 0.001))
        try:
            got = self.sock.recv(65536)
        except ConnectionResetError:
            self.reset = True
            got = b""
        if not got:
            self.ended = True
            return False
        self.buffer += got
        return True

    def _until(self, mark, end):
        while mark not in self.buffer:
            try:
                more = self._more(end)
            except TimeoutError:
                raise AssertionError(f"no answer in time; so far {self.buffer[:200]!r}") from None
            assert more, f"the connection ended ({'RST' if self.reset else 'FIN'}) before an answer: {self.buffer[:200]!r}"
        head, self.buffer = self.buffer.split(mark, 1)
        return head

    def _exactly(self, count, end):
        while len(self.buffer) < count:
            assert self._more(end), f"the connection ended inside a body: {self.buffer[:200]!r}"
        got, self.buffer = self.buffer[:count], self.buffer[count:]
        return got

    def answer(self, to_head=False, within=None):
        """Exactly one final response; a 100 on the way fails (ask for it with `continued`)."""
        end = time.monotonic() + (within or self.timeout)
        lines = self._until(b"\r\n\r\n", end).split(b"\r\n")
        match = STATUS_LINE.fullmatch(lines[0])
        assert match, f"not a status line: {lines[0]!r}"
        status = int(match.group(1))
        assert status >= 200, f"unasked interim answer {lines[0]!r}"
        headers = []
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            assert colon and FIELD_NAME.fullmatch(name), f"bad header line {line!r}"
            value = value.strip(b" \t")
            assert FIELD_VALUE.fullmatch(value), f"bad header value {line!r}"
            headers.append((name.decode(), value.decode()))
        answer = Answer(status, headers, b"")
        if not to_head and status != 204:
            length = answer.get("content-length")
            assert length and length.isdigit(), f"no Content-Length: {answer}"
            answer.body = self._exactly(int(length), end)
        check_h14(answer, to_head)
        return answer

    def continued(self, within=None):
        """Exactly one 100 Continue."""
        head = self._until(b"\r\n\r\n", time.monotonic() + (within or self.timeout))
        assert head == b"HTTP/1.1 100 Continue", head

    def expect_silence(self, seconds=0.25):
        """Nothing comes, and the connection stays open."""
        assert self.buffer == b"", self.buffer
        ready, _, _ = select.select([self.sock], [], [], seconds)
        if ready:
            raise AssertionError(f"unexpected: {self.sock.recv(4096)!r}")

    def expect_end(self, within=10):
        """Nothing more comes and the peer closes (FIN), within the time."""
        end = time.monotonic() + within
        try:
            while self._more(end):
                pass
        except TimeoutError:
            raise AssertionError(f"still open after {within} s; unread {self.buffer[:200]!r}") from None
        assert self.buffer == b"", f"more than one answer: {self.buffer[:300]!r}"

    def expect_open(self):
        """The connection was kept: another request is answered on it."""
        assert self.buffer == b"", f"unread bytes: {self.buffer[:300]!r}"
        self.send(request("GET", "/healthz"))
        assert self.answer().status == 200


def in_kernel(host, port):
    return f"{int.from_bytes(socket.inet_aton(host), sys.byteorder):08X}:{port:04X}"


def wait_taken(wires):
    """Until their peers have read every byte that was sent: both our queues and theirs are empty (TCP over IPv4)."""
    ends = [(in_kernel(*wire.sock.getsockname()), in_kernel(*wire.sock.getpeername())) for wire in wires]
    columns = {**{pair: 0 for pair in ends}, **{pair[::-1]: 1 for pair in ends}}  # of what we have sent, and of what they have not read
    end = time.monotonic() + WAIT_S
    while True:
        with open("/proc/net/tcp", encoding="ascii") as table:
            rows = [row.split(None, 5)[1:5] for row in table]
        queues = [queue.split(":")[columns[local, remote]] for local, remote, _, queue in rows if (local, remote) in columns]
        if len(queues) == len(columns) and not any(int(queue, 16) for queue in queues):
            return
        assert time.monotonic() < end, f"bytes that nobody reads: {queues}"
        time.sleep(0.005)


def is_left(wire):
    """Whether the peer has closed its end, whatever is still on the way (TCP over IPv4)."""
    try:
        ours, theirs = in_kernel(*wire.sock.getsockname()), in_kernel(*wire.sock.getpeername())
    except OSError:  # reset
        return True
    with open("/proc/net/tcp", encoding="ascii") as table:
        return not any(row.split(None, 4)[1:4] == [theirs, ours, "01"] for row in table)


def request(method, path, body=None, headers=(), version="HTTP/1.1", host="localhost"):
    """The bytes of a request. `headers` is a dict or a list of pairs; Content-Length is added for a body."""
    pairs = list(headers.items() if isinstance(headers, dict) else headers)
    names = {name.lower() for name, _ in pairs}
    head = f"{method} {path} {version}\r\n"
    if host is not None and "host" not in names:
        head += f"Host: {host}\r\n"
    for name, value in pairs:
        head += f"{name}: {value}\r\n"
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        head += f"Content-Length: {len(body)}\r\n"
    return head.encode("latin-1") + b"\r\n" + (body or b"")


JSON = {"Content-Type": "application/json"}
GOOD = b'{"roomName":"test-room","participantIdentity":"user-123"}'


def post(path="/v1/token", body=b"{}", headers=(), **more):
    """A JSON POST."""
    pairs = list(headers.items() if isinstance(headers, dict) else headers)
    if "content-type" not in {name.lower() for name, _ in pairs}:
        pairs.insert(0, ("Content-Type", "application/json"))
    return request("POST", path, body, pairs, **more)


def ask(address, data, method="GET", **more):
    """One request on a connection of its own."""
    with Wire(address, **more) as wire:
        wire.send(data)
        return wire.answer(to_head=method == "HEAD")


def chunked(*parts, trailers=b""):
    """A chunked body."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n" + trailers + b"\r\n"
