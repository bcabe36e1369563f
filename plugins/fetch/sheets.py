"""The rules of a page's style sheets, as far as a desktop's window would apply them, in order of their weight.

Read are sheets within the page and those that an address holds itself (``data:``); others are not fetched. Selectors
are matched by cssselect2 (``selectors.py``). See https://www.w3.org/TR/css-cascade-5/.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any
from urllib.parse import unquote

import cssselect2  # type: ignore[import-untyped]
import tinycss2  # type: ignore[import-untyped]
from tinycss2 import ast

from plugins.fetch.lengths import Scale, split, words
from plugins.fetch.media import fits, supported
from plugins.fetch.properties import Declaration, declarations
from plugins.fetch.selectors import Scope, argument_of, known, nested
from plugins.fetch.tree import TooDeep

Layer = tuple[float, ...]
"""A layer's place among all: a later one weighs more, and what is in no layer the most."""

_MAX_IMPORTS = 8
_DATA = re.compile(r"\s*data:text/css\s*(?:;[^,]*?)?(;base64)?,(.*)", re.IGNORECASE | re.DOTALL)
_STEPS = ("from", "to")


@dataclass(slots=True)
class Rule:
    """What a rule says, and where it stands."""

    declared: tuple[Declaration, ...]
    layer: tuple[int, ...]
    order: int


