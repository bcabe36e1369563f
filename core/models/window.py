"""One model's window: what a conversation may take of it, and what a request to it looks like."""

from dataclasses import replace

from core.context.conversation import BYTES_A_TOKEN, room_for, size
from core.exchange import Effort, Entry, Request, ToolSchema, Usage
from core.models.needs import answer_tokens
from core.models.routing import Chosen

_IMAGE_TOKENS = 1600
_BYTES_A_SPOKEN_TOKEN = 4


class Window:
    """One model's window.

    Args:
        search: Whether its lab may look things up in the web, where it can.
        effort: How long it is to think, where it can be told. Labs count thoughts as part of the answer.

    Attributes:
        chosen: Whose it is.
        room: Bytes of conversation it holds beside everything that does not change.
        counts: Whether our own count is heeded before anybody refuses. A lab's model that somebody chose by name is
            asked all the same, since we count on the high side; a server of one's own may cut off silently.
    """

    def __init__(
        self,
        chosen: Chosen,
        system: str,
        tools: tuple[ToolSchema, ...],
        thread: str = "",
        *,
        search: bool = False,
        effort: Effort = "",
    ) -> None:
        model = chosen.model
        offered = tools if model.tools else ()
        told = effort if model.effort else ""
        output = answer_tokens(model, told)
        overhead = len(system) + sum(len(tool.description) + len(tool.parameters) for tool in offered)
        self.chosen = chosen
        self.room = room_for(model.context_tokens, output, overhead)
        self.counts = bool(model.context_tokens) and (model.hosting == "self" or not chosen.named)
        self._frame = Request(
            model=model.id,
            entries=(),
            system=system,
            tools=offered,
            max_output_tokens=output,
            effort=told,
            search=search and model.search,
            thread=thread,
        )

    def request(self, entries: tuple[Entry, ...], *, tools: bool = True) -> Request:
        """A request that says this. What a model cannot see is put in words by its provider.

        Args:
            tools: Whether anything may be called, or looked up by the lab.
        """
        frame = self._frame if tools else replace(self._frame, tools=(), search=False)
        return replace(frame, entries=entries)


def estimate(request: Request, spoken_bytes: int) -> Usage:
    """What a call took of which its provider told nothing: on the high side for the prompt, about right for the rest.

    Args:
        spoken_bytes: Of what was said and thought.
    """
    parts = [part for entry in request.entries for part in entry.parts]
    images = sum(part.media is not None for part in parts)
    text = len(request.system) + sum(map(size, request.entries))
    text += sum(len(tool.name) + len(tool.description) + len(tool.parameters) for tool in request.tools)
    return Usage(
        input_tokens=max(1, -(-text // BYTES_A_TOKEN)) + images * _IMAGE_TOKENS,
        output_tokens=-(-spoken_bytes // _BYTES_A_SPOKEN_TOKEN),
    )
