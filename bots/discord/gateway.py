"""Listening at the gateway, by discord.py: https://discord.com/developers/docs/events/gateway .

The library keeps the connection: hello, identify, heartbeats, compression, resuming with what was missed. Of its model
of servers, members and messages nothing is kept, which costs it nothing and us no memory: events are taken as they
come.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import discord
import structlog
import yarl
from aiohttp import ClientError
from discord.gateway import DiscordWebSocket, ReconnectWebSocket

from bots.discord.line import Line
from core.egress.sessions import connector
from core.errors import PlatformDown, PlatformRefusedUs

log = structlog.get_logger(__name__)

Json = dict[str, Any]

KINDS: Final = (
    "READY",
    "GUILD_CREATE",
    "GUILD_DELETE",
    "THREAD_CREATE",
    "THREAD_UPDATE",
    "THREAD_DELETE",
    "THREAD_LIST_SYNC",
    "MESSAGE_CREATE",
    "MESSAGE_UPDATE",
    "INTERACTION_CREATE",
)
_CLOSED_FOR_GOOD: Final = {
    4004: "Discord does not accept the token: reset it in the Developer Portal, under Bot",
    4010: "Discord does not accept the shard",
    4011: "the bot is in so many servers that Discord wants it sharded",
    4012: "Discord does not know this version of the gateway any more: update Waystation",
    4013: "Discord does not know the intents we ask for: update Waystation",
    4014: "switch on Message Content Intent in the Developer Portal, under Bot: without it messages come empty",
}
_OPEN_S: Final = 60.0
_PAUSE_S: Final = (1.0, 120.0)
_SILENCE_S: Final = 60.0
_LASTED_S: Final = 60.0

Dispatch = Callable[[str, Json], None]


class Gateway:
    """One connection, kept up.

    Args:
        url: Where the gateway is; "" for Discord's own.
        dispatch: Told each event, in order. With ``READY`` a session begins: what was before it is brought by nobody.
        pause_s: How long to wait after a connection that did not last: the first time, and at most.
        silence_s: After so long without an answer to its heartbeats, a connection is taken for dead.
        lasted_s: A connection that stood so long is no failure, whatever ended it.
    """

    def __init__(
        self,
        line: Line,
        url: str,
        dispatch: Dispatch,
        *,
        pause_s: tuple[float, float] = _PAUSE_S,
        silence_s: float = _SILENCE_S,
        lasted_s: float = _LASTED_S,
    ) -> None:
        self._line = line
        self._url = url
        self._dispatch = dispatch
        self._pause_s = pause_s
        self._silence_s = silence_s
        self._lasted_s = lasted_s
        self._failures = 0

    async def listen(self) -> None:
        """Listen until cancelled.

        Raises:
            PlatformRefusedUs: Discord does not let us in, until the operator has changed something.
            PlatformDown: There is no way in at present.
        """
        client = _client(self._line, self._silence_s)
        try:
            await self._login(client)
            await self._stay(client)
        finally:
            await client.close()

    async def _login(self, client: discord.Client) -> None:
        try:
            await client.http.static_login(self._line.token)
        except discord.LoginFailure:
            raise PlatformRefusedUs(_CLOSED_FOR_GOOD[4004]) from None
        except (discord.HTTPException, ClientError, OSError) as error:
            raise PlatformDown(f"Discord does not answer: {type(error).__name__}") from None

    async def _stay(self, client: discord.Client) -> None:
        how: Json = {"initial": True}
        opened: list[DiscordWebSocket] = []
        sockets = _sockets(self._url, opened)
        while True:
            socket: DiscordWebSocket | None = None
            begun = time.monotonic()
            try:
                socket = await asyncio.wait_for(sockets.from_client(client, **how), timeout=_OPEN_S)
                self._hear(socket)
                while True:
                    await socket.poll_event()
            except ReconnectWebSocket as wanted:
                how = self._again(socket, how, resume=wanted.resume)
            except (discord.ConnectionClosed, discord.GatewayNotFound, ClientError, OSError, TimeoutError) as error:
                code = getattr(error, "code", 0)
                if code in _CLOSED_FOR_GOOD:
                    raise PlatformRefusedUs(_CLOSED_FOR_GOOD[code]) from None
                log.info("gateway lost", reason=str(error) or type(error).__name__)
                how = self._again(socket, how, resume=True)
            finally:
                while opened:  # also one that was given up while it was being opened: its heart beats in a thread
                    await opened.pop().close()
            await self._pause(lasted=time.monotonic() - begun > self._lasted_s)

    def _again(self, socket: DiscordWebSocket | None, how: Json, *, resume: bool) -> Json:
        """How to connect after this connection; one that was never opened leaves what was to be resumed."""
        if not resume:
            return {"initial": False}
        if socket is None:
            return how
        if socket.session_id is None:
            return {"initial": False}
        session = {"resume": True, "session": socket.session_id, "sequence": socket.sequence}
        # Discord names a gateway of its own for that, which is not to be reached where the operator named another.
        return {"initial": False, **session, "gateway": None if self._url else socket.gateway}

    def _hear(self, socket: DiscordWebSocket) -> None:
        def hear(kind: str) -> Callable[[Json], None]:
            return lambda data: self._dispatch(kind, data)

        parsers: Mapping[str, Callable[[Json], None]] = {kind: hear(kind) for kind in KINDS}
        socket._discord_parsers = dict(parsers)  # noqa: SLF001 - the one place where events can be had as they are

    async def _pause(self, *, lasted: bool) -> None:
        """Longer after each connection that did not last, so that nobody is stormed; at once after one that did."""
        if lasted:
            self._failures = 0
            return
        first_s, most_s = self._pause_s
        longest_s = min(most_s, first_s * 2 ** min(self._failures, 10))
        self._failures += 1
        await asyncio.sleep(longest_s * random.uniform(0.5, 1.0))  # noqa: S311


def _client(line: Line, silence_s: float) -> discord.Client:
    """The library's client, for its connections and what it says of itself; it keeps nothing."""
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # nobody speaks here
    intents = discord.Intents.none()
    intents.guilds = intents.guild_messages = intents.dm_messages = intents.message_content = True
    client = discord.Client(
        intents=intents,
        max_messages=None,
        member_cache_flags=discord.MemberCacheFlags.none(),
        chunk_guilds_at_startup=False,
        heartbeat_timeout=silence_s,
        connector=connector(line.proxies),
    )
    client.loop = asyncio.get_running_loop()
    client.http.loop = client.loop
    ask = client.http.request

    async def asked(route: discord.http.Route, **how: Any) -> Any:  # noqa: ANN401 - as the library's own
        route.url = line.base + route.url.removeprefix(route.BASE)
        return await ask(route, **how)

    client.http.request = asked  # type: ignore[method-assign]
    return client


def _sockets(url: str, opened: list[DiscordWebSocket]) -> type[DiscordWebSocket]:
    """The library's connections, to Discord's gateway or the operator's, each noted as it is opened."""

    class Noted(DiscordWebSocket):
        DEFAULT_GATEWAY = yarl.URL(url) if url else DiscordWebSocket.DEFAULT_GATEWAY

        def __init__(self, *given: Any, **more: Any) -> None:  # noqa: ANN401 - as the library's own
            super().__init__(*given, **more)
            opened.append(self)

    return Noted
