"""The sandbox contract: what LiveKit's development token server answers (livekit-tokens §4.6, design §5)."""

import json

import pytest

from process import URL
from shapes import INVENTED_IDENTITY, INVENTED_ROOM, minted, problem, standard, verified
from wire import ask, post, request

V1, V2 = "/api/sandbox/connection-details", "/api/v2/sandbox/connection-details"


def mint(service, path, body, headers=()):
    return ask(service.address, post(path, json.dumps(body).encode(), headers))


def v1(answer, room=None, identity=None, name=None):
    """The four camelCase members only, at most 2,048 bytes; the claims."""
    assert answer.status == 200, answer
    assert answer.get("content-type") == "application/json"
    assert len(answer.body) <= 2048
    body = answer.json()
    assert set(body) == {"serverUrl", "roomName", "participantName", "participantToken"}
    assert all(isinstance(value, str) and value for value in body.values()), "esp32 needs four strings"
    assert body["serverUrl"] == URL
    _, claims = verified(body["participantToken"])
    minted(claims, room if room is not None else body["roomName"], identity if identity is not None else claims["sub"], 900, name, answer.date_s())
    assert body["roomName"] == claims["video"]["room"]
    assert body["participantName"] == (name if name is not None else claims["sub"])
    return claims


@pytest.mark.parametrize("headers", [{}, {"X-Sandbox-ID": "abc-123"}, [("X-Sandbox-ID", "a"), ("X-Sandbox-ID", "b")]])
def test_v2(service, headers):
    """v2 as standard; X-Sandbox-ID is ignored."""
    claims = standard(mint(service, V2, {}, headers))
    assert INVENTED_ROOM.fullmatch(claims["video"]["room"]) and INVENTED_IDENTITY.fullmatch(claims["sub"])
    standard(mint(service, V2, {"room_name": "r", "participant_identity": "i", "participant_name": "n"}, headers), "r", "i", "n")


@pytest.mark.parametrize("headers", [{}, {"X-Sandbox-ID": "abc-123"}])
def test_v1(service, headers):
    """v1: the four camelCase members only; missing ones are invented; 15 minutes."""
    claims = v1(mint(service, V1, {}, headers))
    assert INVENTED_ROOM.fullmatch(claims["video"]["room"]) and INVENTED_IDENTITY.fullmatch(claims["sub"])
    v1(mint(service, V1, {"roomName": "r", "participantName": "n"}, headers), "r", None, "n")


ALL = {"participant_identity": "i", "participant_metadata": "m", "participant_attributes": {"a": "b"},
       "room_config": {"agents": [{"agent_name": "notes"}], "name": "n", "max_participants": 4}}
ALL_CAMEL = {"participantIdentity": "i", "participantMetadata": "m", "participantAttributes": {"a": "b"},
             "roomConfig": {"agents": [{"agentName": "notes"}], "name": "n", "maxParticipants": 4}}


@pytest.mark.parametrize("body", [ALL, ALL_CAMEL])
def test_v1_takes_what_v2_takes(service, body):
    """semantics D18, D35: identity, name, metadata, attributes and of room_config agents, names, tags and numbers."""
    claims = v1(mint(service, V1, body), None, "i")
    assert (claims["metadata"], claims["attributes"]) == ("m", {"a": "b"})
    assert claims["roomConfig"] == {"name": "n", "maxParticipants": 4, "agents": [{"agentName": "notes"}]}


def test_v1_without_a_body(service):
    """semantics D34: an empty body is `{}`."""
    v1(ask(service.address, request("POST", V1)))


def test_v1_fits_the_buffer_of_esp32(service):
    """design §5: the answer has at most 2,048 bytes, else 400 too_large."""
    v1(mint(service, V1, {"roomName": "r" * 100, "participantName": "n" * 100}), "r" * 100, None, "n" * 100)
    problem(mint(service, V1, {"roomName": '"' * 256, "participantName": '"' * 256}), 400, "too_large")
    standard(mint(service, V2, {"roomName": '"' * 256, "participantName": '"' * 256}), '"' * 256, None, '"' * 256)


@pytest.mark.parametrize("path", [V1, V2])
@pytest.mark.parametrize("body, code, field", [
    ({"roomName": 5}, "invalid_request", "room_name"), ({"roomName": " x"}, "invalid_room", "room_name"),
    ({"participantName": "a\nb"}, "invalid_request", "participant_name"), ([], "invalid_request", None),
    ({"participant_identity": 5}, "invalid_request", "participant_identity"), ({"participantMetadata": {}}, "invalid_request", "participant_metadata"),
    ({"participantIdentity": "i", "participant_identity": "i"}, "invalid_request", "participant_identity"),
    ({"participant_metadata": "m" * 5000}, "too_large", "participant_metadata"),
])
def test_errors(service, path, body, code, field):
    """Errors are problem details with `field` in snake_case (semantics D34)."""
    problem(mint(service, path, body), 400, code, field)


@pytest.mark.parametrize("path", [V1, V2])
@pytest.mark.parametrize("config", [{"egress": {"room": {"file_outputs": [{"filepath": "x"}]}}}, {"metadata": "m"}, {"sync_streams": True}])
def test_what_nobody_gets(service, path, config):
    """semantics D35: egress, credentials and everything else in room_config is 403."""
    problem(mint(service, path, {"room_config": config}), 403, "field_not_allowed")


@pytest.mark.parametrize("path", [V1, V2])
def test_content_type(service, path):
    """semantics H10: the sandbox contracts want application/json unless the body is empty."""
    problem(ask(service.address, post(path, b"{}", {"Content-Type": "text/plain"})), 415, "media_type")
    assert ask(service.address, post(path, b"{}", {"Content-Type": "application/json, application/json"})).status == 200


@pytest.mark.parametrize("contracts, there, gone", [
    ("original", "/api/token", (V1, V2, "/v1/token", "/getToken")),
    ("standard", "/v1/token", (V1, V2)),
    ("sandbox", V2, ("/v1/token", "/getToken")),
])
def test_contracts_can_be_left_out(start, contracts, there, gone):
    """design §7 `contracts`: a contract that is not listed has no paths."""
    one = start({"ROOMKEY_CONTRACTS": contracts})
    body = {"roomName": "r", "participantIdentity": "i"}
    assert mint(one, there, body).status == 200
    for path in gone:
        problem(mint(one, path, {}), 404, "not_found")
