"""Bearer tokens as attackers make them: security §5.1, JWT-01 to JWT-38. Known keys, so nothing here may fetch anything."""

import json
import os
import time
import zlib

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from conf import allowed, bad_token, base, everything, not_echoed, oidc, running, sanitized, wait_until, want
from idp import (ABSENT, SMALL_ORDER, Key, Provider, Server, b64, bearer, compact, hmac_token, json_bytes, ordinary_keys, rsa_private,
                 ec_private, signed, small_order_forgery)
from machine import took
from process import KEY, SECRET
from shapes import problem
from wire import Wire, post

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.fixture(scope="module")
def idp():
    with Provider() as one:
        yield one


@pytest.fixture(scope="module")
def canary():
    """Nobody may ever connect here."""
    with Server() as one:
        yield one
        assert one.connections == 0, [seen.path for seen in one.seen]


@pytest.fixture(scope="module")
def one(idp, tmp_path_factory):
    """Keys are loaded and stay known for the whole file."""
    doc = base(callers=[oidc(idp, jwks={"fresh": "1h", "cooldown": "1h"}, identity="{sub}")], rules=[everything()])
    with running(tmp_path_factory.mktemp("bearer"), doc) as service:
        wait_until(lambda: want(service, headers=bearer(idp.token())).status == 200)
        yield service


@pytest.fixture(autouse=True)
def nothing_else_happens(one, idp, canary, request):
    """In every case: an answer in under a second, no fetch, no canary, the process lives and good tokens are still good."""
    fetches, begun = idp.fetches(), time.monotonic()
    yield
    whole = took(begun)
    assert one.alive() and canary.connections == 0
    if "may_fetch" not in request.keywords:
        assert idp.fetches() == fetches, "a fetch that no token may cause"
        assert whole < 5, f"{whole} s"
    allowed(want(one, headers=bearer(idp.token())), "lobby", "alice")


def refused(one, token, *secrets):
    begun = time.monotonic()
    answer = want(one, headers=bearer(token))
    assert took(begun) < 1
    bad_token(answer)
    not_echoed(answer, *secrets)
    return answer


# -- the yes beside the no


@pytest.mark.parametrize("name", list(ordinary_keys()))
def test_every_algorithm(one, idp, name):
    """security §1.4: RS, PS, ES 256 to 512 and EdDSA; JWK-17: a key without alg, with + / = in its kid."""
    claims = allowed(want(one, headers=bearer(idp.token(key=idp.keys[name]))), "lobby", "alice")
    assert claims["iss"] == KEY


@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_a_key_without_alg_serves_each_of_its_kind(one, idp, alg):
    """security §1.5: alg absent (Entra) or on the list."""
    allowed(want(one, headers=bearer(idp.token(key=idp.keys["no alg"], header={"alg": alg}))), "lobby", "alice")


# -- none, and secrets made from public keys


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
def test_jwt_01_alg_none(one, idp, alg):
    for header in ({"alg": alg}, {"alg": alg, "typ": "JWT", "kid": "rsa-1"}):
        refused(one, compact(header, idp.claims("mallory"), b""))
        refused(one, compact(header, idp.claims("mallory"), b"x"))


def test_jwt_02_alg_none_with_a_kept_signature(one, idp):
    good = idp.token()
    header = b64(json_bytes({"alg": "none", "typ": "JWT", "kid": "rsa-1"}))
    refused(one, ".".join([header, *good.split(".")[1:]]))


def test_jwt_03_segments(one, idp):
    h, p, s = idp.token().split(".")
    for text in (f"{h}.{p}", f"{h}", f"{h}{p}{s}", f"{h}.{p}.{s}.{s}", f"{h}.{p}.{s}.", f".{h}.{p}.{s}", "..", f"{h}..{s}", f".{p}.{s}", f"{h}.{p}.", "...",
                 ".", "a.b.c", f"{h}.{p}..{s}", f"{h}.{p}.{s}.{h}.{p}"):
        refused(one, text)


