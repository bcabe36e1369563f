"""What the process writes about itself: one line an event to standard error, JSON or readable.

A line holds ids, sizes and outcomes, never what people or models said. Whoever logs asks ``structlog.get_logger()``
for a logger and binds the lane and the turn with ``structlog.contextvars``; what libraries log joins from WARNING on.
Secret values are taken out of every finished line, whoever wrote it, and characters that would move the cursor, colour
or hide something at a terminal are shown by their number: names in a line are often others'.
"""

import asyncio
import io
import json
import logging
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, TextIO, cast
from urllib.parse import quote

import structlog
from structlog.typing import EventDict, Processor

from core.config.settings import Logging
from core.text.fencing import numbered, one_line

_SHORTEST_SECRET = 6
"""Shorter ones are no secrets, and taking them out would garble the rest."""


def open_logging(settings: Logging, secrets: Iterable[str] = ()) -> None:
    """Log to standard error from here on.

    Args:
        secrets: Values that must never appear in a line.
    """
    pretty = settings.format == "pretty" or (settings.format == "auto" and sys.stderr.isatty())
    lines = _Lines(sys.stderr, secrets)
    render = _render_pretty() if pretty else _render_json()
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if pretty else "iso", utc=not pretty),
    ]
    structlog.configure(
        processors=[*before, *render],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", lines)),  # it only writes and flushes
        cache_logger_on_first_use=True,
    )
    _join_libraries(lines, before, render)


def watch(loop: asyncio.AbstractEventLoop) -> None:
    """Log what a task raised when nobody was waiting for it."""
    log = structlog.get_logger("asyncio")

    def tell(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        log.error("unhandled", what=context["message"], exc_info=context.get("exception"))

    loop.set_exception_handler(tell)


class _Lines:
    """Standard error, a whole line a write; without secrets, and without raising when nobody can read it."""

    def __init__(self, stream: TextIO, secrets: Iterable[str]) -> None:
        self._stream = stream
        spellings = {spelled for text in secrets if len(text) >= _SHORTEST_SECRET for spelled in _spellings(text)}
        longest_first = sorted(spellings, key=len, reverse=True)
        self._secret = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def write(self, text: str) -> None:
        # A full disk or a closed pipe behind standard error must not stop the work that is being logged.
        with suppress(OSError, ValueError):
            self._stream.write(self._secret.sub("***", text))

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def _spellings(secret: str) -> set[str]:
    """As it is, and as it reads inside JSON, a Python literal and an address."""
    return {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]} | {
        quote(secret, safe=""),
        quote(secret),
    }


def _render_json() -> list[Processor]:
    json_lines = structlog.processors.JSONRenderer(ensure_ascii=False)
    return [structlog.processors.format_exc_info, _shown_plainly, _in_reading_order, json_lines]


def _in_reading_order(_: object, __: str, event: EventDict) -> EventDict:
    first = {name: event[name] for name in ("timestamp", "level", "event") if name in event}
    return {**first, **event}


def _render_pretty() -> list[Processor]:
    # Not the tracebacks of rich: they show local variables, and with them what people said.
    return [
        _shown_plainly,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_traceback, pad_event_to=24),
    ]


def _traceback(out: TextIO, exception: Any) -> None:  # noqa: ANN401 - structlog's own union
    plain = io.StringIO()
    structlog.dev.plain_traceback(plain, exception)
    out.write(numbered(plain.getvalue()))


_LINES = frozenset({"exception", "stack"})
"""Of several lines each."""


def _shown_plainly(_: object, __: str, event: EventDict) -> EventDict:
    shown = {one_line(name): numbered(told) if name in _LINES else _plain(told) for name, told in event.items()}
    return {**shown, **({"exc_info": event["exc_info"]} if "exc_info" in event else {})}


def _plain(told: object) -> object:
    """A value without what a terminal would obey, and of kinds that JSON has."""
    match told:
        case str():
            return one_line(told)
        case bool() | int() | float() | None:
            return told
        case dict():
            return {one_line(str(name)): _plain(one) for name, one in told.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(one) for one in told]
        case _:
            return one_line(str(told))


def _join_libraries(lines: _Lines, before: list[Processor], render: list[Processor]) -> None:
    handler = logging.StreamHandler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
