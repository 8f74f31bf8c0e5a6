"""Who somebody is in a room: semantics D14-D20, security §5.4 IDN-01 to IDN-10."""

import base64
import hashlib
import hmac
import json
import random
import re

import pytest

from conf import HASH_KEY, LOCAL_FILES, SPEAKER, Conf, allowed, as_local, base, everything, local, want
from shapes import problem, stage_002, verified
from wire import Wire, ask, post

OTHER = "https://other.example"


def hashed(caller, text):
    """semantics D14."""
    digest = hmac.new(HASH_KEY, caller.encode() + b"\0" + text.encode(), hashlib.sha256).digest()
    return "u_" + base64.b32encode(digest).decode().lower()[:26]


# -- IDN


def test_idn_01_the_identity_of_another(given):
    """403, or 400 where the request is bad by itself; the minted sub is never theirs."""
    one = given([everything()], {"identity": "staff:{sub}"})
    me = as_local()
    for member in ("participant_identity", "participantIdentity"):
        for theirs in ("bob", "staff:bob", "alice", "STAFF:alice", "staff:alice2", "staff:alic", "staff:alice#x"):
            body = problem(want(one, {member: theirs}, me), 403, "identity_mismatch")
            assert theirs not in json.dumps(body)
        allowed(want(one, {member: "staff:alice"}, me), "lobby", "staff:alice")
    problem(want(one, b'{"participant_identity":"staff:bob","participantIdentity":"staff:alice"}', me), 400, "invalid_request")
    problem(want(one, b'{"participant_identity":"staff:bob","participant_identity":"staff:alice"}', me), 400, "invalid_request")
    allowed(ask(one.address, post("/v1/token?participant_identity=staff:bob&identity=bob", b"{}", me)), "lobby", "staff:alice")
    allowed(want(one, {"identity": "bob", "sub": "bob", "participant": {"identity": "bob"}}, me), "lobby", "staff:alice")
    allowed(want(one, headers={**me, "X-Identity": "bob", "Roomkey-Identity": "bob"}), "lobby", "staff:alice")
    for nothing in (None, ""):
        allowed(want(one, {"participant_identity": nothing}, me), "lobby", "staff:alice")
    stage_002(want(one, {"roomName": "r", "participantIdentity": "bob"}, me, "/api/token"), 403, "IDENTITY_MISMATCH")


def test_idn_02_claims_that_look_like_identities(given):
    one = given([everything()], {"identity": "staff:{sub}"})
    claims = {name: "bob" for name in ("identity", "email", "preferred_username", "upn", "participant_identity", "name", "caller", "request.identity", "username", "oid")}
    allowed(want(one, headers=as_local("alice", **claims)), "lobby", "staff:alice")


def test_idn_03_two_issuers_one_subject(given):
    """Different identities, or no start."""
    one = given([everything()], callers=[local("a", identity="a:{sub}"), local("b", issuer=OTHER, identity="b:{sub}")])
    allowed(want(one, headers=as_local("alice")), "lobby", "a:alice")
    allowed(want(one, headers=as_local("alice", OTHER)), "lobby", "b:alice")
    two = given([everything()], callers=[local("a", identity={"hash": "{sub}"}), local("b", issuer=OTHER, identity={"hash": "{sub}"})])
    first = allowed(want(two, headers=as_local("alice")), "lobby", hashed("a", "alice"))
    second = allowed(want(two, headers=as_local("alice", OTHER)), "lobby", hashed("b", "alice"))
    assert first["sub"] != second["sub"]


def test_idn_04_separator_injection(given):
    """semantics D10: a value that holds what follows its placeholder renders nothing."""
    one = given([everything()], {"identity": "{org}:{sub}"})
    allowed(want(one, headers=as_local("b:c", org="a")), "lobby", "a:b:c")
    problem(want(one, headers=as_local("c", org="a:b")), 403, "no_identity")
    problem(want(one, headers=as_local("c", org="a:")), 403, "no_identity")
    problem(want(one, headers=as_local("c", org=":a")), 403, "no_identity")
    two = given([everything()], {"identity": {"hash": "{org}|{sub}"}})
    allowed(want(two, headers=as_local("b|c", org="a")), "lobby", hashed("staff", "a|b|c"))
    problem(want(two, headers=as_local("c", org="a|b")), 403, "no_identity")


