"""What a server wants back with the calls of its model, when it is told their results: what it sent, as it was.

Servers have different ways to hand out what a model thought: as text (DeepSeek and others), as a row of details, some
of them signed or encrypted (OpenRouter), as something extra on each call (Google's signatures). A plain server sends
none of these, and so is sent none.

https://api-docs.deepseek.com/guides/thinking_mode#tool-calls , https://ai.google.dev/gemini-api/docs/thought-signatures
https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning-blocks
"""

import json
from collections.abc import Sequence

from core.exchange import Part
from providers.words import JSON, json_object

# The field that DeepSeek, Alibaba, xAI and llama.cpp use, then that of OpenRouter, Ollama and newer vLLM.
THOUGHTS = ("reasoning_content", "reasoning")

_GROWS = ("text", "summary", "data")


class Details:
    """OpenRouter's ``reasoning_details``, put together from the pieces in which they are streamed."""

    def __init__(self) -> None:
        self.all: list[JSON] = []

    def add(self, pieces: object) -> None:
        """Take in more of them: a piece of the same kind and place goes on with the last one."""
        for piece in pieces if isinstance(pieces, list) else ():
            if not isinstance(piece, dict):
                continue
            last = self.all[-1] if self.all else {}
            if last and all(last.get(name) == piece.get(name) for name in ("type", "index")):
                for name, more in piece.items():
                    grown = last.get(name)
                    both = name in _GROWS and isinstance(grown, str) and isinstance(more, str)
                    last[name] = f"{grown}{more}" if both else grown if more is None else more
            else:
                self.all.append(dict(piece))


def kept(model: str, thoughts: JSON, details: list[JSON], extras: list[JSON]) -> str:
    """What is to be kept of an answer with calls, "" for nothing.

    Args:
        thoughts: What was thought, by the field it came in.
        extras: One for each call.
    """
    body: JSON = dict(thoughts)
    if details:
        body = {"model": model, "reasoning_details": details}
    if any(extras):
        body |= {"model": model, "extras": extras}
    return json.dumps(body, ensure_ascii=False) if body else ""


def give_back(message: JSON, calls: list[JSON], opaque: Sequence[Part], model: str) -> None:
    """Add to a message with calls what came with them; what is signed goes to no other model."""
    for part in opaque:
        own = json_object(part.body)
        message |= {name: own[name] for name in THOUGHTS if name in own}
        if own.get("model") != model:
            continue
        if details := own.get("reasoning_details"):
            message["reasoning_details"] = details
        extras = own.get("extras")
        if isinstance(extras, list) and len(extras) == len(calls):
            for call, extra in zip(calls, extras, strict=True):
                if extra:
                    call["extra_content"] = extra
