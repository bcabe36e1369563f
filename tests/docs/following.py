"""Follows a how-to to the letter: writes its files, gives its commands, compares what they print.

What a page may hold:

- A file: a paragraph that is its path, as in "`config.toml`:", and then a block, which is written there. Where the
  paragraph ends in "one more line:", the block's last line is put under its first one.
- Commands: a block of ``console``. A line that begins with "$ " is given to a shell, the others are what it prints; a
  line that is only "…" stands for any lines, "…" in a line for anything. After "[y]" comes what the person types.
  A command has to succeed. ``console fails`` means that the last one does not; ``console stays``, that it goes on in
  the background, until the page has been followed.
- Any other block of ``python`` or ``toml`` shows a piece of a file that is there already.

Everything runs in a folder of its own, with a copy of this tree beside it, and with free ports instead of the page's,
so that pages may be followed side by side. Only what would need a network is done in another way (``Shell._by_hand``):
what the copy and the example's own ``pyproject.toml`` say is installed by hand, over the packages this tree has been
installed with.
"""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from types import TracebackType
from typing import Self

from packaging.requirements import Requirement

from simulators.teletype import Teletype

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
_TREE = ("bots", "core", "plugins", "providers", "tests")
_BLOCK = re.compile(
    r"(?:^`(?P<path>[^`\n]+)`(?P<more>, one more line)?:\n\n)?"
    r"^(?P<fence>`{3,})(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
_PORT = "8091"
_CODE = re.compile(r"\b[A-Z2-9]{4}(?:-[A-Z2-9]{4}){2}\b")
_KEYS = "[y] "
_LOOKS = ("cat ", "ls ")


@dataclass(frozen=True, kw_only=True)
class Block:
    """One block of a page."""

    line: int
    info: str
    body: str
    path: str
    more: bool

    @property
    def commands(self) -> list[tuple[str, list[str]]]:
        """Each command of the block, and the lines it is to print."""
        given: list[tuple[str, list[str]]] = []
        for line in self.body.splitlines():
            if line.startswith("$ "):
                given.append((line.removeprefix("$ "), []))
            else:
                given[-1][1].append(line)
        return given


def read(path: Path) -> list[Block]:
    """The blocks of a page, in order."""
    return list(blocks(path.read_text(encoding="utf-8")))


def blocks(page: str) -> Iterator[Block]:
    """The same, of its text."""
    for found in _BLOCK.finditer(page):
        yield Block(
            line=page.count("\n", 0, found.start("fence")) + 1,
            info=found["info"].strip(),
            body=found["body"],
            path=found["path"] or "",
            more=bool(found["more"]),
        )


def pattern(lines: Sequence[str]) -> str:
    """What is printed, as a regular expression."""
    return "".join(
        r"(?:.*\n)*?" if line.strip() == "…" else r"[^\n]*".join(map(re.escape, line.split("…"))) + r"\n"
        for line in lines
    )


@dataclass
class Shell:
    """Somebody at a terminal, in a folder."""

    home: Path
    folder: Path
    codes: dict[str, str] = field(default_factory=dict)
    staying: list[tuple["subprocess.Popen[bytes]", Path]] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        """Press Ctrl-C wherever something still runs."""
        for process, printed in reversed(self.staying):
            process.send_signal(signal.SIGINT)
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                assert kind is not None, f"it does not end:\n{printed.read_text(encoding='utf-8')}"

    # -- commands

    def follow(self, block: Block) -> None:
        """Give a block's commands, one after the other."""
        *firsts, last = block.commands
        for command, printed in firsts:
            self._give(command, printed)
        if block.info.endswith(" stays"):
            self._give_and_leave(*last)
        else:
            self._give(*last, fails=block.info.endswith(" fails"))

    def _give(self, command: str, printed: list[str], *, fails: bool = False) -> None:
        command = self._with_codes(command)
        if any(line.startswith(_KEYS) for line in printed):
            self._converse(command, printed)
        elif not self._by_hand(shlex.split(command)):
            until = time.monotonic() + PATIENCE_S * command.startswith(_LOOKS)
            status, seen = self._run(command)
            while not re.fullmatch(self._pattern(printed), seen) and time.monotonic() < until:
                time.sleep(0.05)
                status, seen = self._run(command)
            self._compare(command, printed, seen, whole=True)
            assert bool(status) == fails, f"$ {command}\n--- it ends with {status}, having printed:\n{seen}"

    def _run(self, command: str) -> tuple[int, str]:
        """Run a command to its end; returns its exit status, and what it printed."""
        marked = f"{command}\nstatus=$?; pwd > {shlex.quote(str(self.home / 'pwd'))}; exit $status"
        ran = subprocess.run(
            ["bash", "-c", marked],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        self.folder = Path((self.home / "pwd").read_text(encoding="utf-8").strip())
        printed = ran.stdout if ran.stdout.endswith("\n") or not ran.stdout else f"{ran.stdout}\n"
        return ran.returncode, printed

    def _give_and_leave(self, command: str, printed: list[str]) -> None:
        out = self.home / f"printed-{len(self.staying)}"
        with out.open("wb") as file:
            process = subprocess.Popen(
                shlex.split(command),
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.staying.append((process, out))
        until = time.monotonic() + PATIENCE_S
        while not re.match(self._pattern(printed), out.read_text(encoding="utf-8")):
            if process.poll() is not None or time.monotonic() > until:
                break
            time.sleep(0.02)
        self._compare(command, printed, out.read_text(encoding="utf-8"), whole=False)

    def _converse(self, command: str, printed: list[str]) -> None:
        at = next(number for number, line in enumerate(printed) if line.startswith(_KEYS))
        before, typed, after = printed[: at + 1], printed[at + 1], printed[at + 2 :]
        words = shlex.split(command)
        with Teletype(words, folder=self.folder, environment=self._environment(), columns=300) as terminal:
            terminal.expect(f"{before[-1]}\r\n")
            terminal.type(f"{typed}\r")
            status = terminal.ends()
            seen = "".join(f"{row}\n" for row in terminal.rows.seen())
        self._compare(command, [*before, typed, *after], seen, whole=True)
        assert status == 0, f"$ {command}\n--- it ends with {status}"

    def _compare(self, command: str, printed: list[str], seen: str, *, whole: bool) -> None:
        expected = self._pattern(printed)
        found = re.fullmatch(expected, seen) if whole else re.match(expected, seen)
        assert found, f"$ {command}\n--- it should print:\n" + "\n".join(printed) + f"\n--- it prints:\n{seen}"
        told = _CODE.findall("\n".join(printed))
        self.codes.update(zip(told, found.groups(), strict=True))

    def _pattern(self, printed: Sequence[str]) -> str:
        return _CODE.sub("(.*)", pattern(printed).replace(r"\-", "-"))

    def _with_codes(self, command: str) -> str:
        """A code is another each time: what was printed takes the place of what the page shows."""
        return _CODE.sub(lambda found: self.codes.get(found[0], found[0]), command)

    def _environment(self) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("WAYSTATION_", "PYTHON"))}
        return kept | {
            "CREDENTIALS_DIRECTORY": str(self.home / "none"),
            "HOME": str(self.home),
            "NO_COLOR": "1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "WAYSTATION_SERVER__PORT": "0",
        }

    # -- what would need a network

    def _by_hand(self, words: list[str]) -> bool:
        """Whether a command installs something, which is done here instead."""
        match words:
            case ["python3", "-m", "venv", ".venv"]:
                make_environment(self.folder / ".venv")
            case [".venv/bin/pip", "install", "../waystation[testing]", "-e", "."]:
                environment = self.folder / ".venv"
                install(environment, self.folder.parent / "waystation")
                install(environment, self.folder)
                install_script(environment, "pytest")
            case ["python3", ".ci/uv.py", "sync"]:
                make_environment(self.folder / ".venv")
                install(self.folder / ".venv", self.folder)
            case _:
                return False
        return True


# ---------------------------------------------------------------------------------------------------------------------
# Installing by hand


def make_environment(place: Path) -> None:
    """An environment that sees what this one has installed; what is installed into it goes before that."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True, timeout=PATIENCE_S)
    packages_of(place).joinpath("zz_below.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")


def packages_of(environment: Path) -> Path:
    """Where an environment's packages lie."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return environment / "lib" / f"python{version}" / "site-packages"


def install(environment: Path, project: Path) -> None:
    """What an editable installation leaves behind: the folder on the path, what it calls itself, its entry points."""
    told = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = told["name"], told["version"]
    bare = name.replace("-", "_")
    packages = packages_of(environment)
    for requirement in map(Requirement, told.get("dependencies", ())):
        assert requirement.specifier.contains(distribution(requirement.name).version, prereleases=True), requirement
    groups = {"console_scripts": told.get("scripts", {}), **told.get("entry-points", {})}
    sections = [
        "\n".join([f"[{group}]", *(f"{entry} = {value}" for entry, value in entries.items()), ""])
        for group, entries in groups.items()
    ]
    info = packages / f"{bare}-{version}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("\n".join(sections), encoding="utf-8")
    (packages / f"{bare}.pth").write_text(f"{project}\n", encoding="utf-8")
    for script, target in groups["console_scripts"].items():
        write_script(environment / "bin" / script, target)
    if name != "waystation":
        assert (project / f"{bare}.py").exists(), "hatchling packs a single file if it has the project's name"


def install_script(environment: Path, tool: str) -> None:
    """The command of something that is installed below."""
    for entry in distribution(tool).entry_points.select(group="console_scripts", name=tool):
        write_script(environment / "bin" / tool, entry.value)


def write_script(path: Path, target: str) -> None:
    """A command that calls a function."""
    module, _, function = target.partition(":")
    python = path.with_name("python")
    path.write_text(f"#!{python}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n", "utf-8")
    path.chmod(0o755)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def copy_tree(place: Path) -> None:
    """This tree as somebody else's checkout."""
    place.mkdir()
    for name in _TREE:
        shutil.copytree(ROOT / name, place / name)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy2(path, place)


# ---------------------------------------------------------------------------------------------------------------------
# The whole page


def write_files(page: Path, folder: Path) -> list[Path]:
    """Write a page's files as they are in the end, and do nothing else."""
    found = [block for block in read(page) if block.path and not block.more]
    return list(dict.fromkeys(_file(block, folder) for block in found))


def follow(page: Path, home: Path) -> None:
    """Follow a page from its first block to its last.

    Raises:
        AssertionError: Something is not as the page says: where, and how it is.
    """
    copy_tree(home / "waystation")
    written: set[Path] = set()
    with Shell(home, home) as shell:
        for block in blocks(page.read_text(encoding="utf-8").replace(_PORT, str(free_port()))):
            try:
                if block.path:
                    written.add(_file(block, shell.folder))
                elif block.info.partition(" ")[0] == "console":
                    shell.follow(block)
                elif block.info in {"python", "toml"}:
                    assert any(block.body in path.read_text(encoding="utf-8") for path in written), "no file has this"
            except (AssertionError, OSError, subprocess.SubprocessError) as wrong:
                raise AssertionError(f"{page.name}, line {block.line}: {wrong}") from wrong


def _file(block: Block, folder: Path) -> Path:
    """Write a block's file, or put its line into the file that is there."""
    path = folder / block.path
    if block.more:
        first, *_, last = block.body.splitlines(keepends=True)
        before, there, after = path.read_text(encoding="utf-8").partition(first)
        assert there, f"{block.path} has no line {first!r}"
        path.write_text(f"{before}{there}{last}{after}", encoding="utf-8")
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.body, encoding="utf-8")
    return path
