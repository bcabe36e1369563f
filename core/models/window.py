"""Asking a model for as much as its window holds: what a conversation may take, and less where that was too much."""

from collections.abc import Callable
from dataclasses import replace

import structlog

from core.context.conversation import room_for, size
from core.errors import ContextTooLong
from core.exchange import Entry, Finished, Request, ToolSchema
from core.models.asking import Answer, ask
from core.models.routing import Chosen
from core.seams import Provider

log = structlog.get_logger(__name__)

_OUTPUT_TOKENS = 4096
_SHRINKS = 4


class Window:
    """One model's window.

    Attributes:
        room: Bytes of conversation it holds beside everything that does not change.
    """

    def __init__(self, chosen: Chosen, system: str, tools: tuple[ToolSchema, ...]) -> None:
        model = chosen.model
        offered = tools if model.tools else ()
        output = min(_OUTPUT_TOKENS, model.context_tokens // 4) if model.context_tokens else _OUTPUT_TOKENS
        overhead = len(system) + sum(len(tool.description) + len(tool.parameters) for tool in offered)
        self.room = room_for(model.context_tokens, output, overhead)
        self._chosen = chosen
        self._frame = Request(model=model.id, entries=(), system=system, tools=offered, max_output_tokens=output)

    @property
    def provider(self) -> Provider:
        """Who has the model."""
        return self._chosen.provider

    async def ask(
        self, conversation: Callable[[int], tuple[Entry, ...]], answer: Answer, grow: Callable[[str], None]
    ) -> Finished:
        """Ask; a conversation the model finds too long is shortened and asked again.

        Args:
            conversation: What to say in so many bytes; more where it cannot be said in fewer.
            answer: See ``ask``; likewise ``grow``.

        Raises:
            ProviderError: See ``ask``.
        """
        entries = conversation(self.room)
        for _ in range(_SHRINKS):
            try:
                return await self._ask(entries, answer, grow)
            except ContextTooLong:
                shorter = conversation(sum(map(size, entries)) // 2)
                if shorter == entries:
                    raise
                log.info("conversation shortened", entries=len(entries), to=len(shorter))
                entries = shorter
        return await self._ask(entries, answer, grow)

    async def _ask(self, entries: tuple[Entry, ...], answer: Answer, grow: Callable[[str], None]) -> Finished:
        finished = await ask(self._chosen, replace(self._frame, entries=entries), answer, grow)
        log.info(
            "model answered",
            provider=self._chosen.provider.name,
            model=self._chosen.model.id,
            reason=finished.reason,
            input_tokens=finished.usage.input_tokens,
            cached_tokens=finished.usage.cached_tokens,
            output_tokens=finished.usage.output_tokens,
        )
        return finished
