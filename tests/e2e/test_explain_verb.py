"""roomkey explain: which caller it plays, what it refuses, and that it shows nothing of what stood in the claims (issue: item 5)."""

import json
import time

import pytest

from process import KEY, SECRET, run
from shapes import JWT

ENV = {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}
ONE = """
callers:
  - name: staff
    oidc: { issuer: https://login.example.org/, audience: [roomkey], algorithms: [RS256], require: { typ: Bearer } }
    identity: "staff:{sub}"
    bind_to_caller_exp: true
    devices: many
"""
TWO = ONE + """
  - name: partner
    oidc: { issuer: https://partner.example.org/, audience: [roomkey], algorithms: [RS256] }
    identity: "partner:{sub}"
"""
RULES = """
rules:
  - { id: hosts, caller: staff, when: { role: host }, room: ["team-*"], profile: [moderator, listener], request_may_set: [name] }
  - { id: everybody, room: lobby, profile: listener }
"""
PLANTED = "planted-claim-value"


@pytest.fixture
def explain(tmp_path):
    """explain(claims, *words, config) -> CompletedProcess; claims None: --anonymous, bytes: as they are."""

    def begin(claims, *words, config=ONE + RULES, stdin=b"", env=None):
        (tmp_path / "roomkey.yaml").write_text(config)
        if claims is not None:
            data = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
            (tmp_path / "claims.json").write_bytes(data)
            words = ("--as", str(tmp_path / "claims.json"), *words)
        else:
            words = ("--anonymous", *words)
        return run("explain", "--config", str(tmp_path / "roomkey.yaml"), *words, env={**ENV, **(env or {})}, stdin=stdin)

    return begin


def verdict(done):
    said = json.loads(done.stdout)
    assert done.stderr == b"", done
    assert done.returncode == (0 if said["verdict"] == "allowed" else 1), done
    return said


def stages(said, stage):
    return [(row.get("rule"), row["outcome"], row.get("detail")) for row in said["stages"] if row["stage"] == stage]


# -- the way of a question


def test_allowed(explain):
    """Every stage with its rule, the rules before it that did not hold included."""
    said = verdict(explain({"sub": "ada"}, "--room", "lobby", "--device", "phone", "--json"))
    assert said["rule"] == "everybody" and said["room"] == "lobby" and said["identity"] == "staff:ada#phone"
    assert said["caller"] == "staff" and said["kind"] == "oidc" and said["profile"] == "listener"
    assert stages(said, "rule") == [("hosts", "when-fails", "role"), ("everybody", "matches", None)]
    assert {"identity", "profile", "lifetime"} <= {row["stage"] for row in said["stages"]}


def test_refused(explain):
    said = verdict(explain({"sub": "ada", "role": "host"}, "--room", "other", "--json"))
    assert said["code"] == "no_rule" and said["status"] == 403 and "rule" not in said
    assert [row[:2] for row in stages(said, "rule")] == [("hosts", "room-differs"), ("everybody", "room-differs")]


def test_refused_by_the_rule_that_fits(explain):
    """A refusal after the match names the rule."""
    said = verdict(explain({"sub": "ada", "role": "host"}, "--room", "team-1", "--profile", "speaker", "--json"))
    assert said["code"] == "profile_not_allowed" and said["rule"] == "hosts"


def test_what_is_assumed_is_said(explain):
    """Claims written by hand need no iss, aud and typ; that they were taken as right stands in the answer."""
    said = verdict(explain({"sub": "ada"}, "--room", "lobby", "--json"))
    assert stages(said, "identify") == [(None, "assumed", "iss"), (None, "assumed", "aud"), (None, "assumed", "typ")]
    whole = {"sub": "ada", "iss": "https://login.example.org/", "aud": ["x", "roomkey"], "typ": "Bearer"}
    assert stages(verdict(explain(whole, "--room", "lobby", "--json")), "identify") == []


@pytest.mark.parametrize("claims, outcome, detail", [
    ({"iss": "https://login.example.org"}, "issuer-differs", "iss"), ({"aud": "account"}, "audience-differs", "aud"),
    ({"typ": "ID"}, "claim-differs", "typ"), ({"sub": None}, "no-subject", "sub"), ({"exp": "soon"}, "no-time", "exp"),
])
def test_claims_no_credential_could_hold(explain, claims, outcome, detail):
    """401, as over HTTP; which claim it was, and not what stood in it."""
    said = verdict(explain({"sub": "ada", **claims}, "--room", "lobby", "--json"))
    assert said["code"] == "invalid_token" and said["status"] == 401
    assert (None, outcome, detail) in stages(said, "identify")


def test_an_old_token(explain):
    """exp that has passed is that of an old token: what a fresh one would get is the question."""
    said = verdict(explain({"sub": "ada", "exp": 1000000000}, "--room", "lobby", "--json"))
    assert said["ttl_s"] == 600 and (None, "expired-ignored", "exp") in stages(said, "identify")
    said = verdict(explain({"sub": "ada", "exp": int(time.time()) + 100}, "--room", "lobby", "--json"))
    assert 90 <= said["ttl_s"] <= 101  # roomkey's clock is the kernel's coarse one, some milliseconds behind


