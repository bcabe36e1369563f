"""A reply as pages: the JSON bodies of messages (https://core.telegram.org/bots/api#sendmessage), less the chat.

How Markdown looks on Telegram is ``rendering.py``'s affair.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from core.splitting import split
from core.values import Choice, Page, Reply

FORMS: Final = ("plain",)
LONGEST: Final = 4096
"""UTF-16 units of text in one message."""

_LONGEST_TOKEN_BYTES = 64
_PLACEHOLDER = "…"
_NO_LINK_PREVIEW: Final = {"is_disabled": True}


def pages(reply: Reply, form: str) -> tuple[Page, ...]:
    """Render a reply in a form; its choices go below the last page. Without any text it is a calm placeholder."""
    rendered = _rendered(reply.markdown) or (({"text": _PLACEHOLDER}, ""),)
    last = len(rendered) - 1
    return tuple(
        _page(text, source, form, reply.choices if number == last else ())
        for number, (text, source) in enumerate(rendered)
    )


def _rendered(markdown: str) -> tuple[tuple[dict[str, Any], str], ...]:
    return tuple(({"text": piece}, piece) for piece in split(markdown, _fits))


def _fits(text: str) -> bool:
    return len(text.encode("utf-16-le")) // 2 <= LONGEST


def _page(text: dict[str, Any], source: str, form: str, choices: Sequence[Choice]) -> Page:
    # No link previews: they would fetch whatever address the answer names.
    body = text | {"link_preview_options": _NO_LINK_PREVIEW}
    if choices:
        body["reply_markup"] = {"inline_keyboard": _keyboard(choices)}
    return Page(body=json.dumps(body, ensure_ascii=False), form=form, source=source, choices=tuple(choices))


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
