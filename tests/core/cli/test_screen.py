"""Answers on a terminal: what is seen, and that nothing flickers."""

import io
import shutil

import pytest

from core.cli.screen import Screen
from simulators.teletype import Rows

ANSWER = """\
# Figures

Some **bold** words, long enough that they have to go on in a second row of a narrow terminal.

- one
- two

```python
def f():

    return 1
```

See [here](https://example.org/x)."""


class Terminal(io.StringIO):
    """A stream that is a terminal and remembers each write."""

    def __init__(self, columns: int, lines: int) -> None:
        super().__init__()
        self.rows = Rows(columns, lines)
        self.writes: list[str] = []

    def isatty(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        # A terminal's driver begins each line at the left.
        self.rows.write(text.replace("\n", "\r\n"))
        self.writes.append(text)
        return len(text)


@pytest.fixture(params=[(60, 40), (24, 8)], ids=["wide", "small"])
def terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Terminals of two sizes; in the small one answers scroll away."""
    columns, lines = request.param
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", str(lines))
    assert shutil.get_terminal_size() == (columns, lines)
    return Terminal(columns, lines)


def shown(terminal: Terminal, *steps: str) -> list[str]:
    """What is seen after an answer grew by these steps, the last of which is final."""
    screen = Screen(terminal)
    screen.note("…")
    for step in steps[:-1]:
        screen.grow(step)
    screen.finish(steps[-1])
    return terminal.rows.seen()


def test_however_an_answer_grows_the_same_is_left(terminal: Terminal) -> None:
    """Readable text: markup is gone, links show where they lead, lines end where they ended."""
    at_once = shown(Terminal(*shutil.get_terminal_size()), ANSWER)
    assert shown(terminal, *[ANSWER[:end] for end in range(1, len(ANSWER))], ANSWER) == at_once
    text = "\n".join(at_once)
    assert "**" not in text
    assert "```" not in text
    assert "example.org/x" in text


def test_what_only_got_longer_is_not_written_again(terminal: Terminal) -> None:
    """Most steps write just the new letters."""
    screen = Screen(terminal)
    for end in range(1, 20):
        screen.grow("A plain sentence that goes on"[:end])
    assert "".join(terminal.writes[:19]) == "A plain sentence th"


def test_a_complete_block_is_never_touched_again(terminal: Terminal) -> None:
    """So however long an answer gets, nothing flickers."""
    screen = Screen(terminal)
    screen.grow("First.\n\nSec")
    before = len(terminal.writes)
    for end in range(1, 30):
        screen.grow("First.\n\nSecond block, being written"[: 11 + end])
    assert "First" not in "".join(terminal.writes[before:])


def test_an_answer_that_begins_again_replaces_what_stood_there(terminal: Terminal) -> None:
    """Nobody reads two beginnings."""
    assert shown(terminal, "The capital\n\nis", "It is Rome.", "It is Rome.") == ["It is Rome."]


def test_an_answer_that_scrolled_away_begins_again_below(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has left the terminal cannot be taken back."""
    monkeypatch.setenv("COLUMNS", "24")
    monkeypatch.setenv("LINES", "4")
    rows = shown(Terminal(24, 4), "One.\n\nTwo.\n\nThree.\n\nFour.\n\n", "Another.", "Another.")
    assert rows[0] == "One."
    assert rows[-1] == "Another."


def test_a_block_longer_than_the_terminal_is_left_as_it_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not shown twice."""
    monkeypatch.setenv("COLUMNS", "24")
    monkeypatch.setenv("LINES", "5")
    code = "```\n" + "".join(f"row {number}\n" for number in range(9)) + "```"
    rows = shown(Terminal(24, 5), *[code[:end] for end in range(1, len(code))], code)
    assert [row for row in rows if row.startswith("row")] == [f"row {number}" for number in range(9)]


def test_wide_letters_are_counted_as_the_terminal_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chinese and emoji take two columns."""
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("LINES", "20")
    said = "春眠不觉晓处处闻啼鸟夜来风雨声花落知多少"
    rows = shown(Terminal(20, 20), *[said[:end] for end in range(1, len(said))], said)
    assert "".join(rows) == said


def test_an_answer_given_up_leaves_the_next_line_free(terminal: Terminal) -> None:
    """The prompt does not stand behind half a word."""
    screen = Screen(terminal)
    screen.grow("Half a w")
    screen.leave()
    screen.finish("Next.")
    assert terminal.rows.seen() == ["Half a w", "Next."]


def test_a_note_goes_when_there_is_something_to_read(terminal: Terminal) -> None:
    """It says only that something is going on."""
    screen = Screen(terminal)
    screen.note("…")
    assert terminal.rows.seen() == ["…"]
    screen.grow("Yes")
    assert terminal.rows.seen() == ["Yes"]


def test_where_there_is_no_terminal_only_finished_text_is_written_as_it_is() -> None:
    """A file or pipe gets the answer, once, without control sequences."""
    out = io.StringIO()
    screen = Screen(out)
    screen.note("…")
    screen.grow("# Ti")
    screen.finish("# Title\n\n**bold**\n")
    assert out.getvalue() == "# Title\n\n**bold**\n"


def test_no_colours_where_they_are_not_wanted(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """https://no-color.org."""
    monkeypatch.setenv("NO_COLOR", "1")
    shown(terminal, "`code` and [a](https://b.c)")
    assert "\x1b[3" not in "".join(terminal.writes)
