"""The control socket and the lock, over a real socket in a real folder."""

import asyncio
import os
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from structlog.testing import capture_logs

from core.errors import StoreError
from core.process.control import MOST_LINE_BYTES, Connection, Control, claim, connect, trouble
from core.site import Wire

PATIENCE_S = 10.0


async def echo(wire: Wire) -> None:
    """Send back every line, the arguments first, until the other side hangs up."""
    while (line := await wire.receive()) is not None:
        await wire.send(line)


@asynccontextmanager
async def serving(data_dir: Path) -> AsyncGenerator[Control, None]:
    """A process that answers ``echo``."""
    control = Control()
    control.register("echo", echo)
    control.settle()
    with claim(data_dir):
        async with control.serve(data_dir):
            yield control


def mode(path: Path) -> int:
    """Who may do what with it."""
    return stat.S_IMODE(path.stat().st_mode)


async def reach(data_dir: Path) -> Connection:
    """Connect from another thread, as a command beside the process would."""
    connection = await asyncio.to_thread(connect, data_dir)
    assert connection is not None
    return connection


async def told(connection: Connection) -> str | None:
    """The next line it is sent."""
    return await asyncio.wait_for(asyncio.to_thread(connection.receive), PATIENCE_S)


class TestSocket:
    async def test_a_command_reaches_whoever_registered_it_with_its_arguments_first(self, tmp_path: Path) -> None:
        """The first line names the command; what follows it is the handler's first line."""
        async with serving(tmp_path):
            with await reach(tmp_path) as connection:
                connection.send('echo {"loud": true}')
                assert await told(connection) == '{"loud": true}'
                connection.send("grüße")
                assert await told(connection) == "grüße"

    async def test_a_command_without_arguments_has_empty_ones(self, tmp_path: Path) -> None:
        """A handler may always read them."""
        async with serving(tmp_path):
            with await reach(tmp_path) as connection:
                connection.send("echo")
                assert await told(connection) == "{}"

    async def test_an_unknown_command_is_told_so(self, tmp_path: Path) -> None:
        """A newer command line is not left waiting by an older process."""
        async with serving(tmp_path):
            with await reach(tmp_path) as connection:
                connection.send("dance")
                assert trouble(await told(connection) or "") == "There is no command 'dance' here."
                assert await told(connection) is None

    async def test_a_command_that_is_early_waits_until_everyone_has_registered(self, tmp_path: Path) -> None:
        """Whoever comes while the process starts is not refused."""
        control = Control()
        with claim(tmp_path):
            async with control.serve(tmp_path):
                with await reach(tmp_path) as connection:
                    connection.send("echo early")
                    await asyncio.sleep(0.05)
                    control.register("echo", echo)
                    control.settle()
                    assert await told(connection) == "early"

    async def test_a_handler_that_fails_takes_nothing_else_with_it(self, tmp_path: Path) -> None:
        """The one who asked is told, without how; the next one is served."""

        async def fail(wire: Wire) -> None:
            raise ValueError("internal")

        async with serving(tmp_path) as control:
            control.register("fail", fail)
            with await reach(tmp_path) as connection:
                connection.send("fail")
                said = trouble(await told(connection) or "")
                assert "failed" in said
                assert "internal" not in said
            with await reach(tmp_path) as connection:
                connection.send("echo 1")
                assert await told(connection) == "1"

    @pytest.mark.parametrize("line", ['{"error": "x", "more": 1}', '["error"]', "error", "", '{"text": "error"}'])
    def test_what_a_command_says_is_not_taken_for_trouble(self, line: str) -> None:
        """Only the socket's own words are."""
        assert trouble(line) == ""

    async def test_a_line_without_end_is_cut_off(self, tmp_path: Path) -> None:
        """Nobody can fill the memory of the process."""
        async with serving(tmp_path):
            with await reach(tmp_path) as connection:
                connection.send("echo 1")
                assert await told(connection) == "1"
                await asyncio.to_thread(connection.send, "x" * (2 * MOST_LINE_BYTES))
                assert await told(connection) is None

    async def test_only_its_owner_can_open_socket_and_folder(self, tmp_path: Path) -> None:
        """Whoever can open the socket is taken for the owner."""
        folder = tmp_path / "made" / "here"
        async with serving(folder):
            assert mode(folder) == 0o700
            assert mode(folder / "control.sock") == 0o600

    async def test_an_empty_folder_of_wide_rights_is_closed_to_others(self, tmp_path: Path) -> None:
        """A volume comes with rights nobody chose."""
        folder = tmp_path / "volume"
        folder.mkdir()
        folder.chmod(0o755)
        async with serving(folder):
            assert mode(folder) == 0o700

    async def test_a_folder_in_use_keeps_the_rights_its_operator_gave_it(self, tmp_path: Path) -> None:
        """It may be somebody's home."""
        folder = tmp_path / "home"
        folder.mkdir(mode=0o755)
        (folder / "theirs").touch()
        with capture_logs() as logs:
            async with serving(folder):
                assert mode(folder) == 0o755
        told = next(log for log in logs if log["event"] == "data_dir is open to others")
        assert told["reason"] == f"{folder} (mode 0755) can be entered by other users of this machine"
        assert told["mend"] == f"chmod 700 {folder}"

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
    def test_a_volume_that_belongs_to_somebody_else_is_used_as_it_is(self) -> None:
        """A container's platform gives it to a group of ours: its rights are not ours to change."""
        with TemporaryDirectory() as above:
            Path(above).chmod(0o755)
            (volume := Path(above) / "volume").mkdir()
            os.chown(volume, 0, 65534)
            volume.chmod(0o2770)
            os.setegid(65534)
            os.seteuid(65534)
            try:
                with capture_logs() as logs, claim(volume):
                    assert (volume / "waystation.lock").exists()
            finally:
                os.seteuid(0)
                os.setegid(0)
            assert mode(volume) == 0o2770
        assert logs == []

    async def test_a_folder_of_ours_that_others_may_enter_is_closed_to_them(self, tmp_path: Path) -> None:
        """A copy, or an archive that was unpacked, has lost its rights."""
        folder = tmp_path / "data"
        folder.mkdir(mode=0o755)
        for name in ("waystation.db", "waystation.db-wal", "secret", "web-open"):
            (folder / name).touch()
        async with serving(folder):
            assert mode(folder) == 0o700

    async def test_who_names_no_command_is_not_waited_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A connection that says nothing holds a file for nothing."""
        monkeypatch.setattr("core.process.control._FIRST_LINE_S", 0.1)
        async with serving(tmp_path):
            with await reach(tmp_path) as connection:
                assert await told(connection) is None

    async def test_a_dead_process_s_socket_is_replaced(self, tmp_path: Path) -> None:
        """After a kill the next start just works."""
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(str(tmp_path / "control.sock"))
        stale.close()
        assert connect(tmp_path) is None
        async with serving(tmp_path):
            with await reach(tmp_path) as connection:
                connection.send("echo 1")
                assert await told(connection) == "1"

    async def test_a_path_too_long_for_a_socket_works_too(self, tmp_path: Path) -> None:
        """The kernel's limit of about 100 bytes is nobody's affair."""
        folder = tmp_path / ("deep" * 20) / ("deeper" * 10)
        async with serving(folder):
            with await reach(folder) as connection:
                connection.send("echo far")
                assert await told(connection) == "far"
        assert connect(folder) is None

    async def test_after_the_end_nobody_is_left_waiting(self, tmp_path: Path) -> None:
        """Connections end with the process, and its socket is gone."""
        async with serving(tmp_path):
            connection = await reach(tmp_path)
            connection.send("echo 1")
            assert await told(connection) == "1"
        with connection:
            assert await told(connection) is None
        assert not (tmp_path / "control.sock").exists()

    def test_where_nothing_runs_there_is_nobody_to_connect_to(self, tmp_path: Path) -> None:
        """A command can then do the work itself."""
        assert connect(tmp_path) is None
        assert connect(tmp_path / "absent", wait_s=0.1) is None


class TestClaim:
    def test_a_second_process_is_told_who_is_there(self, tmp_path: Path) -> None:
        """One process owns the store; the message says which, so that it can be stopped."""
        script = f"""
