"""Characters that nobody sees: taken out of what a model reads, told by number where a person has to read exactly.

Text can carry words for a machine that no person reads: tag characters, runs of variation selectors, zero-width
spaces; and controls that change what a terminal does or in which order a line is read. Ordinary writing needs some of
the same characters, one at a time and in their place: emoji, Persian, the scripts of India, Khmer, Mongolian, Hebrew.
Each function here looks at each character a fixed number of times.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

_FLAGS: Final = tuple(
    "".join(chr(0xE0000 + ord(letter)) for letter in f"{region}\x7f") for region in ("gbeng", "gbsct", "gbwls")
)
"""England, Scotland and Wales behind a black flag: https://www.unicode.org/reports/tr51/#valid-emoji-tag-sequences."""
_BLACK_FLAG: Final = "\U0001f3f4"
_SUSPECT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U00013430-\U0001345f\U00016fe4\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ENDS_OF_LINES = re.compile("[\x85\u2028\u2029]")
_HEAPS = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4})[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_OPENING, _CLOSING = "\u202a\u202b\u2066\u2067\u2068", "\u202c\u2069"
_ORDER_PAIR: Final = frozenset(_OPENING + _CLOSING)
_ORDER_MARK: Final = frozenset("\u200e\u200f\u061c")
_JOINERS: Final = "\u200c\u200d"

_JOINING = re.compile(
    "[\u0600-\u109f\u1700-\u18af\u1900-\u1bff\u1cd0-\u1cff\ua800-\ua8ff\ua930-\uaadf\uabc0-\uabff\ufb50-\ufdcf"
    "\ufe70-\ufefc\U00010a00-\U00010aff\U00011000-\U00011dff\U0001e900-\U0001e95f]"
)
"""Scripts whose letters change shape beside one another, where a joiner or its opposite is part of spelling."""
_WITHOUT_SPACES = re.compile("[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf]")
_IDEOGRAPH = re.compile(
    "[\u2e80-\u2fdf\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uff0f\U00020000-\U0003ffff]"
)
_STYLED = re.compile("[#*0-9\u203c\u2049\u2139\u3030]")
"""What besides symbols may be shown as an emoji: https://www.unicode.org/Public/emoji/latest/emoji-data.txt."""


def cleaned(text: str) -> str:
    """A text without characters that nobody sees, which could say to a model what no person reads.

    Ordinary text of any language is returned as it is. Line ends other than newlines become newlines.
    """
    if text.isascii():
        return _CONTROLS.sub("", text)
    if _SUSPECT.search(text):
        text = _SUSPECT.sub(_Cleaning(text).kept, _ENDS_OF_LINES.sub("\n", text))
    return _HEAPS.sub(r"\1", text)


def cleaned_line(text: str, max_chars: int = 200) -> str:
    """The beginning of a text in one line, cleaned."""
    line = " ".join(cleaned(text[: 4 * max_chars]).split())
    return line if len(line) <= max_chars else f"{line[: max_chars - 1]}…"


def label(text: str, max_chars: int = 64) -> str:
    """The same for a name that is set into a sentence of ours: it ends none of our brackets and quotation marks."""
    return " ".join("".join(map(_harmless, cleaned_line(text, max_chars))).split())


_COLONS: Final = ":\u02d0\u02f8\u05c3\u2236\ua789\ufe13\ufe55\uff1a"
_OTHERS: Final = {
    "<": "(",
    ">": ")",
    '"': "'",
    "`": "'",
    "\u02cb": "'",
    "\uff02": "'",
    "\uff40": "'",
    "\uff1c": "(",
    "\uff1e": ")",
}
_BY_CATEGORY: Final = {"Ps": "(", "Pe": ")", "Pi": "'", "Pf": "'"}
_APOSTROPHE: Final = "\u2019"


def _harmless(one: str) -> str:
    if one == _APOSTROPHE:
        return one
    return " " if one in _COLONS else _OTHERS.get(one) or _BY_CATEGORY.get(unicodedata.category(one), one)


class _Cleaning:
    """Decides about each run of suspects within one text, by what stands before and after it.

    What writing needs only now and then may not come so often that it could be a message of its own.
    """

    def __init__(self, text: str) -> None:
        letters = len(text)
        self._left: dict[str, int] = {
            "joiners": 4 + letters // 4,
            "others": 1 + letters // 32,  # joiners in scripts that hardly know them
            "order": 4 + letters // 8,
            "variants": 2 + letters // 8,
            "breaks": 4 + letters // 3,
        }
        self._ordered = bool(_RIGHT_TO_LEFT.search(text))
        self._pairs = self._ordered and _is_balanced(text)

    def kept(self, found: "re.Match[str]") -> str:
        """What of a run stays."""
        run, text = found[0], found.string
        before = text[found.start() - 1] if found.start() else ""
        after = text[found.end()] if found.end() < len(text) else ""
        if before == _BLACK_FLAG and run > "\U000e0000":
            return next((flag for flag in _FLAGS if run.startswith(flag)), "")
        if run == "\ufe0f\u200d" and self._joins(before, "\u200d", after):  # in the midst of an emoji
            return run if _may_vary(before, "\ufe0f") else "\u200d"
        if len(run) == 1:
            return run if self._stays(before, run, after) else ""
        if (
            self._pairs
            and _ORDER_PAIR.issuperset(run)
            and not any(one + two in run for one in _OPENING for two in _CLOSING)
        ):
            return run if self._spend("order") else ""
        # Of a run that is not spelling, the first is all that any writing could need.
        first = run[0]
        return first if first not in _JOINERS and first not in _ORDER_PAIR and self._stays(before, first, after) else ""

    def _stays(self, before: str, one: str, after: str) -> bool:
        """Whether this character is part of ordinary writing here."""
        if one in _JOINERS:
            return self._joins(before, one, after)
        if one in _ORDER_MARK:
            return self._ordered and self._spend("order")
        if one in _ORDER_PAIR:
            return self._pairs and self._spend("order")
        if "\ufe00" <= one <= "\ufe0f" or one >= "\U000e0100":
            common = one in "\ufe0e\ufe0f"
            return _may_vary(before, one) and (common or self._spend("variants"))
        if one == "\u200b":
            return bool(_is(_WITHOUT_SPACES, before) and _is(_WITHOUT_SPACES, after)) and self._spend("breaks")
        return _is_letter_part(before, one, after)

    def _joins(self, before: str, one: str, after: str) -> bool:
        if not before or not after:
            return False
        if one == "\u200d" and _is_symbol(after):
            return _is_symbol(before) or before == "\ufe0f" or unicodedata.category(before) == "Sk"
        if _is(_JOINING, before) or _is(_JOINING, after):
            return self._spend("joiners")
        return before.isalpha() and after.isalpha() and self._spend("others")

    def _spend(self, what: str) -> bool:
        self._left[what] -= 1
        return self._left[what] >= 0


def _is(kind: "re.Pattern[str]", one: str) -> bool:
    return bool(one) and kind.match(one) is not None


def _is_symbol(one: str) -> bool:
    """Whether it may be a picture in an emoji; new ones are not known to every Python."""
    return "\U0001f000" <= one <= "\U0001faff" or unicodedata.category(one) in {"So", "Sm"}


def _is_balanced(text: str) -> bool:
    """Whether every embedding and isolate of a text is closed again."""
    depth = 0
    for one in re.findall(f"[{_OPENING}{_CLOSING}\n]", text):
        if one == "\n":
            depth = 0  # they end with the paragraph
        else:
            depth += 1 if one in _OPENING else -1
        if depth < 0:
            return False
    return depth == 0


def _may_vary(before: str, selector: str) -> bool:
    """Whether a variation selector means anything here: https://www.unicode.org/reports/tr37/."""
    if not before:
        return False
    if selector in "\ufe0e\ufe0f":
        return _STYLED.match(before) is not None or _is_symbol(before)
    if selector >= "\U000e0100":
        return _IDEOGRAPH.match(before) is not None and selector <= "\U000e01ef"
    if selector <= "\ufe02" and _IDEOGRAPH.match(before):
        return True
    return selector == "\ufe00" and ("\u1000" <= before <= "\u109f" or unicodedata.category(before) == "Sm")


_PARTS: tuple[tuple[str, Callable[[str, str], bool]], ...] = (
    ("\u180b\u180c\u180d\u180e\u180f", lambda before, _: "\u1800" <= before <= "\u18af"),
    ("\u17b4\u17b5", lambda before, _: "\u1780" <= before <= "\u17ff"),
    ("\u034f", lambda before, _: "\u0590" <= before <= "\u05ff"),
    ("".join(map(chr, range(0x13430, 0x13460))), lambda before, _: "\U00013000" <= before <= "\U0001342f"),
    ("\u115f\u1160", lambda before, after: _is_jamo(before) or _is_jamo(after)),
)


def _is_letter_part(before: str, one: str, after: str) -> bool:
    """Whether it belongs to a letter of Mongolian, Khmer, Hebrew, old Egyptian or old Korean."""
    return any(one in parts and belongs(before, after) for parts, belongs in _PARTS)


def _is_jamo(one: str) -> bool:
    return "\u1100" <= one <= "\u11ff" or "\ua960" <= one <= "\ua97f" or "\ud7b0" <= one <= "\ud7ff"


# ---------------------------------------------------------------------------------------------------------------------
# For people who have to read exactly

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u27e8\u27e9\u2800\u3164\ufe00-\ufe0f\uffa0\ufffc\U00013441\U00013442\U00016fe4\U0001d159"
    "\U000e0100-\U000e01ef]"
)
"""What looks like nothing although its category does not say so; and the brackets that numbers are told in."""
_MAX_MARKS = 4
_LONG_RUN = 8
_RUNS = re.compile(r" {31,}|\n{31,}|([^ -~\n])\1*", re.DOTALL)
"""Runs of one character that may have to be told by number: all but ASCII, and blanks that push words out of sight."""


