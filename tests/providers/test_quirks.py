"""The table of quirks, row by row: a server with just this strictness is answered, and only this is learned of it."""

import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest
from pydantic import SecretStr

from contracts.rigs.providers import PDF, PNG, answered, said, site
from core.exchange import Entry, Finished, Part, Request, ToolSchema
from core.values import Media
from providers import anthropic, compatible, google, openai
from providers.quirks import CURES, QUIRKS, RUNGS, Protocol, Quirk
from servers import settings
from simulators.anthropic import AnthropicSimulator
from simulators.google import GoogleSimulator
from simulators.lab import Call, Said
from simulators.openai import OpenAISimulator, Reply, tool_call
from simulators.openai.strictness import openai_error
from simulators.responses import ResponsesSimulator

Json = dict[str, Any]
Offends = Callable[[Json], bool]

QUESTION = "[I allowed this.] And now?"
ODD_ID = "call.of:a.very.odd/server-that-gives-ids-of-more-than-forty-characters"
MODELS: dict[Protocol, str] = {
    "chat": "sim",
    "messages": "claude-sim-sonnet",
    "responses": "gpt-6.2-sol",
    "gemini": "gemini-sim-flash",
}


def media(ref: str, kind: str = "photo") -> Media:
    """A file."""
    mime = "application/pdf" if kind == "document" else "image/png"
    return Media(adapter="fake", ref=ref, kind=kind, mime=mime, name=ref)  # type: ignore[arg-type]


async def bytes_of(file: Media) -> AsyncGenerator[bytes, None]:
    """A document, or an image that differs by its name."""
    yield PDF if file.kind == "document" else PNG + file.ref.encode() * (9 if file.ref == "large" else 1)


def tool(name: str, *properties: str) -> ToolSchema:
    """A tool."""
    schema = {"type": "object", "properties": {one: {"type": "string"} for one in properties}}
    return ToolSchema(name=name, description=f"{name}.", parameters=json.dumps(schema))


TOOLS = (tool("plain"), tool("odd", "x", "y"), tool("web_search", "query"))


# ---------------------------------------------------------------------------------------------------------------------
# What a strict server objects to, in each protocol's own words


def walk(of: object) -> Iterator[Json]:
    """All objects in a body."""
    if isinstance(of, dict):
        yield of
        for one in of.values():
            yield from walk(one)
    elif isinstance(of, list):
        for one in of:
            yield from walk(one)


def has(*names: str) -> Offends:
    """One of these keys stands somewhere in the body."""
    return lambda body: any(name in one for one in walk(body) for name in names)


def messages(holds: Callable[[list[Json]], bool]) -> Offends:
    """Something about the messages."""
    return lambda body: holds(body["messages"])


def blocks(*kinds: str) -> Offends:
    """A block, a part or an item of this type."""
    return lambda body: any(one.get("type") in kinds or one.keys() & set(kinds) for one in walk(body))


def images(body: Json) -> int:
    """How many there are."""
    mimes = ("image/png",)
    return sum(
        one.get("type") in {"image_url", "image", "input_image"} or one.get("mimeType") in mimes for one in walk(body)
    )


def documents(body: Json) -> bool:
    """Whether there are any."""
    kinds = {"document", "input_file", "file"}
    return any(one.get("type") in kinds or one.get("mimeType") == "application/pdf" for one in walk(body))


def is_large(body: Json) -> bool:
    """Whether the large image is among them."""
    return "bGFyZ2VsYXJnZ" in json.dumps(body) or "sYXJnZWxhcmdl" in json.dumps(body)


def calls(message: Json) -> list[Json]:
    """A message's calls."""
    return message.get("tool_calls") or []


def tools(body: Json) -> list[str]:
    """The names of the functions that are offered, in every protocol."""
    found = [one.get("name") or one.get("function", {}).get("name") for one in body.get("tools", ())]
    found += [one["name"] for declared in body.get("tools", ()) for one in declared.get("functionDeclarations", ())]
    return [name for name in found if name]


