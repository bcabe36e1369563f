"""The parrot is under the contract of providers."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from waystation_parrot import GREY, Settings, spec

from core.testing import provider_site
from core.testing.contracts.provider import ProviderContract, ProviderRig


class TestParrot(ProviderContract):
    @asynccontextmanager
    async def open_rig(self, folder: Path) -> AsyncGenerator[ProviderRig, None]:
        async with spec.open(provider_site("parrot"), Settings()) as provider:
            yield ProviderRig(provider=provider, model=GREY.id, repeats=True)
