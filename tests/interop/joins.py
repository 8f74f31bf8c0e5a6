"""joins.py - one way to join for each official SDK, all with the same answer: a dictionary with `joined`, `room`,
`identity`, `name`, `metadata`, `attributes`. And what the server itself lists, which is what counts.
"""

import asyncio
import time

from livekit import api, rtc

import world

LIMIT_S = 60  # of what takes a second or two on a machine that has nothing else to do


def with_python(livekit, _nodes, token):
    async def join():
        room = rtc.Room()
        try:
            await asyncio.wait_for(room.connect(livekit.url, token), LIMIT_S)
        except rtc.ConnectError as error:
            return {"joined": False, "error": type(error).__name__}
        me = room.local_participant
        said = {"joined": True, "room": room.name, "identity": me.identity, "name": me.name,
                "metadata": me.metadata, "attributes": dict(me.attributes)}
        await room.disconnect()
        return said

    return asyncio.run(join())


def with_node(livekit, nodes, token):
    return nodes.run("join.mjs", livekit.url, token)


def with_go(livekit, _nodes, token):
    return world.go_peer(livekit.url, token)


def with_signal(livekit, nodes, token):
    return nodes.run("signal.mjs", livekit.url, token)


ALL = (with_signal, with_python, with_node, with_go)


async def until(look, good):
    """What look() finds, as soon as it is good: a server writes some things down a little after it has said them. At the end as it is."""
    end = time.monotonic() + LIMIT_S
    found = await look()
    while not good(found) and time.monotonic() < end:
        await asyncio.sleep(0.05)
        found = await look()
    return found


async def listed(livekit, room):
    """The participants of a room as the server lists them."""
    async with api.LiveKitAPI(livekit.http, livekit.key, livekit.secret) as server:
        answer = await server.room.list_participants(api.ListParticipantsRequest(room=room))
        return {who.identity: who for who in answer.participants}


def listed_while_joined(livekit, token):
    """Joins with Python and returns (room name, identity, what the server lists about it)."""

    async def join():
        room = rtc.Room()
        await asyncio.wait_for(room.connect(livekit.url, token), LIMIT_S)
        try:
            identity = room.local_participant.identity
            found = await until(lambda: listed(livekit, room.name), lambda found: identity in found)
            return room.name, identity, found[identity]
        finally:
            await room.disconnect()

    return asyncio.run(join())


def dispatches_after_join(livekit, token, wanted=()):
    """Joins and returns {agent name: metadata} that the server keeps for the room, once it has the wanted ones."""

    async def join():
        room = rtc.Room()
        await asyncio.wait_for(room.connect(livekit.url, token), LIMIT_S)
        try:
            async with api.LiveKitAPI(livekit.http, livekit.key, livekit.secret) as server:

                async def kept():
                    return {one.agent_name: one.metadata for one in await server.agent_dispatch.list_dispatch(room.name)}

                return await until(kept, lambda found: set(wanted) <= set(found))
        finally:
            await room.disconnect()

    return asyncio.run(join())


class Listener:
    """A participant that counts the audio frames it hears."""

    def __init__(self, livekit, token):
        self.livekit, self.token, self.room = livekit, token, rtc.Room()
        self.frames, self.enough, self._task = 0, asyncio.Event(), None

    async def __aenter__(self):
        self.room.on("track_subscribed", self._subscribed)
        await asyncio.wait_for(self.room.connect(self.livekit.url, self.token), LIMIT_S)
        return self

    async def __aexit__(self, *_):
        if self._task:
            self._task.cancel()
        await self.room.disconnect()

    def _subscribed(self, track, *_):
        self._task = asyncio.ensure_future(self._count(track))

    async def _count(self, track):
        async for _ in rtc.AudioStream(track):
            self.frames += 1
            if self.frames >= 20:
                self.enough.set()

    async def hears(self):
        await asyncio.wait_for(self.enough.wait(), LIMIT_S)
        return self.frames


def browser_heard(livekit, browser, origin, room, source, options):
    """The browser joins `room` with a TokenSource and talks; a Python participant hears it. Returns what it became."""

    async def talk():
        async with Listener(livekit, livekit.token(video={"room": room})) as listener:
            said = await asyncio.to_thread(browser.ask, do="talk", origin=origin, source=source, options=options)
            assert said["joined"], said
            assert await listener.hears() >= 20
            await asyncio.to_thread(browser.ask, do="leave")
            return said

    return asyncio.run(talk())
