"""What can be changed about a request that a provider refused: what it is of, and the request without that.

A cure of a *request* leaves something out of it, or says it in another way, whatever the protocol. A cure of a *body*
changes how it is worded. What is left out of a conversation is told the model in words. When a cure is tried is the
affair of ``quirks.py``; how long it is remembered, that of ``repairs.py``.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Collection, Container, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypeVar

from core.context.telling import in_words
from core.exchange import Entry, LeftOut, LeftOutKind, Part, Request
from core.models.needs import is_image, is_pdf
from core.values import Media, value
from providers.attachments import Shown, attachment
from providers.words import GO_ON, JSON

Way = tuple[Hashable, ...]
"""What to leave out together: what it is depends on the cure."""

T = TypeVar("T")

_ALL: tuple[Way, ...] = (("",),)
_UNREAD = "the provider could not read it"
_ONE_BY_ONE = 3  # suspects that are left out alone, one after the other, before all of them are


def _anything(refused: "Refused") -> Iterable[Way]:
    del refused
    return _ALL


def _as_it_is(of: T, found: Way) -> T:
    del found
    return of


def _whatever(change: Callable[[Request], Request]) -> Callable[[Request, Way], Request]:
    """A change that is the same whatever was found."""

    def mend(request: Request, found: Way) -> Request:
        del found
        return change(request)

    return mend


def _where(holds: Callable[["Refused"], object]) -> Callable[["Refused"], Iterable[Way]]:
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
        if len(unknown) <= _ONE_BY_ONE:
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
    data = {base64.b64encode(file.data).decode(): media for media, file in refused.files.items() if file.data}
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


def _without(entries: Iterable[Entry], is_out: Callable[[Media], bool], why: str) -> tuple[Entry, ...]:
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
    return replace(request, entries=_without(request.entries, lambda media: is_image(media) and media not in kept, why))


def _numbers(words: str) -> list[int]:
    return [int(number.replace(",", "")) for number in re.findall(r"(?<![\w.])\d[\d,]*(?![\w.]\w)", words)]


def _how_many(refused: Refused) -> Iterator[Way]:
    count = len(_files(refused, "image"))
    yield from ((number,) for number in sorted({n for n in _numbers(refused.words) if 0 < n < count}, reverse=True)[:2])
    if count > 1:
        yield (1,)


def _unread(request: Request, found: Way) -> Request:
    return replace(request, entries=_without(request.entries, found.__contains__, _UNREAD))


def _unseen(of: Callable[[Media], bool], why: str) -> Callable[[Request, Way], Request]:
    """All files of a kind in words."""
    return _whatever(lambda request: replace(request, entries=_without(request.entries, of, why)))


FILES = Cure(name="files", find=_suspects(), mend=_unread, told="files")
IMAGE_FILES = replace(FILES, find=_suspects("image"))
DOCUMENT_FILES = replace(FILES, find=_suspects("document"))
LARGE_FILES = replace(FILES, find=_largest)
FEWER_IMAGES = Cure(name="fewer images", find=_how_many, mend=_fewer, told="more images")
NO_IMAGES = Cure(
    name="no images",
    find=_where(lambda refused: _files(refused, "image")),
    mend=_unseen(is_image, "you cannot be shown images"),
    told="images",
)
NO_DOCUMENTS = Cure(
    name="no documents",
    find=_where(lambda refused: _files(refused, "document")),
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
    if fewer := [n for n in _numbers(refused.words) if 0 < n < len(names)] if "array" in refused.words else []:
        yield tuple(names[max(fewer) :])
    longest = sorted(refused.request.tools, key=lambda tool: len(tool.parameters), reverse=True)
    yield from ((tool.name,) for tool in longest[: _ONE_BY_ONE if len(longest) > 1 else 0])
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
    find=_where(lambda refused: refused.request.tools),
    mend=_whatever(lambda request: replace(request, tools=(), entries=_calls_told(request.entries))),
    told="tools",
)
NO_SEARCH = Cure(
    name="no search",
    find=_where(lambda refused: refused.request.search),
    mend=_whatever(lambda request: replace(request, search=False)),
    told="search",
)
NO_EFFORT = Cure(
    name="no effort",
    find=_where(lambda refused: refused.request.effort),
    mend=_whatever(lambda request: replace(request, effort="")),
)


def _calls_told(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    calls = any(part.kind in {"call", "result"} for entry in entries for part in entry.parts)
    return in_words(entries) if calls else tuple(entries)


# ---------------------------------------------------------------------------------------------------------------------
# What was said


@value
class Until:
    """A conversation as far as it was refused; what is said later is not to blame.

    Attributes:
        question: A mark of the last thing a person asked; ``end`` of the last entry.
    """

    question: str
    end: str


def until(entries: Sequence[Entry]) -> Until:
    """All of this."""
    return Until(question=_mark(entries[question(entries)]), end=_mark(entries[-1]))


def _mark(entry: Entry) -> str:
    return hashlib.blake2b(repr(entry).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def question(entries: Sequence[Entry]) -> int:
    """Where the last thing stands that a person asked."""
    for place in reversed(range(len(entries))):
        entry = entries[place]
        if entry.role == "user" and not any(part.kind == "result" for part in entry.parts):
            return place
    return len(entries) - 1


def _so_far(refused: Refused) -> Iterable[Way]:
    return ((until(refused.asked.entries),),) if refused.asked.entries else ()


Simplify = Callable[[Sequence[Entry], int], tuple[Entry, ...]]
"""Some entries, of which one is the question, in a simpler way."""


def _simpler(simplify: Simplify) -> Callable[[Request, Way], Request]:
    """Simplify a conversation as far as it was refused, wherever it has come since."""

    def mend(request: Request, found: Way) -> Request:
        marks = [_mark(entry) for entry in request.entries]
        for one in found:
            if not isinstance(one, Until) or one.question not in marks:
                continue
            asked = marks.index(one.question)
            end = marks.index(one.end) if one.end in marks else asked
            told = simplify(request.entries[: end + 1], asked)
            request = replace(request, entries=(*told, *request.entries[end + 1 :]))
            marks = [_mark(entry) for entry in request.entries]
        return request

    return mend


def _no_own(entries: Sequence[Entry], asked: int) -> tuple[Entry, ...]:
    del asked
    kept = (replace(entry, parts=tuple(part for part in entry.parts if part.kind != "opaque")) for entry in entries)
    return tuple(entry for entry in kept if entry.parts)


def _told_calls(entries: Sequence[Entry], asked: int) -> tuple[Entry, ...]:
    del asked
    return _no_own(_calls_told(entries), 0)


def _no_earlier_files(entries: Sequence[Entry], asked: int) -> tuple[Entry, ...]:
    return (*_without(entries[:asked], _any, "it was sent earlier and is not shown any more"), *entries[asked:])


def _question_alone(entries: Sequence[Entry], asked: int) -> tuple[Entry, ...]:
    """The last question and what was done about it; of several messages that nobody answered, the last."""
    parts = entries[asked].parts
    texts = [place for place, part in enumerate(parts) if part.kind == "text"]
    alone = replace(entries[asked], parts=parts[texts[-1] :] if texts else parts[-1:])
    return (alone, *_told_calls(entries[asked + 1 :], 0))


def _words_alone(entries: Sequence[Entry], asked: int) -> tuple[Entry, ...]:
    return _without(_question_alone(entries, asked), _any, _UNREAD)


def _any(media: Media) -> bool:
    return bool(media)


NO_THOUGHTS = Cure(name="no thoughts", find=_so_far, mend=_simpler(_no_own))
CALLS_IN_WORDS = Cure(name="calls in words", find=_so_far, mend=_simpler(_told_calls))
NO_EARLIER_FILES = Cure(name="no earlier files", find=_so_far, mend=_simpler(_no_earlier_files), told="earlier files")
ONLY_QUESTION = Cure(name="only the question", find=_so_far, mend=_simpler(_question_alone), told="history")
ONLY_WORDS = Cure(name="only the question's words", find=_so_far, mend=_simpler(_words_alone), told="all files")


def _system_asked(request: Request) -> Request:
    if not request.system:
        return request
    lead = Part(kind="text", body=request.system)
    entries = list(request.entries)
    if entries and entries[0].role == "user":
        entries[0] = replace(entries[0], parts=(lead, *entries[0].parts))
    else:
        entries.insert(0, Entry(role="user", parts=(lead,)))
    return replace(request, system="", entries=tuple(entries))


def _asked_on(request: Request) -> Request:
    if not request.entries or request.entries[-1].role == "user":
        return request
    on = Entry(role="user", parts=(Part(kind="text", body=GO_ON),))
    return replace(request, entries=(*request.entries, on))


_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(127, 160), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF])


def _printable(request: Request) -> Request:
    entries = tuple(
        replace(
            entry,
            parts=tuple(
                part if part.kind == "opaque" else replace(part, body=part.body.translate(_CONTROLS))
                for part in entry.parts
            ),
        )
        for entry in request.entries
    )
    return replace(request, system=request.system.translate(_CONTROLS), entries=entries)


SYSTEM_IN_QUESTION = Cure(name="system in question", mend=_whatever(_system_asked))
END_WITH_USER = Cure(name="end with user", mend=_whatever(_asked_on))
PRINTABLE = Cure(name="printable", mend=_whatever(_printable))


# ---------------------------------------------------------------------------------------------------------------------
# How it is worded

_OPTIONAL = (
    "stream_options",
    "reasoning_effort",
    "prompt_cache_key",
    "include",
    "store",
    "output_config",
    "thinking",
    "toolConfig",
)
"""What a request does without."""
_OPTIONAL_WITHIN = (
    "reasoning",
    "strict",
    "cache_control",
    "thinkingConfig",
    "allowed_callers",
    "max_uses",
    "title",
    "detail",
    "phase",
    "citations",
    "extra_content",
    "reasoning_content",
    "reasoning_details",
    "thoughtSignature",
    "is_error",
)
"""What it does without wherever in it it stands."""
_GIVEN = frozenset(
    ["arguments", "input_schema", "parameters", "parametersJsonSchema", "args", "response", "result"]
)  # what is within these is a tool's, or of its calls
_LENGTHS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens")
_LEAST_TOKENS = 16


def _options(refused: Refused) -> Iterator[Way]:
    within = _keys(refused.body)
    for name in (*_OPTIONAL, *_OPTIONAL_WITHIN):
        snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_?", name)
        present = name in (refused.body if name in _OPTIONAL else within)
        if present and re.search(rf"(?<!\w){snake}(?!\w)", refused.words, re.IGNORECASE):
            yield (name,)


def _is_given(of: JSON, name: str) -> bool:
    """Whether what stands under a name is a tool's; a call's ``input`` is, the conversation's is not."""
    return name in _GIVEN or (name == "input" and "name" in of)


