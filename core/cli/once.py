"""One question and its answer, for scripts and pipes: nothing but the answer is printed, all else is said aside."""

from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from core.cli.console import STOP, next_said, offered, said_by
from core.cli.dialogue import CHAT, Draft, Final, Hello, Pick, Read, Say, line
from core.cli.screen import Screen
from core.process.control import Connection
from core.values import Choice

_INTERRUPTED = 130


class Once:
    """One question.

    Args:
        out: Where the answer is printed.
        aside: Where everything else is said.
        read: Asks the person at the keyboard for a line, None where there is nobody.
    """

    def __init__(
        self, connection: Connection, *, out: TextIO, aside: TextIO, read: Callable[[], str] | None = None
    ) -> None:
        self._connection = connection
        self._screen = Screen(out)
        self._aside = aside
        self._read = read
        self._asked: set[str] = set()

    def ask(self, question: str) -> int:
        """Ask it and print the answer. Returns the exit code: 0 for an answer."""
        self._connection.send(f"{CHAT} {line(Hello(once=True))}")
        self._connection.send(line(Say(text=question)))
        try:
            while (heard := next_said(self._connection)) is not None:
                if isinstance(heard, Draft) and heard.text:
                    self._screen.grow(heard.text)
                elif isinstance(heard, Final) and (code := self._take(heard)) is not None:
                    return code
        except KeyboardInterrupt:
            self._connection.send(line(Say(text=STOP)))
            self._screen.leave()
            return _INTERRUPTED
        self._screen.leave()
        self._say("Waystation ended before it answered.")
        return 1

    def _take(self, final: Final) -> int | None:
        """Show what was said for good; the exit code if that was the end."""
        code: int | None = None
        picked: Pick | None = None
        if final.failed and final.text is not None and self._read is None:  # nobody is here to try again
            self._print(final.text, failed=True)
            code = 1
        elif final.choices and final.text is not None:
            self._asked.add(final.slot)
            picked = self._choose(final.text, final.choices)
            code = None if picked else 1
        elif final.slot not in self._asked and final.text is not None:
            self._print(final.text, failed=final.failed)
            code = None if final.more else int(final.failed)
        self._connection.send(line(Read(number=final.number)))
        if picked:
            self._connection.send(line(picked))
        return code

    def _choose(self, text: str, choices: tuple[Choice, ...]) -> Pick | None:
        self._screen.leave()
        self._say(f"{text}\n{offered(choices)}")
        with suppress(EOFError):
            while self._read is not None:
                if isinstance(said := said_by(self._read(), choices), Pick):
                    return said
                self._say(offered(choices))
        self._say("Nobody is here to choose, so it was not done. Ask in `waystation chat`.")
        return None

    def _print(self, text: str, *, failed: bool) -> None:
        if failed:
            self._screen.leave()
            self._say(text)
        else:
            self._screen.finish(text)

    def _say(self, text: str) -> None:
        print(text, file=self._aside)
