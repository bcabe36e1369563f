"""What the platform makes of rich HTML: the blocks and rich texts that a Message carries, and their plain words.

See https://core.telegram.org/bots/api#richmessage.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from .calls import Json
from .rich_tree import BLOCKS, HEADINGS, Node

_SPACE = re.compile(r"\s+")
_STYLES = {
    **dict.fromkeys(("b", "strong"), "bold"),
    **dict.fromkeys(("i", "em"), "italic"),
    **dict.fromkeys(("u", "ins"), "underline"),
    **dict.fromkeys(("s", "strike", "del"), "strikethrough"),
    **dict.fromkeys(("tg-spoiler", "span"), "spoiler"),
    "mark": "marked",
    "sub": "subscript",
    "sup": "superscript",
    "code": "code",
}


def blocks_of(node: Node) -> list[Json]:
    """Return an element's inside as blocks; loose text becomes paragraphs."""
    blocks: list[Json] = []
    loose: list[Node | str] = []

    def settle() -> None:
        text = inline(loose)
        if plain_text(text).strip():
            blocks.append({"type": "paragraph", "text": _trimmed(text)})
        loose.clear()

    for child in node.children:
        if isinstance(child, Node) and child.tag in BLOCKS:
            settle()
            blocks.extend(_block(child))
        else:
            loose.append(child)
    settle()
    return blocks


def inline(children: list[Node | str]) -> Any:  # noqa: ANN401 - a RichText is a string, a list or an object
    """Return text and inline elements as one RichText."""
    parts: list[Any] = []
    for child in children:
        part = _SPACE.sub(" ", child) if isinstance(child, str) else _inline(child)
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        elif part != "":
            parts.append(part)
    if not parts:
        return ""
    return parts[0] if len(parts) == 1 else parts


def _inline(node: Node) -> Any:  # noqa: ANN401 - a RichText
    attributes = node.attributes
    if node.tag in _STYLES:
        return {"type": _STYLES[node.tag], "text": inline(node.children)}
    if node.tag == "br":
        return "\n"
    if node.tag == "a":
        return _link(node)
    if node.tag == "tg-math":
        return {"type": "mathematical_expression", "expression": node.text()}
    if node.tag == "tg-emoji":
        emoji_id = attributes.get("emoji-id", "")
        return {"type": "custom_emoji", "custom_emoji_id": emoji_id, "alternative_text": node.text()}
    if node.tag == "tg-time":
        unix, form = int(attributes.get("unix") or 0), attributes.get("format", "")
        return {"type": "date_time", "text": inline(node.children), "unix_time": unix, "date_time_format": form}
    if node.tag == "tg-reference":
        return {"type": "reference", "text": inline(node.children), "name": attributes.get("name", "")}
    return inline(node.children)


def _link(node: Node) -> Json:
    text, href = inline(node.children), node.attributes.get("href", "")
    if "name" in node.attributes:
        return {"type": "anchor", "name": node.attributes["name"]}
    for prefix, kind, field in (
        ("mailto:", "email_address", "email_address"),
        ("tel:", "phone_number", "phone_number"),
        ("#", "anchor_link", "anchor_name"),
    ):
        if href.startswith(prefix):
            return {"type": kind, "text": text, field: href.removeprefix(prefix)}
    return {"type": "url", "text": text, "url": href}


def _block(node: Node) -> list[Json]:
    if node.tag in HEADINGS:
        return [{"type": "heading", "text": _trimmed(inline(node.children)), "size": int(node.tag[1])}]
    make = _MAKERS.get(node.tag)
    return blocks_of(node) if make is None else [make(node)]


def _pre(node: Node) -> Json:
    code = next(node.elements("code"), None)
    language = "" if code is None else code.attributes.get("class", "").removeprefix("language-")
    return {"type": "pre", "text": node.text().strip("\n")} | ({"language": language} if language else {})


def _list(node: Node) -> Json:
    items: list[Json] = []
    value = int(node.attributes.get("start") or 1)
    for item in node.elements("li"):
        box = next(item.elements("input"), None)
        found: Json = {"label": "•" if node.tag == "ul" else f"{value}.", "blocks": blocks_of(item)}
        if node.tag == "ol":
            found |= {"value": value, "type": node.attributes.get("type", "1")}
        if box is not None:
            found["has_checkbox"] = True
            if "checked" in box.attributes:
                found["is_checked"] = True
        items.append(found)
        value += 1
    return {"type": "list", "items": items}


