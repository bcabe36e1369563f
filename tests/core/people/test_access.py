"""Who is answered: the owner, named by a code sent in private; nobody else, unless the operator opens the door."""

import asyncio

import pytest

from core import phrases
from core.people.access import Access
from core.testing import answer
from core.turn.assistant import Assistant
from core.values import Address, Command, Message, Tap
from turns import GROUP, FakeWork, Lane, Windowed, assistant

LOCAL = Address(adapter="terminal", chat="1")


def at_the_door(lane: Lane) -> tuple[Assistant, str, Windowed]:
    """A private assistant and its code."""
    model = Windowed(answer("Hello"))
    talker = assistant(lane, model, policy="pairing", local=["terminal"])
    return talker, talker._access.code, model


class TestCode:
    @pytest.mark.parametrize(
        "form",
        [
            "{}",
            " {} \n",
            "{}.",
            "`{}`",
            lambda code: code.lower(),
            lambda code: code.replace("-", ""),
            lambda code: code.replace("-", " "),
            lambda code: code.replace("-", "–"),
            lambda code: code.replace("-", "\N{NON-BREAKING HYPHEN}"),
        ],
    )
    async def test_whoever_sends_it_in_private_is_the_owner(self, form: object) -> None:
        """However a telephone writes it: other case, spaces, other dashes, a full stop."""
        lane = Lane()
        talker, code, model = at_the_door(lane)
        given = form(code) if callable(form) else str(form).format(code)
        lane.hear(given, "Hi")
        await lane.run(talker)
        assert lane.texts() == [phrases.WELCOME_OWNER, "Hello"]
        assert len(model.requests) == 1, "the code itself is no question"

    async def test_it_may_come_with_start(self) -> None:
        """A link that opens the chat sends /start with what it carries."""
        lane = Lane()
        talker, code, _ = at_the_door(lane)
        lane.hear(Command(name="start", args=code))
        await lane.run(talker)
        assert lane.texts() == [phrases.WELCOME_OWNER]

    async def test_in_a_group_it_does_nothing(self) -> None:
        """Everybody there would have read it."""
        lane = Lane()
        talker, code, _ = at_the_door(lane)
        lane.hear(code, Command(name="start", args=code), to=GROUP)
        await lane.run(talker)
        assert not lane.said
        assert not lane.records.rows

    async def test_once_owned_it_is_void(self) -> None:
        """A code somebody finds later opens nothing."""
        lane = Lane()
        talker, code, _ = at_the_door(lane)
        lane.hear(code, scope="ann")
        await lane.run(talker)
        lane.hear(code, scope="eve")
        await lane.run(talker)
        assert lane.texts() == [phrases.WELCOME_OWNER, phrases.STRANGER]
        assert lane.records.rows["people", "owner/fake"] == b"ann"

    async def test_two_who_send_it_at_once_are_not_both_the_owner(self) -> None:
        """Turns run side by side, and both find the house unowned: the code names one of them."""
        lane = Lane()
        talker, code, _ = at_the_door(lane)
        lane.hear(code, scope="ann")
        lane.hear(code, scope="eve")
        first, second = (lane.rows[:1], lane.rows[1:])
        outcomes = await asyncio.gather(*(talker(FakeWork(lane, tuple(rows))) for rows in (first, second)))
        texts = [out.reply.markdown for outcome in outcomes for out in outcome.out]
        assert texts == [phrases.WELCOME_OWNER, phrases.UNOWNED]

    async def test_a_welcome_that_was_not_committed_can_be_given_again(self) -> None:
        """A kill between the code and the commit leaves the code good for the same person."""
        lane = Lane()
        talker, code, _ = at_the_door(lane)
        lane.hear(code)
        await talker(FakeWork(lane, tuple(lane.rows)))  # and its outcome is lost
        await lane.run(talker)
        assert lane.texts() == [phrases.WELCOME_OWNER]

    async def test_a_wrong_code_costs_nothing_but_a_sentence(self) -> None:
        """The right one still works afterwards."""
        lane = Lane()
        talker, code, _ = at_the_door(lane)
        lane.hear("AAAA-AAAA-AAAA", "BBBB-BBBB-BBBB", code)
        await lane.run(talker)
        assert lane.texts() == [phrases.UNOWNED, phrases.WELCOME_OWNER]

    async def test_each_start_has_a_code_of_its_own(self) -> None:
        """An old printout opens nothing."""
        lane = Lane()
        assert Access(lane.records, "pairing", []).code != Access(lane.records, "pairing", []).code

    async def test_it_is_wanted_as_long_as_an_adapter_has_no_owner(self) -> None:
        """Whoever prints it asks which adapters still want one."""
        lane = Lane()
        access = Access(lane.records, "pairing", ["terminal"])
        assert await access.unowned(["fake", "terminal"]) == ("fake",)
        lane.records.rows["people", "owner/fake"] = b"ann"
        assert await access.unowned(["fake", "terminal"]) == ()
        assert await Access(lane.records, "open", []).unowned(["other"]) == ()