def _keys(of: object) -> set[str]:
    if isinstance(of, dict):
        inner = (_keys(one) for name, one in of.items() if not _is_given(of, name))
        return {str(name) for name in of}.union(*inner)
    return set().union(*map(_keys, of)) if isinstance(of, list) else set()


def _stripped(of: object, names: Collection[Hashable]) -> object:
    if isinstance(of, dict):
        kept = {name: one for name, one in of.items() if name not in names}
        return {name: one if _is_given(of, name) else _stripped(one, names) for name, one in kept.items()}
    return [_stripped(one, names) for one in of] if isinstance(of, list) else of


def _less(body: JSON, found: Way) -> JSON:
    made = _stripped(body, [name for name in found if name in _OPTIONAL_WITHIN])
    whole = made if isinstance(made, dict) else body
    return {name: one for name, one in whole.items() if name not in found}


def _renamed_length(body: JSON, found: Way) -> JSON:
    del found
    renamed = {("max_completion_tokens" if name == "max_tokens" else name): one for name, one in body.items()}
    return renamed if "max_tokens" in body else body


def _length(body: JSON) -> int:
    config = body.get("generationConfig")
    given = [of.get(name) for of in (body, config) if isinstance(of, dict) for name in _LENGTHS]
    return next((length for length in given if isinstance(length, int)), 0)


