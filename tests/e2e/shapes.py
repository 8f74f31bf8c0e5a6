"""shapes.py - what answers look like, and tokens judged by other people's code: PyJWT and livekit-api.

May touch: nothing but its arguments.
"""

import datetime
import re
import time

import jwt
from livekit import api

from process import KEY, SECRET, URL

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
INVENTED_ROOM = re.compile(r"room-[a-z2-7]{16}")
INVENTED_IDENTITY = re.compile(r"guest-[a-z2-7]{16}")
CODES = {
    400: {"invalid_request", "room_required", "invalid_room", "invalid_identity", "too_large"},
    401: {"unauthenticated", "invalid_token"},
    403: {"no_rule", "no_identity", "identity_mismatch", "field_not_allowed", "profile_not_allowed", "refused_by_hook"},
    404: {"not_found"}, 405: {"method_not_allowed"}, 408: {"timeout"}, 413: {"body_too_large"}, 414: {"uri_too_long"},
    415: {"media_type"}, 417: {"expectation"}, 429: {"rate_limited"}, 431: {"headers_too_large"}, 500: {"internal"},
    503: {"missing_credentials", "missing_server_url", "unavailable", "draining"}, 505: {"http_version"},
}
JWT = re.compile(r"eyJ[\w-]+\.[\w-]+")  # with its dot: three letters come about by chance in random ids
TOKEN_LIKE = {"token", "participant_token", "participantToken", "accessToken", "access_token", "server_url", "serverUrl"}


def iso_seconds(text):
    assert ISO.fullmatch(text), text
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def problem(answer, status, code=None, field=None):
    """RFC 9457 problem details as design §5 and semantics H14 have them."""
    assert answer.status == status, answer
    assert answer.get("content-type") == "application/problem+json", answer
    body = answer.json()
    assert body["status"] == status and body["type"] == "about:blank", body
    assert isinstance(body["title"], str) and isinstance(body["detail"], str), body
    assert body["code"] in CODES[status], body
    assert body["request_id"] == answer.request_id, body
    assert set(body) <= {"type", "title", "status", "code", "detail", "field", "request_id"}, body
    assert not TOKEN_LIKE & set(body)
    if code is not None:
        assert body["code"] == code, body
    if field is not None:
        assert body.get("field") == field, body
    return body


def stage_002(answer, status, code, errors=None):
    """The original's error body; validationErrors only for the body's own errors (semantics D34)."""
    assert answer.status == status, answer
    assert answer.get("content-type") == "application/json", answer
    body = answer.json()
    wanted = ["statusCode", "errorCode", "message"] + (["validationErrors"] if errors else []) + ["timestamp"]
    assert list(body) == wanted, body
    assert body["statusCode"] == status and body["errorCode"] == code, body
    assert abs(iso_seconds(body["timestamp"]) - answer.date_s()) < 5, body
    if errors:
        assert body["validationErrors"] == errors
    return body


def stage_004(answer, code="invalid_token", path="/api/token"):
    """The original's 401 body."""
    assert answer.status == 401, answer
    body = answer.json()
    assert list(body) == ["error", "timestamp", "path"], body
    assert body["error"]["code"] == code and body["error"]["statusCode"] == 401, body
    assert isinstance(body["error"]["message"], str) and body["path"] == path
    iso_seconds(body["timestamp"])
    return body


def verified(token, key=KEY, secret=SECRET, leeway=1):
    """(header, claims) of a token that PyJWT and livekit-api both accept."""
    header = jwt.get_unverified_header(token)
    assert header == {"alg": "HS256", "typ": "JWT"}, header
    claims = jwt.decode(token, secret, algorithms=["HS256"], issuer=key, leeway=leeway,
                        options={"require": ["exp", "nbf", "iat", "iss", "sub"]})
    theirs = api.TokenVerifier(key, secret).verify(token)
    assert theirs.identity == claims["sub"]
    assert theirs.video.room_join is True and theirs.video.room == claims["video"]["room"]
    assert len(token) <= 8192
    return header, claims


def granted(claims):
    """Names of the video grants that are true."""
    return {name for name, value in claims["video"].items() if value is True}


def minted(claims, room, identity, ttl, name=None, now=None):
    """The claims every token of ours has (design §5, "The token"). `now`: when the answer says that it was made."""
    now = time.time() if now is None else now
    assert claims["sub"] == identity and claims["iss"] == KEY
    for claim in ("nbf", "iat", "exp"):
        assert type(claims[claim]) is int, claims
    assert -3 <= claims["nbf"] - now <= 1, f"nbf is now: {claims['nbf'] - now}"
    assert claims["exp"] - claims["nbf"] == ttl
    assert isinstance(claims["jti"], str) and len(claims["jti"]) >= 8
    assert claims["video"]["room"] == room
    assert granted(claims) == {"roomJoin", "canPublish", "canSubscribe", "canPublishData"}, claims["video"]
    assert claims.get("name") == name, claims


STANDARD_KEYS = {"server_url", "participant_token", "room_name", "participant_name",
                 "serverUrl", "participantToken", "roomName", "participantName", "expires_at"}


def standard(answer, room=None, identity=None, name=None, ttl=900, status=200):
    """A success of the standard contract. Returns the claims. None for room or identity: an invented one."""
    assert answer.status == status, answer
    assert answer.get("content-type") == "application/json", answer
    body = answer.json()
    assert set(body) == STANDARD_KEYS, set(body) ^ STANDARD_KEYS
    for snake, camel in (("server_url", "serverUrl"), ("participant_token", "participantToken"),
                         ("room_name", "roomName"), ("participant_name", "participantName")):
        assert body[snake] == body[camel], body
    assert body["server_url"] == URL
    _, claims = verified(body["participant_token"])
    room = room if room is not None else body["room_name"]
    identity = identity if identity is not None else claims["sub"]
    minted(claims, room, identity, ttl, name, answer.date_s())
    assert body["room_name"] == room
    assert body["participant_name"] == (name if name is not None else identity)
    assert iso_seconds(body["expires_at"]) == claims["exp"]
    return claims
