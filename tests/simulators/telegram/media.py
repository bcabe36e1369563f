"""The Bot API methods that send files: one at a time or as an album, uploaded, by id or by URL.

See https://core.telegram.org/bots/api#sending-files.
"""

from __future__ import annotations

import posixpath
from urllib.parse import urlsplit

from .calls import Call, Json, Refused, Upload, bad_request
from .files import StoredFile, media_fields
from .posting import post
from .rules import MAX_CAPTION, formatted, formatted_value
from .world import BotAccount, World

MEDIA_METHODS = {
    "sendPhoto": "photo",
    "sendDocument": "document",
    "sendVoice": "voice",
    "sendAudio": "audio",
    "sendVideo": "video",
    "sendAnimation": "animation",
    "sendVideoNote": "video_note",
    "sendSticker": "sticker",
}
_KINDS = {name.lower(): kind for name, kind in MEDIA_METHODS.items()}
MAX_UPLOAD_BYTES = 50 * 1024 * 1024
MAX_PHOTO_BYTES = 10 * 1024 * 1024
_ALBUM = range(2, 11)


def send_media(world: World, bot: BotAccount, call: Call) -> Json:
    """Send one file, as sendPhoto, sendDocument and their kin do."""
    chat = world.chat_for(bot, call)
    kind = _KINDS[call.method.lower()]
    given = call.files.get(kind) or call.params.get(kind)
    stored = _stored(world, call, kind, given)
    content = media_fields(stored, world.files, duration=int(call.params.get("duration") or 1))
    return post(world, bot, chat, call, content | edit_caption(world, call))


def edit_caption(world: World, call: Call) -> Json:
    """Return the caption fields of a call."""
    caption, entities = formatted(world, call, "caption", MAX_CAPTION)
    return _caption_fields(caption, entities)


def _caption_fields(caption: str, entities: list[Json]) -> Json:
    fields: Json = {"caption": caption} if caption else {}
    if caption and entities:
        fields["caption_entities"] = entities
    return fields


def send_media_group(world: World, bot: BotAccount, call: Call) -> list[Json]:
    """https://core.telegram.org/bots/api#sendmediagroup ."""
    chat = world.chat_for(bot, call)
    items = call.params.get("media")
    if not isinstance(items, list) or len(items) not in _ALBUM:
        world.violate(call, "an album has 2 to 10 items", refused=True)
        raise bad_request("group send must contain from 2 to 10 items")
    kinds = {str(item.get("type")) for item in items}
    if len(kinds) > 1 and kinds & {"document", "audio"}:
        world.violate(call, f"an album mixes {sorted(kinds)}", refused=True)
        raise bad_request("document and audio files can't be mixed with other media types in one album")
    contents: list[Json] = []
    album = str(world.next_id())
    for item in items:
        kind = str(item.get("type"))
        stored = _stored(world, call, kind, item.get("media"))
        caption, entities = formatted_value(
            world,
            call,
            item.get("caption"),
            parse_mode=item.get("parse_mode"),
            explicit=item.get("caption_entities"),
            limit=MAX_CAPTION,
        )
        fields = media_fields(stored, world.files) | _caption_fields(caption, entities)
        contents.append({"media_group_id": album, **fields})
    return [post(world, bot, chat, call, content) for content in contents]


def _stored(world: World, call: Call, kind: str, given: object) -> StoredFile:
    """Return the file that a parameter means: an upload, one stored before, or one to fetch.

    Raises:
        Refused: When it is missing, unknown or too large.
    """
    if isinstance(given, str) and given.startswith("attach://"):
        given = call.files.get(given.removeprefix("attach://"))
    if isinstance(given, Upload):
        return _upload(world, call, kind, given)
    if not isinstance(given, str) or not given:
        raise bad_request(f"there is no {kind} in the request")
    known = world.files.get(given)
    if known is not None:
        return known
    if given.startswith(("http://", "https://")):
        name = posixpath.basename(urlsplit(given).path)
        return world.files.add(b"", kind=kind, name=name)
    raise bad_request("wrong file identifier/HTTP URL specified")


def _upload(world: World, call: Call, kind: str, upload: Upload) -> StoredFile:
    limit = MAX_PHOTO_BYTES if kind == "photo" else MAX_UPLOAD_BYTES
    if len(upload.data) > limit:
        world.violate(call, f"{kind} of {len(upload.data)} bytes", refused=True)
        if kind == "photo":
            raise bad_request("file is too big for a photo; the maximum size is 10 MB")
        raise Refused(413, "Request Entity Too Large")
    if not upload.data:
        raise bad_request("file must be non-empty")
    return world.files.add(upload.data, kind=kind, name=upload.name, mime_type=upload.content_type)