from pathlib import Path
from core.process.control import claim
with claim(Path({str(tmp_path)!r})):
    print("mine", flush=True); input()
"""
        with subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other:
            assert other.stdin
            assert other.stdout
            assert other.stdout.readline() == "mine\n"
            with pytest.raises(StoreError, match=rf"pid {other.pid}\) is running on .*data_dir"), claim(tmp_path):
                pass
            other.kill()
        with claim(tmp_path):
            assert (tmp_path / "waystation.lock").read_text() == f"{os.getpid()}\n"

    @pytest.mark.parametrize("dangling", [False, True])
    def test_a_lock_file_that_is_a_link_is_refused_in_words(self, tmp_path: Path, dangling: bool) -> None:
        """Whoever could put one there would have us overwrite another file."""
        victim = tmp_path / "victim"
        if not dangling:
            victim.write_text("precious")
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "waystation.lock").symlink_to(victim)
        with (
            pytest.raises(StoreError, match=r"waystation\.lock is a symbolic link.*remove it"),
            claim(tmp_path / "data"),
        ):
            pass
        assert dangling != victim.exists()
        assert dangling or victim.read_text() == "precious"

    def test_a_lock_file_that_is_no_file_of_its_own_is_refused(self, tmp_path: Path) -> None:
        """Another name of another file, or a pipe that would make us wait."""
        (tmp_path / "victim").write_text("precious")
        lock = tmp_path / "waystation.lock"
        lock.hardlink_to(tmp_path / "victim")
        with pytest.raises(StoreError, match="no file of its own"), claim(tmp_path):
            pass
        assert (tmp_path / "victim").read_text() == "precious"
        lock.unlink()
        os.mkfifo(lock)
        with pytest.raises(StoreError, match="no file of its own"), claim(tmp_path):
            pass

    def test_a_folder_that_cannot_be_made_is_told_in_one_sentence(self, tmp_path: Path) -> None:
        """The operator reads which setting to change."""
        (tmp_path / "file").touch()
        with pytest.raises(StoreError, match=r"\(data_dir\) cannot be used"), claim(tmp_path / "file" / "data"):
            pass
