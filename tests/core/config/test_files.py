"""Plugins that are single files: found in the operator's folder, and what is wrong with one costs no other anything."""

import py_compile
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import plugins.clock
from core.config.configuration import load
from core.config.settings import Settings
from core.errors import SettingsError

UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH
GREETING = '''
from core.tools import plugin

async def hello(name: str) -> str:
    """Greet somebody by name."""
    return f"Hello, {name}!"

spec = plugin("greeting", hello)
'''
COUNTED = """
from contextlib import asynccontextmanager
from pydantic import BaseModel
from core.plugin import Plugin
from core.site import Spec

class CountedSettings(BaseModel):
    most: int = 3

@asynccontextmanager
async def open_counted(site, settings):
    yield Plugin(name=site.name)

spec = Spec(name="counted", settings=CountedSettings, open=open_counted)
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing but what a test writes is read."""
    for name in ("CONFIG", "SECRETS_DIR", "PLUGINS_DIR"):
        monkeypatch.delenv(f"WAYSTATION_{name}", raising=False)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "none"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The operator's folder."""
    folder = tmp_path / "plugins.d"
    folder.mkdir(mode=0o755)
    return folder


def read(folder: Path, config: str = "") -> Settings:
    """The configuration that names the folder."""
    path = folder.parent / "config.toml"
    path.write_text(f'plugins_dir = "{folder}"\n{config}', encoding="utf-8")
    return load(path)


def write(folder: Path, name: str, text: str, mode: int = 0o644) -> None:
    """A file in the folder."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def off(settings: Settings) -> dict[str, str]:
    """What is off, and why."""
    return {off.section: off.why for off in settings.off}


def on(settings: Settings) -> set[str]:
    """The plugins that are on, besides those that ship."""
    installed = {entry.name for entry in entry_points(group="waystation.plugins")}
    return {section.name for section in settings.plugins} - installed


def test_a_file_is_a_plugin(folder: Path) -> None:
    """As if it were installed; with a section of its own."""
    write(folder, "greeting.py", GREETING)
    write(folder, "counted.py", COUNTED)
    settings = read(folder, "[plugins.counted]\nmost = 5\n")
    assert on(settings) == {"greeting", "counted"}
    counted = next(section for section in settings.plugins if section.name == "counted")
    assert counted.settings.most == 5  # type: ignore[attr-defined]


def test_a_file_can_be_switched_off(folder: Path) -> None:
    """By its section, and a wrong key in it is refused as everywhere."""
    write(folder, "greeting.py", GREETING)
    assert on(read(folder, "[plugins.greeting]\nenabled = false\n")) == set()
    with pytest.raises(SettingsError, match="there is no such setting"):
        read(folder, "[plugins.greeting]\nenable = false\n")


@pytest.mark.parametrize(
    "name, text, why",
    [
        ("syntax", "def", "SyntaxError"),
        ("raises", "raise RuntimeError('no luck')", "no luck"),
        ("leaves", "import sys; sys.exit(3)", "SystemExit: 3"),
        ("imports", "import no_such_module", "no_such_module"),
        ("empty", "", "has no spec in it"),
        ("other", "spec = 7", "has no spec in it"),
        ("renamed", GREETING, "call it greeting.py"),
        ("untyped", "from core.tools import plugin\ndef f(x):\n  'Do.'\nspec = plugin('untyped', f)", "one type"),
        ("Bad-Name", GREETING.replace('"greeting"', '"Bad-Name"'), "small letters"),
    ],
)
def test_what_is_wrong_with_one_file_costs_no_other_anything(folder: Path, name: str, text: str, why: str) -> None:
    """It is off, with the reason, also where the configuration has something to tell it."""
    write(folder, "greeting.py", GREETING)
    write(folder, f"{name}.py", text)
    settings = read(folder, f"[plugins.{name}]\nlevel = 3\n")
    assert on(settings) == {"greeting"}
    assert why in off(settings)[f"plugins.{name}"]


def test_what_the_environment_tells_a_broken_file_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be left out, and nobody would read it."""
    write(folder, "broken.py", "def")
    monkeypatch.setenv("WAYSTATION_PLUGINS__BROKEN__LEVEL", "3")
    with pytest.raises(SettingsError, match="SyntaxError"):
        read(folder)