def test_idn_05_powers_in_body_and_claims(given):
    """Ignored; never minted."""
    one = given([everything()])
    more = {"video": {"roomAdmin": True, "roomCreate": True}, "grants": ["roomAdmin"], "sip": {"admin": True}, "kind": "agent", "ttl": 999999, "exp": 9999999999, "profile": "moderator", "nbf": 0,
            "agent": True, "hidden": True, "metadata": "x", "attributes": {"a": "b"}, "roomConfig_": {}, "canPublish": True}
    inside = {key: value for key, value in more.items() if key not in ("exp", "nbf")}
    claims = allowed(want(one, more, as_local(**inside)), "lobby", "alice")
    assert not {"sip", "kind", "metadata", "attributes", "roomConfig"} & set(claims), claims


@pytest.mark.parametrize("room, code", [
    ("x" * 257, "invalid_room"), ("ü" * 129, "invalid_room"), ("a\0b", None), ("a ", "invalid_room"), (" a", "invalid_room"), ("a\n", "invalid_room"), ("a\tb", "invalid_room"), ("a\u202eb", "invalid_room"),
    ("a\u200eb", "invalid_room"), ("a\u2028b", "invalid_room"), ("e\u0301", "invalid_room"), ("\u00a0a", "invalid_room"), ("a\u3000", "invalid_room"), ("a\x7fb", "invalid_room"), ("a\u0085b", "invalid_room"),
    (" ", "invalid_room"), (5, "invalid_request"), (["a"], "invalid_request"), ({"a": 1}, "invalid_request"), (True, "invalid_request"),
])
def test_idn_06_bad_rooms(given, room, code):
    """semantics D20: 400, under rules too."""
    problem(want(given([everything()]), {"room_name": room}, as_local()), 400, code)


@pytest.mark.parametrize("room", ["x" * 256, "ü" * 128, "../x", "a/b\\c", "a b", "é", "a\u200db", "%2e%2e", "*", "{org}", "<script>"])
def test_idn_06_good_rooms(given, room):
    """Everything else is a name, compared exactly; a look-alike is another room."""
    allowed(want(given([everything()]), {"room_name": room}, as_local()), room, "alice")


def test_idn_06_homoglyphs(given):
    one = given([{"id": "r", "room": "lobby"}])
    for room in ("lоbby", "LOBBY", "lobby\u200d", "ｌｏｂｂｙ"):
        problem(want(one, {"room_name": room}, as_local()), 403, "no_rule")


def test_idn_07_rooms_outside_the_policy(given):
    one = given([{"id": "demo", "room": "demo-*"}, {"id": "team", "room": "{org}__*"}])
    allowed(want(one, {"room_name": "demo-1"}, as_local()), "demo-1")
    for room in ("demo", "demo-", "demo1", "xdemo-1", "Demo-1", "other", "__x", "acme__x", "undefined__x", "{org}__x", "null__x"):
        problem(want(one, {"room_name": room}, as_local()), 403, "no_rule")
    for org in ("", None, 5, {"a": 1}, True, []):
        for room in ("__x", "5__x", "true__x", "null__x"):
            problem(want(one, {"room_name": room}, as_local(org=org)), 403, "no_rule")


def test_idn_08_reserved_prefix(given):
    """semantics D18: guest- is for the anonymous, under `anonymous: rules`."""
    one = given([everything(), {"id": "open", "caller": "anonymous", "room": "lobby"}], anonymous="rules")
    problem(want(one, headers=as_local("guest-me")), 403, "no_identity")
    allowed(want(one, headers=as_local("guestme")), "lobby", "guestme")


