"""Which addresses a conversation has given, so that fetching one tells nobody anything.

An address that a model makes up can carry whatever the model knows to whoever it belongs to: in its path, its query,
the name of its host. So one counts as given only as it stands: in what its person said, in what strangers wrote (a
page, a search result, a quotation), in a source that a lab told, or in the operator's instructions. One that the model
itself had written before a tool repeated it is the model's. All of this is read out of the conversation as it is kept:
it is the same after a restart, and gone with a new conversation.
"""

import json
import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from core.context.wording import is_of_ours
from core.egress import targets
from core.errors import AddressRefused
from core.exchange import Entry, Part
from core.hosts import WEB_PORTS

_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_RUN = re.compile(r"[^\s<>\"`\x00-\x20]+")
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_BARE = re.compile(
    rf"(?<![\w@.:/-])(?:{_LABEL}\.)+[^\W\d_][\w-]{{1,62}}(?![\w@.-]*@)(?::\d{{1,5}})?(?:[/?][^\s<>\"`]*)?"
)
"""An address without a scheme, as people write it."""
_MARKS = ".,;:!?'\")]}\u00bb\u201d\u2019*_~|\u3002\uff0c\u3001\uff1b\uff1a\uff01\uff1f\uff09\u300d\u300f\u3011"
_MAX_MARKS = 8
_BEYOND_ASCII = re.compile(r"[^\x21-\x7e]")
_BREAKS = re.compile(r"[)\]|]")
_BLANKS = re.compile(r"[\s\u200b-\u200f\u2060\ufeff]+")


class Given:
    """The addresses of one conversation.

    Args:
        entries: The conversation with what is asked now, in order.
        instructions: The operator's.
    """

    def __init__(self, entries: Sequence[Entry] = (), instructions: str = "") -> None:
        self._entries = entries
        self._instructions = instructions

    def holds(self, address: str) -> bool:
        """Whether an address was given.

        Raises:
            AddressRefused: It is nothing that could be fetched.
        """
        wanted = _key(address)
        return any(wanted == key for text in self._texts(wanted) for key in _keys(text, wanted))

    def _texts(self, wanted: str) -> Iterator[str]:
        """What may give it, the latest last."""
        yield self._instructions
        written = False  # by the model, so that whoever repeats it gives nothing
        for entry in self._entries:
            for part in entry.parts:
                if _gives(entry, part) and (part.origin == "person" or not written):
                    yield part.body
                written = written or (entry.role == "assistant" and part.kind != "citation" and _mentions(part, wanted))


def _gives(entry: Entry, part: Part) -> bool:
    if entry.role == "assistant":
        return part.kind == "citation"
    if part.kind not in {"text", "result"} or part.failed:
        return False
    return part.origin == "person" or (part.origin == "outside" and not is_of_ours(part.body))


def _mentions(part: Part, wanted: str) -> bool:
    """Whether a model wrote it, in whatever way: in a call's arguments, or in what it said."""
    return _plain(wanted) in _plain(_read(part.body) if part.kind == "call" else part.body)


def _plain(text: str) -> str:
    return _BLANKS.sub("", unquote(text)).replace("\\/", "/").lower()


def _read(arguments: str) -> str:
    """All text in a call's arguments."""
    try:
        return " ".join(_leaves(json.loads(arguments)))
    except ValueError:
        return arguments


def _leaves(value: object) -> Iterator[str]:
    stack = [value]
    while stack:
        match stack.pop():
            case str() as text:
                yield text
            case dict() as inner:
                stack += [*inner.keys(), *inner.values()]
            case list() as inner:
                stack += inner


def _key(address: str) -> str:
    """What of an address tells somebody something; with ``https`` or not, with ``www`` or not, is no secret.

    Raises:
        AddressRefused: See above.
    """
    target = targets.read(address)
    port = "" if target.port in WEB_PORTS else f":{target.port}"
    return f"{target.host.removeprefix('www.')}{port}{target.url.raw_path_qs}"


def _keys(text: str, wanted: str) -> Iterator[str]:
    """The keys of all addresses in a text that may be the one that is wanted."""
    host = wanted.partition("/")[0].partition(":")[0]
    told = text.replace("\\/", "/")
    low = told.lower()
    if host not in low and "xn--" not in host:
        return
    for found in _written(told):
        if host not in found.lower() and "xn--" not in host:
            continue
        for variant in _variants(found):
            try:
                yield _key(variant if _SCHEME.match(variant) else f"https://{variant}")
            except AddressRefused:
                continue


def _written(text: str) -> Iterator[str]:
    """What looks like an address in a text; one may begin within another."""
    for start in _SCHEME.finditer(text):
        if run := _RUN.match(text, start.start()):
            yield run[0]
    for bare in _BARE.finditer(text):
        yield bare[0]


def _variants(found: str) -> Iterator[str]:
    """Where it may have ended: signs behind it belong to the sentence, or to it."""
    ends = [found]
    if beyond := _BEYOND_ASCII.search(found, len("https://")):
        ends.append(found[: beyond.start()])
    if sign := _BREAKS.search(found):
        ends.append(found[: sign.start()])
    for end in ends:
        yield end
        least = max(0, len(end) - _MAX_MARKS)
        for length in range(len(end) - 1, least - 1, -1):
            if end[length] not in _MARKS:
                break
            yield end[:length]
