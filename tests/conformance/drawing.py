"""One nasty document as every platform is given it, drawn so that a person can read and compare.

The drawings lie beside ``golden/nasty.md`` and stand on the page ``docs/rendering.md``; ``draw.py`` makes both anew.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from bots.discord.paging import MARKDOWN
from bots.discord.paging import pages as discord_pages
from bots.telegram.paging import pages as telegram_pages
from bots.web.rendering import render
from bots.whatsapp.paging import TEXT
from bots.whatsapp.paging import pages as whatsapp_pages
from core.text.fencing import code_block
from core.values import Page, Reply

GOLDEN: Final = Path(__file__).parent / "golden"
NASTY: Final = GOLDEN / "nasty.md"
DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "rendering.md"
_NEXT: Final = "\n\n======== next message\n\n"
_A_LINE: Final = ("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "table", "tr", "pre", "blockquote", "hr")


def _telegram(form: str, markdown: str) -> str:
    return _NEXT.join(map(_telegram_page, telegram_pages(Reply(markdown=markdown), form)))


def _telegram_page(page: Page) -> str:
    """Rich HTML a block a line, or the text and what of it is marked."""
    body: dict[str, Any] = json.loads(page.body)
    if "rich_message" in body:
        html: str = body["rich_message"]["html"]
        for tag in (*_A_LINE, "details"):
            html = html.replace(f"<{tag}>", f"\n<{tag}>").replace(f"<{tag} ", f"\n<{tag} ")
        return html.strip()
    units = body["text"].encode("utf-16-le")
    marks = []
    for mark in body.get("entities", ()):
        words = units[mark["offset"] * 2 : (mark["offset"] + mark["length"]) * 2].decode("utf-16-le")
        more = mark.get("url") or mark.get("language") or ""
        marks.append(f"{mark['type']:14}{json.dumps(words, ensure_ascii=False)} {more}".rstrip())
    return "\n".join((body["text"], "", "-" * 80, *marks)) if marks else body["text"]


def _discord(markdown: str) -> str:
    return _NEXT.join(json.loads(page.body)["content"] for page in discord_pages(Reply(markdown=markdown), MARKDOWN))


def _whatsapp(markdown: str) -> str:
    bodies = [json.loads(page.body) for page in whatsapp_pages(Reply(markdown=markdown), TEXT)]
    return _NEXT.join(body["text"]["body"] for body in bodies)


def _web(markdown: str) -> str:
    return "\n".join(block.strip() for block in render(markdown))


DRAWINGS: Final[Mapping[str, tuple[str, Callable[[str], str]]]] = {
    "telegram.rich": ("Telegram, as a rich message", partial(_telegram, "rich")),
    "telegram.entities": ("Telegram, as text with entities", partial(_telegram, "entities")),
    "telegram.plain": ("Telegram, as plain text", partial(_telegram, "plain")),
    "web.html": ("The web chat", _web),
    "discord.markdown": ("Discord", _discord),
    "whatsapp.text": ("WhatsApp", _whatsapp),
}
"""By the middle of its file's name: what a reader calls it, and how it is drawn."""


def golden(name: str) -> Path:
    """The file of a drawing."""
    return GOLDEN / f"nasty.{name}.txt"


def drawn(name: str) -> str:
    """The document as it looks there now."""
    _, draw = DRAWINGS[name]
    return draw(NASTY.read_text(encoding="utf-8")) + "\n"


def page() -> str:
    """The page that shows all drawings, made of the files as they are."""
    sections = [_HEAD, "## What the model said", code_block(NASTY.read_text(encoding="utf-8").rstrip("\n"))]
    for name, (title, _) in DRAWINGS.items():
        sections += [f"## {title}", code_block(golden(name).read_text(encoding="utf-8").rstrip("\n"))]
    return "\n\n".join(sections) + "\n"


_HEAD: Final = """\
# One answer on every platform

A model writes Markdown; each platform is given what it can show. Nothing a model writes can act: no raw HTML, no
mention of everybody, no picture that is loaded from elsewhere, no link that hides where it leads. Below is one document
with all that makes trouble, and what each platform is sent for it: the message's own markup where it has one, otherwise
the text and, under a line, which of its words are marked and how. A platform takes plainer forms where it refuses a
richer one.

This page is made from the files in `tests/conformance/golden`, which the tests compare with what is sent. After a
change of how things are said, `python3 .ci/uv.py run python tests/conformance/draw.py` draws them and this page anew;
read what has changed before you commit it."""
