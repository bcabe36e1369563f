"""What is remembered of a message besides its words: enough to know it again when it is edited, or replied to."""

import hashlib
import json
from collections.abc import Iterable

from core.values import Address, Command, Inbound, Media, Message, value


@value
class Mark:
    """A message as it was heard last.

    Attributes:
        message: A short name for it, the same for all that is heard of it.
        said: A name for what it says, another one once that has changed.
        addressed: Whether it was said to us.
    """

    message: str
    said: str = ""
    addressed: bool = True


def name_of(to: Address, message: str) -> str:
    """The short name of one chat's message."""
    return _short(to.adapter, to.chat, message)


def mark_of(inbound: Inbound) -> Mark | None:
    """How a message is remembered; of a command only which message was edited to be one."""
    match inbound.body:
        case Message(id=identity) as message if identity:
            name = name_of(inbound.to, identity)
            return Mark(message=name, said=_short(*_content(message)), addressed=message.addressed)
        case Command(edits=identity) if identity:
            return Mark(message=name_of(inbound.to, identity))
        case _:
            return None


def is_empty(message: Message) -> bool:
    """Whether there is nothing in it any more."""
    return not any(_content(message))


def _content(message: Message) -> Iterable[str]:
    """What a person would have to change for it to be another message.

    A file's reference may be another one each time it is told of, and what is replied to stays what it was.
    """
    yield message.text
    yield from (f"{quote.text}" for quote in message.quotes if quote.forwarded)
    yield from map(_file, message.media)
    yield from (f"{place.latitude}/{place.longitude}/{place.title}" for place in message.places)
    yield from (f"{contact.name}/{contact.phone}" for contact in message.contacts)
    yield message.unknown


def _file(media: Media) -> str:
    return f"{media.kind}/{media.name}/{media.size_bytes}/{media.mime}"


def _short(*parts: str) -> str:
    told = json.dumps(parts).encode()
    return hashlib.sha256(told).hexdigest()[:16]
