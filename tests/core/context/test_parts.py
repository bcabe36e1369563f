"""What a model said, made fit to be kept."""

from core.context.parts import cut, result, sound, without_calls
from core.exchange import Entry, Part
from core.text.fencing import ending, outside


def call(identity: str, name: str = "look") -> Part:
    """A call with this id."""
    return Part(kind="call", id=identity, name=name)


def test_ids_of_calls_are_made_different() -> None:
    """Within a step, and from all that came before: a result must name one call."""
    earlier = Entry(role="assistant", parts=(call("call_0"),))
    parts = sound([call("call_0"), call(""), call("new"), call("new")], [earlier], "7-2")
    identities = [part.id for part in parts]
    assert len({"call_0", *identities}) == 5
    assert identities[2] == "new", "one that is nobody else's stays"


def test_the_same_step_gets_the_same_ids_again() -> None:
    """A turn that runs twice writes the same."""
    parts = [call(""), call("")]
    assert sound(parts, [], "7-0") == sound(parts, [], "7-0")


def test_what_is_whole_is_left_as_it_is() -> None:
    """Opaque parts are handed back word for word."""
    parts = (Part(kind="opaque", name="lab", body="c2ln"), Part(kind="text", body="Grüße 😀"), call("1"))
    assert sound(parts, [], "x") == parts


def test_results_share_the_room() -> None:
    """Each is cut to its share, between characters."""
    results = [result(call(str(n)), "é" * 100) for n in range(2)]
    short = cut(results, 101)
    assert all(part.body.startswith("é" * 25 + "\n[cut here: the whole was 100") for part in short)
    assert cut(results, 400) == tuple(results)
    assert cut([], 10) == ()


def test_short_results_leave_their_room_to_long_ones() -> None:
    """One that says little does not cost the other its half."""
    short, long = cut([result(call("1"), "no"), result(call("2"), "x" * 1000)], 102)
    assert short.body == "no"
    assert long.body.startswith("x" * 100 + "\n[cut here")


def test_the_line_that_ends_strangers_words_is_not_cut_off() -> None:
    """Or what comes after them might be taken for theirs, or theirs for ours."""
    (part,) = cut([result(call("1"), outside("x" * 1000))], 400)
    assert part.body.endswith(f"characters long]\n{ending(part.body)}")
    assert ending(part.body)


def test_calls_can_be_left_out() -> None:
    """What nobody will answer is not kept."""
    assert without_calls([Part(kind="text", body="a"), call("1")]) == (Part(kind="text", body="a"),)
