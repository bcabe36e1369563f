"""Reading the list of models a server of the chat-completions protocol says it has.

https://platform.openai.com/docs/api-reference/models/list
"""

import re
from typing import Literal

from core.exchange import Model

# The list does not say what a model is for, but names do; these are in use for what cannot chat.
_NO_CHAT = re.compile(
    r"embed|rerank|reranker|whisper|transcribe|\btts\b|dall-e|image|moderation|\bbge\b|\be5\b|minilm|\bgte\b|colbert"
    r"|davinci|babbage|realtime|guard\b|\bocr\b|stable-diffusion|\bsora\b|\bclip\b",
    re.IGNORECASE,
)

# Nor does it say whether a model sees: https://platform.openai.com/docs/guides/images-vision .
_SEES = re.compile(
    r"vision|[-_/]vl\b|\d-?vl\b|llava|bakllava|moondream|minicpm-v|pixtral|internvl|\bgemma-?[34]|\bqwen-?3\.[5-9]|omni"
    r"|grok-(4|5|build)|gpt-[456]|claude|gemini|mistral-(small|medium)-?3|llama-?4|glm-\d(\.\d)?v|kimi-(vl|k2\.5)",
    re.IGNORECASE,
)

# vLLM, OpenRouter, Groq, LM Studio; llama.cpp says it within "meta". A model's training length is not among them,
# since servers often run a model with less.
_WINDOWS = ("max_model_len", "context_length", "context_window", "loaded_context_length")


def parse(body: object, hosting: Literal["hosted", "self"]) -> tuple[Model, ...]:
    """The models that can chat, in the server's order.

    Raises:
        ValueError: This is no list of models.
    """
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, list):
        raise ValueError("the answer is no list of models")  # noqa: TRY004  the server is wrong, not the caller
    found: dict[str, Model] = {}
    for item in data:
        identity = item.get("id") if isinstance(item, dict) else None
        if not isinstance(identity, str) or not identity:
            raise ValueError("a model in the list has no id")
        if _chats(item, identity):
            found.setdefault(identity, Model(id=identity, context_tokens=_window(item), hosting=hosting))
    return tuple(found.values())


def sees(model: str, told: bool | None) -> bool:  # noqa: FBT001 - a setting, as it is
    """Whether a model is shown images.

    Args:
        told: What the operator says of all of a server's models; None to go by their names.
    """
    return bool(_SEES.search(model)) if told is None else told


def _chats(item: dict[str, object], identity: str) -> bool:
    kind = item.get("type")
    return not _NO_CHAT.search(identity) and kind not in {"embeddings", "embedding"}


def _window(item: dict[str, object]) -> int:
    meta = item.get("meta")
    said = [item.get(name) for name in _WINDOWS]
    said.append(meta.get("n_ctx") if isinstance(meta, dict) else None)
    return next((size for size in said if isinstance(size, int) and size > 0), 0)
