"""A conversation that was refused once is not refused for ever: over servers with the strictness of real ones."""

import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from contracts.rigs.providers import PDF, PNG, answered, said, site
from core.errors import ContextTooLong, ProviderDown, RequestRefused
from core.exchange import Entry, Finished, LeftOut, ModelEvent, Part, Request, ToolSchema
from core.seams import Provider
from core.values import Media
from providers import anthropic, compatible, google, openai
from providers.learned import FORGOTTEN_AFTER_S, Learned
from servers import settings
from simulators.anthropic import AnthropicSimulator
from simulators.google import GoogleSimulator
from simulators.lab import Fault as LabFault
from simulators.openai import Fault, OpenAISimulator, status
from simulators.openai import strictness as strict
from simulators.openai.strictness import Complaint, Strict
from simulators.responses import ResponsesSimulator

Json = dict[str, Any]

LOOK = ToolSchema(
    name="look",
    description="Look somewhere.",
    parameters=json.dumps({"type": "object", "properties": {"at": {"type": "string", "maxLength": 20_000}}}),
)


def photo(ref: str, name: str = "") -> Media:
    """A photo."""
    return Media(adapter="fake", ref=ref, kind="photo", mime="image/png", name=name)


PAPER = Media(adapter="fake", ref="paper", kind="document", mime="application/pdf", name="paper.pdf")


def showing(text: str, *media: Media) -> Entry:
    """What a person says with some files."""
    return Entry(role="user", parts=(Part(kind="text", body=text), *(Part(kind="media", media=one) for one in media)))


def call(identity: str, at: str) -> Part:
    """A call of the tool."""
    return Part(kind="call", id=identity, name="look", body=json.dumps({"at": at}))


def result(identity: str, body: str) -> Part:
    """What the tool returned."""
    return Part(kind="result", id=identity, name="look", body=body)


APPROVED = (
    said("Look at the door and at the window."),
    Entry(
        role="assistant",
        parts=(
            Part(kind="opaque", name="other", body='{"signed": 1}'),
            Part(kind="text", body="I look."),
            call("toolu_01AbCdEfGhIjKlMnOpQrSt", "door"),
            call("call_2-x", "window"),
        ),
    ),
    Entry(
        role="user", parts=(result("toolu_01AbCdEfGhIjKlMnOpQrSt", "It is shut."), result("call_2-x", "Not done yet."))
    ),
    said("[I allowed this: look. What came of it:]\nIt is open."),
)
"""A conversation begun with another lab's model, in which a person has allowed a call."""


async def bytes_of(media: Media) -> AsyncGenerator[bytes, None]:
    """A document, or an image that differs by its name."""
    yield PDF if media.kind == "document" else PNG + media.ref.encode()


@asynccontextmanager
async def compat(
    strict: Strict | None = None, **how: object
) -> AsyncIterator[tuple[OpenAISimulator, compatible.Compatible]]:
    """A server with this strictness, and the provider that asks it."""
    known = frozenset({"reasoning_content", "reasoning_details"})
    async with OpenAISimulator(models={"sim": None, "other": None}, strict=strict, tolerate=known) as lab:
        made = settings(lab.base_url, **{"images": True} | how)
        async with compatible.spec.open(replace(site("local"), fetch=bytes_of), made) as provider:
            assert isinstance(provider, compatible.Compatible)
            yield lab, provider


def asks(*entries: Entry, tools: tuple[ToolSchema, ...] = (LOOK,), model: str = "sim") -> Request:
    """A request."""
    return Request(model=model, entries=entries, system="Be brief.", tools=tools)


async def ask(provider: Provider, request: Request) -> tuple[Finished, list[LeftOut]]:
    """The end of an answer, and what was left out for it."""
    async with aclosing(provider.stream(request)) as stream:
        events: list[ModelEvent] = [event async for event in stream]
    assert isinstance(events[-1], Finished)
    return events[-1], [event for event in events if isinstance(event, LeftOut)]