class TestStrangers:
    async def test_they_hear_one_polite_sentence_once(self) -> None:
        """Then nothing, so that nobody can make the assistant talk."""
        lane = Lane()
        talker, _, model = at_the_door(lane)
        lane.records.rows["people", "owner/fake"] = b"ann"
        lane.hear("Hi", "Hello?", Command(name="help"), Command(name="new"), scope="eve")
        await lane.run(talker)
        assert lane.texts() == [phrases.STRANGER]
        assert not model.requests
        assert not lane.rows

    async def test_while_nobody_owns_it_the_sentence_says_how(self) -> None:
        """Most likely it is the owner who is asking."""
        lane = Lane()
        talker, _, _ = at_the_door(lane)
        lane.hear(Command(name="start"))
        await lane.run(talker)
        assert lane.texts() == [phrases.UNOWNED]

    async def test_taps_edits_and_groups_get_no_answer(self) -> None:
        """Only something said in private is answered at all."""
        lane = Lane()
        talker, _, model = at_the_door(lane)
        lane.hear(Tap(token="x"), Message(id="1", text="Hi", edited=True), scope="eve")
        lane.hear("Hi", Command(name="help"), Tap(token="x"), to=GROUP, scope="eve")
        await lane.run(talker)
        assert not lane.said
        assert not lane.rows
        assert not model.requests

    async def test_what_they_say_is_not_kept(self) -> None:
        """Nothing of a stranger's reaches the conversation."""
        lane = Lane()
        talker, _, _ = at_the_door(lane)
        lane.hear("Remember the canary", Message(id="1", text="canary", edited=True), scope="eve")
        await lane.run(talker)
        assert not any(b"canary" in body for body in lane.records.rows.values())


class TestOthers:
    async def test_who_talks_through_this_machine_is_the_owner(self) -> None:
        """A local adapter needs no code."""
        lane = Lane()
        talker, _, _ = at_the_door(lane)
        lane.hear("Hi", to=LOCAL)
        await lane.run(talker)
        assert lane.texts() == ["Hello"]

    async def test_an_open_door_lets_everybody_in(self) -> None:
        """Where the operator says so."""
        lane = Lane()
        lane.hear("Hi", scope="anybody")
        await lane.run(assistant(lane, Windowed(answer("Hello")), policy="open"))
        assert lane.texts() == ["Hello"]

    async def test_the_owner_of_one_messenger_is_a_stranger_on_another(self) -> None:
        """Each is owned by itself, since the same number means somebody else there."""
        lane = Lane()
        talker, _, _ = at_the_door(lane)
        lane.records.rows["people", "owner/fake"] = b"ann"
        lane.hear("Hi", to=Address(adapter="other", chat="1"), scope="ann")
        await lane.run(talker)
        assert lane.texts() == [phrases.UNOWNED]
