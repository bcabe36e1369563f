"""What can be changed about a request that a provider refused: what it is of, and the request without that.

A cure of a *request* leaves something out of it, or says it in another way, whatever the protocol: files and tools
here, what was said in ``simpler.py``. A cure of a *body* changes how it is worded (``rewording.py``). What is left out
of a conversation is told the model in words. When a cure is tried is the affair of ``quirks.py``; how long it is
remembered, that of ``repairs.py``.
"""

import base64
import re
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypeVar

from core.context.telling import in_words
from core.exchange import Entry, LeftOut, LeftOutKind, Part, Request
from core.models.needs import is_image, is_pdf
from core.values import Media, value
from providers.attachments import Shown, attachment
from providers.words import JSON

Way = tuple[Hashable, ...]
"""What to leave out together: what it is depends on the cure."""

T = TypeVar("T")

_ALL: tuple[Way, ...] = (("",),)
UNREAD = "the provider could not read it"
_FILES_ALONE, _TOOLS_ALONE = 3, 5  # suspects that are left out one after the other, before all of them are


def _anything(refused: "Refused") -> Iterable[Way]:
    del refused
    return _ALL


def _as_it_is(of: T, found: Way) -> T:
    del found
    return of


def whatever(change: Callable[[Request], Request]) -> Callable[[Request, Way], Request]:
    """A change that is the same whatever was found."""

    def mend(request: Request, found: Way) -> Request:
        del found
        return change(request)

    return mend


def where(holds: Callable[["Refused"], object]) -> Callable[["Refused"], Iterable[Way]]:
    """Something to try only where there is something of the kind."""
    return lambda refused: _ALL if holds(refused) else ()


@value
class Refused:
    """A request that was refused.

    Attributes:
        words: What the provider said.
        asked: What there was to ask; ``request`` as it was asked, ``body`` in the words of the protocol.
        files: How each file was shown.
        accepted: Files that this model has taken before: they are not to blame.
    """

    words: str
    asked: Request
    request: Request
    body: JSON
    files: Mapping[Media, Shown]
    accepted: Container[Hashable] = frozenset()


@value
class Cure:
    """One way to change a request.

    Attributes:
        name: For the log, and for what is remembered.
        find: What the complaint may be of, the likeliest first; each is tried alone.
        mend: The request without all of that.
        reword: The body without all of that.
        told: What a person is told is left out; "" where nothing is lost.
    """

    name: str
    find: Callable[[Refused], Iterable[Way]] = _anything
    mend: Callable[[Request, Way], Request] = _as_it_is
    reword: Callable[[JSON, Way], JSON] = _as_it_is
    told: LeftOutKind | Literal[""] = ""

    def left_out(self, found: Way) -> LeftOut | None:
        """What a person is told."""
        if not self.told:
            return None
        names = (one.name if isinstance(one, Media) else one for one in found)
        files = any(isinstance(one, Media) for one in found)
        return LeftOut(what=self.told, names=tuple(name for name in names if isinstance(name, str) and (name or files)))


# ---------------------------------------------------------------------------------------------------------------------
# Files


def _files(refused: Refused, kind: Literal["image", "document"] | None = None) -> list[Media]:
    """The files that were shown, in the order of the conversation."""
    sent = dict.fromkeys(part.media for entry in refused.request.entries for part in entry.parts if part.media)
    shown = [(media, refused.files.get(media)) for media in sent]
    return [
        media for media, file in shown if file is not None and file.kind in ({kind} if kind else {"image", "document"})
    ]


def _suspects(kind: Literal["image", "document"] | None = None) -> Callable[[Refused], Iterable[Way]]:
    """Which file a complaint is of: the one it names, else one of those that were not taken before."""

    def find(refused: Refused) -> Iterator[Way]:
        shown = _files(refused, kind)
        named = [media for media in _named(refused) if media in shown]
        if named:
            yield tuple(named)
        unknown = [media for media in shown if media not in refused.accepted] or shown
        if len(unknown) <= _FILES_ALONE:
            yield from ((media,) for media in reversed(unknown))
        if unknown:
            yield tuple(unknown)

    return find


def _largest(refused: Refused) -> Iterator[Way]:
    shown = _files(refused)
    if named := [media for media in _named(refused) if media in shown]:
        yield tuple(named)
    if shown:
        yield (max(shown, key=lambda media: len(refused.files[media].data)),)
        yield tuple(shown)


_PLACE = re.compile(r"\b(?:messages|input|contents)\b((?:[\w.\[\]'\"()]|, )*)")
_NUMBER = re.compile(r"(?<![A-Za-z_\d])\d+(?![A-Za-z_\d])")


def _named(refused: Refused) -> list[Media]:
    """The files at the places that a complaint names: ``messages.3.content.1``, ``input[2].content[0]``."""
    places = [tuple(map(int, _NUMBER.findall(place))) for place in _PLACE.findall(refused.words)]
    data = {base64.b64encode(refused.files[media].data).decode(): media for media in _files(refused)}
    found = [
        media
        for path, media in _placed(refused.body, data, ())
        if any(place and path[: len(place)] == place[: len(path)] for place in places)
    ]
    return list(dict.fromkeys(found))