def test_a_file_does_not_take_an_installed_plugins_place(folder: Path) -> None:
    """What is installed stays what it is."""
    write(folder, "clock.py", GREETING.replace('"greeting"', '"clock"'))
    settings = read(folder)
    assert "installed already" in off(settings)["plugins_dir/clock.py"]
    clock = next(section for section in settings.plugins if section.name == "clock")
    assert clock.spec is plugins.clock.spec


def test_files_for_others_are_none(folder: Path) -> None:
    """Parts of a plugin begin with an underscore."""
    for name in ("_parts.py", ".hidden.py", "readme.md"):
        write(folder, name, "raise RuntimeError")
    settings = read(folder)
    assert on(settings) == set()
    assert [section for section in off(settings) if section.startswith("plugins_dir")] == []


def test_what_everybody_may_write_is_not_read(folder: Path) -> None:
    """A file alone, or the whole folder; the rest of the configuration goes on."""
    write(folder, "greeting.py", GREETING)
    write(folder, "counted.py", "raise RuntimeError('it was read')", 0o666)
    settings = read(folder)
    assert on(settings) == {"greeting"}
    told = (
        f"{folder}/counted.py (mode 0666) can be written by everybody, so it is not read: chmod o-w {folder}/counted.py"
    )
    assert off(settings)["plugins.counted"].startswith(told)
    folder.chmod(0o1777)
    settings = read(folder)
    assert on(settings) == set()
    assert f"{folder} (mode 1777) can be written by everybody" in off(settings)["plugins_dir"]


def test_what_could_be_put_in_another_folders_place_is_not_read(folder: Path) -> None:
    """Whoever may write above it may rename it; where a folder keeps each entry to its owner, they may not."""
    write(folder, "greeting.py", "raise RuntimeError('it was read')")
    folder.parent.chmod(0o777)
    why = off(read(folder))["plugins_dir"]
    assert (
        why == f"{folder.parent} (mode 0777) can be written by everybody, so it is not read: chmod o-w {folder.parent}"
    )
    write(folder, "greeting.py", GREETING)
    folder.parent.chmod(0o1777)
    assert on(read(folder)) == {"greeting"}


def test_a_link_is_followed_to_where_it_leads(folder: Path, tmp_path: Path) -> None:
    """What counts is who may write there."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    write(elsewhere, "greeting.py", GREETING)
    (folder / "greeting.py").symlink_to(elsewhere / "greeting.py")
    assert on(read(folder)) == {"greeting"}
    elsewhere.chmod(0o777)
    assert f"{elsewhere} (mode 0777)" in off(read(folder))["plugins.greeting"]


def test_what_lies_beside_a_file_as_its_bytecode_is_not_run(folder: Path) -> None:
    """It would be believed by its date alone, and nobody looks at who may write it."""
    write(folder, "greeting.py", "raise RuntimeError('bytecode')")
    cached = Path(py_compile.compile(str(folder / "greeting.py"), invalidation_mode=UNCHECKED) or "")
    write(folder, "greeting.py", GREETING)
    assert cached.is_relative_to(folder)
    assert on(read(folder)) == {"greeting"}


def test_a_folder_that_is_not_there_is_off(folder: Path) -> None:
    """With the reason, and nothing else is."""
    folder.rmdir()
    settings = read(folder)
    assert "cannot be read (No such file" in off(settings)["plugins_dir"]
    assert {section.name for section in settings.plugins} >= {"clock"}


def test_a_relative_folder_lies_beside_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From wherever it is started."""
    write(folder, "broken.py", "1 / 0")
    path = folder.parent / "config.toml"
    path.write_text(f'plugins_dir = "{folder.name}"', encoding="utf-8")
    monkeypatch.chdir("/")
    settings = load(path)
    assert "ZeroDivisionError" in off(settings)["plugins.broken"]
    assert settings.plugins_dir == folder
