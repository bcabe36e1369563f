"""What a model's provider does not take costs neither this answer nor the next, and is told in one line."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from contracts.rigs.providers import PNG, site
from core.exchange import Delta, Finished, LeftOut, Part, Usage
from core.seams import Provider
from core.testing import FakeProvider, tool_call
from core.values import Media, Message
from providers import anthropic, compatible
from servers import settings
from simulators.anthropic import AnthropicSimulator
from simulators.openai import OpenAISimulator, strictness
from simulators.openai import tool_call as wants
from turns import FakeTool, Lane, Script, assistant, tap


def says(text: str, *left_out: LeftOut) -> Script:
    """A model's answer, for which something was left out."""
    end = Finished(reason="stop", parts=(Part(kind="text", body=text),), usage=Usage())
    return (*left_out, Delta(text=text), end)


def picture(name: str = "") -> Message:
    """A person sends one."""
    photo = Media(adapter="fake", ref="1", kind="photo", mime="image/png", name=name)
    return Message(id="1", text="What is it?", media=(photo,))


@pytest.mark.parametrize(
    "left_out, line",
    [
        ([LeftOut(what="files", names=("cat.png",))], "this file `cat.png`"),
        ([LeftOut(what="files", names=("",))], "this file"),
        ([LeftOut(what="files", names=("a", "b", "c", "d", "e"))], "these files `a`, `b`, `c` and others"),
        ([LeftOut(what="images"), LeftOut(what="documents")], "pictures and PDFs"),
        ([LeftOut(what="tools", names=("odd",))], "the tool `odd`"),
        ([LeftOut(what="tools")], "tools"),
        ([LeftOut(what="history")], "what was said before"),
        ([LeftOut(what="images"), LeftOut(what="images")], "pictures"),
    ],
)
async def test_what_is_left_out_is_told_in_one_line(left_out: list[LeftOut], line: str) -> None:
    """Above the answer, in plain words, and not as the model's."""
    lane = Lane()
    lane.hear("Hi")
    await lane.run(assistant(lane, FakeProvider(says("Hello.", *left_out))))
    assert lane.texts() == [f"_(The model's provider does not take {line}, so this is answered without.)_\n\nHello."]
    assert "provider" not in str([body for (table, _), body in lane.records.rows.items() if table == "context"])


async def test_what_was_left_out_at_one_step_is_told_with_the_answer_once() -> None:
    """Also where every step leaves it out."""
    lane, out = Lane(), LeftOut(what="files", names=("cat.png",))
    model = FakeProvider((out, *tool_call("look")), (out, *tool_call("look")), says("A cat.", out))
    lane.hear("What is it?")
    await lane.run(assistant(lane, model, tools=[FakeTool("look").tool]))
    assert lane.texts()[0].count("cat.png") == 1


async def test_an_apology_tells_of_nothing_left_out() -> None:
    """There is no answer that was made without it."""
    lane = Lane()
    lane.hear("Hi")
    end = Finished(reason="stop", parts=(), usage=Usage())
    await lane.run(assistant(lane, FakeProvider((LeftOut(what="images"), RuntimeError("broke"), end))))
    assert "provider" not in lane.texts()[0]


# ---------------------------------------------------------------------------------------------------------------------
# Over real providers


def fetching(data: bytes) -> Any:  # noqa: ANN401 - a site's
    """A site whose every file has these bytes."""

    async def fetch(media: Media) -> AsyncGenerator[bytes, None]:
        yield data

    return replace(site("lab"), fetch=fetch)


async def opened(stack: AsyncExitStack, kind: str, data: bytes, refuses: bool) -> tuple[Any, Provider]:
    """A lab or a server that does not take pictures as it should, and the provider that asks it."""
    if kind == "anthropic":
        lab = await stack.enter_async_context(AnthropicSimulator())
        if refuses:
            lab.strict = lambda body: "Could not process image" if "'image'" in str(body["messages"]) else ""
        made = anthropic.AnthropicSettings(api_key=SecretStr("k"), base_url=lab.address)
        return lab, await stack.enter_async_context(anthropic.spec.open(fetching(data), made))

    def strict(body: dict[str, Any]) -> strictness.Complaint | None:
        seen = refuses and "image_url" in str(body["messages"])
        return strictness.openai_error("The image could not be decoded") if seen else None

    server = await stack.enter_async_context(OpenAISimulator(strict=strict))
    told = settings(server.base_url, images=True)
    return server, await stack.enter_async_context(compatible.spec.open(fetching(data), told))


@pytest.mark.parametrize("kind", ["anthropic", "compatible"])
@pytest.mark.parametrize(
    "data, refuses", [(PNG[:48], False), (PNG[:48], True), (PNG, True)], ids=["cut", "both", "odd"]
)
async def test_a_bad_picture_and_then_hello(kind: str, data: bytes, *, refuses: bool) -> None:
    """The picture is answered without, and hello is answered as ever."""
    async with AsyncExitStack() as stack:
        lab, provider = await opened(stack, kind, data, refuses)
        lane = Lane()
        bot = assistant(lane, provider)
        lane.hear(picture("cat.png"))
        await lane.run(bot)
        first = lane.texts()[0]
        assert "this file `cat.png`" in first
        assert "What is it?" in first
        lane.hear("hello")
        await lane.run(bot)
        assert lane.texts()[1] == "You said: hello"
        assert lab.violations == []


async def test_a_tap_is_answered_by_a_server_that_wants_no_user_after_a_tool() -> None:
    """The approval is done, and the model has its say about it."""
    async with OpenAISimulator(strict=strictness.mistral) as lab:
        lab.on("Note it").reply([wants("keep", text="milk")])
        async with compatible.spec.open(site("local"), settings(lab.base_url)) as provider:
            lane, keep = Lane(), FakeTool("keep", "writes")
            bot = assistant(lane, provider, tools=[keep.tool])
            lane.hear("Note it")
            await lane.run(bot)
            yes, _ = lane.buttons()
            lane.hear(tap(yes))
            await lane.run(bot)
            assert keep.made == ['{"text": "milk"}']
            assert lane.texts()[-1].startswith("You said: [I allowed this: keep.")
            lane.hear("Thanks")
            await lane.run(bot)
            assert lane.texts()[-1] == "You said: Thanks"
        assert lab.violations == []
