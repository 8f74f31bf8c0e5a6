"""conf.py - writes a roomkey.yaml with the files it names, starts the service on it, and judges what rules give.

JSON is YAML, so a configuration is a Python dict here. May touch: the directory it is given, the binary.
"""

import contextlib
import copy
import hashlib
import json
import os
import signal
import subprocess
import time

import jwt

from idp import ALL_ALGORITHMS, b64, bearer, hmac_token, without
from process import KEY, SECRET, URL, Roomkey, run
from shapes import STANDARD_KEYS, iso_seconds, problem, verified
from wire import ask, post

# The environment goes before the file, so what a test writes into the file must not be in the environment.
FILE_RULES = {"ROOMKEY_ANONYMOUS": None, "ROOMKEY_LIMITS": None, "LIVEKIT_URL": None}
UNLIMITED = {"per_address": "off", "failures_per_address": "off", "per_caller": "off"}
SPEAKER = {"roomJoin", "canPublish", "canSubscribe", "canPublishData"}
HASH_KEY = b"identity-hash-key-0123456789abcdef"


def base(**more):
    """A whole configuration without callers; the rates are off: tests about them say so."""
    return {"livekit": {"url": URL}, "limits": dict(UNLIMITED), "hardening": "best", **more}


def oidc(provider, name="staff", /, discovery=False, jwks=None, oidc=None, **more):
    """A caller of that provider. `oidc`: what differs inside; ABSENT is not written."""
    inside = {"issuer": provider.issuer, "audience": ["roomkey"], "algorithms": list(ALL_ALGORITHMS), "allow_http": ["127.0.0.1"]}
    if not discovery:
        inside["jwks_uri"] = provider.jwks_uri
    if jwks:
        inside["jwks"] = jwks
    inside.update(oidc or {})
    return {"name": name, "oidc": {key: value for key, value in inside.items() if value is not None}, **more}


def everything(**more):
    """The rule under which any verified caller may enter any room."""
    return {"id": "all", "room": "*", "default_room": "lobby", **more}


def api_key(n=0):
    """A key and its line: rk_ and 43 characters of base64url."""
    text = "rk_" + b64(hashlib.sha256(b"a key for tests %d" % n).digest())
    return text, hashlib.sha256(text.encode()).hexdigest()


