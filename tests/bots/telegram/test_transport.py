"""The line: the token never leaves it, and every failure says whether the platform can have heard us."""

import asyncio
import logging
import socket
import traceback
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, contextmanager

import pytest
from structlog.testing import capture_logs

from bots.telegram import Settings
from bots.telegram.adapter import Telegram
from bots.telegram.transport import Cut, Line, Unsent
from contracts.rigs.telegram import PACE, Ear, Rig, listening, rig_over
from core.errors import AdapterError, PlatformDown
from core.values import Address, Media, Page
from simulators.telegram import (
    Fault,
    Refused,
    blocked,
    cut,
    garbage,
    hang,
    refuse,
    server_error,
    too_many,
)
from simulators.telegram.faults import Answer

TOKEN = "700001:simulated-token-for-loopback-only"
TO = Address(adapter="telegram", chat="42")
PAGE = Page(body='{"text": "hello"}', form="plain", source="hello")
MEDIA = Media(adapter="telegram", ref="AgACAgSim00000001document", kind="document")


def told(error: BaseException) -> str:
    """Everything that the most talkative logger would print of an error: its chain, with local variables."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()) + repr(error)


@contextmanager
def full_house() -> Generator[str, None, None]:
    """A server that lets nobody in: its queue is full, so connections hang."""
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for guest in (first, second):
            guest.setblocking(False)
            guest.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


async def every_call(adapter: Telegram) -> AsyncGenerator[AdapterError, None]:
    """Make each kind of call and give what it raises."""

    async def fetched() -> None:
        async with aclosing(adapter.fetch(MEDIA)) as pieces:
            async for _ in pieces:
                pass

    calls = (
        adapter.put(TO, PAGE, slot="s", was=None),
        adapter.put(TO, PAGE, slot="s", was="1"),
        adapter.put(TO, None, slot="s", was="1"),
        adapter.signal(TO, "typing", slot="s"),
        adapter.signal(TO, PAGE, slot="s"),
        fetched(),
    )
    for call in calls:
        try:
            await call
        except AdapterError as error:
            yield error


async def heard_for(adapter: Telegram, seconds: float) -> BaseException | None:
    """Listen for a while; what ended it, if anything did."""
    try:
        async with listening(adapter):
            await asyncio.sleep(seconds)
    except AdapterError as error:
        return error
    return None


@pytest.mark.parametrize(
    "fault",
    [
        server_error(502),
        cut(),
        cut(after=True),
        garbage(),
        hang(),
        blocked(),
        too_many(),
        refuse(Refused(401, "Unauthorized")),
        refuse(Refused(404, "Not Found")),
        refuse(Refused(400, f"Bad Request: somebody echoes {TOKEN}")),
    ],
    ids=lambda fault: f"{fault.name} {fault.answer.status if fault.answer else ''}",
)
async def test_no_error_and_no_log_has_the_token_in_it(
    rig: Rig, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    """The token stands in every address; whoever reads a log or a traceback, with locals even, must not get it."""
    assert rig.telegram.token == TOKEN
    caplog.set_level(logging.DEBUG)
    rig.telegram.world.files.add(b"content", name="file.txt")
    rig.telegram.fail("*", fault, times=None)
    async with rig_over(rig.telegram.base_url, read_s=0.05) as adapter:
        with capture_logs() as logs:
            ended = await heard_for(adapter, 0.1)
            errors = [error async for error in every_call(adapter)]
    assert errors
    for text in (*map(told, errors), told(ended) if ended else "", str(logs), caplog.text, repr(adapter)):
        assert TOKEN not in text


async def test_no_failed_connection_has_the_token_in_it(caplog: pytest.LogCaptureFixture) -> None:
    """A connection that is refused or times out is told of by aiohttp with the whole address."""
    caplog.set_level(logging.DEBUG)
    with full_house() as full:
        for base in ("http://127.0.0.1:9", full, "nonsense://127.0.0.1"):
            async with rig_over(base, connect_s=0.05) as adapter:
                errors = [error async for error in every_call(adapter)]
            assert len(errors) == 6
            assert TOKEN not in caplog.text + "".join(map(told, errors))


def test_neither_settings_nor_the_line_show_the_token() -> None:
    """What is printed while debugging has no secret in it."""
    assert TOKEN not in repr(Settings(token=TOKEN)) + str(Settings(token=TOKEN))  # type: ignore[arg-type]
    assert TOKEN not in repr(Line(TOKEN, api_base="http://127.0.0.1", connect_s=1))


async def test_a_connection_that_hangs_is_given_up_in_time() -> None:
    """Connecting has a limit of its own, and what was never connected was never sent."""
    with full_house() as base:
        async with Line(TOKEN, api_base=base, connect_s=0.2) as line:
            async with asyncio.timeout(2):
                with pytest.raises(Unsent):
                    await line.call("sendMessage", {})


async def test_an_answer_that_does_not_come_is_given_up_in_time(rig: Rig) -> None:
    """A hanging platform must not hang us; whether it heard us is not known."""
    rig.telegram.fail("getMe", hang(after=False))
    async with Line(TOKEN, api_base=rig.telegram.base_url, connect_s=1, read_s=0.2) as line:
        async with asyncio.timeout(2):
            with pytest.raises(Cut):
                await line.call("getMe", {})


async def test_a_long_question_is_not_given_up_before_its_time(rig: Rig) -> None:
    """A long poll is silent for as long as it was asked to be; that is no failure."""
    with capture_logs() as logs:
        async with rig_over(rig.telegram.base_url, read_s=0.3) as adapter, listening(adapter):
            await asyncio.sleep(PACE.poll_s + 0.2)
    assert not [log for log in logs if log["log_level"] != "debug"]


async def test_a_redirect_is_not_followed(rig: Rig) -> None:
    """The address has the token in it, so it is shown to nobody but the configured server."""
    rig.telegram.fail("sendMessage", Fault(name="moved", answer=Answer(status=302, body=b"elsewhere")))
    with pytest.raises(AdapterError):
        await rig.adapter.put(rig.to, PAGE, slot="s", was=None)


async def test_the_librarys_own_client_works_over_this_line(rig: Rig) -> None:
    """Rare calls go through python-telegram-bot, and fail with the same errors as our own."""
    async with Line(TOKEN, api_base=rig.telegram.base_url, connect_s=1) as line:
        bot = line.bot()
        assert (await line.asked(bot.get_me())).id == 700001
        message = await line.asked(bot.send_message(42, "hello"))
        assert message.text == "hello"
    async with Line(TOKEN, api_base="http://127.0.0.1:9", connect_s=1) as line:
        with pytest.raises(Unsent):
            await line.asked(line.bot().get_me())


async def test_a_platform_that_is_down_stops_no_start() -> None:
    """Opening asks nothing of the platform; other adapters start meanwhile."""
    async with rig_over("http://127.0.0.1:9") as adapter:
        with pytest.raises(PlatformDown):
            await adapter.signal(TO, "typing", slot="s")
        assert await heard_for(adapter, 0.1) is None
        assert Ear().events == ()
