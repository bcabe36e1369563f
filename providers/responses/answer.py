"""Putting an answer together from the events of OpenAI's Responses API.

https://platform.openai.com/docs/api-reference/responses-streaming . An event is known by its type's name alone.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from core.errors import ProviderDown
from core.exchange import Delta, Finished, ModelEvent, Part, Spent, Usage
from providers.faults import refusal
from providers.replay import Piece, remembered
from providers.responses.citing import cited
from providers.stream import number, text
from providers.words import JSON

Reason = Literal["stop", "tools", "length", "refusal"]

_SEARCHING = "Searching the web …"
_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})


class Answer:
    """One answer under way: ``add`` events, each of which may have something to say; then ask for ``finished``.

    Args:
        provider: Whose answer this is: the name on what it will want back.
        prompt_tokens: An estimate of the prompt, until the lab has counted it.

    Attributes:
        ended: Whether the lab has said that this was all.
    """

    def __init__(self, provider: str, model: str, prompt_tokens: int) -> None:
        self.begun = False
        self.ended = False
        self._provider = provider
        self._model = model
        self._items: dict[int, JSON] = {}
        self._reason: Reason = "stop"
        self._refused = False
        self._usage = Usage(input_tokens=prompt_tokens)

    def spent(self) -> Spent:
        """What the call has cost so far."""
        return Spent(usage=self._usage)

    def add(self, event: JSON) -> list[ModelEvent]:
        """Take in one event; what it says.

        Raises:
            ProviderError: The event is a complaint.
        """
        kind = text(event, "type")
        if event.get("object") == "response":
            return self._whole(event)
        if kind in {"response.output_text.delta", "response.refusal.delta"}:
            self.begun = True
            self._refused = self._refused or kind == "response.refusal.delta"
            return [Delta(text=text(event, "delta"))] if text(event, "delta") else []
        if kind == "response.output_item.added":
            self.begun = True
        elif kind == "response.output_item.done":
            item = event.get("item")
            if isinstance(item, dict):
                self._items[number(event, "output_index")] = item
            if _is_search(item):
                self._usage = replace(self._usage, searches=self._searches())
                return [self.spent()]
        elif kind in {"response.reasoning_summary_text.delta", "response.reasoning_text.delta"}:
            return [Delta(text=text(event, "delta"), kind="reasoning")]
        elif kind == "response.web_search_call.searching":
            return [Delta(text=_SEARCHING, kind="progress")]
        elif kind in _ENDS:
            return self._end(kind, event.get("response"))
        elif kind == "error":
            raise refusal(0, event)
        return []

    def finished(self) -> Finished:
        """The whole answer.

        Raises:
            ProviderDown: The stream ended before the answer did.
        """
        if not self.ended:
            raise ProviderDown("the answer broke off" if self.begun else "the stream ended before it began")
        pieces = [piece for place in sorted(self._items) for piece in _pieces(self._items[place])]
        if self._reason in {"length", "refusal"}:  # what was cut off amid an item has none of its rest
            pieces = [piece for piece in pieces if piece.kind == "text"]
        elif any(piece.kind == "call" for piece in pieces):
            self._reason = "tools"
        reason: Reason = "refusal" if self._refused else self._reason
        return Finished(reason=reason, parts=remembered(self._provider, self._model, pieces), usage=self._usage)

    def _whole(self, response: JSON) -> list[ModelEvent]:
        """An answer in one piece, of a server that does not stream."""
        output = response.get("output")
        items = [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
        self._items, self.begun = dict(enumerate(items)), bool(items)
        said = [piece.part.body for item in items for piece in _pieces(item) if piece.kind == "text" and piece.part]
        end = f"response.{text(response, 'status') or 'completed'}"
        return [*(Delta(text=one) for one in said), *self._end(end if end in _ENDS else "response.completed", response)]

    def _end(self, kind: str, response: object) -> list[ModelEvent]:
        told = response if isinstance(response, dict) else {}
        self._count(told)
        if kind == "response.failed":
            raise refusal(0, {"error": told.get("error") or "the answer failed"})
        if kind == "response.incomplete":
            filtered = text(told.get("incomplete_details"), "reason") == "content_filter"
            self._reason = "refusal" if filtered else "length"
        self.ended = True
        return [self.spent()]

    def _count(self, told: JSON) -> None:
        usage, tools = told.get("usage"), told.get("tool_usage")
        # Where the lab says how many it wants money for, that may be fewer than there were.
        counts = isinstance(tools, dict) and isinstance(tools.get("web_search"), dict)
        searches = number(tools, "web_search", "num_requests") if counts else self._searches()
        if isinstance(usage, dict):
            self._usage = Usage(
                input_tokens=number(usage, "input_tokens") or self._usage.input_tokens,
                output_tokens=number(usage, "output_tokens"),
                cached_tokens=number(usage, "input_tokens_details", "cached_tokens"),
                written_tokens=number(usage, "input_tokens_details", "cache_write_tokens"),
                reasoning_tokens=number(usage, "output_tokens_details", "reasoning_tokens"),
                searches=searches,
            )

    def _searches(self) -> int:
        return sum(map(_is_search, self._items.values()))


def _is_search(item: object) -> bool:
    """Whether it looked something up: opening a page that was found, and looking through it, cost nothing more."""
    action = item.get("action") if isinstance(item, dict) and item.get("type") == "web_search_call" else None
    return isinstance(action, dict) and action.get("type", "search") == "search"


def _pieces(item: JSON) -> Iterator[Piece]:
    match item.get("type"):
        case "message":
            content = item.get("content")
            for part in content if isinstance(content, list) else ():
                yield from cited(part, item.get("phase"))
        case "function_call":
            call = Part(
                kind="call", id=text(item, "call_id"), name=text(item, "name"), body=text(item, "arguments") or "{}"
            )
            yield Piece(kind="call", part=call)
        case "reasoning" | "web_search_call":
            yield Piece(kind="own", own={key: kept for key, kept in item.items() if kept is not None})
        case _:
            pass  # of a kind that we do not ask for
