"""What a lab wants back word for word, kept beside what everybody understands, and put together again.

An answer is a row of pieces: texts and calls, which every lab understands, and things of one lab alone (signed
thoughts, encrypted search results), some of them on a text or a call. The row is kept as one opaque part before the
neutral ones. It holds no text and no call itself, so that what the house mended in those (an id, half a character) is
mended here too; where their number does not fit any more, the neutral parts stand alone.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Literal

from core.exchange import Part
from core.values import value
from providers.words import JSON


@value
class Piece:
    """One thing a model said.

    Attributes:
        kind: ``own`` is the lab's alone.
        part: The text or the call; None for what is the lab's alone.
        own: What only the lab knows: the whole of it, or what comes with a text or a call.
        citations: What bears out a text.
    """

    kind: Literal["text", "call", "own"]
    part: Part | None = None
    own: JSON | None = None
    citations: tuple[Part, ...] = ()


def remembered(provider: str, model: str, pieces: Iterable[Piece]) -> tuple[Part, ...]:
    """An answer as parts: neutral ones, behind an opaque one where the lab wants something back."""
    row = list(pieces)
    parts = [part for piece in row if piece.part is not None for part in (piece.part, *piece.citations)]
    if all(piece.own is None for piece in row):
        return tuple(parts)
    items = [{"kind": piece.kind} | ({} if piece.own is None else {"own": piece.own}) for piece in row]
    body = json.dumps({"model": model, "items": items}, ensure_ascii=False, separators=(",", ":"))
    return (Part(kind="opaque", name=provider, body=body), *parts)


def recalled(provider: str, model: str, parts: Iterable[Part]) -> Iterator[Piece]:
    """The pieces of what a model has said, with what this provider's model wants back, where it still fits."""
    opaque: Part | None = None
    behind: list[Part] = []
    for part in parts:
        if part.kind == "opaque" and part.name == provider:
            yield from _segment(opaque, model, behind)
            opaque, behind = part, []
        elif part.kind in {"text", "call"}:
            behind.append(part)
    yield from _segment(opaque, model, behind)


def _segment(opaque: Part | None, model: str, parts: list[Part]) -> Iterator[Piece]:
    items = _items(opaque, model)
    if [item["kind"] for item in items if item["kind"] != "own"] != [part.kind for part in parts]:
        items = [{"kind": part.kind} for part in parts]
    neutral = iter(parts)
    for item in items:
        own, kind = item.get("own"), item["kind"]
        mine = own if isinstance(own, dict) else None
        if kind == "own":
            yield Piece(kind="own", own=mine)
        elif kind == "call":
            yield Piece(kind="call", part=next(neutral), own=mine)
        else:
            yield Piece(kind="text", part=next(neutral), own=mine)


def _items(opaque: Part | None, model: str) -> list[JSON]:
    if opaque is None:
        return []
    try:
        kept = json.loads(opaque.body)
    except ValueError:
        return []
    items = kept.get("items") if isinstance(kept, dict) and kept.get("model") == model else None
    return [item for item in items if isinstance(item, dict) and "kind" in item] if isinstance(items, list) else []
