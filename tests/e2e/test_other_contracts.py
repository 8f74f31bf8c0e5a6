"""The contracts of the public example servers, only where they are listed: meet and create-token (design §5, livekit-tokens §4.7)."""

import json
import re
from urllib.parse import urlencode

import pytest

from process import URL
from shapes import minted, problem, verified
from wire import ask, post, request

MEET, CREATE = "/api/connection-details", "/createToken"
ENV = {"ROOMKEY_CONTRACTS": "original,standard,sandbox,meet,create-token", "ROOMKEY_CORS_ORIGINS": "https://app.example.org"}


@pytest.fixture(scope="module")
def service():
    """The default service with both contracts listed."""
    from process import Roomkey
    one = Roomkey(ENV)
    yield one
    one.stop()


def get(service, path, query, headers=()):
    text = query if isinstance(query, str) else urlencode(query)
    return ask(service.address, request("GET", f"{path}?{text}", None, headers))


def identity_of(claims, name):
    assert re.fullmatch(re.escape(name) + "__[a-z2-7]{16}", claims["sub"]), claims["sub"]
    return claims["sub"]


def meet(answer, room, name):
    assert answer.status == 200, answer
    assert answer.get("content-type") == "application/json"
    assert answer.all("set-cookie") == []
    body = answer.json()
    assert set(body) == {"serverUrl", "roomName", "participantToken", "participantName"}
    assert (body["serverUrl"], body["roomName"], body["participantName"]) == (URL, room, name)
    _, claims = verified(body["participantToken"])
    minted(claims, room, identity_of(claims, name), 900, name, answer.date_s())
    return claims


def bare(answer, room, name):
    assert answer.status == 200, answer
    assert answer.get("content-type").split(";")[0] == "text/plain"
    _, claims = verified(answer.body.decode("ascii"))
    minted(claims, room, identity_of(claims, name), 900, name, answer.date_s())
    return claims


def test_not_there_unless_listed(start):
    """Only if listed in `contracts`."""
    one = start()
    for path in (MEET, CREATE):
        problem(get(one, path, "roomName=r&participantName=n"), 404, "not_found")
    problem(ask(one.address, post(CREATE, b"{}")), 404, "not_found")


def test_meet(service):
    """Identity {participantName}__{random}, no cookie, speaker, 15 minutes; region read and ignored."""
    first = meet(get(service, MEET, {"roomName": "r", "participantName": "n", "region": "eu"}), "r", "n")
    second = meet(get(service, MEET, {"participantName": "n", "roomName": "r"}, {"Cookie": "random-participant-postfix=abcd"}), "r", "n")
    assert first["sub"] != second["sub"] and not second["sub"].endswith("abcd")
    assert "metadata" not in first
    assert meet(get(service, MEET, {"roomName": "r", "participantName": "n", "metadata": "m"}), "r", "n")["metadata"] == "m"


@pytest.mark.parametrize("room, name", [("Überraum 1", "Zoë 😀"), ("a+b", "c&d=e"), ("100%", "x y")])
def test_query_encoding(service, room, name):
    """A query is percent-encoded UTF-8; + is a space, as URLSearchParams writes it."""
    meet(get(service, MEET, {"roomName": room, "participantName": name}), room, name)
    bare(get(service, CREATE, {"roomName": room, "participantName": name}), room, name)


@pytest.mark.parametrize("query", [
    "", "roomName=r", "participantName=n", "roomName=&participantName=n", "roomName=r&participantName=",
    "RoomName=r&participantName=n", "roomName=%zz&participantName=n", "roomName=%ff&participantName=n", "roomName=%0&participantName=n",
    "roomName=a%00b&participantName=n", "roomName=a%0d%0ab&participantName=n", "roomName=r&participantName=%20n",
    "roomName=r&roomName=s&participantName=n", "roomName=r&participantName=" + "n" * 257,
])
@pytest.mark.parametrize("path", [MEET, CREATE])
def test_bad_queries(service, path, query):
    """A missing member is 400 problem details; names as semantics D20."""
    problem(get(service, path, query), 400)


@pytest.mark.parametrize("headers, status", [
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "https://app.example.org"}, 200),
    ({"Sec-Fetch-Site": "same-origin"}, 200), ({"Sec-Fetch-Site": "none"}, 200), ({}, 200),
])
@pytest.mark.parametrize("path", [MEET, CREATE])
def test_cross_site(service, path, headers, status):
    """design §5: cross-site Sec-Fetch-Site without an allowed Origin is 403."""
    answer = get(service, path, "roomName=r&participantName=n", headers)
    assert answer.status == status, answer
    if status == 403:
        assert answer.get("content-type") == "application/problem+json"


def test_query_values_are_not_logged(service):
    """design §5."""
    answer = get(service, MEET, "roomName=planted-room-771&participantName=planted-name-771&metadata=planted-md-771")
    line = service.access(answer.request_id)
    assert line["path"] == MEET
    answer = get(service, CREATE, "roomName=planted-room-771")
    service.access(answer.request_id)
    assert "planted-" not in service.all_output()


def test_create_token(service):
    """A bare JWT as text, by POST body or query."""
    bare(ask(service.address, post(CREATE, b'{"roomName":"r","participantName":"n"}')), "r", "n")
    bare(get(service, CREATE, {"roomName": "r", "participantName": "n"}), "r", "n")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"roomName":"r"}', b'{"participantName":"n"}', b'{"roomName":5,"participantName":"n"}',
                                  b"[]", b"x", b'{"roomName":"r","roomName":"r","participantName":"n"}'])
def test_create_token_bad_bodies(service, body):
    """A missing member is 400 problem details; JSON is strict on every contract but the original."""
    problem(ask(service.address, post(CREATE, body)), 400)


@pytest.mark.parametrize("method, path, allowed", [
    ("POST", MEET, {"GET", "HEAD", "OPTIONS"}), ("PUT", CREATE, {"GET", "HEAD", "POST", "OPTIONS"}),
])
def test_methods(service, method, path, allowed):
    """405 with Allow."""
    answer = ask(service.address, request(method, path, b""))
    problem(answer, 405)
    assert set(answer.get("allow").split(", ")) == allowed


def test_credentials_are_refused_here_too(service):
    """semantics D2: no contract has a side door."""
    problem(get(service, MEET, "roomName=r&participantName=n", {"Authorization": "Bearer x"}), 401, "invalid_token")
    problem(get(service, CREATE, "roomName=r&participantName=n", {"X-API-Key": "x"}), 401, "invalid_token")


def test_profile_header(service):
    """semantics D26, without rules."""
    problem(get(service, MEET, "roomName=r&participantName=n", {"Roomkey-Profile": "moderator"}), 403, "profile_not_allowed")
    meet(get(service, MEET, "roomName=r&participantName=n", {"Roomkey-Profile": "speaker"}), "r", "n")


def test_create_token_needs_no_url(start):
    """Its answer holds none; meet's does."""
    one = start({**ENV, "LIVEKIT_URL": None})
    bare(ask(one.address, post(CREATE, json.dumps({"roomName": "r", "participantName": "n"}).encode())), "r", "n")
    problem(get(one, MEET, "roomName=r&participantName=n"), 503, "missing_server_url")
