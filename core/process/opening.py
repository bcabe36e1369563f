"""Opens what the configuration names: all at once, each in a task of its own, closed in the reverse order.

One that is slow to open (a heavy SDK) delays only itself, and one that fails is off with its reason while the rest
goes on. A task of its own means that whatever is opened in a task is also closed in it, as cancel scopes demand.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Generic, TypeVar

import structlog

from core.config.settings import Off, Section
from core.plugin import Plugin
from core.turn.commands import OWN
from core.values import value

log = structlog.get_logger(__name__)

T = TypeVar("T")


@value
class Opened:
    """What was opened, in the order of its sections, and what could not be."""

    parts: tuple[tuple[Section, Any], ...]
    off: tuple[Off, ...]


async def open_apart(stack: AsyncExitStack, context: AbstractAsyncContextManager[T]) -> T:
    """Open one; the stack closes it."""
    return await _opening(stack, context)


async def open_all(
    stack: AsyncExitStack,
    group: str,
    sections: Sequence[tuple[Section, Any]],
    arrived: Callable[[Any], Awaitable[None]] | None = None,
) -> Opened:
    """Open all of a group; the stack closes them.

    Args:
        arrived: Called with each as soon as it is open, while others may still be opening.
    """
    opening = [
        _arriving(_opening(stack, section.spec.open(site, section.settings)), arrived) for section, site in sections
    ]
    results = await asyncio.gather(*opening, return_exceptions=True)
    parts: list[tuple[Section, Any]] = []
    off: list[Off] = []
    for (section, _), result in zip(sections, results, strict=True):
        if isinstance(result, BaseException):
            name, why = f"{group}.{section.name}", str(result) or type(result).__name__
            off.append(Off(section=name, why=why))
            log.error("not opened", section=name, reason=why)
            log.debug("not opened, in full", section=name, exc_info=result)
        else:
            parts.append((section, result))
    return Opened(parts=tuple(parts), off=tuple(off))


def told_apart(plugins: Opened) -> Opened:
    """Of two plugins with a tool of one name the later is off: which of them a person allows is not left to chance."""
    owners: dict[str, str] = {}
    parts, off = [], list(plugins.off)
    for section, plugin in plugins.parts:
        if why := _confusing(plugin, section.name, owners):
            off.append(Off(section=f"plugins.{section.name}", why=why))
            log.error("not opened", section=f"plugins.{section.name}", reason=why)
        else:
            owners |= {f"tool {tool.schema.name}": section.name for tool in plugin.tools}
            owners |= {f"command {command.name}": section.name for command in plugin.commands}
            parts.append((section, plugin))
    return Opened(parts=tuple(parts), off=tuple(off))


def _confusing(plugin: object, own: str, owners: Mapping[str, str]) -> str:
    if not isinstance(plugin, Plugin):
        return "it opens no Plugin"
    if plugin.name != own:
        return f"it calls itself {plugin.name}: a Plugin's name is its site's (PluginSite.name)"
    seen = {**owners, **{f"command {name}": "ours" for name in OWN}}
    named = [
        *(f"tool {tool.schema.name}" for tool in plugin.tools),
        *(f"command {command.name}" for command in plugin.commands),
    ]
    for name in named:
        if name in seen:
            kind, _, bare = name.partition(" ")
            return f"its {kind} {bare} is called as one of {seen[name]}"
        seen[name] = own
    return ""


async def _arriving(opening: "asyncio.Future[T]", arrived: Callable[[T], Awaitable[None]] | None) -> T:
    opened = await opening
    if arrived is not None:
        await arrived(opened)
    return opened


def _opening(stack: AsyncExitStack, context: AbstractAsyncContextManager[T]) -> asyncio.Future[T]:
    keeper = _Keeper(context)
    stack.push_async_callback(keeper.close)
    return keeper.opened


class _Keeper(Generic[T]):
    """Holds one context open in a task of its own."""

    def __init__(self, context: AbstractAsyncContextManager[T]) -> None:
        self.opened: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.opened.add_done_callback(
            lambda opened: opened.cancelled() or opened.exception()
        )  # looked at, if by nobody
        self._over = asyncio.Event()
        self._task = asyncio.create_task(self._keep(context))

    async def _keep(self, context: AbstractAsyncContextManager[T]) -> None:
        try:
            async with context as opened:
                self.opened.set_result(opened)
                await self._over.wait()
        except Exception as problem:
            if self.opened.done():
                raise
            self.opened.set_exception(problem)
        finally:
            self.opened.cancel()  # of no effect once it is done

    async def close(self) -> None:
        """Close it; one that is still opening is not waited for."""
        self._over.set()
        if self.opened.cancelled() or not self.opened.done():
            self._task.cancel()
        (problem,) = await asyncio.gather(self._task, return_exceptions=True)
        if isinstance(problem, Exception):
            log.warning("not closed well", reason=str(problem) or type(problem).__name__)
