"""What the two ends of a terminal chat say to each other over the control socket, one JSON object a line.

The process's end is ``bots/terminal.py``, the person's ``core/cli/console.py``.
"""

from typing import Annotated, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from core.values import Choice, value

CHAT = "chat"
"""The command that begins it."""


@value
class Hello:
    """The command's arguments: who is there.

    Attributes:
        once: One question and its answer, in a chat of its own; else the chat all terminals share.
    """

    once: bool = False


@value
class Say:
    """What the person typed; a line like ``/stop`` is a command."""

    kind: Literal["say"] = "say"
    text: str


@value
class Pick:
    """The person chose."""

    kind: Literal["pick"] = "pick"
    token: str


@value
class Read:
    """The answer of this number was shown to the person."""

    kind: Literal["read"] = "read"
    number: int


@value
class Taken:
    """What was typed is safe and will be answered, whatever happens."""

    kind: Literal["taken"] = "taken"


@value
class Working:
    """Something is being done."""

    kind: Literal["working"] = "working"
    slot: str


@value
class Draft:
    """The answer so far; may be left out, repeated, or start over."""

    kind: Literal["draft"] = "draft"
    slot: str
    text: str


@value
class Final:
    """What a slot reads now, for good or until it is replaced by another of the same slot.

    Attributes:
        number: What to name in ``Read``; until then it counts as not delivered.
        text: Markdown without control characters. None: what was there is taken back.
        more: The answer goes on in another slot.
    """

    kind: Literal["final"] = "final"
    number: int
    slot: str
    text: str | None
    choices: tuple[Choice, ...] = ()
    failed: bool = False
    more: bool = False


FromPerson = Annotated[Say | Pick | Read, Field(discriminator="kind")]
FromProcess = Annotated[Taken | Working | Draft | Final, Field(discriminator="kind")]

_T = TypeVar("_T")
_hello: TypeAdapter[Hello] = TypeAdapter(Hello)
_from_person: TypeAdapter[Say | Pick | Read] = TypeAdapter(FromPerson)
_from_process: TypeAdapter[Taken | Working | Draft | Final] = TypeAdapter(FromProcess)


def line(said: Hello | Say | Pick | Read | Taken | Working | Draft | Final) -> str:
    """Write one of them down."""
    return TypeAdapter(type(said)).dump_json(said).decode()


def hello(text: str) -> Hello | None:
    """Read the arguments, None where they make no sense."""
    return _read(_hello, text)


def from_person(text: str) -> Say | Pick | Read | None:
    """Read what the person's end says, None where it makes no sense here (it may be newer than we are)."""
    return _read(_from_person, text)


def from_process(text: str) -> Taken | Working | Draft | Final | None:
    """Read what the process's end says, likewise."""
    return _read(_from_process, text)


def _read(adapter: TypeAdapter[_T], text: str) -> _T | None:
    try:
        return adapter.validate_json(text)
    except ValidationError:
        return None
