"""What the gateway brings, as events: https://discord.com/developers/docs/events/gateway-events .

A key names the event: a message's id; with the time of the edit, an edit; an interaction's id.
"""

import time
from collections.abc import Collection
from typing import Any, Final

from bots.discord.content import PLAIN, REPLY, body_of, dicts, is_to_us, name_of, part
from bots.discord.interactions import handle
from core.values import Address, Body, Command, Inbound, Tap

Json = dict[str, Any]

COMMAND, COMPONENT = 2, 3
_BOT_DM: Final = 1


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
        self._parents: dict[str, str] = {}

    def event(self, kind: str, data: Json) -> Inbound | None:
        """The event of one dispatch, None for what is none of ours."""
        match kind:
            case "MESSAGE_CREATE":
                return self.message(data)
            case "MESSAGE_UPDATE" if data.get("edited_timestamp"):
                return self.message(data)
            case "INTERACTION_CREATE":
                return self._interaction(data)
            case "THREAD_CREATE":
                self._thread(data)
            case "GUILD_CREATE":
                for thread in dicts(data.get("threads")):
                    self._thread(thread)
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
        body = body_of(data, self._adapter, self._me, addressed=addressed or is_to_us(data, self._me))
        when = data.get("edited_timestamp")
        key = f"{self._adapter}/{data.get('id')}{f'/{when}' if when else ''}"
        to = Address(adapter=self._adapter, chat=channel, private=private)
        return Inbound(key=key, sender=sender, to=to, body=body, name=name_of(author))

    def _interaction(self, data: Json) -> Inbound | None:
        user = part(data, "user") or part(part(data, "member"), "user")
        inner = part(data, "data")
        channel = str(data.get("channel_id") or part(data, "channel").get("id") or "")
        if not user.get("id") or not channel:
            return None
        body: Body
        if data.get("type") == COMMAND:
            options = [str(option.get("value", "")) for option in dicts(inner.get("options"))]
            body = Command(name=str(inner.get("name", "")), args=" ".join(options).strip())
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

    def _thread(self, data: Json) -> None:
        """A thread belongs to a channel: where everything is answered there, it is in the thread."""
        if str(data.get("parent_id")) in self._channels:
            self._parents[str(data.get("id"))] = str(data.get("parent_id"))
