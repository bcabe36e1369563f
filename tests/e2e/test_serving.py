"""The server beside everything else: what cannot be served is told in a sentence, and the rest goes on."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

WAYSTATION = str(Path(sys.executable).with_name("waystation"))
PATIENCE_S = 20.0
CONFIG = """\
data_dir = "data"
[server]
port = {port}
[bots.web]
enabled = {web}
[providers.echo]
enabled = true
"""


class Place:
    """A folder with a configuration, where commands are given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {name: text for name, text in os.environ.items() if not name.startswith("WAYSTATION_")}

    def configure(self, port: int, *, web: bool = True) -> None:
        """Write the configuration."""
        text = CONFIG.format(port=port, web=str(web).lower())
        (self.folder / "config.toml").write_text(text, encoding="utf-8")

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Give a command; what it said."""
        return subprocess.run(
            [WAYSTATION, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    @contextmanager
    def running(self) -> Generator[str, None, None]:
        """A process in the background; what it said at its start."""
        told = self.folder / "told"
        with (
            told.open("w", encoding="utf-8") as out,
            subprocess.Popen(
                [WAYSTATION, "run"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.DEVNULL,
            ) as process,
        ):
            try:
                until = time.monotonic() + PATIENCE_S
                while not told.stat().st_size:  # it is all written at once
                    assert time.monotonic() < until
                    time.sleep(0.05)
                yield told.read_text(encoding="utf-8")
                process.send_signal(signal.SIGTERM)
                assert process.wait(PATIENCE_S) == 0
            finally:
                process.kill()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty folder."""
    return Place(tmp_path)


@contextmanager
def a_port(*, taken: bool = False) -> Generator[int, None, None]:
    """A port that is free, or one that is not for as long as the block runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        if taken:
            probe.listen()
            yield port
    if not taken:
        yield port


def test_a_port_in_use_costs_the_web_chat_and_nothing_else(place: Place) -> None:
    """The start says which port and which setting; whoever asks in a terminal is answered."""
    with a_port(taken=True) as port:
        place.configure(port)
        with place.running() as told:
            assert f"Port {port} on 127.0.0.1 is in use" in told
            assert "[server]" in told
            assert "/enter/" not in told
            assert place.run("chat", "Are you there?").stdout.strip() == "Are you there?"
            assert "status" in place.run("link").stderr


def test_the_health_check_is_answered_and_tells_no_secret(place: Place) -> None:
    """Without a session; by adapters' names and a word on each."""
    with a_port() as port:
        place.configure(port)
        with place.running() as told:
            assert f"http://127.0.0.1:{port}/enter/" in told
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as response:
                health = json.load(response)
    assert health["ok"]
    assert health["adapters"] == {"terminal": "listening", "web": "listening"}
    assert set(health) == {"ok", "version", "adapters"}


def test_a_link_needs_a_process_with_a_web_chat(place: Place) -> None:
    """Otherwise it is said in a sentence what is missing, with an exit code that says so too."""
    with a_port() as port:
        place.configure(port, web=False)
        asked = place.run("link")
        assert (asked.returncode, asked.stdout) == (1, "")
        assert "Nothing runs" in asked.stderr
        with place.running():
            asked = place.run("link")
    assert (asked.returncode, asked.stdout) == (1, "")
    assert "no web chat" in asked.stderr


def test_a_question_asked_without_a_process_opens_no_port(place: Place) -> None:
    """A talk for once needs no door to the network, even where the port is taken."""
    with a_port(taken=True) as port:
        place.configure(port)
        asked = place.run("chat", "Hello")
    assert asked.stdout.strip() == "Hello"
    assert str(port) not in asked.stderr