def searches(body: Json) -> bool:
    """Whether the lab may look things up."""
    return any("search" in str(one.get("type", "")) or "googleSearch" in one for one in body.get("tools", ()))


def all_words(body: Json) -> str:
    """All of it as text."""
    return json.dumps(body, ensure_ascii=False)


def two_sides(told: list[Json]) -> bool:
    """Whether the messages are anything but two sides that take turns."""
    roles = [message["role"] for message in told if message["role"] != "system"]
    return roles != (["user", "assistant"] * len(roles))[: len(roles)] or any(map(calls, told))


@dataclass(frozen=True, kw_only=True)
class Strict:
    """A server.

    Attributes:
        protocol: That it speaks.
        offends: What it refuses.
        request: What is changed about the request, so that it has something to refuse.
        keeps: Words of the conversation that reach the model all the same.
        refusals: How many there are at most.
    """

    offends: Offends
    protocol: Protocol = "chat"
    request: Mapping[str, object] = field(default_factory=dict)
    keeps: bool = True
    refusals: int = 1


def shown(*files: Media) -> Entry:
    """A question with files."""
    return Entry(role="user", parts=(*said("Is this Bonn?").parts, *(Part(kind="media", media=one) for one in files)))


def option(seen: str) -> Strict:
    """The option that a complaint names."""
    names: dict[str, Protocol] = {
        "stream_options": "chat",
        "reasoning_content": "chat",
        "prompt_cache_key": "responses",
        "include": "responses",
        "output_config": "messages",
        "cache_control": "messages",
    }
    name = next(name for name in names if name in seen)
    return Strict(offends=has(name), protocol=names[name], request={"thoughts": True, "effort": "high", "thread": "t"})


def thinking(seen: str) -> Strict:
    """What of how long to think a complaint is of."""
    kinds: tuple[tuple[str, str, Protocol], ...] = (
        ("thinkingConfig", "thinkingConfig", "gemini"),
        ("level", "thinkingConfig", "gemini"),
        ("reasoning_effort", "reasoning_effort", "chat"),
        ("reasoning", "reasoning", "responses"),
        ("adaptive", "thinking", "messages"),
        ("effort", "output_config", "messages"),
    )
    name, protocol = next((name, protocol) for word, name, protocol in kinds if word in seen)
    inner: Offends = lambda body: name in body or name in body.get("generationConfig", {})  # noqa: E731
    return Strict(offends=inner, protocol=protocol, request={"effort": "high"})


LENGTHS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens")
PICTURES = {"last": shown(media("one"), media("two"), media("three"))}
PAPERS = {"last": shown(media("paper", "document"))}
OPEN_SEARCH = Part(
    kind="opaque",
    name="lab",
    body=json.dumps(
        {
            "model": MODELS["messages"],
            "items": [
                {"kind": "own", "own": {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}}
            ],
        }
    ),
)

