"""What people do, and where it arrives: builders for tests."""

import importlib
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TypeVar, cast

from core.context.conversation import NewConversations
from core.exchange import Model
from core.limited.tasks import Limited, Task
from core.plugin import PluginSite, ToolContext
from core.site import AnsweringModel, BotSite, Egress, Memo, NoEgress, ProviderSite
from core.values import Address, Body, Command, Inbound, Message, Put, Tap

A = TypeVar("A")
R = TypeVar("R")

MORNING = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
"""When nothing else is said: a Tuesday."""

_numbers = count(1)


class FakeMemo:
    """What an implementation wants to find again, in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def get(self, name: str) -> str:
        """See ``Memo``."""
        return self.kept.get(name, "")

    async def keep(self, name: str, text: str) -> None:
        """See ``Memo``."""
        self.kept[name] = text


class UnlimitedTasks:
    """A ``Limited`` that runs tasks at once, in this process: for tests of what tasks do."""

    async def run(self, task: Task[A, R], argument: A) -> R:
        """See ``Limited``."""
        module, _, function = task.function.partition(":")
        return cast("R", getattr(importlib.import_module(module), function)(argument))


def bot_site(data_dir: Path, name: str = "fake", *, memo: Memo | None = None) -> BotSite:
    """What an adapter's ``open`` wants, over a folder of the test's own."""
    return BotSite(name=name, data_dir=data_dir, memo=memo or FakeMemo())


def provider_site(name: str = "fake", *, memo: Memo | None = None) -> ProviderSite:
    """What a provider's ``open`` wants."""
    return ProviderSite(name=name, memo=memo or FakeMemo())


class FakeModelChoice:
    """See ``ModelChoice``: some models of one provider, and what was chosen by context."""

    def __init__(self, *models: Model) -> None:
        self.models = models or (Model(id="small"), Model(id="large"))
        self.chosen: dict[str, str] = {}

    async def offered(self) -> dict[str, tuple[Model, ...] | str]:
        """See ``ModelChoice``."""
        return {"fake": self.models}

    async def preferred(self, context: str) -> str:
        """See ``ModelChoice``."""
        return self.chosen.get(context, "")

    async def answering(self, preferred: str = "") -> AnsweringModel | None:
        """See ``ModelChoice``."""
        wanted = preferred.partition("/")[2]
        model = next((one for one in self.models if one.id == wanted), self.models[0])
        return AnsweringModel(name=f"fake/{model.id}", model=model, chosen=bool(preferred))

    def prefer(self, caller: ToolContext, model: str) -> Put:
        """See ``ModelChoice``."""
        self.chosen[caller.context] = model
        return Put(table="wishes", row=caller.context, scope=caller.space, body=model.encode() or None)


def plugin_site(
    data_dir: Path,
    name: str = "fake",
    *,
    memo: Memo | None = None,
    egress: Egress | None = None,
    limited: Limited | None = None,
) -> PluginSite:
    """What a plugin's ``open`` wants, over a folder of the test's own."""
    return PluginSite(
        name=name,
        data_dir=data_dir,
        memo=memo or FakeMemo(),
        egress=egress or NoEgress(),
        limited=limited or UnlimitedTasks(),
        models=FakeModelChoice(),
        conversations=NewConversations(),
    )


def tool_context(person: str = "ann", *, now: datetime = MORNING, egress: Egress | None = None) -> ToolContext:
    """Whom a plugin works for: a person in a private chat, unless ``dataclasses.replace`` says otherwise."""
    return ToolContext(
        person=person,
        scope=person,
        space=person,
        context=f"context-{person}",
        event=next(_numbers),
        to=Address(adapter="fake", chat="1"),
        now=now,
        egress=egress or NoEgress(),
    )


def message(text: str, *, chat: str = "1", key: str = "", sender: str = "ann", private: bool = True) -> Inbound:
    """Somebody says something; without a key it is a new event."""
    number = next(_numbers)
    return inbound(Message(id=str(number), text=text), chat=chat, key=key, sender=sender, private=private)


def command(name: str, args: str = "", *, chat: str = "1", key: str = "", sender: str = "ann") -> Inbound:
    """Somebody gives a command."""
    return inbound(Command(name=name, args=args), chat=chat, key=key, sender=sender)


def tap(token: str, *, chat: str = "1", key: str = "", sender: str = "ann") -> Inbound:
    """Somebody presses a button."""
    return inbound(Tap(token=token), chat=chat, key=key, sender=sender)


def inbound(body: Body, *, chat: str = "1", key: str = "", sender: str = "ann", private: bool = True) -> Inbound:
    """Any event, of the adapter called ``fake``."""
    to = Address(adapter="fake", chat=chat, private=private)
    return Inbound(key=key or f"event {next(_numbers)}", sender=sender, to=to, body=body)


_: type[Memo] = FakeMemo
_limited: type[Limited] = UnlimitedTasks