class Conf:
    """A directory with roomkey.yaml in it."""

    def __init__(self, directory, doc=None, files=None):
        self.directory, self.path = str(directory), os.path.join(str(directory), "roomkey.yaml")
        for name, content in (files or {}).items():
            self.file(name, content)
        if doc is not None:
            self.write(doc)

    def file(self, name, content, mode=0o600):
        path = os.path.join(self.directory, name)
        data = content if isinstance(content, bytes) else content.encode() if isinstance(content, str) else json.dumps(content, ensure_ascii=False).encode()
        with contextlib.suppress(FileNotFoundError):
            os.chmod(path, 0o600)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)
        return path

    def write(self, doc):
        """A dict, or the text of the file. Put in place whole, as an editor does."""
        text = doc if isinstance(doc, str) else json.dumps(doc, indent=1, ensure_ascii=False) + "\n"
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path + ".new", 0o600)
        os.rename(self.path + ".new", self.path)

    def serve(self, env=None, **more):
        return Roomkey({**FILE_RULES, **(env or {})}, ("serve", "--config", self.path), **more)

    def run(self, *words, env=None, **more):
        """A verb on this file: its CompletedProcess."""
        return run(*words, "--config", self.path, env={**FILE_RULES, "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET, **(env or {})}, **more)

    def check(self, **more):
        return self.run("check", **more)

    def refused(self, env=None):
        """`serve` does not start: exit 2, one line FILE:LINE:COLUMN: key: what was expected. Returns that line."""
        try:
            done = self.run("serve", env={"ROOMKEY_LISTEN": "127.0.0.1:0", **(env or {})})
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"it started instead of refusing: {late.stderr}") from None
        text = done.stderr.decode()
        assert done.returncode == 2, (done.returncode, text)
        assert done.stdout == b"", done.stdout
        lines = [line for line in text.splitlines() if not line.startswith("{")]
        assert len(lines) == 1 and lines[0].startswith("roomkey: "), text
        return lines[0]


@contextlib.contextmanager
def running(where, doc=None, files=None, env=None, **more):
    """A service on a directory (or a Conf), stopped as `start` stops its own."""
    conf = where if isinstance(where, Conf) else Conf(where, doc, files)
    one = conf.serve(env, **more)
    one.conf = conf
    try:
        yield one
        one.stop()
    finally:
        one.kill()


# -- asking and judging


def want(one, body=None, headers=(), path="/v1/token", **more):
    """One request on a connection of its own."""
    data = body if isinstance(body, bytes) else json.dumps(body or {}, ensure_ascii=False).encode()
    return ask(one.address, post(path, data, headers), **more)


def allowed(answer, room=None, identity=None, ttl=600, grants=SPEAKER):
    """A pass by the standard contract: the claims, once room, identity, lifetime and true grants are what they must be. None: any."""
    assert answer.status == 200, answer
    body = answer.json()
    assert set(body) == STANDARD_KEYS and body["room_name"] == body["roomName"] and body["participant_token"] == body["participantToken"]
    _, claims = verified(body["participant_token"])
    assert claims["video"]["room"] == body["room_name"]
    assert room is None or body["room_name"] == room, body
    assert identity is None or claims["sub"] == identity, claims
    assert ttl is None or claims["exp"] - claims["nbf"] == ttl, claims
    assert -3 <= claims["nbf"] - answer.date_s() <= 1, claims
    assert iso_seconds(body["expires_at"]) == claims["exp"]
    true = {name for name, value in claims["video"].items() if value is True}
    assert grants is None or true == set(grants), claims
    assert {"canPublish", "canSubscribe", "canPublishData"} <= set(claims["video"]), "LiveKit takes an absent one for true"
    return claims


DULL = {}


def bad_token(answer):
    """401 invalid_token, with one and the same text for every reason, and nothing that tells them apart."""
    body = problem(answer, 401, "invalid_token")
    text = (body["title"], body["detail"])
    assert DULL.setdefault("text", text) == text, f"this refusal differs from others: {text}"
    challenge = answer.get("www-authenticate")
    assert challenge and challenge.startswith('Bearer realm="roomkey"') and 'error="invalid_token"' in challenge, challenge
    assert "field" not in body
    return body


def nobody(answer):
    """401 unauthenticated: nothing was presented."""
    body = problem(answer, 401, "unauthenticated")
    assert answer.get("www-authenticate") == 'Bearer realm="roomkey"', answer
    return body


def not_echoed(answer, *values):
    """Nothing of what was sent comes back, body and headers."""
    whole = answer.body + repr(answer.headers).encode()
    for value in values:
        data = value if isinstance(value, bytes) else str(value).encode()
        assert len(data) < 4 or data not in whole, (data[:80], answer)


def reload(one, until, timeout=20):
    """SIGHUP, and until() holds."""
    one.send_signal(signal.SIGHUP)
    wait_until(until, timeout)


def wait_until(condition, timeout=20, step=0.02):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(step)


def changed(doc, **members):
    """A deep copy with other top-level members."""
    return {**copy.deepcopy(doc), **members}


def peek(token):
    return jwt.decode(token, options={"verify_signature": False})


def sanitized():
    """A sanitizer's own memory says nothing about roomkey's."""
    return any(name in os.environ for name in ("ASAN_OPTIONS", "TSAN_OPTIONS"))


# -- callers without a network: HS256 under a secret in a file

LOCAL = "https://local.example"
LOCAL_SECRET = b"a-secret-of-a-local-issuer-0123456789abcdef"
LOCAL_FILES = {"local.key": LOCAL_SECRET, "identity.key": HASH_KEY + b"\n"}


def local(name="staff", /, issuer=LOCAL, **more):
    """A caller whose tokens are made here."""
    return {"name": name, "oidc": {"issuer": issuer, "audience": ["roomkey"], "algorithms": ["HS256"], "hs256_secret_file": "local.key"}, **more}


def local_token(sub="alice", issuer=LOCAL, **claims):
    now = int(time.time())
    return hmac_token(LOCAL_SECRET, {"alg": "HS256", "typ": "JWT"}, without({"iss": issuer, "aud": "roomkey", "sub": sub, "iat": now, "exp": now + 3600}, claims))


def as_local(sub="alice", issuer=LOCAL, /, **claims):
    """Headers of somebody with these claims."""
    return bearer(local_token(sub, issuer, **claims))


class Given:
    """given(rules, caller=…, …) -> a service with that policy. The last few are kept; each is stopped cleanly."""

    KEPT = 6

    def __init__(self, directory):
        self.directory, self.made, self.errors, self.count = str(directory), {}, [], 0

    def __call__(self, rules, caller=None, callers=None, **top):
        doc = base(callers=callers or [local(**(caller or {}))], rules=rules, identity_hash_key_file="identity.key", **top)
        name = json.dumps(doc, sort_keys=True)
        if name in self.made:
            self.made[name] = self.made.pop(name)
        else:
            self.count += 1
            directory = os.path.join(self.directory, str(self.count))
            os.mkdir(directory)
            self.made[name] = Conf(directory, doc, LOCAL_FILES).serve({"ROOMKEY_WORKERS": "1"})
            while len(self.made) > self.KEPT:
                self._end(self.made.pop(next(iter(self.made))))
        return self.made[name]

    def _end(self, one):
        try:
            one.stop()
        except AssertionError as error:
            self.errors.append(error)
            one.kill()

    def close(self):
        for one in self.made.values():
            self._end(one)
        if self.errors:
            raise self.errors[0]
