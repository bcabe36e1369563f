"""One model's window: what a conversation may take of it, and what a request to it looks like."""

from dataclasses import replace

from core.context.conversation import BYTES_A_TOKEN, room_for, size
from core.exchange import Effort, Entry, Model, Part, Request, ToolSchema, Usage
from core.files import called
from core.models.needs import answer_tokens, is_image, is_pdf
from core.models.routing import Chosen

_IMAGE_TOKENS = 1600
_UNSEEN = "[{kind}: {name}; its content cannot be shown to you]"
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
        """A request that says this, with words in place of what the model cannot see.

        Args:
            tools: Whether anything may be called, or looked up by the lab.
        """
        frame = self._frame if tools else replace(self._frame, tools=(), search=False)
        return replace(frame, entries=tuple(_seen(entry, self.chosen.model) for entry in entries))


def _seen(entry: Entry, model: Model) -> Entry:
    """An entry as a model sees it: a provider would show it the file, whatever the configuration says of the model."""
    if all(part.media is None for part in entry.parts):
        return entry
    return replace(entry, parts=tuple(_seen_part(part, model) for part in entry.parts))


def _seen_part(part: Part, model: Model) -> Part:
    if part.media is None:
        return part
    unseen = (is_image(part.media) and not model.images) or (is_pdf(part.media) and not model.documents)
    text = _UNSEEN.format(kind=part.media.kind, name=called(part.media))
    return Part(kind="text", body=text) if unseen else part


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