STRICT: dict[str, Callable[[str], Strict]] = {
    "max_completion_tokens": lambda seen: Strict(offends=has("max_tokens")),
    "answer too long": lambda seen: Strict(
        offends=lambda body: (
            max(one[name] for one in walk(body) for name in LENGTHS if name in one) > (1024 if "1024" in seen else 2048)
        ),
        protocol="messages" if "claude" in seen else "chat",
    ),
    "streams": lambda seen: Strict(
        offends=lambda body: body["stream"], protocol="responses" if "organization" in seen else "chat"
    ),
    "thoughts wanted": lambda seen: Strict(
        offends=messages(lambda told: any(calls(one) and not one.get("reasoning_content") for one in told))
    ),
    "thoughts wanted in blocks": lambda seen: Strict(offends=blocks("tool_use"), protocol="messages"),
    "signatures": lambda seen: (
        Strict(offends=blocks("thinking"), protocol="messages")
        if "thinking`" in seen
        else Strict(
            offends=lambda body: any(
                one.get("thoughtSignature", "skip_thought_signature_validator") != "skip_thought_signature_validator"
                for one in walk(body)
            ),
            protocol="gemini",
        )
        if seen.startswith("Thought")
        else Strict(offends=blocks("reasoning"), protocol="responses")
    ),
    "options": option,
    "thinking": thinking,
    "ids of nine": lambda seen: Strict(
        offends=messages(
            lambda told: any(not (len(call["id"]) == 9 and call["id"].isalnum()) for one in told for call in calls(one))
        )
    ),
    "ids": lambda seen: Strict(
        offends=messages(lambda told: any(len(call["id"]) > 40 for one in told for call in calls(one)))
    ),
    "names in history": lambda seen: Strict(
        offends=blocks("tool_use", "tool_calls"), protocol="messages" if "tool_use" in seen else "chat"
    ),
    "names of results": lambda seen: Strict(
        offends=messages(lambda told: any(one["role"] == "tool" and not one.get("name") for one in told))
    ),
    "no user after tool": lambda seen: Strict(
        offends=messages(
            lambda told: any((one["role"], other["role"]) == ("tool", "user") for one, other in pairwise(told))
        )
    ),
    "system": lambda seen: (
        Strict(offends=has("systemInstruction"), protocol="gemini")
        if "Developer" in seen
        else Strict(offends=messages(lambda told: any(one["role"] == "system" for one in told)))
    ),
    "ends with the model": lambda seen: Strict(
        offends=messages(lambda told: told[-1]["role"] == "assistant"),
        protocol="messages",
        request={"last": Entry(role="assistant", parts=(OPEN_SEARCH,)), "search": True, "tools": TOOLS[:2]},
        keeps=False,
    ),
    "one call at once": lambda seen: Strict(offends=messages(lambda told: any(len(calls(one)) > 1 for one in told))),
    "words or calls": lambda seen: Strict(
        offends=messages(lambda told: any(calls(one) and one["content"] for one in told)), keeps=False
    ),
    "roles alternate": lambda seen: Strict(offends=messages(two_sides)),
    "calls and results": lambda seen: (
        Strict(offends=has("functionCall"), protocol="gemini")
        if "function call turn" in seen
        else Strict(offends=blocks("function_call"), protocol="responses")
        if "output found" in seen
        else Strict(offends=blocks("tool_use"), protocol="messages")
        if "`tool_use`" in seen
        else Strict(offends=has("tool_calls"))
    ),
    "empty words": lambda seen: Strict(
        offends=messages(lambda told: any(not str(one["content"]).strip() for one in told)),
        request={"silent": True},
    ),
    "odd characters": lambda seen: Strict(
        offends=lambda body: any(ord(character) < 32 and character not in "\n\r\t" for character in texts(body)),
        request={"last": said(f"\x00{QUESTION}\x0b")},
    ),
    "documents damaged": lambda seen: Strict(offends=documents, protocol="messages", request=PAPERS),
    "too many images": lambda seen: Strict(
        offends=lambda body: images(body) > (1 if "most 1" in seen else 2), request=PICTURES
    ),
    "images too large": lambda seen: Strict(
        offends=is_large, protocol="messages", request={"last": shown(media("one"), media("large"), media("two"))}
    ),
    "images damaged": lambda seen: Strict(
        offends=lambda body: images(body) > 0,
        protocol="gemini" if "input image" in seen else "messages" if "process" in seen else "chat",
        request={"last": shown(media("one"))},
    ),
    "no images": lambda seen: Strict(
        offends=lambda body: images(body) > 0,
        protocol="gemini" if "modality" in seen else "chat",
        request=PICTURES,
    ),
    "no documents": lambda seen: Strict(
        offends=documents, protocol="responses" if "input_file" in seen else "messages", request=PAPERS
    ),
    "search beside a tool of its name": lambda seen: Strict(
        offends=lambda body: searches(body) and "web_search" in tools(body), protocol="gemini", request={"search": True}
    ),
    "no search": lambda seen: Strict(
        offends=searches,
        protocol="gemini" if "Grounding" in seen else "responses" if "Hosted" in seen else "messages",
        request={"search": True, "tools": TOOLS[:2]},
    ),
    "no tools": lambda seen: Strict(
        offends=lambda body: bool(tools(body)), protocol="gemini" if "Function" in seen else "chat"
    ),
    "a tool's schema": lambda seen: Strict(
        offends=lambda body: "odd" in tools(body),
        protocol="gemini" if "Generate" in seen else "messages" if "custom" in seen else "chat",
    ),
    "too large with its files": lambda seen: Strict(
        offends=lambda body: images(body) > 0,
        protocol="gemini" if "Payload" in seen or "payload" in seen else "chat",
        request={"first": shown(media("one"))},
    ),
    "flagged": lambda seen: Strict(offends=lambda body: "Bonn" in all_words(body), keeps=False),
    "something about tools": lambda seen: Strict(offends=has("tool_calls")),
    "something about files": lambda seen: Strict(
        offends=lambda body: images(body) > 0, request={"last": shown(media("one"))}
    ),
}