def words(finished: Finished) -> str:
    """What was answered."""
    return "".join(part.body for part in finished.parts if part.kind == "text")


@pytest.mark.parametrize(
    "server, refusals",
    [
        (strict.mistral, 2),
        (strict.kimi, 1),
        (strict.deepseek, 1),
        (strict.llama_cpp, 0),
        (strict.gemma, 2),
        (strict.llama3, 1),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_an_approval_is_answered_by_every_server(server: Strict, refusals: int) -> None:
    """After a few refusals at most, of which the person sees nothing; what follows is asked right at once."""
    async with compat(server) as (lab, provider):
        finished, left_out = await ask(provider, asks(*APPROVED))
        assert words(finished)
        assert left_out == []
        assert len(lab.requests) == refusals + 1
        sent = json.dumps(lab.requests[-1].messages)
        assert all(
            word in sent for word in ("It is shut.", "Not done yet.", "It is open.", "door", "window", "I look.")
        )
        following = (*APPROVED, Entry(role="assistant", parts=finished.parts), said("And now?"))
        finished, left_out = await ask(provider, asks(*following))
        assert words(finished) == "You said: And now?"
        assert len(lab.requests) == refusals + 2
        assert lab.violations == []


async def test_what_one_model_does_not_take_says_nothing_of_another() -> None:
    """A server may serve many."""
    async with compat(strict.mistral) as (lab, provider):
        await ask(provider, asks(*APPROVED))
        before = len(lab.requests)
        await ask(provider, asks(*APPROVED, model="other"))
        assert len(lab.requests) == before + 3


async def test_what_was_learned_is_forgotten_after_a_while() -> None:
    """Servers are changed, and nobody tells us: then nothing is left out any more."""
    now = 0.0
    refuses = True

    def server(body: Json) -> Complaint | None:
        return strict.deepseek(body) if refuses else None

    async with compat(server) as (lab, provider):
        provider._repairs.lessons["sim"] = Learned(now=lambda: now)
        question = asks(showing("What is it?", photo("1")), tools=())
        assert [one.images for one in await provider.models()] == [True, True]
        await ask(provider, question)
        assert [one.images for one in await provider.models()] == [False, True]
        refuses = False
        await ask(provider, question)
        assert "image_url" not in str(lab.requests[-1].messages)
        now = FORGOTTEN_AFTER_S + 1
        assert [one.images for one in await provider.models()] == [True, True]
        await ask(provider, question)
        assert "image_url" in str(lab.requests[-1].messages)


# ---------------------------------------------------------------------------------------------------------------------
# Files


def bad_images(*refs: str, words: str = "Could not process image", place: bool = False) -> Strict:
    """A server that cannot read the images of these refs, and perhaps says where they stand."""
    bad = {base64.b64encode(PNG + ref.encode()).decode() for ref in refs}

    def server(body: Json) -> Complaint | None:
        for number, message in enumerate(body["messages"]):
            content = message["content"] if isinstance(message["content"], list) else []
            for at, part in enumerate(content):
                if part["type"] == "image_url" and part["image_url"]["url"].partition(",")[2] in bad:
                    where = f"messages.{number}.content.{at}.image_url.url.base64: " if place else ""
                    return strict.openai_error(where + words)
        return None

    return server


@pytest.mark.parametrize("place", [True, False], ids=["named", "unnamed"])
@pytest.mark.parametrize(
    "words", ["Could not process image", "bad image", "The image is odd (request id: 2026a7b8c9d0e1)"]
)
@pytest.mark.parametrize("bad", [("1",), ("2",), ("3",), ("1", "3"), ("1", "2", "3")], ids="".join)
async def test_a_bad_image_is_left_out_and_the_good_ones_are_shown(
    bad: tuple[str, ...], words: str, *, place: bool
) -> None:
    """Where the complaint names it, or where it is the only one; what is asked next is not hostage to it."""
    async with compat(bad_images(*bad, words=words, place=place)) as (lab, provider):
        images = [photo(ref, f"{ref}.png") for ref in ("1", "2", "3")]
        finished, left_out = await ask(provider, asks(showing("Which is it?", *images)))
        sent = str(lab.requests[-1].messages)
        shown = sent.count("'image_url': {")
        if place or len(bad) == 1:
            assert shown == 3 - len(bad)
            assert left_out == [LeftOut(what="files", names=tuple(f"{ref}.png" for ref in bad))]
        else:
            assert shown < 3
        assert "Which is it?" in sent
        assert "the provider could not read it" in sent
        before = len(lab.requests)
        following = (showing("Which is it?", *images), Entry(role="assistant", parts=finished.parts), said("hello"))
        finished, left_out = await ask(provider, asks(*following))
        assert (finished.parts[-1].body, left_out, len(lab.requests)) == ("You said: hello", [], before + 1)


async def test_one_bad_image_makes_nobody_blind() -> None:
    """Others are shown theirs, and so is the next one of the same person; the newest is suspected first."""
    async with compat(bad_images("bad")) as (lab, provider):
        good = showing("And this?", photo("good"))
        await ask(provider, asks(good))
        await ask(provider, asks(good, answered("A dot."), showing("And that?", photo("bad"))))
        assert str(lab.requests[-1].messages).count("'image_url': {") == 1
        assert len(lab.requests) == 3
        assert [model.images for model in await provider.models()] == [True, True]
        await ask(provider, asks(showing("Mine?", photo("other"))))
        assert "image_url" in str(lab.requests[-1].messages)
        assert len(lab.requests) == 4


async def test_a_model_that_has_not_read_one_of_many_images_is_taken_for_blind() -> None:
    """However its server words it; each image would cost a refusal otherwise."""
    async with compat(lambda body: strict.openai_error("bad image") if "image_url" in str(body) else None) as (
        lab,
        provider,
    ):
        for number in range(3):
            await ask(provider, asks(showing("What is it?", photo(f"{number}"))))
        assert len(lab.requests) == 6
        assert [model.images for model in await provider.models()] == [False, True]
        await ask(provider, asks(showing("What is it?", photo("last"))))
        assert len(lab.requests) == 7


async def test_a_server_that_takes_few_images_is_shown_the_newest() -> None:
    """As many as it says."""

    def server(body: Json) -> Complaint | None:
        images = str(body["messages"]).count("'image_url': {")
        return strict.openai_error("At most 2 image(s) may be provided in one prompt.") if images > 2 else None

    async with compat(server) as (lab, provider):
        images = [photo(f"{number}") for number in range(5)]
        _, left_out = await ask(provider, asks(showing("Which?", *images)))
        assert str(lab.requests[-1].messages).count("'image_url': {") == 2
        assert left_out == [LeftOut(what="more images")]
        await ask(provider, asks(showing("Which?", *images)))
        assert len(lab.requests) == 3


async def test_a_file_that_cannot_be_read_is_told_though_nobody_was_asked() -> None:
    """It is found before it is sent: the person is told with the answer, and only with that one."""
    async with AnthropicSimulator() as lab:

        async def fetch(media: Media) -> AsyncGenerator[bytes, None]:
            yield PNG[:48]

        made = anthropic.AnthropicSettings(api_key=SecretStr("k"), base_url=lab.address)
        async with anthropic.spec.open(replace(site("a"), fetch=fetch), made) as provider:
            asked = showing("What is it?", photo("1", "cat.png"))
            finished, left_out = await ask(provider, asks(asked, model="claude-sim-sonnet"))
            assert left_out == [LeftOut(what="files", names=("cat.png",))]
            following = (asked, Entry(role="assistant", parts=finished.parts), said("hello"))
            finished, left_out = await ask(provider, asks(*following, model="claude-sim-sonnet"))
            assert (words(finished), left_out) == ("You said: hello", [])
        assert lab.violations == []
        assert len(lab.requests) == 2


# ---------------------------------------------------------------------------------------------------------------------
# Complaints that nobody knows


def long_ago(*entries: Entry) -> tuple[Entry, ...]:
    """A conversation with a picture and calls in its past."""
    return (
        showing("What is on it?", photo("1")),
        answered("A door."),
        *APPROVED,
        answered("Both are open."),
        *entries,
    )


@pytest.mark.parametrize(
    "offends, left_out",
    [
        (lambda body: "image_url" in str(body["messages"]), [LeftOut(what="earlier files")]),
        (lambda body: "tool_calls" in str(body["messages"]), []),
        (lambda body: "A door." in str(body["messages"]), [LeftOut(what="history")]),
        (lambda body: "tools" in body, [LeftOut(what="tools")]),
    ],
    ids=["file", "calls", "words", "tools"],
)
async def test_what_nobody_understands_is_met_by_simpler_words(
    offends: Callable[[Json], bool], left_out: list[LeftOut]
) -> None:
    """Step by step, with the question always there; and the next question begins with what was learned."""
    async with compat(lambda body: strict.openai_error("E1234") if offends(body) else None) as (lab, provider):
        asked = long_ago(said("Which one?"))
        finished, told = await ask(provider, asks(*asked))
        assert words(finished) == "You said: Which one?"
        assert told == left_out
        assert len(lab.requests) <= 6
        before = len(lab.requests)
        following = (*asked, Entry(role="assistant", parts=finished.parts), said("And why?"))
        finished, told = await ask(provider, asks(*following))
        assert (words(finished), told, len(lab.requests)) == ("You said: And why?", [], before + 1)
        assert "Which one?" in str(lab.requests[-1].messages)


async def test_a_question_that_nobody_takes_does_not_take_the_next_one_with_it() -> None:
    """It stays in the conversation without an answer; what is asked after it is answered."""
    async with compat(lambda body: strict.openai_error("E1234") if "poison" in str(body) else None) as (lab, provider):
        asked = long_ago(said("poison"))
        with pytest.raises(RequestRefused):
            await ask(provider, asks(*asked))
        assert len(lab.requests) <= 7
        together = Entry(role="user", parts=(*said("poison").parts, *said("hello").parts))
        finished, told = await ask(provider, asks(*asked[:-1], together))
        assert words(finished) == "You said: hello"
        assert LeftOut(what="all files") in told or LeftOut(what="history") in told
        before = len(lab.requests)
        following = (*asked[:-1], together, Entry(role="assistant", parts=finished.parts), said("And now?"))
        finished, told = await ask(provider, asks(*following))
        assert (words(finished), told, len(lab.requests)) == ("You said: And now?", [], before + 1)


async def test_what_is_hopeless_is_not_tried_in_every_way_again_and_again() -> None:
    """A server that refuses everything is asked twice a question, not eight times."""
    async with compat(lambda body: strict.openai_error("Your account is asleep.")) as (lab, provider):
        for _ in range(3):
            with pytest.raises(RequestRefused):
                await ask(provider, asks(*long_ago(said("Which one?"))))
        assert len(lab.requests) <= 7 + 2 + 2


@pytest.mark.parametrize("code", [401, 404, 429, 500, 503])
async def test_what_is_not_about_the_conversation_changes_nothing_of_it(code: int) -> None:
    """A bad key, a wrong address, a rate limit, a server that failed: it is told at once."""
    async with compat() as (lab, provider):
        lab.on().reply(status(code))
        with pytest.raises(Exception):  # noqa: B017, PT011 - of whichever kind
            await ask(provider, asks(*long_ago(said("Which one?"))))
        assert len(lab.requests) == 1


async def test_a_complaint_amid_a_stream_is_heeded_until_the_first_word() -> None:
    """Some servers complain with 200, inside the stream."""
    event = {"error": {"message": "Unexpected role 'user' after role 'tool'", "code": 400}}
    fault = Fault(name="inside", after_tokens=-1, raw=b"data: " + json.dumps(event).encode() + b"\n\n", end=True)
    async with compat() as (lab, provider):
        lab.on().reply(fault)
        finished, _ = await ask(provider, asks(*APPROVED))
        assert words(finished)
        roles = [message["role"] for message in lab.requests[-1].messages]
        assert roles == ["system", "user", "assistant", "tool", "tool", "assistant", "user"]


async def test_a_text_that_is_too_long_is_for_others_to_shorten() -> None:
    """Nothing of it is left out here."""
    async with compat() as (lab, provider):
        lab.on().reply(status(400, error_code="context_length_exceeded"))
        with pytest.raises(ContextTooLong):
            await ask(provider, asks(*long_ago(said("Which one?"))))
        assert len(lab.requests) == 1


async def test_files_that_are_too_much_together_go_before_any_word_does() -> None:
    """A request that is too large by its bytes loses its earlier files first."""

    def server(body: Json) -> Complaint | None:
        large = str(body["messages"]).count("'image_url': {") > 1
        return Complaint(body="Request Entity Too Large", status=413) if large else None

    async with compat(server) as (lab, provider):
        asked = (showing("One?", photo("1")), answered("Yes."), showing("Two?", photo("2")))
        _, left_out = await ask(provider, asks(*asked))
        assert left_out == [LeftOut(what="earlier files")]
        assert len(lab.requests) == 2


# ---------------------------------------------------------------------------------------------------------------------
# Tools


def tool(name: str, **properties: object) -> ToolSchema:
    """A tool."""
    return ToolSchema(
        name=name, description=f"{name}.", parameters=json.dumps({"type": "object", "properties": properties})
    )


TOOLS = (tool("plain"), tool("odd", x={"type": "string"}, y={"type": "integer"}), tool("other", x={"type": "string"}))


@pytest.mark.parametrize(
    "complaint",
    [
        "Invalid schema for function 'odd': In context=('properties', 'x'), schema is wrong",
        "Invalid 'tools[1].function.parameters': schema is too deep.",
        "tools.1.custom.input_schema: JSON schema is invalid.",
        "Failed to initialize samplers: failed to parse grammar",
    ],
    ids=["name", "place", "dotted", "unnamed"],
)
async def test_a_tool_that_is_refused_is_left_out_and_the_others_stay(complaint: str) -> None:
    """The one that is named, or the one whose schema has most in it; the answer comes."""

    def server(body: Json) -> Complaint | None:
        names = [one["function"]["name"] for one in body.get("tools", ())]
        return strict.openai_error(complaint) if "odd" in names else None

    async with compat(server) as (lab, provider):
        _, left_out = await ask(provider, asks(said("Hi."), tools=TOOLS))
        assert left_out == [LeftOut(what="tools", names=("odd",))]
        assert lab.requests[-1].tools == ("plain", "other")
        assert len(lab.requests) == 2
        assert [model.tools for model in await provider.models()] == [True, True]
        await ask(provider, asks(said("Hi."), tools=TOOLS))
        assert len(lab.requests) == 3


async def test_a_server_that_takes_no_tools_is_told_in_words_what_they_did() -> None:
    """The calls of before, too: it knows no such messages."""

    def server(body: Json) -> Complaint | None:
        known = "tools" not in body and all(message["role"] != "tool" for message in body["messages"])
        return None if known else strict.openai_error("registry.ollama.ai/library/gemma:2b does not support tools")

    async with compat(server) as (lab, provider):
        _, left_out = await ask(provider, asks(*APPROVED))
        assert left_out == [LeftOut(what="tools")]
        assert "It is shut." in str(lab.requests[-1].messages)
        assert [model.tools for model in await provider.models()] == [False, True]


# ---------------------------------------------------------------------------------------------------------------------
# The labs


async def test_anthropic_is_not_dead_for_a_picture_that_only_it_cannot_read() -> None:
    """First a picture, then "hello": the published sentence names no place."""
    async with AnthropicSimulator() as lab:
        lab.strict = lambda body: "Could not process image" if "'image'" in str(body["messages"]) else ""
        made = anthropic.AnthropicSettings(api_key=SecretStr("k"), base_url=lab.address)
        async with anthropic.spec.open(replace(site("a"), fetch=bytes_of), made) as provider:
            asked = showing("What is it?", photo("1", "cat.png"))
            finished, left_out = await ask(provider, asks(asked, model="claude-sim-sonnet"))
            assert left_out == [LeftOut(what="files", names=("cat.png",))]
            following = (asked, Entry(role="assistant", parts=finished.parts), said("hello"))
            finished, left_out = await ask(provider, asks(*following, model="claude-sim-sonnet"))
            assert (words(finished), left_out, len(lab.requests)) == ("You said: hello", [], 3)
        assert lab.violations == []


async def test_a_thought_that_cannot_be_verified_is_left_out_of_that_conversation_alone() -> None:
    """What is signed later goes back as it came."""
    async with AnthropicSimulator() as lab:
        made = anthropic.AnthropicSettings(api_key=SecretStr("k"), base_url=lab.address)
        own = {"type": "thinking", "thinking": "Hm.", "signature": "of another account"}
        items = [{"kind": "own", "own": own}, {"kind": "text"}]
        kept = json.dumps({"model": "claude-sim-sonnet", "items": items})
        parts = (Part(kind="opaque", name="anthropic", body=kept), Part(kind="text", body="Yes."))
        asked = (said("One?"), Entry(role="assistant", parts=parts), said("Two?"))
        async with anthropic.spec.open(site("anthropic"), made) as provider:
            finished, left_out = await ask(provider, asks(*asked, model="claude-sim-sonnet"))
            assert (words(finished), left_out, len(lab.requests)) == ("You said: Two?", [], 2)
            following = (*asked, Entry(role="assistant", parts=finished.parts), said("Three?"))
            await ask(provider, asks(*following, model="claude-sim-sonnet"))
            assert len(lab.requests) == 3


async def test_every_lab_gets_an_answer_to_what_it_does_not_understand() -> None:
    """Its own word for a bad request, once: the question is asked in a simpler way."""
    async with ResponsesSimulator() as oai, GoogleSimulator() as goo, AnthropicSimulator() as ant:
        key = SecretStr("k")
        async with (
            openai.spec.open(site("o"), openai.OpenAISettings(api_key=key, base_url=f"{oai.address}/v1")) as one,
            google.spec.open(site("g"), google.GoogleSettings(api_key=key, base_url=goo.address)) as two,
            anthropic.spec.open(site("a"), anthropic.AnthropicSettings(api_key=key, base_url=ant.address)) as three,
        ):
            for lab, provider, model in (
                (oai, one, "gpt-6-luna"),
                (goo, two, "gemini-sim-flash"),
                (ant, three, "claude-sim-haiku"),
            ):
                lab.reply(LabFault(status=400, message="E1234"))
                finished, _ = await ask(provider, asks(*APPROVED, model=model))
                assert words(finished)
                assert len(lab.requests) == 2
                assert lab.violations == []


async def test_a_lab_that_fails_is_not_asked_in_other_words() -> None:
    """Whether it is asked again is for others to say."""
    async with AnthropicSimulator() as lab:
        made = anthropic.AnthropicSettings(api_key=SecretStr("k"), base_url=lab.address)
        async with anthropic.spec.open(site("a"), made) as provider:
            lab.reply(LabFault(status=500))
            with pytest.raises(ProviderDown):
                await ask(provider, asks(*APPROVED, model="claude-sim-haiku"))
            assert len(lab.requests) == 1
