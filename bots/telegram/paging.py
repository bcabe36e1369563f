"""A reply as pages: the JSON bodies of messages (https://core.telegram.org/bots/api#sendmessage), less the chat.

How Markdown looks on Telegram is the affair of ``rendering.py`` and ``richness.py``.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from bots.telegram.rendering import Rendered, plain_pages
from bots.telegram.rendering import pages as entity_pages
from bots.telegram.richness import RichPage, is_worth_it, rich_pages
from core.values import Choice, Page, Reply

FORMS: Final = ("rich", "entities", "plain")
"""The first takes whatever says an answer best: a rich message where it is worth it, else text with entities."""

FOLLOWS: Final = "follows"
"""Our own mark in a body: this page goes on from another, and so replies to nothing."""

_LONGEST_TOKEN_BYTES = 64
_NOTHING_YET: Final = Rendered(source="", text="…")
_NO_LINK_PREVIEW: Final = {"is_disabled": True}


def pages(reply: Reply, form: str, *, rich: bool = True) -> tuple[Page, ...]:
    """Render a reply in a form; its choices go below the last page. Where there is nothing to see it is an ellipsis.

    Args:
        rich: Whether the richest form may use rich messages; without, it is text with entities, too.
    """
    said = _said(reply.markdown, form, rich=rich) or [_text(_NOTHING_YET)]
    last = len(said) - 1
    return tuple(
        _page(source, body, form, reply.choices if number == last else (), follows=number > 0)
        for number, (source, body) in enumerate(said)
    )


def _said(markdown: str, form: str, *, rich: bool) -> list[tuple[str, dict[str, Any]]]:
    """The Markdown of each page, and how it is said."""
    if form == "plain":
        return [_text(piece) for piece in plain_pages(markdown)]
    if form == "rich" and rich and is_worth_it(markdown):
        return [said for page in rich_pages(markdown) for said in _richly(page)]
    return [_text(piece) for piece in entity_pages(markdown)]


def _richly(page: RichPage) -> list[tuple[str, dict[str, Any]]]:
    if not page.html:
        return [_text(piece) for piece in entity_pages(page.source)]
    message = {"html": page.html} | ({"is_rtl": True} if page.right_to_left else {})
    return [(page.source, {"rich_message": message})]


def _text(rendered: Rendered) -> tuple[str, dict[str, Any]]:
    # No link previews: the platform would fetch whatever address the answer names.
    body: dict[str, Any] = {"text": rendered.text, "link_preview_options": _NO_LINK_PREVIEW}
    return rendered.source, body | ({"entities": rendered.entities} if rendered.entities else {})


def _page(source: str, body: dict[str, Any], form: str, choices: tuple[Choice, ...], *, follows: bool) -> Page:
    if choices:
        body["reply_markup"] = {"inline_keyboard": _keyboard(choices)}
    if follows:
        body[FOLLOWS] = True
    return Page(body=json.dumps(body, ensure_ascii=False), form=form, source=source, choices=choices)


def _keyboard(choices: Sequence[Choice]) -> list[list[dict[str, str]]]:
    """Lay out the buttons: short labels side by side, longer ones in rows of their own."""
    longest = max(len(choice.label) for choice in choices)
    across = 3 if longest <= 10 else 2 if longest <= 18 else 1  # noqa: PLR2004
    buttons = [_button(choice) for choice in choices]
    return [buttons[at : at + across] for at in range(0, len(buttons), across)]


def _button(choice: Choice) -> dict[str, str]:
    """Make a button (https://core.telegram.org/bots/api#inlinekeyboardbutton); its data has at most 64 bytes."""
    if len(choice.token.encode()) > _LONGEST_TOKEN_BYTES:
        raise ValueError(f"A choice's token has more than {_LONGEST_TOKEN_BYTES} bytes.")
    return {"text": choice.label, "callback_data": choice.token}
