"""The person's end of a terminal chat: reads what is typed, shows what is answered.

It knows the process only through the control socket, also where both are one process. What people type is kept in
memory only, so that arrow-up works and nothing is left on disk. How answers look is ``core/cli/screen.py``'s affair.
"""

import select
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from core.cli.dialogue import CHAT, Draft, Final, Hello, Pick, Read, Say, Taken, Working, from_process, line
from core.cli.leaving import Leave
from core.cli.screen import Screen
from core.process.control import MOST_LINE_BYTES, Connection, trouble
from core.values import Choice

try:
    from readline import get_line_buffer  # importing it is what makes input() editable
except ImportError:  # some builds of Python come without; typing works, arrow-up does not

    def get_line_buffer() -> str:
        """Nothing is known of the line being typed."""
        return ""


_PROMPT = "> "
_MORE = "… "
STOP = "/stop"
_STOP_PATIENCE_S = 5.0
_PASTE_S = 0.02


class Gone(Exception):
    """The process at the other end has ended."""


def said_by(text: str, choices: tuple[Choice, ...]) -> Say | Pick:
    """What typed text means while these choices are open: one of them, or else what it says."""
    word = text.strip().casefold()
    letters = "yn" if len(choices) == len("yn") else ""
    for number, choice in enumerate(choices, 1):
        if word and word in {str(number), choice.label.casefold(), letters[number - 1 : number]}:
            return Pick(token=choice.token)
    return Say(text=text)


def offered(choices: tuple[Choice, ...]) -> str:
    """The choices as one line that says what to type."""
    keys = ["y", "n"] if len(choices) == len("yn") else [str(number) for number in range(1, len(choices) + 1)]
    return "  ".join(f"[{key}] {choice.label}" for key, choice in zip(keys, choices, strict=True))


def fits(said: Say | Pick) -> bool:
    """Whether it can be sent: a line has a longest length."""
    return len(line(said).encode("utf-8", "replace")) < MOST_LINE_BYTES


def next_said(connection: Connection) -> Taken | Working | Draft | Final | None:
    """The next thing the process says that makes sense here, None at the end."""
    while (text := connection.receive()) is not None:
        if (heard := from_process(text)) is not None:
            return heard
        if words := trouble(text):
            sys.stderr.write(f"{words}\n")
    return None


class Conversation:
    """An interactive chat. A thread hears and shows; the main thread, which Ctrl-C reaches, reads and waits."""

    def __init__(self, connection: Connection, out: TextIO, interrupt: Callable[[], None]) -> None:
        self._connection = connection
        self._out = out
        self._screen = Screen(out)
        self._interrupt = interrupt
        self._changed = threading.Condition()
        self._waiting = False
        self._typing = False
        self._gone = False
        self._choices: tuple[Choice, ...] = ()
        self._shown: dict[str, str] = {}

    def run(self, hint: str) -> None:
        """Talk until the person leaves, or a signal says so.

        Raises:
            Gone: The process ended first.
        """
        self._connection.send(f"{CHAT} {line(Hello())}")
        threading.Thread(target=self._hear, name="console", daemon=True).start()
        self._say(hint)
        try:
            while self._one_message(hint):
                pass
        except Leave:
            if self._gone:
                raise Gone from None

    def _one_message(self, hint: str) -> bool:
        """Read one message and see it answered; False when there is none any more."""
        try:
            text = self._read()
        except KeyboardInterrupt:
            self._say(f"\n{hint}")
            return True
        except EOFError:
            self._say("")
            return False
        if text.strip():
            self._ask(text)
        return True

    # -- the main thread

    def _read(self) -> str:
        """A message: lines that end in a backslash go on, and so does what was pasted."""
        lines = [self._read_line(_PROMPT)]
        while lines[-1].endswith("\\") or _more_was_pasted():
            lines[-1] = lines[-1].removesuffix("\\")
            lines.append(self._read_line(_MORE))
        return "\n".join(lines)

    def _read_line(self, prompt: str) -> str:
        with self._changed:
            if self._gone:
                raise Gone
            self._typing = True
        try:
            return input(prompt if self._screen.is_terminal else "")
        finally:
            self._typing = False

    def _ask(self, text: str) -> None:
        said = said_by(text, self._choices)
        if not fits(said):
            self._say("That is too long for one message.")
            return
        with self._changed:
            self._waiting = True
            self._choices = ()
        self._connection.send(line(said))
        try:
            self._wait(None)
        except KeyboardInterrupt:
            self._stop()

    def _stop(self) -> None:
        """Stop the answer and give it a moment to say so; a second Ctrl-C does not wait."""
        self._connection.send(line(Say(text=STOP)))
        with suppress(KeyboardInterrupt):
            self._wait(_STOP_PATIENCE_S)
        with self._changed:
            self._waiting = False
            self._screen.leave()

    def _wait(self, seconds: float | None) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._gone or not self._waiting, seconds)
            if self._gone:
                raise Gone

    # -- the thread that hears

    def _hear(self) -> None:
        while (heard := next_said(self._connection)) is not None:
            with self._changed:
                self._show(heard)
                self._changed.notify_all()
        with self._changed:
            self._gone = True
            self._changed.notify_all()
            if self._typing:
                self._interrupt()

    def _show(self, heard: Taken | Working | Draft | Final) -> None:
        match heard:
            case Taken():
                pass
            case Working() if self._waiting:
                self._screen.note("…")
            case Draft(text=text) if self._waiting and text:
                self._screen.grow(text)
            case Working() | Draft():
                pass
            case Final(text=None):
                self._connection.send(line(Read(number=heard.number)))
            case Final(text=str(text)):
                self._show_final(heard, text)
                self._connection.send(line(Read(number=heard.number)))

    def _show_final(self, final: Final, text: str) -> None:
        before = self._shown.get(final.slot)
        self._shown[final.slot] = text
        if text == before and not final.choices:
            return
        if self._typing:
            self._out.write("\r\x1b[J" if self._screen.is_terminal else "")
        # Of an answer that was only added to ("allowed"), what was added says it.
        added = text.removeprefix(before).strip() if before and text.startswith(before) else text
        self._screen.finish(added)
        if final.choices:
            self._choices = final.choices
            self._out.write(f"{offered(final.choices)}\n")
        if before is None and not final.more:
            self._waiting = False
        if self._typing and self._screen.is_terminal:
            self._out.write(_PROMPT + get_line_buffer())
        self._out.flush()

    def _say(self, text: str) -> None:
        print(text, file=self._out if self._screen.is_terminal else sys.stderr, flush=True)


def _more_was_pasted() -> bool:
    """Whether another line is there already: nobody types that fast."""
    return sys.stdin.isatty() and bool(select.select([sys.stdin], [], [], _PASTE_S)[0])
