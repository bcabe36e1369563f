"""A reply as messages: the JSON bodies of https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages .

Each costs money, so there are as few as the limits allow. Limits count characters; ours are UTF-16 units, which are
never fewer.
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from core.text.chat import Dialect, bare, fence, written
from core.text.splitting import split
from core.text.unfinished import divisible
from core.values import Choice, Media, Page, Reply

TEXT: Final = "text"
TEMPLATE: Final = "template"
"""What is let in more than 24 hours after the person last wrote."""

TEXT_UNITS: Final = 4096
INTERACTIVE_UNITS: Final = 1024
TEMPLATE_UNITS: Final = 800
"""Of the 1,024 a template's body has: the rest is for its own words."""
CAPTION_UNITS: Final = 1024
BUTTONS: Final = 3
ROWS: Final = 10
BUTTON_UNITS: Final = 20
ROW_UNITS: Final = 24

_MB: Final = 1 << 20
MOST_BYTES: Final = {"image": 5 * _MB, "audio": 16 * _MB, "video": 16 * _MB, "document": 100 * _MB, "sticker": 500_000}

_APART: Final = "\u200b"  # nothing can be escaped, so only what nobody sees keeps three backticks from ending code


def _apart(code: str) -> str:
    return re.sub("`{3,}", lambda found: _APART.join(found[0]), code)


def _code(text: str) -> str:
    if "`" not in text:
        return f"`{text.strip() or ' '}`"
    inner = _apart(text)
    return f"```{_APART if inner[0] == '`' else ''}{inner}{_APART if inner[-1] == '`' else ''}```"


DIALECT: Final = Dialect(
    bold="*",
    italic="_",
    strike="~",
    spoiler="||",  # nothing hides it, but whoever reads is told
    escape=str,  # there is no way to escape; marks that stand in words mean nothing there
    code=_code,
    block=lambda code, _: fence(_apart(code)),
    whole_words=True,
)

_EMOJI_LETTERS: Final = 16  # the longest, a family of four with tones of skin, has eleven
_FIRST_EMOJI: Final = "\N{WATCH}"

Json = dict[str, Any]


