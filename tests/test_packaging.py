"""What the package promises about itself: entry points that load, bounds on dependencies, a lock anyone can use."""

import importlib.metadata
import pathlib
import re
import subprocess
import sys
import tomllib
import zipfile
from urllib.parse import urlsplit

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from providers.llama import INSTALL

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS = ("waystation.bots", "waystation.providers", "waystation.plugins", "waystation.engines")
VENDOR_SDKS = ("anthropic", "discord", "google.genai", "openai", "telegram", "xllamacpp")

ENTRY_POINTS = [
    pytest.param(entry_point, id=f"{group}:{entry_point.name}")
    for group in GROUPS
    for entry_point in importlib.metadata.entry_points(group=group)
]
EXTRAS = [r for extra in PROJECT["project"]["optional-dependencies"].values() for r in extra]
GROUPED = [r for group in PROJECT["dependency-groups"].values() for r in group]
REQUIREMENTS = [*PROJECT["project"]["dependencies"], *EXTRAS, *GROUPED]


def test_what_to_install_for_the_embedded_model_is_what_is_locked() -> None:
    """Whoever installed a wheel is told the versions that were tried."""
    for requirement in PROJECT["dependency-groups"]["embedded"]:
        assert f" {requirement}" in INSTALL


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_every_entry_point_loads_a_spec_that_opens(entry_point: importlib.metadata.EntryPoint) -> None:
    """What an entry point names can be imported, and is a spec with a name, settings and a way to open it."""
    spec = entry_point.load()
    assert spec.name == entry_point.name
    assert callable(spec.open)
    assert hasattr(spec, "settings")


def test_loading_every_entry_point_imports_no_vendor_sdk() -> None:
    """A spec can be read without its SDK: that is only imported once something configured needs it."""
    program = (
        "import importlib.metadata, sys\n"
        f"[e.load() for g in {GROUPS!r} for e in importlib.metadata.entry_points(group=g)]\n"
        f"print(*[m for m in {VENDOR_SDKS!r} if m in sys.modules])\n"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (answer.stdout.strip(), answer.stderr, answer.returncode) == ("", "", 0)


def test_what_strangers_test_with_is_what_we_test_with() -> None:
    """The contracts that ship are run by the versions they were tried with."""
    assert set(EXTRAS) <= set(PROJECT["dependency-groups"]["dev"])
    assert {Requirement(one).name for one in EXTRAS} == {"pytest", "pytest-asyncio"}


def test_the_program_loads_nothing_that_is_for_tests() -> None:
    """Fakes and contracts ship, and whoever runs the program pays nothing for them, nor needs pytest."""
    program = (
        "import sys\nfrom core.cli.main import main\nimport core.cli.running, core.app\n"
        "print(*[m for m in ('pytest', 'pytest_asyncio', 'core.testing') if m in sys.modules])\n"
        "sys.modules['pytest'] = None\nimport core.testing\n"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (answer.stdout.strip(), answer.stderr, answer.returncode) == ("", "", 0)


def test_the_installed_entry_points_are_the_declared_ones() -> None:
    """The environment holds this tree's entry points, so that what is tested is what is written."""
    installed = {
        (entry_point.group, entry_point.name, entry_point.value)
        for entry_point in importlib.metadata.distribution("waystation").entry_points
    }
    declared = {
        (group, name, value)
        for group, entries in PROJECT["project"]["entry-points"].items()
        for name, value in entries.items()
    }
    assert declared <= installed
    assert ("console_scripts", "waystation", "core.cli.main:main") in installed
    assert {group for group, _, _ in declared} == set(GROUPS)


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_every_dependency_has_a_lower_and_an_upper_bound(requirement: str) -> None:
    """A dependency says from which version on it was tried and at which it must be looked at again."""
    assert "==" in requirement or re.search(r">=[\d.]+,<[\d.]+", requirement), requirement


def test_the_lock_names_the_public_index_only() -> None:
    """Anyone can install from uv.lock: it points to no mirror."""
    urls = re.findall(r'"(https?://[^"]+)"', (ROOT / "uv.lock").read_text(encoding="utf-8"))
    assert {urlsplit(url).hostname for url in urls} == {"pypi.org", "files.pythonhosted.org"}


def test_the_lock_is_of_the_dependencies_that_are_declared() -> None:
    """A dependency changed in pyproject.toml is locked in the same change; installing from the lock would not tell."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    (ours,) = (package for package in lock["package"] if package["name"] == "waystation")
    locked = [*ours["metadata"]["requires-dist"], *(r for g in ours["metadata"]["requires-dev"].values() for r in g)]
    declared = {(canonicalize_name(r.name), r.specifier) for r in map(Requirement, REQUIREMENTS)}
    assert {(r["name"], Requirement(r["name"] + r["specifier"]).specifier) for r in locked} == declared


def test_a_wheel_holds_every_file_that_is_read_at_run_time(tmp_path: pathlib.Path) -> None:
    """What lies beside the code is packed with it: whoever installs a wheel has the same product."""
    build = [sys.executable, ".ci/uv.py", "uv", "build", "--wheel", "--offline", "--out-dir", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    folders = ("bots", "core", "plugins", "providers")
    beside = {
        str(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "core/models/catalogue.toml" in beside
    assert beside <= packed


def test_no_tests_folder_is_a_package() -> None:
    """No folder of tests has an __init__.py: tests/core would otherwise shadow core. What tests import may have."""
    packages = (ROOT / "tests").rglob("__init__.py")
    assert [package for package in packages if list(package.parent.rglob("test_*.py"))] == []
