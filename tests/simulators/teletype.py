"""A terminal to run programs in: a pseudo-terminal, somebody who types, and the rows that can be seen.

``Rows`` knows the few control sequences that our programs and readline write; another one is an error, so that a
test never passes on rows nobody would see.
"""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.cells import cell_len

PATIENCE_S = 20.0
_SEQUENCE = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|\x1b[=>]")


class Rows:
    """What a terminal of this size shows, with what has scrolled away above it."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        self._columns = columns
        self._lines = lines
        self._rows: list[list[str]] = [[]]  # a wide letter's second cell is empty
        self._row = 0
        self._column = 0
        self._rest = ""
        self.bells = 0

    def write(self, text: str) -> None:
        """Do what the text says; half a control sequence waits for its other half."""
        text = self._rest + text
        self._rest = ""
        at = 0
        while at < len(text):
            if text[at] != "\x1b":
                self._put(text[at])
                at += 1
            elif found := _SEQUENCE.match(text, at):
                self._control(found[1] or "", found[2] or "")
                at = found.end()
            else:
                self._rest = text[at:]
                return

    def seen(self) -> list[str]:
        """All rows from the first one, without trailing space."""
        rows = ["".join(row).rstrip() for row in self._rows]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def _put(self, character: str) -> None:
        match character:
            case "\n":
                self._down()
            case "\r":
                self._column = 0
            case "\b":
                self._column = max(0, self._column - 1)
            case "\x07":
                self.bells += 1
            case _:
                self._letter(character, cell_len(character))

    def _letter(self, letter: str, width: int) -> None:
        if width == 0:
            self._rows[self._row][self._column - 1] += letter
            return
        if self._column + width > self._columns:
            self._column = 0
            self._down()
        row = self._rows[self._row]
        row.extend(" " * (self._column - len(row)))
        row[self._column : self._column + width] = [letter, *[""] * (width - 1)]
        self._column += width

    def _down(self) -> None:
        self._row += 1
        if self._row == len(self._rows):
            self._rows.append([])

    def _control(self, numbers: str, letter: str) -> None:
        count = int(numbers) if numbers.isdigit() else 1
        top = max(0, len(self._rows) - self._lines)
        match letter:
            case "A":
                self._row = max(top, self._row - count)
            case "C":
                self._column += count
            case "D":
                self._column = max(0, self._column - count)
            case "J":
                del self._rows[self._row + 1 :]
                self._rows[self._row] = self._rows[self._row][: self._column]
            case "K":
                self._rows[self._row] = self._rows[self._row][: self._column]
            case "m" | "h" | "l" | "":
                pass  # colours and modes change no text
            case _:
                raise AssertionError(f"\\x1b[{numbers}{letter} is not known here")


class Teletype:
    """A program in a terminal. ``expect`` reads on from where the last one stopped."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        columns: int = 80,
        lines: int = 24,
    ) -> None:
        self._near, far = os.openpty()
        fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.program = subprocess.Popen(
            command,
            stdin=far,
            stdout=far,
            stderr=far,
            cwd=folder,
            env={**environment, "TERM": "xterm"},
            start_new_session=True,
            # Ctrl-C is a signal only to whom this is the controlling terminal.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )
        os.close(far)
        self.rows = Rows(columns, lines)
        self.raw = ""
        self._read = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        if self.program.poll() is None:
            self.program.send_signal(signal.SIGKILL)
        self.program.wait()
        os.close(self._near)

    def type(self, text: str) -> None:
        """Press keys, control keys as their letters: Ctrl-C is the third."""
        os.write(self._near, text.encode())

    def keeps_typing(self, keys: str) -> None:
        """Press these keys until the program has ended: before it waits for keys, they are lost."""
        until = time.monotonic() + PATIENCE_S
        while self.program.poll() is None and time.monotonic() < until:
            self.type(keys)
            self._more(0.2)

    def expect(self, text: str) -> None:
        """Wait until the program has written this."""
        until = time.monotonic() + PATIENCE_S
        while (found := self.raw.find(text, self._read)) < 0:
            if not self._more(until - time.monotonic()):
                raise AssertionError(f"{text!r} did not come; there is:\n" + "\n".join(self.rows.seen()))
        self._read = found + len(text)

    def ends(self) -> int:
        """Wait until the program has ended; its exit code."""
        until = time.monotonic() + PATIENCE_S
        while self._more(until - time.monotonic()):
            pass
        return self.program.wait(timeout=max(0.1, until - time.monotonic()))

    def _more(self, within_s: float) -> bool:
        if within_s <= 0 or not select.select([self._near], [], [], within_s)[0]:
            return False
        try:
            read = os.read(self._near, 65536).decode("utf-8", "replace")
        except OSError:  # what Linux says when nobody has the other end open
            return False
        self.raw += read
        self.rows.write(read)
        return bool(read)
