"""Putting an answer together from the chunks of the Gemini API: https://ai.google.dev/api/generate-content ."""

import json
import re
from typing import Literal

from core.errors import ProviderDown
from core.exchange import Delta, Finished, ModelEvent, Part, Spent, Usage
from providers.faults import refusal
from providers.replay import Piece, remembered
from providers.stream import number, text
from providers.words import JSON

Reason = Literal["stop", "tools", "length", "refusal"]

_ENDS: dict[str, Reason] = {"STOP": "stop", "MAX_TOKENS": "length", "CONTINUATION": "length"}
_BROKEN = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
        "MALFORMED_RESPONSE",
        "OTHER",
    }
)
"""Ends that say that the model, or the lab, got into a muddle; all others that are no end by itself are refusals."""

_OWN_TOOLS = frozenset({"toolCall", "toolResponse", "executableCode", "codeExecutionResult"})
"""What the lab did by itself, and wants back: https://ai.google.dev/gemini-api/docs/tool-combination ."""


_BY_ANSWER = re.compile(r"gemini-[12]\b")
"""https://ai.google.dev/gemini-api/docs/pricing ."""


class Answer:
    """One answer under way: ``add`` chunks, each of which may have something to say; then ask for ``finished``.

    Args:
        provider: Whose answer this is: the name on what it will want back.
        prompt_tokens: An estimate of the prompt, until the lab has counted it.

    Attributes:
        ended: Never: the lab has no word for it but the end of the stream.
    """

    def __init__(self, provider: str, model: str, prompt_tokens: int) -> None:
        self.begun = False
        self.ended = False
        self._provider = provider
        self._model = model
        self._pieces: list[Piece] = []
        self._reason: Reason | None = None
        self._grounding: JSON = {}
        self._usage = Usage(input_tokens=prompt_tokens)

    @property
    def complete(self) -> bool:
        """Whether the model has said why it ended; counts and sources may still come."""
        return self._reason is not None

    def spent(self) -> Spent:
        """What the call has cost so far."""
        return Spent(usage=self._usage)

    def add(self, event: JSON) -> list[ModelEvent]:
        """Take in one chunk; what it says.

        Raises:
            ProviderError: The chunk is a complaint.
        """
        if "error" in event:
            raise refusal(0, event)
        said: list[ModelEvent] = []
        if text(event.get("promptFeedback"), "blockReason"):
            self._reason = "refusal"
        candidates = event.get("candidates")
        candidate = candidates[0] if isinstance(candidates, list) and candidates else None
        if isinstance(candidate, dict):
            content = candidate.get("content")
            parts = content.get("parts") if isinstance(content, dict) else None
            for part in parts if isinstance(parts, list) else ():
                said += self._take(part)
            self._end(text(candidate, "finishReason"))
            grounding = candidate.get("groundingMetadata")
            if isinstance(grounding, dict):
                self._grounding |= grounding
        return [*said, *self._count(event.get("usageMetadata"))]

    def finished(self) -> Finished:
        """The whole answer.

        Raises:
            ProviderDown: The stream ended before the answer did.
        """
        if self._reason is None:
            raise ProviderDown("the answer broke off" if self.begun else "the stream ended before it began")
        pieces = _cited(self._pieces, self._grounding)
        calls = any(piece.kind == "call" for piece in pieces)
        reason: Reason = "tools" if calls and self._reason == "stop" else self._reason
        if reason == "length":
            pieces = [piece for piece in pieces if piece.kind != "call"]
        parts = remembered(self._provider, self._model, pieces)
        return Finished(reason=reason, parts=parts, usage=self._usage)

    def _take(self, part: object) -> list[ModelEvent]:
        if not isinstance(part, dict):
            return []
        self.begun = True
        said, signature = text(part, "text"), text(part, "thoughtSignature")
        own: JSON | None = {"thoughtSignature": signature} if signature else None
        call = part.get("functionCall")
        if isinstance(call, dict):
            body = json.dumps(call.get("args") or {}, ensure_ascii=False)
            called = Part(kind="call", id=text(call, "id"), name=text(call, "name"), body=body)
            self._pieces.append(Piece(kind="call", part=called, own=own))
            return []
        if part.keys() & _OWN_TOOLS:
            self._pieces.append(Piece(kind="own", own=part))
            return []
        if part.get("thought"):
            if own:  # where it stands is part of what is signed
                self._pieces.append(Piece(kind="own", own={"text": said, "thought": True} | own))
            return [Delta(text=said, kind="reasoning")] if said else []
        if not said:
            if own:
                self._pieces.append(Piece(kind="own", own={"text": ""} | own))
            return []
        self._say(said, own)
        return [Delta(text=said)]

    def _say(self, said: str, own: JSON | None) -> None:
        """More of the text; one text until something else comes, or a signature ends it."""
        last = self._pieces[-1] if self._pieces else None
        if last is not None and last.part is not None and last.kind == "text" and last.own is None:
            self._pieces.pop()
            said = last.part.body + said
        self._pieces.append(Piece(kind="text", part=Part(kind="text", body=said), own=own))

    def _end(self, reason: str) -> None:
        if reason in _BROKEN and not any(piece.kind == "text" for piece in self._pieces):
            raise ProviderDown(f"the model ended with {reason}")
        if reason and reason != "FINISH_REASON_UNSPECIFIED":
            self._reason = "stop" if reason in _BROKEN else _ENDS.get(reason, "refusal")

    def _count(self, usage: object) -> list[ModelEvent]:
        before, thoughts = self._usage, number(usage, "thoughtsTokenCount")
        prompt = number(usage, "promptTokenCount") + number(usage, "toolUsePromptTokenCount")
        self._usage = Usage(
            input_tokens=prompt or before.input_tokens,
            output_tokens=max(before.output_tokens, number(usage, "candidatesTokenCount") + thoughts),
            cached_tokens=max(before.cached_tokens, number(usage, "cachedContentTokenCount")),
            reasoning_tokens=max(before.reasoning_tokens, thoughts),
            searches=self._searches(),
        )
        return [self.spent()] if self._usage != before else []

    def _searches(self) -> int:
        """Each query has its price, but for the models before the third, where it is each answer that has any."""
        queries = self._grounding.get("webSearchQueries")
        told = len(queries) if isinstance(queries, list) else 0
        made = sum("SEARCH" in text(piece.own.get("toolCall"), "toolType") for piece in self._pieces if piece.own)
        return min(1, max(told, made)) if _BY_ANSWER.match(self._model) else max(told, made)


