"""Making a question itself shorter, where no model holds it: its beginning and its end stay, its files become words.

The model is told what was left out, and ``Cut`` says what a person is to be told.
"""

from collections.abc import Sequence
from dataclasses import replace

from core.exchange import Entry, Part
from core.files import called
from core.values import Media, value

_LEAST_BYTES = 200  # of a text; less than this says nothing any more
_LAST = 3  # a third of what is kept is the end, where people often say what they want
_LEFT_OUT = "[{chars} characters are left out here: the whole is more than can be read at once]"
_FILE = "[{kind}: {name}; left out, since it is more than can be read at once]"


@value
class Cut:
    """A question that was made shorter.

    Attributes:
        middle: Whether words are left out.
        files: How many files are.
    """

    entries: tuple[Entry, ...]
    middle: bool = False
    files: int = 0


def shortened(question: Sequence[Entry], room: int, *, files: bool) -> Cut:
    """A question in about so many bytes.

    Args:
        room: What its words may take; a little of each is kept also where there is none.
        files: Whether files may stay.
    """
    media = 0 if files else sum(part.media is not None for entry in question for part in entry.parts)
    share = _share([_length(part) for entry in question for part in entry.parts if part.kind == "text"], room)
    entries = tuple(
        replace(entry, parts=tuple(_short(part, share, files=files) for part in entry.parts)) for entry in question
    )
    words = [part for entry in question for part in entry.parts if part.kind == "text" and _length(part) > share]
    return Cut(entries=entries, middle=bool(words), files=media)


def _share(lengths: Sequence[int], room: int) -> int:
    """What each text may take: the short ones leave the long ones what they do not need."""
    left, long = room, len(lengths)
    for length in sorted(lengths):
        if length > left // long:
            return max(_LEAST_BYTES, left // long)
        left, long = left - length, long - 1
    return max([_LEAST_BYTES, *lengths])


def _short(part: Part, share: int, *, files: bool) -> Part:
    if part.media is not None and not files:
        return Part(kind="text", body=_told(part.media))
    if part.kind != "text" or _length(part) <= share:
        return part
    encoded = part.body.encode("utf-8", "replace")
    last = share // _LAST
    begin = encoded[: share - last].decode("utf-8", "ignore")
    end = encoded[len(encoded) - last :].decode("utf-8", "ignore")
    if part.origin == "outside":
        end = f"> {end.removeprefix('> ')}"  # cut within a line, which is still a stranger's
    note = _LEFT_OUT.format(chars=len(part.body) - len(begin) - len(end))
    return replace(part, body=f"{begin}\n\n{note}\n\n{end}")


def _told(media: Media) -> str:
    return _FILE.format(kind=media.kind, name=called(media))


def _length(part: Part) -> int:
    return len(part.body.encode("utf-8", "replace"))
