"""What the gateway brings, as events: https://discord.com/developers/docs/events/gateway-events .

A key names the event: a message's id; with the time of the edit, an edit; an interaction's id.
"""

import time
from collections import OrderedDict
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import structlog

from bots.discord.content import (
    EPOCH_MS,
    PLAIN,
    REPLY,
    THREAD_STARTER,
    body_of,
    dicts,
    is_to_us,
    name_of,
    part,
    quote_of,
)
from bots.discord.interactions import ASK, COMMAND, COMPONENT, handle
from core.values import Address, Body, Command, Inbound, Message, Quote, Tap

log = structlog.get_logger(__name__)

Json = dict[str, Any]
T = TypeVar("T")

_BOT_DM: Final = 1
_THREADS: Final = 5000


class Intake:
    """Makes events of what the gateway brings.

    Args:
        me: Our own id; what we say ourselves is no event, nor what other bots say.
        channels: Where everything is answered.
    """

    def __init__(self, adapter: str, me: str, channels: Collection[str]) -> None:
        self._adapter = adapter
        self._me = me
        self._channels = frozenset(channels)
        self._parents: OrderedDict[str, str] = OrderedDict()
        self._titles: OrderedDict[str, str] = OrderedDict()
        self._begun_by: OrderedDict[str, Quote] = OrderedDict()
        self._roles: set[str] = set()

    def event(self, kind: str, data: Json) -> Inbound | None:
        """The event of one dispatch, None for what is none of ours."""
        match kind:
            case "MESSAGE_CREATE" if data.get("type") == THREAD_STARTER:
                self._starter(data)
            case "MESSAGE_CREATE":
                return self.message(data)
            case "MESSAGE_UPDATE" if data.get("edited_timestamp"):
                return self.message(data)
            case "INTERACTION_CREATE":
                return self._interaction(data)
            case "THREAD_CREATE" | "THREAD_UPDATE":
                self._thread(data)
            case "THREAD_DELETE":
                for known in (self._parents, self._titles, self._begun_by):
                    known.pop(str(data.get("id")), None)
            case "GUILD_CREATE" | "THREAD_LIST_SYNC":
                self._server(data)
            case "GUILD_DELETE" if not data.get("unavailable"):
                log.warning("the bot was removed from a server: nothing is heard there any more", server=data.get("id"))
        return None

    def message(self, data: Json) -> Inbound | None:
        """The event of a message, new, edited, or found later."""
        author = part(data, "author")
        sender, channel = str(author.get("id") or ""), str(data.get("channel_id") or "")
        ours = data.get("type", PLAIN) in {PLAIN, REPLY} and sender not in {"", self._me}
        if not ours or author.get("bot") or data.get("webhook_id") or not channel:
            return None
        private = not data.get("guild_id")
        addressed = private or channel in self._channels or self._parents.get(channel) in self._channels
        identity = str(data.get("id"))
        body = body_of(
            data,
            self._adapter,
            self._me,
            addressed=addressed or is_to_us(data, self._me, self._roles),
            roles=self._roles,
            title=self._titles.get(channel, "") if identity == channel else "",
            begun_by=self._begun_by.pop(channel, None),
        )
        when = data.get("edited_timestamp")
        key = f"{self._adapter}/{identity}{f'/{when}' if when else ''}"
        to = Address(adapter=self._adapter, chat=channel, private=private)
        return Inbound(
            key=key, sender=sender, to=to, body=body, name=name_of(author), at=_at(identity, str(when or ""))
        )

    def _interaction(self, data: Json) -> Inbound | None:
        user = part(data, "user") or part(part(data, "member"), "user")
        inner = part(data, "data")
        channel = str(data.get("channel_id") or part(data, "channel").get("id") or "")
        if not user.get("id") or not channel:
            return None
        body: Body
        if data.get("type") == COMMAND:
            options = [str(option.get("value", "")) for option in dicts(inner.get("options"))]
            name, words = str(inner.get("name", "")), " ".join(options).strip()
            body = Message(id=str(data.get("id")), text=words) if name == ASK else Command(name=name, args=words)
        elif data.get("type") == COMPONENT:
            values = inner.get("values")
            body = Tap(token=str(values[0] if isinstance(values, list) and values else inner.get("custom_id", "")))
        else:
            return None
        to = Address(
            adapter=self._adapter,
            chat=channel,
            handle=handle(data, time.time()),
            private=not data.get("guild_id") and data.get("context", _BOT_DM) == _BOT_DM,
        )
        key = f"{self._adapter}/interaction/{data.get('id')}"
        return Inbound(key=key, sender=str(user["id"]), to=to, body=body, name=name_of(user))

    def _server(self, data: Json) -> None:
        """Its threads, and the role that Discord made for us there."""
        for thread in dicts(data.get("threads")):
            self._thread(thread)
        for role in dicts(data.get("roles")):
            if part(role, "tags").get("bot_id") == self._me:
                self._roles.add(str(role.get("id")))

    def _thread(self, data: Json) -> None:
        """A thread belongs to a channel: where everything is answered there, it is in the thread."""
        identity = str(data.get("id"))
        if (parent := str(data.get("parent_id"))) in self._channels:
            _remember(self._parents, identity, parent)
        if name := str(data.get("name") or ""):
            _remember(self._titles, identity, name)

    def _starter(self, data: Json) -> None:
        """What a thread was begun about stands outside of it: it is told with the first that is said inside."""
        if about := part(data, "referenced_message"):
            _remember(self._begun_by, str(data.get("channel_id")), quote_of(about, self._me))


def _at(identity: str, edited: str) -> datetime | None:
    """When a message was written, which its id tells (https://discord.com/developers/docs/reference#snowflakes)."""
    try:
        if edited:
            at = datetime.fromisoformat(edited)
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        return datetime.fromtimestamp(((int(identity) >> 22) + EPOCH_MS) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _remember(known: "OrderedDict[str, T]", identity: str, what: T) -> None:
    """So many of the newest."""
    known[identity] = what
    known.move_to_end(identity)
    while len(known) > _THREADS:
        known.popitem(last=False)
