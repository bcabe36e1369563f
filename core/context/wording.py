"""What people's messages say to a model: in words, with who spoke, and apart from what others wrote.

A person's own words are one part; what they pass on (a quotation, a forwarded message, a contact card) and what was
said to others are parts of their own, marked as outside text. Names stand within our words as labels: one line, and
nothing that could end a bracket of ours. Characters that nobody sees reach no model, whoever wrote them.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from core.exchange import Part
from core.text.fencing import as_quotation, outside_said
from core.text.invisible import cleaned, label
from core.values import Contact, Message, Place, Quote, Received

_PLACE_CHARS = 200
_MANY_HOURS = 48
_US = "you"
_SPEAKS = re.compile(r"\s*(?:\[|\S[^\n:]{0,63}:(?:\s|$))")
"""How a line begins that could pass for somebody else's, or for ours."""


def said(received: Received) -> tuple[Part, ...]:
    """What a person's message says to a model."""
    message = received.inbound.body
    if not isinstance(message, Message):
        return ()
    speaker = _speaker(received)
    own = _own(message, among_others=bool(speaker))
    if speaker:
        own = f"{speaker}: {own}"
    said = (Part(kind="text", origin="person", body=own),) if own else ()
    return (*_passed_on(message), *said, *_media(message))


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
    what = f"{_speaker(received) or 'somebody'} to others"
    if message.edited:
        what += ", correcting an earlier message"
    told = [as_quotation(part.body).rstrip("\n") for part in _passed_on(message)]
    return (_outside(what, "\n".join(filter(None, [*told, _own(message)]))), *_media(message))


def _own(message: Message, *, among_others: bool = False) -> str:
    text = cleaned(message.text)
    lines = [_one_speaker(text) if among_others else text] if text else []
    lines.extend(_where(place) for place in message.places if not place.title)
    if message.unknown:
        lines.append(f"[something of a kind I cannot read: {label(message.unknown)}]")
    return "\n".join(lines)


def _passed_on(message: Message) -> Iterator[Part]:
    """What others wrote: it comes with the message, and the person has not said it."""
    for quote in message.quotes:
        yield _outside(_about(quote), quote.text)
    shared = [f"{_where(place)} {_line(place.title)}" for place in message.places if place.title]
    shared += [_card(contact) for contact in message.contacts]
    if shared:
        yield _outside("shared with this message", "\n".join(shared))


def _outside(what: str, text: str) -> Part:
    # Some servers put the parts of a message one behind the other as they are: what follows begins a line of its own.
    return Part(kind="text", origin="outside", body=f"{outside_said(what, text)}\n")


def _media(message: Message) -> tuple[Part, ...]:
    return tuple(Part(kind="media", name=label(item.name), media=item) for item in message.media)


def _speaker(received: Received) -> str:
    """Who said it, where several people speak; one line, whatever they call themselves."""
    inbound = received.inbound
    return "" if inbound.to.private else label(inbound.name)


def is_of_ours(body: str) -> bool:
    """Whether a text that stands for a quotation quotes what the assistant itself had said."""
    lead = body.partition("\n")[0]
    return lead.endswith((f"in reply to {_US}:]", f"forwarded from {_US}:]"))


def _one_speaker(text: str) -> str:
    """Words that somebody says among others: where a further line looks as if another one spoke, all are set in."""
    first, *further = text.split("\n")
    if not any(map(_SPEAKS.match, further)):
        return text
    return "\n".join([first, *(f"    {line}" for line in further)])


def _about(quote: Quote) -> str:
    who = _US if quote.mine else label(quote.author) or "somebody"
    return f"forwarded from {who}" if quote.forwarded else f"in reply to {who}"


def _where(place: Place) -> str:
    return f"[location {place.latitude:.5f}, {place.longitude:.5f}]"


def _card(contact: Contact) -> str:
    return f"[contact] {_line(contact.name)}{f', {_line(contact.phone)}' if contact.phone else ''}"


def _line(text: str) -> str:
    return label(text, _PLACE_CHARS)
