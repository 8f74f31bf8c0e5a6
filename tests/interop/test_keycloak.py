"""A real Keycloak: its users log in, and roomkey lets those of the right group into a real room.

Every test of the file shares one Keycloak and one roomkey; the last one kills the Keycloak.
"""

import os
import signal
import subprocess
import time

import jwt
import pytest
import requests

import guarded
import joins
import providers
import world

pytestmark = pytest.mark.timeout(providers.KEYCLOAK_START_S + 120)

FRESH_S = 5
COOLDOWN_S = 30  # what it is when nobody says anything


@pytest.fixture(scope="module")
def keycloak(directory):
    server = providers.Keycloak(directory)
    yield server
    server.stop()


RULES = [
    {"id": "moderators", "caller": "staff", "when": {"groups": "moderators"}, "room": "{organization}__*",
     "profile": ["moderator"]},
    {"id": "engineers", "caller": "staff", "when": {"groups": "engineering"}, "room": ["{organization}__*"],
     "default_room": "acme__lobby"}]


def start(directory, livekit, keycloak, jwks):
    staff = guarded.oidc_caller(keycloak, jwks, identity="staff:{sub}")
    staff["oidc"]["require"] = {"typ": "Bearer"}
    return guarded.start(directory, livekit, [staff], RULES)


@pytest.fixture(scope="module")
def service(directory, livekit, keycloak):
    """One that looks at the key set often."""
    service = start(directory, livekit, keycloak, {"fresh": f"{FRESH_S}s", "cooldown": "1s"})
    yield service
    service.stop()


@pytest.fixture(scope="module")
def plain_service(directory, livekit, keycloak):
    """One whose times are those of a file that names none."""
    service = start(directory, livekit, keycloak, {})
    yield service
    service.stop()


def identity_of(bearer):
    return "staff:" + jwt.decode(bearer, options={"verify_signature": False})["sub"]


@pytest.mark.parametrize("user, groups, organizations", (
    ("alice", {"engineering", "everybody"}, {"acme"}), ("mona", {"moderators", "everybody"}, {"acme", "globex"}),
    ("bob", {"everybody"}, {"acme"})))
def test_control_the_provider_is_right(keycloak, user, groups, organizations):
    """What PyJWT makes of the provider's tokens and keys: without it a refusal by roomkey proves nothing."""
    claims = providers.verified(keycloak.access_token(user), keycloak.key_set, "roomkey", ["RS256"])
    assert (claims["iss"], claims["preferred_username"], set(claims["groups"])) == (keycloak.issuer, user, groups)
    assert set(claims["organization"]) == organizations


@pytest.mark.parametrize("join", joins.ALL)
def test_a_member_joins(livekit, nodes, keycloak, service, join):
    room, bearer = world.fresh("acme__standup"), keycloak.access_token("alice")
    token, claims = service.token(bearer, room_name=room)
    assert claims["exp"] - claims["nbf"] == 600 and not claims["video"].get("roomAdmin")
    said = join(livekit, nodes, token)
    assert (said["joined"], said["room"], said["name"]) == (True, room, "Alice Archer")
    assert said["identity"] == claims["sub"] == identity_of(bearer)


