"""The policies of examples/policies, row by row: through `roomkey explain --json`, and over HTTP with real credentials (issue: item 8)."""

import json
import pathlib
import re

import pytest
import yaml

from policies import Policy, Provider
from process import KEY, ROOT, SECRET, Roomkey, run
from shapes import JWT, granted, problem, stage_002, stage_004, verified
from wire import ask, post

DIRECTORY = pathlib.Path(ROOT, "examples", "policies")
NAMES = ["keycloak-moderators", "school", "guests-lobby", "backend-tenants", "telehealth", "audio-support", "membership-ask"]
TABLES = {name: yaml.safe_load((DIRECTORY / f"{name}.cases.yaml").read_text(encoding="utf-8")) for name in NAMES}
ENV = {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}


def rows(way):
    """Those that are not for the other way only."""
    return [pytest.param(name, number, id=f"{name}-{number}-{case['as']}")
            for name in NAMES for number, case in enumerate(TABLES[name]["cases"]) if case.get("only", way) == way]


@pytest.fixture(scope="module")
def policies(tmp_path_factory):
    """policies(name) -> Policy, its files in a directory of their own."""
    provider, made = Provider(), {}

    def get(name):
        if name not in made:
            made[name] = Policy(DIRECTORY / f"{name}.yaml", tmp_path_factory.mktemp(name), provider)
        return made[name]

    yield get
    provider.close()


@pytest.fixture(scope="module")
def services(policies):
    """services(name) -> a running roomkey with that policy. All end cleanly."""
    made = {}

    def get(name):
        if name not in made:
            policy = policies(name)
            env = {"ROOMKEY_ANONYMOUS": None, "LIVEKIT_URL": None, **policy.environment(),
                   "ROOMKEY_LIMITS": "per_address=off,failures_per_address=off,per_caller=off"}
            made[name] = Roomkey(env, words=("serve", "--config", str(policy.config)))
        return made[name]

    yield get
    for one in made.values():
        one.stop()


def same_grants(table, gives, grants, sources):
    wanted = gives["may"] if isinstance(gives["may"], list) else table["grants"][gives["may"]]
    assert grants == set(wanted), (grants, wanted)
    if "sources" in gives:
        assert sorted(sources) == sorted(gives["sources"])


def same_names(gives, room, identity, name):
    assert gives.get("room", room) == room
    assert gives.get("identity", identity) == identity
    assert re.fullmatch(gives.get("identity_like", ".*"), identity, re.S), identity
    assert re.fullmatch(gives.get("room_like", ".*"), room, re.S), room
    if "name" in gives:
        assert name == gives["name"]


# -- through explain


def explain(policy, case, tmp_path, *words):
    """CompletedProcess of `roomkey explain` for a row."""
    who = policy.table["callers"][case["as"]]
    words = ["explain", "--config", str(policy.config), "--contract", case.get("contract", "standard"), *words]
    if who.get("anonymous"):
        words.append("--anonymous")
    else:
        (tmp_path / "claims.json").write_text(json.dumps(policy.claims(who)))
        words += ["--as", str(tmp_path / "claims.json"), "--caller", who["caller"]]
    (tmp_path / "body.json").write_text(json.dumps(case["ask"]))
    words += ["--request", str(tmp_path / "body.json")]
    for header in ("profile", "device"):
        if header in case:
            words += [f"--{header}", case[header]]
    return run(*words, env={**ENV, **policy.environment()})


def explained(table, case, done):
    said = json.loads(done.stdout)
    gives, hook = case.get("gives"), isinstance(case.get("hook"), dict)
    if gives is None and not hook:
        assert done.returncode == 1 and said["verdict"] == "refused", said
        assert said["status"] == case["refused"]["status"] and said["code"] == case["refused"]["code"], said
        if "field" in case["refused"]:
            assert said["field"] == case["refused"]["field"]
        assert not {"room", "identity", "grants", "ttl_s"} & set(said)
        return said
    assert done.returncode == 0 and said["verdict"] == "allowed", said
    assert said.get("hook", False) is hook and (not hook or said["stages"][-1]["stage"] == "hook"), said
    if gives is None:
        return said
    same_names(gives, said["room"], said["identity"], said.get("name"))
    for member in ("rule", "profile", "metadata", "attributes", "room_config"):
        if member in gives:
            assert said.get(member) == gives[member], said
    if "may" in gives:
        grants = {name for name, value in said["grants"].items() if value is True}
        same_grants(table, gives, grants, said["grants"].get("canPublishSources", []))
    if "ttl" in gives and not hook:
        assert said["ttl_s"] == gives["ttl"], said
    assert said["ttl_s"] <= gives.get("ttl_at_most", said["ttl_s"])
    return said


