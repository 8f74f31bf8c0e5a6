"""Webhooks as a real server signs and sends them."""

from livekit import api

import joins
import world


def test_official_receiver_accepts(livekit, webhooks):
    """Control: what we caught is what the server signed."""
    room = world.fresh("room")
    joins.listed_while_joined(livekit, livekit.token(video={"room": room}))
    header, body = webhooks.wait_for("participant_joined", room)
    event = api.WebhookReceiver(api.TokenVerifier(livekit.key, livekit.secret)).receive(body.decode(), header)
    assert (event.event, event.room.name) == ("participant_joined", room)
