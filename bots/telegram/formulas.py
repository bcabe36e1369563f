"""Which of the things between dollar signs are formulas, and which are money.

Markdown takes "$395k–$483k" for a formula between two dollar signs (https://core.telegram.org/bots/api#rich-markdown
has the same rule), and Telegram would draw it as one. So whatever does not look like mathematics stays text.
"""

import re
from typing import Final

from bots.telegram.edits import Edits

_COMMAND: Final = re.compile(r"\\[A-Za-z]|\\[,;:!]|\^[\s{]*[\w\\(*+-]|(?<![A-Za-z0-9])[A-Za-z)\]]_[\w{\\]")
_OPERATOR: Final = re.compile(r"[\w)\]!|][ ]*(?:[=<>≤≥≠≈±×·÷∈+*/-]|[<>!]=)[ ]*[\w(\[|√-]")
_WORD: Final = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{3,}")
_NAMES: Final = {"sin", "cos", "tan", "log", "exp", "lim", "max", "min", "mod", "gcd", "det", "arg", "sup", "inf"}
_VARIABLE: Final = re.compile(r"[-+±]?[\d.,]*[A-Za-z]{0,2}['!%]*(?:\([A-Za-z0-9, ]{1,12}\))?")
_ENDS_WELL: Final = re.compile(r"[\w)\]}|'!%>]$")

_PASSES: Final = 8  # dollars that are none any more let others meet


def is_formula(inside: str, after: str = "") -> bool:
    """Whether what stands between dollar signs is mathematics.

    Args:
        after: What follows the closing dollar sign. A number there means that the sign belongs to it.
    """
    inside = inside.strip()
    if not inside or after[:1].isalnum() or not _ENDS_WELL.search(inside):
        return False
    if any(word not in _NAMES for word in _WORD.findall(inside)) and not re.search(r"\\[A-Za-z]", inside):
        return False
    return bool(_COMMAND.search(inside) or _OPERATOR.search(inside) or _VARIABLE.fullmatch(inside))


def is_involved(inside: str) -> bool:
    """Whether a formula cannot be read well as it was typed."""
    return bool(_COMMAND.search(inside))


def with_money_as_text(markdown: str) -> str:
    """Keep the dollar signs that enclose no formula from being read as if they did."""
    for _ in range(_PASSES):
        if "$" not in markdown:
            break
        edits = Edits(markdown)
        wrong = [
            (start, end, width)
            for start, end, width, inside in _enclosed(edits)
            if not is_formula(inside, edits.source[end : end + 4].decode("utf-8", "ignore"))
        ]
        if not wrong:
            break
        for start, end, width in wrong:
            edits.replace(start, start + width, r"\$" * width)
            edits.replace(end - width, end, r"\$" * width)
        markdown = edits.applied()
    return markdown


def _enclosed(edits: Edits) -> list[tuple[int, int, int, str]]:
    """What stands between dollar signs: where it begins and ends, how many signs, and what is inside."""
    widths = {"InlineMath": 1, "DisplayMath": 2}
    return [(start, end, widths[kind], told) for kind, told, start, end in edits.events() if kind in widths]
