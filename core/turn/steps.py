"""What a turn records on its way, so that a run after a crash goes on from there instead of doing things again."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Discriminator

from core.codec import dump, load
from core.exchange import Part
from core.turn.approvals import Pending
from core.turn.results import Produced
from core.values import value


@value
class Spoke:
    """A model's step that asks for tools: recorded before any of them runs.

    Attributes:
        about: What was asked, where a person is asked for leave: another question needs another step. "" elsewhere.
    """

    kind: Literal["spoke"] = "spoke"
    parts: tuple[Part, ...]
    about: str = ""


@value
class Told:
    """What tools without an effect returned for the step before."""

    kind: Literal["told"] = "told"
    parts: tuple[Part, ...]
    produced: Produced = Produced()


@value
class Resumed:
    """A tap was accepted, and can be used no second time."""

    kind: Literal["resumed"] = "resumed"
    pending: Pending
    allowed: bool


@value
class Began:
    """An effect is about to happen. Without its ``Ended``, nobody knows whether it did.

    Attributes:
        place: Which of the calls that were allowed together; ids are the model's, and prove nothing.
    """

    kind: Literal["began"] = "began"
    place: int


@value
class Ended:
    """An effect happened, or failed; ``result`` is what the model is told."""

    kind: Literal["ended"] = "ended"
    place: int
    result: Part
    produced: Produced = Produced()


Step = Annotated[Spoke | Told | Resumed | Began | Ended, Discriminator("kind")]


def pack(step: Step) -> bytes:
    """A step as ``Work.record`` takes it."""
    return dump(Step, step)  # type: ignore[arg-type]


def unpack(steps: Sequence[bytes]) -> tuple[Step, ...]:
    """The steps an earlier run recorded."""
    return tuple(load(Step, step) for step in steps)  # type: ignore[arg-type]


@value
class Taken:
    """A step that a model took, and what came of its calls; nothing where they have not returned."""

    spoke: Spoke
    results: tuple[Part, ...] = ()
    produced: Produced = Produced()


def taken(steps: Sequence[Step]) -> list[Taken]:
    """A model's steps, each with what its tools returned."""
    found: list[Taken] = []
    for step in steps:
        if isinstance(step, Spoke):
            found.append(Taken(spoke=step))
        elif isinstance(step, Told) and found:
            found[-1] = Taken(spoke=found[-1].spoke, results=step.parts, produced=step.produced)
    return found