def texts(of: object) -> str:
    """All texts in a body."""
    if isinstance(of, dict):
        return "".join(texts(one) for one in of.values())
    return "".join(map(texts, of)) if isinstance(of, list) else of if isinstance(of, str) else ""


# ---------------------------------------------------------------------------------------------------------------------
# The servers


class Server:
    """A simulated server of a protocol, and the real provider that asks it.

    Attributes:
        bodies: Of all requests.
    """

    def __init__(self, protocol: Protocol, stack: AsyncExitStack) -> None:
        self.protocol = protocol
        self.provider: Any = None
        self._lab: Any = None
        self._stack = stack

    async def open(self) -> "Server":
        enter, key = self._stack.enter_async_context, SecretStr("k")
        here = replace(site("lab"), fetch=bytes_of)
        match self.protocol:
            case "chat":
                extra = frozenset({"reasoning_content", "name"})
                self._lab = await enter(OpenAISimulator(models={"sim": None}, tolerate=extra))
                made = settings(self._lab.base_url, images=True)
                self.provider = await enter(compatible.spec.open(here, made))
            case "messages":
                self._lab = await enter(AnthropicSimulator())
                ours = anthropic.AnthropicSettings(api_key=key, base_url=self._lab.address)
                self.provider = await enter(anthropic.spec.open(here, ours))
            case "responses":
                self._lab = await enter(ResponsesSimulator())
                theirs = openai.OpenAISettings(api_key=key, base_url=f"{self._lab.address}/v1")
                self.provider = await enter(openai.spec.open(here, theirs))
            case "gemini":
                self._lab = await enter(GoogleSimulator())
                its = google.GoogleSettings(api_key=key, base_url=self._lab.address)
                self.provider = await enter(google.spec.open(here, its))
        await self.provider.models()
        return self

    def script(self, text: str, thoughts: str) -> None:
        """Think, say this, and ask for two calls; think by the labs' own protocols in any case."""
        if self.protocol == "chat":
            asked = (tool_call("plain", at="door"), replace(tool_call("plain", at="window"), id=ODD_ID))
            self._lab.on().reply(Reply(text=text, reasoning=thoughts, tool_calls=asked))
        else:
            wanted = tuple(Call(name="plain", arguments={"at": at}) for at in ("door", "window"))
            self._lab.reply(Said(thoughts=thoughts or "Hm.", text=text, calls=wanted))

    def refuse(self, offends: Offends, complaint: str) -> None:
        """From now on refuse what offends."""
        if self.protocol == "chat":
            self._lab.server.strict = lambda body: openai_error(complaint) if offends(body) else None
        else:
            self._lab.strict = lambda body: complaint if offends(body) else ""

    @property
    def bodies(self) -> list[Json]:
        return [asked.body for asked in self._lab.requests]

    @property
    def violations(self) -> list[str]:
        return list(self._lab.violations)

    async def ask(self, request: Request) -> Finished:
        async with aclosing(self.provider.stream(request)) as stream:
            events = [event async for event in stream]
        assert isinstance(events[-1], Finished)
        return events[-1]


