"""``config.example.toml`` is the reference of the configuration, so it has to be right."""

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from core.config import layers
from core.config.configuration import load
from core.config.settings import Fixed
from core.config.specs import Group, find

EXAMPLE = Path(__file__).resolve().parents[3] / "config.example.toml"
OFF = re.compile(r"^#(?=[a-z_]+ = )", re.MULTILINE)
KEY = re.compile(r"^#?([a-z_]+) = ", re.MULTILINE)
INSTANCES = {"local": "compatible", "xai": "compatible"}
"""Providers of the example that are called otherwise than their kind."""
FREE = {"models", "prices"}
"""Tables of sections whose names are free."""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing but the example is read."""
    for name in ("CONFIG", "SECRETS_DIR"):
        monkeypatch.delenv(f"WAYSTATION_{name}", raising=False)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "none"))


def everything_on(folder: Path) -> Path:
    """The example with every key switched on, as it stands there."""
    path = folder / "config.toml"
    path.write_text(OFF.sub("", EXAMPLE.read_text(encoding="utf-8")), encoding="utf-8")
    return path


def mentioned() -> set[str]:
    """Every key in the example, by its full name, a provider's under its kind."""
    keys, section = set(), ""
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        if header := re.fullmatch(r"\[(.+)\]", line):
            group, _, name = header[1].partition(".")
            name = re.sub(r'^"[^"]*"\.?', "", name)  # the names of single models are free
            section = f"{group}.{INSTANCES.get(name, name)}." if name else f"{group}."
        elif key := KEY.match(line):
            keys.add(section + key[1])
    return keys


def known() -> set[str]:
    """Every key of what ships, by its full name. Only a provider that has another's name needs a kind."""
    some_model = [(table, "any", "key") for table in FREE]
    keys = {".".join(part for part in key if part != "any") for key, _ in layers.leaves(Fixed, written=some_model)}
    keys -= FREE
    for group in get_args(Group):
        for name, found in find(group).items():
            assert found.spec is not None, found.broken
            keys |= {".".join((group, name, *key)) for key, _ in layers.leaves(found.spec.settings)}
    return {key for key in keys if not key.startswith("engines.")} | {"providers.compatible.kind"}


def test_the_example_loads_as_it_is() -> None:
    """Whoever copies it has a configuration that works, with nothing switched on by it."""
    loaded = load(EXAMPLE)
    assert [section.name for section in loaded.bots] == ["terminal", "web"]
    assert "bots.telegram" in {off.section for off in loaded.off}


def test_the_example_loads_with_every_key_switched_on(tmp_path: Path) -> None:
    """No commented line is wrong either."""
    load(everything_on(tmp_path))


def test_the_example_mentions_every_key_there_is_and_no_other() -> None:
    """What it does not show does not exist."""
    assert mentioned() == known()


def test_what_the_example_shows_are_the_defaults(tmp_path: Path) -> None:
    """Switching a key on changes nothing, save where the default is to have none."""
    shown, bare = load(everything_on(tmp_path)), Fixed()
    for name in set(Fixed.model_fields) - {"data_dir", *FREE}:
        assert getattr(shown, name) == getattr(bare, name), name
    assert shown.data_dir == tmp_path / "data"
    for group in ("bots", "providers", "plugins"):
        for section in getattr(shown, group):
            if section.name not in {*INSTANCES, "notes"}:
                assert written(section.settings) == written(section.spec.settings()), section.name


def written(settings: BaseModel) -> dict[str, object]:
    """Its keys and values, without the kind."""
    return {key: item for key, item in settings if key != "kind"}
