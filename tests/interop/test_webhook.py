"""Webhooks as a real server signs and sends them."""

import pytest
from livekit import api

import joins
import world


@pytest.fixture
def caught(livekit, webhooks):
    """(room, Authorization header, raw body) of a webhook about a room of our own: that it was started, because who
    leaves at once is sometimes not told to have joined."""
    room = world.fresh("room")
    joins.listed_while_joined(livekit, livekit.token(video={"room": room}))
    return (room, *webhooks.wait_for("room_started", room))


def test_official_receiver_accepts(livekit, caught):
    """Control: what we caught is what the server signed."""
    room, header, body = caught
    event = api.WebhookReceiver(api.TokenVerifier(livekit.key, livekit.secret)).receive(body.decode(), header)
    assert (event.event, event.room.name) == ("room_started", room)


def test_library_accepts(caught, run_example):
    _, header, body = caught
    assert run_example("webhook", header, stdin=body).stdout == b"genuine\n"


def test_library_refuses_a_changed_body(caught, run_example):
    _, header, body = caught
    done = run_example("webhook", header, stdin=body.replace(b"room_started", b"room_finished"))
    assert (done.returncode, done.stdout) == (1, b"")


def test_library_refuses_another_key(livekit, caught, run_example):
    _, header, body = caught
    other = world.LiveKit(livekit.host, livekit.key, "another secret of thirty-two bytes or so")
    assert run_example("webhook", header, stdin=body, livekit=other).returncode == 1
