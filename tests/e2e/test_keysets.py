"""Key sets and discovery, from providers that are broken or hostile: security §5.2, JWK-01 to JWK-21; semantics D7."""

import base64
import hashlib
import shutil
import subprocess
import threading
import time

import pytest

from conf import Conf, allowed, bad_token, base, changed, everything, oidc, reload, sanitized, wait_until, want
from idp import ABSENT, Key, Provider, Reply, Server, b64, bearer, ec_private, gzip_bomb, hmac_token, json_bytes, main_key, number64, rsa_private, self_signed, signed
from machine import least, took
from process import stop_all
from shapes import problem
from wire import Wire, ask, post, request

QUICK = {"fresh": "500ms", "cooldown": "500ms", "timeout": "1s"}


@pytest.fixture
def idp():
    with Provider({"RS256": main_key()}) as one:
        yield one


@pytest.fixture
def begin(tmp_path):
    """begin(caller, …) -> a service with these callers; stopped cleanly at the end."""
    made = []

    def start(*callers, loaded=None, env=None, doc=None, files=None, **more):
        doc = doc or base(callers=list(callers), rules=[everything()])
        directory = tmp_path / str(len(made))
        directory.mkdir()
        conf = Conf(directory, doc, files)
        one = conf.serve(env, **more)
        one.conf, one.doc = conf, doc
        made.append(one)
        if loaded is not None:
            wait_until(lambda: want(one, headers=bearer(loaded.token())).status == 200)
        return one

    yield start
    stop_all(made)


def new_key(kid="new"):
    return Key(rsa_private("another"), kid, "RS256")


def stranger(idp, kid):
    """A well-formed token under a key nobody publishes."""
    return signed(idp.main, idp.header(kid=kid), idp.claims("mallory"))


def known_is_good(one, idp, at_most=1.0):
    begun = time.monotonic()
    allowed(want(one, headers=bearer(idp.token())), "lobby")
    assert took(begun) < at_most


# -- rotation


@pytest.mark.parametrize("discovery", [False, True])
def test_jwk_01_a_key_is_added(begin, idp, discovery):
    """Accepted at most one cool-down later, without a restart; the call that finds it waits for it."""
    one = begin(oidc(idp, jwks={"fresh": "1h", "cooldown": "1s"}, discovery=discovery), loaded=idp)
    time.sleep(1.1)
    idp.keys["new"] = new_key()
    allowed(want(one, headers=bearer(idp.token("bob", idp.keys["new"]))), "lobby", "bob")
    known_is_good(one, idp)


def test_jwk_02_random_kids(begin, idp):
    """At most one fetch per cool-down, attempts counted; known keys never wait."""
    one = begin(oidc(idp, jwks={"fresh": "1h", "cooldown": "2s", "timeout": "1s"}), loaded=idp)
    before, begun = idp.fetches(), time.monotonic()
    for n in range(60):
        bad_token(want(one, headers=bearer(stranger(idp, f"kid-{n}"))))
        if n % 20 == 0:
            known_is_good(one, idp, 0.5)
    whole = time.monotonic() - begun
    assert idp.fetches() - before <= 1 + int(whole / 2), (idp.fetches() - before, whole)


def test_single_flight(begin, idp):
    """design §2: fifty calls with the new key wait for one fetch."""
    one = begin(oidc(idp, jwks={"fresh": "1h", "cooldown": "500ms", "timeout": "3s"}), loaded=idp)
    time.sleep(0.6)
    before = idp.fetches()
    idp.keys["new"] = new_key()
    idp.table["/jwks"] = lambda seen: Reply(idp.jwks(), wait=0.4)
    wires, data = [Wire(one.address) for _ in range(50)], post(headers=bearer(idp.token("bob", idp.keys["new"])))
    for wire in wires:
        wire.send(data)
    known_is_good(one, idp, 0.3)
    for wire in wires:
        allowed(wire.answer(), "lobby", "bob")
        wire.close()
    assert idp.fetches() - before == 1


def test_jwk_19_a_key_is_withdrawn(begin, idp):
    one = begin(oidc(idp, jwks=QUICK), loaded=idp)
    old = idp.main
    idp.keys = {"RS256": new_key()}
    wait_until(lambda: want(one, headers=bearer(idp.token(key=old))).status == 401)
    bad_token(want(one, headers=bearer(idp.token(key=old))))
    allowed(want(one, headers=bearer(idp.token())), "lobby")


# -- outages

