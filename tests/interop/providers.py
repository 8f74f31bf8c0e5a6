"""providers.py - real login providers: the certified oidc-provider of npm, and Keycloak. Users log in, tokens come out.

May touch: loopback, a temporary directory, processes it starts. Tokens are live credentials: no assertion shows one.
"""

import base64
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import urllib.parse

import jwt
import requests

import world

WAIT_S = 60  # of what takes a second or so on a machine that has nothing else to do
KEYCLOAK_START_S = 180  # some seconds on a machine that has nothing else to do


def verified(token, key_set, audience, algorithms=("RS256", "ES256")):
    """The claims, by PyJWT and the provider's own key set: what roomkey is asked to believe is believed by others."""
    keys = jwt.PyJWKSet.from_dict(requests.get(key_set, timeout=WAIT_S).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(token, key.key, algorithms=list(algorithms), audience=audience, options={"require": ["exp", "sub"]})


def kid_of(token):
    return jwt.get_unverified_header(token)["kid"]


class Idp:
    """oidc-provider. A log-in is the real one: authorization code with PKCE, through the login page."""

    CLIENT = "page"
    RS256, ES256 = "https://roomkey.test/rs256", "https://roomkey.test/es256"
    BRIEF, OTHER = "https://roomkey.test/brief", "https://other.test/"

    def __init__(self, directory, origin, name=None):
        peers = world.NodePeers(directory, "idp", "RKT_IDP_MODULES")
        options = {"origin": origin, **({"name": name} if name else {})}
        self.process = peers.start("server.mjs", json.dumps(options), stdin=subprocess.PIPE)
        said = self.process.wait_for(world.result_of, WAIT_S)
        self.issuer, self.origin = said["issuer"], origin
        self.base = f"http://127.0.0.1:{said['port']}"
        self.key_set = f"{self.base}/jwks"

    def ask(self, job):
        """rotate, withdraw, silent, speak or count."""
        self.process.child.stdin.write(json.dumps({"do": job}) + "\n")
        self.process.child.stdin.flush()
        return self.process.wait_for(world.result_of, WAIT_S)

    def log_in(self, user, resource=RS256):
        """The answer of the token endpoint: access_token, id_token."""
        verifier, browser = secrets.token_urlsafe(48), requests.Session()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        back = f"{self.origin}/back"
        page = browser.get(f"{self.base}/auth", timeout=WAIT_S, params={
            "client_id": self.CLIENT, "response_type": "code", "redirect_uri": back, "scope": "openid join",
            "resource": resource, "code_challenge": challenge, "code_challenge_method": "S256"})
        assert page.status_code == 200 and "/login/" in page.url, (page.status_code, page.text[:500])
        answer = browser.post(page.url, data={"user": user, "password": f"{user}-password"}, timeout=WAIT_S,
                              allow_redirects=False)
        while not answer.headers.get("Location", back).startswith(back):
            answer = browser.get(answer.headers["Location"], timeout=WAIT_S, allow_redirects=False)
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(answer.headers["Location"]).query)["code"][0]
        answer = requests.post(f"{self.base}/token", timeout=WAIT_S, data={
            "client_id": self.CLIENT, "grant_type": "authorization_code", "code": code, "redirect_uri": back,
            "code_verifier": verifier, "resource": resource})
        assert answer.status_code == 200, answer.json().get("error")
        return answer.json()

    def access_token(self, user, resource=RS256):
        return self.log_in(user, resource)["access_token"]

    def stop(self):
        if self.process.child.poll() is None:
            self.process.child.stdin.close()
        self.process.stop()


class Keycloak:
    """A Keycloak with the realm of realm.json. Its home is a directory of ours with the installed parts linked in."""

    WEB, BRIEF, OTHER = "roomkey-web", "roomkey-brief", "other-app"
    JAVA = ("-Xms64m", "-Xmx512m", "-XX:MaxMetaspaceSize=256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            "-Djava.net.preferIPv4Stack=true", "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
            "-Dpicocli.disable.closures=true", "-Djava.util.concurrent.ForkJoinPool.common.threadFactory="
            "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
            *(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in ("lang", "util", "util.concurrent", "security")))

    def __init__(self, directory):
        installed, home = world.peer("RKT_KEYCLOAK"), os.path.join(directory, "keycloak")
        os.mkdir(home)
        for name in ("bin", "conf", "lib", "providers", "themes"):
            os.symlink(os.path.join(installed, name), os.path.join(home, name))
        shutil.copytree(os.path.join(installed, "data"), os.path.join(home, "data"))
        port = world.free_port()
        self.base = f"http://127.0.0.1:{port}"
        self.issuer = f"{self.base}/realms/acme"
        self.key_set = f"{self.issuer}/protocol/openid-connect/certs"
        # kc.sh would stay between us and Java: its pid is not the one to stop.
        self.process = world.Process([
            world.peer("RKT_JAVA"), *self.JAVA, f"-Dkc.home.dir={home}", f"-Djboss.server.config.dir={home}/conf",
            "-cp", f"{home}/lib/quarkus-run.jar", "io.quarkus.bootstrap.runner.QuarkusEntryPoint", "start", "--optimized",
            "--cache=local", "--http-enabled=true", "--http-host=127.0.0.1", f"--http-port={port}", f"--hostname={self.base}"])
        try:
            world.wait_for_http(self.key_set, self.process, KEYCLOAK_START_S)
        except BaseException:
            self.process.stop()
            raise

    def log_in(self, user, client=WEB):
        """The answer of the token endpoint, by direct grant: access_token, refresh_token, id_token."""
        answer = requests.post(f"{self.issuer}/protocol/openid-connect/token", timeout=WAIT_S, data={
            "grant_type": "password", "client_id": client, "username": user, "password": f"{user}-password",
            "scope": "openid organization:*"})
        assert answer.status_code == 200, answer.json().get("error")
        return answer.json()

    def access_token(self, user, client=WEB):
        return self.log_in(user, client)["access_token"]

    def administer(self, method, path, **more):
        """The realm's admin interface, as its keeper."""
        keeper = self.log_in("keeper", "admin-cli")["access_token"]
        answer = requests.request(method, f"{self.base}/admin/realms/acme{path}", timeout=WAIT_S,
                                  headers={"Authorization": f"Bearer {keeper}"}, **more)
        assert answer.ok, (answer.status_code, answer.text[:500])
        return answer

    def signing_key(self):
        """(kid, provider id) of the key that signs now."""
        keys = self.administer("GET", "/keys").json()
        kid = keys["active"]["RS256"]
        return kid, next(key["providerId"] for key in keys["keys"] if key["kid"] == kid)

    def add_key(self, priority):
        """A new key that signs from now on; the ones before stay published."""
        realm = self.administer("GET", "").json()["id"]
        self.administer("POST", "/components", json={
            "name": f"rsa-{priority}", "parentId": realm, "providerId": "rsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider",
            "config": {"priority": [str(priority)], "keySize": ["2048"], "algorithm": ["RS256"]}})

    def remove_key(self, provider_id):
        self.administer("DELETE", f"/components/{provider_id}")

    def stop(self):
        self.process.stop()
