"""The standard contract (LiveKit TokenSource): design §5, livekit-tokens §4.1-4.2, semantics D18, D20, D23, D33-D36."""

import json
import unicodedata

import pytest

from shapes import INVENTED_IDENTITY, INVENTED_ROOM, problem, stage_002, stage_004, standard
from wire import GOOD, ask, post, request

PATHS = ("/v1/token", "/getToken")


def mint(service, body, path="/v1/token", headers=()):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask(service.address, post(path, data, headers))


# -- what is answered


@pytest.mark.parametrize("path", PATHS)
def test_the_usual_body(service, path):
    """`{}` is the usual body: room and identity are invented (semantics D18, D23)."""
    claims = standard(mint(service, {}, path))
    assert INVENTED_ROOM.fullmatch(claims["video"]["room"])
    assert INVENTED_IDENTITY.fullmatch(claims["sub"])
    assert not {"metadata", "attributes", "roomConfig", "sha256", "kind"} & set(claims)


@pytest.mark.parametrize("path", PATHS)
def test_no_body_at_all(service, path):
    """semantics D34: an empty body is `{}`; H10: it needs no content type."""
    standard(ask(service.address, request("POST", path, b"")))
    standard(ask(service.address, request("POST", path)))


def test_inventions_differ(service):
    """{random} is one value per request, not per process (semantics D8)."""
    bodies = [mint(service, {}).json() for _ in range(50)]
    assert len({body["room_name"] for body in bodies}) == 50
    assert len({body["participant_name"] for body in bodies}) == 50
    assert len({body["participant_token"] for body in bodies}) == 50


def test_all_members(service):
    """All members of livekit-tokens §4.1; an empty attribute asks for nothing (semantics D33)."""
    claims = standard(mint(service, {
        "room_name": "Überraum 1", "participant_identity": "zoë@example.org", "participant_name": "Zoë 😀",
        "participant_metadata": '{"a":1}', "participant_attributes": {"theme": "dark", "x": ""},
        "room_config": {"agents": [{"agent_name": "greeter", "metadata": "m"}]},
    }), "Überraum 1", "zoë@example.org", "Zoë 😀")
    assert claims["metadata"] == '{"a":1}'
    assert claims["attributes"] == {"theme": "dark"}
    assert claims["roomConfig"] == {"agents": [{"agentName": "greeter", "metadata": "m"}]}


def test_camel_case_is_read_too(service):
    """design §5: camelCase read too."""
    claims = standard(mint(service, {
        "roomName": "r", "participantIdentity": "i", "participantName": "n", "participantMetadata": "m",
        "participantAttributes": {"k": "v"}, "roomConfig": {"maxParticipants": 3, "agents": [{"agentName": "a"}]},
    }), "r", "i", "n")
    assert claims["metadata"] == "m" and claims["attributes"] == {"k": "v"}
    assert claims["roomConfig"] == {"maxParticipants": 3, "agents": [{"agentName": "a"}]}


@pytest.mark.parametrize("nothing", [None, ""])
def test_null_and_empty_are_absent(service, nothing):
    """semantics D34: absent, null and "" are the same."""
    members = ("room_name", "participant_identity", "participant_name", "participant_metadata")
    claims = standard(mint(service, {name: nothing for name in members}))
    assert INVENTED_ROOM.fullmatch(claims["video"]["room"])
    assert INVENTED_IDENTITY.fullmatch(claims["sub"])
    assert "metadata" not in claims


@pytest.mark.parametrize("body", [
    {"participant_attributes": None}, {"participant_attributes": {}}, {"room_config": None}, {"room_config": {}},
    {"room_config": {"agents": []}}, {"room_config": {"agents": None, "name": "", "tags": {}, "egress": None, "max_participants": 0}},
])
def test_empty_parts_leave_nothing_in_the_token(service, body):
    """design §5: `room_config: {}` is treated as absent (swift, android and flutter send it always)."""
    claims = standard(mint(service, body))
    assert "roomConfig" not in claims and "attributes" not in claims


def test_unknown_members_are_ignored(service):
    """semantics D34; JSN-05 of the security reference says 400, the design's order of authority says ignore."""
    body = {"room_name": "r", "ttl": 1, "video": {"roomAdmin": True}, "grants": {"roomCreate": True}, "exp": 1, "kind": "agent",
            "sip": {"admin": True}, "__proto__": {"room_name": "x"}, "constructor": 1, "": 2, "Room_Name": "other"}
    claims = standard(mint(service, body), "r")
    assert not {"sip", "kind", "grants"} & set(claims)