OUTAGES = {
    "500": Reply(b"oops", 500), "404": Reply(b"{}", 404), "201": None, "closed": Reply(raw=b""), "garbage": Reply(raw=b"\x16\x03\x01hello\r\n\r\n"),
    "half a head": Reply(raw=b"HTTP/1.1 200 OK\r\nContent-"), "hang": Reply(hang=True), "no content": Reply(b"", 204, length=None),
}


@pytest.mark.parametrize("name", OUTAGES)
def test_jwk_03_outage(begin, idp, name):
    """Known keys stay good, unknown ones are 401; once the stale limit is past, 503."""
    expires = name in ("500", "hang")
    one = begin(oidc(idp, jwks={**QUICK, "stale": "5s" if expires else "1h"}), loaded=idp)
    idp.misbehave(OUTAGES[name] or Reply(idp.jwks(), 201))
    begun = time.monotonic()
    answer = want(one, headers=bearer(stranger(idp, "unknown")))
    bad_token(answer)
    assert took(begun) < 3
    known_is_good(one, idp)
    if not expires:
        return
    wait_until(lambda: want(one, headers=bearer(idp.token())).status != 200)
    problem(want(one, headers=bearer(idp.token())), 503, "unavailable")
    idp.misbehave(None)
    wait_until(lambda: want(one, headers=bearer(idp.token())).status == 200)


def test_jwk_03_refused(begin, idp):
    """Nobody listens there any more."""
    one = begin(oidc(idp, jwks=QUICK), loaded=idp)
    idp.close()
    time.sleep(1.5)
    bad_token(want(one, headers=bearer(stranger(idp, "unknown"))))
    known_is_good(one, idp)


def test_jwk_03_certificates(begin, idp, tmp_path):
    """A certificate nobody trusts is an outage; `ca_file` is trust, for that caller alone."""
    context, ca = self_signed(tmp_path)
    with Provider({"RS256": main_key()}, tls=context) as secure:
        bare = {"allow_http": None}
        one = begin(oidc(secure, "trusted", oidc={**bare, "ca_file": ca}, identity="trusted:{sub}"), oidc(idp, identity="staff:{sub}"), loaded=secure)
        allowed(want(one, headers=bearer(secure.token())), "lobby", "trusted:alice")
        before = secure.fetches()
        two = begin(oidc(secure, "untrusted", oidc=bare, jwks=QUICK, identity="untrusted:{sub}"), oidc(idp, identity="staff:{sub}"), loaded=idp)
        problem(want(two, headers=bearer(secure.token())), 503, "unavailable")
        assert secure.fetches() == before, "no request over a connection that is not trusted"
        known_is_good(two, idp)
    with Provider({"RS256": main_key()}, tls=context) as other:
        three = begin(oidc(other, oidc={**bare, "ca_file": ca, "jwks_uri": other.jwks_uri.replace("127.0.0.1", "localhost")}, jwks=QUICK))
        time.sleep(0.5)
        problem(want(three, headers=bearer(other.token())), 503, "unavailable")


def test_jwk_03_no_such_name(begin, idp):
    other = Provider({"RS256": main_key()}, issuer="https://login.invalid")
    other.jwks_uri = "https://login.invalid/keys"
    with other:
        one = begin(oidc(other, "away", identity="away:{sub}", jwks=QUICK), oidc(idp, identity="staff:{sub}"), loaded=idp)
        answer = want(one, headers=bearer(other.token()))
        problem(answer, 503, "unavailable")
        known_is_good(one, idp)


def percentile(times, share):
    return sorted(times)[int(len(times) * share)]


def p99_of_known(one, idp, count=300):
    """Seconds, on one connection, while whatever goes on goes on."""
    times = []
    data = post(headers=bearer(idp.token()))
    with Wire(one.address) as wire:
        for _ in range(count):
            begun = time.monotonic()
            wire.send(data)
            assert wire.answer().status == 200
            times.append(took(begun))
            time.sleep(0.002)
    return percentile(times, 0.99)


def test_jwk_04_a_slow_endpoint(begin, idp):
    """Unknown keys are answered when the time is up, known ones at once: p99 under 50 ms during the outage."""
    one = begin(oidc(idp, jwks={"fresh": "1s", "cooldown": "1s", "timeout": "2s"}), loaded=idp)
    idp.misbehave(Reply(idp.jwks(), wait=20))

    def measure():
        time.sleep(1.1)
        wires = [Wire(one.address) for _ in range(20)]
        begun = time.monotonic()
        for n, wire in enumerate(wires):
            wire.send(post(headers=bearer(stranger(idp, f"unknown-{n}"))))
        p99 = p99_of_known(one, idp)
        for wire in wires:
            bad_token(wire.answer())
            wire.close()
        assert took(begun) < 5
        return p99

    p99 = least(measure, 0.05)
    assert p99 < 0.05, p99