def test_the_body(explain, tmp_path):
    """--request takes the whole body, by the contract's own reader."""
    body = tmp_path / "body.json"
    host = {"sub": "ada", "role": "host"}
    body.write_text('{"room_name": "team-1", "participant_name": "Ada"}')
    assert verdict(explain(host, "--request", str(body), "--json"))["name"] == "Ada"
    body.write_text('{"room_name": 7}')
    said = verdict(explain(host, "--request", str(body), "--json"))
    assert said["code"] == "invalid_request" and said["field"] == "room_name" and said["stages"][-1]["stage"] == "read"
    body.write_text('{"roomName": "team-1", "participantIdentity": "staff:bob", "expirationSeconds": 1}')
    assert verdict(explain(host, "--request", str(body), "--contract", "original", "--json"))["code"] == "invalid_request"
    done = explain(b'{"sub": "ada", "role": "host"}', "--request", "-", "--json", stdin=b'{"room_name": "team-1"}')
    assert verdict(done)["room"] == "team-1"


# -- whom it plays


def test_several_callers(explain):
    """By --caller, by iss, or not at all."""
    config = TWO + RULES
    assert verdict(explain({"sub": "a"}, "--caller", "partner", "--room", "lobby", "--json", config=config))["identity"] == "partner:a"
    said = verdict(explain({"sub": "a", "iss": "https://partner.example.org/"}, "--room", "lobby", "--json", config=config))
    assert said["caller"] == "partner"
    done = explain({"sub": "a"}, "--room", "lobby", config=config)
    assert done.returncode == 2 and b"--caller NAME" in done.stderr
    done = explain({"sub": "a"}, "--room", "lobby", "--caller", "Partner", config=config)
    assert done.returncode == 2 and b"no caller of that name" in done.stderr


@pytest.mark.parametrize("word, code", [("refuse", "unauthenticated"), ("rules", None)])
def test_anonymous(explain, word, code):
    config = f"anonymous: {word}\n" + ONE + RULES + "  - { id: guests, caller: anonymous, room: lobby, profile: listener }\n"
    if code:
        config = config.replace("  - { id: guests, caller: anonymous, room: lobby, profile: listener }\n", "")
    said = verdict(explain(None, "--room", "lobby", "--json", config=config))
    assert said.get("code") == code and said["kind"] == "anonymous"
    assert code or said["rule"] == "guests"


def test_without_callers(explain):
    """`anonymous: allow` can be asked about too."""
    said = verdict(explain(None, "--room", "any", "--json", config="anonymous: allow\n"))
    assert said["room"] == "any" and said["profile"] == "speaker" and "rule" not in said
    done = explain({"sub": "ada"}, config="anonymous: allow\n")
    assert done.returncode == 2 and b"--anonymous" in done.stderr


# -- usage


@pytest.mark.parametrize("words", [
    [], ["--as", "x", "--anonymous"], ["--anonymous", "--caller", "staff"], ["--anonymous", "--room", "r", "--request", "x"],
    ["--anonymous", "--contract", "sandbox"], ["--anonymous", "--profile", ""], ["--anonymous", "--profile", "a b"], ["--as", "-", "--request", "-"],
    ["--as", "/nonexistent"], ["--anonymous", "--request", "/nonexistent"], ["--anonymous", "--nope"], ["--anonymous", "operand"],
])
def test_usage(tmp_path, words):
    """Exit 2, one line, nothing on stdout."""
    (tmp_path / "roomkey.yaml").write_text("anonymous: allow\n")
    done = run("explain", "--config", str(tmp_path / "roomkey.yaml"), *words, env=ENV)
    assert done.returncode == 2 and done.stdout == b"" and done.stderr.count(b"\n") == 1, done
    assert done.stderr.startswith(b"roomkey: ")


@pytest.mark.parametrize("claims", [b"", b"[]", b"7", b'"x"', b"null", b"{", b'{"sub":"a","sub":"b"}', b'{"sub":"a"} x', b"\xff", b"eyJhbGciOiJub25lIn0.e30.",
                                    b'{"a":' * 100 + b"1" + b"}" * 100])
def test_claims_that_are_none(explain, claims):
    """Strict JSON, an object; never shown."""
    done = explain(claims, "--room", "lobby")
    assert done.returncode == 2 and done.stdout == b"" and b"--as: expected" in done.stderr


def test_a_broken_configuration(explain):
    """The place, as `check` has it."""
    done = explain({"sub": "a"}, config=ONE + RULES.replace("profile: listener", "profile: nobody"))
    assert done.returncode == 2 and done.stdout == b"" and b"roomkey.yaml:" in done.stderr


# -- what it must not tell


@pytest.mark.parametrize("words", [["--json"], []])
def test_no_claim_value_is_shown(explain, words):
    """Names of claims and ids of rules, not values, unless they are the decision; nothing that could be a token."""
    claims = {"sub": "ada", "role": PLANTED, "email": PLANTED, "exp": 1000000000, "nested": {"a": [PLANTED]}}
    for room in ("lobby", "other", "team-1"):
        done = explain(claims, "--room", room, *words)
        assert PLANTED.encode() not in done.stdout + done.stderr
        assert SECRET.encode() not in done.stdout + done.stderr and not JWT.search(done.stdout.decode())


@pytest.mark.parametrize("words", [["--json"], []])
def test_a_terminal_is_safe(explain, words):
    """Room and identity may hold anything a name may; what is printed is printable."""
    config = ONE + RULES.replace("room: lobby", 'room: "*"')
    done = explain({"sub": "ada\u200d\u00ad"}, "--room", "x\u200dy", *words, config=config)
    text = done.stdout.decode()
    assert done.returncode == 0 and "\x1b" not in text
    assert explain({"sub": "ada"}, "--room", "x\u202ey", *words, config=config).returncode == 1