async def conversation(server: Server, first: Entry | None, *, silent: bool, thoughts: bool) -> tuple[Entry, ...]:
    """Something was asked about, looked up by two calls at once, and allowed by a person.

    Args:
        silent: The model said nothing beside its calls.
        thoughts: A chat server told them in a field of its own.
    """
    model = MODELS[server.protocol]
    before = (first or said("Where is Bonn?"), answered("On the Rhine."))
    question = said("Look at the door and the window.")
    server.script("" if silent else "I look.", "Hm." if thoughts else "")
    finished = await server.ask(Request(model=model, entries=(*before, question), tools=TOOLS))
    made = [part for part in finished.parts if part.kind == "call"]
    results = [
        Part(kind="result", id=call.id, name=call.name, body=body)
        for call, body in zip(made, ("It is shut.", "It waits."), strict=True)
    ]
    spoke = Entry(role="assistant", parts=finished.parts)
    return (*before, question, spoke, Entry(role="user", parts=tuple(results)))


ROWS = [
    pytest.param(quirk, seen, id=f"{quirk.name}-{place}") for quirk in QUIRKS for place, seen in enumerate(quirk.seen)
]


@pytest.mark.parametrize("quirk, seen", ROWS)
async def test_a_server_with_this_quirk_is_answered_and_only_this_is_learned(quirk: Quirk, seen: str) -> None:
    """After a refusal or two; the next question is asked right at once, and nothing that was said is lost."""
    assert quirk.complaint.search(seen)
    how = STRICT[quirk.name](seen)
    assert how.protocol in quirk.protocols
    changed = dict(how.request)
    last, first = changed.pop("last", said(QUESTION)), changed.pop("first", None)
    silent, thoughts = bool(changed.pop("silent", False)), bool(changed.pop("thoughts", False))
    async with AsyncExitStack() as stack:
        server = await Server(how.protocol, stack).open()
        assert isinstance(last, Entry)
        assert first is None or isinstance(first, Entry)
        told = await conversation(server, first, silent=silent, thoughts=thoughts)
        request = Request(
            model=MODELS[how.protocol],
            entries=(*told, last),
            system="Be brief.",
            tools=TOOLS,
        )
        request = replace(request, **changed)  # type: ignore[arg-type]
        server.refuse(how.offends, seen)
        asked = len(server.bodies)
        finished = await server.ask(request)
        refused = server.bodies[asked:-1]
        assert 1 <= len(refused) <= 3
        assert all(how.offends(body) for body in refused)
        assert not how.offends(server.bodies[-1])
        words = texts(server.bodies[-1])
        kept = ["Bonn", "It is shut.", "It waits.", "door", "window", "I look."] if how.keeps else []
        assert [word for word in kept if word not in words and not (silent and word == "I look.")] == []
        lessons = {lesson[0] for lesson in server.provider._repairs.lessons[MODELS[how.protocol]]}
        assert lessons == {quirk.cure.name}

        before = len(server.bodies)
        following = (*request.entries, Entry(role="assistant", parts=finished.parts), said("hello"))
        await server.ask(replace(request, entries=following))
        assert len(server.bodies) == before + 1
        assert "hello" in texts(server.bodies[-1])
        assert server.violations == []


def test_every_row_has_a_complaint_and_a_server_that_utters_it() -> None:
    """A row without a test is a guess."""
    assert {quirk.name for quirk in QUIRKS} == set(STRICT)
    assert all(quirk.seen for quirk in QUIRKS)
    assert len({quirk.name for quirk in QUIRKS}) == len(QUIRKS)


def test_cures_are_known_by_their_names() -> None:
    """What is remembered is a name: two cures of one name do the same, whatever they look for."""
    for cure in (*RUNGS, *(quirk.cure for quirk in QUIRKS)):
        known = CURES[cure.name]
        assert (known.mend, known.reword, known.told) == (cure.mend, cure.reword, cure.told)
