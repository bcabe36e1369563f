"""``/new``: begin a new conversation, and put the old one aside."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from core import phrases
from core.plugin import Conversations, Plugin, PluginCommand, PluginSite, PluginSpec, ToolContext, ToolResult
from core.site import Spec
from core.tools import Switch, switched_on


@asynccontextmanager
async def open_conversation(site: PluginSite, settings: Switch) -> AsyncGenerator[Plugin]:
    """Offer ``/new``."""
    del settings
    yield conversation_plugin(site.name, site.conversations)


def conversation_plugin(name: str, conversations: Conversations) -> Plugin:
    """The plugin, over some conversations."""

    async def begin(words: str, caller: ToolContext) -> ToolResult:
        del words
        return ToolResult(text=phrases.NEW, writes=conversations.begin(caller))

    new = PluginCommand(name="new", description="Start a new conversation", call=begin, rank=10)
    return Plugin(name=name, commands=(new,))


spec: PluginSpec[Switch] = Spec(name="conversation", settings=Switch, open=open_conversation, configured=switched_on)
