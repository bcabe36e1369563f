"""A reply as messages: https://discord.com/developers/docs/resources/message#create-message .

A message holds 2,000 characters; we count UTF-16 units, which are never fewer.
"""

import json
import re
from collections.abc import Sequence
from functools import cache
from itertools import zip_longest
from typing import Any, Final

from core.text.chat import Dialect, bare, fence, written
from core.text.splitting import split
from core.text.unfinished import divisible
from core.values import Choice, Page, Reply

MARKDOWN: Final = "markdown"
PLAIN: Final = "plain"
FORMS: Final = (MARKDOWN, PLAIN)

CONTENT_UNITS: Final = 2000
_MOST_FILES: Final = 10
_SUPPRESS_EMBEDS: Final = 1 << 2  # the platform would fetch whatever address an answer names
_ACROSS, _ROWS, _OPTIONS = 5, 5, 25
_LABEL_CHARS, _OPTION_CHARS = 80, 100

Json = dict[str, Any]

_MARKS = re.compile(r"([\\*_~`|<>\[\]])")
_BEGINNING = re.compile(r"^(\s*)([#+>-]|\d+(?=[.)]))", re.MULTILINE)
_TICKS = re.compile("(`+)")
_ENDS_ADDRESS: Final = frozenset(" \n\t.,:;\"'")


def _escaped(text: str) -> str:
    """A text that means nothing but itself."""
    return _BEGINNING.sub(r"\1\\\2", _MARKS.sub(r"\\\1", text))


def _address(address: str, after: str) -> str:
    """An address, in brackets where Discord would take more or less for it: it reads up to the next blank."""
    if "://" not in address:
        return _escaped(address)
    clear = (not after or after in _ENDS_ADDRESS) and address[-1] not in "<.,:;\"']"
    return address if clear else f"<{address}>"


def _code(text: str) -> str:
    """Code on one line, exactly: between more backticks, or fewer, than stand in it."""
    pieces = [""]
    for part in _TICKS.split(text):
        if {1, 2} <= {len(run) for run in _TICKS.findall(pieces[-1] + part)}:
            pieces.append("")
        pieces[-1] += part
    return "\u200b".join(_code_piece(piece) for piece in pieces)


def _code_piece(text: str) -> str:
    runs = {len(run) for run in _TICKS.findall(text)}
    if not runs:
        return f"`{text or ' '}`"
    mark = "`" if 2 in runs else "``"  # noqa: PLR2004
    space = " " if text[0] == "`" or text[-1] == "`" else ""
    return f"{mark}{space}{text}{space}{mark}"


def _block(code: str, language: str) -> str:
    """A block of code. A line with three backticks would end it, and stands between two blocks instead."""
    if "```" not in code:
        return fence(code, re.sub("[^A-Za-z0-9_+#.-]", "", language))
    said: list[str] = []
    lines: list[str] = []
    for line in (*code.split("\n"), None):
        if line is not None and "```" not in line:
            lines.append(line)
            continue
        if any(map(str.strip, lines)):
            said.append(fence("\n".join(lines)))
        lines = []
        if line is not None:
            said.append(_code(line))
    return "\n".join(said)


DIALECT: Final = Dialect(
    bold="**",
    italic="*",
    strike="~~",
    spoiler="||",
    escape=_escaped,
    code=_code,
    block=_block,
    address=_address,
    headings=3,
    links=True,
    tables="columns",
)


def units(text: str) -> int:
    """UTF-16 units of a text."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def pages(reply: Reply, form: str) -> tuple[Page, ...]:
    """Render a reply: files from the first page on, choices below the last; an ellipsis where there is nothing."""
    said = cache(bare if form == PLAIN else _written)
    whole = divisible(reply.markdown, unfinished=reply.unfinished)
    texts = split(whole, lambda piece: units(said(piece)) / CONTENT_UNITS, max_pages=reply.max_pages) or ("",)
    files = [reply.media[at : at + _MOST_FILES] for at in range(0, len(reply.media), _MOST_FILES)]
    last = max(len(texts), len(files)) - 1
    made = []
    for number, (text, media) in enumerate(zip_longest(texts, files)):
        choices = reply.choices if number == last else ()
        content = said(text or "") or ("" if media and not choices else "…")
        body: Json = {"content": content, "allowed_mentions": {"parse": []}, "flags": _SUPPRESS_EMBEDS}
        if choices:
            body["components"] = _components(choices)
        made.append(
            Page(
                body=json.dumps(body, ensure_ascii=False),
                form=form,
                source=text or "",
                media=media or (),
                choices=choices,
            )
        )
    return tuple(made)


def _written(markdown: str) -> str:
    return written(markdown, DIALECT)


def _components(choices: Sequence[Choice]) -> list[Json]:
    """Buttons in rows, or menus where there are more than fit."""
    if len(choices) <= _ACROSS * _ROWS:
        buttons = [
            {"type": 2, "style": 2, "label": _cut(choice.label, _LABEL_CHARS), "custom_id": choice.token}
            for choice in choices
        ]
        return [{"type": 1, "components": buttons[at : at + _ACROSS]} for at in range(0, len(buttons), _ACROSS)]
    options = [{"label": _cut(choice.label, _OPTION_CHARS), "value": choice.token} for choice in choices]
    menus = [options[at : at + _OPTIONS] for at in range(0, len(options), _OPTIONS)][:_ROWS]
    return [
        {"type": 1, "components": [{"type": 3, "custom_id": f"menu-{number}", "options": menu}]}
        for number, menu in enumerate(menus)
    ]


def _cut(text: str, most: int) -> str:
    text = text.strip() or "…"
    return text if len(text) <= most else text[: most - 1] + "…"
