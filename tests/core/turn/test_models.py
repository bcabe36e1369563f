"""``/model``: what there is, which one answers, and choosing another by a name or a part of one."""

import pytest

from core import phrases
from core.errors import ProviderDown
from core.models.choosing import Offered, meant
from core.testing import FakeModelChoice
from core.turn import commands
from core.values import Command
from labs import Lab, answering, model, own
from plugins.model import model_plugin
from turns import GROUP, HERE, Lane

OFFERED: Offered = {
    "anthropic": [model("claude-opus-5-5"), model("claude-sonnet-5-5")],
    "openai": [model("gpt-6.2-sol"), model("gpt-6-luna")],
    "proxy": [model("gpt-6-luna")],
    "local": "no connection",
}


def labs() -> list[Lab]:
    """Two with three models."""
    return [Lab("cloud", ["big", "small"]), Lab("home", [own("mine")])]


async def said(lane: Lane, words: str, *providers: Lab, **how: object) -> str:
    """What ``/model`` answers to these words."""
    lane.hear(Command(name="model", args=words))
    await lane.run(answering(lane, *(providers or labs()), **how))  # type: ignore[arg-type]
    return lane.texts()[-1]


@pytest.mark.parametrize(
    "text, names",
    [
        ("anthropic/claude-opus-5-5", ["anthropic/claude-opus-5-5"]),
        ("ANTHROPIC/Claude-Opus-5-5", ["anthropic/claude-opus-5-5"]),
        ("claude-sonnet-5-5", ["anthropic/claude-sonnet-5-5"]),
        ("opus", ["anthropic/claude-opus-5-5"]),
        ("anthropic", ["anthropic/claude-opus-5-5"]),
        ("sol", ["openai/gpt-6.2-sol"]),
        ("claude", ["anthropic/claude-opus-5-5", "anthropic/claude-sonnet-5-5"]),
        ("gpt-6-luna", ["openai/gpt-6-luna", "proxy/gpt-6-luna"]),
        ("proxy/gpt-6-luna", ["proxy/gpt-6-luna"]),
        ("local/anything", ["local/anything"]),
        ("local", []),
        ("local/any thing", []),
        ("local/`x`", []),
        ("banana", []),
    ],
)
def test_a_name_or_a_part_of_one_is_understood(text: str, names: list[str]) -> None:
    """The whole name, the model's alone, a provider (its first), or whatever fits; several are for the person."""
    assert list(meant(text, OFFERED).names) == names


@pytest.mark.parametrize(
    "text, near",
    [
        ("claude-opos-5-5", "anthropic/claude-opus-5-5"),
        ("opnai/gpt-6.2-sol", "openai/gpt-6.2-sol"),
        ("gpt-6-lunar", "openai/gpt-6-luna"),
        ("zzzz", ""),
    ],
)
def test_a_slip_is_answered_with_what_was_likely_meant(text: str, near: str) -> None:
    """And nonsense with nothing."""
    assert meant(text, OFFERED).near == near


async def test_it_lists_what_there_is_and_marks_what_answers() -> None:
    """Short enough to read in a chat; where a provider cannot be reached, that is said without the reason."""
    lane, down = Lane(), Lab("far")
    down.down = ProviderDown("ECONNREFUSED 10.1.2.3")
    text = await said(lane, "", *labs(), down)
    assert text.startswith(phrases.MODEL_NOW.format(model="`cloud/big`", by=phrases.MODEL_BY_ORDER))
    assert "- `cloud/big` (answers now)" in text
    assert "- `cloud/small`\n" in text
    assert "- `home/mine` (runs here)" in text
    assert phrases.MODELS_UNREACHED.format(provider="far") in text
    assert "10.1.2.3" not in text


async def test_a_long_list_is_cut_but_shows_what_was_chosen() -> None:
    """The rest is found by a part of its name."""
    lane, many = Lane(), Lab("many", [f"m{number}" for number in range(40)])
    await said(lane, "m33", many)
    text = await said(lane, "", many)
    assert text.count("- `many/") == 7
    assert "- `many/m33` (answers now)" in text
    assert phrases.MODELS_MORE.format(count=33) in text


async def test_a_choice_holds_until_it_is_taken_back() -> None:
    """For every question of that person from then on."""
    lane = Lane()
    cloud, home = labs()
    assert "`cloud/small`" in await said(lane, "small", cloud, home)
    for _ in range(2):
        lane.hear("Hi")
        await lane.run(answering(lane, cloud, home))
    assert cloud.asked == ["small", "small"]
    assert phrases.MODEL_BY_CHOICE in await said(lane, "", cloud, home)
    assert "`cloud/big`" in await said(lane, "AUTO", cloud, home)
    lane.hear("Hi")
    await lane.run(answering(lane, cloud, home))
    assert cloud.asked[-1] == "big"
    assert not [row for table, row in lane.records.rows if table == "wishes"]


async def test_a_choice_is_its_lanes_own() -> None:
    """Another person, or a group, has its own."""
    ann, bob = Lane(name="ann"), Lane(name="bob")
    bob.records = ann.records
    cloud, home = labs()
    await said(ann, "small", cloud, home)
    bob.hear("Hi")
    await bob.run(answering(bob, cloud, home))
    assert cloud.asked == ["big"]


@pytest.mark.parametrize("to", [HERE, GROUP])
async def test_a_choice_is_kept_under_the_lanes_scope(to: object) -> None:
    """In a group it belongs to the group, whoever made it."""
    lane = Lane()
    lane.hear(Command(name="model", args="small"), to=to)  # type: ignore[arg-type]
    outcome = await lane.turn(answering(lane, *labs()))
    (put,) = outcome.writes
    assert (put.table, put.scope, put.body) == ("wishes", "ann" if to is HERE else "group", b"cloud/small")


async def test_what_does_not_exist_is_said_with_a_suggestion() -> None:
    """And nothing is changed; what was typed comes back as plain text."""
    lane = Lane()
    text = await said(lane, "cloud/smal `x`")
    assert text == phrases.MODEL_UNKNOWN.format(
        name="cloud/smal 'x'", near=phrases.MODEL_NEAR.format(model="cloud/small")
    )
    assert not lane.records.rows


async def test_what_fits_several_is_asked_back() -> None:
    """The person sees their whole names."""
    lane = Lane()
    text = await said(lane, "m")
    assert text.splitlines() == [phrases.MODEL_SEVERAL, "", "- `cloud/small`", "- `home/mine`"]


async def test_who_leaves_the_owners_machines_is_told() -> None:
    """Once, when they choose."""
    lane = Lane()
    assert phrases.MODEL_LEAVES in await said(lane, "big", *reversed(labs()))
    assert phrases.MODEL_LEAVES not in await said(lane, "mine", *reversed(labs()))


async def test_who_chooses_a_model_that_ends_soon_is_told() -> None:
    """With its day."""
    assert phrases.MODEL_RETIRES.format(day="2027-01-14") in await said(Lane(), "4o", Lab("openai", ["x", "gpt-4o"]))


async def test_with_no_model_at_all_that_is_said() -> None:
    """Not a failure."""
    text = await said(Lane(), "", Lab("empty", []))
    assert "none at the moment" in text


def test_it_stands_in_the_menu_and_the_help() -> None:
    """Adapters show the same table."""
    (command,) = model_plugin("model", FakeModelChoice()).commands
    assert [name for name, _ in commands.table([command])] == ["stop", "retry", "model", "help"]
    assert "/model: See which model answers" in commands.help_text([command])
