"""Who else may read or change a file: told with its path, its mode and the mend, where that can be mended."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from core.private import make_folder, open_file, readable_by_others, tighten, writable_by_others

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
SOMEBODY = 65534
ANOTHER = 65533


def mode(path: Path) -> int:
    """The rights of a file or folder."""
    return path.stat().st_mode & 0o7777


def made(path: Path, mode: int, owner: int = -1, group: int = -1) -> Path:
    """A file with these rights."""
    path.write_text("secret", encoding="utf-8")
    os.chown(path, owner, group)
    path.chmod(mode)
    return path


@contextmanager
def user(number: int) -> Iterator[None]:
    """Be somebody else for a while."""
    os.seteuid(number)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_what_is_made_is_for_its_user_alone(tmp_path: Path, umask: int) -> None:
    """Whatever the umask."""
    before = os.umask(umask)
    try:
        make_folder(tmp_path / "a" / "b")
        os.close(open_file(tmp_path / "a" / "b" / "c", os.O_WRONLY))
    finally:
        os.umask(before)
    assert (mode(tmp_path / "a" / "b"), mode(tmp_path / "a" / "b" / "c")) == (0o700, 0o600)


def test_what_others_were_left_is_taken_from_them(tmp_path: Path) -> None:
    """Of a file and a folder; never through a link."""
    file = made(tmp_path / "file", 0o644)
    (tmp_path / "folder").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(made(tmp_path / "victim", 0o644))
    for name in ("file", "folder", "link", "none"):
        tighten(tmp_path / name)
    assert (mode(file), mode(tmp_path / "folder"), mode(tmp_path / "victim")) == (0o600, 0o700, 0o644)


@pytest.mark.parametrize("allowed", [0o600, 0o400, 0o700, 0o611])
def test_what_its_user_alone_reads_is_nothing_to_tell(tmp_path: Path, allowed: int) -> None:
    """Running it does not show it."""
    assert readable_by_others(made(tmp_path / "config.toml", allowed)) == ""


@pytest.mark.parametrize("allowed, done", [(0o644, "read"), (0o604, "read"), (0o666, "changed"), (0o602, "changed")])
def test_what_others_may_read_is_told(tmp_path: Path, allowed: int, done: str) -> None:
    """With its path and its mode; to change it is worse."""
    path = made(tmp_path / "config.toml", allowed)
    assert readable_by_others(path) == f"{path} (mode {allowed:04o}) can be {done} by other users of this machine"


@ROOT_ONLY
def test_a_group_is_others_unless_it_is_its_owners_own(tmp_path: Path) -> None:
    """Most Linux systems give each user a group, and let files be written by it."""
    assert readable_by_others(made(tmp_path / "a", 0o640, 0, 0)) == ""
    assert "(mode 0640) can be read by other users" in readable_by_others(made(tmp_path / "b", 0o640, 0, ANOTHER))
    assert "(mode 0660) can be changed by other users" in readable_by_others(made(tmp_path / "c", 0o660, 0, ANOTHER))
    assert writable_by_others(made(tmp_path / "d", 0o664, 54321, 54321)) == ""  # of whom nobody knows the name


@ROOT_ONLY
def test_what_a_group_was_given_by_somebody_else_is_meant_so() -> None:
    """An operator, or a container's platform, gives us a file to read by our group."""
    with TemporaryDirectory() as folder:
        path = made(Path(folder) / "config.toml", 0o640, 0, SOMEBODY)
        Path(folder).chmod(0o755)
        with user(SOMEBODY):
            assert readable_by_others(path) == ""


@ROOT_ONLY
@pytest.mark.parametrize("writes, mend", [(0o664, "go-w"), (0o646, "go-w"), (0o602, "go-w")])
def test_what_others_may_write_is_told_with_the_mend(tmp_path: Path, writes: int, mend: str) -> None:
    """The one command that mends it."""
    path = made(tmp_path / "tea.py", writes, 0, ANOTHER)
    told = writable_by_others(path)
    assert told.startswith(f"{path} (mode {writes:04o}) can be written by ")
    assert told.endswith(f"so it is not read: chmod {mend} {path}")
    assert ("everybody" in told) == bool(writes & 0o002)


@ROOT_ONLY
def test_a_folder_of_somebody_else_above_is_told(tmp_path: Path) -> None:
    """They may put anything in the place of what is in it; whom the operator named is trusted."""
    folder = tmp_path / "theirs" / "plugins"
    folder.mkdir(parents=True)
    os.chown(folder.parent, SOMEBODY, SOMEBODY)
    assert writable_by_others(folder) == (
        f"{folder.parent} belongs to another user, who can put anything in the place of {folder}: chown it"
    )
    os.chown(folder, SOMEBODY, SOMEBODY)
    assert writable_by_others(folder) == ""


MOUNTED = """
mount --bind {folder} {folder} && mount -o remount,bind,ro {folder} &&
exec {python} -c 'from pathlib import Path; from core.private import readable_by_others as told
print(repr(told(Path("{folder}/token"))))'
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="nothing can be mounted here")
def test_what_cannot_be_mended_is_not_complained_of(tmp_path: Path) -> None:
    """Containers mount secrets read-only, for everybody inside; a chmod would be refused."""
    made(tmp_path / "token", 0o444)
    script = MOUNTED.format(folder=tmp_path, python=sys.executable)
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=False)
    if done.returncode and "core" not in done.stderr:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    assert done.stdout == "''\n", done.stderr
