"""The simulated platforms and the real SDKs' clients that the checks are run with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from openai import AsyncOpenAI
from telegram import Bot
from telegram.request import HTTPXRequest

from simulators.openai import OpenAISimulator
from simulators.telegram import TelegramSimulator


@pytest.fixture(autouse=True)
def waits_are_timedeltas(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library warns unless it is told which type its waits are to have."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramSimulator]:
    """A simulated Telegram in which Alice, number 42, has opened a chat with the bot."""
    async with TelegramSimulator(webhook_retry_s=0.05) as simulator:
        simulator.person(42, "Alice", username="alice")
        simulator.chat(42)
        yield simulator


@pytest.fixture
async def bot(telegram: TelegramSimulator) -> AsyncIterator[Bot]:
    """The library's own client of the first simulated bot."""
    client = Bot(
        telegram.token,
        base_url=telegram.base_url + "/bot",
        base_file_url=telegram.base_url + "/file/bot",
        # Loopback needs no certificates, and reading them would take most of the time.
        request=HTTPXRequest(connection_pool_size=64, httpx_kwargs={"verify": False}),
        get_updates_request=HTTPXRequest(connection_pool_size=4, httpx_kwargs={"verify": False}),
    )
    async with client:
        yield client


@pytest.fixture
async def lab() -> AsyncIterator[OpenAISimulator]:
    """A simulated model server that answers at once."""
    async with OpenAISimulator() as simulator:
        yield simulator


@pytest.fixture
async def client(lab: OpenAISimulator) -> AsyncIterator[AsyncOpenAI]:
    """The library's own client of it, which does not retry."""
    async with AsyncOpenAI(base_url=lab.base_url, api_key="simulated", max_retries=0) as library:
        yield library