def test_idn_09_attributes(given):
    """Not listed: 403; over the limits: 400."""
    closed, one = given([everything()]), given([everything(request_may_set=["attributes"])])
    problem(want(closed, {"participant_attributes": {"a": "b"}}, as_local()), 403, "field_not_allowed")
    allowed(want(one, {"participant_attributes": {f"k{n}": "v" for n in range(32)}}, as_local()), "lobby")
    problem(want(one, {"participant_attributes": {f"k{n}": "v" for n in range(33)}}, as_local()), 400, "too_large")
    allowed(want(one, {"participant_attributes": {"a": "v" * 2048}}, as_local()), "lobby")
    problem(want(one, {"participant_attributes": {"a": "v" * 2048, "b": "v" * 2048}}, as_local()), 400, "too_large")
    for bad in ("a ", " a", "a\n", "\u202ea", "e\u0301", "x" * 257):
        assert want(one, {"participant_attributes": {bad: "v"}}, as_local()).status == 400


# -- D14, D15


def test_d14_the_default_is_sub(given):
    allowed(want(given([everything()]), headers=as_local("alice@example.org")), "lobby", "alice@example.org")


@pytest.mark.parametrize("claims", [{"org": "x" * 256}, {"org": "a\u0301"}, {"org": " a"}, {}, {"org": ""}, {"org": 5}, {"org": ["a"]}, {"org": None}, {"org": "\u200e"}])
def test_d14_identities_that_are_no_names(given, claims):
    """403 no_identity; never cut, never rewritten."""
    problem(want(given([everything()], {"identity": "{org}!{sub}"}), headers=as_local(**claims)), 403, "no_identity")


def test_d14_length_counts_the_device(given):
    one = given([everything()], {"identity": "{org}", "devices": "many"})
    allowed(want(one, headers={**as_local(org="x" * 247), "Roomkey-Device": "12345678"}), "lobby", "x" * 247 + "#12345678")
    problem(want(one, headers={**as_local(org="x" * 248), "Roomkey-Device": "12345678"}), 403, "no_identity")
    problem(want(one, headers=as_local(org="x" * 248)), 403, "no_identity")


def test_d14_hash(given):
    """The key is the file's bytes without one final newline."""
    one = given([everything()], {"identity": {"hash": "{sub}"}})
    claims = allowed(want(one, headers=as_local("alice")), "lobby", hashed("staff", "alice"))
    assert re.fullmatch(r"u_[a-z2-7]{26}", claims["sub"])
    allowed(want(one, {"participant_identity": claims["sub"]}, as_local("alice")), "lobby", claims["sub"])
    problem(want(one, {"participant_identity": "alice"}, as_local("alice")), 403, "identity_mismatch")


@pytest.mark.parametrize("key, good", [(b"x" * 32, True), (b"x" * 32 + b"\n", True), (b"x" * 31, False), (b"x" * 31 + b"\n", False), (b"", False), (None, False)])
def test_d14_hash_keys(tmp_path, key, good):
    """Under 32 bytes is refused; P1: at the value that names it, or at the identity that needs it."""
    files = {"local.key": LOCAL_FILES["local.key"]}
    doc = base(callers=[local(identity={"hash": "{sub}"})], rules=[everything()])
    if key is not None:
        files["identity.key"] = key
        doc["identity_hash_key_file"] = "identity.key"
    conf = Conf(tmp_path, doc, files)
    if good:
        assert conf.check().returncode == 0
    else:
        conf.refused()


def test_d15_devices(given):
    one = given([everything()], {"identity": "staff:{sub}", "devices": "many"})
    me = as_local()
    ids = {allowed(want(one, headers=me), "lobby")["sub"] for _ in range(20)}
    assert len(ids) == 20 and all(re.fullmatch(r"staff:alice#[a-z0-9]{8}", identity) for identity in ids), ids
    for device in ("phone", "a", "1234567890abcdef"):
        allowed(want(one, headers={**me, "Roomkey-Device": device}), "lobby", f"staff:alice#{device}")
    for device in ("", "Phone", "a b", "a#b", "a-b", "x" * 17, "é", "a,b", "a\tb"):
        problem(want(one, headers={**me, "Roomkey-Device": device}), 400, "invalid_request")
    problem(want(one, headers=[*me.items(), ("Roomkey-Device", "a"), ("Roomkey-Device", "a")]), 400, "invalid_request")
    problem(want(one, headers=as_local("alice#phone")), 403, "no_identity")
    for device in ("Phone", "", "phone"):
        allowed(want(given([everything()], {"identity": "staff:{sub}"}), headers={**me, "Roomkey-Device": device}), "lobby", "staff:alice")