@pytest.mark.parametrize("member, camel", [
    ("room_name", "roomName"), ("participant_identity", "participantIdentity"), ("participant_name", "participantName"),
    ("participant_metadata", "participantMetadata"), ("participant_attributes", "participantAttributes"),
    ("room_config", "roomConfig"),
])
@pytest.mark.parametrize("second", ["same", "null"])
def test_both_spellings_are_refused(service, member, camel, second):
    """semantics D34: both spellings of one member are 400, one of them null too."""
    value = {} if member in ("participant_attributes", "room_config") else "x"
    body = {member: value, camel: value if second == "same" else None}
    problem(mint(service, body), 400, "invalid_request", member)


@pytest.mark.parametrize("path, status", [("/v1/token", 201), ("/getToken", 201), ("/api/v2/sandbox/connection-details", 201),
                                          ("/more", 201)])
def test_success_status(start, path, status):
    """design §5: standard may be 201 by success_status, sandbox v2 is as standard; more paths by endpoint_paths."""
    one = start({"ROOMKEY_SUCCESS_STATUS": "201", "ROOMKEY_ENDPOINT_PATHS": "/more,/tokens/x"})
    standard(mint(one, {}, path), status=status)
    assert mint(one, GOOD, "/api/token").status == 200


def test_endpoint_paths_are_not_there_unasked(service):
    """The no beside the yes."""
    problem(mint(service, {}, "/more"), 404)


# -- /api/token


@pytest.mark.parametrize("body", [
    {"room_name": "r"}, {"participant_identity": "i"}, {"participant_name": "n"}, {"participant_metadata": "m"},
    {"participant_attributes": {"a": "b"}}, {"room_config": {}}, {"room_config": {"agents": [{"agent_name": "x"}]}},
])
def test_standard_body_on_the_original_path(service, body):
    """design §5: POST /api/token when the body holds a standard snake_case member and none of the original's."""
    standard(mint(service, body, "/api/token"), body.get("room_name"), body.get("participant_identity"),
             body.get("participant_name"))


def test_standard_body_on_the_original_path_whatever_the_type(service):
    """semantics H10: on /api/token Content-Type is never looked at."""
    standard(mint(service, {"room_name": "r"}, "/api/token", {"Content-Type": "text/plain"}), "r")


def test_a_member_of_the_original_decides(service):
    """design §5: one of the original's own members and it is the original contract."""
    answer = mint(service, {"room_name": "r", "roomName": "r"}, "/api/token")
    stage_002(answer, 400, "VALIDATION_ERROR",
              [{"field": "participantIdentity", "message": "Invalid input: expected string, received undefined"}])
    answer = mint(service, {"room_name": "x", "roomName": "r", "participantIdentity": "i"}, "/api/token")
    assert answer.status == 200 and answer.json()["roomName"] == "r"


def test_a_standard_error_on_the_original_path(service):
    """Once the body has shown the standard contract, errors are problem details."""
    problem(mint(service, {"room_name": 5}, "/api/token"), 400, "invalid_request", "room_name")


# -- names


GOOD_NAMES = {
    "one": "x", "256 bytes": "x" * 256, "128 two-byte": "é" * 128, "space inside": "a b", "emoji": "😀", "NFC": "é",
    "zero-width joiner": "a\u200db", "zero-width space": "a\u200bb", "soft hyphen": "a\u00adb", "quotes": "\"\\'<>&",
    "private use": "\ue000", "path": "../../x", "percent": "%n%s", "slash": "a/b",
}
BAD_NAMES = {
    "257 bytes": "x" * 257, "129 two-byte": "é" * 129, "NFD": unicodedata.normalize("NFD", "é"), "NUL": "a\0b", "TAB": "a\tb",
    "LF": "a\nb", "CR": "a\rb", "ESC": "a\x1bb", "DEL": "a\x7fb", "C1": "a\x85b", "U+2028": "a\u2028b", "U+2029": "a\u2029b",
    "leading space": " a", "trailing space": "a ", "only space": " ", "leading no-break space": "\u00a0a", "trailing ideographic": "a\u3000",
    "not NFC Angstrom": "\u212b", **{f"bidi U+{point:04X}": f"a{chr(point)}b" for point in
                                     [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]},
}
MEMBERS = [("room_name", "invalid_room"), ("participant_identity", "invalid_identity"), ("participant_name", "invalid_request")]


