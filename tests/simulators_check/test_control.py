"""The simulators as programs, steered from another process."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from openai import AsyncOpenAI
from telegram import Bot
from telegram.error import RetryAfter

from simulators.control import ControlError, Remote
from simulators.telegram import TOKEN

TESTS = Path(__file__).resolve().parents[1]


@asynccontextmanager
async def program(*arguments: str) -> AsyncIterator[str]:
    """Run a simulator as a program and yield where it listens."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, "--control", cwd=TESTS, env=os.environ, stdout=asyncio.subprocess.PIPE
    )
    assert started.stdout is not None
    try:
        yield json.loads(await started.stdout.readline())["base_url"]
    finally:
        started.terminate()
        assert await started.wait() == 0


async def test_telegram_from_another_process() -> None:
    """Another process can be the people, break calls, hold them, and read the screen and the log."""
    async with program("simulators.telegram") as url, Remote(url) as remote, Bot(TOKEN, url + "/bot") as bot:
        said = await remote("act", act="say", user=42, text="hello")
        (update,) = await bot.get_updates()
        assert update.update_id == said["update_id"]
        await remote("fail", method="sendMessage", fault="too_many", retry_after=2, chat_id=42, contains="x")
        with pytest.raises(RetryAfter):
            await bot.send_message(42, "x")
        hold = await remote("hold", method="sendMessage", phase="accepted")
        sending = asyncio.create_task(bot.send_message(42, "hi"))
        call = await remote("held", hold=hold)
        assert call["answered_at"] is None
        assert [m["text"] for m in await remote("visible", chat_id=42)] == ["hello", "hi"]
        await remote("release", hold=hold)
        await sending
        assert (await remote("wait", method="sendMessage", phase="answered", contains="hi"))["status"] == 200
        state = await remote("state")
        assert (state["calls"], state["violations"], state["bots"][0]["pending"]) == (4, 0, 1)
        with pytest.raises(ControlError, match="no verb"):
            await remote("dance")
        with pytest.raises(ControlError, match="no group"):
            await remote("visible", chat_id=-5)


async def test_models_from_another_process() -> None:
    """Another process can script the model and read what it was asked."""
    async with (
        program("simulators.openai", "--words", "5") as url,
        Remote(url) as remote,
        AsyncOpenAI(base_url=url, api_key="k", max_retries=0) as client,
    ):
        await remote("rule", contains="weather", tool_calls=[{"name": "look_up", "arguments": {"city": "Bonn"}}])
        ask = {"role": "user", "content": "weather?"}
        first = await client.chat.completions.create(model="sim-small", messages=[ask])  # type: ignore[list-item]
        assert first.choices[0].message.tool_calls
        second = await client.chat.completions.create(model="sim-small", messages=[ask])  # type: ignore[list-item]
        assert len(str(second.choices[0].message.content).split()) == 8
        requests = await remote("requests", since=1)
        assert [(r["last_user"], r["status"]) for r in requests] == [("weather?", 200)]
        assert (await remote("wait", moment="finished", contains="weather"))["number"] == 1
        assert (await remote("state"))["open"] == 0
