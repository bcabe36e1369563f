"""A person's own conversations, read for an adapter that shows them."""

from datetime import UTC, datetime

from core.context.conversation import Context, Talk
from core.seams import Engine
from core.site import Archive, Excerpt
from core.values import Conversation

_MOST = 500


class StoredArchive:
    """What one adapter may read: the conversations of the people who talk through it, each their own.

    Args:
        adapter: The adapter's name. A sender means something only together with it.
    """

    def __init__(self, engine: Engine, adapter: str) -> None:
        self._engine = engine
        self._adapter = adapter
        self._context = Context(engine.records)

    async def conversations(self, sender: str) -> tuple[Conversation, ...]:
        """See ``Archive``."""
        lane = await self._engine.lane(self._adapter, sender)
        current = await self._context.current(lane) if lane else Talk()
        talks = {talk.id: talk for talk in (await self._context.talks(lane, _MOST) if lane else ())}
        talks.setdefault(current.id, current)
        listed = [
            Conversation(
                id=talk.id,
                title=talk.title,
                at=datetime.fromtimestamp(talk.at, UTC) if talk.at else datetime.now(UTC),  # nothing was said in it yet
                current=talk.id == current.id,
            )
            for talk in talks.values()
        ]
        return tuple(sorted(listed, key=lambda one: one.at, reverse=True))

    async def read(
        self, sender: str, conversation: str, *, before: str | None = None, after: str | None = None, limit: int = 200
    ) -> Excerpt:
        """See ``Archive``."""
        lane = await self._engine.lane(self._adapter, sender)
        if not lane:
            return Excerpt()
        return await self._context.excerpt(lane, conversation, before=before, after=after, limit=limit)


_: type[Archive] = StoredArchive
