"""policies.py - examples/policies made runnable: the configuration with loopback addresses, its callers' credentials, its hook.

The overlay changes nothing of a policy but where things are: behind each `issuer:` stand a jwks_uri on loopback and the
allow_http it needs, the hook's URL is on loopback, and the files it names lie beside it. May touch: temporary files and
loopback addresses it is given.
"""

import base64
import datetime
import hashlib
import hmac
import http.server
import json
import re
import secrets
import threading
import time

import jwt
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

KID = "policy-key"
HOOK_SECRET = b"a hook's secret of 32 bytes or so"
HOOK_URL = "https://app.example.org/may-enter"


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def when(value, now):
    """"+300" is 300 s from now."""
    return now + int(value) if isinstance(value, str) and re.fullmatch(r"[+-]\d+", value) else value


class Provider:
    """Serves the key set of every issuer, and the service behind `ask`."""

    def __init__(self):
        self.key = rsa.generate_private_key(65537, 2048)
        self.other = rsa.generate_private_key(65537, 2048)
        self.hook = None  # what the next call gets
        self.calls = []  # bodies of verified calls of the hook
        self.bad_calls = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                outer.send(self, 200, json.dumps(outer.jwks()).encode())

            def do_POST(self):
                outer.answer_hook(self)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def jwks(self):
        numbers = self.key.public_key().public_numbers()
        n = numbers.n.to_bytes(256, "big")
        return {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KID, "n": b64url(n), "e": b64url(b"\1\0\1")}]}

    @staticmethod
    def send(handler, status, body, location=None):
        handler.send_response(status)
        if location:
            handler.send_header("Location", location)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        try:
            handler.wfile.write(body)
        except OSError:
            pass  # roomkey had enough

    def answer_hook(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        name, at = handler.headers["Roomkey-Id"] or "", handler.headers["Roomkey-Timestamp"] or "0"
        good = "v1=" + hmac.new(HOOK_SECRET, b".".join((name.encode(), at.encode(), body)), hashlib.sha256).hexdigest()
        signed = handler.headers["Roomkey-Signature"] == good and abs(int(at) - time.time()) < 300
        (self.calls if signed else self.bad_calls).append(json.loads(body))
        plan = self.hook if isinstance(self.hook, dict) else {"status": 500, "body": {}}
        if not signed:
            plan = {"status": 401, "body": {}}
        time.sleep(plan.get("sleep_s", 0))
        text = plan["text"].encode() if "text" in plan else json.dumps(plan["body"]).encode()
        self.send(handler, plan["status"], text, self.url + "/elsewhere" if plan.get("location") else None)

    def token(self, claims, forge=None):
        """A signed token of these claims, or one that is forged in the way that is named."""
        headers = {"kid": KID}
        if forge == "none":
            return jwt.encode(claims, None, algorithm="none", headers=headers)
        if forge == "hs256":  # signed with the public key, as if it were a secret
            pem = self.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            head = b64url(json.dumps({"alg": "HS256", "typ": "JWT", "kid": KID}).encode())
            text = f"{head}.{b64url(json.dumps(claims).encode())}"
            return f"{text}.{b64url(hmac.new(pem, text.encode(), hashlib.sha256).digest())}"
        return jwt.encode(claims, self.other if forge == "other-key" else self.key, algorithm="RS256", headers=headers)


class Policy:
    """One policy, its table, and its overlay in a directory of its own."""

    def __init__(self, path, where, provider):
        self.name = path.stem
        self.provider = provider
        self.raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        self.table = yaml.safe_load(path.with_suffix(".cases.yaml").read_text(encoding="utf-8"))
        self.now = int(time.time())
        self.keys = {}
        self.config = where / path.name
        self.config.write_text(self.overlay(path.read_text(encoding="utf-8")), encoding="utf-8")
        (where / "hook.key").write_bytes(HOOK_SECRET + b"\n")
        self.write_keys(where / "tenants.yaml")
        for name in ("hook.key", "tenants.yaml"):
            (where / name).chmod(0o600)

    # -- the configuration

    def overlay(self, text):
        text = text.replace(HOOK_URL, self.provider.url + "/may-enter")
        return re.sub(r"^( +)issuer: \S+$", lambda m: f"{m.group()}\n{m.group(1)}jwks_uri: {self.provider.url}/jwks\n"
                      f"{m.group(1)}allow_http: [127.0.0.1]", text, flags=re.M)

    def environment(self):
        return self.table.get("environment", {})

    def write_keys(self, path):
        """Every caller of the table that has a key, and 200 tenants more."""
        lines = [f"tenant-{n:03}: {self.key_entry(f'tenant-{n:03}', {'tenant': f't{n:03}'})}\n" for n in range(200)]
        for who in self.table["callers"].values():
            if "key" in who and who["key"] not in self.keys:
                lines.append(f"{who['key']}: {self.key_entry(who['key'], who['claims'], who.get('expires'))}\n")
        path.write_text("".join(lines), encoding="utf-8")

    def key_entry(self, name, claims, expires=None):
        key = "rk_" + b64url(secrets.token_bytes(32))
        self.keys[name] = key
        entry = {"sha256": hashlib.sha256(key.encode()).hexdigest(), "claims": claims}
        if expires is not None:
            at = datetime.datetime.fromtimestamp(when(expires, self.now), datetime.timezone.utc)
            entry["expires"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        return json.dumps(entry)

    # -- callers

    def claims(self, who):
        """The claims of a person's credential, with what the configuration wants of every one."""
        configured = next(caller for caller in self.raw["callers"] if caller["name"] == who["caller"])
        claims = {}
        if "oidc" in configured:
            oidc = configured["oidc"]
            claims = {"iss": oidc["issuer"], "iat": self.now - 10, "exp": self.now + 3600, **oidc.get("require", {})}
            if "audience" in oidc:
                claims["aud"] = oidc["audience"][0]
        if "key" in who:
            claims["sub"] = who["key"]
        for name, value in who["claims"].items():
            claims[name] = when(value, self.now) if name == "exp" else value
        return {name: value for name, value in claims.items() if value is not None}

    def credential(self, who, number):
        """The headers of a person's credential. Keys go in either way, by turns."""
        if who.get("anonymous"):
            return []
        claims = self.claims(who)
        if "key" in who:
            key = self.keys[who["key"]]
            key = {"unknown-key": "rk_" + b64url(secrets.token_bytes(32)), "short-key": key[:-1]}.get(who.get("forge"), key)
            return [("X-API-Key", key) if number % 2 else ("Authorization", f"Bearer {key}")]
        if "idp" in who:
            return self.principal(who, claims)
        return [("Authorization", "Bearer " + self.provider.token(claims, who.get("forge")))]

    @staticmethod
    def principal(who, claims):
        """As Azure's front end sends it."""
        pairs = [("http://schemas.microsoft.com/identity/claims/objectidentifier", claims["sub"])]
        for typ, value in claims.items():
            if typ != "sub":
                pairs += [(typ, one) for one in (value if isinstance(value, list) else [value])]
        document = {"auth_typ": who["idp"], "name_typ": "name", "role_typ": "roles",
                    "claims": [{"typ": typ, "val": value} for typ, value in pairs]}
        text = base64.b64encode(json.dumps(document).encode()).decode()
        return [("X-MS-CLIENT-PRINCIPAL", "*" + text if who.get("forge") == "not-base64" else text),
                ("X-MS-CLIENT-PRINCIPAL-ID", claims["sub"]), ("X-MS-CLIENT-PRINCIPAL-IDP", who["idp"])]