def rsa_public_as_text(key):
    public = key.private.public_key()
    pkcs1 = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
    return {"pem": key.pem(), "pem without newline": key.pem().rstrip(b"\n"), "pkcs1": pkcs1, "pkcs1 without newline": pkcs1.rstrip(b"\n"), "der": key.der(),
            "pkcs1 der": public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1), "jwk": json.dumps(key.jwk()).encode(),
            "compact jwk": json_bytes(key.jwk()), "modulus": public.public_numbers().n.to_bytes(256, "big"), "modulus text": key.jwk()["n"].encode()}


@pytest.mark.parametrize("form", ["pem", "pem without newline", "pkcs1", "pkcs1 without newline", "der", "pkcs1 der", "jwk", "compact jwk", "modulus", "modulus text"])
def test_jwt_04_hs256_with_the_rsa_key(one, idp, form):
    secret = rsa_public_as_text(idp.main)[form]
    for kid in ("rsa-1", ABSENT):
        refused(one, hmac_token(secret, idp.header(alg="HS256", kid=kid), idp.claims("mallory")))


def test_jwt_05_hs256_with_the_ec_key(one, idp):
    key = idp.keys["ES256"]
    x = key.private.public_key().public_numbers().x.to_bytes(32, "big")
    for secret in (key.pem(), key.pem().rstrip(b"\n"), key.der(), x, key.jwk()["x"].encode(), json_bytes(key.jwk())):
        refused(one, hmac_token(secret, idp.header(key, alg="HS256"), idp.claims("mallory")))
    ed = idp.keys["EdDSA"]
    refused(one, hmac_token(ed.pem(), idp.header(ed, alg="HS256"), idp.claims("mallory")))


@pytest.mark.parametrize("secret", [b"", b"secret", b"\0", b"\0" * 32, b"null", b"roomkey"])
def test_jwt_06_hs256_with_poor_secrets(one, idp, secret):
    for kid in ("rsa-1", ABSENT, ""):
        refused(one, hmac_token(secret, idp.header(alg="HS256", kid=kid), idp.claims("mallory")))


@pytest.mark.parametrize("alg", ["HS384", "HS512"])
def test_jwt_07_longer_hmacs(one, idp, alg):
    refused(one, hmac_token(idp.main.pem(), idp.header(alg=alg), idp.claims("mallory")))


def test_jwt_08_under_the_livekit_secret(one, idp):
    for kid in (KEY, "rsa-1", ABSENT):
        refused(one, hmac_token(SECRET.encode(), idp.header(alg="HS256", kid=kid), idp.claims("mallory")), SECRET)


def test_jwt_09_a_minted_token(one, idp):
    token = want(one, headers=bearer(idp.token())).json()["participant_token"]
    refused(one, token)


# -- keys from the token


def test_jwt_10_attackers_key_under_a_real_kid(one, idp):
    for key in idp.keys.values():
        kind = "attacker"
        private = rsa_private(kind) if key.jwk()["kty"] == "RSA" else ec_private(key.jwk()["crv"], kind) if key.jwk()["kty"] == "EC" else None
        if private is not None:
            refused(one, signed(Key(private, key.kid, key.natural_alg()), idp.header(key), idp.claims("mallory")))


@pytest.mark.parametrize("kid", ["mine", "rsa-1", ABSENT])
def test_jwt_11_embedded_jwk(one, idp, kid):
    mine = idp.main.but()
    mine.private = rsa_private("attacker")
    header = idp.header(kid=kid, jwk={**mine.jwk(), "kid": "rsa-1" if kid is ABSENT else kid})
    if kid == "mine":
        header["kid"] = "rsa-1"  # an unknown kid would be a fetch; the own kid stands inside
    refused(one, signed(mine, header, idp.claims("mallory")))


@pytest.mark.parametrize("name", ["jku", "x5u"])
def test_jwt_12_key_addresses(one, idp, canary, name):
    mine = idp.main.but()
    mine.private = rsa_private("attacker")
    for url in (f"{canary.url}/keys", f"http://127.0.0.1:{idp.port}@127.0.0.1:{canary.port}/keys", f"http://login.example@127.0.0.1:{canary.port}/keys",
                "file:///dev/null", "http://169.254.169.254/latest/meta-data"):
        refused(one, signed(mine, idp.header(**{name: url}), idp.claims("mallory")), url)


