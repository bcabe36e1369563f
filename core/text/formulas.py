"""Formulas in LaTeX: which of the things between dollar signs are any, and how one reads in plain letters.

Markdown takes "$395k–$483k" for a formula between two dollar signs. So whatever does not look like mathematics stays
text. What a platform that sets formulas is given is its adapter's affair.
"""

import re
from functools import lru_cache
from html import unescape
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from math_core import LatexToMathML

MAX_CHARS: Final = 4_000
"""A longer formula is shown as it was written: nobody reads one."""

_MAX_DEPTH: Final = 40
_COMMAND: Final = re.compile(r"\\[A-Za-z]|\\[,;:!]|\^[\s{]*[\w\\(*+-]|(?<![A-Za-z0-9])[A-Za-z)\]]_[\w{\\]")
_OPERATOR: Final = re.compile(r"[\w)\]!|][ ]*(?:[=<>≤≥≠≈±×·÷∈+*/-]|[<>!]=)[ ]*[\w(\[|√-]")
_WORD: Final = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{3,}")
_NAMES: Final = {"sin", "cos", "tan", "log", "exp", "lim", "max", "min", "mod", "gcd", "det", "arg", "sup", "inf"}
_VARIABLE: Final = re.compile(r"[-+±]?[\d.,]*[A-Za-z]{0,2}['!%]*(?:\([A-Za-z0-9, ]{1,12}\))?")
_LAST: Final = re.compile(r"[\w)\]}|'!%>]")


def is_formula(inside: str, after: str = "") -> bool:
    """Whether what stands between dollar signs is mathematics.

    Args:
        after: What follows the closing dollar sign. A number there means that the sign belongs to it.
    """
    inside = inside.strip()
    if not inside or after[:1].isalnum() or not _LAST.match(inside[-1]):
        return False
    if any(word not in _NAMES for word in _WORD.findall(inside)) and not re.search(r"\\[A-Za-z]", inside):
        return False
    return bool(_COMMAND.search(inside) or _OPERATOR.search(inside) or _VARIABLE.fullmatch(inside))


def is_involved(inside: str) -> bool:
    """Whether a formula cannot be read well as it was typed."""
    return bool(_COMMAND.search(inside))


# ---------------------------------------------------------------------------------------------------------------------
# A formula in plain letters, by way of MathML: the library that reads LaTeX for browsers knows its thousand commands.

_RAISED: Final = dict(
    zip(
        "0123456789+−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWβγδφχ",  # noqa: RUF001
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵝᵞᵟᵠᵡ",
        strict=True,
    )
)
_LOWERED: Final = dict(
    zip(
        "0123456789+−=()aehijklmnoprstuvxβγρφχ",  # noqa: RUF001
        "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ",
        strict=True,
    )
)
_FRACTIONS: Final = {
    "1/2": "½", "1/3": "⅓", "2/3": "⅔", "1/4": "¼", "3/4": "¾", "1/5": "⅕", "2/5": "⅖", "3/5": "⅗", "4/5": "⅘",
    "1/6": "⅙", "5/6": "⅚", "1/8": "⅛", "3/8": "⅜", "5/8": "⅝", "7/8": "⅞",
}  # fmt: skip
_ROOTS: Final = {"2": "√", "3": "∛", "4": "∜"}
_ACCENTS: Final = {
    "\u02c6": "\u0302", "^": "\u0302", "¯": "\u0304", "\u20d7": "\u20d7", "→": "\u20d7", "\u02dc": "\u0303",
    "~": "\u0303", "˙": "\u0307", "¨": "\u0308", "ˇ": "\u030c",
}  # fmt: skip
_BIG: Final = {"∑", "∏", "∫", "∬", "∮", "⋃", "⋂"}  # noqa: RUF001
_PRIMES: Final = {"∘": "°", "′": "′", "″": "″", "‴": "‴"}  # noqa: RUF001
_UNSEEN: Final = re.compile("[\u2061-\u2064\u200b\ufe00-\ufe0f]")
_NAMED: Final = re.compile(r"&[A-Za-z]{5,};")
_APPLIED: Final = "\u2061"  # between a function's name and what it is of
_SPACED: Final = re.compile(r"[=<>+−±∓×÷⋅∗≠≈≡≤≥≪≫∼≃≅∝∈∉⊂⊃⊆⊇∪∩∧∨→←↔⇒⇐⇔↦∣]|:=")  # noqa: RUF001


