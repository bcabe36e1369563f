"""Asking a person before something happens: the question, its buttons, and what a tap on one of them allows.

A tap's token is random and says nothing. What it stands for is in the store under its hash: which calls with exactly
which arguments, and whose tap counts. It works once, and for ten minutes.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from core import phrases
from core.codec import dump, load
from core.exchange import Part
from core.schedule import at
from core.seams import Records
from core.text.fencing import followed
from core.values import Address, Choice, Job, Outbound, Put, Received, Reply, value

log = structlog.get_logger(__name__)

LASTS = timedelta(minutes=10)
_TAPS, _PENDING = "taps", "pending"
_JOB = "approval/"


@value
class Pending:
    """Calls that wait for a person.

    Attributes:
        slot: Where the question stands; also the name of this.
        scope: Whose tap counts. ``space`` is the context it was asked in.
        asked: The question as it stands there, in Markdown.
        calls: The calls, arguments and all.
        taps: Hashes of the tokens for yes and no.
    """

    slot: str
    scope: str
    space: str
    sender: str
    to: Address
    asked: str
    calls: tuple[Part, ...]
    taps: tuple[str, str]
    expires: datetime


@value
class Question:
    """A question to commit: what is said, what is kept, and when it ends by itself."""

    out: Outbound
    writes: tuple[Put, ...]
    job: Job


def question(received: Received, out: Outbound, calls: Sequence[Part], now: datetime) -> Question:
    """Ask the person behind an event for leave to make these calls; ``out`` is the question without its buttons."""
    yes, no = secrets.token_urlsafe(18), secrets.token_urlsafe(18)
    pending = Pending(
        slot=out.slot,
        scope=received.scope,
        space=received.space,
        sender=received.inbound.sender,
        to=out.to,
        asked=out.reply.markdown,
        calls=tuple(calls),
        taps=(_hash(yes), _hash(no)),
        expires=now + LASTS,
    )
    choices = (Choice(label=phrases.ALLOW, token=yes), Choice(label=phrases.DENY, token=no))
    return Question(
        out=replace(out, reply=replace(out.reply, choices=choices)),
        writes=(
            Put(table=_PENDING, row=out.slot, scope=received.space, body=dump(Pending, pending)),
            *(Put(table=_TAPS, row=tap, scope=received.space, body=out.slot.encode()) for tap in pending.taps),
        ),
        job=Job(id=f"{_JOB}{out.slot}", to=out.to, sender=received.inbound.sender, rule=at(pending.expires)),
    )


class Approvals:
    """What waits for a tap."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def tapped(self, token: str) -> tuple[Pending, bool] | None:
        """What a token stands for and whether it says yes; None for one that was used, has expired or never was."""
        hashed = _hash(token)
        slot = await self._records.get(_TAPS, hashed)
        pending = None if slot is None else await self._pending(slot.body.decode())
        return None if pending is None else (pending, hashed == pending.taps[0])

    async def expired(self, job: str) -> Pending | None:
        """What a job that fired is the end of; None when it was answered in time, or is another's job."""
        return await self._pending(job.removeprefix(_JOB)) if job.startswith(_JOB) else None

    async def _pending(self, slot: str) -> Pending | None:
        record = await self._records.get(_PENDING, slot)
        if record is None:
            return None
        try:
            return load(Pending, record.body)
        except ValueError:
            log.exception("question not read", slot=slot, note="nothing is done without it")
            return None


def used(pending: Pending) -> tuple[Put, ...]:
    """What takes the question out of the store: neither button works again."""
    rows = ((_PENDING, pending.slot), *((_TAPS, tap) for tap in pending.taps))
    return tuple(Put(table=table, row=row, scope=pending.space, body=None) for table, row in rows)


def closed(pending: Pending, mark: str) -> Outbound:
    """The question as it reads once it is over: without buttons."""
    return Outbound(slot=pending.slot, to=pending.to, reply=Reply(markdown=followed(pending.asked, mark)))


def doing(pending: Pending) -> Outbound:
    """What shows that something is being done; the question itself stays as it is until it is over."""
    return Outbound(slot=pending.slot, to=pending.to, reply=Reply(markdown=""), final=False)


def names(pending: Pending) -> str:
    """What waits or waited, for a model to read."""
    return ", ".join(call.name for call in pending.calls)


def is_expiry(job: str) -> bool:
    """Whether this job ends a question that nobody answered."""
    return job.startswith(_JOB)


def no_job(pending: Pending) -> Job:
    """Ends the wait for the end."""
    return Job(id=f"{_JOB}{pending.slot}", to=pending.to, sender=pending.sender, rule="", cancel=True)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
