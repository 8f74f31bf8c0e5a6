"""idp.py - an identity provider of our own on loopback, ordinary or hostile: keys of every kind, key sets, discovery, tokens.

`Server` answers by a table that can be changed at any moment and remembers who asked; it also plays hooks and canaries.
Tokens are made from parts, so that every part can be wrong. May touch: loopback sockets.
"""

import base64
import contextlib
import datetime
import functools
import gzip
import hashlib
import hmac
import ipaddress
import json
import os
import socket
import ssl
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
CURVES = {"P-256": (ec.SECP256R1, 32), "P-384": (ec.SECP384R1, 48), "P-521": (ec.SECP521R1, 66)}
ALL_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
ABSENT = object()


# -- a server that does as it is told


class Reply:
    """What a path answers. `wait`: seconds before a byte; `drip`: seconds between the bytes of the body; `raw`: these bytes, whatever
    HTTP says; `hang`: nothing, and the connection stays open."""

    def __init__(self, body=b"", status=200, headers=(), wait=0.0, drip=0.0, raw=None, hang=False, length=None):
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status, self.headers, self.wait, self.drip = status, dict(headers), wait, drip
        self.raw, self.hang, self.length = raw, hang, length

    def head(self):
        fields = {"Content-Type": "application/json", "Content-Length": len(self.body) if self.length is None else self.length, **self.headers}
        lines = [f"HTTP/1.1 {self.status} Status"] + [f"{name}: {value}" for name, value in fields.items() if value is not None]
        return "\r\n".join(lines).encode() + b"\r\n\r\n"


class Seen:
    """A request that came: the moment, the connection it came on, and what it said."""

    def __init__(self, connection, method, path, headers, body):
        self.at, self.connection = time.monotonic(), connection
        self.method, self.path, self.headers, self.body = method, path, headers, body


