"""A model's Markdown made ready for the parser: what only looks like markup is held back from it.

Models write formulas in several notations, dollars that are money, addresses and names full of underscores, HTML that
must not act. Here the characters that the parser must not read as markup are replaced by placeholders, one for one;
``released`` turns them back, in whatever the parser made of the text (code and addresses included). So the text is
parsed once, nothing in it needs to be known to be code, and each line stays the line it was.

Placeholders are of Unicode's noncharacters (https://www.unicode.org/faq/private_use.html#nonchar4), which no text may
hold. Everything here is linear in the text, whatever it holds.
"""

import re
from collections.abc import Mapping
from typing import Final

from core.text.formulas import is_formula
from core.text.links import addresses

MAX_DEPTH: Final = 12
"""Containers (quotations, lists) that may begin in one line; what is deeper is text."""

MAX_COLUMNS: Final = 64
MAX_CELLS: Final = 4096
"""Of one table, the cells that its short rows are filled up with included; a larger one is text."""

_FIRST: Final = 0xFDD0
_LAST: Final = 0xFDEF
FORMULA: Final = chr(_FIRST)
"""Beside a dollar sign: it stands for a backslash and a bracket (``\\(``, ``\\[``)."""

_CHARACTERS: Final = "<$[]*_~&\\>-+.)#`|=!"
_HELD: Final = {ord(char): chr(_FIRST + 1 + number) for number, char in enumerate(_CHARACTERS)}
_RELEASED: Final = {ord(held): chr(char) for char, held in _HELD.items()}
TAG: Final = _HELD[ord("<")]
"""Stands for the ``<`` that a tag of HTML begins with."""

ESCAPED_BAR: Final = chr(_LAST)
"""Stands for ``\\|``, which ends no cell of a table and begins no spoiler."""

SPOILER: Final = chr(_LAST - 1)
"""Stands in what is released for two bars that nobody escaped."""

_IN_ADDRESS: Final = {ord(char): _HELD[ord(char)] for char in "$[]*_~\\&"}
_IN_NAME: Final = {ord(char): _HELD[ord(char)] for char in "_\\*"}
_ANY_HELD: Final = re.compile(f"[{chr(_FIRST)}-{chr(_LAST)}]")
_UNUSABLE: Final = re.compile(f"[\ud800-\udfff\0{chr(_FIRST)}-{chr(_LAST)}]")

_DEEP: Final = re.compile(
    r"^(?![ \t]*+(?:(?:-[ \t]*+)++|(?:\*[ \t]*+)++)$)"  # a line across the page is none
    rf"((?:[ \t]*+(?:>|(?:[-*+]|\d{{1,9}}+[.)])(?=[ \t]))){{{MAX_DEPTH}}})(.++)",
    re.MULTILINE,
)
_DELIMITERS: Final = " \t|:->"
_BRACKETED: Final = re.compile(
    r"(?<!\\)\\(?:\((?P<inline>(?:[^$\n\\]|\\(?![()]))++)\\\)"
    r"|\[(?P<block>(?:[^$\n\\]|\\(?![\[\]])|\n(?![ \t]*\n))++)\\\])"
)
_FORMAL: Final = re.compile(r"[\\^_=+<>{}]")
_DOLLARS: Final = re.compile(rf"(?<![\\${FORMULA}])\$++(?!{FORMULA})")
_BLANK_LINE: Final = re.compile(r"\n[ \t>]*\n")
_LINE_START: Final = re.compile(r"\n[ \t>]*")
_LINE_MARK: Final = re.compile(r"(\n[ \t>]*)([-+*#=]|`{3}|~{3}|\d+[.)])")
_MAX_FORMULA_CHARS: Final = 4_000
_TAG: Final = re.compile(
    r"(?<!\\)(?<!\]\()<(?![A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*>|[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]+>)"
    r"(?=[A-Za-z/!?])(?P<attributes>[^<>\n=]*=[^<>\n]*(?=>))?"
)
_ESCAPED: Final = re.compile(r"(\\[!-/:-@\[-`{-~]|&amp;)")
_HANDLE: Final = re.compile(r"(?<![^\W_])[@#]\w*_\w*")
_MAIL: Final = re.compile(r"(?<=[\w.+%-])@(?=\w)")
_MAIL_BEFORE: Final = re.compile(r"[\w.+%-]{1,64}$")
_MAIL_AFTER: Final = re.compile(r"[\w.-]{1,253}")
_SPECIAL_NAME: Final = re.compile(r"(?<![\w\\])__(\w+?)__(?!_)")
_GOES_ON: Final = re.compile(r"[./(\[:]\S")
_PATH: Final = re.compile(r"[^\s|`<>()\[\]*\"'~]++")
_STARS: Final = re.compile(r"(?<=/)\*{1,2}(?=[/.]|\s|$)|(?<![\w*\\])\*(?=\.\w{1,8}(?![\w*]))|(?<=\d)\*{1,2}(?=\d)")
_WINDOWS: Final = re.compile(r"(?<![A-Za-z\\])[A-Za-z]:\\(?=[\w._%-])[^\s|`<>\"?]*+")
_ESCAPED_BAR: Final = re.compile(r"(?<!\\)\\\|")
_SINGLE_TILDE: Final = re.compile(r"(?<![~\\])~(?!~)")