def _shorter(refused: Refused) -> Iterator[Way]:
    asked = _length(refused.body)
    fitting = [number for number in _numbers(refused.words) if _LEAST_TOKENS <= number < asked]
    yield from [(max(fitting),)] if fitting else []
    if asked > _LEAST_TOKENS:
        yield (max(_LEAST_TOKENS, asked // 4),)


def _capped(body: JSON, found: Way) -> JSON:
    most = min(number for number in found if isinstance(number, int))

    def capped(of: JSON) -> JSON:
        return {name: min(one, most) if name in _LENGTHS and isinstance(one, int) else one for name, one in of.items()}

    config = body.get("generationConfig")
    return capped(body) | ({"generationConfig": capped(config)} if isinstance(config, dict) else {})


def reshaped(name: str, reshape: Callable[[list[JSON]], list[JSON]]) -> Cure:
    """A cure of the messages of a chat-completions body."""

    def reword(body: JSON, found: Way) -> JSON:
        del found
        messages = body.get("messages")
        return body | {"messages": reshape(messages)} if isinstance(messages, list) else body

    return Cure(name=name, reword=reword)


def _unstreamed(body: JSON, found: Way) -> JSON:
    del found
    return _less(body, ("stream_options",)) | {"stream": False}


OPTION = Cure(name="option", find=_options, reword=_less)
OTHER_LENGTH = Cure(name="max_completion_tokens", reword=_renamed_length)
SHORTER = Cure(name="shorter answer", find=_shorter, reword=_capped)
UNSTREAMED = Cure(
    name="unstreamed",
    find=_where(lambda refused: refused.body.get("stream")),
    reword=_unstreamed,
)