@pytest.mark.parametrize("name", GOOD_NAMES.values(), ids=GOOD_NAMES.keys())
def test_good_names(service, name):
    """semantics D20: 1-256 bytes of NFC UTF-8, case-sensitive; other format characters are allowed."""
    body = {"room_name": name, "participant_identity": name, "participant_name": name}
    standard(mint(service, body), name, name, name)
    standard(mint(service, json.dumps(body, ensure_ascii=False).encode()), name, name, name)


@pytest.mark.parametrize("member, code", MEMBERS)
@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES.keys())
def test_bad_names(service, member, code, name):
    """semantics D20: refused, never rewritten or truncated; CR LF never splits a header (HTP-22)."""
    problem(mint(service, {member: name}), 400, code, member)


@pytest.mark.parametrize("value", [5, 1.5, True, [], {}, ["x"]])
@pytest.mark.parametrize("member", ["room_name", "participant_identity", "participant_name", "participant_metadata"])
def test_wrong_types(service, member, value):
    """semantics D36: wrong type is 400 invalid_request; types are checked at reading."""
    problem(mint(service, {member: value}), 400, "invalid_request", member)


# -- metadata and attributes


def test_metadata_limit(service):
    """semantics D36: 4 KiB of metadata, in bytes."""
    assert standard(mint(service, {"participant_metadata": "m" * 4096}))["metadata"] == "m" * 4096
    assert standard(mint(service, json.dumps({"participant_metadata": "é" * 2048}).encode()))["metadata"] == "é" * 2048
    problem(mint(service, {"participant_metadata": "m" * 4097}), 400, "too_large", "participant_metadata")
    problem(mint(service, {"participant_metadata": "é" * 2049}), 400, "too_large", "participant_metadata")


def test_metadata_is_opaque_text(service):
    """Metadata is not a name: control characters and line breaks pass, exactly."""
    text = "line\n\ttab \u2028 \x1b \x7f \"quoted\" \\ é"
    assert standard(mint(service, {"participant_metadata": text}))["metadata"] == text


def test_attribute_count(service):
    """semantics D36: at most 32 attributes (IDN-09)."""
    attributes = {f"k{i}": "v" for i in range(32)}
    assert standard(mint(service, {"participant_attributes": attributes}))["attributes"] == attributes
    attributes["one more"] = "v"
    problem(mint(service, {"participant_attributes": attributes}), 400, "too_large", "participant_attributes")


def test_attribute_bytes(service):
    """semantics D36: 4 KiB in all."""
    standard(mint(service, {"participant_attributes": {"a": "v" * 2000, "b": "v" * 2000}}))
    problem(mint(service, {"participant_attributes": {"a": "v" * 2100, "b": "v" * 2100}}), 400, "too_large", "participant_attributes")
    problem(mint(service, {"participant_attributes": {"a": "v" * 4097}}), 400, "too_large", "participant_attributes")


@pytest.mark.parametrize("value", [1, True, [], {}, 1.5])
def test_attribute_values_are_text(service, value):
    """livekit-tokens §4.1: object string to string; the server refuses the whole token for one number."""
    body = problem(mint(service, {"participant_attributes": {"theme": value}}), 400, "invalid_request")
    assert body["field"].startswith("participant_attributes"), body


@pytest.mark.parametrize("value", ["x", 1, [], ["a"], True])
def test_attributes_are_an_object(service, value):
    """semantics D36."""
    problem(mint(service, {"participant_attributes": value}), 400, "invalid_request", "participant_attributes")


@pytest.mark.parametrize("name", ["", "a\nb", " a", "a\u202eb", "x" * 257, unicodedata.normalize("NFD", "é")])
def test_attribute_names_are_names(service, name):
    """semantics D20: attribute names are names too."""
    body = problem(mint(service, {"participant_attributes": {name: "v"}}), 400, "invalid_request")
    assert body["field"].startswith("participant_attributes"), body
    assert "\n" not in body["field"] and "\u202e" not in body["field"]


