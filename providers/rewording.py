"""A request's body in other words: without an option, with a shorter answer, not streamed, its messages reshaped."""

import re
from collections.abc import Callable, Collection, Hashable, Iterator

from providers.cures import Cure, Refused, Way, numbers, where
from providers.words import JSON

_OPTIONAL = (
    "stream_options",
    "reasoning_effort",
    "prompt_cache_key",
    "include",
    "store",
    "output_config",
    "thinking",
    "toolConfig",
)
"""What a request does without."""
_OPTIONAL_WITHIN = (
    "reasoning",
    "strict",
    "cache_control",
    "thinkingConfig",
    "allowed_callers",
    "max_uses",
    "title",
    "detail",
    "phase",
    "citations",
    "extra_content",
    "reasoning_content",
    "reasoning_details",
    "thoughtSignature",
    "is_error",
)
"""What it does without wherever in it it stands."""
_GIVEN = frozenset(
    ["arguments", "input_schema", "parameters", "parametersJsonSchema", "args", "response", "result"]
)  # what is within these is a tool's, or of its calls
_LENGTHS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens")
_LEAST_TOKENS = 16


def _options(refused: Refused) -> Iterator[Way]:
    within = _keys(refused.body)
    for name in (*_OPTIONAL, *_OPTIONAL_WITHIN):
        snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_?", name)
        present = name in (refused.body if name in _OPTIONAL else within)
        if present and re.search(rf"(?<!\w){snake}(?!\w)", refused.words, re.IGNORECASE):
            yield (name,)


def _is_given(of: JSON, name: str) -> bool:
    """Whether what stands under a name is a tool's; a call's ``input`` is, the conversation's is not."""
    return name in _GIVEN or (name == "input" and "name" in of)


def _keys(of: object) -> set[str]:
    if isinstance(of, dict):
        inner = (_keys(one) for name, one in of.items() if not _is_given(of, name))
        return {str(name) for name in of}.union(*inner)
    return set().union(*map(_keys, of)) if isinstance(of, list) else set()


def _stripped(of: object, names: Collection[Hashable]) -> object:
    if isinstance(of, dict):
        kept = {name: one for name, one in of.items() if name not in names}
        return {name: one if _is_given(of, name) else _stripped(one, names) for name, one in kept.items()}
    return [_stripped(one, names) for one in of] if isinstance(of, list) else of


def _less(body: JSON, found: Way) -> JSON:
    made = _stripped(body, [name for name in found if name in _OPTIONAL_WITHIN])
    whole = made if isinstance(made, dict) else body
    return {name: one for name, one in whole.items() if name not in found}


def _renamed_length(body: JSON, found: Way) -> JSON:
    del found
    renamed = {("max_completion_tokens" if name == "max_tokens" else name): one for name, one in body.items()}
    return renamed if "max_tokens" in body else body


def _length(body: JSON) -> int:
    config = body.get("generationConfig")
    given = [of.get(name) for of in (body, config) if isinstance(of, dict) for name in _LENGTHS]
    return next((length for length in given if isinstance(length, int)), 0)


def _shorter(refused: Refused) -> Iterator[Way]:
    asked = _length(refused.body)
    fitting = [number for number in numbers(refused.words) if _LEAST_TOKENS <= number < asked]
    yield from [(max(fitting),)] if fitting else []
    if asked > _LEAST_TOKENS:
        yield (max(_LEAST_TOKENS, asked // 4),)


def _capped(body: JSON, found: Way) -> JSON:
    most = min(number for number in found if isinstance(number, int))

    def capped(of: JSON) -> JSON:
        return {name: min(one, most) if name in _LENGTHS and isinstance(one, int) else one for name, one in of.items()}

    config = body.get("generationConfig")
    return capped(body) | ({"generationConfig": capped(config)} if isinstance(config, dict) else {})


def reshaped(name: str, reshape: Callable[[list[JSON]], list[JSON]]) -> Cure:
    """A cure of the messages of a chat-completions body."""

    def reword(body: JSON, found: Way) -> JSON:
        del found
        messages = body.get("messages")
        return body | {"messages": reshape(messages)} if isinstance(messages, list) else body

    return Cure(name=name, reword=reword)


def _unstreamed(body: JSON, found: Way) -> JSON:
    del found
    return _less(body, ("stream_options",)) | {"stream": False}


OPTION = Cure(name="option", find=_options, reword=_less)
OTHER_LENGTH = Cure(name="max_completion_tokens", reword=_renamed_length)
SHORTER = Cure(name="shorter answer", find=_shorter, reword=_capped)
UNSTREAMED = Cure(
    name="unstreamed",
    find=where(lambda refused: refused.body.get("stream")),
    reword=_unstreamed,
)
