"""The simulated gateway: https://discord.com/developers/docs/events/gateway , with its good and its bad days."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

Json = dict[str, Any]

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID, HELLO, ACK = 0, 1, 2, 6, 7, 9, 10, 11
MESSAGE_CONTENT = 1 << 15


@dataclass(eq=False)
class _Session:
    """What was dispatched, to be replayed on a resume."""

    id: str
    history: list[Json] = field(default_factory=list)


class Gateway:
    """One bot's gateway.

    Args:
        token: Whoever shows another is closed out.
        ready: What READY tells, less the session.
        guilds: What is told right after.

    Attributes:
        heartbeat_s: How often it wants to hear from a client.
        content: Whether the bot may read what is said (a switch in the portal).
        deaf: Heartbeats are not answered: a connection that is dead and does not know it.
        patient: What happens before a session is brought by it, unlike by the real one.
        elsewhere: Where Discord would have a session taken up again: no proxy of the operator's leads there.
        identified: How often a session was begun; ``resumed`` how often one was taken up again.
    """

    def __init__(self, token: str, ready: Callable[[], Json], guilds: Callable[[], list[Json]]) -> None:
        self.heartbeat_s = 40.0
        self.content = True
        self.deaf = False
        self.identified = 0
        self.resumed = 0
        self.opened = 0
        self.violations: list[str] = []
        self.patient = False
        self._early: list[tuple[str, Json]] = []
        self.address = ""
        self.elsewhere = ""
        self._token = token
        self._ready = ready
        self._guilds = guilds
        self._session: _Session | None = None
        self._sockets: dict[web.WebSocketResponse, Callable[[Json], asyncio.Task[None]]] = {}
        self._live: web.WebSocketResponse | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> bool:
        """Whether a session is live."""
        return self._live is not None and not self._live.closed

    def dispatch(self, kind: str, data: Json) -> None:
        """Bring an event: now, or on the next resume; what nobody has a session for is lost."""
        session = self._session
        if session is None:
            self._early += [(kind, data)] if self.patient else []
            return
        frame = {"op": DISPATCH, "t": kind, "s": len(session.history) + 1, "d": data}
        session.history.append(frame)
        self._send(frame)

    def again(self) -> None:
        """Bring the last event once more."""
        assert self._session is not None
        self._send(self._session.history[-1])

    def reconnect(self) -> None:
        """Ask the client to come again."""
        self._send({"op": RECONNECT, "d": None})

    def invalidate(self, *, resumable: bool) -> None:
        """End the session, or only the connection."""
        if not resumable:
            self._session = None
        self._send({"op": INVALID, "d": resumable})

    async def drop(self) -> None:
        """Cut the connection without a word; the session stays."""
        if self._live is not None and (transport := self._live._req and self._live._req.transport):
            transport.abort()
        self._live = None

    async def forget(self) -> None:
        """The session is over, as when the client's process ends."""
        self._session = None
        await self.drop()

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """One connection."""
        self.opened += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        packer = zlib.compressobj() if request.query.get("compress") == "zlib-stream" else None
        if request.query.get("v") != "10" or request.query.get("encoding") != "json":
            self.violations.append(f"the gateway was asked for {dict(request.query)}")

        async def send(frame: Json) -> None:
            text = json.dumps(frame)
            if packer is None:
                await socket.send_str(text)
            else:
                await socket.send_bytes(packer.compress(text.encode()) + packer.flush(zlib.Z_SYNC_FLUSH))

        def later(frame: Json) -> asyncio.Task[None]:
            task = asyncio.create_task(_quietly(send(frame)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return task

        self._sockets[socket] = later
        await send({"op": HELLO, "d": {"heartbeat_interval": int(self.heartbeat_s * 1000)}})
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    await self._heard(socket, json.loads(message.data), send)
        finally:
            self._sockets.pop(socket, None)
            if self._live is socket:
                self._live = None
        return socket

    async def _heard(self, socket: web.WebSocketResponse, frame: Json, send: Callable[[Json], Any]) -> None:
        match frame["op"]:
            case 1:
                if not self.deaf:
                    await send({"op": ACK, "d": None})
            case 2:
                await self._identify(socket, frame["d"], send)
            case 6:
                await self._resume(socket, frame["d"], send)
            case other:
                self.violations.append(f"the gateway was told op {other}")

    async def _identify(self, socket: web.WebSocketResponse, asked: Json, send: Callable[[Json], Any]) -> None:
        if asked.get("token") != self._token:
            await socket.close(code=4004, message=b"Authentication failed.")
            return
        if not asked.get("properties") or "intents" not in asked:
            self.violations.append("identify without properties or intents")
        if asked["intents"] & MESSAGE_CONTENT and not self.content:
            await socket.close(code=4014, message=b"Disallowed intent(s).")
            return
        self.identified += 1
        self._session = _Session(f"session-{self.identified}")
        self._live = socket
        told = self._ready() | {"session_id": self._session.id, "resume_gateway_url": self.elsewhere, "v": 10}
        self.dispatch("READY", told)
        for guild in self._guilds():
            self.dispatch("GUILD_CREATE", guild)
        early, self._early = self._early, []
        for kind, data in early:
            self.dispatch(kind, data)

    async def _resume(self, socket: web.WebSocketResponse, asked: Json, send: Callable[[Json], Any]) -> None:
        session = self._session
        if session is None or asked.get("session_id") != session.id or asked.get("token") != self._token:
            await send({"op": INVALID, "d": False})
            return
        self.resumed += 1
        self._live = socket
        for frame in session.history[asked["seq"] :]:
            await send(frame)
        self.dispatch("RESUMED", {})

    def _send(self, frame: Json) -> None:
        if self._live is not None and self._live in self._sockets:
            _ = self._sockets[self._live](frame)


async def _quietly(sending: Any) -> None:  # noqa: ANN401 - a coroutine
    try:
        await sending
    except ConnectionError:
        return
