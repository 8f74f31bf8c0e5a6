"""Which credential counts, who is charged for it, and what a client is told: semantics D1-D6, H13, H19; HDR-02 to HDR-05, RTL-10."""

import time

import pytest

from conf import FILE_RULES, Conf, allowed, api_key, bad_token, base, everything, nobody, oidc, running, wait_until, want
from idp import Key, Provider, bearer, main_key, rsa_private, signed
from shapes import INVENTED_IDENTITY, problem, stage_002, stage_004
from wire import GOOD, Wire, ask, post, request

APIKEY, HASH = api_key()
FILES = {"k.yaml": {"acme": {"sha256": HASH}}}


@pytest.fixture(scope="module")
def idp():
    with Provider({"RS256": main_key()}) as one:
        yield one


@pytest.fixture(scope="module")
def second():
    with Provider({"RS256": Key(rsa_private("other"), "second", "RS256")}) as one:
        yield one


def callers(idp, second=None):
    return [oidc(idp, identity="staff:{sub}"), *([oidc(second, "partner", identity="partner:{sub}")] if second else []), {"name": "backend", "api_keys_file": "k.yaml", "identity": "key:{sub}"}]


@pytest.fixture(scope="module")
def one(idp, second, tmp_path_factory):
    """Several kinds together: two issuers and API keys; nobody anonymous."""
    with running(tmp_path_factory.mktemp("kinds"), base(callers=callers(idp, second), rules=[everything()]), FILES) as service:
        for provider in (idp, second):
            wait_until(lambda provider=provider: want(service, headers=bearer(provider.token())).status == 200)
        yield service


def test_the_issuer_picks_the_caller(one, idp, second):
    """semantics D3."""
    allowed(want(one, headers=bearer(idp.token())), "lobby", "staff:alice")
    allowed(want(one, headers=bearer(second.token())), "lobby", "partner:alice")
    allowed(want(one, headers={"X-API-Key": APIKEY}), "lobby", "key:acme")
    allowed(want(one, headers=bearer(APIKEY)), "lobby", "key:acme")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_hdr_03_scheme_without_regard_to_case(one, idp, scheme):
    allowed(want(one, headers=bearer(idp.token(), scheme)), "lobby", "staff:alice")
    allowed(want(one, headers=bearer(APIKEY, scheme)), "lobby", "key:acme")


def test_hdr_03_blanks(one, idp):
    """security §1.1: one or more spaces; blanks at the end are HTTP's."""
    token = idp.token()
    for value in (f"Bearer   {token}", f"Bearer {token}  ", f"Bearer {token}\t", f" \tBearer {token}"):
        allowed(want(one, headers={"Authorization": value}), "lobby", "staff:alice")


def test_hdr_02_other_forms_of_a_good_token(one, idp):
    """semantics D2: always 401."""
    token = idp.token()
    for value in (token, f"Bearer{token}", f"Bearer\t{token}", f'Bearer "{token}"', f"Bearer {token},", f"Bearer {token} {token}", f"Bearer {token}, Bearer {token}", f"Token {token}", f"Basic {token}",
                  f"JWT {token}", f"Bearer\u00a0{token}", f"Bearer: {token}", f"Bearer token={token}", f"DPoP {token}", f"Bearer {token};", "Bearer", "Bearer ", "", "Bearer null", "Bearer undefined",
                  f"Bearer Bearer {token}", f"xBearer {token}"):
        bad_token(want(one, headers={"Authorization": value}))


def test_hdr_04_tokens_elsewhere(one, idp):
    """Query, form, cookie and foreign headers: no credentials at all, 401 without `error`."""
    token = idp.token()
    for headers in ({"Cookie": f"access_token={token}; token={token}"}, {"Proxy-Authorization": f"Bearer {token}"}, {"X-Forwarded-Authorization": f"Bearer {token}"}, {"X-Authorization": f"Bearer {token}"},
                    {"X-Access-Token": token}, {"Authentication": f"Bearer {token}"}, {"Sec-WebSocket-Protocol": f"bearer, {token}"}):
        nobody(want(one, headers=headers))
    nobody(want(one, {"access_token": token, "token": token, "authorization": f"Bearer {token}"}))
    nobody(ask(one.address, post(f"/v1/token?access_token={token}")))
    nobody(want(one, b"access_token=" + token.encode(), {"Content-Type": "application/x-www-form-urlencoded"}))
    answer = want(one, GOOD, path="/api/token")
    stage_004(answer, "missing_token")