def shim(tmp_path):
    """LD_PRELOAD that makes getaddrinfo never answer for stuck…, and gives fake… the address RK_TEST_ADDRESS."""
    path = tmp_path / "resolver.so"
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    here = __file__.rsplit("/", 1)[0]
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", path, f"{here}/shim_resolver.c", "-ldl"], check=True)
    return str(path)


def test_jwk_04_a_resolver_that_never_answers(begin, idp, tmp_path):
    """issue: it delays no token with a known key, breaks no other caller, and does not keep the service from ending."""
    stuck = Provider({"RS256": main_key()}, issuer="https://stuck.example")
    stuck.jwks_uri = "https://stuck.example/keys"
    with stuck:
        one = begin(oidc(stuck, "away", identity="away:{sub}", jwks=QUICK), oidc(idp, identity="staff:{sub}", jwks={"fresh": "1s", "cooldown": "1s"}), loaded=idp,
                    env={"LD_PRELOAD": shim(tmp_path)})
        with Wire(one.address) as wire:
            def measure():
                begun = time.monotonic()
                wire.send(post(headers=bearer(stuck.token())))
                p99 = p99_of_known(one, idp)
                problem(wire.answer(), 503, "unavailable")
                assert took(begun) < 5
                return p99

            p99 = least(measure, 0.05)
            assert p99 < 0.05, p99
        idp.keys["new"] = new_key()
        wait_until(lambda: want(one, headers=bearer(idp.token("bob", idp.keys["new"]))).status == 200)
        begun = time.monotonic()
        one.stop()
        assert took(begun) < 10


def test_jwk_05_dripping(begin, idp):
    one = begin(oidc(idp, jwks={"fresh": "1h", "cooldown": "1s", "timeout": "1s"}), loaded=idp)
    time.sleep(1.1)
    idp.misbehave(Reply(idp.jwks(), drip=0.1))
    begun = time.monotonic()
    bad_token(want(one, headers=bearer(stranger(idp, "unknown"))))
    assert took(begun) < 3
    known_is_good(one, idp)


def huge_number_of_keys(count):
    jwk = Key(ec_private(), "x", "ES256").jwk()
    return {"keys": [{**jwk, "kid": f"k{n}"} for n in range(count)]}


def big_documents(idp):
    return {
        "60 MB": Reply(b'{"keys":[],"x":"' + b"a" * 60_000_000 + b'"}'), "60 MB of keys": Reply(json_bytes(huge_number_of_keys(3000)) * 100),
        "no length": Reply(b'{"keys":[],"x":"' + b"a" * 5_000_000, length=ABSENT), "10^18": Reply(b'{"keys":[]}', length=10**18),
        "gzip bomb": Reply(gzip_bomb(), headers={"Content-Encoding": "gzip"}), "gzip": Reply(gzip_bomb(100), headers={"Content-Encoding": "gzip"}),
        "br": Reply(idp.jwks(), headers={"Content-Encoding": "br"}), "long head": Reply(idp.jwks(), headers={"X": "y" * 1_000_000}),
        "endless head": Reply(raw=b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 500_000), "just over": Reply(json_bytes(idp.jwks())[:-1] + b',"x":"' + b"a" * 524_288 + b'"}'),
    }


@pytest.mark.parametrize("name", ["60 MB", "60 MB of keys", "no length", "10^18", "gzip bomb", "gzip", "br", "long head", "endless head", "just over"])
def test_jwk_06_too_much(begin, idp, name):
    """Cut at 512 KiB; the set is kept; memory stays within a bound."""
    one = begin(oidc(idp, jwks={"fresh": "1h", "cooldown": "300ms", "timeout": "2s"}), loaded=idp)
    for _ in range(3):
        known_is_good(one, idp)
    time.sleep(0.4)
    reply = big_documents(idp)[name]
    if reply.length is ABSENT:
        reply = Reply(raw=b"HTTP/1.1 200 OK\r\n\r\n" + reply.body)
    rss = one.rss_kib()
    idp.misbehave(reply)
    before = idp.fetches()
    bad_token(want(one, headers=bearer(stranger(idp, "unknown"))))
    assert idp.fetches() - before == 1
    assert one.rss_kib() - rss < 16 * 1024 or sanitized()
    known_is_good(one, idp)


