"""Code in colours: the kinds of its words as CSS classes, which the style sheet colours for light and dark."""

from functools import lru_cache
from html import escape
from typing import Final

_MOST_CHARS: Final = 50_000
"""Longer code is shown in one colour: nobody reads that much of it here, and colouring takes time."""


@lru_cache(maxsize=128)
def highlighted(code: str, language: str) -> str:
    """Code as HTML, in one colour where the language is not known. Lately seen code is remembered."""
    if not language or len(code) > _MOST_CHARS:
        return escape(code)
    from pygments import highlight  # a tenth of a second, for those who see code
    from pygments.formatters.html import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return escape(code)
    html: str = highlight(code, lexer, HtmlFormatter(nowrap=True))
    return html
