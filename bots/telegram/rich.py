"""The plain words of a rich message, a kind that the library does not know yet.

See https://core.telegram.org/bots/api#richmessage.
People reply to and forward rich messages, ours too; then their words come as nested blocks.
"""

from collections.abc import Iterator
from typing import Any, Final

_WORDS: Final = ("text", "expression", "alternative_text", "summary")
_INSIDE: Final = ("blocks", "items", "cells", "caption", "credit")
_DEEPEST = 40


def plain_rich(rich: object) -> str:
    """Collect the words of all blocks, one line a block; what is not understood is left out."""
    return "\n".join(line for line in _lines(rich, 0) if line.strip())


def _lines(node: object, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(node, list):
        if node and all(isinstance(cell, dict) and "blocks" not in cell and "type" not in cell for cell in node):
            yield " | ".join(_inline(cell, depth + 1) for cell in node)
            return
        for inner in node:
            yield from _lines(inner, depth + 1)
    elif isinstance(node, dict):
        yield _inline(node, depth)
        for key in _INSIDE:
            yield from _lines(node.get(key), depth + 1)


def _inline(node: Any, depth: int) -> str:  # noqa: ANN401 - JSON
    """Flatten a RichText: a string, a list of them, or an object around one."""
    if depth > _DEEPEST:
        return ""
    if isinstance(node, str):
        return node
    if isinstance(node, list):
        return "".join(_inline(inner, depth + 1) for inner in node)
    if isinstance(node, dict):
        return "".join(_inline(node[key], depth + 1) for key in _WORDS if key in node)
    return ""