def _table(node: Node) -> Json:
    bodies = [node, *node.elements("thead", "tbody", "tfoot")]
    cells = [[_cell(cell) for cell in row.elements("td", "th")] for body in bodies for row in body.elements("tr")]
    table: Json = {"type": "table", "cells": cells}
    caption = next(node.elements("caption"), None)
    if caption is not None:
        table["caption"] = inline(caption.children)
    flags = {"bordered": "is_bordered", "striped": "is_striped"}
    return table | {flag: True for name, flag in flags.items() if name in node.attributes}


def _cell(node: Node) -> Json:
    attributes = node.attributes
    cell: Json = {"align": attributes.get("align", "left"), "valign": attributes.get("valign", "middle")}
    text = inline(node.children)
    if text:
        cell["text"] = _trimmed(text)
    if node.tag == "th":
        cell["is_header"] = True
    return cell | {name: int(attributes[name]) for name in ("colspan", "rowspan") if attributes.get(name, "").isdigit()}


def _quote(node: Node) -> Json:
    credit = next(node.elements("cite"), None)
    inside = Node("", children=[child for child in node.children if child is not credit])
    more = {} if credit is None else {"credit": inline(credit.children)}
    if node.tag == "aside":
        return {"type": "pullquote", "text": _trimmed(inline(inside.children))} | more
    return {"type": "blockquote", "blocks": blocks_of(inside)} | more


def _details(node: Node) -> Json:
    summary = next(node.elements("summary"), None)
    inside = Node("", children=[child for child in node.children if child is not summary])
    found: Json = {"type": "details", "summary": "" if summary is None else inline(summary.children)}
    found["blocks"] = blocks_of(inside)
    return found | ({"is_open": True} if "open" in node.attributes else {})


def _picture(node: Node) -> Json:
    caption = next(node.elements("figcaption"), None)
    more = {} if caption is None else {"caption": {"text": inline(caption.children)}}
    return {"type": "photo", "photo": []} | more


def _text_block(kind: str) -> Callable[[Node], Json]:
    return lambda node: {"type": kind, "text": _trimmed(inline(node.children))}


_MAKERS: dict[str, Callable[[Node], Json]] = {
    "p": _text_block("paragraph"),
    "footer": _text_block("footer"),
    "tg-thinking": _text_block("thinking"),
    "pre": _pre,
    "hr": lambda _: {"type": "divider"},
    "ul": _list,
    "ol": _list,
    "table": _table,
    "blockquote": _quote,
    "aside": _quote,
    "details": _details,
    "tg-math-block": lambda node: {"type": "mathematical_expression", "expression": node.text().strip()},
    "img": _picture,
    "figure": _picture,
}


def _trimmed(text: Any) -> Any:  # noqa: ANN401 - a RichText
    """Drop the white space around a RichText."""
    if isinstance(text, str):
        return text.strip()
    if isinstance(text, list):
        first, *middle, last = text
        parts = [
            first.lstrip() if isinstance(first, str) else first,
            *middle,
            last.rstrip() if isinstance(last, str) else last,
        ]
        return [part for part in parts if part != ""]
    return text


def plain_text(text: Any) -> str:  # noqa: ANN401 - a RichText
    """Return the words of a RichText."""
    if isinstance(text, list):
        return "".join(plain_text(part) for part in text)
    if isinstance(text, dict):
        return str(text.get("expression") or text.get("alternative_text") or plain_text(text.get("text", "")))
    return str(text)


def plain_lines(blocks: list[Json]) -> Iterator[str]:
    """Yield the lines that a person reads in blocks."""
    for block in blocks:
        if "summary" in block:
            yield plain_text(block["summary"])
        if "text" in block or "expression" in block:
            yield plain_text(block)
        for item in block.get("items", ()):
            inside = list(plain_lines(item["blocks"]))
            yield " ".join([item["label"], *inside[:1]])
            yield from inside[1:]
        for row in block.get("cells", ()):
            yield " | ".join(plain_text(cell.get("text", "")) for cell in row)
        yield from plain_lines(block.get("blocks", []))
        if "caption" in block:
            yield plain_text(block["caption"])
        if "credit" in block:
            yield plain_text(block["credit"])
