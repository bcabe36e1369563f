"""The labs' lists of models, through their SDKs: asked for by a key that is taken, as answers are."""

import pytest
from pydantic import SecretStr

from contracts.rigs.providers import site
from core.errors import ProviderRefusedUs
from providers import anthropic, openai
from simulators.anthropic import AnthropicSimulator
from simulators.responses import ResponsesSimulator


async def test_anthropic_lists_its_models_by_the_next_key() -> None:
    """One that is refused does not hide the models that another has."""
    async with AnthropicSimulator() as lab:
        lab.refused_keys = {"sk-1"}
        settings = anthropic.AnthropicSettings(api_key=SecretStr("sk-1,sk-2"), base_url=lab.address)
        async with anthropic.spec.open(site("anthropic"), settings) as provider:
            assert await provider.models()
            lab.refused_keys.add("sk-2")
            with pytest.raises(ProviderRefusedUs):
                await provider.models()


async def test_openai_lists_its_models_by_the_next_key() -> None:
    """Likewise."""
    async with ResponsesSimulator() as lab:
        lab.refused_keys = {"sk-1"}
        settings = openai.OpenAISettings(api_key=SecretStr("sk-1,sk-2"), base_url=f"{lab.address}/v1")
        async with openai.spec.open(site("openai"), settings) as provider:
            assert await provider.models()
            lab.refused_keys.add("sk-2")
            with pytest.raises(ProviderRefusedUs):
                await provider.models()
