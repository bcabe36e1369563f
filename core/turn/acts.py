"""What is one act of a person's though it arrives as several messages, and so is one question.

There are three such acts: a text longer than the platform's messages, which people's apps cut into pieces; a forward,
which comes beside its comment; an album. Which messages may begin one is told by the messages themselves, and what
belongs together by who sent it, where, and the platform's own times. So the same is found whenever it is looked for:
while an answer is being written, and after a restart.
"""

from collections.abc import Sequence
from dataclasses import replace

from core.values import Message, Received

_NEAR = 300
"""How far before the limit apps look for a good place to cut, as Telegram's for Android: such a piece is waited behind.

Telegram's for desktops cuts up to half a message before it. What is so short is not waited behind, but joined.
"""

_TRIMMED = 48  # what a piece may have lost on its way: blanks at the cut, a mention
_PIECES_S = 5.0  # between two pieces that follow each other; apps send them at once, some networks do not
_CUT_EARLY_S = 2.0
_FORWARDED_S = 3.0
_ALBUM_S = 5.0  # between two pictures of one that the platform does not name: each is uploaded by itself


def same_asker(one: Received, other: Received) -> bool:
    """Whether two events come from one person in one place."""
    here, there = one.inbound.to, other.inbound.to
    return one.scope == other.scope and (here.adapter, here.chat, here.thread) == (
        there.adapter,
        there.chat,
        there.thread,
    )


def may_go_on(received: Received) -> bool:
    """Whether a message may be part of an act of which more is to come. Everything else is answered at once."""
    message = received.inbound.body
    if not isinstance(message, Message) or message.edited:
        return False
    return bool(message.album) or _is_forward(message) or (message.remaining is not None and message.remaining <= _NEAR)


def goes_on(earlier: Received, later: Received) -> bool:
    """Whether a message belongs to the same act as the last one before it by the same person in the same place."""
    first, second = earlier.inbound.body, later.inbound.body
    if not (isinstance(first, Message) and isinstance(second, Message)) or first.edited or second.edited:
        return False
    if first.album and first.album == second.album:
        return _within(earlier, later, _ALBUM_S)
    if _is_forward(first) or _is_forward(second):
        return _within(earlier, later, _FORWARDED_S)
    return _is_next_piece(earlier, later)


def whole(messages: Sequence[Received]) -> list[Received]:
    """Messages with the pieces of a text put together again."""
    found: list[Received] = []
    last: Received | None = None
    for received in _in_order(messages):
        if last is not None and _is_next_piece(last, received):
            found[-1] = _together(found[-1], last, received)
        else:
            found.append(received)
        last = received
    return found


def _in_order(messages: Sequence[Received]) -> Sequence[Received]:
    """Messages as they were sent: where one is brought again it comes behind those that were sent after it.

    Of those of one second, the last piece of a text is known by being short.
    """
    keyed = [(received.inbound.at, _remaining(received) is None, number) for number, received in enumerate(messages)]
    if all(last for _, last, _ in keyed):
        return messages
    times = [(at.timestamp(), last, number) for at, last, number in keyed if at is not None]
    return [messages[number] for *_, number in sorted(times)] if len(times) == len(messages) else messages


def _remaining(received: Received) -> int | None:
    body = received.inbound.body
    return body.remaining if isinstance(body, Message) else None


def _is_next_piece(earlier: Received, later: Received) -> bool:
    """Whether a text is the rest of another: apps cut only what is longer than a message may be, as the two are."""
    first, second = earlier.inbound.body, later.inbound.body
    if not (isinstance(first, Message) and isinstance(second, Message)) or first.remaining is None:
        return False
    if not second.text or second.edited or (second.quotes, second.media) not in {((), ()), (first.quotes, first.media)}:
        return False  # some apps have each piece reply to what the first one does
    near = first.remaining <= _NEAR
    longer = len(second.text.encode("utf-16-le", "surrogatepass")) // 2 > first.remaining - _TRIMMED
    return longer and _within(earlier, later, _PIECES_S if near else _CUT_EARLY_S)


def _together(so_far: Received, last: Received, piece: Received) -> Received:
    """A text with its next piece. Apps cut at the end of a line or word, if there is one, and leave that blank out."""
    before, after = so_far.inbound.body, piece.inbound.body
    cut = last.inbound.body
    if not (isinstance(before, Message) and isinstance(after, Message) and isinstance(cut, Message)):
        return so_far
    blank = "" if not cut.remaining else "\n" if "\n" in cut.text else " "
    return replace(so_far, inbound=replace(so_far.inbound, body=replace(before, text=before.text + blank + after.text)))


def _is_forward(message: Message) -> bool:
    return any(quote.forwarded for quote in message.quotes)


def _within(earlier: Received, later: Received, seconds: float) -> bool:
    """Whether two messages were sent so soon after each other; what a platform does not say is taken to be so."""
    before, after = earlier.inbound.at, later.inbound.at
    return before is None or after is None or abs((after - before).total_seconds()) <= seconds
