"""Code in colours: the kinds of its words as CSS classes, which the style sheet colours for light and dark."""

from functools import lru_cache
from html import escape
from typing import Final

from core.text.highlighting import Kind
from core.text.highlighting import highlighted as pieces

_CLASSES: Final[dict[Kind, str]] = {
    "comment": "c",
    "string": "s",
    "number": "m",
    "keyword": "k",
    "name": "nf",
    "attribute": "na",
    "added": "gi",
    "removed": "gd",
}


@lru_cache(maxsize=128)
def highlighted(code: str, language: str) -> str:
    """Code as HTML, in one colour where the language is not known. Lately seen code is remembered."""
    said = ((kind, escape(text, quote=False)) for kind, text in pieces(code, language))
    return "".join(text if kind is None else f'<span class="{_CLASSES[kind]}">{text}</span>' for kind, text in said)
