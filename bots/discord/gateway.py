"""Listening at the gateway, by discord.py: https://discord.com/developers/docs/events/gateway .

The library keeps the connection: hello, identify, heartbeats, compression, resuming with what was missed. Of its model
of servers, members and messages nothing is kept, which costs it nothing and us no memory: events are taken as they
come.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import discord
import structlog
import yarl
from aiohttp import ClientError
from discord.gateway import DiscordWebSocket, ReconnectWebSocket

from bots.discord.line import Line
from core.errors import PlatformDown, PlatformRefusedUs

log = structlog.get_logger(__name__)

Json = dict[str, Any]

KINDS: Final = ("MESSAGE_CREATE", "MESSAGE_UPDATE", "INTERACTION_CREATE", "THREAD_CREATE", "GUILD_CREATE")
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

Dispatch = Callable[[str, Json], None]


class Gateway:
    """One connection, kept up.

    Args:
        url: Where the gateway is; "" for Discord's own.
        dispatch: Told each event, in order.
        begun: Told when a session has begun anew: what was said before it is not brought by anybody.
        pause_s: How long to wait after a failure: the first time, and at most.
        silence_s: After so long without an answer to its heartbeats, a connection is taken for dead.
    """

    def __init__(
        self,
        line: Line,
        url: str,
        dispatch: Dispatch,
        begun: Callable[[], Awaitable[None] | None],
        *,
        pause_s: tuple[float, float] = _PAUSE_S,
        silence_s: float = _SILENCE_S,
    ) -> None:
        self._line = line
        self._url = url
        self._dispatch = dispatch
        self._begun = begun
        self._pause_s = pause_s
        self._silence_s = silence_s
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
            try:
                socket = await asyncio.wait_for(sockets.from_client(client, **how), timeout=_OPEN_S)
                self._hear(socket)
                while True:
                    await socket.poll_event()
                    self._failures = 0
            except ReconnectWebSocket as wanted:
                how = _again(socket, resume=wanted.resume)
                if not wanted.resume:
                    await self._pause()
            except (discord.ConnectionClosed, discord.GatewayNotFound, ClientError, OSError, TimeoutError) as error:
                code = getattr(error, "code", 0)
                if code in _CLOSED_FOR_GOOD:
                    raise PlatformRefusedUs(_CLOSED_FOR_GOOD[code]) from None
                log.info("gateway lost", reason=str(error) or type(error).__name__)
                how = _again(socket, resume=True) if socket is not None else how
                await self._pause()
            finally:
                while opened:  # also one that was given up while it was being opened: its heart beats in a thread
                    await opened.pop().close()

    def _hear(self, socket: DiscordWebSocket) -> None:
        def hear(kind: str) -> Callable[[Json], None]:
            return lambda data: self._dispatch(kind, data)

        def ready(data: Json) -> None:
            del data
            self._begun()

        parsers: Mapping[str, Callable[[Json], None]] = {"READY": ready, **{kind: hear(kind) for kind in KINDS}}
        socket._discord_parsers = dict(parsers)  # noqa: SLF001 - the one place where events can be had as they are

    async def _pause(self) -> None:
        """Longer after each failure, so that a Discord that is down is not stormed."""
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


def _again(socket: DiscordWebSocket | None, *, resume: bool) -> Json:
    """How to connect after this connection."""
    if socket is None or not resume or socket.session_id is None:
        return {"initial": False}
    return {
        "initial": False,
        "resume": True,
        "session": socket.session_id,
        "sequence": socket.sequence,
        "gateway": socket.gateway,
    }
