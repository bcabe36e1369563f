"""The web chat's log as a person reads it, and what must never stand in an answer there."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Final

from conformance.stage import Button, Shown

_FORBIDDEN: Final = frozenset({"base", "embed", "form", "iframe", "img", "link", "meta", "object", "script", "style"})
_HARMLESS: Final = ("http://", "https://", "mailto:")
_BLOCKS: Final = frozenset(
    {"blockquote", "br", "div", "figure", "h2", "h3", "h4", "h5", "h6", "li", "ol", "p", "pre", "table", "tr", "ul"}
)
_EMPTY: Final = frozenset({"br", "hr", "img", "input"})


class Reader(HTMLParser):
    """Reads the log as a person does, and judges what stands in answers by the rules for pages.

    Attributes:
        states: How far each answer is.
        violations: What is in an answer that could act, load something, or lead to no plain address.
    """

    def __init__(self) -> None:
        super().__init__()
        self.states: list[str] = []
        self.violations: list[str] = []
        self._ids: list[str] = []
        self._texts: list[list[str]] = []
        self._buttons: list[list[Button]] = []
        self._inside: list[tuple[str, str]] = []
        self._token = ""

    def shown(self) -> tuple[Shown, ...]:
        """The answers."""
        return tuple(
            Shown(id=name, text=re.sub(r"[ \t]*\n[\n\t ]*", "\n", "".join(words)).strip(), buttons=tuple(buttons))
            for name, words, buttons in zip(self._ids, self._texts, self._buttons, strict=True)
        )

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        kind = told.get("class", "")
        if tag == "article" and kind == "answer":
            self._ids.append(told["id"])
            self.states.append(told["data-state"])
            self._texts.append([])
            self._buttons.append([])
        if self._in("body"):
            self._judge(tag, told)
            if tag in _BLOCKS:
                self._texts[-1].append("\n")
        if tag not in _EMPTY:
            self._inside.append((tag, kind))
        self._token = told.get("value", "") if tag == "button" and self._in("choices") else ""

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop()[0] != tag:
            pass
        if self._in("body") and tag in _BLOCKS:
            self._texts[-1].append("\n")
        elif self._in("body") and tag in {"td", "th"}:
            self._texts[-1].append(" ")

    def handle_data(self, data: str) -> None:
        if self._token:
            self._buttons[-1].append(Button(label=data.strip(), token=self._token))
            self._token = ""
        elif self._in("body") and not any(tag == "button" for tag, _ in self._inside):
            self._texts[-1].append(data)

    def _in(self, kind: str) -> bool:
        return any(one == kind for _, one in self._inside) and any(one == "answer" for _, one in self._inside)

    def _judge(self, tag: str, told: Mapping[str, str]) -> None:
        if tag in _FORBIDDEN:
            self.violations.append(f"<{tag}> in an answer")
        for name, value in told.items():
            if name in {"src", "srcdoc", "style"} or name.startswith("on"):
                self.violations.append(f"{name} of <{tag}> in an answer")
            if name == "href" and not value.lower().startswith(_HARMLESS):
                self.violations.append(f"a link to {value!r} in an answer")
