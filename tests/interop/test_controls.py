"""Controls that do not touch roomkey: the server lets in what it should and refuses what it should, and each peer works.

Without these a green join proves nothing: a server that accepts everything would do.
"""

import json
import time

import pytest

import joins
import world

NOW = int(time.time())

ROWS = (
    # what, changes to a good token's claims, the server's status
    ("good", {}, 200),
    ("expired an hour ago", {"exp": NOW - 3600}, 401),
    ("not valid for an hour", {"nbf": NOW + 3600}, 401),
    ("unknown key", {"iss": "APIsomebody"}, 401),
    ("without roomJoin", {"video": {"roomJoin": None}}, 401),
    ("without a room", {"video": {"room": None}}, 400),
    ("without an identity", {"sub": None}, 400),
)


@pytest.mark.parametrize("changes, status", [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_validate(livekit, changes, status):
    assert livekit.validate(livekit.token(**changes)) == status


def test_wrong_secret_is_refused(livekit):
    assert livekit.validate(livekit.sign(livekit.claims(), secret="not the secret, but thirty-two bytes")) == 401


def test_signal_refuses_a_wrong_secret(livekit, nodes):
    token = livekit.sign(livekit.claims(), secret="not the secret, but thirty-two bytes")
    assert nodes.run("signal.mjs", livekit.url, token) == {"joined": False, "status": 401}


@pytest.mark.parametrize("join", joins.ALL)
def test_peer_joins(livekit, nodes, join):
    room, me = world.fresh("controls"), world.fresh("control")  # a room that is about to close lets nobody in
    said = join(livekit, nodes, livekit.token(sub=me, name="A name", video={"room": room}))
    assert (said["joined"], said["room"], said["identity"], said["name"]) == (True, room, me, "A name")


@pytest.mark.parametrize("join", joins.ALL)
def test_peer_says_when_it_is_refused(livekit, nodes, join):
    assert join(livekit, nodes, livekit.token(exp=NOW - 3600))["joined"] is False


def test_go_publishes(livekit):
    assert world.go_peer(livekit.url, livekit.token(), "publish")["published"] == "yes"


def test_go_cannot_publish_without_the_grant(livekit):
    said = world.go_peer(livekit.url, livekit.token(video={"canPublish": False}), "publish")
    assert said["joined"] and said["published"] != "yes"


def test_browser_is_heard(livekit, browser, page_port):
    room = world.fresh("loud")
    literal = {"serverUrl": livekit.url, "participantToken": livekit.token(video={"room": room})}
    heard = joins.browser_heard(livekit, browser, f"http://localhost:{page_port}", room,
                                f"TokenSource.literal({json.dumps(literal)})", {})
    assert heard["tracks"] == 1
