"""The page about the architecture is true: what it names is there, in the order the checks hold, with its figures."""

import re
import tomllib
from inspect import signature
from itertools import chain
from pathlib import Path

import pytest

from bots.whatsapp.adapter import _SETTLES_S
from core import exchange, plugin, seams, site, values
from core.delivery.couriers import Delivery
from core.engines.sealing import PlainSealer
from core.engines.sqlite.connection import connect
from core.lanes import Lanes
from core.seams import Adapter, Work

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
    ROOT / "config.example.toml",
    ROOT / "docs" / "images" / "journey.svg",
]
NAMED = re.findall(r"`([^`\n]+)`", PAGE)
PATHS = sorted({name for name in NAMED if re.fullmatch(r"[\w./-]*(\.py|/)", name)})
NAMES = sorted({name for name in NAMED if re.fullmatch(r"[A-Z]\w+", name)})
FOLDERS = ("", "core", "core/people", "core/context", "core/models", "core/turn", "core/engines", "core/delivery")


def rows() -> list[list[str]]:
    """What each row of the table of ``core/`` names."""
    table = PAGE[PAGE.index("| in `core/` |") :].split("\n\n")[0]
    return [re.findall(r"`([\w.]+)/?`", line.split("|")[1]) for line in table.splitlines()[2:]]


def figure(before: str) -> int:
    """The number that the page gives behind these words."""
    found = re.search(re.escape(before) + r"\s+([\d,]+)", PAGE)
    assert found, before
    return int(found[1].replace(",", ""))


@pytest.mark.parametrize("path", PATHS)
def test_every_file_and_folder_it_names_is_there(path: str) -> None:
    """By its whole path, or beside one that was named."""
    assert any((ROOT / folder / path).exists() for folder in (*FOLDERS, "bots/telegram"))


@pytest.mark.parametrize("name", NAMES)
def test_every_value_it_names_is_there(name: str) -> None:
    """By the name it has in the seams."""
    assert any(hasattr(module, name) for module in (values, exchange, seams, site, plugin))


def test_every_link_leads_somewhere() -> None:
    """On this page and all others."""
    for page in PAGES:
        links = re.findall(r"\]\((?!\w+:|[#<])([^)#\s]+)", page.read_text(encoding="utf-8"))
        assert not [link for link in links if not (page.parent / link).exists()], page


def test_all_of_core_has_its_place_and_imports_go_up_the_table() -> None:
    """The rows are the layers that `lint-imports` holds, from the bottom."""
    there = {path.stem for path in (ROOT / "core").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    told = list(chain.from_iterable(rows()))
    assert sorted(name.removesuffix(".py") for name in told) == sorted(there - {"__init__"})
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(one["layers"] for one in contracts if one.get("containers") == ["core"])
    height = {name: len(layers) - level for level, layer in enumerate(layers) for name in layer.split(" | ")}
    heights = [{height[name.removesuffix(".py")] for name in row} for row in rows()]
    assert all(len(one) == 1 for one in heights)
    assert [min(one) for one in heights] == sorted(min(one) for one in heights)


def test_its_figures_are_those_of_the_code(tmp_path: Path) -> None:
    """Whoever changes one finds the other."""
    lanes, delivery = signature(Lanes).parameters, signature(Delivery).parameters
    assert figure("a line of ready lanes (at most") == lanes["line"].default
    assert figure("turns that run (at most") == lanes["at_once"].default
    assert figure("being delivered to (at most") == delivery["couriers"].default
    assert "nothing was heard for half a minute" in PAGE
    assert _SETTLES_S == 30
    db = connect(tmp_path / "waystation.db")
    kept = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    db.close()
    assert kept == ["wal", 2]
    assert "write-ahead log, `synchronous=FULL`" in PAGE


def test_the_methods_it_names_are_there() -> None:
    """Those by which its journey goes."""
    assert {"Work.show", "adapter.put"} <= set(NAMED)
    assert callable(Work.show)
    assert callable(Adapter.put)


ENCRYPTED = re.compile(r"(?<!not )(?<!-to-end )\b(sealed|sealing|encrypt\w*)", re.IGNORECASE)
TRUE = (
    "sealer (`core/engines/sealing.py`)",  # what it does not do is said right there
    "encrypts nothing",
    "without encryption",
    "encrypted thoughts",  # those of labs
    "| signed | encrypted |",  # the same
    "each encrypted under a key of its own",  # files of the web chat (bots/web/files.py)
    "in one small encrypted file",  # leftovers of the web chat (bots/web/leftovers.py)
)


def test_no_page_promises_an_encryption_that_there_is_not() -> None:
    """As long as the sealer keeps what it is given as it is."""
    assert b"my doctor said" in PlainSealer().seal(b"", ("s", "t", "r"), b"my doctor said")
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for phrase in TRUE:
            text = text.replace(phrase, "")
        assert ENCRYPTED.findall(text) == [], page
