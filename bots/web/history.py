"""A conversation as a page shows it: what each side said, made of what the archive keeps for models."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from core.context.sources import Sources
from core.exchange import Entry, Part
from core.values import Media, value


@value
class Line:
    """One message of a conversation.

    Attributes:
        mine: The person said it; else the assistant, in Markdown.
        tools: What the assistant used on the way, by name.
    """

    mine: bool
    text: str
    media: tuple[Media, ...] = ()
    tools: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[bool, str, tuple[str, ...]]:
        """The same for the same message, however its blanks and marks were kept."""
        return self.mine, letters(self.text), tuple(media.ref for media in self.media)


def letters(text: str) -> str:
    """The letters and digits of a text, all small."""
    return "".join(filter(str.isalnum, text)).casefold()


def lines(entries: Iterable[Entry]) -> list[Line]:
    """The messages of a conversation, oldest first. The steps of one answer are one message."""
    found: list[Line] = []
    answer: list[Sequence[Part]] = []
    for entry in entries:
        said = list(_said(entry.parts)) if entry.role == "user" else []
        if entry.role == "assistant":
            answer.append(entry.parts)
        elif said:
            found += [_answered(answer), *said]
            answer = []
    found.append(_answered(answer))
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


def _answered(steps: Sequence[Sequence[Part]]) -> Line:
    """One answer of several steps."""
    sources = Sources()
    said = [*filter(None, map(sources.marked, steps)), *filter(None, [sources.listed()])]
    parts = [part for step in steps for part in step]
    return Line(
        mine=False,
        text="\n\n".join(said),
        media=tuple(part.media for part in parts if part.kind == "media" and part.media is not None),
        tools=tuple(dict.fromkeys(part.name for part in parts if part.kind == "call")),
    )
