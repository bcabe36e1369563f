"""Strangers' repositories: each installs the wheel, implements one seam, and runs the contract that ships over it."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STRANGERS = Path(__file__).with_name("strangers")
KINDS = {"adapter": "corkboard", "plugin": "coin", "provider": "parrot"}
PATIENCE_S = 300


def run(command: Sequence[str | Path], folder: Path) -> str:
    """Run a command as somebody who knows nothing of this tree; what it printed."""
    known = {
        name: text for name, text in os.environ.items() if not name.startswith(("WAYSTATION_", "PYTHON", "PYTEST"))
    }
    environment = known | {"CREDENTIALS_DIRECTORY": str(folder / "none"), "HOME": str(folder)}
    if "UV_CACHE_DIR" not in environment:
        environment["UV_CACHE_DIR"] = str(folder / "cache")
    ran = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel in it, over the packages it depends on, which this one has installed."""
    folder = tmp_path_factory.mktemp("strangers")
    uv: list[str | Path] = [sys.executable, ROOT / ".ci" / "uv.py", "uv"]
    subprocess.run(
        [*uv, "build", "--wheel", "--offline", "--out-dir", folder], cwd=ROOT, capture_output=True, check=True
    )
    (wheel,) = folder.glob("*.whl")
    place = folder / "venv"
    subprocess.run([*uv, "venv", "--offline", "--python", sys.executable, place], capture_output=True, check=True)
    python = place / "bin" / "python"
    below = Path(run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder).strip())
    below.joinpath("zz_below.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    install: list[str | Path] = [*uv, "pip", "install", "--offline", "--no-deps", "--python", python]
    subprocess.run([*install, wheel], capture_output=True, check=True)
    for kind in KINDS:
        shutil.copytree(STRANGERS / kind, folder / kind)
        subprocess.run([*install, folder / kind], capture_output=True, check=True)
    return place


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_strangers_repository_passes_the_contract_that_ships(environment: Path, kind: str) -> None:
    """With nothing of this tree but the wheel, and by the commands anybody would give."""
    folder, python = environment.parent / kind, environment / "bin" / "python"
    loaded = run([python, "-c", "import core.testing.contracts as c; print(c.__file__)"], folder).strip()
    assert Path(loaded).is_relative_to(environment)
    told = run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider"], folder).splitlines()[-1]
    assert " passed" in told
    assert "failed" not in told


@pytest.mark.slow
def test_what_strangers_installed_is_found(environment: Path) -> None:
    """By its entry point, like what ships."""
    (environment.parent / "config.toml").write_text("[providers.parrot]\n", encoding="utf-8")
    told = run([environment / "bin" / "waystation", "check"], environment.parent)
    assert "bots.corkboard: no folder" in told
    assert "parrot" in next(line for line in told.splitlines() if line.split()[0] == "providers")
    assert "coin" in next(line for line in told.splitlines() if line.split()[0] == "plugins")