# The names that Python gives meaning to: https://docs.python.org/3/reference/datamodel.html#special-method-names .
_SPECIAL_NAMES: Final = {
    name.strip("_")
    for kind in (int, float, str, bytes, list, dict, set, type, BaseException, type(lambda: 0))
    for name in dir(kind)
    if name.startswith("__")
} | {
    *("aenter", "aexit", "aiter", "all", "anext", "annotations", "await", "builtins", "cached", "copy", "deepcopy"),
    *("del", "enter", "exit", "file", "future", "get", "getattr", "import", "loader", "main", "missing", "package"),
    *("path", "post_init", "prepare", "pycache", "set", "set_name", "slots", "spec", "version", "weakref", "wrapped"),
}


def cleaned(markdown: str) -> str:
    """A text whose lines end with newlines, without half characters and without those that placeholders are of."""
    text = markdown.replace("\r\n", "\n").replace("\r", "\n")
    return _UNUSABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def held(markdown: str) -> str:
    """A cleaned text with placeholders for what is no markup, with as many lines."""
    text = _shallow(markdown)
    text = _without_huge_tables(text)
    if "$" in text or "\\" in text:
        text = _with_formulas(text)
    if "<" in text:
        text = _TAG.sub(_tag, text)
    text = text.replace("[^", f"{_HELD[ord('[')]}^") if "[^" in text else text
    text = _ESCAPED_BAR.sub(ESCAPED_BAR, text) if "\\|" in text else text
    return _with_names(_with_addresses(text))


def released(text: str) -> str:
    """A text, or what the parser made of code in it, with everything that placeholders stand for."""
    if text.isascii() or not _ANY_HELD.search(text):
        return text
    if FORMULA in text:
        text = text.replace(f"$${FORMULA}", "\\[").replace(f"{FORMULA}$$", "\\]")
        text = text.replace(f"${FORMULA}", "\\(").replace(f"{FORMULA}$", "\\)").replace(FORMULA, "")
    return text.translate(_RELEASED).replace(ESCAPED_BAR, "\\|")


def released_words(text: str) -> str:
    """What the parser made of words, where a bar that was escaped is a bar and ``SPOILER`` two that were not."""
    text = text.replace("||", SPOILER) if "||" in text else text
    return released(text.replace(ESCAPED_BAR, "|"))


def literal(text: str) -> str:
    """A text that Markdown shows as it is, whatever it holds: nothing in it has a meaning to any parser."""
    escaped = re.sub(r"([!-'*-/:-@\\-`{-~)\]])", r"\\\1", text)
    # With a backslash before it, one of these may begin a formula.
    lines = escaped.replace("(", "&#40;").replace("[", "&#91;").split("\n")
    return "\n".join(_indented(line) for line in lines)


def _indented(line: str) -> str:
    """A line whose leading white space makes no code of it: no-break spaces look the same."""
    bare = line.lstrip(" \t")
    return "\u00a0" * (len(line.expandtabs(4)) - len(bare.expandtabs(4))) + bare if len(bare) < len(line) else line


def _shallow(text: str) -> str:
    return _DEEP.sub(lambda found: found[1] + found[2].translate(_HELD), text)


def _without_huge_tables(text: str) -> str:
    if text.count("|") < MAX_COLUMNS and text.count("\n") * text.count("|") < MAX_CELLS:
        return text
    lines = text.split("\n")
    end = len(lines)  # of the rows below: a blank line, at the latest
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number]
        if not line.strip(" \t>"):
            end = number
        elif "|" in line and "-" in line and not line.strip(_DELIMITERS):
            columns = line.strip(" \t>|").count("|") + 1
            if columns > MAX_COLUMNS or columns * (end - number) > MAX_CELLS:
                lines[number] = line.translate(_HELD)
    return "\n".join(lines)


def _with_formulas(text: str) -> str:
    if "\\(" in text or "\\[" in text:
        text = _BRACKETED.sub(_in_dollars, text)
    if "$" not in text:
        return text
    signs = list(_DOLLARS.finditer(text))
    pieces: list[str] = []
    at = number = 0
    while number < len(signs):
        sign = signs[number]
        closing = signs[number + 1] if number + 1 < len(signs) else None
        pieces.append(text[at : sign.start()])
        if closing is not None and _encloses(text, sign, closing):
            inside = text[sign.end() : closing.start()]
            pieces += [sign[0], _LINE_MARK.sub(_hold_mark, inside), closing[0]]
            at = closing.end()
            number += 2
        else:
            pieces.append(sign[0].translate(_HELD))
            at = sign.end()
            number += 1
    return "".join([*pieces, text[at:]])


