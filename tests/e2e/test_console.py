"""The installed ``waystation`` command as its user has it: in a terminal, in a pipe, beside a running process."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulators.teletype import Teletype

PATIENCE_S = 20.0
WAYSTATION = str(Path(sys.executable).with_name("waystation"))
CONFIG = """\
[providers.echo]
enabled = true
tokens_per_s = {pace}
[plugins.notes]
folder = "notes"
"""


class Place:
    """A folder with a configuration, where commands are given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            name: text for name, text in os.environ.items() if not name.startswith(("WAYSTATION_", "NO_COLOR"))
        } | {"CREDENTIALS_DIRECTORY": str(folder / "none")}
        self.configure(CONFIG.format(pace=0))

    def configure(self, text: str) -> None:
        """Write the configuration."""
        (self.folder / "config.toml").write_text(text, encoding="utf-8")

    def teletype(self, *arguments: str, lines: int = 24) -> Teletype:
        """Give a command in a terminal."""
        command = [WAYSTATION, *arguments]
        return Teletype(command, folder=self.folder, environment=self.environment, lines=lines)

    def run(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Give a command in a pipe."""
        return subprocess.run(
            [WAYSTATION, *arguments],
            input=given,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self.environment,
            timeout=PATIENCE_S,
            check=False,
        )

    @contextmanager
    def running(self) -> Generator["subprocess.Popen[str]", None, None]:
        """A process in the background, once it is up."""
        with subprocess.Popen(
            [WAYSTATION, "run"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=self.environment,
        ) as process:
            assert process.stdout
            assert process.stdout.readline().startswith("Waystation ")
            try:
                yield process
            finally:
                process.kill()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty folder, and a model that says again what it is told."""
    return Place(tmp_path)


class TestConversation:
    def test_one_talks_leaves_and_comes_back(self, place: Place) -> None:
        """``chat`` alone suffices: no process has to run before."""
        for _ in range(2):
            with place.teletype("chat") as terminal:
                terminal.expect("\n> ")
                terminal.type("Hello **there**\r")
                terminal.expect("\n> ")
                terminal.type("\x04")
                assert terminal.ends() == 0
            assert terminal.rows.seen()[-3:] == ["> Hello **there**", "Hello there", ">"], terminal.raw

    def test_what_is_to_be_known_about_the_model_is_told_first(self, place: Place) -> None:
        """Nobody takes a demonstration for an assistant."""
        with place.teletype("chat") as terminal:
            terminal.expect("Answers come from echo/echo. No model at all")
            terminal.expect("\n> ")

    def test_without_any_configuration_the_built_in_model_is_there_and_says_what_it_is(self, place: Place) -> None:
        """The first start needs no key and shows no warning about servers nobody asked for."""
        place.configure("")
        with place.teletype("chat") as terminal:
            terminal.expect("Answers come from")
            terminal.expect("\n> ")
            terminal.type("\x04")
            assert terminal.ends() == 0
        assert "warning" not in terminal.raw

    def test_an_answer_is_shown_as_it_grows(self, place: Place) -> None:
        """Nobody waits for the last word to read the first."""
        place.configure(CONFIG.format(pace=5))
        with place.teletype("chat") as terminal:
            terminal.expect("\n> ")
            terminal.type("alpha beta gamma delta epsilon zeta\r")
            terminal.expect("zeta\r\n")
            began = time.monotonic()
            terminal.expect("alpha")
            terminal.expect("zeta")
            assert time.monotonic() - began > 0.5

    def test_ctrl_c_stops_an_answer_and_the_conversation_goes_on(self, place: Place) -> None:
        """What was said until then stays, marked."""
        place.configure(CONFIG.format(pace=5))
        with place.teletype("chat") as terminal:
            terminal.expect("\n> ")
            terminal.type(f"one two three {'word ' * 100}\r")
            terminal.expect("\r\n")
            terminal.expect("one")
            terminal.type("\x03")
            terminal.expect("stopped")
            terminal.expect("\n> ")
            terminal.type("and now\r")
            terminal.expect("and now")
            terminal.expect("and now")
            terminal.expect("\n> ")

    def test_ctrl_c_at_the_prompt_says_how_to_leave(self, place: Place) -> None:
        """It never ends anything by accident."""
        with place.teletype("chat") as terminal:
            terminal.expect("\n> ")
            terminal.type("half a thought\x03")
            terminal.expect("Ctrl-D leaves")
            terminal.expect("\n> ")
            terminal.type("\x04")
            assert terminal.ends() == 0

    def test_arrow_up_brings_back_what_was_typed_and_no_file_keeps_it(self, place: Place) -> None:
        """What people type is in memory, and in the sealed store, only."""
        with place.teletype("chat") as terminal:
            terminal.expect("\n> ")
            terminal.type("Remember me\r")
            terminal.expect("\n> ")
            terminal.type("\x1b[A, please\r")
            terminal.expect("Remember me, please")
            terminal.expect("Remember me, please")
            terminal.expect("\n> ")
            terminal.type("\x04")
            terminal.ends()
        outside = [path for path in place.folder.rglob("*") if path.is_file() and "data" not in path.parts]
        assert outside == [place.folder / "config.toml"]

    @pytest.mark.parametrize(
        "typed",
        ["first \\\rsecond\r", "\x1b[200~first \nsecond\x1b[201~\r", "first \nsecond\r"],
        ids=["backslash", "bracketed paste", "plain paste"],
    )
    def test_a_message_may_have_several_lines(self, place: Place, typed: str) -> None:
        """By a backslash at a line's end, or pasted."""
        with place.teletype("chat") as terminal:
            terminal.expect("\n> ")
            terminal.type(typed)
            terminal.expect("\n> ")
            assert terminal.rows.seen()[-3:] == ["first", "second", ">"]

    def test_commands_are_for_the_assistant(self, place: Place) -> None:
        """The same as in every messenger."""
        with place.teletype("chat") as terminal:
            terminal.expect("\n> ")
            terminal.type("/help\r")
            terminal.expect("/stop")
            terminal.expect("\n> ")

    @pytest.mark.parametrize("key, saved", [("y", True), ("n", False), ("1", True), ("2", False)])
    def test_what_the_assistant_may_do_is_asked_and_one_key_answers(self, place: Place, key: str, saved: bool) -> None:
        """The buttons of a messenger are letters here."""
        with place.teletype("chat") as terminal:
            terminal.expect("\n> ")
            terminal.type('call save_note {"title": "Milk", "text": "Two bottles"}\r')
            terminal.expect("Two bottles")
            terminal.expect("[y]")
            terminal.expect("\n> ")
            terminal.type(f"{key}\r")
            terminal.expect("\n> ")
            terminal.type("\x04")
            terminal.ends()
        assert [path.suffix for path in (place.folder / "notes").glob("*")] == [".md"] * saved


class TestOnce:
    def test_one_question_prints_one_answer_and_nothing_else(self, place: Place) -> None:
        """So that it works in a script."""
        ran = place.run("chat", "What is *this*?")
        assert (ran.stdout, ran.stderr, ran.returncode) == ("What is *this*?\n", "", 0)

    def test_text_on_standard_input_is_added_to_the_question(self, place: Place) -> None:
        """``git diff | waystation chat "Describe this"``."""
        assert place.run("chat", "Describe this", given="a change\n").stdout == "Describe this\n\na change\n"

    def test_text_on_standard_input_may_be_the_question(self, place: Place) -> None:
        """Without any other."""
        assert place.run("chat", given="Just this\n").stdout == "Just this\n"

    def test_nothing_to_ask_is_said_so(self, place: Place) -> None:
        """An empty pipe is a mistake in a script."""
        ran = place.run("chat")
        assert (ran.stdout, ran.returncode) == ("", 2)
        assert "nothing to ask" in ran.stderr

    def test_too_much_to_ask_is_said_so(self, place: Place) -> None:
        """And not cut."""
        ran = place.run("chat", given="x" * (1 << 20))
        assert (ran.stdout, ran.returncode) == ("", 2)
        assert "too long" in ran.stderr

    def test_an_answer_that_failed_is_no_answer(self, place: Place) -> None:
        """The apology goes to standard error, and the exit code says it."""
        place.configure('[providers.gone]\nkind = "compatible"\nbase_url = "http://127.0.0.1:9/v1"\nhosting = "self"\n')
        ran = place.run("chat", "Hello?")
        assert (ran.stdout, ran.returncode) == ("", 1)
        assert "cannot answer" in ran.stderr
        assert "Traceback" not in ran.stderr

    def test_in_a_pipe_nobody_can_allow_anything(self, place: Place) -> None:
        """So it is not done, and the exit code says that there is no answer."""
        ran = place.run("chat", 'call save_note {"title": "Milk", "text": "Two bottles"}')
        assert (ran.stdout, ran.returncode) == ("", 1)
        assert "Two bottles" in ran.stderr
        assert not (place.folder / "notes").exists()

    def test_at_a_terminal_one_question_can_ask_back(self, place: Place) -> None:
        """Whoever is there can allow it."""
        with place.teletype("chat", 'call save_note {"title": "Milk", "text": "Two bottles"}') as terminal:
            terminal.expect("[y]")
            terminal.type("y\r")
            assert terminal.ends() == 0
        assert len(list((place.folder / "notes").glob("*.md"))) == 1

    def test_whoever_leaves_the_question_open_has_not_allowed_it(self, place: Place) -> None:
        """Ctrl-D is no yes."""
        with place.teletype("chat", 'call save_note {"title": "Milk", "text": "Two bottles"}') as terminal:
            terminal.expect("[y]")
            terminal.keeps_typing("\x04")
            assert terminal.ends() == 1
        assert not (place.folder / "notes").exists()

    def test_ctrl_c_stops_the_answer_too(self, place: Place) -> None:
        """Nobody pays for an answer that nobody reads."""
        place.configure(CONFIG.format(pace=5))
        with place.running(), place.teletype("chat", "word " * 300) as terminal:
            terminal.expect("word word")
            terminal.type("\x03")
            assert terminal.ends() == 130
            began = time.monotonic()
            while "turns 0" not in place.run("status").stdout:
                assert time.monotonic() - began < PATIENCE_S

    def test_what_is_said_before_a_question_is_not_taken_for_the_answer(self, place: Place) -> None:
        """The command ends when the answer does."""
        asked = 'I am about to.\ncall save_note {"title": "Milk", "text": "Two bottles"}'
        with place.teletype("chat", asked) as terminal:
            terminal.expect("I am about to.")
            terminal.expect("[y]")
            terminal.type("n\r")
            assert terminal.ends() == 0
        assert not (place.folder / "notes").exists()


class TestBesideAProcess:
    def test_chat_and_status_are_its_clients(self, place: Place) -> None:
        """One process owns the store; commands talk to it."""
        with place.running() as process:
            assert place.run("chat", "Are you there?").stdout == "Are you there?\n"
            told = place.run("status")
            assert told.returncode == 0
            assert f"process {process.pid}" in told.stdout
            assert "listening" in told.stdout
            assert "provider echo      echo" in told.stdout
            assert "answers            echo/echo. No model at all" in told.stdout
            assert "bots.telegram: no token" in told.stdout

    def test_a_second_process_is_refused_in_one_sentence(self, place: Place) -> None:
        """It says who is there."""
        with place.running() as process:
            ran = place.run("run", "--no-chat")
        assert ran.returncode == 2
        assert f"(pid {process.pid})" in ran.stderr
        assert "Traceback" not in ran.stderr

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_it_well(self, place: Place, number: int) -> None:
        """Nothing is left over, and the exit code is 0."""
        with place.running() as process:
            process.send_signal(number)
            assert process.wait(PATIENCE_S) == 0
            assert process.stderr
            assert "Traceback" not in process.stderr.read()
        assert not (place.folder / "data" / "control.sock").exists()

    def test_an_answer_under_way_is_finished_before_the_end(self, place: Place) -> None:
        """A stop is not a kill: there is a time of grace."""
        place.configure(CONFIG.format(pace=20))
        with place.running() as process, place.teletype("chat", "word " * 30 + "the end") as terminal:
            terminal.expect("word word")
            process.terminate()
            terminal.expect("the end")
            assert terminal.ends() == 0
            assert process.wait(PATIENCE_S) == 0

    def test_a_chat_says_when_its_process_has_ended(self, place: Place) -> None:
        """And ends, too."""
        with place.running() as process, place.teletype("chat") as terminal:
            terminal.expect("\n> ")
            process.terminate()
            terminal.expect("Waystation has ended")
            assert terminal.ends() == 1

    def test_an_answer_nobody_waited_for_is_shown_to_the_next_who_comes(self, place: Place) -> None:
        """Also where the process was killed meanwhile."""
        place.configure(CONFIG.format(pace=10))
        with place.running() as process:
            with place.teletype("chat") as terminal:
                terminal.expect("\n> ")
                terminal.type("one two three four five six seven\r")
                terminal.expect("\r\n")
                terminal.expect("two")
            process.kill()
        with place.running(), place.teletype("chat") as terminal:
            terminal.expect("seven")

    def test_what_another_terminal_asked_appears_above_the_line_being_typed(self, place: Place) -> None:
        """Nothing typed is lost on the screen."""
        with place.running(), place.teletype("chat") as one, place.teletype("chat") as two:
            one.expect("\n> ")
            two.expect("\n> ")
            two.type("half a line")
            two.expect("half a line")
            one.type("hello all\r")
            two.expect("hello all")
            two.expect("> half a line")
            assert two.rows.seen()[-2:] == ["hello all", "> half a line"]


class TestRun:
    def test_at_a_terminal_it_says_what_is_on_and_a_chat_is_there(self, place: Place) -> None:
        """One command, and one can talk to it."""
        with place.teletype("run") as terminal:
            terminal.expect("Waystation ")
            terminal.expect("bots               terminal")
            terminal.expect("bots.telegram: no token")
            terminal.expect("\n> ")
            terminal.type("Hello\r")
            terminal.expect("\n> ")
            terminal.type("\x04")
            assert terminal.ends() == 0

    def test_a_signal_ends_it_from_the_prompt(self, place: Place) -> None:
        """With the chat attached as well as without, and the terminal is left as it was."""
        with place.teletype("run") as terminal:
            terminal.expect("\n> ")
            terminal.program.terminate()
            assert terminal.ends() == 0

    def test_without_chat_ctrl_c_ends_it(self, place: Place) -> None:
        """As one expects of a server in a terminal."""
        with place.teletype("run", "--no-chat") as terminal:
            terminal.expect("bots.telegram")
            terminal.type("\x03")
            assert terminal.ends() == 0
            assert "Traceback" not in terminal.raw

    def test_a_wrong_configuration_is_refused_with_exit_code_2(self, place: Place) -> None:
        """In words, for every command."""
        place.configure("[bots.telegram]\ntokn = 1\n")
        for command in (["run"], ["check"], ["status"], ["chat", "hello"]):
            ran = place.run(*command)
            assert (ran.returncode, ran.stdout) == (2, "")
            assert "config.toml, line 2: bots.telegram.tokn: there is no such setting." in ran.stderr
            assert "Traceback" not in ran.stderr

    def test_check_says_what_would_be_on(self, place: Place) -> None:
        """Without starting anything."""
        ran = place.run("check")
        assert ran.returncode == 0
        assert "providers          echo" in ran.stdout
        assert "plugins            clock, conversation, fetch, model, notes" in ran.stdout
        assert not (place.folder / "data").exists()

    def test_status_where_nothing_runs_says_so(self, place: Place) -> None:
        """A script can ask."""
        ran = place.run("status")
        assert (ran.returncode, ran.stdout) == (1, "")
        assert "Nothing runs on" in ran.stderr


class TestHelp:
    def test_version_and_help_are_told(self, place: Place) -> None:
        """Also where the configuration is broken."""
        place.configure("= broken")
        assert place.run("--version").stdout.startswith("waystation ")
        helped = place.run("--help").stdout
        assert all(command in helped for command in ("run", "chat", "status", "check"))

    def test_help_loads_nothing_heavy(self, place: Place) -> None:
        """It is there in a blink."""
        heavy = "{'pydantic', 'structlog', 'rich', 'asyncio', 'core.cli.running'}"
        script = f"import sys, core.cli.main; print({heavy} & set(sys.modules) or 'nothing')"
        ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert ran.stdout == "nothing\n"


def test_the_command_is_installed() -> None:
    """All of the above would test nothing without it."""
    assert shutil.which(WAYSTATION)
