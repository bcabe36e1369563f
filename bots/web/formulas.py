"""Formulas as MathML, which browsers set by themselves; one that cannot be read is shown as it was written."""

import re
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from math_core import LatexToMathML

_MOST_CHARS: Final = 4_000
_TAG = re.compile(r"\\tag\*?\{([^{}]*)\}")
_STYLE = re.compile(r' style="([^"]*)"')
_COLOUR = re.compile(r"color:(#[0-9A-Fa-f]{6})")


@lru_cache(maxsize=512)
def formula(latex: str, *, block: bool) -> str:
    """A formula in LaTeX as HTML. Formulas seen lately are remembered."""
    latex = latex.strip()
    shown = _mathml(latex, block=block)
    if shown is None:
        return f"<p><code>{escape(latex)}</code></p>" if block else f"<code>{escape(latex)}</code>"
    return f'<div class="formula" tabindex="0">{shown}</div>' if block else shown


def _mathml(latex: str, *, block: bool) -> str | None:
    from math_core import LatexError  # compiled, and only for those who see formulas

    if not latex or len(latex) > _MOST_CHARS:
        return None
    # A number at the margin exists in papers only; here it stands behind the formula.
    latex = _TAG.sub(r"\\qquad\\text{(\1)}", latex)
    for converter in _converters():
        try:
            return _STYLE.sub(_as_attribute, converter.convert_with_local_state(latex, displaystyle=block))
        except LatexError:
            continue
    return None


@lru_cache(maxsize=1)
def _converters() -> "tuple[LatexToMathML, LatexToMathML]":
    """A strict one, then one that shows commands it does not know by their names."""
    from math_core import LatexToMathML

    return LatexToMathML(fancy_error=False), LatexToMathML(fancy_error=False, ignore_unknown_commands=True)


def _as_attribute(style: re.Match[str]) -> str:
    """What an element's style says, without one: the page allows no style of its own in an element."""
    if colour := _COLOUR.search(style[1]):
        return f' mathcolor="{colour[1]}"'
    align = re.search(r"text-align: (left|right)", style[1])
    return f' class="{align[1]}"' if align else ""
