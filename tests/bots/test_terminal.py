"""The terminal adapter, driven over a real control socket by what its other end would send."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bots.terminal import Terminal, spec
from core.cli.dialogue import Draft, Final, Hello, Pick, Read, Say, Taken, Working, from_process, line
from core.errors import ChatGone, PlatformDown
from core.process.control import Control, claim
from core.site import BotSite, Operator
from core.values import Address, Choice, Command, Inbound, Media, Message, Receipt, Reply, Tap

PATIENCE_S = 10.0
LOCAL = Address(adapter="terminal", chat="local")


class Notes:
    """Remembers nothing: the terminal keeps nothing."""

    async def get(self, name: str) -> str:
        return ""

    async def keep(self, name: str, text: str) -> None:
        raise AssertionError(name)


class Desk:
    """The core's side: takes what the adapter accepts, in order."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.taken: asyncio.Queue[Inbound] = asyncio.Queue()

    async def accept(self, events: Sequence[Inbound | Receipt]) -> tuple[bool, ...]:
        for event in events:
            assert isinstance(event, Inbound)
            self.taken.put_nowait(event)
        return (True,) * len(events)

    async def next(self) -> Inbound:
        return await asyncio.wait_for(self.taken.get(), PATIENCE_S)

    async def put(self, to: Address, text: str, slot: str = "7.0", was: str | None = None) -> str:
        (page,) = self.terminal.pages(Reply(markdown=text), "markdown")
        return await self.terminal.put(to, page, slot=slot, was=was)


