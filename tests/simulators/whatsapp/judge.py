"""What the Cloud API refuses: by Meta's published description where it is at hand, and by its written limits always.

https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulators.openai.schema import Schemas
from simulators.specs import load_spec

Json = dict[str, Any]

_TEXT, _BODY, _CAPTION = 4096, 1024, 1024
_TOP = {"messaging_product", "recipient_type", "to", "recipient", "type", "biz_opaque_callback_data", "context"}
_KINDS = {"text", "image", "audio", "video", "document", "sticker", "interactive", "template", "reaction"}
_FILE = {"id", "caption", "filename"}


class Judge:
    """Finds what is wrong with a message to be sent."""

    def __init__(self) -> None:
        document = load_spec("whatsapp", "openapi_meta_v23.json")
        self._schemas = None if document is None else Schemas(document)

    def faults_of(self, body: Json) -> Iterator[str]:
        """Say what is not allowed."""
        if body.get("messaging_product") != "whatsapp":
            yield "messaging_product has to be whatsapp"
        if body.get("status") == "read":
            yield from _read(body)
            return
        kind = body.get("type")
        if kind not in _KINDS or kind not in body:
            yield f"type {kind!r} without its object"
            return
        yield from (f"unknown field {name}" for name in body.keys() - _TOP - {kind})
        if bool(body.get("to")) == bool(body.get("recipient")):
            yield "either to or recipient"
        if "to" in body and not str(body["to"]).isdigit():
            yield "to is no number"
        if len(str(body.get("biz_opaque_callback_data", ""))) > 512:
            yield "biz_opaque_callback_data is too long"
        yield from _inner(str(kind), body[kind])
        yield from self._published(body)

    def _published(self, body: Json) -> Iterator[str]:
        if self._schemas is None or "recipient" in body:  # published before there were ids of its own
            return
        try:
            schema = self._schemas.named("MessageRequestPayload")
        except KeyError:
            return
        yield from self._schemas.faults_of(body, schema, "body")


def _read(body: Json) -> Iterator[str]:
    if body.keys() - {"messaging_product", "status", "message_id", "typing_indicator"} or not body.get("message_id"):
        yield "a read mark holds a message_id and no more"
    if body.get("typing_indicator", {"type": "text"}) != {"type": "text"}:
        yield "a typing indicator is of type text"


def _inner(kind: str, inner: Json) -> Iterator[str]:
    match kind:
        case "text":
            if not 0 < len(str(inner.get("body", ""))) <= _TEXT or inner.keys() - {"body", "preview_url"}:
                yield f"text of {len(str(inner.get('body', '')))} characters"
        case "interactive":
            yield from _interactive(inner)
        case "template":
            yield from _template(inner)
        case "reaction":
            if inner.keys() != {"message_id", "emoji"}:
                yield "a reaction holds message_id and emoji"
        case _:
            if not inner.get("id") or inner.keys() - _FILE:
                yield f"{kind} without a file"
            if "caption" in inner and (kind in {"audio", "sticker"} or not 0 < len(inner["caption"]) <= _CAPTION):
                yield f"{kind} with a caption it cannot have"
            if "filename" in inner and kind != "document":
                yield f"{kind} with a file name"


def _interactive(inner: Json) -> Iterator[str]:
    if not 0 < len(inner.get("body", {}).get("text", "")) <= _BODY:
        yield "interactive body too long, or missing"
    action = inner.get("action", {})
    if inner.get("type") == "button":
        buttons = action.get("buttons", [])
        titles = [button["reply"]["title"] for button in buttons]
        if not 1 <= len(buttons) <= 3 or len(set(titles)) < len(titles):
            yield "one to three buttons, each with a title of its own"
        if any(not 0 < len(title) <= 20 for title in titles) or any(len(b["reply"]["id"]) > 256 for b in buttons):
            yield "a button's title or id is too long"
    elif inner.get("type") == "list":
        rows = [row for section in action.get("sections", []) for row in section.get("rows", [])]
        if not 1 <= len(rows) <= 10 or not 0 < len(action.get("button", "")) <= 20:
            yield "one to ten rows, below a button"
        if any(not 0 < len(row["title"]) <= 24 or len(row.get("description", "")) > 72 for row in rows):
            yield "a row's title or description is too long"
        if any(len(row["id"]) > 200 for row in rows) or len({row["id"] for row in rows}) < len(rows):
            yield "a row's id is too long, or not its own"
    else:
        yield f"interactive of type {inner.get('type')!r}"


def _template(inner: Json) -> Iterator[str]:
    if inner.keys() != {"name", "language", "components"} or inner["language"].keys() != {"code"}:
        yield "a template holds name, language and components"
        return
    for component in inner["components"]:
        for parameter in component.get("parameters", []):
            text = parameter.get("text", "")
            if not 0 < len(text) <= 1024 or "\n" in text or "\t" in text or "    " in text:
                yield "a variable holds one line of at most 1024 characters"
