"""The certified oidc-provider: people log in on its page, their access tokens open a real room, in a real browser too.

Every test of the file shares one provider and one roomkey but for those that break the way between the two.
"""

import os
import shutil
import subprocess
import time

import jwt
import pytest

import guarded
import joins
import providers
import world

pytestmark = pytest.mark.timeout(300)

FRESH_S, COOLDOWN_S = 6, 1
RULES = [{"id": "engineers", "caller": "staff", "when": {"groups": "engineering"}, "room": ["acme__*"],
          "default_room": "acme__lobby", "profile": ["speaker", "listener"], "request_may_set": ["metadata"]}]
STALLED_NAME = "login.provider.test"
BOTH = pytest.mark.parametrize("resource", (providers.Idp.RS256, providers.Idp.ES256), ids=("RS256", "ES256"))


def start(directory, livekit, provider, env=None):
    staff = guarded.oidc_caller(provider, {"fresh": f"{FRESH_S}s", "cooldown": f"{COOLDOWN_S}s"}, identity="staff:{sub}")
    return guarded.start(directory, livekit, [staff], RULES, [provider.origin], env)


@pytest.fixture(scope="module")
def origin(page_port):
    return f"http://localhost:{page_port}"


@pytest.fixture(scope="module")
def idp(directory, origin):
    server = providers.Idp(directory, origin)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def service(directory, livekit, idp):
    service = start(directory, livekit, idp)
    yield service
    service.stop()


@BOTH
def test_control_the_provider_is_right(idp, resource):
    claims = providers.verified(idp.access_token("alice", resource), idp.key_set, "roomkey", [resource[-5:].upper()])
    assert (claims["iss"], claims["sub"]) == (idp.issuer, "alice") and "engineering" in claims["groups"]


@BOTH
@pytest.mark.parametrize("join", (joins.with_signal, joins.with_python))
def test_a_member_joins(livekit, nodes, idp, service, resource, join):
    room = world.fresh("acme__standup")
    token, _ = service.token(idp.access_token("alice", resource), room_name=room)
    said = join(livekit, nodes, token)
    assert (said["joined"], said["room"], said["identity"], said["name"]) == (True, room, "staff:alice", "Alice Archer")


@BOTH
def test_outside_the_group_is_403(idp, service, resource):
    service.refused(idp.access_token("bob", resource), 403, "no_rule", room_name="acme__standup")


def test_a_token_for_another_audience_is_401(idp, service):
    service.refused(idp.access_token("alice", idp.OTHER), 401, "invalid_token")


def test_an_id_token_is_401(idp, service):
    service.refused(idp.log_in("alice")["id_token"], 401, "invalid_token")


def test_an_expired_token_is_401(idp, service):
    token = idp.access_token("alice", idp.BRIEF)
    time.sleep(max(0.0, jwt.decode(token, options={"verify_signature": False})["exp"] + 1.5 - time.time()))
    service.refused(token, 401, "invalid_token")


@BOTH
def test_keys_rotate(idp, service, resource):
    """A new key counts one cool-down later at the latest, an old one as long as it is published (JWK-01, JWK-19)."""
    old = idp.access_token("alice", resource)
    service.until(200, old, COOLDOWN_S + 4)
    idp.ask("rotate")
    new = idp.access_token("alice", resource)
    assert providers.kid_of(new) != providers.kid_of(old)
    service.until(200, new, COOLDOWN_S + 4)
    assert [service.ask(bearer).status_code for bearer in (old, new)] == [200, 200]
    idp.ask("withdraw")
    service.until(401, old, FRESH_S + 25)
    service.refused(old, 401, "invalid_token")
    assert service.ask(new).status_code == 200


