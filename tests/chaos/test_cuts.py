"""What a kill excuses, and what it does not: each test is one death and what the platform had taken by then."""

from chaos.cuts import Cuts, Death, Taken

ALICE, BOB = 1, 2


def sent(chat: int, message: int, at: float) -> Taken:
    """A new message that the platform took."""
    return Taken((chat, message), sends=True, received_at=at)


def test_a_message_that_was_taken_while_its_sending_was_open_is_excused_once() -> None:
    """It is there, and the product cannot know; but one cut excuses one message."""
    cuts = Cuts([Death(0.0, (5.0,)), Death(10.0)], [sent(ALICE, 7, 5.01)])
    assert cuts.explain([{(ALICE, 7)}, {(ALICE, 7)}]) == {0}
    assert not cuts.explain([{(ALICE, 7)}])


def test_a_copy_of_the_message_that_was_cut_is_excused_with_it() -> None:
    """Which of two equal messages is the one too many cannot be seen."""
    cuts = Cuts([Death(0.0, (5.0,)), Death(10.0)], [sent(ALICE, 7, 5.01), sent(ALICE, 8, 11.0)])
    assert cuts.explain([{(ALICE, 8), (ALICE, 7)}])


def test_a_message_whose_sending_was_over_is_not_excused() -> None:
    """A kill that struck elsewhere is no reason to say something twice."""
    cuts = Cuts([Death(0.0), Death(10.0)], [sent(ALICE, 7, 5.01)])
    assert not cuts.explain([{(ALICE, 7)}])


def test_a_message_that_was_not_the_last_in_its_chat_is_not_excused() -> None:
    """Calls to one chat never overlap: the next one shows that it was confirmed."""
    cuts = Cuts([Death(0.0, (5.0,)), Death(10.0)], [sent(ALICE, 7, 5.01), sent(ALICE, 8, 5.2)])
    assert not cuts.explain([{(ALICE, 7)}])
    assert cuts.explain([{(ALICE, 8)}])


def test_a_message_of_another_time_or_another_life_is_not_excused() -> None:
    """The sending that was open began just before the message arrived."""
    deaths = [Death(0.0, (9.0,)), Death(10.0, ()), Death(20.0)]
    assert not Cuts(deaths, [sent(ALICE, 7, 5.0)]).explain([{(ALICE, 7)}])
    assert not Cuts(deaths, [sent(ALICE, 7, 10.2)]).explain([{(ALICE, 7)}])
    assert not Cuts(deaths, []).explain([{(ALICE, 7)}])


def test_what_still_arrives_after_a_kill_is_the_dead_ones_doing() -> None:
    """Its request may have been on the line."""
    assert Cuts([Death(0.0, (9.99,)), Death(10.5)], [sent(ALICE, 7, 10.02)]).explain([{(ALICE, 7)}])


def test_each_open_sending_excuses_one_message_of_all_chats() -> None:
    """Two doubles need two cuts."""
    calls = [sent(ALICE, 7, 5.01), sent(BOB, 9, 5.02)]
    one, two = Cuts([Death(0.0, (5.0,))], calls), Cuts([Death(0.0, (5.0, 5.01))], calls)
    assert one.explain([{(ALICE, 7)}, {(BOB, 9)}]) == {0}
    assert two.explain([{(ALICE, 7)}, {(BOB, 9)}]) == {0, 1}


def test_sendings_are_shared_out_so_that_they_explain_as_much_as_they_can() -> None:
    """One that fits only the later message is not spent on the earlier one."""
    cuts = Cuts([Death(0.0, (1.0, 5.0))], [sent(ALICE, 7, 5.2), sent(BOB, 9, 9.0)])
    assert cuts.explain([{(BOB, 9)}, {(ALICE, 7)}]) == {0, 1}


def test_a_cut_edit_excuses_nothing() -> None:
    """An edit made twice is the same as one made once."""
    edit = Taken((ALICE, 7), sends=False, received_at=5.01)
    assert not Cuts([Death(0.0, (5.0,))], [edit]).explain([{(ALICE, 7)}])


def test_a_sending_that_the_platform_never_heard_of_explains_one_answer_left_unknown() -> None:
    """Where the operator wants no second try; and only an answer that had been asked for by then."""
    cuts = Cuts([Death(0.0, (5.0,))], [])
    assert not cuts.unheard(asked_at=6.0)
    assert cuts.unheard(asked_at=4.0)
    assert not cuts.unheard(asked_at=4.0)