def _placed(of: object, data: Mapping[str, Media], path: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Media]]:
    """The files in a body, each with the numbers that lead to it."""
    if isinstance(of, dict):
        for one in of.values():
            yield from _placed(one, data, path)
    elif isinstance(of, list):
        for place, one in enumerate(of):
            yield from _placed(one, data, (*path, place))
    elif isinstance(of, str) and (media := data.get(of.rpartition(",")[2])):
        yield path, media


def without(entries: Iterable[Entry], is_out: Callable[[Media], bool], why: str) -> tuple[Entry, ...]:
    """The entries with words in place of some files."""

    def told(part: Part) -> Part:
        out = part.media is not None and is_out(part.media)
        return Part(kind="text", body=attachment(part.media, why)) if out else part

    return tuple(replace(entry, parts=tuple(map(told, entry.parts))) for entry in entries)


def _fewer(request: Request, found: Way) -> Request:
    most = min(number for number in found if isinstance(number, int))
    images = [part.media for entry in request.entries for part in entry.parts if part.media and is_image(part.media)]
    kept = set(list(dict.fromkeys(reversed(images)))[:most])
    why = f"only the newest {most} can be shown to you"
    return replace(request, entries=without(request.entries, lambda media: is_image(media) and media not in kept, why))


def numbers(words: str) -> list[int]:
    """The whole numbers in a complaint."""
    return [int(number.replace(",", "")) for number in re.findall(r"(?<![\w.])\d[\d,]*(?![\w.]\w)", words)]


def _how_many(refused: Refused) -> Iterator[Way]:
    count = len(_files(refused, "image"))
    yield from ((number,) for number in sorted({n for n in numbers(refused.words) if 0 < n < count}, reverse=True)[:2])
    if count > 1:
        yield (1,)


def _unread(request: Request, found: Way) -> Request:
    return replace(request, entries=without(request.entries, found.__contains__, UNREAD))


def _unseen(of: Callable[[Media], bool], why: str) -> Callable[[Request, Way], Request]:
    """All files of a kind in words."""
    return whatever(lambda request: replace(request, entries=without(request.entries, of, why)))


FILES = Cure(name="files", find=_suspects(), mend=_unread, told="files")
IMAGE_FILES = replace(FILES, find=_suspects("image"))
DOCUMENT_FILES = replace(FILES, find=_suspects("document"))
LARGE_FILES = replace(FILES, find=_largest)
FEWER_IMAGES = Cure(name="fewer images", find=_how_many, mend=_fewer, told="more images")
NO_IMAGES = Cure(
    name="no images",
    find=where(lambda refused: _files(refused, "image")),
    mend=_unseen(is_image, "you cannot be shown images"),
    told="images",
)
NO_DOCUMENTS = Cure(
    name="no documents",
    find=where(lambda refused: _files(refused, "document")),
    mend=_unseen(is_pdf, "you cannot be shown documents of this kind"),
    told="documents",
)


# ---------------------------------------------------------------------------------------------------------------------
# Tools


def _tools(refused: Refused) -> Iterator[Way]:
    """Which tool a complaint is of: the one it names; else the one with the longest schema, the next one, all."""
    names = [tool.name for tool in refused.request.tools]
    if named := _named_tools(refused, names):
        yield named
    if fewer := [n for n in numbers(refused.words) if 0 < n < len(names)] if "array" in refused.words else []:
        yield tuple(names[max(fewer) :])
    longest = sorted(refused.request.tools, key=lambda tool: len(tool.parameters), reverse=True)
    yield from ((tool.name,) for tool in longest[: _TOOLS_ALONE if len(longest) > 1 else 0])
    if names:
        yield tuple(names)


_TOOL_PLACE = re.compile(r"(?:function_?declarations|tools|functions)\W{1,3}(\d+)", re.IGNORECASE)


def _named_tools(refused: Refused, names: Sequence[str]) -> Way:
    quoted = [name for name in names if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", refused.words)]
    if quoted:
        return tuple(quoted)
    places = [int(place) for place in _TOOL_PLACE.findall(refused.words)]
    return (names[places[-1]],) if places and places[-1] < len(names) else ()


ONE_TOOL = Cure(
    name="tool",
    find=_tools,
    mend=lambda request, found: replace(request, tools=tuple(one for one in request.tools if one.name not in found)),
    told="tools",
)
NO_TOOLS = Cure(
    name="no tools",
    find=where(lambda refused: refused.request.tools),
    mend=whatever(lambda request: replace(request, tools=(), entries=calls_told(request.entries))),
    told="tools",
)
NO_SEARCH = Cure(
    name="no search",
    find=where(lambda refused: refused.request.search),
    mend=whatever(lambda request: replace(request, search=False)),
    told="search",
)
NO_EFFORT = Cure(
    name="no effort",
    find=where(lambda refused: refused.request.effort),
    mend=whatever(lambda request: replace(request, effort="")),
)


def calls_told(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The entries with calls and results in words."""
    calls = any(part.kind in {"call", "result"} for entry in entries for part in entry.parts)
    return in_words(entries) if calls else tuple(entries)