def test_jwt_13_key_addresses_in_a_good_token(one, idp, canary):
    for name in ("jku", "x5u", "x5t", "x5t#S256"):
        token = signed(idp.main, idp.header(**{name: f"{canary.url}/keys"}), idp.claims())
        allowed(want(one, headers=bearer(token)), "lobby", "alice")


def test_jwt_14_self_signed_certificate(one, idp):
    import base64
    import datetime

    from cryptography import x509
    private = rsa_private("attacker")
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "login.example")])
    now = datetime.datetime.now(datetime.timezone.utc)
    cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key()).serial_number(1)
            .not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)).sign(private, hashes.SHA256()))
    mine = idp.main.but()
    mine.private = private
    chain = [base64.b64encode(cert.public_bytes(serialization.Encoding.DER)).decode()]
    for kid in ("rsa-1", ABSENT):
        refused(one, signed(mine, idp.header(kid=kid, x5c=chain), idp.claims("mallory")))


# -- kid


HOSTILE_KIDS = ["../../dev/null", "/dev/null", "' OR 1=1 --", "x' UNION SELECT 'a", "|sleep 5", "$(sleep 5)", "http://127.0.0.1:1/", "%n%s%n%s", "k" * 6000, "a\r\nforged: x",
                "\n{\"event\":\"forged\"}", "rsa-1\0", "rsa-1\0x", " rsa-1", "rsa-1 ", "RSA-1", "", "\x1b[2J", "\u2028", "rsa-", "rsa-11", "a" * 256, "a" * 257]


@pytest.mark.may_fetch
@pytest.mark.parametrize("kid", HOSTILE_KIDS)
def test_jwt_15_hostile_kids(one, idp, kid):
    """A table lookup only: no path, no delay, no forged log line. A kid that is merely unknown may ask the provider again."""
    for key in (idp.main, idp.keys["ES256"]):
        answer = refused(one, signed(key, idp.header(key, kid=kid), idp.claims("mallory")))
        line = one.access(answer.request_id)
        assert line["status"] == 401
    assert not one.bad_lines and not [event for event in one.events if event["event"] == "forged"]
    assert "/dev/null" not in one.all_output() or kid != "/dev/null"


@pytest.mark.parametrize("kid", [1, 0, None, ["rsa-1"], {"kid": "rsa-1"}, True, 1.5, []])
def test_jwt_16_kids_of_other_types(one, idp, kid):
    refused(one, signed(idp.main, idp.header(kid=kid), idp.claims("mallory")))


# -- algorithm and key


def test_jwt_17_keys_of_another_kind(one, idp):
    ec_key, p384, ed = idp.keys["ES256"], idp.keys["ES384"], idp.keys["EdDSA"]
    refused(one, signed(idp.main, idp.header(kid=ec_key.kid), idp.claims("mallory")))
    refused(one, signed(ec_key, idp.header(ec_key, kid="rsa-1"), idp.claims("mallory")))
    refused(one, signed(ec_key, idp.header(ec_key, kid=p384.kid), idp.claims("mallory")))
    header = idp.header(p384, alg="ES256")  # SHA-256 under P-384
    data = (b64(json_bytes(header)) + "." + b64(json_bytes(idp.claims("mallory")))).encode()
    r, s = utils.decode_dss_signature(p384.private.sign(data, ec.ECDSA(hashes.SHA256())))
    for size in (48, 32):
        short = (r % 2 ** (8 * size)).to_bytes(size, "big") + (s % 2 ** (8 * size)).to_bytes(size, "big")
        refused(one, data.decode() + "." + b64(short))
    refused(one, signed(ed, idp.header(ed, kid="rsa-1"), idp.claims("mallory")))
    refused(one, signed(idp.main, idp.header(kid=ed.kid), idp.claims("mallory")))


@pytest.mark.parametrize("alg", ["PS256", "PS384", "PS512", "RS384", "RS512"])
def test_jwt_18_the_jwk_pins_its_algorithm(one, idp, alg):
    """security §1.5: the key rsa-1 says RS256."""
    refused(one, signed(idp.main, idp.header(alg=alg), idp.claims("mallory")))


