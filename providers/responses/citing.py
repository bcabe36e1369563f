"""The sources of OpenAI's answers: where each stands, and what of the words only repeats it.

The lab's models write a link to the page behind what rests on it, mostly in brackets, and the lab says beside the text
where that link stands. Sources are data here, shown in one way whoever the lab is, so the links leave the text.

https://platform.openai.com/docs/guides/tools-web-search#output-and-citations
"""

import re
from collections.abc import Iterator

from core.exchange import Part
from providers.replay import Piece
from providers.stream import number, text
from providers.words import JSON

_LINK = re.compile(r"\[([^\[\]\n]*)\]\(([^()\s]+(?:\([^()\s]*\)[^()\s]*)*)\)")
_BRACKETED = re.compile(rf"[ \u00a0]?\((?:{_LINK.pattern}[,;]?[ ]?)+\)")
_ANY = re.compile(f"{_BRACKETED.pattern}|{_LINK.pattern}")

_Cut = tuple[int, int, str]
"""From where to where, and what stands there instead."""


def cited(part: object, phase: object) -> Iterator[Piece]:
    """A text, cut where a source bears out what stands before; what it is part of is kept with each piece."""
    if not isinstance(part, dict):
        return
    said = text(part, "text") or text(part, "refusal")
    own: JSON | None = {"phase": phase} if isinstance(phase, str) else None
    sources = _citations(part.get("annotations"), len(said))
    if sources and "](" in said:
        said, sources = _unlinked(said, sources)
    at = 0
    for end, told in sorted(sources.items()):
        yield Piece(
            kind="text", part=Part(kind="text", body=said[at:end]), own=own, citations=tuple(dict.fromkeys(told))
        )
        at = end
    if said[at:]:
        yield Piece(kind="text", part=Part(kind="text", body=said[at:]), own=own)


def _citations(annotations: object, length: int) -> dict[int, list[Part]]:
    """Sources by where the text ends that they bear out; those told for no text at all stand at its end."""
    found: dict[int, list[Part]] = {}
    for one in annotations if isinstance(annotations, list) else ():
        if text(one, "type") == "url_citation" and text(one, "url"):
            end = min(number(one, "end_index") or length, length)
            found.setdefault(end, []).append(Part(kind="citation", name=text(one, "title"), body=text(one, "url")))
    found.pop(0, None)
    return found


def _unlinked(said: str, sources: dict[int, list[Part]]) -> tuple[str, dict[int, list[Part]]]:
    """The text without links to its sources, and the sources where they stand in it then."""
    cuts = list(_cuts(said, sources))
    moved: dict[int, list[Part]] = {}
    for end, told in sources.items():
        moved.setdefault(_moved(end, cuts), []).extend(told)
    left, at = "", 0
    for begins, ends, instead in cuts:
        left += said[at:begins] + instead
        at = ends
    left += said[at:]
    if 0 in moved and left:  # nothing stands before them: they bear out what comes
        moved.setdefault(len(left), [])[:0] = moved.pop(0)
    return (left, moved) if left else (said, sources)


def _cuts(said: str, sources: dict[int, list[Part]]) -> Iterator[_Cut]:
    """Links in brackets go; of one that stands by itself the words stay, which may be part of a sentence."""
    addresses = {source.body for told in sources.values() for source in told}
    for found in _ANY.finditer(said):
        links = _LINK.findall(found[0])
        if not addresses.issuperset(address for _, address in links):
            continue
        if found[0].startswith("["):
            if found.end() in sources:
                yield found.start(), found.end(), links[0][0]
        else:
            yield found.start(), found.end(), ""


def _moved(end: int, cuts: list[_Cut]) -> int:
    """Where a place in the text is after the cuts."""
    shift = 0
    for begins, ends, instead in cuts:
        if end <= begins:
            break
        if end <= ends:
            return begins + shift + len(instead)
        shift += len(instead) - (ends - begins)
    return end + shift
