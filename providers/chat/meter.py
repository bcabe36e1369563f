"""What a chat-completions answer costs: as the server counts, or until it does, as we estimate.

Servers count once at the end, in a chunk of its own or in the last, or in every chunk; some at the beginning already,
when nothing is said yet. https://platform.openai.com/docs/api-reference/completions/object#completions/object-usage
"""

from collections.abc import Callable
from dataclasses import replace

from core.exchange import Usage
from providers.stream import number
from providers.tokens import estimate

_SPENT_EVERY = 32  # chunks between two words on what the call has cost so far

# Where prompts were read from a cache (OpenAI and most, DeepSeek, Moonshot) or written to one (OpenAI and OpenRouter,
# gateways to Anthropic).
_CACHED = (("prompt_tokens_details", "cached_tokens"), ("prompt_cache_hit_tokens",), ("cached_tokens",))
_WRITTEN = (("prompt_tokens_details", "cache_write_tokens"), ("cache_creation_input_tokens",))
_SEARCHES = (("server_tool_use", "web_search_requests"), ("num_search_queries",))  # OpenRouter, Perplexity


class Meter:
    """The meter of one answer.

    Args:
        prompt_tokens: Estimates the prompt for a server that does not count; asked at most once.
    """

    def __init__(self, prompt_tokens: Callable[[], int]) -> None:
        self._prompt_tokens = prompt_tokens
        self._counted = Usage()
        self._prompt = 0
        self._weighed = 0
        self._pieces: list[str] = []
        self._since = 0
        self._due = False

    def count(self, chunk: dict[str, object]) -> None:
        """Take in what a chunk says of the usage, if it does."""
        for usage in _told(chunk):
            counted, before = _usage(usage), self._counted
            if counted.input_tokens + counted.output_tokens == 0:
                continue
            counted = replace(
                counted,
                input_tokens=counted.input_tokens or before.input_tokens,
                output_tokens=counted.output_tokens or before.output_tokens,
            )
            self._due = self._due or counted != before
            self._counted = counted

    def weigh(self, text: str, chunks: int = 1) -> None:
        """Take in a little more of what was said, in so many chunks."""
        self._pieces.append(text)
        self._since += chunks
        if self._since >= _SPENT_EVERY:
            self._since, self._due = 0, True

    def due(self) -> bool:
        """Whether it is time to tell again."""
        due, self._due = self._due, False
        return due

    def usage(self) -> Usage:
        """What it has cost so far; what the server did not count is estimated."""
        counted = self._counted
        return replace(
            counted,
            input_tokens=counted.input_tokens or self._estimated(),
            output_tokens=counted.output_tokens or self._weigh(),
        )

    def _estimated(self) -> int:
        self._prompt = self._prompt or self._prompt_tokens()
        return self._prompt

    def _weigh(self) -> int:
        self._weighed += estimate("".join(self._pieces))
        self._pieces = []
        return self._weighed


def _told(chunk: dict[str, object]) -> list[dict[str, object]]:
    """Where servers tell of it: in the chunk; Moonshot in the choice; Groq in a field of its own."""
    choices = chunk.get("choices")
    within = [chunk, chunk.get("x_groq"), choices[0] if isinstance(choices, list) and choices else None]
    usages = [one.get("usage") for one in within if isinstance(one, dict)]
    return [usage for usage in usages if isinstance(usage, dict)]


def _usage(usage: dict[str, object]) -> Usage:
    prompt, completion = number(usage, "prompt_tokens"), number(usage, "completion_tokens")
    # xAI leaves reasoning out of completion_tokens but not out of the total, nor off the bill.
    output = max(completion, number(usage, "total_tokens") - prompt if prompt else 0)
    cached = min(prompt, _first(usage, _CACHED))
    return Usage(
        input_tokens=prompt,
        output_tokens=output,
        cached_tokens=cached,
        written_tokens=min(prompt - cached, _first(usage, _WRITTEN)),
        reasoning_tokens=min(output, number(usage, "completion_tokens_details", "reasoning_tokens")),
        searches=_first(usage, _SEARCHES),
    )


def _first(usage: dict[str, object], places: tuple[tuple[str, ...], ...]) -> int:
    return next((found for place in places if (found := number(usage, *place))), 0)