def readable(latex: str) -> str:
    """A formula in plain letters, on one line where it has one; as it was written where it says what they cannot."""
    latex = latex.strip()
    if "\\" not in latex and "^" not in latex and "_" not in latex:
        return latex
    return _in_letters(latex) if len(latex) <= MAX_CHARS else latex


def small(text: str, *, raised: bool) -> str:
    """What is raised or lowered, in letters of that size where there are such for all of it."""
    return _script(text, _RAISED, "^") if raised else _script(text, _LOWERED, "_")


@lru_cache(maxsize=2048)
def _in_letters(latex: str) -> str:
    from math_core import LatexError  # noqa: PLC0415 - compiled, and only for those who see formulas

    try:
        mathml = _converter().convert_with_local_state(latex, displaystyle=False)
        root = ET.fromstring(_NAMED.sub(lambda found: unescape(found[0]), mathml))  # noqa: S314 - our own
        said = _said(root, _MAX_DEPTH)
    except (LatexError, ET.ParseError, _TooDeep):
        return latex
    return "\n".join(" ".join(line.split()) for line in said.split("\n")).strip() or latex


@lru_cache(maxsize=1)
def _converter() -> "LatexToMathML":
    from math_core import LatexToMathML  # noqa: PLC0415

    return LatexToMathML(fancy_error=False)


class _TooDeep(Exception):
    """The formula nests deeper than anybody reads."""


def _said(node: ET.Element, depth: int) -> str:
    """An element of MathML (https://www.w3.org/TR/mathml-core/) in letters."""
    if not depth:
        raise _TooDeep
    parts = [_said(child, depth - 1) for child in node]
    match node.tag, parts:
        case "mo", _:
            return _operator(node)
        case "mspace", _:
            return " " if float((node.get("width") or "0").removesuffix("em") or 0) > 0 else ""
        case "mfrac", [above, below]:
            whole = f"{_grouped(above)}/{_grouped(below, below=True)}"
            return _FRACTIONS.get(whole, whole)
        case "msqrt", _:
            return "√" + _grouped("".join(parts))
        case "mroot", [inside, degree]:
            return (_ROOTS.get(degree) or _script(degree, _RAISED, "") + "√") + _grouped(inside)
        case "mover", [base, above] if len(base) == 1 and above.strip() in _ACCENTS:
            return base + _ACCENTS[above.strip()]
        case "msup" | "mover", [base, above]:
            return base + _script(above, _RAISED, "^")
        case "msub" | "munder", [base, below]:
            return base + _script(below, _LOWERED, "_")
        case "msubsup" | "munderover", [base, below, above]:
            said = base + _script(below, _LOWERED, "_") + _script(above, _RAISED, "^")
            return f"{said} " if base in _BIG else said
        case "mtr", _:
            cells = [part.strip() for part in parts if part.strip()]
            return "".join(f" {cell}" if _SPACED.match(cell) else f", {cell}" for cell in cells).lstrip(", ")
        case _:
            between = "; " if node.tag == "mtable" else ""
            return _UNSEEN.sub("", node.text or "").replace("\n", " ") + between.join(parts)


def _operator(node: ET.Element) -> str:
    if node.text == _APPLIED:
        return " "
    sign = _UNSEEN.sub("", node.text or "")
    if sign in {",", ";"}:
        return f"{sign} "
    return f" {sign} " if _SPACED.fullmatch(sign) and node.get("lspace") is None else sign


def _script(text: str, letters: dict[str, str], mark: str) -> str:
    """What stands above or below, in small letters where there are such for all of it."""
    bare = "".join(text.split())
    if bare in _PRIMES:
        return _PRIMES[bare]
    small = [letters.get(char) for char in bare]
    if all(small):
        return "".join(filter(None, small))
    return mark + (bare if len(bare) == 1 else f"({text.strip()})")


def _grouped(text: str, *, below: bool = False) -> str:
    """A part of a formula as one thing: below a line, what is several letters is several things."""
    text = text.strip()
    whole = len(text) == 1 or text.isdigit() or re.fullmatch(r"[∂d]?\w|\([^()]*\)", text) is not None
    return text if whole or (not below and re.fullmatch(r"[\w∂]+", text)) else f"({text})"
