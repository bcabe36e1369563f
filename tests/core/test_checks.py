"""What is promised of a value is checked when it is made: the error names the value, the reason and the mend."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

import pytest

from core import errors
from core.codec import dump, load
from core.errors import PlatformBusy, ProviderBusy
from core.exchange import Embedded, Entry, Request, ToolSchema, Usage
from core.plugin import Effect, Plugin, PluginCommand, Schedule, Tool, ToolContext, WebPage
from core.site import Excerpt
from core.storage import MAX_PAGES, message_key
from core.values import (
    MAX_KEY_CHARS,
    MAX_SLOT_CHARS,
    Address,
    Capabilities,
    Choice,
    Conversation,
    Fired,
    Inbound,
    Job,
    Message,
    Outbound,
    Put,
    Receipt,
    Received,
    Reply,
)

HERE = Address(adapter="fake", chat="1")
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
NAIVE = NOW.replace(tzinfo=None)
SAID = Message(id="1", text="hi")
CAME = Inbound(key="k", sender="ann", to=HERE, body=SAID)
OBJECT = '{"type": "object"}'


async def call(words: str, caller: ToolContext) -> str:
    """Answer a tool, a command or a page."""
    return f"{words} {caller.person}"


def slot(name: str) -> Outbound:
    """Something to say in this slot."""
    return Outbound(slot=name, to=HERE, reply=Reply(markdown="hi"))


def tool(name: str = "look", effect: str = "reads", parameters: str = OBJECT) -> Tool:
    """A tool."""
    schema = ToolSchema(name=name, description="Look.", parameters=parameters)
    return Tool(schema=schema, effect=cast("Effect", effect), call=call, summary=str)


def command(name: str = "tea", description: str = "Tea") -> PluginCommand:
    """A command of a plugin."""
    return PluginCommand(name=name, description=description, call=call)


def once(rule: str = "at:2026-11-24T09:00", name: str = "tea", zone: str = "UTC", *, cancel: bool = False) -> Schedule:
    """A job of a plugin."""
    return Schedule(id=name, rule=rule, zone=zone, cancel=cancel)


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "slot empty": (lambda: slot(""), "Outbound.slot '' is not 1 to 16"),
    "slot long": (lambda: slot("1" * 17), "Outbound.slot '11111111111111111' is not 1 to 16"),
    "slot with a dot": (lambda: slot("7.0"), "Outbound.slot '7.0' is not 1 to 16"),
    "slot with a line": (lambda: slot("7\n"), "Outbound.slot"),
    "slot of other digits": (lambda: slot("٧"), "Outbound.slot"),
    "token empty": (lambda: Choice(label="Yes", token=""), "Choice.token '' is not 1 to 64"),
    "token long": (lambda: Choice(label="Yes", token="t" * 65), "Choice.token"),
    "token spoken": (lambda: Choice(label="Yes", token="yes please"), "Choice.token 'yes please'"),
    "event without a key": (lambda: Inbound(key="", sender="ann", to=HERE, body=SAID), "Inbound.key"),
    "event of nobody": (lambda: Inbound(key="k", sender="", to=HERE, body=SAID), "Inbound.sender"),
    "event at naive": (lambda: Inbound(key="k", sender="a", to=HERE, body=SAID, at=NAIVE), "Inbound.at '2026-11-24T09"),
    "received naive": (lambda: Received(row=1, scope="a", space="a", inbound=CAME, at=NAIVE), "Received.at"),
    "fired naive": (lambda: Fired(job="j", due=NAIVE), "Fired.due"),
    "conversation naive": (lambda: Conversation(id="1", title="", at=NAIVE, current=True), "Conversation.at"),
    "caller naive": (
        lambda: ToolContext(person="a", scope="a", space="a", context="c", event=1, to=HERE, now=NAIVE),
        "ToolContext.now",
    ),
    "receipt without a key": (lambda: Receipt(key="", slot="7.0", state="sent"), "Receipt.key"),
    "receipt that pays": (lambda: Receipt(key="k", slot="7.0", state="sent", microcredits=-1), "Receipt.microcredits"),
    "row without a name": (lambda: Put(table="t", row="", scope="a", body=b""), "Put.row '' is empty"),
    "row of half a character": (lambda: Put(table="t", row="\ud83d", scope="a", body=b""), "Put.row"),
    "table without a name": (lambda: Put(table="", row="r", scope="a", body=b""), "Put.table"),
    "row of nobody": (lambda: Put(table="t", row="r", scope="", body=b""), "Put.scope"),
    "job without a name": (lambda: Job(id="", to=HERE, sender="a", rule=""), "Job.id"),
    "no form": (lambda: Capabilities(forms=()), "Capabilities.forms"),
    "form without a name": (lambda: Capabilities(forms=("rich", "")), "Capabilities.forms"),
    "no call at once": (lambda: Capabilities(forms=("plain",), burst=0), "Capabilities.burst 0"),
    "rest below zero": (lambda: Capabilities(forms=("plain",), rest_s=-1), "Capabilities.rest_s -1"),
    "typing that is no number": (
        lambda: Capabilities(forms=("plain",), typing_s=math.nan),
        "Capabilities.typing_s nan",
    ),
    "settles never": (lambda: Capabilities(forms=("plain",), settles_s=math.inf), "Capabilities.settles_s inf"),
    "tool by a dot": (lambda: tool("a.b"), "ToolSchema.name 'a.b' is not 1 to 64"),
    "tool with a long name": (lambda: tool("a" * 65), "ToolSchema.name"),
    "tool with words for a schema": (lambda: tool(parameters="a city"), "ToolSchema.parameters 'a city' is no JSON"),
    "tool of a list": (lambda: tool(parameters='{"type": "array"}'), "is no JSON Schema of an object: write one"),
    "tool of nothing": (lambda: tool(parameters="null"), "is no JSON Schema of an object"),
    "effect misspelt": (lambda: tool(effect="write"), "the effect of the tool look, 'write' is none: say one of reads"),
    "command in capitals": (lambda: command("Tea"), "PluginCommand.name 'Tea'"),
    "command with its slash": (lambda: command("/tea"), "PluginCommand.name '/tea'"),
    "command with a long name": (lambda: command("t" * 33), "PluginCommand.name"),
    "command that says nothing": (lambda: command(description=""), "the description of /tea,"),
    "command that says much": (lambda: command(description="t" * 101), "has 101 characters: there may be 1 to 100"),
    "page upwards": (lambda: WebPage(path="../tea", title="Tea", show=call), "WebPage.path"),  # type: ignore[arg-type]
    "plugin of two parts": (lambda: Plugin(name="a/b"), "Plugin.name 'a/b'"),
    "job with a long name": (lambda: once(name="t" * 65), "Schedule.id"),
    "job with no name": (lambda: once(name=""), "Schedule.id"),
    "job some time": (lambda: once("at:noon"), "'at:noon' is no rule"),
    "job without a beginning": (lambda: once("RRULE:FREQ=DAILY"), "does not say when it begins"),
    "job on the moon": (lambda: once(zone="Moon/Crater"), "'Moon/Crater' is no time zone"),
    "no room for an answer": (lambda: Request(model="m", entries=(), max_output_tokens=0), "Request.max_output_tokens"),
    "tokens below zero": (lambda: Usage(output_tokens=-3), "counts below zero"),
    "seconds below zero": (lambda: Usage(seconds=-0.5), "counts below zero"),
    "vectors of two sizes": (lambda: Embedded(vectors=((1.0,), (0.6, 0.8)), usage=Usage()), "Embedded.vectors [1, 2]"),
    "vectors of nothing": (lambda: Embedded(vectors=((),), usage=Usage()), "Embedded.vectors [0]"),
    "entry without a place": (lambda: Excerpt(entries=(Entry(role="user", parts=()),)), "Excerpt.places"),
}


@pytest.mark.parametrize("make, says", WRONG.values(), ids=WRONG)
def test_a_promise_that_is_broken_is_told_where_it_is(make: Callable[[], object], says: str) -> None:
    """Not hours later, by a platform that refuses it, or by two messages of one name."""
    with pytest.raises(ValueError, match=r".") as told:
        make()
    assert says in str(told.value)


def test_what_keeps_to_it_is_made() -> None:
    """The longest, the shortest, and what is left out."""
    fine = [
        slot("m" * MAX_SLOT_CHARS),
        Choice(label="", token="t" * 64),
        tool("a" * 64, "spends"),
        command("t" * 32, "t" * 100),
        once(name="ü" * 64),
        once("no rule", zone="nowhere", cancel=True),
        Usage(input_tokens=1, cached_tokens=5),
        Embedded(vectors=(), usage=Usage()),
    ]
    assert len(fine) == 8


def test_a_key_is_short_enough_for_every_platform() -> None:
    """Of the longest slot's last page, said anew as often as may be."""
    assert len(message_key("m" * MAX_SLOT_CHARS, 10 * MAX_PAGES - 1, 9)) <= MAX_KEY_CHARS


def test_what_the_store_kept_is_held_against_it_too() -> None:
    """A row that was damaged, or was written by something else, is no value of ours."""
    kept = dump(Outbound, slot("7"))
    assert load(Outbound, kept) == slot("7")
    with pytest.raises(ValueError, match=r"Outbound.slot"):
        load(Outbound, kept.replace(b'"7"', b'"7.0.0"'))


@pytest.mark.parametrize("asked_s, believed_s", [(3.5, 3.5), (-1, 0), (math.nan, 0), (math.inf, 86400), (1e9, 86400)])
def test_a_wait_that_makes_no_sense_is_not_waited(asked_s: float, believed_s: float) -> None:
    """Whoever believed it would be silent until the next start, and the store takes no such number."""
    assert PlatformBusy("wait", retry_after_s=asked_s).retry_after_s == believed_s
    assert ProviderBusy("wait", retry_after_s=asked_s).retry_after_s == believed_s
    assert errors.MAX_RETRY_AFTER_S == 86400
