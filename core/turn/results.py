"""What a tool, a command or a fired job brought, made into what a turn commits."""

from collections.abc import Sequence
from datetime import datetime

from core.context.parts import whole
from core.errors import WaystationError
from core.files import made
from core.plugin import Effect, Schedule, Source, ToolContext, ToolResult
from core.site import Egress
from core.values import HOUSE, Address, Job, Media, Outbound, Put, Received, Reply, value


@value
class Produced:
    """What came with the words of a result, ready to be committed; kept with the step it belongs to."""

    sources: tuple[Source, ...] = ()
    files: tuple[Media, ...] = ()
    jobs: tuple[Job, ...] = ()
    messages: tuple[Reply, ...] = ()

    def __add__(self, other: "Produced") -> "Produced":
        """Both, in order."""
        return Produced(
            sources=self.sources + other.sources,
            files=self.files + other.files,
            jobs=self.jobs + other.jobs,
            messages=self.messages + other.messages,
        )


@value
class Brought:
    """A result: its words, what came with them, and the rows to keep with it."""

    text: str
    produced: Produced = Produced()
    writes: tuple[Put, ...] = ()


class NotAllowed(WaystationError):
    """A plugin brought what it may not bring there: a bug of the plugin's."""


def context_of(received: Received, lane: str, now: datetime, files: Sequence[Media], egress: Egress) -> ToolContext:
    """Whom a plugin works for when this event is what it is called for."""
    private = received.inbound.to.private
    return ToolContext(
        person=received.space if private else received.scope,
        scope=received.scope,
        space=received.space,
        context=lane,
        event=received.row,
        to=received.inbound.to,
        now=now,
        files=tuple(files),
        egress=egress,
    )


def brought(result: str | ToolResult, received: Received, plugin: str, *, effect: Effect = "writes") -> Brought:
    """Make a result of a plugin's into what a turn commits.

    Args:
        received: The event it was brought for: whose it is, and where things are said.
        effect: What may be brought: what only reads sets no jobs and says nothing by itself.

    Raises:
        NotAllowed: It holds something it may not.
    """
    if isinstance(result, str):
        return Brought(text=whole(result))
    if not isinstance(result, ToolResult):
        raise NotAllowed(f"{plugin} returned {type(result).__name__}, neither text nor a ToolResult")
    if effect == "reads" and (result.jobs or result.messages):
        raise NotAllowed(f"{plugin} set jobs or said something from a tool that only reads")
    scopes = {received.scope, received.space, HOUSE}
    if strange := next((put.scope for put in result.writes if put.scope not in scopes), None):
        raise NotAllowed(
            f"{plugin} wrote under the scope {strange!r}, which is not its caller's; those are in its context"
        )
    files = [made(blob, received.space) for blob in result.files]
    return Brought(
        text=whole(result.text),
        produced=Produced(
            sources=result.sources,
            files=tuple(media for media, _ in files),
            jobs=tuple(_job(schedule, received, plugin) for schedule in result.jobs),
            messages=result.messages,
        ),
        writes=(*result.writes, *(put for _, puts in files for put in puts)),
    )


def plugin_of(job: str) -> str:
    """Which plugin set a job, by the job's name."""
    return job.split("/")[1]


def schedule_of(job: str) -> str:
    """The plugin's own name for a job of its own."""
    return job.split("/", 3)[3]


def _job(schedule: Schedule, received: Received, plugin: str) -> Job:
    """Two people's jobs of one name are two jobs: a job is named for its plugin and for whom it belongs to."""
    return Job(
        id=f"plugin/{plugin}/{received.scope}/{schedule.id}",
        to=received.inbound.to,
        sender=received.inbound.sender,
        rule=schedule.rule,
        zone=schedule.zone,
        cancel=schedule.cancel,
    )


def messages_of(produced: Produced, row: int, to: Address) -> tuple[Outbound, ...]:
    """What plugins want said beside an answer: all of one turn at once, since they are named by their number.

    Args:
        row: Of the event that the turn began with.
    """
    return tuple(Outbound(slot=f"{row}m{number}", to=to, reply=reply) for number, reply in enumerate(produced.messages))