def test_hdr_05_two_kinds(one, idp):
    """semantics D1: 400, good or bad, equal or not."""
    token = idp.token()
    for first in (token, "x", APIKEY):
        for second in (APIKEY, "x", ""):
            problem(want(one, headers={"Authorization": f"Bearer {first}", "X-API-Key": second}), 400, "invalid_request")
    for name, value in (("Authorization", f"Bearer {token}"), ("X-API-Key", APIKEY)):
        problem(want(one, headers=[(name, value), (name, value)]), 400, "invalid_request")
        problem(want(one, headers=[(name, value), (name.lower(), "x")]), 400, "invalid_request")
    stage_002(want(one, GOOD, {"Authorization": f"Bearer {token}", "X-API-Key": APIKEY}, "/api/token"), 400, "VALIDATION_ERROR")


def test_the_challenge(one, idp, open_lobby):
    """RFC 6750 s.3, security.md s.1.8: what is wrong with a credential, or with what its holder asks for; no word to who has none."""
    token = idp.token()
    two = {**bearer(token), "X-API-Key": APIKEY}
    foreign = {"participant_identity": "somebody-else"}
    for server, body, headers, status, challenge in (
            (one, None, two, 400, 'Bearer realm="roomkey", error="invalid_request"'),
            (one, None, [("X-API-Key", APIKEY), ("X-API-Key", APIKEY)], 400, None),  # by the head's own rules (H6)
            (one, foreign, bearer(token), 403, 'Bearer realm="roomkey", error="insufficient_scope"'),
            (one, foreign, {"X-API-Key": APIKEY}, 403, 'Bearer realm="roomkey", error="insufficient_scope"'),
            (one, b"{bad", bearer(token), 400, None),
            (one, None, {**bearer(token), "Roomkey-Profile": "?"}, 400, None),
            (one, None, bearer(token), 200, None),
            (open_lobby, foreign, {}, 403, None)):
        answer = want(server, body, headers)
        assert (answer.status, answer.get("www-authenticate")) == (status, challenge), answer


def test_authentication_comes_before_the_body(one, idp):
    """semantics D6, H13."""
    for body in (b"{bad", b"[]", b'{"room_name":5}', b"\xff"):
        bad_token(want(one, body, bearer("x")))
        nobody(want(one, body))
        problem(want(one, body, bearer(idp.token())), 400, "invalid_request")
    bad_token(want(one, b"x", {**bearer("x"), "Content-Type": "text/plain"}))
    problem(want(one, b"x", {**bearer(idp.token()), "Content-Type": "text/plain"}), 415, "media_type")
    with Wire(one.address) as wire:
        wire.send(post(body=b"", headers={**bearer("x"), "Content-Length": "10", "Expect": "100-continue"}))
        answer = wire.answer()
        assert answer.status == 401 and answer.closes, "no 100 for who is not let in (semantics H11)"


def test_options_and_health_look_at_no_credential(one):
    """design §5: OPTIONS is never authenticated; H19: health routes never look at a credential."""
    for headers in (bearer("x"), {"X-API-Key": "x"}, {"Authorization": "Bearer x", "X-API-Key": "y"}):
        assert ask(one.address, request("OPTIONS", "/v1/token", None, headers)).status == 204
        assert ask(one.address, request("GET", "/healthz", None, headers)).status == 200
        assert ask(one.address, request("GET", "/", None, headers)).status == 200
        problem(ask(one.address, request("GET", "/nope", None, headers)), 404)


