"""The server beside everything else: what cannot be served is told in a sentence, and the rest goes on."""

import json
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from simulators.teletype import Teletype

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
        self.limited = 0  # files that a process in the background may have open, 0 for the system's own limit
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

    def _limit(self) -> None:
        if self.limited:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.limited, self.limited))

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
                preexec_fn=self._limit,  # noqa: PLW1509 - there is one thread here
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
            assert f"The web chat is at http://127.0.0.1:{port}." in told
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as response:
                health = json.load(response)
    assert health["ok"]
    assert health["adapters"] == {"terminal": "listening", "web": "listening"}
    assert set(health) == {"ok", "version", "adapters"}


def test_where_no_port_is_written_the_next_free_one_is_told(place: Place) -> None:
    """The start, the link and the status name the one that is listened at."""
    (place.folder / "config.toml").write_text('data_dir = "data"\n[providers.echo]\nenabled = true\n')
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # somebody else has it already, which is as good
            other.bind(("127.0.0.1", 9297))
            other.listen()
        with place.running() as told:
            (port,) = {int(found) for found in re.findall(r"http://127\.0\.0\.1:(\d+)", told)}
            assert 9297 < port < 9317
            assert place.run("link").stdout.startswith(f"http://127.0.0.1:{port}/enter/")
            assert f"http://127.0.0.1:{port}" in place.run("status").stdout


def test_a_live_link_is_printed_at_a_terminal_only(place: Place) -> None:
    """A journal and a pipe hear how to get one; ``waystation link`` is asked for it, and tells it anywhere."""
    with a_port() as port:
        place.configure(port)
        with place.running() as told:
            assert "waystation link" in told
            assert "/enter/" not in told + place.run("status").stdout
            assert "/enter/" in place.run("link").stdout
            status = Teletype([WAYSTATION, "status"], folder=place.folder, environment=place.environment)
            with status:
                status.expect(f"http://127.0.0.1:{port}/enter/")
                assert status.ends() == 0
        chat = Teletype([WAYSTATION, "run"], folder=place.folder, environment=place.environment)
        with chat:
            chat.expect(f"http://127.0.0.1:{port}/enter/")


def test_everything_it_keeps_is_for_its_user_alone(place: Place) -> None:
    """Whatever the umask: the store and what stands beside it, a file that was handed in, a note."""
    before = os.umask(0)
    try:
        with a_port() as port:
            place.configure(port)
            with place.running():
                place.run("chat", "Hello")
                link = place.run("link").stdout.strip()
                cookies = urllib.request.HTTPCookieProcessor()
                browser = urllib.request.build_opener(cookies)
                browser.addheaders = [("Origin", f"http://127.0.0.1:{port}")]
                browser.open(link, data=b"", timeout=5).close()
                browser.open(f"http://127.0.0.1:{port}/files?name=a.txt", data=b"mine", timeout=5).close()
                kept = list((place.folder / "data").rglob("*"))
                modes = {str(path): stat.S_IMODE(path.lstat().st_mode) for path in [place.folder / "data", *kept]}
    finally:
        os.umask(before)
    assert {"waystation.db", "secret", "control.sock", "waystation.lock", "web-files"} <= {path.name for path in kept}
    assert any(path.parent.name == "web-files" for path in kept)
    assert set(modes.values()) == {0o600, 0o700}, modes


def test_many_idle_connections_take_neither_the_health_check_nor_the_status(place: Place) -> None:
    """Also where the system lets a process open no more than a thousand files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with a_port() as port:
        place.configure(port)
        place.limited = 1024
        with place.running(), ExitStack() as others:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
            try:
                for _ in range(1100):
                    others.enter_context(socket.create_connection(("127.0.0.1", port)))
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as response:
                    assert json.load(response)["ok"]
                asked = place.run("status")
                assert asked.returncode == 0
                assert "rejected" in asked.stdout
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


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