@pytest.mark.parametrize("alg", [ABSENT, "", None, 256, ["RS256"], {"RS256": 1}, True, "rs256", "RS256 ", " RS256", "RS256\0", "Rs256", "RS1", "ES256K", "RS256,none", "Ed448", "HS256", "RSA-OAEP", "dir"])
def test_jwt_19_odd_algorithms(one, idp, alg):
    header = idp.header(alg=alg)
    data = (b64(json_bytes(header)) + "." + b64(json_bytes(idp.claims("mallory")))).encode()
    refused(one, data.decode() + "." + b64(idp.main.sign("RS256", data)))


# -- extensions nobody here understands


@pytest.mark.parametrize("crit", [["exp"], ["alg"], [], "exp", ["http://example.com/UNDEFINED"], ["b64"], None, True, {}, [1]])
def test_jwt_20_crit(one, idp, crit):
    refused(one, signed(idp.main, idp.header(crit=crit), idp.claims("mallory")))
    refused(one, signed(idp.main, idp.header(crit=crit, exp=1, **{"http://example.com/UNDEFINED": True}), idp.claims("mallory")))


def test_jwt_21_b64_false(one, idp):
    payload = json_bytes(idp.claims("mallory"))
    for header in (idp.header(b64=False, crit=["b64"]), idp.header(b64=False), idp.header(b64=True)):
        encoded = b64(json_bytes(header))
        raw = encoded.encode() + b"." + payload
        # quotes and braces are no characters of a bearer token, so this one fails at the door (semantics D2: 401 as well)
        refused(one, raw.decode() + "." + b64(idp.main.sign("RS256", raw)))
        refused(one, signed(idp.main, header, idp.claims("mallory")))


def jwe(key, plain, **header):
    """RSA-OAEP and A256GCM to the published key."""
    head = b64(json_bytes({"alg": "RSA-OAEP", "enc": "A256GCM", "kid": key.kid, **header}))
    cek, iv = os.urandom(32), os.urandom(12)
    wrapped = key.private.public_key().encrypt(cek, padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None))
    sealed = AESGCM(cek).encrypt(iv, plain, head.encode())
    return ".".join((head, b64(wrapped), b64(iv), b64(sealed[:-16]), b64(sealed[-16:])))


def test_jwt_22_jwe(one, idp):
    refused(one, jwe(idp.main, json_bytes(idp.claims("mallory"))))
    refused(one, jwe(idp.main, idp.token().encode(), cty="JWT"))
    rss = one.rss_kib()
    for size in (8_000_000, 20_000_000):
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        refused(one, jwe(idp.main, deflate.compress(b"\0" * size) + deflate.flush(), zip="DEF"))
    assert one.rss_kib() - rss < 2048 or sanitized()
    for name in ("zip", "enc", "epk", "p2c", "p2s"):
        refused(one, signed(idp.main, idp.header(**{name: "DEF" if name == "zip" else 1}), idp.claims("mallory")))


def test_jwt_23_nested(one, idp):
    inner = idp.token("mallory")
    refused(one, signed(idp.main, idp.header(cty="JWT"), inner.encode()))
    refused(one, signed(idp.main, idp.header(cty="JWT"), idp.claims("mallory")))
    refused(one, signed(idp.main, idp.header(cty="jwt"), idp.claims("mallory")))
    refused(one, signed(idp.main, idp.header(), json_bytes(inner)))


def test_jwt_24_json_serialization(one, idp):
    h, p, s = idp.token().split(".")
    refused(one, json.dumps({"payload": p, "protected": h, "signature": s}, separators=(",", ":")))
    refused(one, json.dumps({"payload": p, "signatures": [{"protected": h, "signature": s}]}, separators=(",", ":")))


# -- signatures


