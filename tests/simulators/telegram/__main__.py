"""A simulated Telegram as a program: `python -m simulators.telegram --port 9000 --control` in tests/."""

from __future__ import annotations

import argparse
import asyncio

from ..control import serve  # noqa: TID252 - the folder above is a plain folder of simulators
from .simulator import TOKEN, TelegramSimulator


def main() -> None:
    """Run until SIGINT or SIGTERM; the first line on standard output says where it listens."""
    parser = argparse.ArgumentParser(prog="python -m simulators.telegram", description=main.__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--token", action="append", default=[], help=f"a bot; may be repeated (default: {TOKEN})")
    parser.add_argument("--control", action="store_true", help="answer POST /control/<verb>")
    parser.add_argument("--no-rich", action="store_true", help="do not know sendRichMessage")
    parser.add_argument("--govern", action="store_true", help="answer 429 to what comes too soon")
    asyncio.run(_run(parser.parse_args()))


async def _run(options: argparse.Namespace) -> None:
    simulator = TelegramSimulator(
        *options.token, host=options.host, port=options.port, rich=not options.no_rich, control=options.control
    )
    if options.govern:
        simulator.govern()
    async with simulator:
        await serve(simulator)


if __name__ == "__main__":
    main()
