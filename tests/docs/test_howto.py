"""The how-tos are true: each is followed from an empty folder, and what it says one will see is seen."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.following import ROOT, Block, Shell, blocks, follow, pattern, write_files

HOWTOS = ROOT / "docs" / "howto"
PAGES = sorted(path.stem for path in HOWTOS.glob("*.md"))
LEAVE = {True: "ARG002,INP001,PLR2004,S101,S106", False: "INP001,PLC0415"}
"""What our own tests, and our own adapters, providers and plugins, need not heed either."""

MADE = {"loud", "mailbox", "shopping"}
"""What is made within the tree, where a page is followed."""


@pytest.mark.parametrize("page", PAGES)
def test_a_page_followed_to_the_letter_works(page: str, tmp_path: Path) -> None:
    """Whoever writes the files and gives the commands of a page sees what the page shows."""
    follow(HOWTOS / f"{page}.md", tmp_path)


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_is_as_tidy_as_ours(page: str, tmp_path: Path) -> None:
    """People copy what they see: formatted as here, and without anything our linter would refuse."""
    code = [path for path in write_files(HOWTOS / f"{page}.md", tmp_path) if path.suffix == ".py"]
    ruff = [str(Path(sys.executable).with_name("ruff")), "--config", str(ROOT / "pyproject.toml")]
    ruff += ["--config", f'src = ["{ROOT}", "{ROOT / "tests"}", "{tmp_path}"]']
    for path in code:
        leave = LEAVE[path.parent.name == "tests"]
        for command in (["format", "--diff"], ["check", "--extend-ignore", leave]):
            ran = subprocess.run([*ruff, *command, "--no-cache", path], capture_output=True, text=True, check=False)
            assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_passes_the_type_checker(page: str, tmp_path: Path) -> None:
    """A stranger's implementation can be checked against our seams as strictly as ours is."""
    code = [str(path) for path in write_files(HOWTOS / f"{page}.md", tmp_path) if path.suffix == ".py"]
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", *code],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    """Files of this tree that a page names are there."""
    text = (HOWTOS / f"{page}.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    named = re.findall(r"`((?:bots|core|docs|plugins|providers|tests)/[\w/.-]*\w\.(?:py|md))`", text)
    assert links
    assert [link for link in links if not (HOWTOS / link).exists()] == []
    written = {Path(block.path).stem for block in blocks(text)} | MADE
    assert [name for name in named if Path(name).stem not in written and not (ROOT / name).exists()] == []


# --- whoever follows is followed -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines, seen",
    [
        (["a"], "a\n"),
        (["a", "…", "b"], "a\nb\n"),
        (["a", "…", "b"], "a\nx\ny\nb\n"),
        (["took … s."], "took 1.5 s.\n"),
        (["  …"], ""),
    ],
)
def test_three_dots_stand_for_whatever_is_there(lines: list[str], seen: str) -> None:
    """On a line of their own for any lines, within one for anything."""
    assert re.fullmatch(pattern(lines), seen)


@pytest.mark.parametrize(
    "lines, seen", [(["a"], "b\n"), (["a"], "a\nb\n"), (["a.c"], "abc\n"), (["a … c"], "a\nc\n"), (["a", "b"], "a\n")]
)
def test_all_else_stands_for_itself(lines: list[str], seen: str) -> None:
    """What is printed and not shown, or shown and not printed, is a mistake in the page."""
    assert not re.fullmatch(pattern(lines), seen)


def test_what_a_command_does_not_print_is_told_with_what_it_does(tmp_path: Path) -> None:
    """Whoever mends a page sees both."""
    block = Block(line=1, info="console", body="$ echo one\none\n$ echo two\nthree\n", path="", more=False)
    with Shell(tmp_path, tmp_path) as shell, pytest.raises(AssertionError, match=r"three\n[^\n]*\ntwo"):
        shell.follow(block)


@pytest.mark.parametrize("info, command", [("console", "false"), ("console fails", "true")])
def test_a_command_that_ends_otherwise_than_the_page_says_is_a_mistake(info: str, command: str, tmp_path: Path) -> None:
    """Whatever it prints: a failing test says "passed" too, of the others."""
    with Shell(tmp_path, tmp_path) as shell, pytest.raises(AssertionError, match="it ends with"):
        shell.follow(Block(line=1, info=info, body=f"$ {command}\n", path="", more=False))


def test_a_folder_is_entered_for_all_commands_to_come(tmp_path: Path) -> None:
    """As at a terminal, also from one block to the next."""
    with Shell(tmp_path, tmp_path) as shell:
        shell.follow(Block(line=1, info="console", body="$ mkdir a\n$ cd a\n", path="", more=False))
        shell.follow(Block(line=4, info="console", body="$ pwd\n…/a\n", path="", more=False))


def test_a_piece_of_code_that_stands_in_no_file_is_found(tmp_path: Path) -> None:
    """An explanation that quotes what was changed since is out of date."""
    page = tmp_path / "page.md"
    page.write_text("`a.py`:\n\n```python\nx = 1\ny = 2\n```\n\nLook:\n\n```python\ny = 3\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="line 10"):
        follow(page, tmp_path)