def numbered(text: str) -> str:
    """A text in which everything that is not plainly seen is told by its number, like ``⟨U+202E⟩``.

    Newlines and spaces stay, unless more than 30 follow one another. No two texts read the same afterwards: the
    brackets of numbers are told by number too.
    """
    return _RUNS.sub(_numbered_run, text)


def one_line(text: str) -> str:
    """The same in one line, for logs and terminals: what others call their things cannot pass for lines of ours."""
    return numbered(text.replace("\n", "⏎"))


def _numbered_run(found: "re.Match[str]") -> str:
    run = found[0]
    category = unicodedata.category(run[0])
    if category in _INVISIBLE or _BLANK.match(run):
        return _numbers(run)
    return _numbered_marks(run, found.string, found.start()) if category[0] == "M" else run


def _numbers(run: str) -> str:
    """The numbers of equal characters; of many, the number and how often it comes."""
    number = f"U+{ord(run[0]):04X}" if run else ""
    return f"⟨{number}⟩" * len(run) if len(run) <= _LONG_RUN else f"⟨{number} ×{len(run)}⟩"


def _numbered_marks(run: str, text: str, start: int) -> str:
    """Marks over and under a letter: a few are seen, a heap of them or one without a letter is not."""
    before = start
    while before and start - before <= _MAX_MARKS and unicodedata.category(text[before - 1])[0] == "M":
        before -= 1
    alone = not before or not text[before - 1].isprintable() or text[before - 1].isspace()
    seen = 0 if alone else max(0, _MAX_MARKS - (start - before))
    return run[:seen] + _numbers(run[seen:])
