"""What the REST API refuses: by the published description where it is at hand, and by its written limits always.

https://discord.com/developers/docs/resources/message#create-message-jsonform-params
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulators.openai.schema import Schemas
from simulators.specs import load_spec

Json = dict[str, Any]

_MESSAGE = {"content", "allowed_mentions", "flags", "components", "nonce", "enforce_nonce", "attachments", "embeds"}
_SCHEMAS = {"create": "MessageCreateRequest", "edit": "MessageEditRequestPartial"}


class Judge:
    """Finds what is wrong with a message."""

    def __init__(self) -> None:
        document = load_spec("discord", "openapi.json")
        self._schemas = None if document is None else Schemas(document)

    def faults_of(self, body: Json, *, how: str, files: int = 0) -> Iterator[str]:
        """Say what is not allowed.

        Args:
            how: ``create`` or ``edit``.
        """
        yield from (f"unknown field {name}" for name in body.keys() - _MESSAGE)
        content = str(body.get("content") or "")
        if len(content) > 2000:
            yield f"content of {len(content)} characters"
        if how == "create" and not (content or files or body.get("components")):
            yield "Cannot send an empty message"
        if body.get("allowed_mentions") != {"parse": []}:
            yield "mentions are not switched off"
        if len(str(body.get("nonce", ""))) > 25:
            yield "nonce is too long"
        if files > 10:
            yield "too many files"
        yield from _components(body.get("components") or [])
        if self._schemas is not None:
            schema = self._schemas.named(_SCHEMAS[how])
            yield from self._schemas.faults_of(body, schema, "body")


def _components(rows: list[Json]) -> Iterator[str]:
    ids: list[str] = []
    if len(rows) > 5:
        yield "more than five rows"
    for row in rows:
        inner = row.get("components", [])
        kinds = {one["type"] for one in inner}
        if row.get("type") != 1 or not inner or len(inner) > (5 if kinds == {2} else 1):
            yield "a row holds one to five buttons, or one menu"
        for one in inner:
            ids.append(one["custom_id"])
            if not 1 <= len(one["custom_id"]) <= 100:
                yield "custom_id is too long"
            if one["type"] == 2 and not 1 <= len(one["label"]) <= 80:
                yield "a button's label is too long"
            if one["type"] == 3 and not 1 <= len(one["options"]) <= 25:
                yield "a menu holds one to 25 options"
    if len(set(ids)) < len(ids):
        yield "custom_id is not unique"