BAD_SETS = {
    "HTML": b"<html><body>log in</body></html>", "cut": b'{"keys":[{"kty":"RSA","n":"', "array": b"[]", "keys object": b'{"keys":{}}', "keys of other types": b'{"keys":[null,1,"x",[],true]}',
    "empty": b"", "brackets": b"[" * 100_000, "objects": b'{"keys":' * 20_000, "trailing NUL": None, "no keys": b"{}", "null": b"null", "BOM": None, "empty set": b'{"keys":[]}',
    "duplicate member": b'{"keys":[],"keys":[]}', "not UTF-8": b'{"keys":[],"x":"\xff"}', "oct only": b'{"keys":[{"kty":"oct","kid":"o","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}]}',
    "strings": b'{"keys":"rsa-1"}', "text": b"not found",
}


@pytest.mark.parametrize("name", BAD_SETS)
def test_jwk_07_not_a_set(begin, idp, name):
    """A failed refresh; the set is kept (JWK-08: the empty one too)."""
    one = begin(oidc(idp, jwks=QUICK), loaded=idp)
    body = BAD_SETS[name]
    if body is None:
        body = json_bytes(idp.jwks()) + b"\0" if name == "trailing NUL" else b"\xef\xbb\xbf" + json_bytes(idp.jwks())
    before = idp.fetches()
    idp.misbehave(Reply(body))
    bad_token(want(one, headers=bearer(stranger(idp, "unknown"))))
    idp.wait_count(before + 1, "/jwks")
    time.sleep(0.1)
    known_is_good(one, idp)
    assert not one.bad_lines


def test_jwk_08_an_empty_set(begin, idp):
    one = begin(oidc(idp, jwks=QUICK), loaded=idp)
    old = dict(idp.keys)
    idp.keys = {}
    before = idp.fetches()
    idp.wait_count(before + 2, "/jwks")
    allowed(want(one, headers=bearer(idp.token(key=old["RS256"]))), "lobby")
    bad_token(want(one, headers=bearer(signed(new_key(), idp.header(new_key()), idp.claims()))))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_jwk_09_redirects(begin, idp, status):
    one = begin(oidc(idp, jwks={"fresh": "1h", "cooldown": "100ms"}), loaded=idp)
    with Server() as canary:
        canary.table["/jwks"] = Reply({"keys": [new_key("unknown").jwk()]})
        for where in (f"{canary.url}/jwks", f"http://localhost:{canary.port}/jwks", "file:///etc/passwd", "/other", "gopher://127.0.0.1:1/", f"https://127.0.0.1:{canary.port}/"):
            time.sleep(0.15)
            idp.misbehave(Reply(b"", status, {"Location": where}))
            before = idp.count()
            bad_token(want(one, headers=bearer(signed(new_key("unknown"), idp.header(kid="unknown"), idp.claims("mallory")))))
            assert idp.count() - before == 1, where
        assert canary.connections == 0 and idp.count("/other") == 0
    known_is_good(one, idp)


# -- discovery


@pytest.mark.parametrize("change", [{"issuer": "https://evil.example"}, {"issuer": "SLASH"}, {"issuer": None}, {"issuer": 1}, {"issuer": ["ours"]}, {"issuer": "ours\0"}])
def test_jwk_10_a_foreign_issuer(begin, idp, change):
    """The document's issuer must be ours, byte for byte; nothing of another one is used."""
    issuer = idp.issuer
    change = {"issuer": issuer + "/"} if change["issuer"] == "SLASH" else {"issuer": issuer + "\0"} if change["issuer"] == "ours\0" else change
    idp.table["/.well-known/openid-configuration"] = lambda seen: Reply({**idp.discovery(), **change})
    one = begin(oidc(idp, discovery=True, jwks=QUICK))
    time.sleep(0.5)
    problem(want(one, headers=bearer(idp.token())), 503, "unavailable")
    assert idp.fetches() == 0
    idp.table["/.well-known/openid-configuration"] = lambda seen: Reply(idp.discovery())
    wait_until(lambda: want(one, headers=bearer(idp.token())).status == 200)


def test_jwk_10_a_foreign_issuer_later(begin, idp):
    """Old keys are kept when the document turns foreign."""
    one = begin(oidc(idp, discovery=True, jwks=QUICK), loaded=idp)
    with Server() as canary:
        canary.table["/keys"] = Reply({"keys": [new_key("evil").jwk()]})
        for document in ({**idp.discovery(), "issuer": "https://evil.example"}, {**idp.discovery(), "jwks_uri": canary.url + "/keys"}, {**idp.discovery(), "jwks_uri": None}, []):
            idp.table["/.well-known/openid-configuration"] = Reply(document)
            time.sleep(0.7)
            bad_token(want(one, headers=bearer(signed(new_key("evil"), idp.header(kid="evil"), idp.claims()))))
            known_is_good(one, idp)
        assert canary.connections == 0