def test_a_good_credential_on_the_original_contract(one, idp):
    """semantics D17: participantIdentity may be left out under rules, and may say what the template says."""
    answer = want(one, {"roomName": "r"}, bearer(idp.token()), "/api/token")
    assert answer.status == 200 and answer.json()["participantIdentity"] == "staff:alice", answer
    answer = want(one, {"roomName": "r", "participantIdentity": "staff:alice"}, bearer(idp.token()), "/api/token")
    assert answer.status == 200, answer
    stage_002(want(one, {"roomName": "r", "participantIdentity": "bob"}, bearer(idp.token()), "/api/token"), 403, "IDENTITY_MISMATCH")
    stage_004(want(one, GOOD, bearer("x"), "/api/token"))
    assert "missing_token" in want(one, GOOD, path="/api/token").body.decode()


# -- anonymous


@pytest.fixture(scope="module")
def open_lobby(idp, tmp_path_factory):
    rules = [{"id": "lobby", "caller": "anonymous", "room": "lobby", "profile": "listener", "ttl": "2m"}, everything()]
    with running(tmp_path_factory.mktemp("lobby"), base(anonymous="rules", callers=callers(idp), rules=rules), FILES) as service:
        wait_until(lambda: want(service, headers=bearer(idp.token())).status == 200)
        yield service


LISTENER = {"roomJoin", "canSubscribe"}


def test_anonymous_by_rules(open_lobby):
    """semantics D5, D18, D22: a rule names them, the identity is invented, everything else is 401."""
    claims = allowed(want(open_lobby), "lobby", ttl=120, grants=LISTENER)
    assert INVENTED_IDENTITY.fullmatch(claims["sub"])
    other = allowed(want(open_lobby, {"room_name": "lobby"}), "lobby", ttl=120, grants=LISTENER)
    assert other["sub"] != claims["sub"]
    for room in ("other", "lobby2", "Lobby"):
        nobody(want(open_lobby, {"room_name": room}))
    for identity in ("me", "guest-abcdefghijklmnop", claims["sub"]):
        problem(want(open_lobby, {"participant_identity": identity}), 403, "identity_mismatch")
    problem(want(open_lobby, headers={"Roomkey-Profile": "speaker"}), 403, "profile_not_allowed")


def test_a_presented_credential_never_falls_back(open_lobby, idp):
    """semantics D2: not to anonymous, not to another caller, not to a later rule."""
    for headers in (bearer("x"), bearer(idp.token(exp=1)), bearer(idp.token(aud="x")), {"X-API-Key": "rk_" + "A" * 43}, {"X-API-Key": ""}, {"Authorization": ""}, {"Authorization": "Basic dTpw"},
                    bearer(idp.token(sub=""))):
        bad_token(want(open_lobby, {"room_name": "lobby"}, headers))


def test_guests_are_told_apart_from_callers(open_lobby, tmp_path, idp):
    """semantics D18: an identity of any other caller that begins with guest- is 403 no_identity."""
    doc = base(anonymous="rules", callers=[oidc(idp, identity="{sub}")], rules=[{"id": "lobby", "caller": "anonymous", "room": "lobby"}, everything()])
    with running(tmp_path, doc) as one:
        wait_until(lambda: want(one, headers=bearer(idp.token())).status == 200)
        for sub in ("guest-x", "guest-abcdefghijklmnop", "guest-"):
            problem(want(one, headers=bearer(idp.token(sub))), 403, "no_identity")
        allowed(want(one, headers=bearer(idp.token("guestbook"))), "lobby", "guestbook")


def test_rules_without_caller_are_not_for_anonymous(open_lobby):
    """semantics D4."""
    nobody(want(open_lobby, {"room_name": "anything"}))