def test_d16_naming_ones_device(given):
    """The base may be named always, the whole only together with Roomkey-Device."""
    one = given([everything()], {"identity": "staff:{sub}", "devices": "many"})
    me = as_local()
    assert re.fullmatch(r"staff:alice#[a-z0-9]{8}", allowed(want(one, {"participant_identity": "staff:alice"}, me), "lobby")["sub"])
    allowed(want(one, {"participant_identity": "staff:alice#phone"}, {**me, "Roomkey-Device": "phone"}), "lobby", "staff:alice#phone")
    allowed(want(one, {"participant_identity": "staff:alice"}, {**me, "Roomkey-Device": "phone"}), "lobby", "staff:alice#phone")
    problem(want(one, {"participant_identity": "staff:alice#phone"}, me), 403, "identity_mismatch")
    problem(want(one, {"participant_identity": "staff:alice#tablet"}, {**me, "Roomkey-Device": "phone"}), 403, "identity_mismatch")


def test_d16_identities_from_the_request(given):
    one = given([everything()], {"identity": "{request.identity}"})
    allowed(want(one, {"participant_identity": "anybody"}, as_local()), "lobby", "anybody")
    body = problem(want(one, headers=as_local()), 400, "invalid_identity")
    assert body.get("field") == "participant_identity"
    problem(want(one, {"participant_identity": "x "}, as_local()), 400, "invalid_identity")
    two = given([everything()], {"identity": "guest:{org}:{request.identity}"})
    allowed(want(two, {"participant_identity": "x:y"}, as_local(org="acme")), "lobby", "guest:acme:x:y")
    problem(want(two, {"participant_identity": "x"}, as_local(org="a:b")), 403, "no_identity")


def test_d17_the_original_contract(given):
    """Its character rule is not applied to what equals the rendered identity, and is to everything else."""
    one = given([everything()], {"identity": "staff:{sub}"})
    me = as_local("zoë@example.org")
    for body in ({"roomName": "r"}, {"roomName": "r", "participantIdentity": "staff:zoë@example.org"}):
        answer = want(one, body, me, "/api/token")
        assert answer.status == 200 and answer.json()["participantIdentity"] == "staff:zoë@example.org", answer
        assert verified(answer.json()["token"])[1]["sub"] == "staff:zoë@example.org"
    answer = want(one, {"roomName": "r", "participantIdentity": "bad identity!"}, me, "/api/token")
    assert answer.status == 400 and answer.json()["validationErrors"][0]["field"] == "participantIdentity", answer
    two = given([everything()], {"identity": "{request.identity}"})
    assert want(two, {"roomName": "r", "participantIdentity": "user-123"}, me, "/api/token").status == 200
    assert want(two, {"roomName": "r", "participantIdentity": "bad identity!"}, me, "/api/token").status == 400
    assert want(two, {"roomName": "r"}, me, "/api/token").status == 400


# -- D19


PAIRS = [
    ("{sub}", "{sub}", False), ("a:{sub}", "b:{sub}", True), ("a:{sub}", "a:{sub}", False), ("a:{sub}", "a:b:{sub}", False), ("a{sub}", "ab{sub}", False), ("a:{sub}", "{sub}", False),
    ("{caller}:{sub}", "{caller}:{sub}", True), ("{caller}-{sub}", "{caller}-{sub}", False), ("{caller}:{sub}", "{caller}-{sub}", True), ("{caller}:{sub}", "one:{sub}", False),
    ("{caller}:{sub}", "x:{sub}", True), ({"hash": "{sub}"}, {"hash": "{sub}"}, True), ({"hash": "{sub}"}, "u_{sub}", False), ({"hash": "{sub}"}, "u{sub}", False), ({"hash": "{sub}"}, "x{sub}", True),
    ({"hash": "{sub}"}, "{sub}", False), ("{request.identity}", "a:{sub}", False), (None, None, False), (None, "a:{sub}", False),
]


