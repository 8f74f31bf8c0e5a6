"""guarded.py - a roomkey with a configuration file, callers that knock, and a steady load whose delays are measured.

May touch: the directory it is given, loopback, the roomkey it starts.
"""

import hashlib
import http.client
import json
import os
import secrets
import threading
import time
import urllib.parse
from collections import Counter

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

import world
from machine import took

WAIT_S = 15
MEASURED = []  # lines that the run prints at its end


def oidc_caller(provider, jwks, **more):
    """The caller `staff`: the users of one provider."""
    return {"name": "staff", "oidc": {"issuer": provider.issuer, "audience": ["roomkey"], "algorithms": ["RS256", "ES256"],
                                      "clock_skew": "1s", "allow_http": [urllib.parse.urlsplit(provider.issuer).hostname],
                                      "jwks": {"timeout": "3s", **jwks}},
            "display_name": ["{name}"], **more}


class Guarded:
    """A running service that asks who is there. `config` is the text of its roomkey.yaml, `files` what that names."""

    def __init__(self, directory, livekit, config, files=(), env=None):
        self.directory, self.livekit, self.api_key = os.path.join(directory, world.fresh("roomkey")), livekit, None
        self.presented = set()  # claims and signatures of what was shown to it and what it made: never in its log
        os.mkdir(self.directory)
        for name, text in (("roomkey.yaml", config), *files):
            path = os.path.join(self.directory, name)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
        self.path, self.env = os.path.join(self.directory, "roomkey.yaml"), world.bare_env(**(env or {}))
        self.process = world.Process([world.roomkey_binary(), "serve", "--config", self.path], env=self.env)
        self.address = self.process.wait_for(world.listening_address)
        self.base = f"http://{self.address}"

    def ask(self, bearer, headers=None, **body):
        self.presented.update(bearer.split(".")[-2:])
        return requests.post(f"{self.base}/v1/token", json=body, timeout=WAIT_S,
                             headers={"Authorization": f"Bearer {bearer}", **(headers or {})})

    def token(self, bearer, **body):
        """The LiveKit token and its claims, for a caller who is let in."""
        answer = self.ask(bearer, **body)
        assert answer.status_code == 200, answer.text
        token = answer.json()["participant_token"]
        self.presented.update(token.split(".")[1:])
        return token, jwt.decode(token, self.livekit.secret, algorithms=["HS256"])

    def refused(self, bearer, status, code, **body):
        """The problem body of a refusal, which repeats nothing that was presented."""
        answer = self.ask(bearer, **body)
        assert (answer.status_code, answer.json().get("code")) == (status, code), (answer.status_code, answer.text)
        assert bearer.split(".")[-1] not in answer.text
        if status == 401:
            assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"], answer.headers
        return answer

    def others_are_served(self):
        """A caller of another kind, who has nothing to do with the provider."""
        assert self.token(self.api_key)[1]["sub"] == "backend:batch"

    def until(self, status, bearer, limit_s):
        """Asks until the answer has that status."""
        started = time.monotonic()
        while self.ask(bearer).status_code != status:
            assert time.monotonic() - started < limit_s, f"no {status} within {limit_s} s"
            time.sleep(0.2)

    def stop(self):
        code = self.process.stop()
        assert code == 0, f"roomkey ended with {code}: " + "\n".join(self.process.lines[-5:])
        said = "\n".join(self.process.lines)
        assert not any(part in said for part in self.presented), "a credential is in the log"


