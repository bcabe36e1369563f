"""The commands people can type, the same on every messenger."""

from core import phrases

TABLE: tuple[tuple[str, str], ...] = (
    ("new", "Start a new conversation"),
    ("stop", "Stop the answer that is being written"),
    ("retry", "Answer my last question again"),
    ("model", "See which model answers, or choose one"),
    ("help", "What I can do"),
)
"""Name and description, in the order of the menu. ``/start`` is what messengers send by themselves."""


def help_text() -> str:
    """What ``/help`` says."""
    return "\n".join([phrases.HELP_HEAD, "", *(f"- /{name}: {description}" for name, description in TABLE)])
