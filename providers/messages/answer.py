"""Putting an answer together from the events of Anthropic's Messages API.

https://docs.claude.com/en/docs/build-with-claude/streaming
"""

import json
from dataclasses import replace
from typing import Literal

from core.errors import ProviderDown
from core.exchange import Delta, Finished, ModelEvent, Part, Spent, Usage
from providers.faults import refusal
from providers.replay import Piece, remembered
from providers.stream import number, text
from providers.words import JSON

Reason = Literal["stop", "tools", "length", "refusal", "pause"]

_REASONS: dict[str, Reason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tools",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
    "pause_turn": "pause",
}
_SEARCHING = "Searching the web: {query}"


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
        self._blocks: dict[int, JSON] = {}
        self._inputs: dict[int, list[str]] = {}
        self._reason: Reason | None = None
        self._usage = Usage(input_tokens=prompt_tokens)

    def spent(self) -> Spent:
        """What the call has cost so far."""
        return Spent(usage=self._usage)

    def add(self, event: JSON) -> list[ModelEvent]:
        """Take in one event; what it says.

        Raises:
            ProviderError: The event is a complaint.
        """
        match event.get("type"):
            case "message_start":
                return self._count(event.get("message"))
            case "message":
                return self._whole(event)
            case "content_block_start":
                return self._start(number(event, "index"), event.get("content_block"))
            case "content_block_delta":
                return self._grow(number(event, "index"), event.get("delta"))
            case "content_block_stop":
                return self._stop(number(event, "index"))
            case "message_delta":
                self._reason = _REASONS.get(text(event.get("delta"), "stop_reason"), self._reason or "stop")
                return self._count(event)
            case "message_stop":
                self.ended = True
            case "error":
                raise refusal(0, event)
        return []

    def finished(self) -> Finished:
        """The whole answer.

        Raises:
            ProviderDown: The stream ended before the answer did.
        """
        if not self.ended or self._reason is None:
            raise ProviderDown("the answer broke off" if self.begun else "the stream ended before it began")
        pieces = [piece for place in sorted(self._blocks) if (piece := self._piece(place))]
        if self._reason == "length":
            pieces = [piece for piece in pieces if piece.kind != "call"]  # cut off amid its arguments, maybe
        parts = remembered(self._provider, self._model, pieces)
        return Finished(reason=self._reason, parts=parts, usage=self._usage)

    def _whole(self, message: JSON) -> list[ModelEvent]:
        """An answer in one piece, of a server that does not stream."""
        content, events = message.get("content"), self._count(message)
        for place, block in enumerate(content if isinstance(content, list) else ()):
            events += self._start(place, block)
        self._reason = _REASONS.get(text(message, "stop_reason"), "stop")
        self.ended = True
        return events

    def _start(self, place: int, block: object) -> list[ModelEvent]:
        if not isinstance(block, dict):
            return []
        self._blocks[place] = dict(block)
        self.begun = True
        if thought := text(block, "thinking"):
            return [Delta(text=thought, kind="reasoning")]
        if block.get("type") == "web_search_tool_result" and isinstance(block.get("content"), list):
            self._usage = replace(self._usage, searches=self._usage.searches + 1)  # until the lab has counted them
            return [self.spent()]
        said = text(block, "text")
        return [Delta(text=said)] if block.get("type") == "text" and said else []

    def _grow(self, place: int, delta: object) -> list[ModelEvent]:
        block = self._blocks.get(place)
        if block is None or not isinstance(delta, dict):
            return []
        match delta.get("type"):
            case "text_delta":
                more = text(delta, "text")
                block["text"] = text(block, "text") + more
                return [Delta(text=more)] if more else []
            case "thinking_delta":
                more = text(delta, "thinking")
                block["thinking"] = text(block, "thinking") + more
                return [Delta(text=more, kind="reasoning")] if more else []
            case "signature_delta":
                block["signature"] = text(block, "signature") + text(delta, "signature")
            case "input_json_delta":
                self._inputs.setdefault(place, []).append(text(delta, "partial_json"))
            case "citations_delta":
                known = block.get("citations")
                block["citations"] = [*(known if isinstance(known, list) else ()), delta.get("citation")]
        return []

    def _stop(self, place: int) -> list[ModelEvent]:
        block = self._blocks.get(place, {})
        if place in self._inputs:
            written = "".join(self._inputs.pop(place))
            try:
                block["input"] = json.loads(written) if written else {}
            except ValueError:
                block["input"], block["malformed"] = {}, written
        if block.get("type") == "server_tool_use" and (query := text(block.get("input"), "query")):
            return [Delta(text=_SEARCHING.format(query=query), kind="progress")]
        return []

    def _count(self, of: object) -> list[ModelEvent]:
        usage = of.get("usage") if isinstance(of, dict) else None
        if not isinstance(usage, dict):
            return []
        before = self._usage
        fresh, read = number(usage, "input_tokens"), number(usage, "cache_read_input_tokens")
        written = number(usage, "cache_creation_input_tokens")
        self._usage = Usage(
            input_tokens=fresh + read + written or before.input_tokens,
            output_tokens=max(before.output_tokens, number(usage, "output_tokens")),
            cached_tokens=max(before.cached_tokens, read),
            written_tokens=max(before.written_tokens, written),
            reasoning_tokens=max(before.reasoning_tokens, number(usage, "output_tokens_details", "thinking_tokens")),
            searches=number(usage, "server_tool_use", "web_search_requests") or before.searches,
        )
        return [self.spent()] if self._usage != before else []

    def _piece(self, place: int) -> Piece | None:
        block = self._blocks[place]
        match block.get("type"):
            case "text":
                return _said(block)
            case "tool_use":
                body = text(block, "malformed") or json.dumps(block.get("input"), ensure_ascii=False)
                return Piece(
                    kind="call", part=Part(kind="call", id=text(block, "id"), name=text(block, "name"), body=body)
                )
            case _:
                return Piece(kind="own", own={name: kept for name, kept in block.items() if name != "malformed"})


def _said(block: JSON) -> Piece | None:
    said, known = text(block, "text"), block.get("citations")
    citations = [one for one in known if isinstance(one, dict)] if isinstance(known, list) else []
    if not said:
        return None
    told = [
        Part(kind="citation", name=text(one, "title"), body=text(one, "url")) for one in citations if text(one, "url")
    ]
    own: JSON | None = {"citations": citations} if citations else None
    return Piece(kind="text", part=Part(kind="text", body=said), own=own, citations=tuple(dict.fromkeys(told)))