@dataclass(slots=True)
class Sheets:
    """All rules of a page.

    Attributes:
        matcher: Finds those that hold for an element.
        keyframes: What each animation comes to in the end.
    """

    quirks: bool = False
    matcher: Any = field(default_factory=cssselect2.Matcher)
    keyframes: dict[str, tuple[Declaration, ...]] = field(default_factory=dict)
    _layers: dict[tuple[str, ...], int] = field(default_factory=dict)
    _anonymous: int = 0
    _order: int = 0
    _imports: int = 0
    _weights: dict[tuple[int, ...], Layer] = field(default_factory=dict)

    def add(self, text: str, media: str = "", layer: tuple[str, ...] = ()) -> None:
        """Read a sheet that stands behind the others."""
        if media and not fits(tinycss2.parse_component_value_list(media)):
            return
        try:
            self._rules(tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True), (), None, layer)
        except RecursionError as error:
            raise TooDeep from error

    def weight(self, rule: Rule) -> Layer:
        """Where the rule's layer stands among the others."""
        known = self._weights.get(rule.layer)
        if known is None:
            known = self._weights[rule.layer] = (*map(float, rule.layer), inf)
        return known

    def _rules(self, rules: Iterable[Any], parent: Sequence[Any], scope: Scope | None, layer: tuple[str, ...]) -> None:
        """Take in rules.

        Args:
            parent: The selectors of the rule that these stand in, () for none.
        """
        for rule in rules:
            if rule.type == "qualified-rule":
                self._rule(rule, parent, scope, layer)
            elif rule.type == "at-rule":
                self._at(rule, parent, scope, layer)

    def _rule(
        self, rule: ast.QualifiedRule, parent: Sequence[Any], scope: Scope | None, layer: tuple[str, ...]
    ) -> None:
        prelude = nested(rule.prelude, parent) if parent else rule.prelude
        self._block(rule.content, prelude, scope, layer)

    def _block(
        self, content: Sequence[Any], selectors: Sequence[Any], scope: Scope | None, layer: tuple[str, ...]
    ) -> None:
        inner = tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True)
        if declared := declarations(inner, Scale(quirks=self.quirks)):
            self._select(selectors, declared, scope, layer)
        self._rules(inner, selectors, scope, layer)

    def _select(
        self,
        selectors: Sequence[Any],
        declared: tuple[Declaration, ...],
        scope: Scope | None,
        layer: tuple[str, ...],
    ) -> None:
        told = known(selectors, quirks=self.quirks)
        if scope is not None:
            told = scope.around(told)
        try:
            compiled = cssselect2.compile_selector_list(told)
        except (cssselect2.SelectorError, NotImplementedError, ValueError):
            return  # nor does a browser take it
        except (SyntaxError, MemoryError) as error:  # of Python's own parser
            raise TooDeep from error
        self._order += 1
        rule = Rule(declared=declared, layer=self._place(layer), order=self._order)
        for selector in compiled:
            if not selector.never_matches:
                self.matcher.add_selector(selector, rule)

    def _at(self, rule: ast.AtRule, parent: Sequence[Any], scope: Scope | None, layer: tuple[str, ...]) -> None:
        match rule.lower_at_keyword:
            case "media" if fits(rule.prelude):
                self._inside(rule, parent, scope, layer)
            case "supports" if supported(words(rule.prelude)):
                self._inside(rule, parent, scope, layer)
            case "container" | "-moz-document":
                self._inside(rule, parent, scope, layer)
            case "layer":
                self._layer(rule, parent, scope, layer)
            case "scope":
                self._inside(rule, (), Scope.read(rule.prelude, parent), layer)
            case "import":
                self._import(rule, layer)
            case "keyframes" | "-webkit-keyframes" | "-moz-keyframes" if rule.content is not None:
                self._keyframes(rule)

    def _inside(self, rule: ast.AtRule, parent: Sequence[Any], scope: Scope | None, layer: tuple[str, ...]) -> None:
        if rule.content is None:
            return
        if parent:
            self._block(rule.content, parent, scope, layer)
        else:
            inner = tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True)
            self._rules(inner, (), scope, layer)

    def _layer(self, rule: ast.AtRule, parent: Sequence[Any], scope: Scope | None, layer: tuple[str, ...]) -> None:
        names = [
            tuple("".join(str(t.value) for t in words(one)).split(".")) for one in split(rule.prelude) if words(one)
        ]
        if rule.content is None:
            for name in names:
                self._place((*layer, *name))
            return
        if not names:
            self._anonymous += 1
        name = names[0] if names else (f" {self._anonymous}",)
        self._place((*layer, *name))
        self._inside(rule, parent, scope, (*layer, *name))

    def _place(self, layer: tuple[str, ...]) -> tuple[int, ...]:
        """A layer's number on each level, by when it was named first."""
        return tuple(self._layers.setdefault(layer[: depth + 1], len(self._layers)) for depth in range(len(layer)))

    def _import(self, rule: ast.AtRule, layer: tuple[str, ...]) -> None:
        told = words(rule.prelude)
        if not told or self._imports >= _MAX_IMPORTS:
            return
        first = told[0]
        address = (
            first.value if first.type in {"string", "url"} else argument_of(first) if first.type == "function" else ""
        )
        if (sheet := of_data(address)) is None:
            return
        self._imports += 1
        rest = told[1:]
        if rest and rest[0].type == "function" and rest[0].lower_name == "layer":
            layer = (*layer, argument_of(rest[0]))
            rest = rest[1:]
        if not rest or fits(rest):
            inner = tinycss2.parse_stylesheet(sheet, skip_comments=True, skip_whitespace=True)
            self._rules(inner, (), None, layer)

    def _keyframes(self, rule: ast.AtRule) -> None:
        """Keep what an animation ends with."""
        name = next((str(token.value) for token in words(rule.prelude)), "")
        for frame in tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True):
            if frame.type == "qualified-rule" and _is_end(frame.prelude):
                inner = tinycss2.parse_blocks_contents(frame.content, skip_comments=True, skip_whitespace=True)
                self.keyframes[name] = declarations(inner, Scale(quirks=self.quirks))


def of_data(address: str) -> str | None:
    """The style sheet that an address holds itself, None for one that leads elsewhere."""
    found = _DATA.fullmatch(address)
    if found is None:
        return None
    if found[1]:
        import base64
        import binascii

        try:
            return base64.b64decode(unquote(found[2]).encode("ascii", "ignore")).decode("utf-8", "replace")
        except binascii.Error:
            return None
    return unquote(found[2])


def _is_end(prelude: Sequence[Any]) -> bool:
    return any(
        (token.type == "ident" and token.lower_value == "to") or (token.type == "percentage" and token.value == 100)  # noqa: PLR2004
        for token in prelude
    )
