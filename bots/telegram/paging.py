"""A reply as pages: the JSON bodies of messages (https://core.telegram.org/bots/api#sendmessage), less the chat.

How Markdown looks on Telegram is the affair of ``rendering.py`` and ``richness.py``, how files go of ``enclosing.py``.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from bots.telegram.enclosing import CAPTION_UNITS, parted, takes_caption
from bots.telegram.entities import utf16_length
from bots.telegram.rendering import Rendered, plain_pages
from bots.telegram.rendering import pages as entity_pages
from bots.telegram.richness import RichPage, is_worth_it, rich_pages
from core.values import Choice, Media, Page, Reply, value

FORMS: Final = ("rich", "entities", "plain")
"""The first takes whatever says an answer best: a rich message where it is worth it, else text with entities."""

FOLLOWS: Final = "follows"
"""Our own mark in a body: this page goes on from another, and so replies to nothing."""

_LONGEST_TOKEN_BYTES = 64
_NOTHING_YET: Final = Rendered(source="", text="…")
_NO_LINK_PREVIEW: Final = {"is_disabled": True}


@value
class _Part:
    """One message to be: the Markdown it says, how it is said, and its files."""

    source: str
    body: dict[str, Any]
    media: tuple[Media, ...] = ()


def pages(reply: Reply, form: str, *, rich: bool = True) -> tuple[Page, ...]:
    """Render a reply in a form; its choices go below the last page. Where there is nothing to see it is an ellipsis.

    Args:
        rich: Whether the richest form may use rich messages; without, it is text with entities, too.
    """
    parts = _parts(reply, _said(reply, form, rich=rich))
    last = len(parts) - 1
    return tuple(
        _page(part, form, reply.choices if number == last else (), follows=number > 0)
        for number, part in enumerate(parts)
    )


def _parts(reply: Reply, words: list[_Part]) -> list[_Part]:
    """Put words and files in order: a short text below its file, a long one before; buttons stand below words."""
    files = [_Part(source="", body={}, media=media) for media in parted(reply.media)]
    if len(words) == 1 and takes_caption(reply.media, buttons=bool(reply.choices)):
        caption = _caption(words[0].body)
        if caption is not None:
            return [_Part(source=words[0].source, body=caption, media=reply.media)]
    if reply.choices:
        return [*files, *(words or [_text(_NOTHING_YET)])]
    return [*words, *files] or [_text(_NOTHING_YET)]


def _caption(body: dict[str, Any]) -> dict[str, Any] | None:
    """A text as a caption, None where it cannot be one."""
    if "text" not in body or utf16_length(body["text"]) > CAPTION_UNITS:
        return None
    names = {"text": "caption", "entities": "caption_entities"}
    return {names[key]: body[key] for key in names if key in body}


def _said(reply: Reply, form: str, *, rich: bool) -> list[_Part]:
    markdown, growing, most = reply.markdown, reply.unfinished, reply.max_pages
    if form == "plain":
        return [_text(piece) for piece in plain_pages(markdown, unfinished=growing, max_pages=most)]
    if form == "rich" and rich and is_worth_it(markdown):
        return [part for page in rich_pages(markdown, unfinished=growing, max_pages=most) for part in _richly(page)]
    return [_text(piece) for piece in entity_pages(markdown, unfinished=growing, max_pages=most)]


def _richly(page: RichPage) -> list[_Part]:
    if not page.html:
        return [_text(piece) for piece in entity_pages(page.source)]
    message = {"html": page.html} | ({"is_rtl": True} if page.right_to_left else {})
    return [_Part(source=page.source, body={"rich_message": message})]


def _text(rendered: Rendered) -> _Part:
    # No link previews: the platform would fetch whatever address the answer names.
    body: dict[str, Any] = {"text": rendered.text, "link_preview_options": _NO_LINK_PREVIEW}
    return _Part(source=rendered.source, body=body | ({"entities": rendered.entities} if rendered.entities else {}))


def _page(part: _Part, form: str, choices: tuple[Choice, ...], *, follows: bool) -> Page:
    body = dict(part.body)
    if choices:
        body["reply_markup"] = {"inline_keyboard": _keyboard(choices)}
    if follows:
        body[FOLLOWS] = True
    written = json.dumps(body, ensure_ascii=False)
    return Page(body=written, form=form, source=part.source, media=part.media, choices=choices)


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
