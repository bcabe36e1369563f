"""The published rules for what a bot may send: text, captions, entities, keyboards, rich messages.

See https://core.telegram.org/bots/api#sendmessage and https://core.telegram.org/bots/api#inlinekeyboardbutton.
"""

from __future__ import annotations

from .calls import Call, Json, Refused, bad_request
from .entities import MAX_ENTITIES, Entities, faults_of, trim, utf16_length
from .html_markup import parse_html
from .markdown_markup import parse_markdown, parse_markdown_v2
from .markup import MarkupError
from .rich import rich_content
from .world import World

MAX_TEXT = 4096
MAX_CAPTION = 1024
MAX_BUTTONS = 100
MAX_ROW = 8
MAX_CALLBACK_BYTES = 64
_PARSERS = {"markdownv2": parse_markdown_v2, "markdown": parse_markdown, "html": parse_html}
_ACTIONS = ("text", "callback_data", "url", "web_app", "login_url", "pay", "copy_text", "callback_game")
_ACTION_PREFIXES = ("switch_inline_query",)


def formatted(world: World, call: Call, name: str = "text", limit: int = MAX_TEXT) -> tuple[str, Entities]:
    """Return the text parameter `name` after entity parsing, trimmed as the server trims it.

    Raises:
        Refused: When the markup, the entities or the length break the rules.
    """
    source = call.params.get(name)
    explicit = call.params.get("entities" if name == "text" else f"{name}_entities")
    return formatted_value(
        world, call, source, parse_mode=call.params.get("parse_mode"), explicit=explicit, limit=limit
    )


def formatted_value(
    world: World, call: Call, source: object, *, parse_mode: object, explicit: object, limit: int
) -> tuple[str, Entities]:
    """Do what `formatted` does for a text found anywhere in a call, as in an album's items.

    Raises:
        Refused: When the markup, the entities or the length break the rules.
    """
    text = "" if source is None else str(source)
    entities: Entities = []
    if parse_mode:
        parser = _PARSERS.get(str(parse_mode).lower())
        if parser is None:
            raise _broken(world, call, bad_request("unsupported parse_mode"))
        try:
            text, entities = parser(text)
        except MarkupError as error:
            raise _broken(world, call, bad_request(f"can't parse entities: {error}")) from error
    elif isinstance(explicit, list):
        entities = explicit
    broken = list(faults_of(text, entities))
    for detail in broken:
        world.violate(call, detail)
    if any("outside" in detail or "splits" in detail or "without" in detail for detail in broken):
        raise bad_request("ENTITY_BOUNDS_INVALID")
    text, entities = trim(text, entities[:MAX_ENTITIES])
    if utf16_length(text) > limit:
        reason = "message is too long" if limit == MAX_TEXT else "message caption is too long"
        raise _broken(world, call, bad_request(reason))
    return text, entities


def check_keyboard(world: World, call: Call) -> Json | None:
    """Return the reply markup after checking its buttons, or None when there is none.

    Raises:
        Refused: When a button breaks the rules.
    """
    markup = call.params.get("reply_markup")
    if not isinstance(markup, dict):
        return None
    rows = markup.get("inline_keyboard")
    if rows is None:
        return markup
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise _broken(world, call, bad_request("can't parse inline keyboard: expected an Array of Array"))
    buttons = [button for row in rows for button in row]
    if len(buttons) > MAX_BUTTONS:
        raise _broken(world, call, bad_request("reply markup is too long"))
    if any(len(row) > MAX_ROW for row in rows):
        world.violate(call, f"a row has more than {MAX_ROW} buttons")
    for button in buttons:
        _check_button(world, call, button)
    return {"inline_keyboard": [row for row in rows if row]} if buttons else None


def check_rich_message(world: World, call: Call, *, draft: bool = False) -> Json:
    """Return the rich message of a call as the RichMessage that it becomes.

    Raises:
        Refused: When it is missing or breaks the rules.
    """
    rich = call.params.get("rich_message")
    if not isinstance(rich, dict):
        raise bad_request("rich message is not specified")
    try:
        return rich_content(rich, draft=draft)
    except Refused as refusal:
        raise _broken(world, call, refusal) from None


def _check_button(world: World, call: Call, button: object) -> None:
    if not isinstance(button, dict) or not button.get("text"):
        raise _broken(world, call, bad_request("can't parse inline keyboard button: button text must be non-empty"))
    actions = [k for k in button if k in _ACTIONS[1:] or k.startswith(_ACTION_PREFIXES)]
    if len(actions) != 1:
        reason = "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        raise _broken(world, call, bad_request(reason))
    if "callback_data" in button:
        size = len(str(button["callback_data"]).encode())
        if not 1 <= size <= MAX_CALLBACK_BYTES:
            raise _broken(world, call, bad_request("BUTTON_DATA_INVALID"))


def _broken(world: World, call: Call, refusal: Refused) -> Refused:
    """Record a refusal for a broken rule as a violation too."""
    world.violate(call, refusal.description, refused=True)
    return refusal
