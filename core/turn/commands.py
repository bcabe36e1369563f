"""The commands people can type, the same on every messenger: our own, and those of plugins."""

from collections.abc import Iterable

from core import phrases
from core.plugin import PluginCommand

_OWN: tuple[tuple[int, str, str], ...] = (
    (20, "stop", "Stop the answer that is being written"),
    (30, "retry", "Answer my last question again"),
    (90, "help", "What I can do"),
)
"""Rank in the menu, name and description. ``/start`` is what messengers send by themselves."""

OWN = frozenset({"start", "switch", *(name for _, name, _ in _OWN)})
"""The names that no plugin can take."""


def table(plugins: Iterable[PluginCommand]) -> tuple[tuple[str, str], ...]:
    """What a menu shows: names without the slash and descriptions, in order."""
    ranked = [*_OWN, *((command.rank, command.name, command.description) for command in plugins)]
    return tuple((name, description) for _, name, description in sorted(ranked))


def help_text(plugins: Iterable[PluginCommand]) -> str:
    """What ``/help`` says."""
    return "\n".join([phrases.HELP_HEAD, "", *(f"- /{name}: {description}" for name, description in table(plugins))])
