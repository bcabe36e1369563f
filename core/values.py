"""The values that cross the seams: what people send, what we answer, what the store keeps.

Everything here is frozen, slotted and keyword-only; times are aware; unions are closed, so whoever
consumes one matches every case and ends in ``assert_never``. What only one platform knows stays in
its adapter. How a value becomes bytes is ``core/codec.py``'s affair. What is promised of a value is checked when it is
made (``core/checks.py``); whoever breaks it gets a ``ValueError``.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeVar, dataclass_transform

from core.checks import check_at_least, check_aware, check_key, check_name, refused

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def value(cls: type[_T]) -> type[_T]:
    """Make a class one of ours: a frozen, slotted, keyword-only dataclass."""
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


# ---------------------------------------------------------------------------------------------------------------------
# What comes in


@value
class Address:
    """Where to answer: one chat of one adapter.

    Attributes:
        adapter: The adapter's name, as configured (``telegram``).
        chat: The platform's id of the chat.
        thread: A topic or thread inside the chat, "" for none.
        handle: The adapter's own and opaque: a token it needs to answer this very event.
        private: True where exactly one person and the assistant read along.
    """

    adapter: str
    chat: str
    thread: str = ""
    handle: str = ""
    private: bool = True


MediaKind = Literal["photo", "document", "voice", "audio", "video", "sticker"]


@value
class Media:
    """A file by reference; its bytes are fetched from the adapter when somebody needs them."""

    adapter: str
    ref: str
    kind: MediaKind
    size_bytes: int = 0
    name: str = ""
    mime: str = ""


@value
class Place:
    """A location somebody shared, in degrees (WGS 84)."""

    latitude: float
    longitude: float
    title: str = ""


@value
class Contact:
    """A contact card somebody shared."""

    name: str
    phone: str = ""


@value
class Quote:
    """The message a person replied to, or forwarded, as far as the platform tells it.

    Attributes:
        message: The platform's id of it where its words are not told: they are looked for in what was heard.
        slot: Likewise of a message of ours: the slot it was said in.
    """

    text: str
    author: str = ""
    mine: bool = False
    forwarded: bool = False
    message: str = ""
    slot: str = ""


@value
class Message:
    """What a person said.

    Attributes:
        id: The platform's id of the message; an edit carries the id of what it edits.
        album: Messages sent as one album share this, "" for none.
        edited: True when this replaces the earlier message of the same id.
        unknown: The platform's name of a kind we cannot read, "" where everything was understood.
        addressed: False for what was said to others in a group: context for what we are asked next, and no question.
        remaining: Of a text so long that its app may have cut it: how much longer a message may be there, in UTF-16
            units. None for all others.
    """

    kind: Literal["message"] = "message"
    id: str
    text: str
    media: tuple[Media, ...] = ()
    places: tuple[Place, ...] = ()
    contacts: tuple[Contact, ...] = ()
    quotes: tuple[Quote, ...] = ()
    album: str = ""
    edited: bool = False
    unknown: str = ""
    addressed: bool = True
    remaining: int | None = None


@value
class Command:
    """A command by its bare name: ``/stop now`` is ``Command(name="stop", args="now")``.

    Attributes:
        edits: The id of the message that was edited to read so, "" for one that was sent as a command.
    """

    kind: Literal["command"] = "command"
    name: str
    args: str = ""
    edits: str = ""


@value
class Tap:
    """A button was pressed. The token says nothing by itself: the store knows whose it is and what it stands for."""

    kind: Literal["tap"] = "tap"
    token: str


@value
class Fired:
    """A job came due."""

    kind: Literal["fired"] = "fired"
    job: str
    due: datetime

    def __post_init__(self) -> None:
        check_aware("Fired.due", self.due)


Body = Message | Command | Tap | Fired


@value
class Inbound:
    """One event from one adapter.

    Attributes:
        key: Names the event, not the message (an edit is a new event), unique over all platforms and bots.
            A redelivery carries the same key and is recognised by it.
        sender: The platform's id of who did it, from the verified envelope only.
        name: How the sender is called there; for reading, never for identity.
        at: When it was done, by the platform's clock; None where the platform does not say.
    """

    key: str
    sender: str
    to: Address
    body: Body
    name: str = ""
    at: datetime | None = None

    def __post_init__(self) -> None:
        if not (self.key and self.sender):
            what = "Inbound.sender" if self.key else "Inbound.key"
            raise refused(what, "", "is empty", "name it by what the platform calls it, or leave the event alone")
        check_aware("Inbound.at", self.at)


@value
class Received:
    """An inbound event after ``accept``: durable, ordered, and its sender resolved.

    Attributes:
        row: Its row in the inbox; what ``Outcome.done`` names.
        scope: Whom it belongs to: the sender's own scope, with its own key.
        space: The scope of the context it was said in: the sender's person in private, the group's in a group.
        at: When it was accepted.
    """

    row: int
    scope: str
    space: str
    inbound: Inbound
    at: datetime

    def __post_init__(self) -> None:
        check_aware("Received.at", self.at)


@value
class Receipt:
    """A platform's later word about something we sent: settles an outbox row, wakes no turn.

    Attributes:
        key: Names the event, as an ``Inbound``'s does.
        slot: What ``Adapter.put`` was given. One that is not ours settles nothing: platforms may tell anything.
        state: ``undone``: it was taken, and let in after all not; it is put again, by an adapter that knows better now.
        microcredits: What the platform charges for it, in millionths of a credit (of US$ 0.01).
    """

    key: str
    slot: str
    state: Literal["sent", "failed", "undone"]
    microcredits: int = 0

    def __post_init__(self) -> None:
        check_key("Receipt.key", self.key)
        check_at_least("Receipt.microcredits", self.microcredits, 0)


# ---------------------------------------------------------------------------------------------------------------------
# What goes out


_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


@value
class Choice:
    """A button: what it says, and the random token that comes back in a ``Tap``.

    Attributes:
        token: 1 to 64 letters from A to z, digits, - and _: what the narrowest platform hands back
            (https://core.telegram.org/bots/api#inlinekeyboardbutton).
    """

    label: str
    token: str

    def __post_init__(self) -> None:
        mend = "make one with secrets.token_urlsafe(18)"
        check_name("Choice.token", self.token, _TOKEN, "is not 1 to 64 of A-Z, a-z, 0-9, - and _", mend)


@value
class Reply:
    """What we want to say, in Markdown, before any platform's form.

    Attributes:
        failed: This stands where an answer should have been; for programs that wait for one.
        more: The answer goes on in another slot right away; for programs that wait for its end.
        unfinished: It is still being written; what its end has left open is to be shown calmly.
        only_edits: It is worth saying only where it changes a message: it never becomes one of its own.
        max_pages: Pages after so many are not asked for, 0 for all: what is longer is said otherwise.
    """

    markdown: str
    media: tuple[Media, ...] = ()
    choices: tuple[Choice, ...] = ()
    failed: bool = False
    more: bool = False
    unfinished: bool = False
    only_edits: bool = False
    max_pages: int = 0


@value
class Page:
    """One message's worth of a reply in one form of one platform.

    Attributes:
        body: The platform's JSON, less address and uploads.
        form: Which of the adapter's forms this is.
        source: The Markdown this page says, so that it alone can be said again in another form.
        only_edits: See ``Reply``. Set by whoever delivers it, not by adapters.
    """

    body: str
    form: str
    source: str = ""
    media: tuple[Media, ...] = ()
    choices: tuple[Choice, ...] = ()
    only_edits: bool = False


MAX_KEY_CHARS: Final = 24
"""Of a message's idempotency key: Discord takes 25 (https://docs.discord.com/developers/resources/message)."""

MAX_SLOT_CHARS: Final = 16
"""Of a slot's name: with a page's number behind it, and how often that was said anew, it is such a key."""

_SLOT: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_SLOT_CHARS}}}")