@pytest.mark.parametrize("name, number", rows("explain"))
def test_explain(policies, tmp_path, name, number):
    """Every row that claims can describe; nothing is minted, no hook is asked."""
    policy, case = policies(name), TABLES[name]["cases"][number]
    before = len(policy.provider.calls)
    said = explained(policy.table, case, explain(policy, case, tmp_path, "--json"))
    assert not JWT.search(json.dumps(said)), "explain mints nothing"
    assert len(policy.provider.calls) == before and not policy.provider.bad_calls


@pytest.mark.parametrize("name", NAMES)
def test_explain_for_people(policies, tmp_path, name):
    """Without --json: the same exit code, the verdict and the rule, and what is said is printable."""
    policy = policies(name)
    for case in [case for case in policy.table["cases"] if case.get("only") != "http"][::5]:
        done = explain(policy, case, tmp_path)
        text = done.stdout.decode()
        refused = "gives" not in case and not isinstance(case.get("hook"), dict)
        assert done.returncode == (1 if refused else 0), done
        assert ("\nrefused" in text) == refused and text.replace("\n", "").isprintable(), text
        wanted = f"{case['refused']['status']} {case['refused']['code']}" if refused else case.get("gives", {}).get("rule", "")
        assert wanted in text, text


# -- over HTTP


def refused(case, answer):
    status, code = case["refused"]["status"], case["refused"]["code"]
    if case.get("contract") != "original":  # there 400 and 413 are VALIDATION_ERROR (semantics D34)
        problem(answer, status, code, case["refused"].get("field"))
    elif status == 401:
        stage_004(answer, "missing_token" if code == "unauthenticated" else "invalid_token")
    else:
        assert answer.status == status, answer
        body = answer.json()
        assert body["errorCode"] == ("VALIDATION_ERROR" if status == 400 else code.upper()), body
        stage_002(answer, status, body["errorCode"], body.get("validationErrors"))
    assert not JWT.search(answer.body.decode())


def allowed(table, case, answer):
    gives = case["gives"]
    assert answer.status == 200, answer
    body = answer.json()
    _, claims = verified(body["token" if case.get("contract") == "original" else "participant_token"])
    video = claims["video"]
    same_names(gives, video["room"], claims["sub"], claims.get("name"))
    assert body.get("room_name", body.get("roomName")) == video["room"]
    assert {"canPublish", "canSubscribe", "canPublishData"} <= set(video), "an absent one means yes"
    if "may" in gives:
        same_grants(table, gives, granted(claims), video.get("canPublishSources", []))
    for member in ("metadata", "attributes"):
        if member in gives:
            assert claims.get(member) == gives[member], claims
    if "room_config" in gives:
        assert claims.get("roomConfig") == gives["room_config"], claims
    ttl = claims["exp"] - claims["nbf"]
    assert ttl == gives.get("ttl", ttl) and ttl <= gives.get("ttl_at_most", ttl), ttl


def send(policy, service, who, case, number):
    headers = policy.credential(who, number)
    headers += [(f"Roomkey-{name.capitalize()}", case[name]) for name in ("profile", "device") if name in case]
    path = "/api/token" if case.get("contract") == "original" else "/v1/token"
    return ask(service.address, post(path, json.dumps(case["ask"]).encode(), headers), timeout=10)


