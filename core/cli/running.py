"""What each command of ``waystation`` does: runs the app, talks with it, asks how it is doing.

With a chat, the app runs in a thread of its own: the keyboard and Ctrl-C belong to the main thread. The chat goes over
the control socket all the same, so that there is one way to chat.
"""

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from core.app import Stop, serve
from core.cli.console import Conversation, Gone, fits
from core.cli.dialogue import Say
from core.cli.leaving import Leave, leaving_on_sigterm
from core.cli.once import Once
from core.config.configuration import load
from core.config.settings import Settings
from core.errors import StoreError
from core.models.configured import retiring
from core.process import loop, report
from core.process.control import Connection, connect, trouble
from core.process.logs import open_logging
from core.process.report import Report
from core.process.tidying import tidy
from core.text.invisible import one_line

_STARTING_S = 10.0
_PRIVATE = 0o077
"""The umask of a process that keeps people's words: whatever it or a library makes is for its user alone."""
_TERMINAL = "terminal"
"""The adapter that a talk without a running process needs, and the only one."""
_NOTE_S = 1.0


def run(config: Path | None, *, chat: bool | None) -> int:
    """Run until told to stop. Without being told, a chat is attached where somebody sits at a terminal."""
    settings = load(config)
    if chat is None:
        chat = sys.stdin.isatty() and sys.stdout.isatty()
    _log(settings, quiet=chat)
    os.umask(_PRIVATE)
    if not chat:
        loop.run(_serve_until_signalled(settings, _begin))
        return 0
    with _Beside(settings) as app:
        _begin(app.report)
        with _joined(settings) as connection:
            return _converse(settings, connection, "Ctrl-D stops Waystation.")


def chat(config: Path | None, question: str | None) -> int:
    """Talk with the process that runs, else start one for as long as the talk lasts."""
    settings = load(config)
    _log(settings, quiet=True)
    once = question is not None or not sys.stdin.isatty()
    asked = "\n\n".join(filter(None, [question, "" if sys.stdin.isatty() else sys.stdin.read().strip()]))
    if once and not _can_be_asked(asked):
        return 2
    with _reached(settings) as connection:
        if once:
            at_keyboard = sys.stdin.isatty() and sys.stderr.isatty()
            once_asked = Once(connection, out=sys.stdout, aside=sys.stderr, read=input if at_keyboard else None)
            return once_asked.ask(asked)
        return _converse(settings, connection, "Ctrl-D leaves.")


def status(config: Path | None) -> int:
    """Say how the process that runs is doing."""
    settings = load(config)
    answer = _asked_status(settings)
    if answer is None:
        _complain(f"Nothing runs on {settings.data_dir}.")
        return 1
    try:
        _tell(report.of_status(report.load(answer), at_terminal=sys.stdout.isatty()))
    except ValueError:
        why = trouble(answer) or "Is it of another version?"
        _complain(f"The process on {settings.data_dir} does not say how it is doing. {why}")
        return 1
    return 0


def link(config: Path | None) -> int:
    """Print a link into the web chat, and nothing else, so that it can be handed to another program."""
    settings = load(config)
    connection = connect(settings.data_dir)
    if connection is None:
        _complain(f"Nothing runs on {settings.data_dir}.")
        return 1
    with connection:
        connection.send("link")
        answer = connection.receive()
    try:
        _tell([str(json.loads(answer or "")["link"])])
    except (ValueError, KeyError):
        _complain("There is no web chat in this process: `waystation status` says why.")
        return 1
    return 0


def check(config: Path | None) -> int:
    """Say what the configuration would switch on, and what not."""
    settings = load(config)
    _tell([*report.of_settings(settings), *settings.exposed, *retiring(settings)])
    return 0


# ---------------------------------------------------------------------------------------------------------------------
# The app


async def _serve_until_signalled(settings: Settings, ready: Callable[[Report], None]) -> None:
    stop = Stop()
    running = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        running.add_signal_handler(number, stop.ask)
    await serve(settings, stop, ready)