def _cited(pieces: list[Piece], grounding: JSON) -> list[Piece]:
    """The pieces, each text cut where a source bears out what stands before; places are in bytes of all the text."""
    sources = _sources(grounding)
    if not sources:
        return pieces
    cited: list[Piece] = []
    begins = 0
    for piece in pieces:
        if piece.kind != "text" or piece.part is None:
            cited.append(piece)
            continue
        encoded = piece.part.body.encode("utf-8", "surrogatepass")
        ends, at = [end for end in sorted(sources) if begins < end <= begins + len(encoded)], 0
        for end in ends:
            said = encoded[at : end - begins].decode("utf-8", "replace")
            whole = end - begins == len(encoded)
            own = piece.own if whole else None
            cited.append(Piece(kind="text", part=Part(kind="text", body=said), own=own, citations=sources[end]))
            at = end - begins
        if at < len(encoded):
            said = encoded[at:].decode("utf-8", "replace")
            cited.append(Piece(kind="text", part=Part(kind="text", body=said), own=piece.own))
        begins += len(encoded)
    return cited


def _sources(grounding: JSON) -> dict[int, tuple[Part, ...]]:
    """Sources by where the text ends that they bear out: https://ai.google.dev/gemini-api/docs/google-search ."""
    chunks, supports = grounding.get("groundingChunks"), grounding.get("groundingSupports")
    found: dict[int, list[Part]] = {}
    for support in supports if isinstance(supports, list) else ():
        indices = support.get("groundingChunkIndices") if isinstance(support, dict) else None
        end = number(support, "segment", "endIndex")
        for index in indices if isinstance(indices, list) else ():
            web = _web(chunks, index)
            if end and text(web, "uri"):
                found.setdefault(end, []).append(Part(kind="citation", name=text(web, "title"), body=text(web, "uri")))
    return {end: tuple(dict.fromkeys(parts)) for end, parts in found.items()}


def _web(chunks: object, index: object) -> object:
    """The page that a source's number stands for."""
    if not (isinstance(chunks, list) and isinstance(index, int) and 0 <= index < len(chunks)):
        return None
    chunk = chunks[index]
    return chunk.get("web") if isinstance(chunk, dict) else None
