"""Jobs that came due: each is answered for by whoever set it, which its name tells.

An approval that nobody gave in time ends; a tap's turn goes on with the model's words; what plugins want to happen
after a turn happens; a plugin's own job is the plugin's. A job that nobody answers for is a fault: the owner is told.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog

from core import phrases
from core.context.conversation import Context, row_of
from core.context.parts import text_of
from core.plugin import Exchange, ToolContext
from core.schedule import at
from core.seams import Work
from core.turn.guarding import FAILED, guarding, in_time
from core.turn.plugins import Plugins
from core.turn.results import Produced, brought, messages_of, plugin_of, schedule_of
from core.turn.toolbox import Caller, Toolbox
from core.values import Fired, Job, Media, Outbound, Outcome, Received, Reply

log = structlog.get_logger(__name__)

_AFTER = "after"
_SOON = timedelta(seconds=5)
_FIRED_S = 120.0


def after_turn(received: Received, row: int) -> Job:
    """The job that calls what is to happen after the turn that answered this row."""
    job, due = f"{_AFTER}/{received.scope}/{row}", datetime.now(UTC)
    return Job(id=job, to=received.inbound.to, sender=received.inbound.sender, rule=at(due))


class PluginJobs:
    """Answers for jobs of plugins, and for what they want to happen after a turn.

    Args:
        tell_owner: Tells whoever owns this deployment of a fault.
    """

    def __init__(
        self, context: Context, plugins: Plugins, toolbox: Toolbox, tell_owner: Callable[[str], Awaitable[None]]
    ) -> None:
        self._context = context
        self._plugins = plugins
        self._toolbox = toolbox
        self._tell_owner = tell_owner

    async def fired(self, work: Work, fired: Fired) -> Outcome:
        """What came of a job."""
        kind, first = fired.job.partition("/")[0], work.events[0]
        match kind:
            case "after":
                return await self._after_turn(work, first, fired)
            case "plugin":
                return await self._of_plugin(work, first, fired)
            case _:
                return await self._of_nobody(first, fired, f"no part of Waystation sets jobs of the kind {kind}")

    async def _of_plugin(self, work: Work, first: Received, fired: Fired) -> Outcome:
        name = plugin_of(fired.job)
        answers = self._plugins.on_fired(name)
        if answers is None:
            return await self._of_nobody(first, fired, f"the plugin {name}, which set it, is off or answers for none")
        try:
            with guarding(name):
                result = await in_time(answers(schedule_of(fired.job), self._caller(work, first)), _FIRED_S)
                told = brought(result, first, name)
        except FAILED:
            log.exception("job failed", plugin=name)
            return Outcome(done=(first.row,), out=(_say(first, phrases.JOB_FAILED.format(plugin=name)),))
        said = (_say(first, told.text, told.produced.files),) if told.text or told.produced.files else ()
        return Outcome(
            done=(first.row,),
            out=(*said, *messages_of(told.produced, first.row, first.inbound.to)),
            jobs=told.produced.jobs,
            writes=told.writes,
        )

    async def _of_nobody(self, first: Received, fired: Fired, why: str) -> Outcome:
        kind = "/".join(fired.job.split("/")[:2])
        log.error("job that nobody answers for", kind=kind, reason=why)
        await self._tell_owner(f"A job came due and was dropped, since {why}.")
        return Outcome(done=(first.row,))

    async def _after_turn(self, work: Work, first: Received, fired: Fired) -> Outcome:
        """Call the hooks, unless somebody asks something meanwhile: then they are called again later."""
        exchange = await self._exchange(work.lane, int(fired.job.rpartition("/")[2]))
        if exchange is None:
            return Outcome(done=(first.row,))
        hooks = asyncio.create_task(
            self._plugins.after_turn(exchange, self._caller(work, first), first), name="after turn"
        )
        somebody = asyncio.create_task(work.later(), name="somebody asks")
        if len(work.events) > 1:
            somebody.cancel()
            hooks.cancel()
        await asyncio.wait({hooks, somebody}, return_when=asyncio.FIRST_COMPLETED)
        for task in (hooks, somebody):
            task.cancel()
        await asyncio.wait({hooks, somebody})
        if hooks.cancelled():
            again = Job(
                id=fired.job,
                to=first.inbound.to,
                sender=first.inbound.sender,
                rule=at(datetime.now(UTC) + _SOON),
            )
            return Outcome(done=(first.row,), jobs=(again,))
        results = hooks.result()
        produced = sum((one.produced for one in results), start=Produced())
        return Outcome(
            done=(first.row,),
            out=messages_of(produced, first.row, first.inbound.to),
            jobs=produced.jobs,
            writes=tuple(put for result in results for put in result.writes),
        )

    async def _exchange(self, lane: str, row: int) -> Exchange | None:
        """What was said in the turn that began with a row, None where it is not kept any more."""
        entries = [kept.entry for name, kept in await self._context.recent(lane) if row_of(name) == row]
        said = {role: "\n".join(text_of(one.parts) for one in entries if one.role == role).strip() for role in _ROLES}
        return Exchange(question=said["user"], answer=said["assistant"]) if all(said.values()) else None

    def _caller(self, work: Work, first: Received) -> ToolContext:
        return self._toolbox.context(Caller(received=first, lane=work.lane))


_ROLES = ("user", "assistant")


def _say(first: Received, text: str, files: tuple[Media, ...] = ()) -> Outbound:
    return Outbound(slot=str(first.row), to=first.inbound.to, reply=Reply(markdown=text, media=files))
