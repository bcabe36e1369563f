"""What ships for tests of plugins: a call as a model makes it, a clock that stands still, a web of a few pages."""

from datetime import timedelta
from pathlib import Path

import pytest

from core.errors import AddressRefused, CallMalformed, ContentRefused, NotFetched
from core.plugin import Plugin, ToolContext
from core.site import Fetched
from core.testing import (
    MORNING,
    FakeAdapter,
    FakeClock,
    FakeEgress,
    FakeProvider,
    answer,
    deployed,
    message,
    plugin_site,
    tool_call,
    use,
)
from core.tools import plugin, tool

PDF = Fetched(url="https://a.example/pdf", status=200, mime="application/pdf", charset="", body=b"%PDF")


@tool
async def look(word: str, caller: ToolContext) -> str:
    """Look at something."""
    return f"{word} {caller.scope} {caller.now:%H:%M}"


async def test_a_tool_is_used_as_a_model_would() -> None:
    """Of an opened plugin, or of a spec that is opened for it; what it raises is raised."""
    for each in (Plugin(name="a", tools=(look,)), plugin("a", look)):
        assert await use(each, "look", '{"word": "tea"}') == "tea ann 09:30"
        assert (
            await use(each, "look", '{"word": "tea"}', person="bob", now=MORNING + timedelta(hours=1))
            == "tea bob 10:30"
        )
        with pytest.raises(CallMalformed):
            await use(each, "look")


async def test_a_web_of_a_few_pages() -> None:
    """It takes what is asked for, and nothing else is there."""
    web = FakeEgress({"https://a.example/": "<p>Tea", "https://a.example/pdf": PDF})
    assert (await web.get("https://a.example/")).body == b"<p>Tea"
    assert (await web.get("https://a.example/pdf", types=["application/pdf"])).body == b"%PDF"
    with pytest.raises(ContentRefused) as refused:
        await web.get("https://a.example/pdf")
    assert refused.value.mime == "application/pdf"
    with pytest.raises(ContentRefused):
        await web.get("https://a.example/", most_bytes=3)
    with pytest.raises(NotFetched):
        await web.get("https://b.example/")
    assert len(web.asked) == 5


async def test_without_a_web_nothing_is_fetched() -> None:
    """A test that forgot to write pages down does not go looking for them."""
    with pytest.raises(AddressRefused):
        await plugin_site(Path("nowhere")).egress.get("https://a.example/")


async def test_a_whole_deployment_tells_the_time_it_is_given(tmp_path: Path) -> None:
    """Tools are told the fake clock's time, which moves when a test says so."""
    chat, clock = FakeAdapter(), FakeClock()
    model = FakeProvider(
        tool_call("look", '{"word": "a"}'), answer("1"), tool_call("look", '{"word": "b"}'), answer("2")
    )
    async with deployed(tmp_path, chat, model, Plugin(name="a", tools=(look,)), now=clock):
        chat.arrive(message("?"))
        await chat.until(lambda: chat.texts() == ["1"])
        clock.move(timedelta(hours=2))
        chat.arrive(message("?"))
        await chat.until(lambda: chat.texts() == ["1", "2"])
    told = [request.entries[-1].parts[-1].body.rpartition(" ")[2] for request in model.requests[1::2]]
    assert told == ["09:30", "11:30"]
