"""The simulated REST API, and the servers and people behind it."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiohttp import BodyPartReader, web

from simulators.discord.gateway import Gateway
from simulators.discord.judge import Judge
from simulators.discord.world import Channel, Json, Person, Said, snowflake

TOKEN = "MTE.test.token"
APPLICATION = "900000000000000001"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What becomes of the next message to be sent or changed.

    Attributes:
        after: It is done first, and then the line is cut.
    """

    status: int = 400
    code: int = 0
    retry_after_s: float = 0.0
    everywhere: bool = False
    cut: bool = False
    after: bool = False


@dataclass(eq=False)
class Interaction:
    """A slash command or a pressed button, and what became of it."""

    id: str
    token: str
    kind: int
    channel: Channel
    answered: int = 0
    original: str = ""
    expired: bool = False


class DiscordSimulator:
    """Discord, with one bot.

    Attributes:
        unreadable: What becomes of the next requests for a channel's messages.
        prompt: Cleared, acknowledgements of interactions wait at Discord's door.
    """

    def __init__(self) -> None:
        self.me = Person("Waystation", bot=True)
        self.role = snowflake()
        self.gateway = Gateway(TOKEN, self._ready, self._guilds)
        self.channels: dict[str, Channel] = {}
        self.interactions: dict[str, Interaction] = {}
        self.commands: list[Json] = []
        self.published = 0
        self.calls: list[str] = []
        self._violations: list[str] = []
        self._faults: deque[Fault] = deque()
        self.unreadable: deque[Fault] = deque()
        self.prompt = asyncio.Event()
        self.prompt.set()
        self._files: dict[str, bytes] = {}
        self._judge = Judge()
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 << 20, middlewares=[self._let_in])
        add = app.router.add_route
        add("GET", "/gateway/", self.gateway.handle)
        add("GET", "/api/v10/users/@me", self._myself)
        add("GET", "/api/v10/applications/@me", self._application)
        add("PUT", f"/api/v10/applications/{APPLICATION}/commands", self._publish)
        add("GET", "/api/v10/channels/{channel}/messages", self._list)
        add("GET", "/api/v10/channels/{channel}/messages/{message}", self._one)
        add("POST", "/api/v10/channels/{channel}/messages", self._create)
        add("PATCH", "/api/v10/channels/{channel}/messages/{message}", self._change)
        add("DELETE", "/api/v10/channels/{channel}/messages/{message}", self._delete)
        add("POST", "/api/v10/channels/{channel}/typing", self._type)
        add("POST", "/api/v10/interactions/{id}/{token}/callback", self._callback)
        add("POST", f"/api/v10/webhooks/{APPLICATION}/{{token}}", self._follow)
        add("PATCH", f"/api/v10/webhooks/{APPLICATION}/{{token}}/messages/{{message}}", self._change)
        add("DELETE", f"/api/v10/webhooks/{APPLICATION}/{{token}}/messages/{{message}}", self._delete)
        add("GET", "/files/{file}", self._download)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = int(self._runner.addresses[0][1])
        self.gateway.address = f"ws://127.0.0.1:{self._port}/gateway/"
        self.gateway.elsewhere = f"ws://127.0.0.1:{self._port}/elsewhere/"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.gateway.drop()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def base(self) -> str:
        """Where the REST API is."""
        return f"http://127.0.0.1:{self._port}/api/v10"

    @property
    def violations(self) -> list[str]:
        """What is not allowed and was done all the same."""
        return [*self._violations, *self.gateway.violations]

    # -- servers and people

    def person(self, name: str = "Ann") -> Person:
        """Somebody new."""
        return Person(name)

    def dm(self) -> Channel:
        """A direct chat with the bot."""
        return self._channel()

    def channel(self, guild: str = "", parent: str = "", title: str = "") -> Channel:
        """A channel of a server, or a thread of one."""
        made = self._channel(guild or snowflake(), parent, title)
        if parent:
            self.gateway.dispatch("THREAD_CREATE", made.facts)
        return made

    def post(self, who: Person, forum: Channel, title: str, text: str) -> Channel:
        """Somebody begins a post in a forum: its first message has the id of the thread."""
        made = self.channel(forum.guild, forum.id, title)
        said = Said(made.id, who, {"content": text})
        made.messages.append(said)
        self.gateway.dispatch("MESSAGE_CREATE", made.message(said))
        return made

    def keep(self, data: bytes, name: str, mime: str) -> Json:
        """A file as an attachment."""
        identity = snowflake()
        self._files[identity] = data
        url = f"http://127.0.0.1:{self._port}/files/{identity}?ex=1"
        return {"id": identity, "filename": name, "size": len(data), "url": url, "proxy_url": url, "content_type": mime}

    def kept(self, identity: str) -> bytes:
        """A file's bytes."""
        return self._files[identity]

    def next(self, *faults: Fault) -> None:
        """Let this become of the next messages."""
        self._faults.extend(faults)

    def command(
        self, who: Person, channel: Channel, name: str, words: str = "", *, context: int | None = None
    ) -> Interaction:
        """Somebody runs a slash command."""
        options = [{"name": "words", "type": 3, "value": words}] if words else []
        return self._interact(who, channel, 2, {"id": "1", "name": name, "type": 1, "options": options}, context)

    def press(self, who: Person, channel: Channel, label: str) -> Interaction:
        """Somebody presses the newest button, or picks the newest option, of this label."""
        for said in reversed(channel.messages):
            for shown, token in said.buttons:
                if shown == label:
                    return self._interact(who, channel, 3, {"custom_id": token, "component_type": 2}, None)
        raise AssertionError(f"there is no button {label!r}")

    def _interact(self, who: Person, channel: Channel, kind: int, inner: Json, context: int | None) -> Interaction:
        made = Interaction(snowflake(), f"token-{snowflake()}", kind, channel)
        self.interactions[made.token] = made
        where = {"guild_id": channel.guild, "member": {"user": who.user}} if channel.guild else {"user": who.user}
        data: Json = {"id": made.id, "application_id": APPLICATION, "type": kind, "token": made.token, "version": 1}
        data |= {"channel_id": channel.id, "data": inner, "locale": "en-GB", "entitlements": []} | where
        data["context"] = context if context is not None else (0 if channel.guild else 1)
        self.gateway.dispatch("INTERACTION_CREATE", data)
        return made

    def _channel(self, guild: str = "", parent: str = "", title: str = "") -> Channel:
        made = Channel(dispatch=self.gateway.dispatch, me=self.me, guild=guild, parent=parent, title=title)
        self.channels[made.id] = made
        return made

    def _ready(self) -> Json:
        away = [{"id": guild, "unavailable": True} for guild in self._by_guild()]
        return {"user": self.me.user, "guilds": away, "application": {"id": APPLICATION, "flags": 0}}

    def _guilds(self) -> list[Json]:
        told = []
        for guild, channels in self._by_guild().items():
            role = {"id": self.role, "name": self.me.name, "managed": True, "tags": {"bot_id": self.me.id}}
            threads = [channel.facts for channel in channels if channel.parent]
            rest = [channel.facts for channel in channels if not channel.parent]
            told.append({"id": guild, "threads": threads, "channels": rest, "members": [], "roles": [role]})
        return told

    def _by_guild(self) -> dict[str, list[Channel]]:
        found: dict[str, list[Channel]] = {}
        for channel in self.channels.values():
            if channel.guild:
                found.setdefault(channel.guild, []).append(channel)
        return found

    # -- the API

    @web.middleware
    async def _let_in(self, request: web.Request, handler: Any) -> web.StreamResponse:  # noqa: ANN401
        self.calls.append(f"{request.method} {request.path}")
        open_to_all = request.path.startswith(("/files/", "/gateway/"))
        if not open_to_all and request.headers.get("Authorization") != f"Bot {TOKEN}":
            return web.json_response({"message": "401: Unauthorized", "code": 0}, status=401)
        answered: web.StreamResponse = await handler(request)
        return answered

    async def _myself(self, request: web.Request) -> web.Response:
        del request
        return web.json_response(self.me.user)

    async def _application(self, request: web.Request) -> web.Response:
        del request
        return web.json_response({"id": APPLICATION, "name": "Waystation", "description": "", "bot_public": True})

    async def _publish(self, request: web.Request) -> web.Response:
        self.commands = await request.json()
        self.published += 1
        for command in self.commands:
            if not (1 <= len(command["name"]) <= 32 and 1 <= len(command["description"]) <= 100):
                self._violations.append(f"command {command['name']}")
        return web.json_response(self.commands)

    async def _list(self, request: web.Request) -> web.Response:
        channel = self.channels.get(request.match_info["channel"])
        if channel is None or channel.closed:
            return _error(404, 10003, "Unknown Channel")
        if self.unreadable:
            return _struck(request, self.unreadable.popleft())
        after, limit = int(request.query.get("after", 0)), int(request.query.get("limit", 50))
        found = [said for said in channel.messages if int(said.id) > after][:limit]
        shown = [{k: v for k, v in channel.message(said).items() if k != "guild_id"} for said in reversed(found)]
        return web.json_response(shown)

    async def _one(self, request: web.Request) -> web.Response:
        channel = self.channels.get(request.match_info["channel"])
        for said in channel.messages if channel is not None else ():
            if said.id == request.match_info["message"]:
                assert channel is not None
                return web.json_response(channel.message(said))
        return _error(404, 10008, "Unknown Message")

    async def _create(self, request: web.Request) -> web.StreamResponse:
        channel = self.channels.get(request.match_info["channel"])
        if channel is None:
            return _error(404, 10003, "Unknown Channel")
        if channel.closed:
            return _error(403, channel.closed, "Cannot do this here")
        body, files = await _read(request)
        nonce = str(body.get("nonce", ""))
        for said in channel.messages:
            if nonce and body.get("enforce_nonce") and said.nonce == nonce:
                return web.json_response(channel.message(said))
        return await self._say(request, channel, body, files, nonce)

    async def _say(
        self, request: web.Request, channel: Channel, body: Json, files: list[tuple[str, str, bytes]], nonce: str = ""
    ) -> web.StreamResponse:
        if (wrong := self._wrong(body, "create", len(files))) is not None:
            return wrong
        fault = self._faults.popleft() if self._faults else None
        if fault is not None and not fault.after:
            return _struck(request, fault)
        attachments = [self.keep(data, name, mime) for name, mime, data in files]
        said = Said(snowflake(), self.me, {**body, "attachments": attachments}, nonce)
        channel.messages.append(said)
        self.gateway.dispatch("MESSAGE_CREATE", channel.message(said))
        if fault is not None and request.transport is not None:
            request.transport.abort()
        return web.json_response(channel.message(said))

    async def _change(self, request: web.Request) -> web.StreamResponse:
        channel, said = self._find(request)
        if channel is None:
            return _error(404, 10015, "Unknown Webhook")
        body, files = await _read(request)
        if (wrong := self._wrong(body, "edit", len(files))) is not None:
            return wrong
        fault = self._faults.popleft() if self._faults else None
        if fault is not None:
            return _struck(request, fault)
        if said is None:
            return _error(404, 10008, "Unknown Message")
        said.body |= body | {"attachments": [self.keep(data, name, mime) for name, mime, data in files]}
        self.gateway.dispatch("MESSAGE_UPDATE", channel.message(said))
        return web.json_response(channel.message(said))

    async def _delete(self, request: web.Request) -> web.Response:
        channel, said = self._find(request)
        if channel is None or said is None:
            return _error(404, 10008, "Unknown Message")
        channel.messages.remove(said)
        return web.Response(status=204)

    async def _type(self, request: web.Request) -> web.Response:
        channel = self.channels.get(request.match_info["channel"])
        if channel is None or channel.closed:
            return _error(403, 50001, "Missing Access")
        channel.typing += 1
        return web.Response(status=204)

    async def _callback(self, request: web.Request) -> web.Response:
        await self.prompt.wait()
        made = self.interactions.get(request.match_info["token"])
        if made is None or made.expired:
            return _error(404, 10062, "Unknown interaction")
        if made.answered:
            return _error(400, 40060, "Interaction has already been acknowledged.")
        said = await request.json()
        made.answered = int(said["type"])
        if made.answered in {4, 5}:
            content = said["data"]["content"] if made.answered == 4 else "is thinking…"
            unseen = bool(said.get("data", {}).get("flags", 0) & 1 << 6)
            thinking = Said(snowflake(), self.me, {"content": content}, ephemeral=unseen)
            made.original = thinking.id
            made.channel.messages.append(thinking)
        return web.Response(status=204)

    async def _follow(self, request: web.Request) -> web.StreamResponse:
        made = self.interactions.get(request.match_info["token"])
        if made is None or made.expired or not made.answered:
            return _error(404, 10015, "Unknown Webhook")
        body, files = await _read(request)
        return await self._say(request, made.channel, body, files)

    def _find(self, request: web.Request) -> tuple[Channel | None, Said | None]:
        """The message that a path names, in a channel or by an interaction."""
        wanted = request.match_info["message"]
        channel = self.channels.get(request.match_info.get("channel", ""))
        if "token" in request.match_info:
            made = self.interactions.get(request.match_info["token"])
            channel = None if made is None or made.expired else made.channel
            wanted = made.original if made is not None and wanted == "@original" else wanted
        found = [said for said in channel.messages if said.id == wanted] if channel is not None else []
        return channel, found[0] if found else None

    def _wrong(self, body: Json, how: str, files: int) -> web.Response | None:
        wrong = list(self._judge.faults_of(body, how=how, files=files))
        self._violations += wrong
        return _error(400, 50035, wrong[0]) if wrong else None

    async def _download(self, request: web.Request) -> web.Response:
        return web.Response(body=self._files[request.match_info["file"]])


async def _read(request: web.Request) -> tuple[Json, list[tuple[str, str, bytes]]]:
    if not request.content_type.startswith("multipart/"):
        body: Json = await request.json()
        return body, []
    body, files = {}, []
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        data = bytes(await part.read())
        if part.name == "payload_json":
            body = json.loads(data)
        else:
            files.append((part.filename or "", part.headers.get("Content-Type", ""), data))
    return body, files


def _struck(request: web.Request, fault: Fault) -> web.Response:
    if fault.cut and request.transport is not None:
        request.transport.abort()
    if fault.retry_after_s:
        body = {
            "message": "You are being rate limited.",
            "retry_after": fault.retry_after_s,
            "global": fault.everywhere,
        }
        return web.json_response(body, status=429, headers={"Via": "1.1 test"})
    return _error(fault.status, fault.code, "As the test wished")


def _error(status: int, code: int, words: str) -> web.Response:
    return web.json_response({"message": words, "code": code}, status=status)