def may_administer(livekit, token, room):
    """Whether the server takes the token for an administrator's of that room."""
    return requests.post(f"{livekit.http}/twirp/livekit.RoomService/ListParticipants", json={"room": room}, timeout=10,
                         headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_moderator_moderates(livekit, keycloak, service):
    room, mona = world.fresh("acme__standup"), keycloak.access_token("mona")
    moderator, member = (service.token(bearer, room_name=room)[0] for bearer in (mona, keycloak.access_token("alice")))
    assert joins.listed_while_joined(livekit, moderator)[:2] == (room, identity_of(mona))
    assert may_administer(livekit, moderator, room)
    assert not may_administer(livekit, moderator, world.fresh("acme__other"))
    assert not may_administer(livekit, member, room)
    other = world.fresh("globex__standup")  # she is in two organizations
    assert may_administer(livekit, service.token(mona, room_name=other)[0], other)


def test_without_a_room_the_rules_own(keycloak, service):
    assert service.token(keycloak.access_token("alice"))[1]["video"]["room"] == "acme__lobby"


def test_outside_the_group_is_403(keycloak, service):
    answer = service.refused(keycloak.access_token("bob"), 403, "no_rule", room_name="acme__standup")
    for word in ("engineering", "moderators", "engineers", "everybody"):
        assert word not in answer.text


def test_the_room_of_another_organization_is_403(keycloak, service):
    for room in ("globex__standup", "acme", "acme__", "acme_standup"):
        service.refused(keycloak.access_token("alice"), 403, "no_rule", room_name=room)


def test_the_name_of_somebody_else_is_403(keycloak, service):
    mona = identity_of(keycloak.access_token("mona"))
    service.refused(keycloak.access_token("alice"), 403, "identity_mismatch", participant_identity=mona)


def test_a_member_who_is_put_out_of_the_group(keycloak, service):
    """The next token says so; groups are the provider's to give."""
    group = next(one["id"] for one in keycloak.administer("GET", "/groups").json() if one["name"] == "engineering")
    user = keycloak.administer("GET", "/users", params={"username": "bob", "exact": "true"}).json()[0]["id"]
    keycloak.administer("PUT", f"/users/{user}/groups/{group}")
    bearer = keycloak.access_token("bob")
    assert service.token(bearer)[1]["sub"] == identity_of(bearer)
    keycloak.administer("DELETE", f"/users/{user}/groups/{group}")
    service.refused(keycloak.access_token("bob"), 403, "no_rule")


def expired(keycloak):
    token = keycloak.access_token("alice", keycloak.BRIEF)
    time.sleep(max(0.0, jwt.decode(token, options={"verify_signature": False})["exp"] + 1.5 - time.time()))
    return token


def changed(keycloak):
    head, claims, signature = keycloak.access_token("alice").split(".")
    middle = len(signature) // 2
    return f"{head}.{claims}.{signature[:middle]}{'A' if signature[middle] != 'A' else 'B'}{signature[middle + 1:]}"


@pytest.mark.parametrize("bad", (
    expired,
    pytest.param(lambda keycloak: keycloak.access_token("alice", keycloak.OTHER), id="for another audience"),
    pytest.param(lambda keycloak: keycloak.log_in("alice")["id_token"], id="an ID token"),
    pytest.param(lambda keycloak: keycloak.log_in("alice")["refresh_token"], id="a refresh token"),
    pytest.param(lambda keycloak: guarded.unknown_key(keycloak.access_token("alice")), id="a key nobody has"),
    changed))
def test_a_bad_token_is_401(keycloak, service, bad):
    service.refused(bad(keycloak), 401, "invalid_token", room_name="acme__standup")


def serve_file(directory, livekit, text, replacements):
    """A roomkey on a file somebody else wrote, once each blank in it is filled; `check` likes it too."""
    for blank, ours in replacements:
        assert text.count(blank) == 1, blank
        text = text.replace(blank, ours)
    service = guarded.Guarded(directory, livekit, text, env={
        "ROOMKEY_LISTEN": "127.0.0.1:0", "LIVEKIT_API_KEY": livekit.key, "LIVEKIT_API_SECRET": livekit.secret})
    done = subprocess.run([world.roomkey_binary(), "check", "--config", service.path], env=service.env, timeout=20,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return service


BEARER_LINE = "require: { typ: Bearer }"
HERE = "allow_http: [127.0.0.1]\n      " + BEARER_LINE


def test_the_file_of_init_is_right(directory, livekit, keycloak):
    """`roomkey init --idp keycloak`, with the blanks filled in, lets in whom it should and nobody else."""
    made = world.run_roomkey(livekit, "init", "--idp", "keycloak", "--url", livekit.url, "--out", "-")
    assert made.returncode == 0, made.stderr
    service = serve_file(directory, livekit, made.stdout, (
        ('!FILL_IN "https://KEYCLOAK-HOST/realms/REALM"', f'"{keycloak.issuer}"'), (BEARER_LINE, HERE),
        ('!FILL_IN "livekit-users"', '"engineering"'), ('!FILL_IN "https://app', '"https://app')))
    try:
        alice, room = keycloak.access_token("alice"), world.fresh("team-a")
        token, claims = service.token(alice, room_name=room)
        assert livekit.validate(token) == 200
        assert "staff:" + claims["sub"] == identity_of(alice) and claims["name"] == "Alice Archer"
        service.refused(alice, 403, "no_rule", room_name="another-room")
        service.refused(keycloak.access_token("bob"), 403, "no_rule", room_name=room)
    finally:
        service.stop()


def test_the_policy_of_the_examples_is_right(directory, livekit, keycloak):
    """examples/policies/keycloak-moderators.yaml with the claims that a Keycloak really writes."""
    with open(os.path.join(world.ROOT, "examples", "policies", "keycloak-moderators.yaml"), encoding="utf-8") as file:
        text = file.read()
    service = serve_file(directory, livekit, text, (
        ("https://login.example.org/realms/acme", keycloak.issuer), ("wss://media.example.org", livekit.url),
        (BEARER_LINE, HERE)))
    try:
        alice, mona = keycloak.access_token("alice"), keycloak.access_token("mona")
        for bearer, room, moderates in ((alice, "acme__daily", False), (mona, "acme__daily", True), (mona, "globex__daily", True)):
            token, claims = service.token(bearer, room_name=room)
            assert claims["video"].get("roomAdmin", False) is moderates, claims
            assert may_administer(livekit, token, room) is moderates
        service.refused(alice, 403, "no_rule", room_name="globex__daily")
    finally:
        service.stop()


def test_keys_rotate_under_load(livekit, keycloak, service, plain_service):
    """Sixty seconds at 50 requests/s and more, a new key in the middle, nothing but 200; then the old key is withdrawn."""
    old = keycloak.access_token("alice")
    old_kid, old_provider = keycloak.signing_key()
    assert plain_service.ask(old).status_code == 200
    with guarded.Load(plain_service, [old]) as load:
        time.sleep(COOLDOWN_S + 2)
        keycloak.add_key(priority=200)
        new = keycloak.access_token("alice")
        load.bearers.append(new)  # at once, and the old one goes on
        time.sleep(max(0.0, load.started + 60 - time.monotonic()))
    published = {key["kid"] for key in requests.get(keycloak.key_set, timeout=10).json()["keys"]}
    assert providers.kid_of(old) == old_kid != providers.kid_of(new) and {old_kid, providers.kid_of(new)} <= published
    guarded.measured("keys rotate", *load.quantiles(load.started, load.started + load.took))
    assert set(load.statuses()) == {200}, load.statuses()
    assert len(load.answers) >= 50 * load.took >= 3000, (len(load.answers), load.took)
    assert livekit.validate(plain_service.token(new)[0]) == 200

    service.until(200, new, FRESH_S - 1)  # it need not wait for the next look at the set
    assert service.ask(old).status_code == 200
    keycloak.remove_key(old_provider)
    service.until(401, old, FRESH_S + 25)
    service.refused(old, 401, "invalid_token")
    assert service.ask(new).status_code == 200


def test_a_provider_that_hangs_delays_nobody(keycloak, service):
    child = keycloak.process.child
    guarded.known_keys_during(service, keycloak.access_token("alice"), lambda: child.send_signal(signal.SIGSTOP),
                              lambda: child.send_signal(signal.SIGCONT), "Keycloak hangs")


def test_a_provider_that_is_gone_delays_nobody(keycloak, service):
    """The last test of the file."""
    bearer = keycloak.access_token("alice")
    assert service.ask(bearer).status_code == 200
    guarded.known_keys_during(service, bearer, keycloak.process.child.kill, lambda: None, "Keycloak killed")
