"""How a call's parameters arrive: query, form, multipart or JSON, all made into the same plain values.

See https://core.telegram.org/bots/api#making-requests.
"""

from __future__ import annotations

import json
import re
from typing import Any

from aiohttp import BodyPartReader, MultipartReader, web

from .calls import Json, Upload, bad_request

_IDS = frozenset({"message_id", "message_thread_id", "draft_id", "user_id", "reply_to_message_id"})
_COUNTS = frozenset({"offset", "limit", "timeout", "max_connections", "cache_time", "duration", "width", "height"})
_WHOLE = _IDS | _COUNTS | {"length", "direct_messages_topic_id"}
_SENDING = frozenset({"disable_notification", "protect_content", "allow_paid_broadcast", "disable_web_page_preview"})
_SHOWING = frozenset({"show_caption_above_media", "has_spoiler", "supports_streaming", "show_alert", "is_big"})
_ALLOWING = frozenset({"disable_content_type_detection", "allow_sending_without_reply", "drop_pending_updates"})
_TRUTH = _SENDING | _SHOWING | _ALLOWING
_OBJECTS = frozenset({"reply_markup", "reply_parameters", "link_preview_options", "scope", "rich_message"})
_LISTS = frozenset({"entities", "caption_entities", "allowed_updates", "media", "commands", "reaction", "message_ids"})
_NESTED = _OBJECTS | _LISTS | {"suggested_post_parameters"}
_NUMBER = re.compile(r"-?\d+")


async def read_params(request: web.Request) -> tuple[Json, dict[str, Upload]]:
    """Return the call's parameters and its uploaded files.

    Raises:
        Refused: When a parameter that should be JSON is not.
    """
    params: Json = dict(request.query)
    files: dict[str, Upload] = {}
    if request.content_type == "application/json":
        body = await request.read()
        try:
            loaded = json.loads(body or b"{}")
        except ValueError as error:
            raise bad_request("can't parse JSON object in the request") from error
        if not isinstance(loaded, dict):
            raise bad_request("can't parse JSON object in the request")
        params |= loaded
    elif request.content_type == "application/x-www-form-urlencoded":
        params |= dict(await request.post())
    elif request.content_type.startswith("multipart/"):
        await _read_parts(await request.multipart(), params, files)
    return {name: _plain(name, value) for name, value in params.items()}, files


async def _read_parts(reader: MultipartReader, params: Json, files: dict[str, Upload]) -> None:
    async for part in reader:
        if not isinstance(part, BodyPartReader) or part.name is None:
            continue
        data = bytes(await part.read(decode=True))
        if part.filename is None:
            params[part.name] = data.decode("utf-8", errors="replace")
        else:
            kind = part.headers.get("Content-Type", "application/octet-stream")
            files[part.name] = Upload(part.filename, kind, data)


def _plain(name: str, value: object) -> Any:  # noqa: ANN401 - a parameter may be any JSON
    """Return a parameter's value with the type its name calls for."""
    if not isinstance(value, str):
        return value
    if name in _NESTED:
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError as error:
            raise bad_request(f"can't parse {name} JSON object") from error
    if (name in _WHOLE or name in ("chat_id", "from_chat_id")) and _NUMBER.fullmatch(value):
        return int(value)
    if name in _TRUTH:
        return value.lower() in ("true", "1", "yes")
    return value
