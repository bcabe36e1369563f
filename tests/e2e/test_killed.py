"""Discord and WhatsApp while the installed product is killed again and again: what each chat finally shows.

The process is ended by SIGKILL at moments nobody chose, while people speak and answers are under way. In the end each
question has its answer, once: Discord knows a message again by its nonce, and WhatsApp tells what became of it.
"""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contracts.rigs.engines import until
from simulators.discord import DiscordSimulator
from simulators.discord.simulator import TOKEN as DISCORD_TOKEN
from simulators.whatsapp import NUMBER_ID, TOKEN, WhatsAppSimulator

KILLS, PEOPLE, ROUNDS = 4, 4, 5
PATIENCE_S = 75.0

Says = Callable[[int, str], Awaitable[object]]
Screens = Callable[[], list[list[str]]]


class Product:
    """The command ``waystation run``, started again after each death."""

    def __init__(self, folder: Path, environment: Mapping[str, str], port: int) -> None:
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("WAYSTATION_")}
        self._environment |= {
            "WAYSTATION_DATA_DIR": str(folder),
            "WAYSTATION_ACCESS__POLICY": "open",
            "WAYSTATION_SERVER__PORT": str(port),
            "WAYSTATION_PROVIDERS__ECHO__ENABLED": "true",
            "WAYSTATION_PROVIDERS__ECHO__TOKENS_PER_S": "40",
            **environment,
        }
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; nobody waits until it listens."""
        self._process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("waystation")),
            "run",
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )

    async def kill(self, by: signal.Signals = signal.SIGKILL) -> None:
        """End it, at once or in peace."""
        if self._process is not None:
            self._process.send_signal(by)
            await self._process.wait()


@asynccontextmanager
async def running(product: Product) -> AsyncGenerator[None]:
    """From its first start to its last end."""
    await product.start()
    try:
        yield
    finally:
        await product.kill(signal.SIGTERM)


async def killed_while_people_speak(product: Product, says: Says) -> list[str]:
    """Let people speak, and the process die meanwhile; what was asked."""
    asked: list[str] = []

    async def speak() -> None:
        for number in range(ROUNDS):
            for person in range(PEOPLE):
                question = f"question {number} of person {person}"
                asked.append(question)
                await says(person, question)
                await asyncio.sleep(random.uniform(0.0, 0.25))

    speaking = asyncio.create_task(speak())
    for _ in range(KILLS):
        await asyncio.sleep(random.uniform(0.9, 2.2))
        await product.kill()
        await product.start()
    await speaking
    return asked


async def answered_once(screens: Screens, asked: list[str]) -> None:
    """Every question has its one answer, in the chat of whoever asked it, and nothing else stands there."""

    def answers(question: str) -> list[int]:
        return [sum(f"{question}" in text for text in screen) for screen in screens()]

    await until(lambda: all(sum(answers(question)) >= 1 for question in asked), within_s=PATIENCE_S)
    await asyncio.sleep(1.0)
    for question in asked:
        person = int(question.rsplit(" ", 1)[1])
        assert answers(question) == [int(number == person) for number in range(PEOPLE)], question


@pytest.mark.slow
async def test_discord_though_it_is_killed_again_and_again(tmp_path: Path) -> None:
    """What was said while nobody listened is found; what was sent twice is one message."""
    async with DiscordSimulator() as discord:
        people = [discord.person(f"P{number}") for number in range(PEOPLE)]
        chats = [discord.dm() for _ in people]
        environment = {
            "WAYSTATION_BOTS__DISCORD__TOKEN": DISCORD_TOKEN,
            "WAYSTATION_BOTS__DISCORD__API_BASE": discord.base,
            "WAYSTATION_BOTS__DISCORD__GATEWAY_URL": discord.gateway.address,
        }
        product = Product(tmp_path, environment, 0)

        async def says(person: int, question: str) -> None:
            chats[person].say(people[person], question)

        async with running(product):
            await until(lambda: discord.gateway.connected, within_s=30)
            for chat, person in zip(chats, people, strict=True):
                chat.say(person, "hello")  # a chat it has never heard of cannot be caught up with
            await until(lambda: all(chat.screen() for chat in chats), within_s=30)
            asked = await killed_while_people_speak(product, says)
            await answered_once(lambda: [chat.screen() for chat in chats], asked)
        assert discord.gateway.identified > 1  # a life may well end before it is connected
        assert discord.violations == []


@pytest.mark.slow
async def test_whatsapp_though_it_is_killed_again_and_again(tmp_path: Path, unused_tcp_port: int) -> None:
    """Meta comes again until it is heard, and tells what became of each message."""
    async with WhatsAppSimulator(webhook=f"http://127.0.0.1:{unused_tcp_port}/webhooks/whatsapp") as meta:
        people = [meta.person(f"4915{number}", f"P{number}") for number in range(PEOPLE)]
        environment = {
            "WAYSTATION_BOTS__WHATSAPP__ACCESS_TOKEN": TOKEN,
            "WAYSTATION_BOTS__WHATSAPP__PHONE_NUMBER_ID": NUMBER_ID,
            "WAYSTATION_BOTS__WHATSAPP__VERIFY_TOKEN": "verify-me",
            "WAYSTATION_BOTS__WHATSAPP__APP_SECRET": "app-secret",
            "WAYSTATION_BOTS__WHATSAPP__API_BASE": meta.base,
        }
        product = Product(tmp_path, environment, unused_tcp_port)
        async with running(product):
            asked = await killed_while_people_speak(product, lambda person, text: people[person].say(text))
            await answered_once(lambda: [person.screen() for person in people], asked)
        assert meta.violations == []