def foreign_addresses(port):
    """What a hostile discovery document might send us to; `port` is a canary's on loopback."""
    return [f"http://localhost:{port}/k", f"http://127.0.0.1:{port}/k", f"http://2130706433:{port}/k", f"http://0177.0.0.1:{port}/k", f"http://0x7f.1:{port}/k", f"http://127.1:{port}/k",
            f"http://[::ffff:127.0.0.1]:{port}/k", f"http://0.0.0.0:{port}/k", f"http://[::1]:{port}/k", "http://169.254.169.254/latest/meta-data", "http://[::ffff:169.254.169.254]/k",
            "http://[fe80::1]/k", "https://evil.example/k", "file:///etc/passwd", "ftp://127.0.0.1/k", "gopher://127.0.0.1:70/k", "dict://127.0.0.1:11211/", "//127.0.0.1/k", "/jwks", "",
            f"https://127.0.0.1:{port}/k", "javascript:1", f"http://user@127.0.0.1:{port}/k", f"HTTP://127.0.0.1:{port}/k"]


def test_jwk_11_foreign_addresses(begin, idp):
    """semantics D7: scheme, host and port of the issuer, or of an entry in jwks_hosts. No packet goes elsewhere."""
    with Server() as canary:
        for url in foreign_addresses(canary.port):
            idp.table["/.well-known/openid-configuration"] = lambda seen, url=url: Reply({**idp.discovery(), "jwks_uri": url})
            one = begin(oidc(idp, discovery=True, jwks={"cooldown": "1h"}, oidc={"allow_http": ["127.0.0.1", "localhost", "evil.example", "169.254.169.254", "0.0.0.0"]}))
            idp.wait_count(1, "/.well-known/openid-configuration")
            problem(want(one, headers=bearer(idp.token())), 503, "unavailable")
            assert one.alive()
            one.stop()
            idp.seen.clear()
        assert canary.connections == 0


def test_jwk_11_user_info_and_fragment(begin, idp):
    """Even with the right origin."""
    for url in (idp.url.replace("//", "//user:pw@") + "/jwks", idp.url + "/jwks#x", idp.url + "/jwks\r\nX: y"):
        idp.seen.clear()
        idp.table["/.well-known/openid-configuration"] = lambda seen, url=url: Reply({**idp.discovery(), "jwks_uri": url})
        one = begin(oidc(idp, discovery=True, jwks={"cooldown": "1h"}))
        idp.wait_count(1, "/.well-known/openid-configuration")
        problem(want(one, headers=bearer(idp.token())), 503, "unavailable")
        assert idp.fetches() == 0, url


def test_jwk_11_jwks_hosts(begin, idp):
    """The yes beside the no: an origin the operator names."""
    with Server() as keys:
        keys.table["/k"] = lambda seen: Reply(idp.jwks())
        idp.jwks_uri = keys.url + "/k"
        begin(oidc(idp, discovery=True, oidc={"jwks_hosts": [keys.url]}), loaded=idp)
        assert keys.count("/k") >= 1


def test_jwk_11_a_name_for_a_forbidden_address(begin, idp, tmp_path):
    """semantics D7: 169.254.0.0/16 and fe80::/10 are refused on the address that is really connected, whatever the name."""
    for n, address in enumerate(("169.254.169.254", "::ffff:169.254.169.254")):
        fake = Provider({"RS256": main_key()}, issuer="https://fake.example")
        fake.jwks_uri = "http://fake.example/keys"
        directory = tmp_path / f"shim{n}"
        directory.mkdir()
        with fake:
            one = begin(oidc(fake, oidc={"allow_http": ["fake.example"]}, jwks={"timeout": "3s"}), env={"LD_PRELOAD": shim(directory), "RK_TEST_ADDRESS": address})
            begun = time.monotonic()
            problem(want(one, headers=bearer(fake.token())), 503, "unavailable")
            assert took(begun) < 2, "refused at once, not after a time-out: nothing was sent"


# -- single keys


def only(idp, *jwks):
    """An ordinary key and these."""
    idp.misbehave(Reply({"keys": [idp.main.jwk(), *jwks]}))


