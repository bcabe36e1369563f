"""Selectors as cssselect2 reads them: what is nested is written out, and what it does not know is said otherwise.

See https://www.w3.org/TR/css-nesting-1/, https://www.w3.org/TR/css-cascade-6/#scope-atrule and
https://www.w3.org/TR/selectors-4/.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tinycss2 import ast  # type: ignore[import-untyped]

from plugins.fetch.lengths import split, words

_ALWAYS = frozenset({"defined", "read-only", "host-context", "valid", "in-range", "optional"})
_NEVER = frozenset(
    {
        *("autofill", "-webkit-autofill", "placeholder-shown", "fullscreen", "-webkit-full-screen", "modal", "open"),
        *("popover-open", "picture-in-picture", "read-write", "default", "indeterminate", "invalid", "out-of-range"),
        *("required", "user-invalid", "user-valid", "xr-overlay", "state", "active-view-transition", "blank"),
    }
)
"""Pseudo-classes that a browser knows and cssselect2 does not: what they come to on a page that nobody has touched."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where the rules of an ``@scope`` hold: within some elements, and not within others again."""

    root: tuple[Any, ...]
    limit: tuple[Any, ...] = ()

    @classmethod
    def read(cls, prelude: Sequence[Any], parent: Sequence[Any]) -> "Scope | None":
        """What stands behind ``@scope``; without anything there, the style element's parent, which is not told."""
        blocks = [token for token in prelude if token.type == "() block"]
        if not blocks:
            return None
        root = nested(blocks[0].content, parent) if parent else blocks[0].content
        return cls(root=tuple(root), limit=tuple(blocks[1].content) if len(blocks) > 1 else ())

    def around(self, selectors: Sequence[Any]) -> list[Any]:
        """The same selectors, for what is in scope alone."""
        within = _is([*self.root, _literal(","), *_is(self.root), *_descendant()])
        beyond = _not(_is([*self.limit, _literal(","), *_is(self.limit), *_descendant()])) if self.limit else []
        told: list[Any] = []
        for one in split(_in_place(selectors, {"scope": self.root})):
            told += [*([_literal(",")] if told else []), *_trimmed(one), *within, *beyond]
        return told


def nested(prelude: Sequence[Any], parent: Sequence[Any]) -> list[Any]:
    """A nested rule's selectors as they would be written outside."""
    told: list[Any] = []
    for one in split(prelude):
        piece = _trimmed(one)
        if not _holds_sign(piece):
            lead = [] if piece and piece[0] in (">", "+", "~") else [_blank()]
            piece = [_literal("&"), *lead, *piece]
        told += [*([_literal(",")] if told else []), *_replaced(piece, parent)]
    return told


def _holds_sign(tokens: Iterable[Any]) -> bool:
    return any(token == "&" or (token.type == "function" and _holds_sign(token.arguments)) for token in tokens)


def _replaced(tokens: Iterable[Any], parent: Sequence[Any]) -> Iterator[Any]:
    for token in tokens:
        if token == "&":
            yield from _is(parent)
        elif token.type == "function":
            yield _function(token.name, list(_replaced(token.arguments, parent)))
        else:
            yield token


def _in_place(tokens: Iterable[Any], named: dict[str, Sequence[Any]]) -> Iterator[Any]:
    """The tokens with some pseudo-classes, and the sign for them, written out."""
    colon = None
    for token in tokens:
        if colon is not None and token.type == "ident" and token.lower_value in named:
            yield from _is(named[token.lower_value])
            colon = None
            continue
        if colon is not None:
            yield colon
        colon = token if token == ":" else None
        if colon is None:
            yield token
    if colon is not None:
        yield colon


def known(tokens: Sequence[Any], *, quirks: bool) -> list[Any]:
    """Selectors in words that cssselect2 knows."""
    told: list[Any] = []
    for number, token in enumerate(tokens):
        after_colon = number > 0 and tokens[number - 1] == ":" and not (number > 1 and tokens[number - 2] == ":")
        name = token.lower_value if token.type == "ident" else token.lower_name if token.type == "function" else ""
        if after_colon and name == "dir":
            name = "defined" if "ltr" in argument_of(token).lower() else "default"
        if after_colon and name in _ALWAYS | _NEVER:
            told.pop()
            told += _is([_literal("*")]) if name in _ALWAYS else _not([_literal("*")])
        elif token.type == "function" and after_colon and name != "lang":
            told.append(_function(token.name, known(token.arguments, quirks=quirks)))
        elif token.type == "[] block":
            told.append(ast.SquareBracketsBlock(0, 0, _without_namespace(token.content)))
        elif quirks and token.type == "hash":
            told.append(ast.HashToken(0, 0, token.value.lower(), token.is_identifier))
        elif quirks and token.type == "ident" and number and tokens[number - 1] == ".":
            told.append(ast.IdentToken(0, 0, token.value.lower()))
        else:
            told.append(token)
    return told


def _without_namespace(tokens: Sequence[Any]) -> list[Any]:
    """``[*|name]`` and ``[|name]`` without what stands before the name: attributes of HTML have no namespace."""
    told = list(tokens)
    while told and told[0].type == "whitespace":
        told.pop(0)
    if len(told) > 1 and told[0] == "*" and told[1] == "|":
        return told[2:]
    return told[1:] if told and told[0] == "|" else told


def _trimmed(tokens: Sequence[Any]) -> list[Any]:
    told = list(tokens)
    while told and told[0].type in {"whitespace", "comment"}:
        told.pop(0)
    while told and told[-1].type in {"whitespace", "comment"}:
        told.pop()
    return told


def _literal(sign: str) -> Any:  # noqa: ANN401 - a token
    return ast.LiteralToken(0, 0, sign)


def _blank() -> Any:  # noqa: ANN401 - a token
    return ast.WhitespaceToken(0, 0, " ")


def _function(name: str, arguments: Sequence[Any]) -> Any:  # noqa: ANN401 - a token
    return ast.FunctionBlock(0, 0, name, list(arguments))


def _is(selectors: Sequence[Any]) -> list[Any]:
    return [_literal(":"), _function("is", selectors)]


def _not(selectors: Sequence[Any]) -> list[Any]:
    return [_literal(":"), _function("not", selectors)]


def _descendant() -> list[Any]:
    return [_blank(), _literal("*")]


def argument_of(function: Any) -> str:  # noqa: ANN401 - a token
    """The first word in a function's brackets."""
    return next((str(token.value) for token in words(function.arguments) if hasattr(token, "value")), "")
