"""A reply as pages: the JSON bodies of messages (https://core.telegram.org/bots/api#sendmessage), less the chat.

How Markdown looks on Telegram is ``rendering.py``'s affair.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from bots.telegram.rendering import Rendered, plain_pages
from bots.telegram.rendering import pages as entity_pages
from core.values import Choice, Page, Reply

FORMS: Final = ("entities", "plain")
FOLLOWS: Final = "follows"
"""Our own mark in a body: this page goes on from another, and so replies to nothing."""

_LONGEST_TOKEN_BYTES = 64
_NOTHING_YET: Final = Rendered(source="", text="…")
_NO_LINK_PREVIEW: Final = {"is_disabled": True}


def pages(reply: Reply, form: str) -> tuple[Page, ...]:
    """Render a reply in a form; its choices go below the last page. Where there is nothing to see it is an ellipsis."""
    render = plain_pages if form == "plain" else entity_pages
    rendered = render(reply.markdown) or (_NOTHING_YET,)
    last = len(rendered) - 1
    return tuple(
        _page(piece, form, reply.choices if number == last else (), follows=number > 0)
        for number, piece in enumerate(rendered)
    )


def _page(rendered: Rendered, form: str, choices: tuple[Choice, ...], *, follows: bool) -> Page:
    # No link previews: the platform would fetch whatever address the answer names.
    body: dict[str, Any] = {"text": rendered.text, "link_preview_options": _NO_LINK_PREVIEW}
    if rendered.entities:
        body["entities"] = rendered.entities
    if choices:
        body["reply_markup"] = {"inline_keyboard": _keyboard(choices)}
    if follows:
        body[FOLLOWS] = True
    return Page(body=json.dumps(body, ensure_ascii=False), form=form, source=rendered.source, choices=choices)


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