REFUSED_COMBINATIONS = {
    "callers without rules": lambda idp: base(callers=callers(idp)), "anonymous rules without rules": lambda idp: base(anonymous="rules"),
    "rules under allow": lambda idp: base(anonymous="allow", rules=[everything()]), "callers and rules under allow": lambda idp: base(anonymous="allow", callers=callers(idp), rules=[everything()]),
    "a caller called anonymous": lambda idp: base(callers=[oidc(idp, "anonymous")], rules=[everything()]), "a rule for anonymous under refuse": lambda idp: base(
        callers=callers(idp), rules=[{"id": "x", "caller": "anonymous", "room": "lobby"}, everything()]), "a rule for nobody": lambda idp: base(callers=callers(idp), rules=[everything(caller="nobody")]),
    "nothing at all": lambda idp: base(), "one issuer, two callers": lambda idp: base(callers=[oidc(idp, "a", identity="a:{sub}"), oidc(idp, "b", identity="b:{sub}")], rules=[everything()]),
    "two callers of one name": lambda idp: base(callers=[*callers(idp), {"name": "backend", "api_keys_file": "k2.yaml", "identity": "other:{sub}"}], rules=[everything()]),
    "two kinds in one": lambda idp: base(callers=[{**oidc(idp), "api_keys_file": "k.yaml"}], rules=[everything()]), "no kind": lambda idp: base(callers=[{"name": "x"}], rules=[everything()]),
}


@pytest.mark.parametrize("name", REFUSED_COMBINATIONS)
def test_combinations_that_are_refused(tmp_path, idp, name):
    """semantics D3-D5, P1: exit 2, FILE:LINE:COLUMN: key: what was expected (nothing at all: the line that would fix it)."""
    line = Conf(tmp_path, REFUSED_COMBINATIONS[name](idp), {**FILES, "k2.yaml": {"other": {"sha256": api_key(5)[1]}}}).refused()
    if name != "nothing at all":
        import re
        assert re.match(r"roomkey: \S*roomkey\.yaml:\d+:\d+: \S+: .+", line), line


# -- who is charged (semantics H19)


def limited(tmp_path, idp, **limits):
    doc = base(callers=callers(idp), rules=[everything()])
    doc["limits"] = {"per_address": "off", "failures_per_address": "off", "per_caller": "off", **limits}
    return running(tmp_path, doc, FILES)


def statuses(one, headers, count, source=None, body=None):
    return [want(one, body, headers, source=source).status for _ in range(count)]


def loaded(one, idp, sub="warm-up"):
    wait_until(lambda: want(one, headers=bearer(idp.token(sub)), source="127.0.0.9").status == 200)


def test_good_credentials_are_charged_to_the_caller(tmp_path, idp):
    with limited(tmp_path, idp, per_address="1/h burst 2", failures_per_address="1/h burst 2", per_caller="1/h burst 3") as one:
        loaded(one, idp)
        assert statuses(one, bearer(idp.token()), 4) == [200] * 3 + [429]
        assert statuses(one, bearer(idp.token()), 1, "127.0.0.2") == [429], "a caller is the same from everywhere"
        answer = want(one, headers=bearer(idp.token()))
        problem(answer, 429, "rate_limited")
        assert one.access(answer.request_id)["layer"] == "per_caller"
        assert statuses(one, bearer(idp.token("bob")), 4) == [200] * 3 + [429]
        assert statuses(one, {"X-API-Key": APIKEY}, 4) == [200] * 3 + [429]
        assert statuses(one, {}, 3) == [401, 401, 429], "those without a credential are charged to the address"


def test_a_bad_device_comes_before_the_limit_of_the_caller(tmp_path, idp):
    """H13: 400 of D15 before 429 (caller) and 415, and it is charged to nobody; where devices are one it is ignored."""
    for devices, expected in (("many", 400), ("one", 200)):
        doc = base(callers=callers(idp), rules=[everything()])
        doc["callers"][0]["devices"] = devices
        doc["limits"] = {"per_address": "off", "failures_per_address": "off", "per_caller": "1/h burst 2"}
        with running(tmp_path, doc, FILES) as one:
            loaded(one, idp)
            headers = bearer(idp.token())
            assert statuses(one, {**headers, "Roomkey-Device": "Bad"}, 1) == [expected]
            statuses(one, headers, 2)
            assert statuses(one, headers, 1) == [429]
            assert statuses(one, {**headers, "Roomkey-Device": "Bad"}, 1) == [429 if devices == "one" else 400]
            if devices == "many":
                assert statuses(one, {**headers, "Roomkey-Device": "Bad", "Content-Type": "text/plain"}, 1, body=b"x") == [400]