def test_jwk_12_uses(begin, idp):
    key = new_key("k")
    for jwk in (key.but(use="enc").jwk(), key.but(use=ABSENT, key_ops=["encrypt"]).jwk(), key.but(key_ops=["sign"]).jwk(), key.but(use=1).jwk(), key.but(use="SIG").jwk()):
        only(idp, jwk)
        one = begin(oidc(idp, jwks={"cooldown": "1h"}), loaded=idp)
        bad_token(want(one, headers=bearer(idp.token(key=key))))
    enc = Key(rsa_private("enc"), "k", "RSA-OAEP", use="enc")
    only(idp, enc.jwk(), key.but(use=ABSENT, key_ops=["verify"]).jwk())
    one = begin(oidc(idp), loaded=idp)
    allowed(want(one, headers=bearer(idp.token(key=key))), "lobby")
    bad_token(want(one, headers=bearer(signed(enc, {"alg": "RS256", "kid": "k"}, idp.claims()))))


def test_jwk_13_symmetric_keys(begin, idp):
    secret = b"0123456789abcdef0123456789abcdef"
    only(idp, {"kty": "oct", "kid": "o", "k": b64(secret), "alg": "HS256", "use": "sig"}, {"kty": "oct", "kid": "p", "k": b64(secret)})
    one = begin(oidc(idp, jwks={"cooldown": "1h"}), loaded=idp)
    for kid in ("o", "p", "rsa-1", ABSENT):
        bad_token(want(one, headers=bearer(hmac_token(secret, idp.header(alg="HS256", kid=kid), idp.claims()))))
        bad_token(want(one, headers=bearer(hmac_token(b64(secret).encode(), idp.header(alg="HS256", kid=kid), idp.claims()))))


def e1_forgery(n, header, claims):
    """Under e = 1 the signature is the padded hash itself."""
    data = (b64(json_bytes(header)) + "." + b64(json_bytes(claims))).encode()
    info = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(data).digest()
    size = (n.bit_length() + 7) // 8
    return data.decode() + "." + b64(b"\0\1" + b"\xff" * (size - 3 - len(info)) + b"\0" + info)


def test_jwk_14_weak_rsa(begin, idp):
    n = rsa_private("another").public_key().public_numbers().n
    weak = {"1024": Key(rsa_private("weak", 1024), "weak-1024", "RS256"), "e3": Key(rsa_private("three", 2048, 3), "weak-e3", "RS256")}
    long_n, long_e = (1 << 16383) + 12345, (1 << 2000) + 1
    jwks = [key.jwk() for key in weak.values()]
    jwks += [{**new_key(kid).jwk(), **more} for kid, more in (("e1", {"e": "AQ"}), ("even", {"e": number64(65538)}), ("zero", {"e": "AA"}), ("no e", {"e": ""}),
                                                              ("long", {"n": number64(long_n), "e": number64(long_e)}), ("16k", {"n": number64(long_n)}), ("big e", {"e": number64(1 << 32 | 1)}),
                                                              ("even n", {"n": number64(n - 1)}), ("private", {"d": "AQAB"}), ("not base64", {"n": "***"}), ("n zero", {"n": "AA"}))]
    only(idp, *jwks)
    one = begin(oidc(idp, jwks={"cooldown": "1h"}), loaded=idp)
    cpu = one.cpu_s()
    for key in weak.values():
        bad_token(want(one, headers=bearer(idp.token(key=key))))
    for jwk in jwks[2:]:
        size = 2048 if jwk["kid"] in ("long", "16k") else 256
        header = {"alg": "RS256", "kid": jwk["kid"]}
        data = (b64(json_bytes(header)) + "." + b64(json_bytes(idp.claims()))).encode()
        begun = time.monotonic()
        for signature in (b"\1" * size, bytes(size), bytes(size - 1) + b"\1"):
            bad_token(want(one, headers=bearer(data.decode() + "." + b64(signature))))
        assert took(begun) < 1
    bad_token(want(one, headers=bearer(e1_forgery(n, {"alg": "RS256", "kid": "e1"}, idp.claims("mallory")))))
    bad_token(want(one, headers=bearer(idp.token(key=new_key("private")))))
    assert one.cpu_s() - cpu < 1
    known_is_good(one, idp)


