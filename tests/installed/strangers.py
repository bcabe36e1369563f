"""What a stranger's package would install: one implementation of each kind, found by entry point like any other.

The folder is put on the import path by the tests that want it, also of programs they start.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from core.plugin import Plugin, PluginSite
from core.site import Spec


class PigeonSettings(BaseModel):
    token: SecretStr = SecretStr("")
    mode: Literal["carrier", "homing"] = "carrier"
    flock: int = Field(default=1, ge=1)
    coops: tuple[str, ...] = ()


class OracleSettings(BaseModel):
    api_key: SecretStr = SecretStr("")
    base_url: str = "http://127.0.0.1:1/v1"


class AbacusSettings(BaseModel):
    beads: int = 10


class ShelfSettings(BaseModel):
    pass


@asynccontextmanager
async def open_nothing(site: object, settings: BaseModel) -> AsyncGenerator[object, None]:
    """Open something that can do nothing."""
    yield object()


@asynccontextmanager
async def open_abacus(site: PluginSite, settings: AbacusSettings) -> AsyncGenerator[Plugin, None]:
    """Open a plugin without tools."""
    yield Plugin(name=site.name)


pigeon = Spec(
    name="pigeon",
    settings=PigeonSettings,
    open=open_nothing,
    configured=lambda settings: None if settings.token.get_secret_value() else "it has no token",
)
oracle = Spec(name="oracle", settings=OracleSettings, open=open_nothing)
abacus = Spec(name="abacus", settings=AbacusSettings, open=open_abacus)
shelf = Spec(name="shelf", settings=ShelfSettings, open=open_nothing)
