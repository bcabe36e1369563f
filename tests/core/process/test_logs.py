"""What is written to standard error, seen from outside: each test runs a small program and reads its lines."""

import json
import subprocess
import sys
from typing import Any

import pytest

PROGRAM = """
import asyncio, gc, logging, sys, warnings
import structlog
log = structlog.get_logger()
from core.process.logs import open_logging, watch
from core.config.settings import Logging
"""


def lines(body: str) -> list[str]:
    """Run a program; what it wrote to standard error, by line."""
    ran = subprocess.run([sys.executable, "-c", PROGRAM + body], capture_output=True, text=True, check=True)
    assert ran.stdout == ""
    return ran.stderr.splitlines()


def events(body: str) -> list[dict[str, Any]]:
    """Run a program that logs JSON."""
    return [json.loads(line) for line in lines(body)]


def test_each_event_is_one_line_of_json_with_time_level_and_event_first() -> None:
    """A log collector needs no configuration, and a person can still read it."""
    (line,) = lines("open_logging(Logging(format='json')); log.info('accepted', key='k', bytes=3)")
    assert list(json.loads(line)) == ["timestamp", "level", "event", "key", "bytes"]


def test_standard_error_that_is_no_terminal_gets_json() -> None:
    """``auto`` is pretty for eyes only."""
    assert events("open_logging(Logging()); log.info('x')")[0]["event"] == "x"


def test_pretty_lines_have_no_colours_outside_a_terminal() -> None:
    """A log file holds no escape codes."""
    (line,) = lines("open_logging(Logging(format='pretty')); log.info('accepted', key='k')")
    assert "accepted" in line
    assert "\x1b" not in line


def test_a_lane_and_turn_bound_once_are_on_every_line() -> None:
    """Also on those that libraries write meanwhile."""
    told = events(
        "open_logging(Logging()); structlog.contextvars.bind_contextvars(lane='l1', turn='t1');"
        "log.info('a'); logging.getLogger('lib').warning('b')"
    )
    assert [(event["lane"], event["turn"]) for event in told] == [("l1", "t1")] * 2


def test_libraries_are_heard_from_warning_on() -> None:
    """Their information is noise, and may hold what people said."""
    told = events(
        "open_logging(Logging(level='debug'));"
        "logging.getLogger('lib').info('chat'); logging.getLogger('lib').warning('careful'); warnings.warn('old')"
    )
    assert told[0]["event"] == "careful"
    assert told[0]["logger"] == "lib"
    assert "UserWarning: old" in told[1]["event"]
    assert len(told) == 2


@pytest.mark.parametrize("form", ["json", "pretty"])
def test_no_secret_reaches_a_line_in_any_spelling(form: str) -> None:
    """Not in a value, an address, a traceback, or a library's message."""
    told = lines(
        f"""
secret = 'to"ken/é 12'
open_logging(Logging(format={form!r}), [secret, 'longer-' + secret, 'x', ''])
log.info(secret, address='http://h/bot' + secret, quoted='http://h/to%22ken%2F%C3%A9%2012')
logging.getLogger('lib').warning('sent %s', {{'auth': secret}})
try:
    raise ValueError(secret)
except ValueError:
    log.exception('failed')
"""
    )
    text = "\n".join(told)
    assert "ken" not in text
    assert "***" in text
    assert "failed" in text, "a secret of one letter takes nothing out"


def test_a_traceback_shows_no_local_variables() -> None:
    """They hold what people said."""
    told = lines(
        """
open_logging(Logging(format='pretty'))
def answer(said):
    raise ValueError('no')
try:
    answer('what a person' + ' told us')
except ValueError:
    log.exception('failed')
"""
    )
    assert "ValueError: no" in told
    assert "what a person told us" not in "\n".join(told)


def test_what_a_forgotten_task_raised_is_logged() -> None:
    """Nothing fails in silence."""
    (told,) = events(
        """
async def fail():
    raise ValueError('boom')
async def main():
    watch(asyncio.get_running_loop())
    asyncio.get_running_loop().create_task(fail())
    await asyncio.sleep(0)
    gc.collect()
open_logging(Logging())
asyncio.run(main())
"""
    )
    assert (told["event"], told["level"]) == ("unhandled", "error")
    assert "ValueError: boom" in told["exception"]


def test_a_closed_pipe_behind_standard_error_stops_nothing() -> None:
    """Logging is never the reason why an answer is not given."""
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            PROGRAM + "import os\nopen_logging(Logging()); os.close(2); log.info('x'); print('went on')",
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert ran.stdout == "went on\n"


def test_a_stage_nobody_asked_to_see_costs_next_to_nothing() -> None:
    """Every message passes dozens of them."""
    (told,) = events(
        """
import timeit
open_logging(Logging(level='info'))
once = lambda: log.debug('stage', stage='accept', phase='begin')
log.info('took', us=min(timeit.repeat(once, number=20_000, repeat=5)) / 20_000 * 1e6)
"""
    )
    assert told["us"] < 10


@pytest.mark.parametrize("form", ["json", "pretty"])
def test_what_others_call_their_things_is_letters_in_a_line(form: str) -> None:
    """A terminal obeys none of it, nobody is misled by turned letters, and no name makes a line of its own."""
    told = lines(
        f"""
evil = chr(27) + '[2J' + chr(0x202e) + chr(0x9b) + chr(13) + chr(10) + 'error forged' + chr(7)
class Thing:
    def __str__(self): return evil
    __repr__ = __str__
open_logging(Logging(format={form!r}))
log.info('a ' + evil, model=evil, many=[evil, {{evil: evil}}], thing=Thing())
logging.getLogger('lib').warning('from %s', evil)
"""
    )
    assert len(told) == 2
    assert all(letter.isprintable() for line in told for letter in line)
    assert all("forged" in line for line in told)


@pytest.mark.parametrize("form", ["json", "pretty"])
def test_what_others_say_in_an_error_is_letters_too(form: str) -> None:
    """A traceback keeps its lines, and nothing else."""
    told = lines(
        f"""
open_logging(Logging(format={form!r}))
try:
    raise ValueError(chr(27) + '[2J' + chr(0x202e) + 'evil')
except ValueError:
    log.exception('broke')
"""
    )
    assert all(letter.isprintable() for line in told for letter in line)
    assert "evil" in "".join(told)
