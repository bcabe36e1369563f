"""Putting a chat-completions answer together from its chunks, whoever sent them.

https://platform.openai.com/docs/api-reference/chat-streaming
"""

import re
from collections.abc import Callable, Collection
from itertools import groupby
from operator import itemgetter
from typing import Literal

from core.errors import ProviderDown
from core.exchange import Delta, Finished, ModelEvent, Part, Spent
from providers.chat.calls import Calls
from providers.chat.meter import Meter
from providers.chat.returned import THOUGHTS, Details, kept
from providers.chat.thinking import Kind, Thinking
from providers.faults import refusal
from providers.words import JSON

_REASONS: dict[str, Literal["length", "refusal"]] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "refusal",
    "refusal": "refusal",
}

_SURROGATE = re.compile("[\ud800-\udfff]")


class Answer:
    """One answer under way: ``add`` chunks, ``take`` what is new to say, ``end`` it and ask for ``finished``.

    Args:
        provider: Whose answer this is: the name on what it will want back.
        prompt_tokens: Estimates the prompt for a server that does not count; asked at most once.
        tools: The names of those that were offered.
    """

    def __init__(
        self, provider: str, prompt_tokens: Callable[[], int], model: str = "", tools: Collection[str] = ()
    ) -> None:
        self.reason = ""  # the server's own word for why it ended, "" while it goes on
        self.begun = False  # the model has said something, if only to itself or to a tool
        self._provider = provider
        self._model = model
        self._details = Details()
        self._thinking = Thinking()
        self._new: list[tuple[Kind, str]] = []
        self._half: dict[Kind, str] = {"answer": "", "reasoning": ""}
        self._said: dict[Kind, list[str]] = {"answer": [], "reasoning": []}
        self._thoughts = ""
        self._calls = Calls(tools)
        self._refused = False
        self._sources: dict[str, str] = {}
        self._meter = Meter(prompt_tokens)

    def add(self, chunk: object) -> None:
        """Take in one chunk, a parsed JSON object; or a whole answer, of a server that does not stream.

        Raises:
            ProviderError: The chunk is a complaint, or no chunk at all.
        """
        if not isinstance(chunk, dict):
            raise ProviderDown(f"the stream made no sense: {str(chunk)[:100]!r} where an object was due")
        if _is_complaint(chunk):
            raise refusal(0, chunk)
        self._meter.count(chunk)
        self._note(chunk.get("citations"))
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return
        delta, message, reason = choice.get("delta"), choice.get("message"), choice.get("finish_reason")
        if isinstance(delta, dict):
            self._add_delta(delta)
        elif isinstance(message, dict):
            reason = reason or "stop"
            if not self.begun:
                self._add_delta(message)
        if reason == "error":
            raise refusal(0, choice.get("error") or "the answer ended in an error")
        if isinstance(reason, str) and reason:
            self.reason = reason

    def take(self) -> list[ModelEvent]:
        """What is new since the last time; neighbours of one kind are one."""
        events: list[ModelEvent] = []
        for kind, pieces in groupby(self._new, key=itemgetter(0)):
            if text := self._whole(kind, "".join(piece for _, piece in pieces)):
                self._said[kind].append(text)
                self._meter.weigh(text)
                events.append(Delta(text=text, kind=kind))
        self._new = []
        if self._meter.due():
            events.append(Spent(usage=self._meter.usage()))
        return events

    def spent(self) -> Spent:
        """What the call has cost so far."""
        return Spent(usage=self._meter.usage())

    def end(self) -> list[ModelEvent]:
        """Say what was held back, now that nothing more will come."""
        self._new += self._thinking.rest()
        self._new += [(kind, "\ufffd") for kind, half in self._half.items() if half]
        self._half = {"answer": "", "reasoning": ""}
        return self.take()

    def finished(self) -> Finished:
        """The whole answer. Calls count only where the model came to their end by itself."""
        reason = self._reason()
        text = "".join(self._said["answer"])
        cited = [Part(kind="citation", name=title, body=address) for address, title in self._sources.items()]
        parts = [Part(kind="text", body=text), *cited] if text else []
        if reason == "tools":
            parts = [*self._wanted_back(), *parts, *self._calls.parts()]
        return Finished(reason=reason, parts=tuple(parts), usage=self._meter.usage())

    @property
    def complete(self) -> bool:
        """Whether this can be taken for an answer though nobody said why it ended: something was said."""
        return bool(self.reason or self._said["answer"] or self._calls)

    def _reason(self) -> Literal["stop", "tools", "length", "refusal"]:
        if self._refused:
            return "refusal"
        return _REASONS.get(self.reason) or ("tools" if self._calls.parts() else "stop")

    def _wanted_back(self) -> list[Part]:
        # Thinking models that call tools are to see, with the result, what they had thought when they called.
        thought = "".join(self._said["reasoning"])
        thoughts: JSON = {self._thoughts: thought} if thought and self._thoughts else {}
        body = kept(self._model, thoughts, self._details.all, self._calls.extras())
        return [Part(kind="opaque", name=self._provider, body=body)] if body else []

    def _add_delta(self, delta: dict[str, object]) -> None:
        for field in THOUGHTS:
            if thought := _text(delta.get(field)):
                self._thoughts = field
                self._new.append(("reasoning", thought))
                break
        self._details.add(delta.get("reasoning_details"))
        self._note(delta.get("annotations"))
        if text := _text(delta.get("content")):
            self._new += self._thinking.feed(text)
        if refused := _text(delta.get("refusal")):
            self._refused = True
            self._new.append(("answer", refused))
        for place, fragment in enumerate(_fragments(delta)):
            self._meter.weigh(self._calls.add(fragment, place))
        self.begun = self.begun or bool(self._new or self._calls)

    def _note(self, sources: object) -> None:
        """Sources, as xAI and Perplexity (addresses) or OpenRouter (annotations) tell them: for all of the answer."""
        for source in sources if isinstance(sources, list) else ():
            inner = source.get("url_citation", source) if isinstance(source, dict) else {"url": source}
            address = inner.get("url") if isinstance(inner, dict) else None
            if isinstance(address, str) and address:
                title = inner.get("title")
                self._sources[address] = title if isinstance(title, str) and title else self._sources.get(address, "")

    def _whole(self, kind: Kind, text: str) -> str:
        """The text without half characters: some servers cut an emoji's two escapes apart, into two chunks."""
        text, self._half[kind] = self._half[kind] + text, ""
        if text.isascii() or not _SURROGATE.search(text):
            return text
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._half[kind] = text[:-1], text[-1]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _is_complaint(chunk: JSON) -> bool:
    """Whether this is an error, by the protocol or as web frameworks word it."""
    if chunk.get("error") or chunk.get("object") == "error":
        return True
    return "choices" not in chunk and any(isinstance(chunk.get(name), str | list) for name in ("detail", "message"))


def _fragments(delta: JSON) -> list[object]:
    """Calls, or the one call of the protocol's first version."""
    fragments = delta.get("tool_calls")
    if isinstance(fragments, list) and fragments:
        return fragments
    first = delta.get("function_call")
    return [{"index": 0, "function": first}] if isinstance(first, dict) else []


def _text(content: object) -> str:
    """The text of a content: a string, or a list of typed parts (Mistral)."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))
