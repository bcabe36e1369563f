"""Files with secrets in them that other users of the machine may read: said once each, with the path and the mend."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.config.configuration import load
from core.config.settings import Settings

INSTALLED = Path(__file__).resolve().parents[2] / "installed"
TOKEN = '[bots.pigeon]\ntoken = "t0ken"\n'


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, nothing in the environment, and a stranger's package installed."""
    for name in ("CONFIG", "SECRETS_DIR", "SPECS"):
        monkeypatch.delenv(f"WAYSTATION_{name}", raising=False)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "no-credentials"))
    monkeypatch.syspath_prepend(INSTALLED)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(text: str, mode: int) -> Settings:
    """Load a file that says this and has these rights."""
    path = Path("config.toml")
    path.write_text(f'database = "shelf"\n{text}', encoding="utf-8")
    path.chmod(mode)
    return load(path.absolute())


def test_a_configuration_file_with_a_token_that_others_may_read(place: Path) -> None:
    """What to type is said along."""
    told = f"{place}/config.toml (mode 0644) can be read by other users of this machine, and holds secrets:"
    assert written(TOKEN, 0o644).exposed == (f"{told} chmod 600 {place}/config.toml",)


@pytest.mark.parametrize(
    "text, mode",
    [(TOKEN, 0o600), ("", 0o644), ('[bots.pigeon]\nmode = "homing"\n', 0o644)],
    ids=["closed", "empty", "open"],
)
def test_there_is_nothing_to_say(text: str, mode: int) -> None:
    """Of a file nobody else reads, and of one without secrets, which may well be shown around."""
    assert written(text, mode).exposed == ()


def test_a_folder_of_secrets_is_told_of_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many of its files can be read."""
    secrets = place / "secrets"
    secrets.mkdir()
    for name, mode in (("bots__pigeon__token", 0o600), ("bots__telegram__token", 0o644), ("bots__pigeon__mode", 0o644)):
        (secrets / name).write_text("homing", encoding="utf-8")
        (secrets / name).chmod(mode)
    (secrets / "another-programs").write_text("not ours", encoding="utf-8")
    monkeypatch.setenv("WAYSTATION_SECRETS_DIR", str(secrets))
    (told,) = written("", 0o644).exposed
    assert told == (
        f"{secrets}/bots__pigeon__mode (mode 0644) can be read by other users of this machine,"
        f" and so can 1 more beside it: chmod 600 {secrets}/*"
    )
    (secrets / "bots__telegram__token").chmod(0o600)
    (secrets / "bots__pigeon__mode").chmod(0o600)
    assert written("", 0o644).exposed == ()


def test_the_command_says_so(place: Path) -> None:
    """Where an operator looks: `waystation check`, and at the start the same lines."""
    path = place / "config.toml"
    path.write_text('[bots.telegram]\ntoken = "123456:t0ken-t0ken-t0ken-t0ken-t0ken-t0ken"\n', encoding="utf-8")
    path.chmod(0o604)
    command = [str(Path(sys.executable).with_name("waystation")), "check", "--config", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"{path} (mode 0604) can be read by other users" in said
    assert "t0ken" not in said
