"""A conversation as a page shows it: what each side said, made of what the archive keeps for models.

A page shows a window of it, never all: whole messages between two places of the archive. Which entries make up which
messages, and where a window may be cut, is decided here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, replace
from itertools import repeat
from typing import Final

from core.context.sources import Sources
from core.exchange import Entry, Part
from core.site import Excerpt
from core.values import Media, value

_NOWHERE: Final = repeat("")
"""The place of every entry that came without."""


@value
class Line:
    """One message of a conversation.

    Attributes:
        mine: The person said it; else the assistant, in Markdown.
        tools: What the assistant used on the way, by name.
        place: Where it begins in the archive; ``end`` is where it ends, which is the same for a message of one entry.
    """

    mine: bool
    text: str
    media: tuple[Media, ...] = ()
    tools: tuple[str, ...] = ()
    place: str = field(default="", compare=False)
    end: str = field(default="", compare=False)

    @property
    def key(self) -> tuple[bool, str, tuple[str, ...]]:
        """The same for the same message, however its blanks and marks were kept."""
        return self.mine, letters(self.text), tuple(media.ref for media in self.media)


def letters(text: str) -> str:
    """The letters and digits of a text, all small."""
    return "".join(filter(str.isalnum, text)).casefold()


@value
class MessageWindow:
    """Messages that follow one another.

    Attributes:
        after: The place after which it begins, "" for the beginning of the conversation.
        ends: Whether nothing follows in the archive.
    """

    lines: tuple[Line, ...] = ()
    after: str = ""
    ends: bool = True

    @property
    def begins(self) -> bool:
        """Whether nothing stands before it."""
        return not self.after

    @property
    def end(self) -> str:
        """The place at which it ends."""
        return self.lines[-1].end if self.lines else self.after


def window(excerpt: Excerpt, after: str | None = None) -> MessageWindow:
    """The whole messages of an excerpt; what of a longer answer or question it holds in part is left out.

    Args:
        after: The place that it was read from, None where it was read up to one.
    """
    entries, places = excerpt.entries, excerpt.places
    first, last = 0, len(entries)
    if after is None and not excerpt.begins:
        first = next((at for at, entry in enumerate(entries) if _asks(entry)), 0)
    if after is not None and not excerpt.ends:
        last = next((at for at in range(last - 1, 0, -1) if _asks(entries[at])), last)
    began = after or (places[first - 1] if first else "" if excerpt.begins else _just_before(places[:1]))
    return MessageWindow(
        lines=tuple(lines(entries[first:last], places[first:last])),
        after=began,
        ends=excerpt.ends and last == len(entries),
    )


def _asks(entry: Entry) -> bool:
    """Whether a person says something in it: a message begins there, and none goes on."""
    return entry.role == "user" and any(True for _ in _said(entry.parts))


def _just_before(places: Sequence[str]) -> str:
    """A place right before the first of these: one answer may be longer than a window."""
    return f"{places[0][:-1]}{chr(ord(places[0][-1]) - 1)}~" if places else ""


def lines(entries: Iterable[Entry], places: Iterable[str] = _NOWHERE) -> list[Line]:
    """The messages of a conversation, oldest first. The steps of one answer are one message."""
    found: list[Line] = []
    answer: list[tuple[Sequence[Part], str]] = []
    end = ""
    for entry, place in zip(entries, places, strict=False):
        said = list(_said(entry.parts)) if entry.role == "user" else []
        if entry.role == "assistant":
            answer.append((entry.parts, place))
        elif said:
            found += [_answered(answer, end), *(replace(line, place=place, end=place) for line in said)]
            answer = []
        end = place
    found.append(_answered(answer, end))
    return [line for line in found if line.text or line.media or line.tools]


def _said(parts: Sequence[Part]) -> Iterator[Line]:
    """What a person said at one time: each text with the files that came with it. Results of tools are not shown."""
    line: Line | None = None
    for part in parts:
        if part.kind == "text":
            if line is not None:
                yield line
            line = Line(mine=True, text=part.body)
        elif part.kind == "media" and part.media is not None:
            line = line or Line(mine=True, text="")
            line = replace(line, media=(*line.media, part.media))
    if line is not None:
        yield line


def _answered(answer: Sequence[tuple[Sequence[Part], str]], end: str) -> Line:
    """One answer of several steps, which ends with what its last tool returned."""
    sources = Sources()
    steps = [step for step, _ in answer]
    said = [*filter(None, map(sources.marked, steps)), *filter(None, [sources.listed()])]
    parts = [part for step in steps for part in step]
    return Line(
        mine=False,
        text="\n\n".join(said),
        media=tuple(part.media for part in parts if part.kind == "media" and part.media is not None),
        tools=tuple(dict.fromkeys(part.name for part in parts if part.kind == "call")),
        place=answer[0][1] if answer else "",
        end=end,
    )