def start(directory, livekit, callers, rules, origins=(), env=None):
    """A Guarded with these callers, and a backend with an API key that has nothing to do with them."""
    api_key = "rk_" + secrets.token_urlsafe(32)
    config = {
        "listen": "127.0.0.1:0", "livekit": {"url": livekit.url, "key_file": "livekit-keys.yaml"},
        "callers": [*callers, {"name": "backend", "api_keys_file": "api-keys.yaml", "identity": "backend:{sub}"}],
        "rules": [*rules, {"id": "backend", "caller": "backend", "room": "batch"}],
        "limits": {"per_address": "off", "failures_per_address": "off", "per_caller": "off"},
        **({"cors": {"origins": list(origins)}} if origins else {})}
    service = Guarded(directory, livekit, json.dumps(config, indent=1), (  # JSON is YAML
        ("livekit-keys.yaml", json.dumps({livekit.key: livekit.secret})),
        ("api-keys.yaml", json.dumps({"batch": {"sha256": hashlib.sha256(api_key.encode()).hexdigest()}}))), env)
    service.api_key = api_key
    return service


def unknown_key(token):
    """The claims of a good token under a key that the provider never had."""
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(claims, rsa.generate_private_key(65537, 2048), algorithm="RS256",
                      headers={"kid": secrets.token_hex(8)})


class Load:
    """`rate` requests a second from `THREADS` connections, each with one of `bearers` in turn, until the block ends."""

    THREADS = 4

    def __init__(self, guarded, bearers, rate=80):
        self.guarded, self.bearers, self.rate = guarded, list(bearers), rate
        self.answers = []  # (when it was sent, how long roomkey took, status; 0 is none)
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(n,), daemon=True) for n in range(self.THREADS)]

    def __enter__(self):
        self.started = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * WAIT_S)
        self.took = time.monotonic() - self.started

    def _send(self, number):
        connection, count = None, number
        while not self._stop.is_set():
            due = self.started + count / self.rate  # never fewer because answers were slow: what is late is made up for
            self._stop.wait(max(0.0, due - time.monotonic()))
            bearer, sent, status = self.bearers[count % len(self.bearers)], time.monotonic(), 0
            try:
                connection = connection or http.client.HTTPConnection(self.guarded.address, timeout=WAIT_S)
                connection.request("POST", "/v1/token", "{}", {"Authorization": f"Bearer {bearer}",
                                                               "Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException):
                connection = None
            self.answers.append((sent, took(sent), status))
            count += self.THREADS

    def statuses(self):
        return Counter(status for _, _, status in self.answers)

    def quantiles(self, since, until):
        """(p50, p99, worst) in milliseconds of what was sent between two times."""
        times = sorted(1000 * each for sent, each, _ in self.answers if since <= sent < until)
        assert len(times) >= 100, f"only {len(times)} requests: too few to say anything"
        return tuple(times[min(len(times) - 1, int(len(times) * q))] for q in (0.5, 0.99, 1))


def measured(what, p50, p99, worst):
    MEASURED.append(f"measured: {what}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {worst:.1f} ms")


def known_keys_during(guarded, bearer, break_it, mend_it, what, calm_s=4, outage_s=10):
    """A provider outage under load: tokens with known keys and API keys go on as if nothing were, while unknown keys ask
    for the provider and wait.

    Prints both delays. The bound is far under the time-out of a fetch (3 s) and far over what a busy machine does.
    """
    strangers = [unknown_key(bearer) for _ in range(4)]
    seen = Counter()
    with Load(guarded, [bearer, guarded.api_key]) as load:
        time.sleep(calm_s)
        broken, said_before = time.monotonic(), len(guarded.process.lines)
        break_it()
        try:
            while time.monotonic() < broken + outage_s:  # each asks for a refresh, and waits for what does not come
                seen[guarded.ask(strangers[sum(seen.values()) % 4]).status_code] += 1
                time.sleep(0.2)
            mended = time.monotonic()
        finally:
            mend_it()
    calm, outage = load.quantiles(load.started, broken), load.quantiles(broken, mended)
    measured(f"{what}, before it", *calm)
    measured(f"{what}, during it", *outage)
    assert set(load.statuses()) == {200}, load.statuses()
    assert set(seen) == {401}, seen
    assert any('"event":"keyset_failed"' in line for line in guarded.process.lines[said_before:]), "nobody asked the provider"
    assert outage[1] < 500, f"p99 went from {calm[1]:.1f} ms to {outage[1]:.1f} ms"