@pytest.mark.parametrize("first, second, good", PAIRS)
def test_d19_identity_spaces(tmp_path, first, second, good):
    """Compared at load; P1: a collision at the later caller's `identity`."""
    callers = [local("one", **({"identity": first} if first else {})), local("one-x", issuer=OTHER, **({"identity": second} if second else {}))]
    conf = Conf(tmp_path, base(callers=callers, rules=[everything()], identity_hash_key_file="identity.key"), LOCAL_FILES)
    if good:
        done = conf.check()
        assert done.returncode == 0, done
        return
    line = conf.refused()
    assert re.search(r"roomkey\.yaml:\d+:\d+: \S*", line), line
    for caller in callers:
        caller["shares_identities"] = True
    conf.write(base(callers=callers, rules=[everything()], identity_hash_key_file="identity.key"))
    assert conf.check().returncode == 0, "both say shares_identities"


def test_d19_one_that_says_it_for_anybody(tmp_path):
    """A trusted backend begins with {request.identity}: then its own word is enough; otherwise both must say it."""
    for identity, good in (("{request.identity}", True), ("{sub}", False), ("x{request.identity}", False)):
        callers = [local("one"), local("two", issuer=OTHER, identity=identity, shares_identities=True)]
        conf = Conf(tmp_path, base(callers=callers, rules=[everything()]), LOCAL_FILES)
        if good:
            assert conf.check().returncode == 0
        else:
            conf.refused()


# -- the property


ROOMS = ["lobby", "team-a", "team-b", "acme__x", "acme__", "zebra__x", "acme__eu__x", "demo-1", "demo-", "x" * 300, "", None, "лобби", "team-a ", 5]
PROFILES = ["speaker", "listener", "moderator", "agent", "helper", "Speaker", "", None]
RULES = [
    {"id": "own", "when": {"role": "host"}, "room": ["{org}__*"], "default_room": "{org}__{random}", "profile": ["speaker", "moderator", "listener"], "ttl": "20m",
     "request_may_set": ["name", "metadata", "attributes.theme", "room_config"], "request_agents": ["greeter"], "dispatch": ["notetaker"], "room_config": {"max_participants": 5}},
    {"id": "teams", "room": ["team-a", "{teams}"], "profile": ["listener", "helper"], "ttl": "8h"},
    {"id": "demo", "when": {"not": {"role": "host"}}, "room": "demo-*", "profile": "agent", "ttl": "1h"},
]
CEILING = {"ttl": "2h", "grants": ["roomJoin", "canPublish", "canSubscribe", "canPublishData", "canPublishSources", "roomAdmin"]}
POWERS = {"speaker": SPEAKER, "listener": {"roomJoin", "canSubscribe"}, "moderator": SPEAKER | {"roomAdmin"}, "helper": SPEAKER, "agent": SPEAKER}


def may_enter(rule, who, room):
    """An oracle of our own for exactly this policy."""
    if rule == "own":
        org = who.get("org")
        return who.get("role") in ("host", ["host"]) and isinstance(org, str) and bool(org) and "__" not in org and not org.endswith("_") and room.startswith(org + "__") and len(room) > len(org) + 2
    if rule == "teams":
        return room == "team-a" or room in [team for team in who.get("teams", []) if isinstance(team, str)]
    return who.get("role") not in ("host", ["host"]) and room.startswith("demo-") and len(room) > 5