@pytest.mark.parametrize("name, number", rows("http"))
def test_http(policies, services, name, number):
    """Every row with a real signature, a real key or the platform's headers."""
    policy, case = policies(name), TABLES[name]["cases"][number]
    who = policy.table["callers"][case["as"]]
    policy.provider.hook, before = case.get("hook"), len(policy.provider.calls)
    answer = send(policy, services(name), who, case, number)
    if "gives" in case:
        allowed(policy.table, case, answer)
    else:
        refused(case, answer)
    asked = policy.provider.calls[before:]
    assert len(asked) == (1 if isinstance(case.get("hook"), dict) else 0), "once where the rule gives, else never"
    assert not policy.provider.bad_calls, "every call is signed"
    for call in asked:
        assert call["room"] in case["ask"].values() and call["caller"]["sub"] == who["claims"]["sub"]
        assert not JWT.search(json.dumps(call)), "the hook gets no credential"
    logged = services(name).access(answer.request_id)
    if "rule" in case.get("gives", {}):
        assert logged["rule"] == case["gives"]["rule"], logged


def test_two_hundred_tenants(policies, services):
    """One rule for all: each key opens its tenant's rooms and not the neighbour's."""
    policy, service = policies("backend-tenants"), services("backend-tenants")
    for n in range(200):
        for room, status in ((f"t{n:03}__r", 200), (f"t{(n + 1) % 200:03}__r", 403)):
            body = json.dumps({"room_name": room, "participant_identity": "u"}).encode()
            answer = ask(service.address, post(body=body, headers=[("X-API-Key", policy.keys[f"tenant-{n:03}"])]))
            assert answer.status == status, (n, room, answer)
            if status == 200:
                assert verified(answer.json()["participant_token"])[1]["sub"] == f"t{n:03}__u"


@pytest.mark.parametrize("value", [None, "False", "0", ""])
def test_easy_auth_without_the_platform(policies, start, value):
    """EZA-02: the headers prove nothing where no front end strips them."""
    policy = policies("audio-support")
    env = {"ROOMKEY_ANONYMOUS": None, "WEBSITE_AUTH_ENABLED": value}
    service = start(env, words=("serve", "--config", str(policy.config)))
    answer = send(policy, service, policy.table["callers"]["amy"], {"ask": {"room_name": "support-x"}}, 0)
    problem(answer, 401, "unauthenticated")


def test_two_credentials(policies, services):
    """semantics D1: a key in both places, or a key beside a token, is 400, however good they are."""
    policy, service = policies("backend-tenants"), services("backend-tenants")
    key = policy.keys["acme"]
    body = json.dumps({"room_name": "acme__r", "participant_identity": "u"}).encode()
    problem(ask(service.address, post(body=body, headers=[("X-API-Key", key), ("Authorization", f"Bearer {key}")])), 400, "invalid_request")


# -- the files themselves


@pytest.mark.parametrize("name", NAMES)
def test_check(policies, name):
    """`roomkey check` takes it, and finds no rule that can never match and no profile nobody uses."""
    policy = policies(name)
    done = run("check", "--config", str(policy.config), env={**ENV, **policy.environment()})
    assert done.returncode == 0, done
    said = (done.stdout + done.stderr).decode()
    assert "never" not in said, said


@pytest.mark.parametrize("name", NAMES)
def test_tables(name):
    """A table gives every rule and every profile of its policy at least once, and says no more often than yes."""
    policy = yaml.safe_load((DIRECTORY / f"{name}.yaml").read_text(encoding="utf-8"))
    cases = TABLES[name]["cases"]
    gives = [case["gives"] for case in cases if "gives" in case]
    assert {rule["id"] for rule in policy["rules"]} == {one["rule"] for one in gives if "rule" in one}
    assert all(("gives" in case) != ("refused" in case) for case in cases)
    assert len(cases) - len(gives) > len(gives)
    assert {case["as"] for case in cases} == set(TABLES[name]["callers"])
    assert {case["refused"]["status"] for case in cases if "refused" in case} >= {401, 403}
    assert sum(case.get("only") == "http" for case in cases) * 5 <= len(cases)
    assert any(case.get("contract") == "original" for case in cases)


def test_no_other_policy():
    """Every policy in the directory is in the list above, with a table."""
    assert sorted(path.stem for path in DIRECTORY.glob("*.yaml") if not path.stem.endswith(".cases")) == sorted(NAMES)
    assert sorted(path.name.removesuffix(".cases.yaml") for path in DIRECTORY.glob("*.cases.yaml")) == sorted(NAMES)