def test_jwt_25_ecdsa_numbers(one, idp):
    key = idp.keys["ES256"]
    data = (b64(json_bytes(idp.header(key))) + "." + b64(json_bytes(idp.claims("mallory")))).encode()
    good = key.sign("ES256", data)
    r, s = good[:32], good[32:]
    n, zero = P256_ORDER.to_bytes(32, "big"), bytes(32)
    der = utils.encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    wrong = [zero + zero, zero + b"\0" * 31 + b"\1", b"\0" * 31 + b"\1" + zero, n + n, r + n, n + s, b"", der, b"\0" + r + b"\0" + s, good + b"\0", good + b"\0" * 32,
             good[:63], r, b"\0" + good, r + zero, zero + s, s + r, b"\xff" * 64, (P256_ORDER - 1).to_bytes(32, "big") * 2]
    for signature in wrong:
        refused(one, data.decode() + "." + b64(signature))
    token = data.decode() + "." + b64(good)
    allowed(want(one, headers=bearer(token)), "lobby", "mallory")
    big = idp.keys["ES512"]
    data = (b64(json_bytes(idp.header(big))) + "." + b64(json_bytes(idp.claims("mallory")))).encode()
    for signature in (bytes(132), b"\xff" * 132, big.sign("ES512", data)[:131], bytes(131), b""):
        refused(one, data.decode() + "." + b64(signature))


@pytest.mark.parametrize("alg", ["RS256", "PS256"])
def test_jwt_26_rsa_numbers(one, idp, alg):
    key = idp.keys[alg]
    n = key.private.public_key().public_numbers().n
    data = (b64(json_bytes(idp.header(key))) + "." + b64(json_bytes(idp.claims("mallory")))).encode()
    good = key.sign(alg, data)
    number = int.from_bytes(good, "big")
    wrong = [bytes(256), bytes(255) + b"\1", n.to_bytes(256, "big"), b"\xff" * 256, (n - 1).to_bytes(256, "big"), good[:-1], good + b"\0", b"\0" + good, good[1:], b"", b"\0",
             good[:-1] + bytes([good[-1] ^ 1]), bytes([good[0] ^ 0x80]) + good[1:], (number + n).to_bytes(257, "big"), (n - number).to_bytes(256, "big")]
    for signature in wrong:
        refused(one, data.decode() + "." + b64(signature))


def test_jwt_26_pss_salt_length(one, idp):
    """security §1.4: the salt is as long as the hash; a verifier that takes any is too kind."""
    key = idp.keys["PS256"]
    data = (b64(json_bytes(idp.header(key))) + "." + b64(json_bytes(idp.claims("mallory")))).encode()
    for salt in (0, 20, 31, 33, padding.calculate_max_pss_salt_length(key.private, hashes.SHA256())):
        signature = key.private.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256())
        refused(one, data.decode() + "." + b64(signature))
    mixed = key.private.sign(data, padding.PSS(padding.MGF1(hashes.SHA1()), 32), hashes.SHA256())
    refused(one, data.decode() + "." + b64(mixed))


def test_jwt_27_ed25519_zero(one, idp):
    key = idp.keys["EdDSA"]
    data = (b64(json_bytes(idp.header(key))) + "." + b64(json_bytes(idp.claims("mallory")))).encode()
    good = key.sign("EdDSA", data)
    order = (2**252 + 27742317777372353535851937790883648493).to_bytes(32, "little")
    s = int.from_bytes(good[32:], "little") + int.from_bytes(order, "little")
    for signature in (bytes(64), b"\1" + bytes(63), good[:63], good + b"\0", b"", good[:32] + order, good[:32] + s.to_bytes(32, "little"), good[32:] + good[:32]):
        refused(one, data.decode() + "." + b64(signature))


def test_jwt_27_small_order_keys(tmp_path):
    """Under a key of small order anybody can sign, and libcrypto's verification says yes: the key must be left out of the set."""
    class Published(Key):
        def jwk(self):
            return {"kty": "OKP", "crv": "Ed25519", "kid": self.kid, "alg": "EdDSA", "x": b64(self.private)}

    keys = {point: Published(bytes.fromhex(point), f"small-{n}", "EdDSA") for n, point in enumerate(SMALL_ORDER)}
    with Provider({**ordinary_keys(), **keys}) as idp, \
            running(tmp_path, base(callers=[oidc(idp, jwks={"cooldown": "1h"})], rules=[everything()])) as service:
        allowed(want(service, headers=bearer(idp.token())), "lobby", "alice")
        for point in SMALL_ORDER:
            refused(service, small_order_forgery(bytes.fromhex(point), {"alg": "EdDSA", "kid": keys[point].kid}, idp.claims("mallory")))


