"""What people's messages say to a model: in words, with who spoke, and apart from what was said to others."""

from datetime import UTC, datetime, timedelta

from core.exchange import Part
from core.text.fencing import quoted
from core.values import Contact, Message, Place, Quote, Received

_NAME_CHARS = 64
_MANY_HOURS = 48


def said(received: Received) -> tuple[Part, ...]:
    """What a person's message says to a model."""
    message = received.inbound.body
    if not isinstance(message, Message):
        return ()
    text, speaker = _words(message), _speaker(received)
    if speaker:
        text = f"{speaker}: {text}"
    return ((Part(kind="text", body=text),) if text else ()) + _media(message)


def _words(message: Message) -> str:
    lines = [_quoted(quote) for quote in message.quotes]
    if message.text:
        lines.append(message.text)
    lines.extend(_place(place) for place in message.places)
    lines.extend(_contact(contact) for contact in message.contacts)
    if message.unknown:
        lines.append(f"[something of a kind I cannot read: {message.unknown}]")
    return "\n".join(lines)


def _media(message: Message) -> tuple[Part, ...]:
    return tuple(Part(kind="media", name=item.name, media=item) for item in message.media)


def said_later(received: Received) -> tuple[Part, ...]:
    """The same for a message that nobody is going to answer by itself: of an edit, it is told that it is one."""
    message = received.inbound.body
    if not (isinstance(message, Message) and message.edited):
        return said(received)
    lead = Part(kind="text", body="[I have edited an earlier message. It now reads:]\n")
    return (lead, *(said(received) or (Part(kind="text", body="[nothing]"),)))


def said_late(received: Received) -> tuple[Part, ...]:
    """The same for a message that came too late to be answered."""
    at = received.inbound.at
    if at is None:
        return said(received)
    lead = f"[I wrote this at {at:%Y-%m-%d %H:%M} UTC; it reached you only {ago(received)} later, without an answer.]\n"
    return (Part(kind="text", body=lead), *said(received))


def ago(received: Received) -> str:
    """How long ago something was said, in words."""
    hours = 0 if received.inbound.at is None else round((datetime.now(UTC) - received.inbound.at) / timedelta(hours=1))
    return f"{hours} hours" if hours < _MANY_HOURS else f"{round(hours / 24)} days"


def overheard(received: Received) -> tuple[Part, ...]:
    """What was said to others, set apart so that it does not pass for what we are asked.

    In private there are no others: what asks us nothing there (a reaction) is told as it is.
    """
    message = received.inbound.body
    if not isinstance(message, Message):
        return ()
    if received.inbound.to.private:
        return said(received)
    lead = (
        f"[{_speaker(received) or 'somebody'}, to others{', correcting an earlier message' if message.edited else ''}:]"
    )
    words = quoted(_words(message))
    return (Part(kind="text", body=f"{lead}\n{words}" if words else lead), *_media(message))


def _speaker(received: Received) -> str:
    """Who said it, where several people speak; one line, whatever they call themselves."""
    inbound = received.inbound
    return "" if inbound.to.private else " ".join(inbound.name.replace(":", " ").split())[:_NAME_CHARS]


def _quoted(quote: Quote) -> str:
    who = "you" if quote.mine else quote.author or "somebody"
    lead = f"[forwarded from {who}]" if quote.forwarded else f"[in reply to {who}]"
    body = "\n".join(f"> {line}" for line in quote.text.splitlines())
    return f"{lead}\n{body}" if body else lead


def _place(place: Place) -> str:
    return f"[location {place.latitude:.5f}, {place.longitude:.5f}{f' ({place.title})' if place.title else ''}]"


def _contact(contact: Contact) -> str:
    return f"[contact {contact.name}{f', {contact.phone}' if contact.phone else ''}]"
