"""What people do, and where it arrives: builders for tests."""

from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

from core.site import Egress, Memo, NoEgress, Site, Wire
from core.values import Address, Body, Command, Inbound, Message, Tap

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


def site(
    data_dir: Path,
    name: str = "fake",
    *,
    grace_s: float = 1.0,
    memo: Memo | None = None,
    egress: Egress | None = None,
) -> Site:
    """What a ``Spec``'s ``open`` wants, over a folder of the test's own."""
    return Site(
        name=name,
        data_dir=data_dir,
        memo=memo or FakeMemo(),
        control=_deaf,
        egress=egress or NoEgress(),
        grace_s=grace_s,
    )


def _deaf(command: str, answer: Callable[[Wire], Awaitable[None]]) -> None:
    del command, answer


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
