"""A simulated model server as a program: `python -m simulators.openai --port 9001 --control` in tests/."""

from __future__ import annotations

import argparse
import asyncio

from ..control import serve  # noqa: TID252 - the folder above is a plain folder of simulators
from .replies import Pace
from .simulator import MODELS, OpenAISimulator


def main() -> None:
    """Run until SIGINT or SIGTERM; the first line on standard output says where it listens."""
    parser = argparse.ArgumentParser(prog="python -m simulators.openai", description=main.__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--model", action="append", default=[], help=f"may be repeated (default: {[*MODELS]})")
    parser.add_argument("--control", action="store_true", help="answer POST /control/<verb>")
    parser.add_argument("--words", type=int, default=0, help="words of filler in the default answer")
    parser.add_argument("--first-token-s", type=float, default=0.0)
    parser.add_argument("--tokens-per-s", type=float, default=None)
    parser.add_argument("--tick-s", type=float, default=0.05, help="pieces due within it are written together")
    asyncio.run(_run(parser.parse_args()))


async def _run(options: argparse.Namespace) -> None:
    pace = Pace(first_token_s=options.first_token_s, tokens_per_s=options.tokens_per_s, tick_s=options.tick_s)
    simulator = OpenAISimulator(
        models=dict.fromkeys(options.model) or MODELS,
        words=options.words,
        pace=pace,
        host=options.host,
        port=options.port,
        control=options.control,
    )
    async with simulator:
        await serve(simulator)


if __name__ == "__main__":
    main()