# -- room_config


def test_room_config_that_is_taken(service):
    """semantics D35: agents, names, tags and numbers; written camelCase without defaults (livekit-tokens §1.7)."""
    claims = standard(mint(service, {"room_config": {
        "name": "cfg", "empty_timeout": 60, "departure_timeout": 5e0, "max_participants": 5.0, "min_playout_delay": 1,
        "max_playout_delay": 0, "tags": {"env": "test"},
        "agents": [{"agent_name": "a", "metadata": "", "deployment": None}, {"agentName": "b", "metadata": "x"}],
    }}))
    assert claims["roomConfig"] == {
        "name": "cfg", "emptyTimeout": 60, "departureTimeout": 5, "maxParticipants": 5, "minPlayoutDelay": 1,
        "tags": {"env": "test"}, "agents": [{"agentName": "a"}, {"agentName": "b", "metadata": "x"}]}


@pytest.mark.parametrize("config", [
    {"egress": {"room": {"file_outputs": [{"filepath": "x"}]}}},
    {"egress": {"tracks": {"filepath": "x", "s3": {"access_key": "k", "secret": "s", "bucket": "b"}}}},
    {"egress": {"room": {"room_name": "other"}}},
    {"metadata": "m"},
    {"sync_streams": True},
])
def test_room_config_that_is_not(service, config):
    """semantics D35: egress, credentials and everything else there is 403 field_not_allowed."""
    body = problem(mint(service, {"room_config": config}), 403, "field_not_allowed")
    assert body["field"].startswith(f"room_config.{next(iter(config))}"), body


@pytest.mark.parametrize("config", [
    5, "x", True, {"max_participants": "many"}, {"max_participants": "5"}, {"max_participants": -1}, {"max_participants": 1.5},
    {"max_participants": 4294967296}, {"name": 5}, {"agents": {"a": 1}}, {"agents": [5]}, {"agents": [None]}, {"tags": {"a": 1}},
    {"tags": {"a": None}}, {"agents": [{"agent_name": 5}]}, {"max_participants": 1, "maxParticipants": 1},
])
def test_room_config_that_the_server_would_refuse(service, config):
    """livekit-tokens §1.7, reading rules: refused here, with a field, and not at connect time; D31: numbers may not be text."""
    body = problem(mint(service, {"room_config": config}), 400, "invalid_request")
    assert body["field"].startswith("room_config"), body


@pytest.mark.parametrize("secret", ["s3cr3t-of-a-bucket"])
def test_room_config_secrets_are_not_echoed(service, secret):
    """No output repeats what a request said in a place where credentials stand."""
    body = {"room_config": {"egress": {"tracks": {"s3": {"secret": secret}}}}}
    answer = mint(service, body)
    assert secret not in repr(answer)
    service.access(answer.request_id)
    assert secret not in service.all_output()


# -- the finished token


def test_token_limit(service):
    """semantics D36: the finished token has at most 8 KiB; what is over is 400 too_large, not a cut."""
    body = {"participant_metadata": "\x01" * 1500}  # six bytes each in JSON, then base64
    problem(mint(service, body), 400, "too_large")
    standard(mint(service, {"participant_metadata": "\x01" * 500}))


def test_the_longest_token(service):
    """semantics D36: a token of 8 KiB is none too many, though the answer holds it twice, with room and name twice."""
    lengths = []
    for size in range(1300, 1800, 4):
        body = {"room_name": "r" * 256, "participant_identity": "i", "participant_name": '"' * 256,
                "participant_metadata": "m" * 3500, "participant_attributes": {"a": "v" * size}}
        answer = mint(service, body)
        if answer.status == 200:
            standard(answer, name='"' * 256)
            lengths.append(len(answer.json()["participant_token"]))
        else:
            problem(answer, 400, "too_large")
    assert 8188 <= max(lengths) <= 8192


# -- credentials and profiles under anonymous: allow


