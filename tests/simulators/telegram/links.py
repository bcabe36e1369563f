"""What a link in markup becomes: an entity to a page or a person, or nothing.

See https://core.telegram.org/bots/api#formatting-options.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from .calls import Json
from .markup import MarkupError

_HOST = re.compile(r"^(localhost|[^\s/?#:@]+\.[^\s/?#:@.]{2,}|\d{1,3}(\.\d{1,3}){3})$")


def link_entity(url: str) -> Json | None:
    """Return type and target of the entity that a link makes, or None where the link is not one."""
    parts = urlsplit(url)
    if parts.scheme.lower() == "tg":
        if parts.netloc == "user":
            user = parse_qs(parts.query).get("id", [""])[0]
            return {"type": "text_mention", "user": {"id": int(user)}} if user.isdigit() else None
        return {"type": "text_link", "url": url} if parts.netloc else None
    if parts.scheme and "://" in url:
        if parts.scheme.lower() not in ("http", "https", "ton", "tonsite"):
            return None
        host = parts.hostname or ""
        return {"type": "text_link", "url": url} if _HOST.match(host) else None
    host = re.split(r"[/?#:]", url, maxsplit=1)[0]
    return {"type": "text_link", "url": f"http://{url}/"} if _HOST.match(host) else None


def special_entity(url: str) -> Json:
    """Return the custom emoji or date that a `![text](tg://…)` link stands for.

    Raises:
        MarkupError: When it stands for neither.
    """
    parts = urlsplit(url)
    if parts.scheme.lower() == "tg" and "://" in url:
        query = parse_qs(parts.query)
        number = query.get({"emoji": "id", "time": "unix"}.get(parts.netloc.lower(), ""), [""])[0]
        if number.isdigit() and not number.startswith("0"):
            if parts.netloc.lower() == "emoji":
                return {"type": "custom_emoji", "custom_emoji_id": number}
            return date_entity(number, query.get("format", [""])[0])
    raise MarkupError("Invalid tg://emoji or tg://time URL specified")


def date_entity(unix: str, form: str) -> Json:
    """Return the entity of a moment shown in the reader's own time.

    Raises:
        MarkupError: When the format is not one.
    """
    if form.lower() != "r" and set(form) - set("tTdDwW"):
        raise MarkupError("Invalid date format used")
    return {"type": "date_time", "unix_time": int(unix), "date_time_format": form}
