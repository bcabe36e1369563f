"""The page about plugins is true: it names what ships, and the limits as they are."""

import re
from pathlib import Path

from contracts.rigs.plugins import RIGS
from core.config.settings import Tools

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")


def test_every_plugin_and_every_tool_of_it_has_its_row() -> None:
    """What ships is found there, and nothing else."""
    rows = dict(re.findall(r"^\| `(\w+)` \| ([`–][^|]*) \|", PAGE, re.MULTILINE))
    assert {name: set(re.findall(r"`(\w+)`", tools)) for name, tools in rows.items()} == {
        name: set(rig.calls) for name, rig in RIGS.items()
    }


def test_every_limit_stands_there_as_it_is() -> None:
    """Whoever reads the page need not look at the code."""
    rows = dict(re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", PAGE, re.MULTILINE))
    assert {name: float(figure.replace(",", "")) for name, figure in rows.items()} == dict(Tools())
