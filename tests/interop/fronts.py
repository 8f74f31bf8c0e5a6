"""fronts.py - what may stand between roomkey and a livekit-server: a proxy with TLS or without, with a path prefix or with
half of the routes; and servers that are none.

May touch: loopback, the directory it is given. One thread a connection; every connection carries one request.
"""

import collections
import contextlib
import datetime
import ipaddress
import os
import re
import socket
import ssl
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def make_certificate(directory):
    """The path of a PEM file with a key and its own certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
                   .not_valid_after(now + datetime.timedelta(days=1))
                   .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
                   .add_extension(x509.BasicConstraints(ca=True, path_length=None), True).sign(key, hashes.SHA256()))
    path = os.path.join(directory, "front.pem")
    with open(path, "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption()))
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
    return path


def pipe(source, sink):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def answer(status, body=b"", headers=""):
    return f"HTTP/1.1 {status} Told\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}\r\n".encode() + body


class Front:
    """Listens on loopback. `decide(method, path, head)` gives bytes to answer, or the path to ask `target` for;
    lead_to changes `target` while it runs."""

    def __init__(self, target, decide=None, certificate=None, drop=()):
        self.target, self.decide, self.drop = target, decide or (lambda method, path, head: path), drop
        self.tls, self._lock, self._active = None, threading.Lock(), collections.Counter()
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.host = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, contextlib.suppress(OSError, ValueError):
            client.settimeout(30)
            if self.tls:
                client = self.tls.wrap_socket(client, server_side=True)
            data = b""
            while b"\r\n\r\n" not in data:
                more = client.recv(65536)
                if not more:
                    return
                data += more
            head, rest = data.split(b"\r\n\r\n", 1)
            method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            decided = self.decide(method, path, head)
            if isinstance(decided, bytes):
                client.sendall(decided)
                return
            self._forward(client, head, decided, rest)

    def _forward(self, client, head, path, rest):
        lines = head.decode().split("\r\n")
        lines[0] = re.sub(r" \S+ ", lambda _: f" {path} ", lines[0], count=1)
        names = tuple(name.lower() for name in self.drop)
        if not any(line.lower().startswith("upgrade:") for line in lines) or "upgrade" in names:
            names += ("connection",)  # one request a connection, so that a head is looked at once
            lines.insert(1, "x-front: close\r\nConnection: close")
        lines = [line for line in lines if line.split(":")[0].lower() not in names]
        with self._lock:
            target = self.target
            self._active[target] += 1
        try:
            self._relay(client, target, "\r\n".join(lines).encode() + b"\r\n\r\n" + rest)
        finally:
            with self._lock:
                self._active[target] -= 1

    @staticmethod
    def _relay(client, target, data):
        host, port = target.split(":")
        with socket.create_connection((host, int(port)), timeout=30) as server:
            server.sendall(data)
            up = threading.Thread(target=pipe, args=(client, server), daemon=True)
            up.start()
            pipe(server, client)
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            up.join(5)

    def lead_to(self, target, limit_s=60):
        """New connections go to `target`; returns when nobody is connected anywhere else."""
        with self._lock:
            self.target = target
        until = time.monotonic() + limit_s
        while any(count for where, count in self._active.items() if where != target):
            assert time.monotonic() < until, "somebody stays connected"
            time.sleep(0.05)

    def stop(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def behind_prefix(prefix):
    """As a proxy that serves something else at its root."""

    def decide(_method, path, _head):
        return path[len(prefix):] if path.startswith(prefix + "/") else answer(404, b"not here")

    return decide


def only(*prefixes):
    """As a proxy that lets some paths through."""

    def decide(_method, path, _head):
        return path if path.startswith(prefixes) else answer(403, b"no")

    return decide
