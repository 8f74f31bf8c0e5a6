"""Tokens of the running roomkey, of its command line and of the library let their holder into a real room."""

import json

import pytest

import joins
import world

# What breaks careless encoders: quotes, backslashes, markup, non-ASCII, beyond the BMP, JSON inside a string.
NAME = 'Zoë "the \\ boss" O\'Hara <b>&amp; 😀'
METADATA = json.dumps({"role": "chef 👩‍🍳", "quote": '"', "path": "C:\\x"}, ensure_ascii=False)
ATTRIBUTES = {"team": "Müller & Söhne", "emoji 🎧": "日本語", "json": '{"a":"b"}', "slash": "</script>"}


@pytest.mark.parametrize("join", joins.ALL)
def test_api_token_joins(livekit, roomkey, nodes, join):
    room, me = world.fresh("room"), world.fresh("me")
    said = join(livekit, nodes, roomkey.original(roomName=room, participantIdentity=me, participantName="Ada"))
    assert (said["joined"], said["room"], said["identity"], said["name"]) == (True, room, me, "Ada")


@pytest.mark.parametrize("join", joins.ALL)
def test_v1_token_joins(livekit, roomkey, nodes, join):
    room, me = world.fresh("room"), world.fresh("me")
    answer = roomkey.standard(room_name=room, participant_identity=me, participant_name=NAME,
                              participant_metadata=METADATA, participant_attributes=ATTRIBUTES)
    assert answer["server_url"] == livekit.url
    said = join(livekit, nodes, answer["participant_token"])
    assert (said["joined"], said["room"], said["identity"], said["name"]) == (True, room, me, NAME)
    assert (said["metadata"], said["attributes"]) == (METADATA, ATTRIBUTES)


def test_empty_request_joins_an_invented_room(livekit, roomkey):
    answer = roomkey.standard()
    room, identity, _ = joins.listed_while_joined(livekit, answer["participant_token"])
    assert room == answer["room_name"] and room.startswith("room-")
    assert identity.startswith("guest-")


def test_the_server_lists_what_was_asked(livekit, roomkey):
    room, me = world.fresh("Zimmer ü 🎧"), world.fresh('me "quoted" ß')
    answer = roomkey.standard(room_name=room, participant_identity=me, participant_name=NAME,
                              participant_metadata=METADATA, participant_attributes=ATTRIBUTES)
    joined, identity, who = joins.listed_while_joined(livekit, answer["participant_token"])
    assert (joined, identity, who.name, who.metadata) == (room, me, NAME, METADATA)
    assert dict(who.attributes) == ATTRIBUTES


def test_agents_of_room_config_arrive(livekit, roomkey):
    agents = [{"agent_name": "greeter", "metadata": METADATA}, {"agent_name": "notetaker"}]
    answer = roomkey.standard(room_name=world.fresh("room"), room_config={"agents": agents})
    found = joins.dispatches_after_join(livekit, answer["participant_token"], ("greeter", "notetaker"))
    assert (found.get("greeter"), found.get("notetaker")) == (METADATA, "")


def test_without_room_config_no_agent_is_named(livekit, roomkey):
    found = joins.dispatches_after_join(livekit, roomkey.standard(room_name=world.fresh("room"))["participant_token"])
    assert set(found) <= {""}  # a room without agents lists one dispatch with an empty name


@pytest.mark.parametrize("path", ("/v1/token", "/getToken", "/api/token"))
def test_browser_joins_and_is_heard(livekit, roomkey, browser, page_port, path):
    room = world.fresh("room")
    said = joins.browser_heard(livekit, browser, f"http://localhost:{page_port}", room,
                               f"TokenSource.endpoint('{roomkey.base}{path}')",
                               {"roomName": room, "participantName": NAME, "participantMetadata": METADATA,
                                "participantAttributes": ATTRIBUTES})
    assert (said["room"], said["name"], said["metadata"], said["tracks"]) == (room, NAME, METADATA, 1)
    assert (said["attributes"], said["serverUrl"]) == (ATTRIBUTES, livekit.url)


def test_browser_of_another_origin_is_kept_out(roomkey, browser, page_port):
    said = browser.ask(do="talk", origin=f"http://127.0.0.1:{page_port}",
                       source=f"TokenSource.endpoint('{roomkey.base}/v1/token')", options={})
    assert said["joined"] is False and "Failed to fetch" in said["error"]


def cli_token(livekit, *words):
    done = world.run_roomkey(livekit, "token", "--room", world.fresh("room"), "--identity", world.fresh("me"), *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("join", joins.ALL)
def test_cli_token_joins(livekit, nodes, join):
    said = join(livekit, nodes, cli_token(livekit, "--name", NAME))
    assert (said["joined"], said["name"]) == (True, NAME)


def test_a_speaker_publishes(livekit):
    assert world.go_peer(livekit.url, cli_token(livekit), "publish")["published"] == "yes"


def test_a_listener_cannot_publish(livekit, nodes):
    token = cli_token(livekit, "--grant", "canPublish=false", "--grant", "canSubscribe=true")
    permission = nodes.run("signal.mjs", livekit.url, token)["permission"]
    assert (permission["canPublish"], permission["canSubscribe"]) == (False, True)
    said = world.go_peer(livekit.url, token, "publish")
    assert said["joined"] and said["published"] != "yes"


@pytest.mark.parametrize("join", joins.ALL)
def test_a_token_of_the_library_alone_joins(livekit, nodes, run_example, join):
    room, me = world.fresh("room"), world.fresh("me")
    minted = run_example("mint", room, me)
    assert minted.returncode == 0, minted.stderr
    said = join(livekit, nodes, minted.stdout.decode().strip())
    assert (said["joined"], said["room"], said["identity"]) == (True, room, me)


def test_wrong_secret_of_roomkey_is_refused(livekit):
    wrong = world.LiveKit(livekit.host, livekit.key, "some other secret of thirty-two bytes!")
    assert livekit.validate(cli_token(wrong)) == 401
