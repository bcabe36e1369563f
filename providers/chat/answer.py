"""Putting a chat-completions answer together from its chunks, whoever sent them.

https://platform.openai.com/docs/api-reference/chat-streaming
"""

import re
from collections.abc import Callable, Collection, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Literal

from core.errors import ProviderDown
from core.exchange import Delta, Finished, ModelEvent, Part, Retracted, Spent
from providers.chat.calls import Calls
from providers.chat.meter import Meter
from providers.chat.returned import THOUGHTS, Details, kept
from providers.chat.thinking import Kind, Piece, Thinking
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
        thinking: Tells thoughts from the answer where both come as one text.
    """

    def __init__(
        self,
        provider: str,
        prompt_tokens: Callable[[], int],
        model: str = "",
        tools: Collection[str] = (),
        thinking: Thinking | None = None,
    ) -> None:
        self.reason = ""  # the server's own word for why it ended, "" while it goes on
        self.begun = False  # the model has said something, if only to itself or to a tool
        self._provider = provider
        self._model = model
        self._details = Details()
        self._thinking = thinking or Thinking()
        self._new: list[Piece] = []
        self._plain: list[str] = []
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
        if text := _plainly(chunk):
            self._plain.append(text)
            self.begun = True
            return
        self._say_plain()
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
        self._say_plain()
        events = self._taken_back()
        for kind, pieces in groupby(self._new, key=itemgetter(0)):
            if kind == "retract":
                continue
            if text := self._whole(kind, "".join(piece for _, piece in pieces)):
                self._said[kind].append(text)
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
        self._new += self._thinking.rest(cut=_REASONS.get(self.reason) == "length")
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

    def _say_plain(self) -> None:
        """What chunks with nothing but a little text have brought, at once."""
        if self._plain:
            text, count = "".join(self._plain), len(self._plain)
            self._plain = []
            self._meter.weigh(text, count)
            self._new += self._thinking.feed(text)

    def _taken_back(self) -> list[ModelEvent]:
        """Make thinking of what was taken for the answer, where that has turned out to be none."""
        if ("retract", "") not in self._new:
            return []
        at = max(place for place, piece in enumerate(self._new) if piece[0] == "retract")
        self._new[:at] = [("reasoning", text) for _, text in self._new[:at]]
        if not (said := self._said["answer"]):
            return []
        self._said["reasoning"] += said
        self._said["answer"] = []
        return [Retracted()]

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
                self._thinking.apart()
                self._meter.weigh(thought)
                self._new.append(("reasoning", thought))
                break
        self._details.add(delta.get("reasoning_details"))
        self._note(delta.get("annotations"))
        for thinks, text in _texts(delta.get("content")):
            if thinks:
                self._thinking.apart()
            self._meter.weigh(text)
            self._new += [("reasoning", text)] if thinks else self._thinking.feed(text)
            self.begun = True
        if refused := _text(delta.get("refusal")):
            self._refused = True
            self._meter.weigh(refused)
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


_USUAL_CHUNK = frozenset(["id", "object", "created", "model", "choices", "system_fingerprint", "service_tier", "usage"])
_USUAL_CHOICE = frozenset(["index", "delta", "finish_reason", "logprobs", "content_filter_results"])
_USUAL_DELTA = frozenset(["role", "content", "refusal", "tool_calls", "reasoning_content"])


def _plainly(chunk: JSON) -> str:
    """The text of a chunk that brings nothing else, as nearly all do; "" for any other."""
    choices = chunk.get("choices")
    if not (isinstance(choices, list) and len(choices) == 1 and chunk.keys() <= _USUAL_CHUNK):
        return ""
    choice = choices[0]
    if chunk.get("usage") or not (isinstance(choice, dict) and choice.keys() <= _USUAL_CHOICE):
        return ""
    delta = choice.get("delta")
    if choice.get("finish_reason") or not (isinstance(delta, dict) and delta.keys() <= _USUAL_DELTA):
        return ""
    text = delta.get("content")
    if not isinstance(text, str) or any(delta.get(name) for name in _BESIDE):
        return ""
    return text


_BESIDE = ("refusal", "tool_calls", "reasoning_content")


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


def _texts(content: object) -> Iterator[tuple[bool, str]]:
    """The texts of a content, each with whether it is a thought: a string, or a list of typed parts (Mistral)."""
    if isinstance(content, str):
        yield from [(False, content)] if content else []
    for part in content if isinstance(content, list) else ():
        if not isinstance(part, dict):
            continue
        thinks = part.get("type") in {"thinking", "reasoning"}
        text = part.get("text") or part.get("thinking") or part.get("reasoning")
        inner = text if isinstance(text, str) else "".join(one for _, one in _texts(text))
        if inner:
            yield thinks, inner


def _text(content: object) -> str:
    return "".join(text for _, text in _texts(content))