@pytest.mark.parametrize("headers", [
    {"Authorization": "Bearer x"}, {"Authorization": "Bearer rk_" + "A" * 43}, {"Authorization": ""}, {"Authorization": "Bearer"},
    {"Authorization": "Bearer "}, {"Authorization": "Basic dTpw"}, {"Authorization": "Token x"}, {"Authorization": "x"},
    {"Authorization": "Bearerx"}, {"Authorization": 'Bearer "x"'}, {"Authorization": "Bearer a, Bearer b"},
    {"Authorization": "Bearer a b"}, {"Authorization": "Bearer\u00a0x"}, {"X-API-Key": "rk_" + "A" * 43}, {"X-API-Key": ""},
])
def test_a_presented_credential_never_falls_back(service, headers):
    """semantics D2, HDR-02: 401 invalid_token under `anonymous: allow` too; one text for all reasons."""
    answer = mint(service, {}, headers=headers)
    body = problem(answer, 401, "invalid_token")
    assert body["detail"] == problem(mint(service, {}, headers={"Authorization": "Bearer y"}), 401)["detail"]
    assert answer.get("www-authenticate").startswith("Bearer") and 'error="invalid_token"' in answer.get("www-authenticate")
    stage_004(mint(service, GOOD, "/api/token", headers))


def test_two_kinds_of_credential(service):
    """semantics D1: two of them are 400 (HDR-05 is for a later release; this part of it holds already)."""
    problem(mint(service, {}, headers={"Authorization": "Bearer x", "X-API-Key": "y"}), 400, "invalid_request")


def test_a_livekit_token_is_not_a_credential_here(service):
    """security JWT-09: a minted token presented as bearer."""
    token = mint(service, {}).json()["participant_token"]
    problem(mint(service, {}, headers={"Authorization": f"Bearer {token}"}), 401, "invalid_token")


@pytest.mark.parametrize("headers", [
    {"X-MS-CLIENT-PRINCIPAL": "e30="}, {"X-Forwarded-User": "root"}, {"Remote-User": "root"}, {"Cookie": "token=x"},
    {"Proxy-Authorization": "Bearer x"}, {"Range": "bytes=0-1"}, {"If-Match": "*"}, {"X-HTTP-Method-Override": "DELETE"},
    {"X-Original-URL": "/healthz"}, {"X-Rewrite-URL": "/healthz"}, {"Roomkey-Device": "x y"},
])
def test_headers_that_mean_nothing_here(service, headers):
    """HTP-16; semantics D1: a principal header is a credential only where an easy_auth caller exists."""
    claims = standard(mint(service, {}, headers=headers))
    assert INVENTED_IDENTITY.fullmatch(claims["sub"])


@pytest.mark.parametrize("path", PATHS)
def test_profiles(service, path):
    """semantics D26: without rules only the one profile."""
    standard(mint(service, {}, path, {"Roomkey-Profile": "speaker"}))
    problem(mint(service, {}, path, {"Roomkey-Profile": "listener"}), 403, "profile_not_allowed")
    problem(mint(service, {}, path, {"Roomkey-Profile": "Speaker"}), 403, "profile_not_allowed")
    problem(mint(service, {}, path, {"Roomkey-Profile": ""}), 400, "invalid_request")
    problem(mint(service, {}, path, [("Roomkey-Profile", "speaker")] * 2), 400, "invalid_request")


# -- set-up that is not complete


def test_missing_server_url(start):
    """design §5: 503 missing_server_url where the answer would hold it; the original contract does without."""
    one = start({"LIVEKIT_URL": None})
    problem(mint(one, {}), 503, "missing_server_url")
    assert mint(one, GOOD, "/api/token").status == 200


@pytest.mark.parametrize("env", [{"LIVEKIT_API_KEY": None}, {"LIVEKIT_API_SECRET": None}, {"LIVEKIT_API_SECRET": ""},
                                 {"LIVEKIT_API_SECRET": "@Microsoft.KeyVault(SecretUri=https://v.example/s)"}])
def test_missing_credentials(start, env):
    """design §7: a missing key or secret does not stop it; hosting §0: an unresolved Key Vault reference is missing."""
    one = start(env)
    problem(mint(one, {}), 503, "missing_credentials")
    stage_002(mint(one, GOOD, "/api/token"), 500, "MISSING_CREDENTIALS")
    ready = ask(one.address, request("GET", "/readyz"))
    assert ready.status == 503 and ready.json()["status"] == "fail" and ready.json()["missing"]
    assert ask(one.address, request("GET", "/livez")).status == 200
    problem(mint(one, {"room_name": 5}), 400, "invalid_request", "room_name")