def test_failures_are_charged_to_the_address(tmp_path, idp):
    """Signature, key, scheme, issuer; over it every request that presents a credential is 429 before it is verified."""
    mine = Key(rsa_private("attacker"), "rsa-1", "RS256")
    bad = [bearer(signed(mine, idp.header(), idp.claims())), bearer("x"), {"X-API-Key": "rk_" + "A" * 43}, {"Authorization": "Basic dTpw"}, bearer(idp.token(iss="https://other.example"))]
    with limited(tmp_path, idp, failures_per_address="1/h burst 5") as one:
        loaded(one, idp)
        assert [want(one, headers=headers).status for headers in bad] == [401] * 5
        for headers in (*bad, bearer(idp.token()), {"X-API-Key": APIKEY}):
            answer = want(one, headers=headers)
            problem(answer, 429, "rate_limited")
            assert one.access(answer.request_id)["layer"] == "failures_per_address"
        assert statuses(one, bearer(idp.token()), 1, "127.0.0.2") == [200], "others are unhurt"
        assert statuses(one, {}, 3) == [401] * 3


def test_well_signed_but_refused_is_not_charged(tmp_path, idp):
    """An expired or misdirected token with a good signature is 401 but not charged."""
    with limited(tmp_path, idp, failures_per_address="1/h burst 1", per_caller="1/h burst 2") as one:
        loaded(one, idp)
        for claims in ({"exp": 1}, {"aud": "other"}, {"nbf": int(time.time()) + 9999}):
            assert statuses(one, bearer(idp.token(**claims)), 3) == [401] * 3
        assert statuses(one, bearer(idp.token()), 3) == [200, 200, 429]


def test_room_limits(tmp_path, idp):
    """issue 6: right after the decision."""
    with limited(tmp_path, idp, per_room="1/h burst 2") as one:
        loaded(one, idp)
        assert statuses(one, bearer(idp.token()), 3, body={"room_name": "a"}) == [200, 200, 429]
        answer = want(one, {"room_name": "a"}, bearer(idp.token("bob")))
        problem(answer, 429, "rate_limited")
        assert one.access(answer.request_id)["layer"] == "per_room"
        assert statuses(one, bearer(idp.token()), 3, body={"room_name": "b"}) == [200, 200, 429]
        problem(want(one, {"room_name": "a", "participant_identity": "mallory"}, bearer(idp.token())), 403, "identity_mismatch")


def test_rtl_10_a_thousand_bad_tokens(tmp_path, idp):
    """The failure limiter takes them before any signature is looked at; others are unhurt."""
    mine = Key(rsa_private("attacker"), "rsa-1", "RS256")
    data = post(headers=bearer(signed(mine, idp.header(), idp.claims())))
    with limited(tmp_path, idp, failures_per_address="60/m") as one:
        loaded(one, idp)
        cpu = one.cpu_s()
        with Wire(one.address, timeout=20) as wire:
            got = []
            for _ in range(10):
                wire.send(data * 100)
                got += [wire.answer().status for _ in range(100)]
        assert got[:60] == [401] * 60 and 60 <= got.count(401) <= 70 and set(got) == {401, 429}
        assert one.cpu_s() - cpu < 1.5
        assert statuses(one, bearer(idp.token()), 5, "127.0.0.2") == [200] * 5
        assert statuses(one, {"X-API-Key": APIKEY}, 5, "127.0.0.3") == [200] * 5


def test_the_environment_goes_before_the_file(tmp_path, idp):
    """design §7: flag, environment, file, default."""
    assert FILE_RULES["ROOMKEY_LIMITS"] is None
    with running(tmp_path, base(callers=callers(idp), rules=[everything()]), FILES, env={"ROOMKEY_LIMITS": "failures_per_address=1/h"}) as one:
        assert statuses(one, bearer("x"), 2) == [401, 429]
