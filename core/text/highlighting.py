"""Code in colours: which of its words are keywords, strings, comments, numbers, names of functions or of attributes.

Lexers of libraries read some code in time that grows with its square or cube (the blank lines of a C file, a page of
one-letter lines of C#), and no limit of length mends that. Here a language is one regular expression of alternatives
that each begin with a character of their own and give nothing back, so any code is read in linear time; what is missed
is the context, such as which parenthesis ends an expression within a string.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, Literal

from core.values import value

MAX_CHARS: Final = 50_000
"""Longer code is in one colour: nobody reads that much of it in a chat."""

Kind = Literal["comment", "string", "number", "keyword", "name", "attribute", "added", "removed"]

_C_COMMENT = r"//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?"
_HASH = r"\#[^\n]*+"
_DASHES = r"--[^\n]*+"
_QUOTED = r'"(?:[^"\\\n]|\\.)*+"?'
_TICKED = r"'(?:[^'\\\n]|\\.)*+'?"
_CHARACTER = r"'(?:\\.[^'\n]{0,10}|[^'\\\n])'"
_TEMPLATE = r"`(?:[^`\\]|\\.)*+`?"
_TRIPLED = r'"""(?:[^"\\]|\\.|"(?!""))*+(?:""")?' + r"|'''(?:[^'\\]|\\.|'(?!''))*+(?:''')?"
_NUMBER = r"(?<![\w.])\d[\w.]*+"
_WORD = r"[A-Za-z_]\w*+"


@value
class _Language:
    """How a language is written.

    Attributes:
        keywords: With spaces between.
        strings: A regular expression of whatever is quoted; likewise ``comments``, and ``names`` and ``attributes`` of
            what its syntax rather than its place makes one.
    """

    keywords: str = ""
    strings: str = f"{_QUOTED}|{_TICKED}"
    comments: str = _HASH
    names: str = ""
    attributes: str = ""
    any_case: bool = False


_C = (
    "auto break case const continue default do else enum extern for goto if inline register return sizeof static struct"
    " switch typedef union volatile while bool char double float int long short signed unsigned void true false NULL"
)
_JS = (
    "as async await break case catch class const continue debugger default delete do else export extends false finally"
    " for from function get if import in instanceof let new null of return set static super switch this throw true try"
    " typeof undefined var void while with yield"
)
_JAVA = (
    "abstract assert boolean break byte case catch char class const continue default do double else enum extends false"
    " final finally float for if implements import instanceof int interface long new null package private protected"
    " public record return short static super switch synchronized this throw throws true try var void volatile while"
)
_SHELL = (
    "alias break case cd continue do done echo elif else esac eval exec exit export fi for function if in local read"
    " readonly return set shift source then trap unset until while sudo"
)
_SQL = (
    "add all alter and any as asc begin between by case cast check column commit constraint count create cross database"
    " default delete desc distinct drop else end exists false foreign from full group having if in index inner insert"
    " into is join key left like limit not null offset on or order outer over partition primary references returning"
    " right rollback select set sum table then transaction true union unique update using values view when where with"
)
_LANGUAGES: Final = {
    "python": _Language(
        keywords="False None True and as assert async await break case class continue def del elif else except finally"
        " for from global if import in is lambda match nonlocal not or pass raise return self try while with yield",
        strings=f"{_TRIPLED}|{_QUOTED}|{_TICKED}",
        names=r"@\w[\w.]*+",
    ),
    "javascript": _Language(keywords=_JS, strings=f"{_QUOTED}|{_TICKED}|{_TEMPLATE}", comments=_C_COMMENT),
    "typescript": _Language(
        keywords=f"{_JS} abstract any boolean declare enum implements interface keyof namespace never number private"
        " protected public readonly string symbol type unknown",
        strings=f"{_QUOTED}|{_TICKED}|{_TEMPLATE}",
        comments=_C_COMMENT,
        names=r"@\w[\w.]*+",
    ),
    "java": _Language(keywords=_JAVA, comments=_C_COMMENT, names=r"@\w[\w.]*+"),
    "kotlin": _Language(
        keywords="as break by class companion const continue data do else enum false final for fun if import in"
        " interface internal is lateinit null object open operator override package private protected public return"
        " sealed super suspend this throw true try typealias val var when where while",
        comments=_C_COMMENT,
    ),
    "scala": _Language(
        keywords="abstract case catch class def do else extends false final finally for given if implicit import lazy"
        " match new null object override package private protected return sealed super this throw trait true try type"
        " using val var while with yield",
        comments=_C_COMMENT,
    ),
    "c": _Language(keywords=_C, comments=_C_COMMENT, names=r"^[ \t]*+\#[ \t]*+\w++"),
    "cpp": _Language(
        keywords=f"{_C} catch class constexpr delete explicit export final friend mutable namespace new noexcept"
        " nullptr"
        " operator override private protected public template this throw try typename using virtual concept requires"
        " co_await co_return co_yield",
        comments=_C_COMMENT,
        names=r"^[ \t]*+\#[ \t]*+\w++",
    ),
    "csharp": _Language(
        keywords=f"{_JAVA} as async await base bool decimal delegate event explicit foreach get in internal is lock"
        " namespace object operator out override params readonly ref sealed set string struct unsafe using virtual",
        comments=_C_COMMENT,
    ),
    "go": _Language(
        keywords="break case chan const continue default defer else fallthrough for func go goto if import interface"
        " map package range return select struct switch type var any bool byte error false float64 int int64 iota nil"
        " rune string true uint",
        strings=f"{_QUOTED}|{_CHARACTER}|`[^`]*+`?",
        comments=_C_COMMENT,
    ),
    "rust": _Language(
        keywords="as async await break const continue crate dyn else enum extern false fn for if impl in let loop match"
        " mod move mut pub ref return self Self static struct super trait true type unsafe use where while bool"
        " char f64"
        " i32 i64 str String u8 u32 u64 usize Option Result Some None Ok Err Vec Box",
        strings=f"{_QUOTED}|{_CHARACTER}",
        comments=_C_COMMENT,
        names=r"\#!?\[[^\]\n]*+\]?",
    ),
    "swift": _Language(
        keywords="as async await break case catch class continue default defer do else enum extension false for func"
        " guard if import in init inout is let nil private protocol public return self static struct super switch throw"
        " throws true try typealias var where while",
        comments=_C_COMMENT,
    ),
    "dart": _Language(
        keywords=f"{_JAVA} as async await dynamic external factory get in late library mixin on operator required set"
        " typedef yield",
        comments=_C_COMMENT,
    ),
    "php": _Language(
        keywords="abstract and array as break case catch class clone const continue declare default do echo else elseif"
        " empty extends false final finally fn for foreach function global if implements include instanceof interface"
        " isset match namespace new null or print private protected public readonly require return static switch this"
        " throw trait true try unset use var while yield",
        comments=f"{_C_COMMENT}|{_HASH}",
        attributes=r"\$\w++",
    ),
    "ruby": _Language(
        keywords="alias and begin break case class def defined? do else elsif end ensure false for if in module next"
        " nil"
        " not or puts raise redo require rescue retry return self super then true undef unless until when while yield",
        attributes=r":\w++|@{1,2}\w++",
    ),
    "perl": _Language(
        keywords="do else elsif eval for foreach if last local my next our package print return sub unless until use"
        " while",
        attributes=r"[$@%]\w++",
    ),
    "lua": _Language(
        keywords="and break do else elseif end false for function goto if in local nil not or repeat return then true"
        " until while",
        comments=_DASHES,
    ),
    "r": _Language(keywords="break else FALSE for function if in library next NA NULL repeat return TRUE while"),
    "julia": _Language(
        keywords="begin break const continue do else elseif end export false for function if import in let macro module"
        " mutable nothing return struct true try using where while",
        strings=f"{_TRIPLED}|{_QUOTED}|{_CHARACTER}",
    ),
    "elixir": _Language(
        keywords="alias and case cond def defmodule defp do else end false fn for if import in nil not or quote raise"
        " receive require rescue true try unless use when with",
        attributes=r":\w++|@\w++",
    ),
    "haskell": _Language(
        keywords="case class data deriving do else if import in instance let module newtype of then type where",
        strings=f"{_QUOTED}|{_CHARACTER}",
        comments=_DASHES,
    ),
    "lisp": _Language(
        keywords="cond def define defmacro defn defun defvar do fn if lambda let loop ns nil quote require set when",
        strings=_QUOTED,
        comments=r";[^\n]*+",
        attributes=r":[\w-]++",
    ),
    "bash": _Language(keywords=_SHELL, attributes=r"\$\{?\w++\}?|(?<=\s)--?\w[\w-]*+"),
    "powershell": _Language(
        keywords="begin break catch continue do else elseif end exit filter finally for foreach function if in param"
        " process return switch throw trap try until while",
        attributes=r"\$\w++|(?<=\s)-\w++",
        any_case=True,
    ),
    "batch": _Language(
        keywords="call cd copy del do echo else exist exit for goto if in mkdir move not pause rem set setlocal",
        strings=_QUOTED,
        comments=r"^[ \t]*+::[^\n]*+",
        attributes=r"%\w++%?",
        any_case=True,
    ),
    "sql": _Language(keywords=_SQL, comments=f"{_DASHES}|{_C_COMMENT}", any_case=True),
    "json": _Language(
        keywords="false null true",
        strings=r'"(?:[^"\\\n]|\\.)*+"?+(?![ \t]*+:)',
        comments=_C_COMMENT,
        names=_QUOTED,
    ),
    "yaml": _Language(keywords="false no null true yes", names=r"^[ \t]*+(?:-[ \t]++)*+[\w./-]++(?=:(?:[ ]|$))"),
    "toml": _Language(keywords="false true", names=r"^[ \t]*+\[[^\n]*+|^[ \t]*+[\w.-]++(?=[ \t]*+=)"),
    "ini": _Language(comments=r"[#;][^\n]*+", names=r"^[ \t]*+\[[^\n]*+|^[ \t]*+[\w.-]++(?=[ \t]*+=)"),
    "make": _Language(
        keywords="define else endef endif export ifdef ifeq ifndef ifneq include override",
        names=r"^[\w./%-]++(?=[ \t]*+:)",
        attributes=r"\$[({]\w++[)}]|\$[@<^*]",
    ),
    "docker": _Language(
        keywords="ADD ARG AS CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL RUN SHELL USER VOLUME WORKDIR",
        attributes=r"\$\{?\w++\}?",
    ),
    "html": _Language(
        strings=r'(?<==)"[^"<>\n]*+"?' + r"|(?<==)'[^'<>\n]*+'?",
        comments=r"<!--(?:[^-]|-(?!->))*+(?:-->)?",
        names=r"</?[A-Za-z][\w:-]*+|/?>",
        attributes=r"(?<=\s)[\w:@-]++(?==)",
    ),
    "css": _Language(
        comments=r"/\*(?:[^*]|\*(?!/))*+(?:\*/)?|(?<=\s)//[^\n]*+",
        names=r"[.#@][A-Za-z_-][\w-]*+",
        attributes=r"(?<![\w-])[\w-]++(?=[ ]?:[ ])",
    ),
    "tex": _Language(strings=r"\$[^$\n]*+\$?", comments=r"%[^\n]*+", names=r"\\[A-Za-z]++\*?"),
}
_SAME: Final = {
    "py": "python", "python3": "python", "pyi": "python", "ipython": "python", "pycon": "python", "starlark": "python",
    "js": "javascript", "jsx": "javascript", "mjs": "javascript", "node": "javascript", "vue": "html", "svelte": "html",
    "ts": "typescript", "tsx": "typescript", "kt": "kotlin", "h": "c", "objective-c": "cpp", "objc": "cpp",
    "c++": "cpp", "hpp": "cpp", "cc": "cpp", "cs": "csharp", "c#": "csharp", "golang": "go", "rs": "rust", "rb": "ruby",
    "pl": "perl",
    "groovy": "java", "gradle": "java", "jl": "julia", "ex": "elixir", "exs": "elixir", "hs": "haskell",
    "clojure": "lisp", "clj": "lisp", "scheme": "lisp", "elisp": "lisp", "sh": "bash", "shell": "bash", "zsh": "bash",
    "fish": "bash", "console": "bash", "terminal": "bash", "ps1": "powershell", "bat": "batch", "cmd": "batch",
    "postgresql": "sql", "mysql": "sql", "sqlite": "sql", "plsql": "sql", "json5": "json", "jsonc": "json",
    "yml": "yaml", "conf": "ini", "cfg": "ini", "env": "ini", "properties": "ini", "dotenv": "ini", "makefile": "make",
    "dockerfile": "docker", "xml": "html", "svg": "html", "xhtml": "html", "jinja": "html", "scss": "css",
    "less": "css", "sass": "css", "latex": "tex", "solidity": "javascript", "graphql": "python", "hcl": "bash",
    "terraform": "bash", "nginx": "bash", "proto": "java", "protobuf": "java", "zig": "rust", "nix": "bash",
}  # fmt: skip
_DIFF: Final = re.compile(r"^(?P<added>\+[^\n]*+)|^(?P<removed>-[^\n]*+)|^(?P<comment>@@[^\n]*+)", re.MULTILINE)


def highlighted(code: str, language: str) -> Iterator[tuple[Kind | None, str]]:
    """The pieces of code, in order, each with its kind; None for what has none.

    Args:
        language: As a fence names it; code of one that is not known is one piece.
    """
    read = _reader(language.lower()) if len(code) <= MAX_CHARS else None
    at = 0
    for found in read[0].finditer(code) if read is not None else ():
        kind = _kind(found, read[1]) if read is not None else None
        if kind is not None:
            if found.start() > at:
                yield None, code[at : found.start()]
            yield kind, found[0]
            at = found.end()
    if at < len(code):
        yield None, code[at:]


def _kind(found: re.Match[str], keywords: frozenset[str]) -> Kind | None:
    group = found.lastgroup
    if group in {"name", "word"} and (found[0] in keywords or ("" in keywords and found[0].lower() in keywords)):
        return "keyword"
    return None if group == "word" else group  # type: ignore[return-value]  # as the groups below are named


@lru_cache(maxsize=128)
def _reader(name: str) -> tuple[re.Pattern[str], frozenset[str]] | None:
    """A language's expression and keywords; "" is among those where their case does not matter."""
    if name in {"diff", "patch"}:
        return _DIFF, frozenset()
    language = _LANGUAGES.get(_SAME.get(name, name))
    if language is None:
        return None
    parts = {
        "comment": language.comments,
        "string": language.strings,
        "keyword": language.names,
        "attribute": language.attributes,
        "number": _NUMBER,
    }
    parts |= {"name": rf"{_WORD}(?=[ ]?\()", "word": _WORD}
    alternatives = [f"(?P<{kind}>{part})" for kind, part in parts.items() if part]
    keywords = frozenset(language.keywords.split())
    if language.any_case:
        keywords |= {word.lower() for word in keywords} | {""}
    return re.compile("|".join(alternatives), re.MULTILINE | re.DOTALL), keywords
