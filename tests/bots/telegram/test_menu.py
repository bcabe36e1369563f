"""The menu of commands: told to the platform when it changed, and only then."""

from structlog.testing import capture_logs

from contracts.rigs.telegram import Commands, Notes, Rig, listening, rig
from simulators.telegram import server_error

COMMANDS = (("stop", "Stop the answer"), ("model", "Choose a model"))


async def heard(opened: Rig) -> None:
    """Listen until the first message."""
    opened.say("hello")
    async with listening(opened.adapter) as ear:
        await ear.hear()


async def told(memo: Notes, commands: Commands = COMMANDS) -> int:
    """How often the platform is told the commands in one run."""
    async with rig(memo=memo, commands=commands) as opened:
        await heard(opened)
        return len(opened.telegram.calls_of("setMyCommands"))


async def test_the_platform_shows_the_commands_of_the_core() -> None:
    """Names and descriptions arrive as the core has them, in its order."""
    async with rig(commands=COMMANDS) as opened:
        await heard(opened)
        commands = opened.telegram.world.bot().commands
    assert commands == [{"command": name, "description": text} for name, text in COMMANDS]


async def test_the_menu_is_set_only_when_it_changed() -> None:
    """A restart with the same commands costs no call."""
    memo = Notes()
    assert [await told(memo), await told(memo), await told(memo, COMMANDS[:1])] == [1, 0, 1]


async def test_without_commands_the_menu_is_left_alone() -> None:
    """An operator may have set one by hand."""
    assert await told(Notes(), ()) == 0


async def test_a_menu_that_was_not_set_keeps_nothing_from_working() -> None:
    """It is a convenience: the failure is logged, and the next start tries again."""
    memo = Notes()
    async with rig(memo=memo, commands=COMMANDS) as opened:
        opened.telegram.fail("setMyCommands", server_error())
        with capture_logs() as logs:
            await heard(opened)
    assert any("menu" in log["event"] for log in logs)
    assert await told(memo) == 1