def _in_dollars(found: re.Match[str]) -> str:
    inline, block = found["inline"], found["block"]
    if inline is not None:
        return f"${FORMULA}{inline}{FORMULA}$" if inline.strip() else found[0]
    if not _FORMAL.search(block):
        return found[0]
    return f"$${FORMULA}{_LINE_MARK.sub(_hold_mark, block)}{FORMULA}$$"


def _hold_mark(found: re.Match[str]) -> str:
    """Keep a formula's line from beginning a list or a heading."""
    return found[1] + found[2].translate(_HELD)


def _encloses(text: str, sign: re.Match[str], closing: re.Match[str]) -> bool:
    """Whether two dollar signs, or two pairs, have a formula between them."""
    start, end = sign.end(), closing.start()
    if sign[0] != closing[0] or len(sign[0]) > len("$$") or not 0 < end - start <= _MAX_FORMULA_CHARS:
        return False
    inside = _LINE_START.sub("\n", text[start:end])
    if "`" in inside or _BLANK_LINE.search(inside):
        return False
    if len(sign[0]) == 1 and (inside[0].isspace() or inside[-1].isspace() or "\n" in inside):
        return False
    return is_formula(inside, text[closing.end() : closing.end() + 1])


def _tag(found: re.Match[str]) -> str:
    attributes = found["attributes"]
    return TAG + (attributes.translate(_HELD) if attributes else "")


def _with_addresses(text: str) -> str:
    if "://" not in text and "www." not in text.lower():
        return text
    pieces, at = [], 0
    for start, end in addresses(text):
        pieces += [text[at:start], _held_but_escaped(text[start:end], _IN_ADDRESS)]
        at = end
    return "".join([*pieces, text[at:]])


def _held_but_escaped(text: str, table: Mapping[int, str]) -> str:
    """The text with these characters held, but for those that a backslash has made plain already."""
    if "\\" not in text and "&" not in text:
        return text.translate(table)
    parts = _ESCAPED.split(text)
    return "".join(part if number % 2 else part.translate(table) for number, part in enumerate(parts))


def _with_names(text: str) -> str:
    """Hold marks in what is a name or a path rather than markup."""
    if "~" in text:
        text = _SINGLE_TILDE.sub(_HELD[ord("~")], text)
    if "*" in text:
        text = _STARS.sub(lambda found: found[0].translate(_HELD), text)
    if ":\\" in text:
        text = _WINDOWS.sub(lambda found: found[0].translate(_IN_NAME), text)
    if "_" not in text:
        return text
    text = _SPECIAL_NAME.sub(_special_name, text)
    if "@" in text or "#" in text:
        text = _HANDLE.sub(_handle, text)
    if "@" in text:
        text = _with_mail(text)
    return _PATH.sub(_path, text) if "/" in text or "\\" in text else text


def _special_name(found: re.Match[str]) -> str:
    if found[1] in _SPECIAL_NAMES or _GOES_ON.match(found.string, found.end()):
        return found[0].translate(_IN_NAME)
    return found[0]


def _handle(found: re.Match[str]) -> str:
    name, before = found[0], found.string[found.start() - 1 : found.start()]
    bare = name.rstrip("_") if before == "_" else name  # a mark around it
    return bare.translate(_IN_NAME) + name[len(bare) :]


def _with_mail(text: str) -> str:
    pieces, at = [], 0
    for sign in _MAIL.finditer(text):
        before = _MAIL_BEFORE.search(text, max(at, sign.start() - 64), sign.start())
        after = _MAIL_AFTER.match(text, sign.end())
        if before is None or after is None:
            continue
        start, end = before.start(), after.end()
        while text[start] == "_" == text[end - 1]:  # a mark around it
            start, end = start + 1, end - 1
        pieces += [text[at:start], text[start:end].translate(_IN_NAME)]
        at = end
    return "".join([*pieces, text[at:]])


def _path(found: re.Match[str]) -> str:
    """Hold what is within a path; underscores at its ends may be marks around it."""
    path = found[0]
    if "_" not in path or not ("/" in path or _HELD[ord("\\")] in path):
        return path
    end = len(path)
    while end and not path[end - 1].isalnum():
        end -= 1
    start = len(path) - len(path.lstrip("_")) if end else 0
    return path[:start] + _held_but_escaped(path[start:end], _IN_NAME) + path[end:]
