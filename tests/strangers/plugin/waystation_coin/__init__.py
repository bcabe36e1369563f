"""A coin, for those who cannot decide."""

import secrets
from typing import Annotated

from pydantic import Field

from core.tools import plugin, tool


@tool
async def flip() -> str:
    """Flip a coin."""
    return secrets.choice(["Heads.", "Tails."])


@tool(effect="spends", summary="Throw this into the well?")
async def wish(coins: Annotated[int, Field(ge=1, le=3, description="How many coins.")]) -> str:
    """Throw coins into the well. The person is asked before it happens."""
    return f"{coins} splashes."


spec = plugin("coin", flip, wish)