def test_jwt_28_base64(one, idp):
    """Padding, the other alphabet, blanks, length 1 mod 4 and bits that are not zero."""
    for _ in range(20):  # until a signature and a payload hold what is wanted
        h, p, s = idp.token(pad="x" * (_ % 4)).split(".")
        for text in (f"{h}.{p}.{s}=", f"{h}.{p}.{s}==", f"{h}==.{p}.{s}", f"{h}.{p}=.{s}", f"{h}.{p}.{s[:10]}?{s[11:]}", f"{h}.{p}.{s[:10]} {s[10:]}",
                     f"{h[:5]}+{h[6:]}.{p}.{s}", f"{h}.{p[:9]}/{p[10:]}.{s}", f"{h}.{p}.{s}A", f"{h}A.{p}.{s}", f"{h}.{p}.{s[:-1]}", f"{h}.{p}.{s}%3D", f"{h}.{p}.{s},"):
            refused(one, text)
    # 256 bytes of signature leave two characters over: the last carries 4 unused bits
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    at = last.index(s[-1])
    assert at % 16 == 0, "canonical"
    for more in (1, 2, 8, 15):
        refused(one, f"{h}.{p}.{s[:-1]}{last[at + more]}")
    if "-" in s or "_" in s:
        refused(one, f"{h}.{p}." + s.replace("-", "+").replace("_", "/"))


def test_jwt_29_changed_payload(one, idp):
    h, p, s = idp.token().split(".")
    for claims in (idp.claims("mallory"), idp.claims(exp=int(time.time()) + 9999), idp.claims(admin=True)):
        refused(one, ".".join((h, b64(json_bytes(claims)), s)))
    other = idp.token("bob").split(".")
    refused(one, ".".join((h, other[1], s)))
    refused(one, ".".join((b64(json_bytes(idp.header(x=1))), p, s)))


def test_jwt_30_size(one, idp):
    """5,000 dots; 16 KiB; 1 MiB, refused or reset without work."""
    cpu = one.cpu_s()
    refused(one, "." * 5000)
    refused(one, "a." * 5000)
    refused(one, idp.token(pad="x" * 12000))
    refused(one, "x" * 12289)
    with Wire(one.address) as wire:
        wire.send(post(headers=bearer("a" * 1048576)))
        problem(wire.answer(), 431, "headers_too_large")
    assert one.cpu_s() - cpu < 0.5
    fits = idp.token(pad="x" * 7000)
    assert 9000 < len(fits) <= 12288
    allowed(want(one, headers=bearer(fits)), "lobby", "alice")


@pytest.mark.parametrize("typ", ["logout+jwt", "secevent+jwt", "dpop+jwt", 1, None, "JOSE", "", "id+jwt", ["JWT"], "JWT "])
def test_jwt_31_other_kinds(one, idp, typ):
    refused(one, signed(idp.main, idp.header(typ=typ), idp.claims("mallory")))


@pytest.mark.parametrize("typ", [ABSENT, "JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"])
def test_jwt_32_typ(one, idp, typ):
    allowed(want(one, headers=bearer(signed(idp.main, idp.header(typ=typ), idp.claims()))), "lobby", "alice")


# -- JSON


def spliced(idp, extra, first=True):
    """The claims with raw members put in."""
    text = json_bytes(idp.claims())
    return b"{" + extra + b"," + text[1:] if first else text[:-1] + b"," + extra + b"}"


@pytest.mark.parametrize("first", [True, False])
def test_jwt_33_duplicates(one, idp, first):
    for extra in (b'"sub":"mallory"', b'"sub":"alice"', b'"aud":"roomkey"', b'"s\\u0075b":"mallory"', b'"x":1,"x":1', b'"x":{"a":1,"a":1}', b'"exp":9999999999', b'"\\u0069ss":"x"'):
        refused(one, signed(idp.main, idp.header(), spliced(idp, extra, first)))
    for extra in (b'"alg":"RS256"', b'"alg":"none"', b'"kid":"rsa-1"', b'"k\\u0069d":"x"', b'"x":1,"x":2'):
        text = json_bytes(idp.header())
        header = b"{" + extra + b"," + text[1:] if first else text[:-1] + b"," + extra + b"}"
        refused(one, signed(idp.main, header, idp.claims()))


