"""Counts through how many files one question runs, and how often it moves from one file into another.

    python benchmarks/journey.py            the two figures
    python benchmarks/journey.py --moves    and each move, the most frequent first

A question is asked on a simulated Telegram and answered by a scripted model, in a process that has answered two before.
A move is a call, or the resumption of a coroutine, of a function in one of our files by a function in another one;
whatever runs between them in a library does not count. All threads are watched.
"""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from core.app import Stop, serve  # noqa: E402
from core.config.configuration import load  # noqa: E402
from simulators.openai import OpenAISimulator  # noqa: E402
from simulators.telegram import TelegramSimulator  # noqa: E402

_PERSON = 42
_SETTLES_S = 1.0  # what follows an answer: confirming it, going idle
_CONFIG = """
data_dir = {data}
server.port = 0
access.policy = "open"
[bots.telegram]
token = {token}
api_base = {telegram}
[providers.lab]
kind = "compatible"
hosting = "self"
base_url = {lab}
models = ["sim-small"]
"""


class Journey:
    """Watches calls while it is ``on``.

    Attributes:
        files: Our files that ran.
        moves: How often a function of the first file called into the second.
    """

    def __init__(self) -> None:
        self.on = False
        self.files: set[str] = set()
        self.moves: Counter[tuple[str, str]] = Counter()
        self._ours = tuple(f"{ROOT / folder}/" for folder in ("bots", "core", "plugins", "providers"))

    def watch(self, frame: FrameType, event: str, _: object) -> None:
        """Count a call; see ``sys.setprofile``."""
        if not self.on or event != "call" or not self._is_ours(frame):
            return
        here = frame.f_code.co_filename
        self.files.add(here)
        caller = frame.f_back
        while caller is not None and not self._is_ours(caller):
            caller = caller.f_back
        if caller is not None and caller.f_code.co_filename != here:
            self.moves[caller.f_code.co_filename, here] += 1

    def _is_ours(self, frame: FrameType) -> bool:
        return frame.f_code.co_filename.startswith(self._ours)


async def _asked(journey: Journey) -> None:
    """Ask three questions; the last one is watched."""
    async with OpenAISimulator() as lab, TelegramSimulator() as telegram:
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "config.toml"
            values = {
                "data": f"{folder}/data",
                "token": telegram.token,
                "telegram": telegram.base_url,
                "lab": lab.base_url,
            }
            config.write_text(_CONFIG.format(**{name: json.dumps(value) for name, value in values.items()}))
            stop, ready = Stop(), asyncio.Event()
            running = asyncio.create_task(serve(load(config), stop, lambda _: ready.set()))
            await ready.wait()
            for number in range(3):
                journey.on = number == 2
                telegram.say(_PERSON, f"What is a tombstone? ({number})")
                await telegram.until(lambda asked=number + 1: len(_answers(telegram)) == asked)  # type: ignore[misc]
                await asyncio.sleep(_SETTLES_S)
            journey.on = False
            stop.ask()
            await running


def _answers(telegram: TelegramSimulator) -> list[str]:
    return [shown.text for shown in telegram.chat(_PERSON).replies() if shown.message_id]


def main() -> int:
    """Count, and print."""
    parser = argparse.ArgumentParser(
        prog="benchmarks/journey.py", description="Counts the files a question runs through."
    )
    parser.add_argument("--moves", action="store_true", help="list each move")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    journey = Journey()
    threading.setprofile(journey.watch)
    sys.setprofile(journey.watch)
    asyncio.run(_asked(journey))
    sys.setprofile(None)
    print(f"{len(journey.files)} files, {journey.moves.total()} moves between files")
    if options.moves:
        for (caller, callee), count in journey.moves.most_common():
            print(f"{count:5}  {Path(caller).relative_to(ROOT)} -> {Path(callee).relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
