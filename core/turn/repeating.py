"""The button below an apology that asks the question again: what it stands for, and what becomes of it.

A tap's token is random and says nothing. What it stands for is in the store under its hash: the question itself, and
whose tap counts. It works once, and for a day. What was kept of the answer that failed gives way to the new one, where
nothing else has been said since.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from core import phrases
from core.codec import dump, load
from core.context import conversation
from core.context.conversation import History
from core.schedule import at
from core.seams import Records
from core.values import Choice, Job, Outbound, Outcome, Put, Received, value

log = structlog.get_logger(__name__)

LASTS = timedelta(days=1)
_TABLE = "repeats"
_JOB = "repeat/"


@value
class Repeat:
    """A question that may be asked again.

    Attributes:
        tap: The hash of the button's token; also the name of this.
        scope: Whose tap counts. ``space`` is the context it was asked in.
        said: What stands where an answer should have been, without its button.
        asked: The messages it was about; none where it went on with what the conversation ended with.
        turn: What the conversation's entries of the question are named for.
    """

    tap: str
    scope: str
    space: str
    sender: str
    said: Outbound
    asked: tuple[Received, ...]
    turn: str


@value
class Taken:
    """A question as it is asked again.

    Attributes:
        history: What stands before it.
        before: What is committed with the answer: the answer that failed is forgotten.
    """

    asked: tuple[Received, ...]
    history: History
    before: tuple[Put, ...]
    turn: str


def offered(outcome: Outcome, asker: Received, asked: Sequence[Received], turn: str) -> Outcome:
    """The outcome of an answer that failed, with a button below what it says that asks the question again."""
    token = secrets.token_urlsafe(18)
    *before, said = outcome.out
    repeat = Repeat(
        tap=_hash(token),
        scope=asker.scope,
        space=asker.space,
        sender=asker.inbound.sender,
        said=said,
        asked=tuple(asked),
        turn=turn,
    )
    button = Choice(label=phrases.TRY_AGAIN, token=token)
    out = replace(said, reply=replace(said.reply, choices=(button,)))
    return replace(
        outcome,
        out=(*before, out),
        jobs=(*outcome.jobs, _job(repeat, at(datetime.now(UTC) + LASTS))),
        writes=(*outcome.writes, Put(table=_TABLE, row=repeat.tap, scope=repeat.space, body=dump(Repeat, repeat))),
    )


async def tapped(records: Records, token: str) -> Repeat | None:
    """What a token stands for; None for one that was used, is over or never was, or is for something else."""
    return await _find(records, _hash(token))


def is_expiry(job: str) -> bool:
    """Whether this job takes a button away that nobody pressed."""
    return job.startswith(_JOB)


async def expired(records: Records, job: str) -> Repeat | None:
    """What a job that fired is the end of; None where there is nothing left of it."""
    return await _find(records, job.removeprefix(_JOB))


def used(repeat: Repeat) -> Put:
    """What takes it out of the store: the button works no more."""
    return Put(table=_TABLE, row=repeat.tap, scope=repeat.space, body=None)


def closed(repeat: Repeat) -> Outbound:
    """What stands there, without its button, where that can be changed."""
    return replace(repeat.said, reply=replace(repeat.said.reply, failed=False, only_edits=True))


def no_job(repeat: Repeat) -> Job:
    """Ends the wait for the end."""
    return replace(_job(repeat, ""), cancel=True)


def taken(repeat: Repeat, tap: Received, history: History) -> Taken:
    """The question as this tap asks it: in its old place where nothing came after it, else at the end."""
    asked = tuple(
        replace(one, row=tap.row, at=tap.at, inbound=replace(one.inbound, to=tap.inbound.to)) for one in repeat.asked
    )
    number = conversation.last_question(history)
    mine = repeat.turn + "."
    if number is None or not (asked and history.rows[number].startswith(mine) and history.rows[-1].startswith(mine)):
        return Taken(asked=asked, history=history, before=(), turn="")
    before = conversation.taken_back(history, tap.space, number)
    return Taken(asked=asked, history=history.until(number), before=before, turn=repeat.turn)


def _job(repeat: Repeat, rule: str) -> Job:
    return Job(id=f"{_JOB}{repeat.tap}", to=repeat.said.to, sender=repeat.sender, rule=rule)


async def _find(records: Records, tap: str) -> Repeat | None:
    record = await records.get(_TABLE, tap)
    if record is None:
        return None
    try:
        return load(Repeat, record.body)
    except ValueError:
        log.exception("question not read", note="it is not asked again")
        return None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
