"""Signals while somebody sits at the keyboard: SIGTERM ends the conversation, and none goes unnoticed."""

import signal
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

_NUDGE_S = 0.05
_NUDGES = 3


class Leave(Exception):
    """What SIGTERM raises in the main thread."""


@contextmanager
def leaving_on_sigterm() -> Generator[Callable[[], None], None, None]:
    """Let SIGTERM raise ``Leave`` in the main thread, once; yields what sends it there, for other threads."""
    main = threading.main_thread().ident or 0
    leaving = False

    def leave(_: int, __: FrameType | None) -> None:
        nonlocal leaving
        if not leaving:
            leaving = True
            raise Leave

    before = signal.signal(signal.SIGTERM, leave)
    try:
        with _nudged(main):
            yield lambda: signal.pthread_kill(main, signal.SIGTERM)
    finally:
        leaving = True
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _nudged(main: int) -> Generator[None, None, None]:
    """See that no signal goes unnoticed while the block runs.

    One that comes right before the keyboard is waited for is noticed only when that wait is broken; so whoever hears
    of it meanwhile breaks it, by a signal that does nothing.
    """
    heard, told = socket.socketpair()

    def nudge() -> None:
        with heard:
            while number := heard.recv(1):
                for _ in range(_NUDGES if number[0] != signal.SIGUSR1 else 0):
                    time.sleep(_NUDGE_S)
                    signal.pthread_kill(main, signal.SIGUSR1)

    told.settimeout(0)
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    nudging = threading.Thread(target=nudge, name="nudge", daemon=True)
    nudging.start()
    descriptor = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(descriptor)
        told.close()
        nudging.join()  # a nudge that came later would find no handler, and end the process
        signal.signal(signal.SIGUSR1, before)
