"""A process that saves a note by a tap, and dies in the middle of it where it is told to.

Run as a program: the folder of the deployment, then "before" (the note is written), "after", or "" to live on.
"""

import asyncio
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from core.plugin import Tool, ToolContext, ToolResult
from core.testing import tap
from e2e.test_approval import House


def deadly(tool: Tool, dies: str) -> Tool:
    """The tool, with the end of the process before or after what it does."""

    async def call(arguments: str, context: ToolContext) -> str | ToolResult:
        if dies == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        done = await tool.call(arguments, context)
        if dies == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    return replace(tool, call=call)


async def main(folder: Path, dies: str) -> None:
    """The first life asks, taps and dies; the second one finishes what there is."""
    house = House(folder, lambda tool: deadly(tool, dies))
    async with house.life() as (engine, _):
        if dies:
            yes, _no = await house.asked(engine)
            await engine.accept([tap(yes)])
            await asyncio.Event().wait()
        await house.settled("I am not sure.")
    sys.stdout.write(json.dumps({"texts": house.texts(), "saved": house.saved()}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