def random_request(rng):
    who = {"sub": rng.choice(["alice", "bob", "guest-x", "a#b"]), "role": rng.choice(["host", "guest", ["host"], None]), "org": rng.choice(["acme", "acme__eu", "zebra", "acme_", "", 5, "*"]),
           "teams": rng.choice([[], ["team-b"], ["team-b", 5, "lobby"], ["*"]])}
    body = {}
    for name, values in (
            ("room_name", ROOMS), ("participant_identity", ["alice", "bob", "staff:alice", "staff:bob", "", None, "staff:alice#phone"]), ("participant_name", ["Al", "", None, "x" * 300]),
            ("participant_metadata", ["m", "", "x" * 5000]), ("participant_attributes", [{"theme": "dark"}, {"role": "admin"}, {}, {"theme": ""}]),
            ("room_config", [{}, {"max_participants": 2}, {"max_participants": 99}, {"max_participants": 0}, {"agents": [{"agent_name": "greeter"}]}, {"agents": [{"agent_name": "evil"}]},
                             {"egress": {"room": {}}}, {"name": "x"}, {"empty_timeout": 5}]),
            ("video", [{"roomAdmin": True}]), ("ttl", [999999]), ("grants", [["roomAdmin"]]), ("kind", ["agent"]), ("exp", [9999999999]), ("profile", ["moderator"])):
        if rng.random() < 0.25:
            body[name] = rng.choice(values)
    headers = {}
    if rng.random() < 0.4 and (profile := rng.choice(PROFILES)) is not None:
        headers["Roomkey-Profile"] = profile
    for name, value in (("Roomkey-Device", "phone"), ("Roomkey-Room", "other"), ("Roomkey-TTL", "99h"), ("X-Original-User", "bob"), ("Roomkey-Identity", "bob")):
        if rng.random() < 0.1:
            headers[name] = value
    return who, body, headers


def test_idn_10_no_request_raises_anything(given):
    """issue, Proof: whatever body and headers say, room, identity, grants, lifetime and agents stay within what the rule and the ceiling give."""
    rng = random.Random(20261128)
    profiles = {"helper": {"canPublish": True, "canPublishSources": ["microphone"], "canSubscribe": True, "canPublishData": True}}
    one = given(RULES, {"identity": "staff:{sub}"}, profiles=profiles, ceiling=CEILING)
    minted = 0
    with Wire(one.address, timeout=10) as wire:
        for _ in range(2500):
            who, body, headers = random_request(rng)
            sub = who.pop("sub")
            wire.send(post(body=json.dumps(body, ensure_ascii=False).encode(), headers={**as_local(sub, **who), **headers}))
            answer = wire.answer()
            assert answer.status in (200, 400, 403), (answer, who, body, headers)
            if answer.status != 200:
                continue
            minted += 1
            claims = allowed(answer, ttl=None, grants=None)
            room, video = claims["video"]["room"], claims["video"]
            rules = [rule for rule in RULES if may_enter(rule["id"], who, room)]
            assert rules, ("no rule lets them in", who, room)
            rule = rules[0]
            assert claims["sub"] == "staff:" + sub
            true = {name for name, value in video.items() if value is True}
            listed = rule["profile"] if isinstance(rule["profile"], list) else [rule["profile"]]
            profile = headers.get("Roomkey-Profile", listed[0])
            assert profile in listed and true <= POWERS[profile] and true <= set(CEILING["grants"]), (claims, profile)
            assert claims["exp"] - claims["nbf"] <= {"own": 1200, "teams": 7200, "demo": 3600}[rule["id"]]
            assert claims.get("kind", "standard") == "standard" and "sip" not in claims
            if profile == "helper":
                assert video["canPublishSources"] == ["microphone"]
            config = claims.get("roomConfig", {})
            assert {agent["agentName"] for agent in config.get("agents", [])} <= ({"notetaker", "greeter"} if rule["id"] == "own" else set()), claims
            assert set(config) <= {"agents", "maxParticipants"} and (rule["id"] != "own" or 1 <= config["maxParticipants"] <= 5), claims
            assert set(claims.get("attributes", {})) <= {"theme"} and (rule["id"] == "own" or not {"name", "metadata", "attributes"} & set(claims)), claims
    assert minted > 150, f"only {minted} of 2,500 were given anything: the property says too little"
