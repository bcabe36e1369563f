"""The installed product with several model servers: failover, keys that take turns, and ``waystation models``."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from simulators.openai import OpenAISimulator, Reply, status

PATIENCE_S = 30.0
WAYSTATION = str(Path(sys.executable).with_name("waystation"))


def configure(folder: Path, *labs: tuple[str, OpenAISimulator, str], more: str = "") -> None:
    """A deployment without messengers, over these servers; each with its name, and further lines of its section."""
    sections = [
        f'[providers.{name}]\nkind = "compatible"\nbase_url = "{lab.base_url}"\n{lines}\n' for name, lab, lines in labs
    ]
    text = f'data_dir = "data"\n[server]\nport = 0\n{"".join(sections)}{more}'
    (folder / "config.toml").write_text(text, encoding="utf-8")


async def begun(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    """Start a command."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("WAYSTATION_")}
    return await asyncio.create_subprocess_exec(
        WAYSTATION,
        *arguments,
        cwd=folder,
        env=environment | {"CREDENTIALS_DIRECTORY": str(folder / "none")},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def printed(folder: Path, *arguments: str) -> str:
    """What a command says."""
    process = await begun(folder, *arguments)
    async with asyncio.timeout(PATIENCE_S):
        out, err = await process.communicate()
    assert process.returncode == 0, (out, err)
    return out.decode()


@asynccontextmanager
async def running(folder: Path) -> AsyncGenerator[None]:
    """``waystation run`` beside the block."""
    process = await begun(folder, "run", "--no-chat")
    try:
        assert process.stdout
        async with asyncio.timeout(PATIENCE_S):
            while b"providers" not in (line := await process.stdout.readline()):
                assert line, "it ended"
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            await process.communicate()


async def test_a_server_that_is_busy_is_replaced_by_the_next_one(tmp_path: Path) -> None:
    """Over the real wire, by the operator's order."""
    async with OpenAISimulator() as first, OpenAISimulator() as second:
        first.on().reply(status(503))
        second.on().reply(Reply(text="From the second."))
        keyed = 'api_key = "k"\nmodels = ["sim-small"]'
        more = '[router]\nmodel = "first/sim-small"\nfallbacks = ["second"]\n'
        configure(tmp_path, ("first", first, keyed), ("second", second, keyed), more=more)
        assert (await printed(tmp_path, "chat", "Hello")).strip() == "From the second."
        assert (len(first.requests), len(second.requests)) == (1, 1)


async def test_a_key_that_is_refused_is_replaced_by_the_next_one(tmp_path: Path) -> None:
    """The person notices nothing, and the server sees the good key from then on."""
    async with OpenAISimulator(keys=frozenset({"good"})) as lab:
        configure(tmp_path, ("lab", lab, 'api_key = "bad,worse"\napi_keys = ["good"]\nmodels = ["sim-small"]'))
        assert "Hello" in await printed(tmp_path, "chat", "Hello")


async def test_the_models_are_listed_with_and_without_a_running_process(tmp_path: Path) -> None:
    """The same table both times; the process is asked where there is one."""
    async with OpenAISimulator() as lab:
        more = '[router]\nmodel = "own/sim-large"\n[prices."lab/priced"]\ninput = 1.25\noutput = 10\n'
        named = 'api_key = "k"\nmodels = ["priced", "gpt-4o"]'
        configure(tmp_path, ("lab", lab, named), ("own", lab, 'hosting = "self"'), more=more)
        alone = json.loads(await printed(tmp_path, "models", "--json"))
        async with running(tmp_path):
            beside = json.loads(await printed(tmp_path, "models", "--json"))
            table = await printed(tmp_path, "models")
        assert alone == beside
    listed = {f"{one['provider']}/{one['id']}": one for one in alone["models"]}
    assert set(listed) == {"lab/priced", "lab/gpt-4o", "own/sim-small", "own/sim-large"}
    assert [name for name, one in listed.items() if one["current"]] == ["own/sim-large"]
    assert (listed["lab/priced"]["input_usd"], listed["lab/priced"]["output_usd"]) == ("1.25", "10")
    assert listed["lab/gpt-4o"]["retires"] == "2027-01-14"
    assert listed["own/sim-small"]["hosting"] == "self"
    for told in ("lab/priced", "own/sim-large", "1.25", "10.00", "128k", "2027-01-14"):
        assert told in table


async def test_models_that_end_soon_are_told_at_the_start_and_by_check(tmp_path: Path) -> None:
    """Long past by any clock this is run by: the day is the operator's own."""
    async with OpenAISimulator() as lab:
        more = '[router]\nmodel = "lab/sim-small"\n[models."lab/sim-small"]\nretires = "2020-02-02"\n'
        configure(tmp_path, ("lab", lab, 'hosting = "self"'), more=more)
        words = "lab/sim-small was shut down on 2020-02-02: choose another model."
        assert words in await printed(tmp_path, "check")
        process = await begun(tmp_path, "run", "--no-chat")
        assert process.stdout
        async with asyncio.timeout(PATIENCE_S):
            while words.encode() not in (line := await process.stdout.readline()):
                assert line, "it was not told"
            process.send_signal(signal.SIGTERM)
            await process.communicate()