def test_many_unknown_keys_are_one_question(idp, service):
    """Forged tokens of sixty keys within a second or so: the provider is asked once a cool-down at most (JWK-02)."""
    bearer = idp.access_token("alice")
    service.until(200, bearer, COOLDOWN_S + 4)
    forged = [guarded.unknown_key(bearer) for _ in range(60)]
    before, started = idp.ask("count")["asked"], time.monotonic()
    for token in forged:
        service.refused(token, 401, "invalid_token")
    took = time.monotonic() - started
    assert idp.ask("count")["asked"] - before <= 2 + took / COOLDOWN_S, took


def log_in_browser(browser, idp, origin, user):
    said = browser.ask(do="login", origin=origin, user=user, password=f"{user}-password",
                       provider={"issuer": idp.issuer, "client": idp.CLIENT, "resource": idp.RS256})
    assert said == {"loggedIn": True, "at": "/back"}, said


def source_of(service):
    return f"TokenSource.endpoint('{service.base}/v1/token', {{headers: {{Authorization: `Bearer ${{window.accessToken}}`}}}})"


def test_browser_logs_in_and_joins(livekit, idp, service, browser, origin):
    room = world.fresh("acme__stage")
    log_in_browser(browser, idp, origin, "alice")
    said = browser.ask(do="enter", source=source_of(service), options={"roomName": room, "participantMetadata": "from a page"})
    assert said["joined"], said
    assert (said["room"], said["identity"], said["name"]) == (room, "staff:alice", "Alice Archer")
    assert (said["metadata"], said["tracks"], said["serverUrl"]) == ("from a page", 1, livekit.url)
    browser.ask(do="leave")


def test_browser_reads_why_it_is_refused(idp, service, browser, origin):
    log_in_browser(browser, idp, origin, "bob")
    said = browser.ask(do="knock", endpoint=f"{service.base}/v1/token", options={"room_name": "acme__stage"})
    assert (said["status"], said["body"]["code"], said["body"]["status"]) == (403, "no_rule", 403), said
    said = browser.ask(do="enter", source=source_of(service), options={"roomName": "acme__stage"})
    assert not said["joined"] and "received 403" in said["error"] and '"no_rule"' in said["error"], said


def test_a_provider_that_hangs_delays_nobody(idp, service):
    guarded.known_keys_during(service, idp.access_token("alice"), lambda: idp.ask("silent"), lambda: idp.ask("speak"),
                              "oidc-provider hangs")


def test_a_provider_that_never_answered(directory, livekit, idp):
    """Nothing is known yet: its callers get 503 and when to come again, the others do not notice; then it is there."""
    bearer = idp.access_token("alice")
    idp.ask("silent")
    try:
        service = start(directory, livekit, idp)
        try:
            answer = service.ask(bearer)
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), answer.text
            assert int(answer.headers["Retry-After"]) >= 1
            service.others_are_served()
            idp.ask("speak")
            service.until(200, bearer, 20)
        finally:
            service.stop()
    finally:
        idp.ask("speak")


def test_a_resolver_that_never_answers_delays_nobody(directory, tmp_path, livekit, origin):
    """The provider's name resolves once and then the resolver is silent. The end is clean and in time all the same."""
    shim, stall = tmp_path / "shim.so", tmp_path / "stall"
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shim_resolver.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", shim, source, "-ldl"], check=True)
    stall.write_bytes(b"0")
    idp = providers.Idp(str(tmp_path), origin, STALLED_NAME)
    try:
        service = start(directory, livekit, idp, {
            "LD_PRELOAD": str(shim), "RK_TEST_NAME": STALLED_NAME, "RK_TEST_STALL": str(stall)})
        try:
            bearer = idp.access_token("alice")
            assert service.ask(bearer).status_code == 200

            def break_it():
                with open(stall, "r+b") as file:  # in place: the process looks at it through a mapping
                    file.write(b"1")
                idp.stop()  # a connection that was kept alive would need no resolver

            guarded.known_keys_during(service, bearer, break_it, lambda: None, "a resolver that never answers")
        finally:
            started = time.monotonic()
            service.stop()
            assert time.monotonic() - started < 10
    finally:
        idp.stop()