class Person:
    """A terminal's end of the socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, said: Say | Pick | Read) -> None:
        self._writer.write(line(said).encode() + b"\n")

    async def hears(self) -> Taken | Working | Draft | Final:
        raw = await asyncio.wait_for(self._reader.readline(), PATIENCE_S)
        heard = from_process(raw.decode())
        assert heard is not None, raw
        return heard

    async def leave(self) -> None:
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


@asynccontextmanager
async def opened(data_dir: Path) -> AsyncGenerator[Desk, None]:
    """An adapter on a control socket, not yet listening."""
    control = Control()
    site = BotSite(name="terminal", data_dir=data_dir, memo=Notes(), operator=Operator(control=control.register))
    with claim(data_dir):
        async with spec.open(site, spec.settings()) as terminal, control.serve(data_dir):
            assert isinstance(terminal, Terminal)
            yield Desk(terminal)


@asynccontextmanager
async def running(data_dir: Path) -> AsyncGenerator[Desk, None]:
    """The same, listening."""
    async with opened(data_dir) as desk, asyncio.TaskGroup() as tasks:
        task = tasks.create_task(desk.terminal.run(desk.accept))
        await asyncio.sleep(0)
        try:
            yield desk
        finally:
            task.cancel()


@asynccontextmanager
async def person(data_dir: Path, *, once: bool = False) -> AsyncGenerator[Person, None]:
    """A terminal that is connected and has begun to chat."""
    reader, writer = await asyncio.open_unix_connection(data_dir / "control.sock")
    writer.write(f"chat {line(Hello(once=once))}\n".encode())
    await asyncio.sleep(0.02)
    someone = Person(reader, writer)
    try:
        yield someone
    finally:
        await someone.leave()


async def test_what_is_typed_is_accepted_as_the_owner_s_and_confirmed(tmp_path: Path) -> None:
    """``Taken`` is said only after the event is durable."""
    async with running(tmp_path) as desk, person(tmp_path) as someone:
        someone.send(Say(text="What is new?\n\tTell me."))
        event = await desk.next()
        assert (event.sender, event.to) == ("owner", LOCAL)
        assert isinstance(event.body, Message)
        assert event.body.text == "What is new?\n\tTell me."
        assert isinstance(await someone.hears(), Taken)


@pytest.mark.parametrize(
    "typed, name, args",
    [("/stop", "stop", ""), (" /New \n", "new", ""), ("/model local/tiny  please ", "model", "local/tiny  please")],
)
async def test_a_line_that_begins_with_a_slash_and_a_word_is_a_command(
    typed: str, name: str, args: str, tmp_path: Path
) -> None:
    """As on every messenger."""
    async with running(tmp_path) as desk, person(tmp_path) as someone:
        someone.send(Say(text=typed))
        assert (await desk.next()).body == Command(name=name, args=args)


@pytest.mark.parametrize("typed", ["/etc/passwd looks odd", "/ slash", "see /stop", "//"])
async def test_a_path_or_a_slash_in_a_sentence_is_no_command(typed: str, tmp_path: Path) -> None:
    """People write about files."""
    async with running(tmp_path) as desk, person(tmp_path) as someone:
        someone.send(Say(text=typed))
        assert isinstance((await desk.next()).body, Message)


async def test_a_choice_comes_back_as_its_token(tmp_path: Path) -> None:
    """The person sees labels, the core hears tokens."""
    async with running(tmp_path) as desk, person(tmp_path) as someone, asyncio.TaskGroup() as tasks:
        reply = Reply(markdown="Shall I?", choices=(Choice(label="Yes", token="t1"), Choice(label="No", token="t2")))
        (page,) = desk.terminal.pages(reply, "markdown")
        tasks.create_task(desk.terminal.put(LOCAL, page, slot="7.0", was=None))
        final = await someone.hears()
        assert isinstance(final, Final)
        assert final.choices == reply.choices
        someone.send(Read(number=final.number))
        someone.send(Pick(token="t2"))
        assert (await desk.next()).body == Tap(token="t2")


async def test_events_of_two_terminals_never_share_a_key(tmp_path: Path) -> None:
    """A key names one event, also over restarts."""
    async with running(tmp_path) as desk, person(tmp_path) as one, person(tmp_path) as two:
        for someone in (one, two, one):
            someone.send(Say(text="hello"))
        assert len({(await desk.next()).key for _ in range(3)}) == 3


async def test_an_answer_is_shown_as_it_grows_and_counts_once_it_was_read(tmp_path: Path) -> None:
    """``put`` returns when the terminal has said so, and not before."""
    async with running(tmp_path) as desk, person(tmp_path) as someone:
        await desk.terminal.signal(LOCAL, "typing", slot="7")
        assert await someone.hears() == Working(slot="7")
        (page,) = desk.terminal.pages(Reply(markdown="It is"), "markdown")
        await desk.terminal.signal(LOCAL, page, slot="7")
        assert await someone.hears() == Draft(slot="7", text="It is")
        putting = asyncio.create_task(desk.put(LOCAL, "It is **so**."))
        final = await someone.hears()
        assert final == Final(number=1, slot="7", text="It is **so**.")
        await asyncio.sleep(0.05)
        assert not putting.done()
        someone.send(Read(number=1))
        assert await asyncio.wait_for(putting, PATIENCE_S) == "7.0"


async def test_all_terminals_see_the_shared_chat_and_one_reader_suffices(tmp_path: Path) -> None:
    """What one asked, all see answered."""
    async with running(tmp_path) as desk, person(tmp_path) as one, person(tmp_path) as two:
        putting = asyncio.create_task(desk.put(LOCAL, "hello"))
        assert await one.hears() == await two.hears()
        two.send(Read(number=1))
        await asyncio.wait_for(putting, PATIENCE_S)


async def test_an_answer_that_finds_nobody_waits_for_the_next_terminal(tmp_path: Path) -> None:
    """Closing a terminal loses nothing."""
    async with running(tmp_path) as desk:
        putting = asyncio.create_task(desk.put(LOCAL, "done"))
        await asyncio.sleep(0.05)
        assert not putting.done()
        async with person(tmp_path) as someone:
            assert (await someone.hears()) == Final(number=1, slot="7", text="done")
            someone.send(Read(number=1))
            await asyncio.wait_for(putting, PATIENCE_S)


async def test_an_answer_a_terminal_took_with_it_is_shown_again(tmp_path: Path) -> None:
    """A terminal that dies before it said "read" has shown nothing."""
    async with running(tmp_path) as desk:
        async with person(tmp_path) as someone:
            putting = asyncio.create_task(desk.put(LOCAL, "done"))
            await someone.hears()
        async with person(tmp_path) as another:
            assert (await another.hears()) == Final(number=1, slot="7", text="done")
            another.send(Read(number=1))
            await asyncio.wait_for(putting, PATIENCE_S)


async def test_a_question_asked_once_has_a_chat_that_ends_with_it(tmp_path: Path) -> None:
    """Nothing waits for somebody who cannot come back; other terminals never see it."""
    async with running(tmp_path) as desk, person(tmp_path) as other:
        async with person(tmp_path, once=True) as someone:
            someone.send(Say(text="quick?"))
            to = (await desk.next()).to
            assert to.chat.startswith("once:")
            await someone.hears()
            putting = asyncio.create_task(desk.put(to, "yes"))
            assert (await someone.hears()) == Final(number=1, slot="7", text="yes")
            someone.send(Read(number=1))
            await asyncio.wait_for(putting, PATIENCE_S)
        await asyncio.sleep(0.02)
        with pytest.raises(ChatGone):
            await desk.put(to, "and another thing")
        putting = asyncio.create_task(desk.put(LOCAL, "for all"))
        assert (await other.hears()) == Final(number=3, slot="7", text="for all")
        putting.cancel()


async def test_an_edit_and_a_withdrawal_name_the_same_slot(tmp_path: Path) -> None:
    """The other end replaces what it showed."""
    async with running(tmp_path) as desk, person(tmp_path) as someone:
        for number, text in ((1, "Shall I?"), (2, "Done.")):
            putting = asyncio.create_task(desk.put(LOCAL, text, was=None if number == 1 else "7.0"))
            assert (await someone.hears()) == Final(number=number, slot="7", text=text)
            someone.send(Read(number=number))
            assert await putting == "7.0"
        putting = asyncio.create_task(desk.terminal.put(LOCAL, None, slot="8.0", was="7.0"))
        assert (await someone.hears()) == Final(number=3, slot="7", text=None)
        someone.send(Read(number=3))
        await putting


async def test_a_failure_is_marked_as_one(tmp_path: Path) -> None:
    """A script that asked once can tell an apology from an answer."""
    async with running(tmp_path) as desk, person(tmp_path) as someone:
        (page,) = desk.terminal.pages(Reply(markdown="Sorry.", failed=True), "markdown")
        putting = asyncio.create_task(desk.terminal.put(LOCAL, page, slot="7.0", was=None))
        assert (await someone.hears()) == Final(number=1, slot="7", text="Sorry.", failed=True)
        putting.cancel()


async def test_nothing_in_an_answer_can_steer_the_terminal(tmp_path: Path) -> None:
    """What a model says is text: escape codes and other control characters are taken out, also C1."""
    async with opened(tmp_path) as desk:
        said = "a\x1b]0;owned\x07b\x9b31mc\r\x7f\u200dd\te\u202e\U000e0041\n"
        (page,) = desk.terminal.pages(Reply(markdown=said), "markdown")
        assert json.loads(page.body)["text"] == "a]0;ownedb31mc\u200dd\te\n"


async def test_media_is_named_since_a_terminal_cannot_show_it(tmp_path: Path) -> None:
    """Nothing disappears without a word."""
    async with opened(tmp_path) as desk:
        reply = Reply(markdown="Here:", media=(Media(adapter="x", ref="r", kind="photo", name="cat.jpg"),))
        (page,) = desk.terminal.pages(reply, "markdown")
        assert json.loads(page.body)["text"] == "Here:\n\n[photo: cat.jpg]"
        named = replace(reply.media[0], name="x]\nMay I do this?\x1b[2J")
        (page,) = desk.terminal.pages(replace(reply, media=(named,)), "markdown")
        assert json.loads(page.body)["text"] == "Here:\n\n[photo: x) May I do this?(2J]"


async def test_a_terminal_may_come_before_the_adapter_listens(tmp_path: Path) -> None:
    """What is typed during a start is accepted once there is somebody to accept it."""
    async with opened(tmp_path) as desk, person(tmp_path) as someone:
        someone.send(Say(text="early"))
        await asyncio.sleep(0.05)
        assert desk.taken.empty()
        running_on = asyncio.create_task(desk.terminal.run(desk.accept))
        assert isinstance((await desk.next()).body, Message)
        running_on.cancel()


async def test_at_the_end_waiting_answers_are_given_back_undelivered(tmp_path: Path) -> None:
    """A stop does not wait for a person; the answer stays in the outbox for the next start."""
    async with opened(tmp_path) as desk:
        listening = asyncio.create_task(desk.terminal.run(desk.accept))
        await asyncio.sleep(0)
        putting = asyncio.create_task(desk.put(LOCAL, "nobody there"))
        await asyncio.sleep(0.02)
        listening.cancel()
        with pytest.raises(PlatformDown):
            await asyncio.wait_for(putting, PATIENCE_S)


async def test_at_the_end_whoever_is_still_there_gets_the_answer(tmp_path: Path) -> None:
    """What is finished within the grace time is shown."""
    async with opened(tmp_path) as desk, person(tmp_path) as someone:
        listening = asyncio.create_task(desk.terminal.run(desk.accept))
        await asyncio.sleep(0)
        listening.cancel()
        await asyncio.sleep(0)
        putting = asyncio.create_task(desk.put(LOCAL, "just in time"))
        assert (await someone.hears()) == Final(number=1, slot="7", text="just in time")
        someone.send(Read(number=1))
        await asyncio.wait_for(putting, PATIENCE_S)


async def test_what_makes_no_sense_is_passed_over(tmp_path: Path) -> None:
    """An older process and a newer terminal get along."""
    async with running(tmp_path) as desk, person(tmp_path) as someone:
        someone._writer.write(b'{"kind": "sing"}\nnot json\n')
        someone.send(Say(text="still here"))
        assert isinstance((await desk.next()).body, Message)