class Server:
    """Threads and blocking sockets on 127.0.0.1; a context manager. `table[path]` is a Reply or a function Seen -> Reply."""

    def __init__(self, host="127.0.0.1", tls=None):
        self.tls = tls  # an ssl.SSLContext
        self.listener = socket.create_server((host, 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.host, self.url = host, f"{'https' if tls else 'http'}://{host}:{self.port}"
        self.table, self.seen = {}, []
        self.connections, self.at_once, self.most_at_once = 0, 0, 0
        self.lock = threading.Condition()
        self.open = set()
        self.closing = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.closing.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.drop()

    def drop(self):
        """End every connection."""
        with self.lock:
            mine = list(self.open)
        for sock in mine:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def count(self, path=None):
        with self.lock:
            return len([one for one in self.seen if path is None or one.path == path])

    def wait_count(self, count, path=None, timeout=5):
        end = time.monotonic() + timeout
        while self.count(path) < count:
            assert time.monotonic() < end, f"{self.count(path)} requests for {path} instead of {count} within {timeout} s"
            time.sleep(0.005)

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.open.add(sock)
            threading.Thread(target=self._serve, args=(sock, self.connections), daemon=True).start()

    def _serve(self, raw, number):
        try:
            with self.tls.wrap_socket(raw, server_side=True) if self.tls else raw as sock:
                rest = b""
                while True:
                    while b"\r\n\r\n" not in rest:
                        got = sock.recv(65536)
                        if not got:
                            return
                        rest += got
                    head, rest = rest.split(b"\r\n\r\n", 1)
                    first, *lines = head.decode("latin-1").split("\r\n")
                    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                    need = int(headers.get("content-length", 0))
                    while len(rest) < need:
                        got = sock.recv(65536)
                        if not got:
                            return
                        rest += got
                    method, path = first.split(" ")[:2]
                    seen = Seen(number, method, path, headers, rest[:need])
                    rest = rest[need:]
                    if not self._answer(sock, seen):
                        return
        except OSError:
            pass
        finally:
            with self.lock:
                self.open.discard(raw)

    def _answer(self, sock, seen):
        with self.lock:
            self.seen.append(seen)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            reply = self.table.get(seen.path, Reply(b"{}", 404))
            reply = reply if isinstance(reply, Reply) else reply(seen)
            if reply.hang:
                self.closing.wait(60)
                return False
            if reply.wait:
                self.closing.wait(reply.wait)
            if reply.raw is not None:
                sock.sendall(reply.raw)
                return False
            if not reply.drip:
                sock.sendall(reply.head() + reply.body)
                return reply.length is None
            sock.sendall(reply.head())
            for at in range(len(reply.body)):
                sock.sendall(reply.body[at:at + 1])
                if self.closing.wait(reply.drip):
                    return False
            return True
        finally:
            with self.lock:
                self.at_once -= 1


# -- keys


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number64(number, size=None):
    return b64(number.to_bytes(size or (number.bit_length() + 7) // 8 or 1, "big"))


class Key:
    """A private key and how it is published. `publish`: members of the JWK that differ; ABSENT takes one away."""

    def __init__(self, private, kid, alg=ABSENT, **publish):
        self.private, self.kid, self.alg, self.publish = private, kid, alg, publish

    def jwk(self):
        public = self.private.public_key()
        whole = {"kid": self.kid, "alg": self.alg, "use": "sig"}
        if isinstance(public, rsa.RSAPublicKey):
            numbers = public.public_numbers()
            whole.update(kty="RSA", n=number64(numbers.n), e=number64(numbers.e))
        elif isinstance(public, ec.EllipticCurvePublicKey):
            numbers = public.public_numbers()
            name, size = next((name, size) for name, (curve, size) in CURVES.items() if curve.name == public.curve.name)
            whole.update(kty="EC", crv=name, x=number64(numbers.x, size), y=number64(numbers.y, size))
        else:
            whole.update(kty="OKP", crv="Ed25519", x=b64(public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)))
        whole.update(self.publish)
        return {name: value for name, value in whole.items() if value is not ABSENT}

    def but(self, kid=None, **publish):
        """The same key published differently."""
        return Key(self.private, self.kid if kid is None else kid, publish.pop("alg", self.alg), **{**self.publish, **publish})

    def pem(self):
        return self.private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def der(self):
        return self.private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def natural_alg(self):
        if self.alg is not ABSENT:
            return self.alg
        if isinstance(self.private, rsa.RSAPrivateKey):
            return "RS256"
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            return {256: "ES256", 384: "ES384", 521: "ES512"}[self.private.curve.key_size]
        return "EdDSA"

    def sign(self, alg, data):
        """The signature of JWA for that alg; raw r‖s for ES."""
        if alg == "EdDSA":
            return self.private.sign(data)
        digest = HASHES[alg[2:]]()
        if alg.startswith("RS"):
            return self.private.sign(data, padding.PKCS1v15(), digest)
        if alg.startswith("PS"):
            return self.private.sign(data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        r, s = utils.decode_dss_signature(self.private.sign(data, ec.ECDSA(digest)))
        size = (self.private.curve.key_size + 7) // 8
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")


@functools.lru_cache(None)
def rsa_private(name="main", bits=2048, exponent=65537):
    """One for each name and size in a run."""
    return rsa.generate_private_key(exponent, bits)


@functools.lru_cache(None)
def ec_private(curve="P-256", name="main"):
    return ec.generate_private_key(CURVES[curve][0]())


@functools.lru_cache(None)
def ed_private(name="main"):
    return ed25519.Ed25519PrivateKey.generate()


def main_key():
    return Key(rsa_private(), "rsa-1", "RS256")


def ordinary_keys():
    """What a well-run provider might publish: one key for each kind of algorithm, kids like those of real providers."""
    return {
        "RS256": main_key(), "RS384": Key(rsa_private("384"), "rsa-384", "RS384"), "RS512": Key(rsa_private("512"), "rsa-512", "RS512"),
        "PS256": Key(rsa_private("ps"), "ps-1", "PS256"), "PS384": Key(rsa_private("ps"), "ps-384", "PS384"), "PS512": Key(rsa_private("ps"), "ps-512", "PS512"),
        "ES256": Key(ec_private(), "ec-1", "ES256"), "ES384": Key(ec_private("P-384"), "ec-384", "ES384"), "ES512": Key(ec_private("P-521"), "ec-512", "ES512"),
        "EdDSA": Key(ed_private(), "ed-1", "EdDSA"), "no alg": Key(rsa_private("no alg"), "abc+/def=="),
    }


# -- tokens


def json_bytes(value):
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def compact(header, payload, signature):
    return ".".join((b64(json_bytes(header)), b64(json_bytes(payload)), b64(signature)))


def signed(key, header, payload):
    """The token of exactly these bytes or objects under that key, by the alg the header says if it is one, else by the key's own."""
    alg = header.get("alg") if isinstance(header, dict) else None
    data = (b64(json_bytes(header)) + "." + b64(json_bytes(payload))).encode()
    signature = key.sign(alg if alg in ALL_ALGORITHMS else key.natural_alg(), data)
    return data.decode() + "." + b64(signature)


def hmac_token(secret, header, payload):
    """HS256, HS384 or HS512 over any key bytes, the empty one too (PyJWT would refuse)."""
    digest = {"HS384": hashlib.sha384, "HS512": hashlib.sha512}.get(header.get("alg"), hashlib.sha256)
    data = (b64(json_bytes(header)) + "." + b64(json_bytes(payload))).encode()
    return data.decode() + "." + b64(hmac.new(secret, data, digest).digest())


def without(whole, changes):
    """`whole` with the changes, ABSENT taking members away."""
    return {name: value for name, value in {**whole, **changes}.items() if value is not ABSENT}


# -- the provider


class Provider(Server):
    """Discovery at /.well-known/openid-configuration, keys at /jwks. `publish(...)` changes the set."""

    def __init__(self, keys=None, audience="roomkey", issuer=None, tls=None):
        super().__init__(tls=tls)
        self.keys = ordinary_keys() if keys is None else keys
        self.issuer, self.audience = issuer or self.url, audience
        self.jwks_uri = self.url + "/jwks"
        self.table["/.well-known/openid-configuration"] = lambda seen: Reply(self.discovery())
        self.table["/jwks"] = lambda seen: Reply(self.jwks())

    def discovery(self):
        return {"issuer": self.issuer, "jwks_uri": self.jwks_uri, "id_token_signing_alg_values_supported": ["none", "HS256"]}

    def jwks(self):
        return {"keys": [key.jwk() for key in self.keys.values()]}

    def misbehave(self, reply):
        """Answer the key set with that instead; None: ordinary again."""
        self.table["/jwks"] = reply or (lambda seen: Reply(self.jwks()))

    def fetches(self):
        return self.count("/jwks")

    @property
    def main(self):
        return self.keys["RS256"]

    def claims(self, sub="alice", **changes):
        now = int(time.time())
        return without({"iss": self.issuer, "aud": self.audience, "sub": sub, "iat": now, "exp": now + 600}, changes)

    def header(self, key=None, **changes):
        key = key or self.main
        return without({"alg": key.natural_alg(), "typ": "JWT", "kid": key.kid}, changes)

    def token(self, sub="alice", key=None, header=None, **claims):
        """A good token, but for what is said to differ."""
        key = key or self.main
        return signed(key, self.header(key, **(header or {})), self.claims(sub, **claims))


def bearer(token, scheme="Bearer"):
    return {"Authorization": f"{scheme} {token}"}


# -- bytes that hurt


def gzip_bomb(size=20_000_000):
    return gzip.compress(b" " * size)


def self_signed(directory, name="127.0.0.1"):
    """(server context, path of the certificate) for that address or name."""
    alternative = x509.DNSName(name) if name[-1].isalpha() else x509.IPAddress(ipaddress.ip_address(name))
    private = rsa_private("tls")
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    cert = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(private.public_key()).serial_number(7)
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([alternative]), False)
            .add_extension(x509.BasicConstraints(True, None), True).sign(private, hashes.SHA256()))
    both = os.path.join(str(directory), "tls.pem")
    with open(both, "wb") as file:
        file.write(cert.public_bytes(serialization.Encoding.PEM))
    key = os.path.join(str(directory), "tls.key")
    with open(key, "wb") as file:
        file.write(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both, key)
    return context, both


SMALL_ORDER = [  # Ed25519 points of order 1, 2, 4, 4, 8, 8
    "0100000000000000000000000000000000000000000000000000000000000000", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000", "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
]
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


def small_order_forgery(point, header, claims):
    """A token that plain Ed25519 verification accepts under a point of small order, without any private key: R is the neutral
    element, S is 0, and the payload is changed until the hash is a multiple of eight."""
    neutral = bytes.fromhex(SMALL_ORDER[0])
    for n in range(1000):
        data = (b64(json_bytes(header)) + "." + b64(json_bytes({**claims, "n": n}))).encode()
        h = int.from_bytes(hashlib.sha512(neutral + point + data).digest(), "little") % ED25519_ORDER
        if h % 8 == 0:
            return data.decode() + "." + b64(neutral + bytes(32))
    raise AssertionError("no multiple of eight in a thousand hashes")
