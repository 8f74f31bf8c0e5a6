"""X-Roomkey-Explain: the verdict stage by stage, for callers whose configuration says so, and nothing minted. Issue 5."""

import json
import re

import pytest

from conf import LOCAL_FILES, allowed, as_local, bad_token, base, local, running, want
from idp import Reply, Server
from shapes import TOKEN_LIKE, problem
from wire import ask, post, request

OTHER = "https://other.example"
EXPLAIN = {"X-Roomkey-Explain": "1"}
JWT = re.compile(rb"[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}")


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    rules = [{"id": "rule-for-hosts", "when": {"role": "planted-role"}, "room": "*"}, {"id": "rule-for-team", "room": "team-*", "default_room": "team-1", "ttl": "20m"}]
    doc = base(callers=[local("open", identity="a:{sub}", explain=True), local("closed", OTHER, identity="b:{sub}")], rules=rules)
    with running(tmp_path_factory.mktemp("explain"), doc, LOCAL_FILES) as service:
        yield service


def explained(answer):
    """Every answer to an explain: JSON with stages, and nowhere a token."""
    assert answer.get("content-type").startswith("application/"), answer
    body = answer.json()
    assert not JWT.search(answer.body), answer
    names = set(re.findall(r'"([A-Za-z_]+)":', answer.body.decode()))
    assert not TOKEN_LIKE & names and "jti" not in names, names
    return json.dumps(body)


def test_what_a_caller_would_get(one):
    """Stage by stage with rule ids: also the rule that did not hold."""
    answer = want(one, headers={**as_local(), **EXPLAIN})
    assert answer.status == 200
    text = explained(answer)
    assert "rule-for-team" in text and "rule-for-hosts" in text and "team-1" in text and "a:alice" in text, text
    for stage in ("rule", "identity"):
        assert stage in text
    line = one.access(answer.request_id)
    assert "jti" not in line, "nothing was minted"
    assert line["explained"] is True and line["status"] == 200 and line["err"] == "ok"


@pytest.mark.parametrize("body, code", [({"room_name": "other"}, "no_rule"), ({"participant_identity": "bob"}, "identity_mismatch"), ({"participant_name": "x"}, "field_not_allowed")])
def test_why_a_caller_gets_nothing(one, body, code):
    """The refusal that tells which rule said no."""
    answer = want(one, body, {**as_local(), **EXPLAIN})
    text = explained(answer)
    assert code in text and "rule-for" in text, text
    line = one.access(answer.request_id)
    assert line["explained"] is True and line["status"] == 200 and line["err"] == code


def test_only_for_callers_with_explain(one):
    """Everybody else gets what he would get without the header; no rule id leaves the house."""
    allowed(want(one, headers={**as_local("alice", OTHER), **EXPLAIN}), "team-1", "b:alice", ttl=1200)
    answer = want(one, {"room_name": "other"}, {**as_local("alice", OTHER), **EXPLAIN})
    problem(answer, 403, "no_rule")
    assert "explained" not in one.access(answer.request_id)
    assert b"rule-for" not in answer.body
    problem(want(one, headers=EXPLAIN), 401, "unauthenticated")
    bad_token(want(one, headers={**EXPLAIN, "Authorization": "Bearer x"}))


def test_other_values_of_the_header(one):
    """Only 1 asks for it; nothing else changes what is given."""
    for value in ("0", "", "true"):
        answer = want(one, headers={**as_local(), "X-Roomkey-Explain": value})
        if answer.status == 200 and b"participant_token" in answer.body:
            allowed(answer, "team-1", "a:alice", ttl=1200)
        else:
            explained(answer)


def test_no_claim_value_in_it(one):
    """An explanation names keys and rules; what stood in the token stays there."""
    text = explained(want(one, headers={**as_local("alice", role="planted-claim-value", secret="planted-other-value"), **EXPLAIN}))
    assert "planted-claim-value" not in text and "planted-other-value" not in text and "planted-role" not in text


def test_the_hook_is_not_asked_to_mint(tmp_path):
    """A dry run mints nothing and lets nobody in."""
    with Server() as hook:
        hook.table["/may"] = Reply({"allow": True})
        rules = [{"id": "asked", "room": "lobby", "ask": {"url": hook.url + "/may", "secret_file": "hook.key"}}]
        with running(tmp_path, base(callers=[local(explain=True)], rules=rules), {**LOCAL_FILES, "hook.key": b"x" * 40}) as one:
            assert "asked" in explained(want(one, headers={**as_local(), **EXPLAIN}))
            allowed(want(one, headers=as_local()), "lobby")


def test_without_callers_the_header_means_nothing(start):
    """`anonymous: allow` has nobody who could be told."""
    one = start()
    assert "participant_token" in ask(one.address, post(headers=EXPLAIN)).json()
    assert ask(one.address, request("GET", "/healthz", None, EXPLAIN)).status == 200