@pytest.mark.parametrize("payload", [b"[]", b'["a"]', b'"text"', b"null", b"true", b"1", b"", b" ", b"{}", b"[{}]"])
def test_jwt_34_payloads_that_are_no_claims(one, idp, payload):
    refused(one, signed(idp.main, idp.header(), payload))
    refused(one, signed(idp.main, payload, idp.claims()))


@pytest.mark.parametrize("part", ["header", "payload"])
def test_jwt_35_not_json(one, idp, part):
    header, payload = json_bytes(idp.header()), json_bytes(idp.claims())
    text = header if part == "header" else payload
    for bad in (text + b"x", text + b" x", text + b"\0", text + b"\0{}", b"\xef\xbb\xbf" + text, text[:-1] + b"/*x*/}", text.replace(b'"', b"'"), text[:-1] + b",}",
                text[:-1] + b',"x":NaN}', text[:-1] + b',"x":Infinity}', text[:-1] + b',"x":01}', text[:-1] + b',"x":1e999}', text[:-1], text + text, text[1:],
                text.decode().encode("utf-16-le"), text[:-1] + b',"x":.5}'):
        refused(one, signed(idp.main, bad if part == "header" else header, bad if part == "payload" else payload))


@pytest.mark.parametrize("sub", [b'"al\xff"', b'"al\xc0\xaf"', b'"al\xed\xa0\x80"', b'"al\\ud800"', b'"al\\udc00x"', b'"al\\u0000"', b'"alice\\u0000mallory"', b'"al\nice"'])
def test_jwt_36_encoding(one, idp, sub):
    claims = json_bytes(idp.claims(sub=ABSENT))
    refused(one, signed(idp.main, idp.header(), claims[:-1] + b',"sub":' + sub + b"}"))
    text = json_bytes(idp.claims())
    if b"u0000" not in sub:
        refused(one, signed(idp.main, idp.header(), text[:-1] + b',"other":' + sub + b"}"))


def test_jwt_37_depth(one, idp):
    claims, header = json_bytes(idp.claims()), json_bytes(idp.header())
    for deep in (b"[" * 4000 + b"]" * 4000, b'{"a":' * 1300 + b"1" + b"}" * 1300):
        refused(one, signed(idp.main, idp.header(), claims[:-1] + b',"x":' + deep + b"}"))
    refused(one, signed(idp.main, header[:-1] + b',"x":' + b"[" * 3000 + b"]" * 3000 + b"}", idp.claims()))
    refused(one, signed(idp.main, idp.header(), b"[" * 9000))
    refused(one, signed(idp.main, idp.header(), claims[:-1] + b',"x":' + b"[" * 17 + b"]" * 17 + b"}"))


def test_jwt_38_large_but_good(one, idp):
    claims = json_bytes(idp.claims(name="Zoë 😀", groups=["group-%04d-%s" % (n, "x" * 26) for n in range(100)], nested={"a": [{"b": [1, 2.5, None, True]}]}))
    token = signed(idp.main, idp.header(), claims[:-1] + b',"big":123456789012345678901234567890}')
    allowed(want(one, headers=bearer(token)), "lobby", "alice")
    header = b' {\n "alg" : "RS256" ,\t"kid":"rsa-1", "x":[1,{"y":null}], "nonce":"abc", "rh":1e3 } '
    allowed(want(one, headers=bearer(signed(idp.main, header, b" " + json_bytes(idp.claims()) + b"\r\n"))), "lobby", "alice")


# -- without a kid


def test_without_a_kid(one, idp):
    """security §1.5: only if exactly one usable key fits; there are several RS256 keys here (one has no alg), one ES256."""
    allowed(want(one, headers=bearer(idp.token(key=idp.keys["ES256"], header={"kid": ABSENT}))), "lobby", "alice")
    allowed(want(one, headers=bearer(idp.token(key=idp.keys["EdDSA"], header={"kid": ABSENT}))), "lobby", "alice")
    refused(one, idp.token(header={"kid": ABSENT}))
