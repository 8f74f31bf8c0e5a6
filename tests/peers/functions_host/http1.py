"""http1.py - just enough HTTP/1.1 for the emulated Functions host: a client's requests in, the handler's answers in.

Sockets and bytes only; shares nothing with roomkey, and nothing with the tests' own client.
"""

import socket


class Broken(Exception):
    """The peer does not speak HTTP, or went away."""


class Message:
    """A request or an answer: its first line, its headers in order, its whole body."""

    def __init__(self, first, headers, body=b""):
        self.first, self.headers, self.body = first, headers, body

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name):
        found = self.all(name)
        return found[0] if found else None

    def without(self, *names):
        low = {name.lower() for name in names}
        return [(key, value) for key, value in self.headers if key.lower() not in low]


class Stream:
    """A socket read by lines and counts."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def more(self):
        got = self.sock.recv(65536)
        if not got:
            raise Broken("the peer closed")
        self.buffer += got

    def line(self):
        while b"\r\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def exactly(self, count):
        while len(self.buffer) < count:
            self.more()
        got, self.buffer = self.buffer[:count], self.buffer[count:]
        return got

    def head(self):
        first, headers = self.line().decode("latin-1"), []
        while line := self.line():
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon:
                raise Broken(f"no header: {line!r}")
            headers.append((name, value.strip(" \t")))
        return Message(first, headers)

    def chunks(self):
        """The data of a chunked body; trailers are dropped."""
        while size := int(self.line().split(b";")[0], 16):
            yield self.exactly(size)
            self.exactly(2)
        while self.line():
            pass

    def read_body(self, message):
        if "chunked" in (message.get("transfer-encoding") or "").lower():
            message.body = b"".join(self.chunks())
        elif message.get("content-length"):
            message.body = self.exactly(int(message.get("content-length")))

    def answer(self, to_head=False):
        """The next answer, a 100 included."""
        message = self.head()
        message.status = int(message.first.split(" ")[1])
        if message.status >= 200 and message.status != 204 and not to_head:
            if message.get("transfer-encoding") is None and message.get("content-length") is None:
                try:
                    while True:
                        self.more()
                except Broken:
                    message.body, self.buffer = self.buffer, b""
            else:
                self.read_body(message)
        return message


def head_bytes(first, headers):
    return (first + "\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n").encode("latin-1")


def connect(port):
    sock = socket.create_connection(("127.0.0.1", port), 10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Stream(sock)


def chunked(body, size=700):
    """In pieces, as a serializer that does not know its length sends it."""
    parts = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
