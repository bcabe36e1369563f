"""What is started by forking is as what is started in the ordinary way, for whoever starts it."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

import forkserver
from simulators.teletype import Teletype

ECHO = "[providers.echo]\nenabled = true\n[server]\nport = 0\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a configuration."""
    (tmp_path / "config.toml").write_text(ECHO, encoding="utf-8")
    return tmp_path


def environment(**more: str) -> dict[str, str]:
    """Ours, without settings."""
    return {name: text for name, text in os.environ.items() if not name.startswith("WAYSTATION_")} | more


def test_streams_exit_code_folder_and_environment_are_those_that_were_given(place: Path) -> None:
    """Also the folder in which the configuration is looked for, and a variable that nobody else has."""
    command = [forkserver.COMMAND, "chat", "hello"]
    good = subprocess.run(command, cwd=place, env=environment(), capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout) == (0, "hello\n"), good.stderr
    odd = environment(WAYSTATION_ROUTER__MODEL="nonsense")
    bad = subprocess.run(command, cwd=place, env=odd, capture_output=True, text=True, check=False)
    assert bad.returncode == 2
    assert "WAYSTATION_ROUTER__MODEL" in bad.stderr


def test_it_is_a_child_of_ours_and_ends_by_the_signal_it_was_sent(place: Path) -> None:
    """So that its number is nobody else's until we have waited for it."""
    with subprocess.Popen(
        [forkserver.COMMAND, "run", "--no-chat"], cwd=place, env=environment(), stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline().startswith(b"Waystation ")
        told = Path(f"/proc/{process.pid}/stat")
        if told.exists():
            assert told.read_text(encoding="ascii").rpartition(")")[2].split()[1] == str(os.getpid())
        process.send_signal(signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL


def test_a_terminal_is_its_own_and_ctrl_c_reaches_it(place: Path) -> None:
    """Keys that are signals are sent to whom the terminal controls."""
    with Teletype([forkserver.COMMAND, "run"], folder=place, environment=environment()) as terminal:
        terminal.expect("\n> ")
        terminal.type("\x03")
        terminal.expect("Ctrl-D")
        terminal.keeps_typing("\x04")
        assert terminal.ends() == 0
