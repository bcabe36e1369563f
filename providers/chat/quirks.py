"""Learning which options a server does not take, so that one complaint about an option is not the end of it."""

import re
from dataclasses import replace

from core.exchange import Model
from providers.words import JSON

# An option of ours, how servers complain of it, and what it is called where it has another name.
_OPTIONS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("stream_options", re.compile(r"stream_options", re.IGNORECASE), ""),
    # OpenAI's newer models: https://platform.openai.com/docs/api-reference/chat/create#chat-create-max_tokens
    ("max_tokens", re.compile(r"max_completion_tokens", re.IGNORECASE), "max_completion_tokens"),
    ("reasoning_effort", re.compile(r"reasoning.?effort", re.IGNORECASE), ""),
    # Ollama; vLLM without --enable-auto-tool-choice; llama.cpp without --jinja.
    (
        "tools",
        re.compile(r"not support.{0,30}\btools?\b|enable-auto-tool-choice|tools? (param )?requires", re.IGNORECASE),
        "",
    ),
)


class Quirks:
    """What one server's models were seen to refuse."""

    def __init__(self) -> None:
        self._refused: set[tuple[object, str]] = set()

    def heeded(self, body: JSON) -> JSON:
        """The request without what its model refuses."""
        asked = dict(body)
        for option, _, instead in _OPTIONS:
            if (body["model"], option) in self._refused and option in asked:
                value = asked.pop(option)
                if instead:
                    asked[instead] = value
        return asked

    def learn(self, asked: JSON, complaint: str) -> bool:
        """Whether the complaint is of an option that was asked with: the request may be sent again without it."""
        for option, pattern, _ in _OPTIONS:
            if option in asked and pattern.search(complaint):
                self._refused.add((asked["model"], option))
                return True
        return False

    def described(self, model: Model) -> Model:
        """The model, marked if it was seen to refuse tools."""
        return replace(model, tools=False) if (model.id, "tools") in self._refused else model
