"""Shows an answer in a terminal while it grows, and leaves it there as readable text.

What is complete (a paragraph, a list, a block of code) is formatted once and never touched again; only the block
being written stands there plainly and is replaced when it is complete. So nothing flickers, however long the answer
gets. Where output is no terminal, only finished text is written, as it is.
"""

import io
import os
import re
import shutil
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.markdown import Markdown

_WIDEST = 100
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)


class Screen:
    """One answer at a time on one stream."""

    def __init__(self, out: TextIO) -> None:
        self.is_terminal = out.isatty()
        self._out = out
        self._text = ""
        self._settled = 0  # characters of it that are formatted already
        self._rows = 0  # rows of the terminal those take
        self._note = ""
        self._drawing: list[str] = []

    def note(self, text: str) -> None:
        """Show a word about what goes on, until there is something to read."""
        if self.is_terminal and not self._text:
            self._erase()
            self._note = text
            self._write(_dim(text))
            self._draw()

    def grow(self, text: str) -> None:
        """The answer so far."""
        if not self.is_terminal:
            return
        self._restart_unless_it_goes_on(text)
        complete = _complete(text)
        if complete > self._settled:
            self._settle(text, complete)
        self._show_tail(text)
        self._draw()

    def finish(self, text: str) -> None:
        """The answer as it stays."""
        if not self.is_terminal:
            self._write(f"{text.rstrip()}\n")
        else:
            self._restart_unless_it_goes_on(text)
            self._settle(text, len(text))
        self._forget()

    def leave(self) -> None:
        """Nothing more comes of what stands there: go on below it."""
        if self._note:
            self._erase()
        elif self._text[self._settled :]:
            self._write("\n")
        self._forget()

    def _forget(self) -> None:
        self._text, self._settled, self._rows = "", 0, 0
        self._draw()

    # -- drawing

    def _restart_unless_it_goes_on(self, text: str) -> None:
        """An answer may begin again: take away what stands there, or where that has scrolled away, say so."""
        if text.startswith(self._text[: self._settled]):
            return
        tail = _rows(self._text[self._settled :], self._width())
        if self._rows + tail < self._height():
            self._erase(above=self._rows)
        else:
            self._write("\n\n")
        self._text, self._settled, self._rows = "", 0, 0

    def _show_tail(self, text: str) -> None:
        """Show the block being written; where it only got longer, only what is new is written."""
        there = self._text[self._settled :]
        tail = text[self._settled :]
        if not there or self._note or not tail.startswith(there):
            self._erase()
            self._write(_plain(tail))
        else:
            self._write(_plain(tail[len(there) :]))
        self._text = text

    def _settle(self, text: str, end: int) -> None:
        """Format what is complete and write it over the plain text that stood there."""
        there, block = self._text[self._settled :], text[self._settled : end]
        if _rows(there, self._width()) >= self._height() and block.startswith(there):
            written = _plain(block[len(there) :]).rstrip("\n") + "\n"  # it has scrolled away, so it stays as it is
        else:
            self._erase()
            formatted = self._format(block)
            written = f"\n{formatted}" if self._settled and formatted else formatted
        self._write(written)
        self._rows += written.count("\n")
        self._text, self._settled = text[:end], end

    def _erase(self, above: int = 0) -> None:
        """Take away the plain text under way, and so many rows above it."""
        there = self._note or self._text[self._settled :]
        self._note = ""
        up = above + _rows(there, self._width()) - 1
        if up >= self._height():
            self._write("\n")  # it has scrolled away; what follows stands below
        elif there or above:
            self._write("\r" + (f"\x1b[{up}A" if up else "") + "\x1b[J")

    def _format(self, block: str) -> str:
        if not block.strip():
            return ""
        drawn = io.StringIO()
        console = Console(
            file=drawn, force_terminal=True, width=min(self._width(), _WIDEST), no_color="NO_COLOR" in os.environ
        )
        console.print(Markdown(_with_line_ends(block.strip("\n")), hyperlinks=False, code_theme="ansi_dark"))
        return "\n".join(line.rstrip() for line in drawn.getvalue().strip("\n").split("\n")) + "\n"

    def _width(self) -> int:
        return shutil.get_terminal_size().columns

    def _height(self) -> int:
        return shutil.get_terminal_size().lines

    def _write(self, text: str) -> None:
        self._drawing.append(text)

    def _draw(self) -> None:
        """Write it all at once: no state between two is ever seen."""
        self._out.write("".join(self._drawing))
        self._out.flush()
        self._drawing.clear()


def _complete(text: str) -> int:
    """How much of a growing text is complete: up to the last empty line outside of a block of code."""
    end, fence, at = 0, "", 0
    for line in text.splitlines(keepends=True):
        at += len(line)
        if found := _FENCE.match(line):
            if not fence:
                fence = found[1]
            elif found[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        if not fence and not line.strip() and line.endswith("\n"):
            end = at
    return end


def _with_line_ends(block: str) -> str:
    """Keep the ends of lines, as messengers do; two spaces there say so in Markdown, and nothing inside code."""
    return re.sub(r"(?<=\S)[ \t]*\n(?=\S)", "  \n", block)


def _plain(text: str) -> str:
    return text.expandtabs(4)


def _rows(text: str, width: int) -> int:
    """How many rows a text takes."""
    return sum(max(1, -(-cell_len(_plain(line)) // width)) for line in text.split("\n"))


def _dim(text: str) -> str:
    return f"\x1b[2m{text}\x1b[0m"