def units(text: str) -> int:
    """UTF-16 units of a text."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def pages(reply: Reply, form: str) -> tuple[Page, ...]:
    """Render a reply; its choices go on the last page. Where there is nothing to see it is an ellipsis."""
    if form == TEMPLATE:
        return _template(reply)
    if not (reply.media or reply.choices or reply.unfinished) and is_emoji(reply.markdown.strip()):
        return (_page({"type": "reaction", "reaction": {"emoji": reply.markdown.strip()}}, reply.markdown),)
    said = cache(_said)
    whole = divisible(reply.markdown, unfinished=reply.unfinished)
    texts = list(split(whole, lambda piece: units(said(piece)) / TEXT_UNITS, max_pages=reply.max_pages))
    if reply.choices and texts and units(said(texts[-1])) > INTERACTIVE_UNITS:
        texts[-1:] = split(texts[-1], lambda piece: units(said(piece)) / INTERACTIVE_UNITS)
    made = [_file_page(media) for media in reply.media]
    if reply.media and len(texts) == 1 and not reply.choices and _takes_caption(reply.media[-1], texts[0]):
        made[-1] = _file_page(reply.media[-1], texts[0])
        return tuple(made)
    if reply.choices:
        *before, last = texts or [""]
        return (*made, *map(_text_page, before), *_choosing(last, reply.choices))
    return (*made, *map(_text_page, texts)) or (_text_page(""),)


def is_emoji(text: str) -> bool:
    """Whether it is one emoji and nothing else: what people here set below a message rather than write one for it."""
    if not 0 < len(text) <= _EMOJI_LETTERS or text.isascii():
        return False
    drawn = text[0] >= _FIRST_EMOJI and unicodedata.category(text[0]) == "So"
    if not (drawn or "\N{VARIATION SELECTOR-16}" in text):
        return False
    from wcwidth import iter_graphemes  # slow to import, and asked only of what begins as an emoji

    return len(list(iter_graphemes(text))) == 1


def _said(markdown: str) -> str:
    return written(markdown, DIALECT)


def _page(body: Json, source: str, media: tuple[Media, ...] = (), choices: tuple[Choice, ...] = ()) -> Page:
    return Page(body=json.dumps(body, ensure_ascii=False), form=TEXT, source=source, media=media, choices=choices)


def _text_page(markdown: str) -> Page:
    text = {"body": _said(markdown) or "…", "preview_url": False}  # the platform would fetch the address for a preview
    return _page({"type": "text", "text": text}, markdown)


def _file_page(media: Media, markdown: str = "") -> Page:
    kind = kind_of(media)
    file: Json = {"caption": _said(markdown)} if markdown else {}
    if kind == "document" and media.name:
        file["filename"] = media.name[:240]
    return _page({"type": kind, kind: file}, markdown, (media,))


def kind_of(media: Media) -> str:
    """As what a file is sent: what WhatsApp does not show as it is, or so large, goes as a document."""
    shown = {
        "photo": ("image", {"image/jpeg", "image/png", ""}),
        "video": ("video", {"video/mp4", "video/3gpp", ""}),
        "voice": ("audio", {"audio/ogg", "audio/mpeg", "audio/mp4", "audio/aac", "audio/amr", ""}),
        "audio": ("audio", {"audio/ogg", "audio/mpeg", "audio/mp4", "audio/aac", "audio/amr", ""}),
        "sticker": ("sticker", {"image/webp", ""}),
    }
    kind, mimes = shown.get(media.kind, ("document", set()))
    return kind if media.mime in mimes and media.size_bytes <= MOST_BYTES[kind] else "document"


def _takes_caption(media: Media, markdown: str) -> bool:
    return kind_of(media) in {"image", "video", "document"} and units(_said(markdown)) <= CAPTION_UNITS


def _choosing(markdown: str, choices: Sequence[Choice]) -> list[Page]:
    """The question with its buttons, or with a list where there are more; the longest of lists takes several."""
    titles = {choice.label for choice in choices if units(choice.label) <= BUTTON_UNITS}
    if len(choices) <= BUTTONS and len(titles) == len(choices):  # two buttons that read the same are refused
        buttons = [{"type": "reply", "reply": {"id": c.token, "title": c.label or "…"}} for c in choices]
        return [_interactive(markdown, "button", {"buttons": buttons}, tuple(choices))]
    lists = [choices[at : at + ROWS] for at in range(0, len(choices), ROWS)]
    return [
        _interactive(
            markdown if number == 0 else "",
            "list",
            {"button": "Choose", "sections": [{"title": "Choose", "rows": list(map(_row, some))}]},
            tuple(some),
        )
        for number, some in enumerate(lists)
    ]


def _row(choice: Choice) -> Json:
    row = {"id": choice.token, "title": _cut(choice.label, ROW_UNITS) or "…"}
    return row | ({"description": _cut(choice.label, 72)} if units(choice.label) > ROW_UNITS else {})


def _interactive(markdown: str, kind: str, action: Json, choices: tuple[Choice, ...]) -> Page:
    inner = {"type": kind, "body": {"text": _said(markdown) or "…"}, "action": action}
    return _page({"type": "interactive", "interactive": inner}, markdown, choices=choices)


def _template(reply: Reply) -> tuple[Page, ...]:
    """One variable in the template's body takes the words, in one line; its name is added when it is sent.

    Files and choices are only told of; both are there if it can be said as a text after all.
    """
    files = [f"[{media.name or media.kind}]" for media in reply.media]
    words = "\n\n".join(filter(None, [reply.markdown, " ".join(files)]))
    line = cache(_line)
    texts = split(divisible(words), lambda piece: units(line(piece)) / TEMPLATE_UNITS, max_pages=reply.max_pages)
    texts = texts or ("",)
    made = []
    for number, text in enumerate(texts):
        last = number == len(texts) - 1
        body = {"type": "template", "template": {"text": _line(text) or "…"}}
        choices, media = (reply.choices, reply.media) if last else ((), ())
        said = json.dumps(body, ensure_ascii=False)
        made.append(Page(body=said, form=TEMPLATE, source=text, media=media, choices=choices))
    return tuple(made)


def _line(markdown: str) -> str:
    return re.sub(r"\s+", " ", bare(markdown)).strip()


def _cut(text: str, most: int) -> str:
    if units(text) <= most:
        return text
    while units(text) >= most:
        text = text[: most - 1] if len(text) >= most else text[:-1]
    return text.rstrip() + "…"