def test_jwk_15_bad_curves(begin, idp):
    good = Key(ec_private(), "ec", "ES256")
    jwk = good.jwk()
    x, y = (int.from_bytes(base64.urlsafe_b64decode(jwk[name] + "="), "big") for name in "xy")
    bad = {"off": {"y": number64(y ^ 1, 32)}, "zero": {"x": number64(0, 32), "y": number64(0, 32)}, "short": {"x": number64(x, 32)[:-2]}, "long": {"x": b64(b"\0" + x.to_bytes(32, "big"))},
           "P-999": {"crv": "P-999"}, "other": {"crv": "P-384"}, "k1": {"crv": "secp256k1"}, "no y": {"y": ""}, "number": {"x": 5}, "over p": {"x": "_" * 43}, "no crv": {"crv": ""}}
    jwks = [{**jwk, "kid": name, **change} for name, change in bad.items()]
    jwks += [{"kty": "OKP", "crv": crv, "x": b64(b"\5" * size), "kid": crv, "use": "sig"} for crv, size in (("Ed25519", 31), ("Ed448", 57), ("X25519", 32))]
    only(idp, *jwks, jwk)
    one = begin(oidc(idp, jwks={"cooldown": "1h"}), loaded=idp)
    allowed(want(one, headers=bearer(idp.token(key=good))), "lobby")
    for one_bad in jwks:
        bad_token(want(one, headers=bearer(signed(good, {"alg": "ES256", "kid": one_bad["kid"]}, idp.claims()))))


def test_jwk_16_two_keys_with_one_kid(begin, idp):
    first, second = Key(rsa_private("another"), "twin", "RS256"), Key(rsa_private("third"), "twin", "RS256")
    only(idp, first.jwk(), second.jwk())
    one = begin(oidc(idp, jwks={"cooldown": "1h"}), loaded=idp)
    for key in (first, second):
        bad_token(want(one, headers=bearer(idp.token(key=key))))
    known_is_good(one, idp)
    only(idp, first.jwk(), Key(ec_private(), "twin", "ES256").jwk())
    two = begin(oidc(idp, jwks={"cooldown": "1h"}), loaded=idp)
    allowed(want(two, headers=bearer(idp.token(key=first))), "lobby")


def test_jwk_17_kids_of_cognito(begin, idp):
    key = Key(rsa_private("another"), "abc+/def==", ABSENT, use=ABSENT)
    only(idp, {**key.jwk(), "x5c": ["MIIB"], "x5t": "x", "x5u": "http://127.0.0.1:1/", "unknown": {"a": [1]}})
    one = begin(oidc(idp), loaded=idp)
    allowed(want(one, headers=bearer(idp.token(key=key))), "lobby")


@pytest.mark.parametrize("count", [101, 3000])
def test_jwk_18_too_many_keys(begin, idp, count):
    one = begin(oidc(idp, jwks=QUICK), loaded=idp)
    before = idp.fetches()
    idp.misbehave(Reply(huge_number_of_keys(count)))
    idp.wait_count(before + 2, "/jwks")
    known_is_good(one, idp)
    bad_token(want(one, headers=bearer(signed(Key(ec_private(), "k1", "ES256"), {"alg": "ES256", "kid": "k1"}, idp.claims()))))


def test_jwk_20_down_at_the_start(begin, idp):
    """It starts, says that it is not ready, and recovers by itself."""
    idp.misbehave(Reply(b"", 500))
    one = begin(oidc(idp, jwks={"fresh": "1h", "cooldown": "1s", "timeout": "1s"}))
    idp.wait_count(1, "/jwks")
    ready = ask(one.address, request("GET", "/readyz"))
    assert ready.status == 503, ready
    assert ask(one.address, request("GET", "/livez")).status == 200
    problem(want(one, headers=bearer(idp.token())), 503, "unavailable")
    idp.misbehave(None)
    wait_until(lambda: ask(one.address, request("GET", "/readyz")).status == 200)
    known_is_good(one, idp)


def test_jwk_21_clock_jumps(begin, idp, tmp_path):
    """The cache lives by the monotonic clock: a day forth and back causes no storm of fetches."""
    path, offset = tmp_path / "clock.so", tmp_path / "offset"
    here = __file__.rsplit("/", 1)[0]
    subprocess.run([shutil.which("cc") or "gcc", "-shared", "-fPIC", "-O1", "-o", path, f"{here}/shim_clock.c"], check=True)
    offset.write_bytes((0).to_bytes(8, "little", signed=True))
    one = begin(oidc(idp, jwks={"fresh": "1h", "cooldown": "1s"}), loaded=idp, env={"LD_PRELOAD": str(path), "RK_TEST_CLOCK": str(offset)})
    before = idp.fetches()
    for jump in (86400, -86400, 0):
        with open(offset, "r+b") as file:
            file.write(jump.to_bytes(8, "little", signed=True))
        time.sleep(0.4)
        now = int(time.time()) + jump
        assert want(one, headers=bearer(idp.token(iat=now, exp=now + 600))).status == 200
    assert idp.fetches() == before


