"""What plugins add to turns beside their tools: commands, words before a question, and what happens after."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial

import structlog

from core.errors import SettingsError, StoreError
from core.plugin import Exchange, Plugin, PluginCommand, ToolContext, ToolResult, WebPage
from core.text.invisible import cleaned
from core.turn.guarding import FAILED, guarding, in_time
from core.turn.results import Brought, brought
from core.values import Received

log = structlog.get_logger(__name__)

_NOTES_S = 2.0
_HOOK_S = 60.0
_NOTE_CHARS = 20_000


class Plugins:
    """The plugins of this deployment.

    Raises:
        SettingsError: Two of them offer a command of one name.
    """

    def __init__(self, plugins: Iterable[Plugin] = ()) -> None:
        self._plugins: Mapping[str, Plugin] = {plugin.name: plugin for plugin in plugins}
        self._commands = _commands(self._plugins.values())

    @property
    def commands(self) -> tuple[PluginCommand, ...]:
        """All of them."""
        return tuple(command for _, command in self._commands.values())

    @property
    def pages(self) -> tuple[tuple[str, WebPage], ...]:
        """All of them, each with its plugin's name."""
        return tuple((plugin.name, page) for plugin in self._plugins.values() for page in plugin.pages)

    def command(self, name: str) -> tuple[str, PluginCommand] | None:
        """A command and the plugin whose it is, None where there is none of this name."""
        return self._commands.get(name)

    def on_fired(self, plugin: str) -> Callable[[str, ToolContext], Awaitable[str | ToolResult]] | None:
        """What answers for a plugin's jobs, None where nothing does."""
        found = self._plugins.get(plugin)
        return None if found is None else found.on_fired

    async def notes(self, question: str, caller: ToolContext) -> str:
        """What stands before a question, for the model alone; a hook that fails or is slow adds nothing."""
        hooks = [(plugin.name, hook) for plugin in self._plugins.values() for hook in plugin.before_prompt]
        if not hooks:
            return ""
        told = await asyncio.gather(*(_note(name, partial(hook, question, caller)) for name, hook in hooks))
        return cleaned("\n\n".join(filter(None, told)))

    @property
    def follow_up(self) -> bool:
        """Whether anything is to happen after a turn."""
        return any(plugin.after_turn for plugin in self._plugins.values())

    async def after_turn(self, exchange: Exchange, caller: ToolContext, received: Received) -> Sequence[Brought]:
        """Call what is to happen after a turn; one that fails costs the others nothing.

        Args:
            received: The event that it is called for.
        """
        found: list[Brought] = []
        for plugin in self._plugins.values():
            for hook in plugin.after_turn:
                try:
                    with guarding(plugin.name):
                        found.append(brought(await in_time(hook(exchange, caller), _HOOK_S), received, plugin.name))
                except (*FAILED, StoreError):
                    log.exception("after_turn failed", plugin=plugin.name)
        return found


async def _note(plugin: str, tell: Callable[[], Awaitable[str]]) -> str:
    try:
        with guarding(plugin):
            return str(await in_time(tell(), _NOTES_S))[:_NOTE_CHARS]
    except (*FAILED, StoreError):  # without its words the question is answered all the same
        log.exception("before_prompt failed", plugin=plugin)
        return ""


def _commands(plugins: Iterable[Plugin]) -> Mapping[str, tuple[str, PluginCommand]]:
    found: dict[str, tuple[str, PluginCommand]] = {}
    for plugin in plugins:
        for command in plugin.commands:
            if command.name in found:
                both = f"{found[command.name][0]} and {plugin.name}"
                raise SettingsError(f"The plugins {both} both offer /{command.name}. Switch one of them off.")
            found[command.name] = (plugin.name, command)
    return found