class _Beside:
    """The app in a thread beside this one, for as long as the block runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._began = threading.Event()
        self._thread = threading.Thread(target=self._run, name="app")
        self._ask: Callable[[], None] = lambda: None
        self._problem: BaseException | None = None
        self._report: Report | None = None

    @property
    def report(self) -> Report:
        """How it was when it began."""
        if self._report is None:
            raise StoreError("Waystation did not start.")
        return self._report

    def __enter__(self) -> Self:
        self._thread.start()
        with ExitStack() as unless_begun:
            unless_begun.callback(self._end)
            self._began.wait()
            unless_begun.pop_all()
        if self._problem is not None:
            raise self._problem
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._end()
        if self._problem is not None:
            raise self._problem

    def _end(self) -> None:
        """Ask it to end, and again, for at once, where Ctrl-C does not wait for it."""
        self._ask()
        while self._thread.is_alive():
            try:
                self._thread.join()
            except KeyboardInterrupt:
                self._ask()

    def _run(self) -> None:
        try:
            loop.run(self._serve())
        except BaseException as problem:  # noqa: BLE001 - it is raised where the thread is waited for
            self._problem = problem
        finally:
            self._began.set()

    async def _serve(self) -> None:
        stop, running = Stop(), asyncio.get_running_loop()

        def ask() -> None:
            if not running.is_closed():
                running.call_soon_threadsafe(stop.ask)

        self._ask = ask
        await serve(self._settings, stop, self._ready)

    def _ready(self, report: Report) -> None:
        self._report = report
        self._began.set()


# ---------------------------------------------------------------------------------------------------------------------
# Talking with it


@contextmanager
def _reached(settings: Settings) -> Generator[Connection, None, None]:
    """A connection to the process that runs, else to one that is started here, with no messenger but the terminal."""
    connection = connect(settings.data_dir)
    if connection is not None:
        with connection:
            yield connection
        return
    terminal = tuple(section for section in settings.bots if section.name == _TERMINAL)
    os.umask(_PRIVATE)
    alone = settings.model_copy(update={"bots": terminal, "server": None})
    with _Beside(alone), _joined(settings) as connection:
        yield connection


@contextmanager
def _joined(settings: Settings) -> Generator[Connection, None, None]:
    connection = connect(settings.data_dir, wait_s=_STARTING_S)
    if connection is None:
        raise StoreError(f"Nothing answers on {settings.data_dir}.")
    with connection:
        yield connection


def _asked_status(settings: Settings, within_s: float | None = None) -> str | None:
    """What the running process says of itself, None where none runs, "" where it says nothing for so long."""
    connection = connect(settings.data_dir)
    if connection is None:
        return None
    with connection:
        connection.send("status")
        return connection.receive(within_s) or ""


def _tell_note(settings: Settings) -> None:
    """What a person should know about the model that answers, where that is known at once."""
    with suppress(ValueError):
        known = report.load(_asked_status(settings, _NOTE_S) or "")
        if known.note:
            _tell([f"Answers come from {report.answers(known)}"])


def _converse(settings: Settings, connection: Connection, how_to_leave: str) -> int:
    hint = f"Type a message; /help tells what else there is. {how_to_leave}"
    if sys.stdout.isatty():
        _tell_note(settings)
    try:
        with leaving_on_sigterm() as leave:
            Conversation(connection, sys.stdout, leave).run(hint)
    except Leave:
        pass
    except Gone:
        _complain("Waystation has ended.")
        return 1
    return 0


def _can_be_asked(question: str) -> bool:
    if not question:
        _complain("There is nothing to ask: give a question, or text on standard input.")
    elif not fits(Say(text=question)):
        _complain("That is too long for one question.")
    else:
        return True
    return False


# ---------------------------------------------------------------------------------------------------------------------
# Words


def _log(settings: Settings, *, quiet: bool) -> None:
    """Log; quietly where a person is talking, unless they asked for everything."""
    wanted = settings.logging
    if quiet and wanted.level == "info":
        wanted = wanted.model_copy(update={"level": "warning"})
    open_logging(wanted, settings.secrets())


def _begin(started: Report) -> None:
    """Everything is open and listening."""
    _tell(report.of_start(started, at_terminal=sys.stdout.isatty()))
    tidy()


def _tell(lines: list[str]) -> None:
    """Print lines. Names in them are others' (models, servers): nothing in those is obeyed by the terminal."""
    sys.stdout.write("\n".join([*map(one_line, lines), ""]))
    sys.stdout.flush()


def _complain(text: str) -> None:
    sys.stderr.write(f"{one_line(text)}\n")
