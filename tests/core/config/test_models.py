"""What the configuration says of models: sections with free names, whose keys are known all the same."""

from decimal import Decimal
from pathlib import Path

import pytest

from core.config.configuration import load
from core.config.settings import Settings
from core.errors import SettingsError

ECHO = "[providers.echo]\nenabled = true\n"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory, and nothing in the environment."""
    for name in ("CONFIG", "SECRETS_DIR"):
        monkeypatch.delenv(f"WAYSTATION_{name}", raising=False)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "no-credentials"))
    monkeypatch.chdir(tmp_path)


def written(text: str) -> Settings:
    """Load a file that says this, with a provider that answers."""
    Path("config.toml").write_text(ECHO + text, encoding="utf-8")
    return load()


def refused(text: str) -> list[str]:
    """What is said of a file that says this, a line for each thing that is wrong."""
    with pytest.raises(SettingsError) as refusal:
        written(text)
    return [line.strip() for line in str(refusal.value).splitlines()[1:]]


def test_a_model_has_a_section_of_its_own_by_its_whole_name() -> None:
    """Names hold dots, slashes and colons, and stand in quotes."""
    loaded = written(
        '[models."echo/qwen3.8:8b"]\ncontext_tokens = 16000\nimages = true\n'
        '[models."echo/qwen3.8:8b".quality]\ncode = 3\n'
        '[prices."echo/org/model"]\ninput = 0.1\noutput = 2\n'
    )
    notes = loaded.models["echo/qwen3.8:8b"]
    assert (notes.context_tokens, notes.images, notes.tools) == (16_000, True, None)
    assert notes.quality is not None
    assert notes.quality.code == 3
    assert loaded.prices["echo/org/model"].input == Decimal("0.1"), "exactly what was written"


@pytest.mark.parametrize(
    "text, where, why",
    [
        (
            '[models."echo/x"]\ncontext_token = 1\n',
            'config.toml, line 4: models."echo/x".context_token',
            'Did you mean models."echo/x".context_tokens?',
        ),
        ('[models."echo/x".quality]\nkode = 1\n', 'models."echo/x".quality.kode', "There are: code, general,"),
        ('[prices."echo/x"]\nimput = 1\n', 'prices."echo/x".imput', 'Did you mean prices."echo/x".input?'),
        ('[models."ecco/x"]\nimages = true\n', 'models."ecco/x"', "Did you mean echo?"),
        ("[models.x]\nimages = true\n", "models.x", 'should be named "provider/model"'),
        ('[prices."echo/x"]\ninput = 1\n', 'prices."echo/x"', "needs both input and output"),
        ('[prices."echo/x"]\ninput = -1\noutput = 1\n', 'prices."echo/x".input = -1', "greater than or equal to 0"),
        ('[models."echo/x"]\nretires = "soon"\n', 'models."echo/x".retires = "soon"', "a day, like 2026-12-11"),
        ('[models."echo/x".quality]\ncode = 6\n', 'models."echo/x".quality.code = 6', "less than or equal to 5"),
        ('[router]\nfallbacks = ["ecco"]\n', 'router.fallbacks = "ecco"', "Did you mean echo?"),
        ('[router]\nfallbacks = ["echo/"]\n', "router.fallbacks", 'as "provider/model"'),
    ],
)
def test_what_nobody_would_read_is_refused_where_it_stands(text: str, where: str, why: str) -> None:
    """With the nearest name there is, as everywhere else."""
    (line,) = refused(text)
    assert where in line
    assert why in line


def test_an_order_of_fallbacks_names_models_and_providers() -> None:
    """And keeps a built-in one that is named there, also beside others."""
    loaded = written('[router]\nmodel = "echo/x"\nfallbacks = ["embedded", "echo/y"]\n')
    assert loaded.router.fallbacks == ("embedded", "echo/y")
    assert [section.name for section in loaded.providers] == ["echo", "embedded"]
    assert loaded.named_models == ("echo/x", "embedded", "echo/y")


def test_the_environment_may_say_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """With commas, like any list."""
    monkeypatch.setenv("WAYSTATION_ROUTER__FALLBACKS", "echo,echo/y")
    assert written("").router.fallbacks == ("echo", "echo/y")