def test_whatever_lies_on_the_heap(begin, idp):
    """A verification takes no pages from the system and gives none back, however many keys are known. musl's malloc did both each time,
    with some numbers of keys: src/serve/spare.h."""
    taken, before = {}, 0
    for count in range(1, 9):
        one = begin(oidc(idp, jwks={"fresh": "1h", "cooldown": "1h"}), loaded=idp, env={"ROOMKEY_WORKERS": "1"})
        data = post(headers=bearer(idp.token()))
        with Wire(one.address) as wire:
            for n in range(600):  # the first half for what is made once
                wire.send(data)
                assert wire.answer().status == 200
                before = one.faults() if n == 300 else before
        taken[count] = one.faults() - before
        one.stop()
        idp.keys[str(count)] = Key(rsa_private(f"one more {count}"), f"one-more-{count}", "RS256")
    assert max(taken.values()) < 100 or sanitized(), taken


def test_at_most_256_calls_wait(begin, idp):
    """design §2: more than that are refused at once, and the others are answered when the time is up."""
    one = begin(oidc(idp, jwks={"fresh": "1h", "cooldown": "500ms", "timeout": "2s"}), loaded=idp)
    time.sleep(0.6)
    idp.misbehave(Reply(hang=True))
    wires = [Wire(one.address) for _ in range(320)]
    data = [post(headers=bearer(stranger(idp, f"kid-{n}"))) for n in range(320)]
    before, begun = idp.fetches(), time.monotonic()
    for wire, each in zip(wires, data):
        wire.send(each)
    known_is_good(one, idp)
    statuses = [wire.answer().status for wire in wires]
    whole = took(begun)
    for wire in wires:
        wire.close()
    assert set(statuses) <= {401, 503} and whole < 6, (set(statuses), whole)
    assert idp.fetches() - before <= 2 + int((time.monotonic() - begun) / 2.5), "one in a time-out and a cool-down"


def test_clients_that_leave_while_waiting(begin, idp):
    """design §2: disconnect cancels the wait; nothing is left of it."""
    one = begin(oidc(idp, jwks={"fresh": "1h", "cooldown": "500ms", "timeout": "2s"}), loaded=idp)
    known_is_good(one, idp)
    fds = one.descriptors()
    for round_ in range(3):
        time.sleep(0.6)
        idp.misbehave(Reply(hang=True))
        wires = [Wire(one.address) for _ in range(40)]
        for n, wire in enumerate(wires):
            wire.send(post(headers=bearer(stranger(idp, f"kid-{round_}-{n}"))))
        time.sleep(0.1)
        for n, wire in enumerate(wires):
            wire.abort() if n % 2 else wire.close()
        known_is_good(one, idp)
    idp.drop()
    wait_until(lambda: one.descriptors() <= fds + 4)


def test_a_drain_ends_waits(begin, idp):
    """semantics H21: a waiting call that cannot finish in time is answered 503 `draining`; the end comes within 10 s."""
    one = begin(oidc(idp, jwks={"fresh": "1h", "cooldown": "500ms", "timeout": "30s"}), loaded=idp)
    time.sleep(0.6)
    idp.misbehave(Reply(hang=True))
    with Wire(one.address) as wire:
        wire.send(post(headers=bearer(stranger(idp, "unknown"))))
        wire.wait_taken()
        thread = threading.Thread(target=one.stop)
        thread.start()
        answer = wire.answer()
        assert answer.status in (401, 503) and answer.closes, answer
        thread.join(30)
        assert not thread.is_alive() and took(one.signalled) < 11


def test_a_reload_keeps_the_sets(begin, idp):
    """design §2: key sets live outside the snapshot, by issuer and address: nothing is fetched again, a provider that is down does not matter."""
    one = begin(oidc(idp, jwks={"fresh": "1h", "cooldown": "1h"}), loaded=idp)
    before = idp.fetches()
    idp.misbehave(Reply(b"", 500))
    one.conf.write(changed(one.doc, rules=[everything(default_room="second")]))
    reload(one, lambda: want(one, headers=bearer(idp.token())).status == 200 and want(one, headers=bearer(idp.token())).json()["room_name"] == "second")
    assert idp.fetches() == before
    moved = oidc(idp, jwks={"fresh": "1h", "cooldown": "1h"})
    moved["oidc"]["jwks_uri"] = idp.url + "/moved"
    idp.table["/moved"] = lambda seen: Reply({"keys": [new_key("moved").jwk()]})
    one.conf.write(changed(one.doc, callers=[moved]))
    reload(one, lambda: want(one, headers=bearer(idp.token(key=new_key("moved")))).status == 200)
    bad_token(want(one, headers=bearer(idp.token())))