@value
class Outbound:
    """What a slot is to read: an empty slot sends, a filled one edits.

    Attributes:
        slot: One answer's place in a chat, the same in every run of the same turn, and of no other answer: 1 to 16
            letters from A to z, digits, - and _.
        final: False while more is to come: a preview, which may be dropped.
    """

    slot: str
    to: Address
    reply: Reply
    final: bool = True

    def __post_init__(self) -> None:
        if not (self.slot.isdecimal() and self.slot.isascii() and len(self.slot) <= MAX_SLOT_CHARS):
            mend = "name it for the row of the event it answers, or make one with secrets.token_hex(7)"
            reason = f"is not 1 to {MAX_SLOT_CHARS} of A-Z, a-z, 0-9, - and _"
            check_name("Outbound.slot", self.slot, _SLOT, reason, mend)


HOUSE = "house"
"""The scope of what belongs to nobody: the deployment's own notes."""


@value
class Put:
    """A row to keep; the engine seals ``body`` under the scope's key. None deletes the row.

    Attributes:
        scope: Whose it is, that is who said it.
        was: The version it was read at (``Record.version``), 0 where there was none. Where there is another by now, the
            whole commit is refused (``Outdated``). None: whatever is there is replaced.
        until: When it is forgotten by itself; None for never.
    """

    table: str
    row: str
    scope: str
    body: bytes | None
    was: int | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        check_key("Put.table", self.table)
        check_key("Put.row", self.row)
        check_key("Put.scope", self.scope)
        check_aware("Put.until", self.until)
        if self.was is not None:
            check_at_least("Put.was", self.was, 0)


