"""A stage: one messenger as the people on it see it, so that the same conversation can be played on each.

A stage stands over a simulator that speaks the platform's wire protocol, and opens our adapter over it as often as a
test wants. It outlives the adapter, as the platform outlives our process. What a platform does not have is said in
``lacks``, with the reason; a conversation that needs it is skipped there, and the reason is shown.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Literal, NoReturn, Protocol

import pytest

from core.seams import Adapter
from core.site import Archive, Fetch
from core.values import MediaKind, value

Who = Literal["ann", "bob"]

Ability = Literal[
    "albums",  # several pictures sent as one
    "contacts",
    "cuts",  # the line can break while we send
    "edits",  # people can change what they said while it is being answered
    "forwards",  # what somebody else said is passed on
    "groups",
    "kept taps",  # a button that was pressed while we died is brought again
    "markup refusals",  # the platform may refuse how a thing is said
    "people",  # more than one person
    "pieces",  # a long text is sent in several messages
    "places",
    "single pictures",  # pictures sent right after each other are known not to be one album
    "strange kinds",  # messages of a kind nobody foresaw
    "voice",
    "waits",  # we can be told to wait
]


@value
class Button:
    """A button: what it says, and what pressing it sends."""

    label: str
    token: str


@value
class Shown:
    """One finished message of ours, as it stands in a chat.

    Attributes:
        text: As it is read; marks that the platform draws (bold, a heading's size) are not in it.
    """

    id: str
    text: str
    buttons: tuple[Button, ...] = ()


@value
class Chat:
    """Where something is said: a person's own chat with us, or a group both people are in."""

    who: Who = "ann"
    group: bool = False


ANN, BOB = Chat(), Chat(who="bob")
ANN_IN_GROUP, BOB_IN_GROUP = Chat(group=True), Chat(who="bob", group=True)


class Stage(Protocol):
    """One messenger, its people, and what it holds against us.

    Attributes:
        name: The adapter's name.
        lacks: What is not to be had there, and why.
        longest: The longest message the platform takes, as ``length`` counts.
        typed: The longest text that people can send in one message.
        doubles: Why a send of which nobody knows whether it arrived may be seen twice, "" where it never is.
        waits_for_all: Whether being told to wait stops everybody, not one chat.
        appends: Whether nothing that was said can be changed: what we would change comes as a message of its own, and
            buttons stay.
        settles_s: How long we wait for the platform to tell what became of such a send, before it is repeated.
    """

    name: str
    lacks: Mapping[Ability, str]
    longest: int
    typed: int
    doubles: str
    waits_for_all: bool
    appends: bool
    settles_s: float

    def length(self, text: str) -> int:
        """How long a text is, in the platform's units."""

    def opened(self, archive: Archive, fetch: Fetch) -> AbstractAsyncContextManager[Adapter]:
        """One life of our adapter over the platform."""

    # -- what people do

    async def say(self, text: str, to: Chat = ANN, *, times: int = 1) -> str:
        """Say something; the platform's id of it. It is delivered to us ``times`` times."""

    async def mention(self, text: str, to: Chat = ANN_IN_GROUP) -> None:
        """Say something in the group that names us."""

    async def send(self, kind: MediaKind, data: bytes, *, name: str = "", caption: str = "") -> None:
        """Send a file."""

    async def album(self, pictures: Sequence[bytes], caption: str) -> None:
        """Send several pictures as one."""

    async def forward(self, text: str, to: Chat = ANN) -> None:
        """Pass on what somebody called Mallory said."""

    async def place(self, latitude: float, longitude: float) -> None:
        """Share a location."""

    async def contact(self, name: str, phone: str) -> None:
        """Share a contact card."""

    async def strange(self) -> None:
        """Send something of a kind nobody foresaw."""

    async def edit(self, message_id: str, text: str) -> None:
        """Change what was said."""

    async def command(self, name: str) -> None:
        """Give a command, as people do it there."""

    async def press(self, shown: Shown, button: Button) -> None:
        """Press a button of a message as it was shown, even if it is not there any more."""

    # -- what they see

    async def shown(self, chat: Chat = ANN) -> tuple[Shown, ...]:
        """What we have said and still stands, oldest first; nothing unfinished."""

    async def files(self) -> tuple[bytes, ...]:
        """The bytes of all files that we have sent to Ann and that still stand, oldest first."""

    # -- what the platform does to us

    def refuse_markup(self) -> None:
        """Take nothing but plain text from now on."""

    def make_wait(self, seconds: int) -> Callable[[], bool]:
        """Tell us to wait at the next message to Ann; whether that was said."""

    def cut(self) -> None:
        """Cut the line at the next message to Ann, after it was taken and before that is answered."""

    def violations(self) -> Sequence[object]:
        """What we did that the platform's published rules do not allow."""


def needs(stage: Stage, *abilities: Ability) -> None:
    """Skip what cannot be played there, and say why."""
    for ability in abilities:
        if reason := stage.lacks.get(ability):
            pytest.skip(f"{stage.name} has no {ability}: {reason}")


def absent(stage: Stage, ability: Ability) -> NoReturn:
    """What a stage does where it is asked for something that it lacks."""
    pytest.fail(f"{stage.name} has no {ability}, and a conversation that needs it should have said so")