@value
class Record:
    """A row as it is kept.

    Attributes:
        version: Another one after each ``Put``, also of a row that was deleted meanwhile; never 0.
    """

    row: str
    body: bytes
    version: int


@value
class Job:
    """Something to be told of later, as a ``Fired`` event.

    Attributes:
        id: A second job with this id replaces the first.
        rule: An RRULE with its DTSTART, or ``at:`` and an ISO 8601 time (see ``core/schedule.py``).
        zone: The IANA time zone that local times of the rule are in.
        cancel: True to forget the job of this id.
    """

    id: str
    to: Address
    sender: str
    rule: str
    zone: str = "UTC"
    cancel: bool = False

    def __post_init__(self) -> None:
        check_key("Job.id", self.id)


@value
class Outcome:
    """All that one turn changes, committed at once or not at all.

    Attributes:
        done: The inbox rows this settles.
    """

    done: tuple[int, ...] = ()
    out: tuple[Outbound, ...] = ()
    jobs: tuple[Job, ...] = ()
    writes: tuple[Put, ...] = ()


UnknownSend = Literal["resend", "mark"]
"""What becomes of a send of which nobody knows whether it arrived: it is sent again, or marked and left."""


@value
class Capabilities:
    """What one chat of an adapter can do, as data.

    Attributes:
        forms: Ways to say a thing there, at least one, richest first; the last is plain text.
        preview: How an unfinished answer is shown: not at all, as a draft that vanishes by itself, or by editing.
        preview_every_s: The shortest time between two previews.
        previews_per_s: How many of all chats together are worth their calls, 0 for any number: what one shows is soon
            replaced, so among many answers each is shown more rarely.
        burst: How many calls a chat takes at once before it wants rest.
        rest_s: The rest each call then needs.
        typing_s: How often "typing" must be repeated to stay on; 0 where there is no such thing.
        draft_s: How often a draft must be sent again to stay on.
        idempotent: True where the platform itself drops a second send with the same slot.
        unknown: See ``UnknownSend``.
        settles_s: How long the platform may take to tell by itself what became of such a send (``Receipt``); it is
            not sent again before.
        renders: False where a page is the text as it is: making it costs next to nothing, however long it is.
        max_chars: How much Markdown all messages of one answer may hold; what is more comes as a file.
    """

    forms: tuple[str, ...]
    preview: Literal["none", "draft", "edit"] = "none"
    preview_every_s: float = 1.0
    previews_per_s: float = 0.0
    burst: int = 1
    rest_s: float = 0.0
    typing_s: float = 0.0
    draft_s: float = 20.0
    idempotent: bool = False
    unknown: UnknownSend = "resend"
    settles_s: float = 0.0
    renders: bool = True
    max_chars: int = 60_000

    def __post_init__(self) -> None:
        if not (self.forms and all(self.forms)):
            raise refused("Capabilities.forms", self.forms, "names no form, or one without a name", "name at least one")
        check_at_least("Capabilities.burst", self.burst, 1)
        check_at_least("Capabilities.preview_every_s", self.preview_every_s, 0)
        check_at_least("Capabilities.rest_s", self.rest_s, 0)
        check_at_least("Capabilities.typing_s", self.typing_s, 0)
        check_at_least("Capabilities.draft_s", self.draft_s, 0)
        check_at_least("Capabilities.settles_s", self.settles_s, 0)


@value
class Conversation:
    """One of a person's conversations, as a list shows it.

    Attributes:
        title: The first words that were said in it, "" while there are none.
        at: When something was last said in it.
        current: Whether what is said next belongs to it.
    """

    id: str
    title: str
    at: datetime
    current: bool

    def __post_init__(self) -> None:
        check_aware("Conversation.at", self.at)
