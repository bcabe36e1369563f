"""The configuration: layers, what is refused and how it is said."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.config.configuration import load
from core.config.settings import Settings
from core.errors import SettingsError

INSTALLED = Path(__file__).resolve().parents[2] / "installed"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, nothing in the environment, and a stranger's package installed."""
    for name in ("CONFIG", "SECRETS_DIR", "SPECS"):
        monkeypatch.delenv(f"WAYSTATION_{name}", raising=False)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "no-credentials"))
    monkeypatch.syspath_prepend(INSTALLED)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(text: str) -> Settings:
    """Load a file that says this, with a store that needs nothing."""
    Path("config.toml").write_text(f'database = "shelf"\n{text}', encoding="utf-8")
    return load()


def refused(text: str) -> str:
    """What is said of a file that says this."""
    with pytest.raises(SettingsError) as refusal:
        written(text)
    return str(refusal.value)


def settings_of(loaded: Settings, name: str) -> dict[str, object]:
    """One opened section's settings, secrets shown as stars."""
    sections = (*loaded.bots, *loaded.providers, *loaded.plugins)
    return {key: str(item) for section in sections if section.name == name for key, item in section.settings}


class TestLayers:
    def test_without_any_configuration_the_defaults_hold(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing has to be written to start."""
        monkeypatch.setenv("WAYSTATION_DATABASE", "shelf")
        loaded = load()
        assert loaded.data_dir == place / "data"
        assert (loaded.router.model, loaded.access.policy, loaded.timeouts.connect_s) == ("auto", "pairing", 5.0)
        assert loaded.source is None

    def test_the_environment_stands_over_secrets_and_secrets_over_the_file(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each layer replaces single keys of the one below and leaves the rest."""
        secrets = place / "secrets"
        secrets.mkdir()
        (secrets / "bots__pigeon__token").write_text("from a secret\n")
        (secrets / "bots__pigeon__mode").write_text("homing")
        (secrets / "of-another-program").write_text("not ours")
        monkeypatch.setenv("WAYSTATION_SECRETS_DIR", str(secrets))
        monkeypatch.setenv("WAYSTATION_BOTS__PIGEON__MODE", "carrier")
        loaded = written('[bots.pigeon]\ntoken = "from the file"\nmode = "homing"\nflock = 7')
        assert loaded.secrets() == ("from a secret",)
        assert settings_of(loaded, "pigeon") | {"token": ""} == {
            "token": "",
            "mode": "carrier",
            "flock": "7",
            "coops": "()",
        }

    def test_systemd_credentials_are_read_as_secrets(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A unit's credentials need no further setting."""
        (place / "cred").mkdir()
        (place / "cred" / "bots__pigeon__token").write_text("from systemd")
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(place / "cred"))
        assert written("").secrets() == ("from systemd",)

    def test_the_file_may_be_named_by_the_environment_or_outright(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """``--config`` wins over WAYSTATION_CONFIG, which wins over ./config.toml."""
        for name in ("config", "second", "third"):
            (place / f"{name}.toml").write_text(f'database = "shelf"\ndata_dir = "/{name}"')
        assert load().data_dir == Path("/config")
        monkeypatch.setenv("WAYSTATION_CONFIG", "second.toml")
        assert load().data_dir == Path("/second")
        assert load(Path("third.toml")).data_dir == Path("/third")

    @pytest.mark.parametrize("given", ["data", "./data", None])
    def test_a_relative_path_begins_at_the_file(
        self, given: str | None, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever starts it from elsewhere finds the same data; also where nothing is said of it."""
        (place / "etc").mkdir()
        said = f'data_dir = "{given}"\nplugins_dir = "more"\n' if given else ""
        (place / "etc" / "our.toml").write_text(f'{said}database = "shelf"')
        monkeypatch.chdir(place)
        loaded = load(Path("etc/our.toml"))
        assert loaded.data_dir == place / "etc" / "data"
        assert loaded.plugins_dir == (place / "etc" / "more" if given else None)

    def test_a_relative_path_in_the_environment_begins_where_it_was_started(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As paths in a shell do, also beside a file; and so without any file."""
        (place / "etc").mkdir()
        (place / "etc" / "our.toml").write_text('data_dir = "data"\ndatabase = "shelf"')
        monkeypatch.setenv("WAYSTATION_DATA_DIR", "here")
        assert load(Path("etc/our.toml")).data_dir == place / "here"
        monkeypatch.setenv("WAYSTATION_DATABASE", "shelf")
        assert load().data_dir == place / "here"

    def test_a_path_from_somewhere_else_stays_as_it_is(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """From the root, or from somebody's home."""
        monkeypatch.setenv("HOME", "/home/ann")
        for given, found in (("/srv/data", "/srv/data"), ("~/data", "/home/ann/data")):
            (place / "our.toml").write_text(f'data_dir = "{given}"\ndatabase = "shelf"')
            assert load(Path("our.toml")).data_dir == Path(found)

    @pytest.mark.parametrize("text", ["north, south", '["north","south"]'])
    def test_a_list_in_the_environment_is_json_or_separated_by_commas(
        self, text: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody has to quote JSON in a shell to name two things."""
        monkeypatch.setenv("WAYSTATION_BOTS__PIGEON__COOPS", text)
        monkeypatch.setenv("WAYSTATION_BOTS__PIGEON__TOKEN", "t")
        assert settings_of(written(""), "pigeon")["coops"] == "('north', 'south')"

    def test_an_empty_variable_counts_as_not_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Compose files pass on variables that were never set."""
        monkeypatch.setenv("WAYSTATION_TIMEOUTS__TURN_S", "")
        assert written("").timeouts.turn_s == 600


class TestSections:
    def test_what_is_not_configured_is_off_with_its_reason(self) -> None:
        """An adapter says itself what it lacks."""
        loaded = written("")
        assert "pigeon" not in [section.name for section in loaded.bots]
        assert {off.section: off.why for off in loaded.off}["bots.pigeon"] == "it has no token"

    def test_a_plugin_is_on_once_it_is_installed(self) -> None:
        """Its defaults suffice, and nobody wrote them."""
        assert [(section.name, section.named) for section in written("").plugins if section.name == "abacus"] == [
            ("abacus", False)
        ]

    def test_a_section_without_keys_may_be_written(self) -> None:
        """It says nothing wrong."""
        assert "terminal" in [section.name for section in written("[bots.terminal]").bots]

    def test_what_cannot_be_loaded_is_off_and_keeps_nothing_else_from_starting(self) -> None:
        """A broken package is told of, with what it names."""
        off = {off.section: off.why for off in written("").off}
        assert "strangers:nothing_of_the_kind cannot be loaded" in off["bots.ruin"]

    def test_what_cannot_be_loaded_is_an_error_for_whoever_configures_it(self) -> None:
        """Nobody waits for a bot that can never start."""
        assert "bots.ruin: strangers:nothing_of_the_kind cannot be loaded" in refused('[bots.ruin]\ntoken = "x"')

    def test_a_provider_is_called_as_one_likes_and_says_its_kind(self) -> None:
        """Two keys of one lab are two sections."""
        loaded = written('[providers.home]\nkind = "oracle"\napi_key = "one"\n[providers.oracle]\napi_key = "two"')
        mine = [(section.name, section.spec.name) for section in loaded.providers if section.named]
        assert mine == [("home", "oracle"), ("oracle", "oracle")]
        assert loaded.secrets() == ("one", "two")

    def test_a_provider_may_live_in_the_environment_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A container needs no file."""
        monkeypatch.setenv("WAYSTATION_PROVIDERS__DELPHI__KIND", "oracle")
        monkeypatch.setenv("WAYSTATION_PROVIDERS__DELPHI__API_KEY", "k")
        assert settings_of(written(""), "delphi")["base_url"] == "http://127.0.0.1:1/v1"

    def test_without_any_provider_those_of_this_machine_are_tried(self) -> None:
        """It runs with no key: servers at their usual ports first, then the built-in model."""
        there = {section.name: section for section in written("").providers}
        assert set(there) <= {"local", "lmstudio", "llamacpp", "vllm", "embedded"}
        assert not any(section.named for section in there.values())
        assert settings_of(written(""), "vllm")["base_url"] == "http://127.0.0.1:8000/v1"

    def test_once_a_provider_is_configured_no_other_steps_in(self) -> None:
        """Nobody who chose a model is answered by another because the first was down."""
        loaded = written('[providers.oracle]\napi_key = "k"')
        assert [section.name for section in loaded.providers] == ["oracle"]

    def test_a_provider_the_router_names_is_there_beside_configured_ones(self) -> None:
        """Naming it is asking for it."""
        loaded = written('[providers.oracle]\napi_key = "k"\n[router]\nmodel = "local/qwen"')
        assert [section.name for section in loaded.providers] == ["oracle", "local"]

    def test_local_is_configured_by_the_one_key_that_differs(self) -> None:
        """Its kind and where it is hosted go without saying."""
        loaded = written('[providers.local]\nbase_url = "http://10.0.0.5:11434/v1"')
        there = settings_of(loaded, "local")
        assert (there["base_url"], there["hosting"]) == ("http://10.0.0.5:11434/v1", "self")


class TestRefusals:
    def test_an_unknown_key_is_told_with_its_line_and_the_nearest_one(self) -> None:
        """A typing error is mended by copying."""
        assert refused('\n[bots.pigeon]\ntokn = "s3cret"').splitlines()[1] == (
            "  config.toml, line 4: bots.pigeon.tokn: there is no such setting. Did you mean bots.pigeon.token?"
            " There are: coops, flock, mode, token."
        )

    def test_a_variable_in_the_wrong_section_is_told_by_the_right_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No variable of ours is silently ignored."""
        monkeypatch.setenv("WAYSTATION_BOT__PIGEON__TOKEN", "s3cret")
        said = refused("")
        assert "WAYSTATION_BOT__PIGEON__TOKEN: there is no such section." in said
        assert "Did you mean WAYSTATION_BOTS__PIGEON__TOKEN?" in said
        assert "s3cret" not in said

    def test_a_secret_file_with_a_wrong_name_is_told_by_its_path(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A secret that nothing reads would be missed only at night."""
        (place / "secrets").mkdir()
        (place / "secrets" / "bots__pigeon__tokn").write_text("s3cret")
        monkeypatch.setenv("WAYSTATION_SECRETS_DIR", str(place / "secrets"))
        said = refused("")
        assert f"{place}/secrets/bots__pigeon__tokn" in said
        assert "Did you mean bots__pigeon__token?" in said

    @pytest.mark.parametrize(
        "text, said",
        [
            (
                '[conversation]\nwhile_busy = "queued"',
                "line 3: conversation.while_busy = \"queued\": it should be 'queue', 'merge' or 'interrupt'. Did you",
            ),
            ("[timeouts]\nturn_s = 0", "line 3: timeouts.turn_s = 0: it should be greater than 0."),
            ('[timeouts]\nturn_s = "soon"', 'timeouts.turn_s = "soon": it should be a number.'),
            ("[bots.pigeon]\nflock = 0.5", "bots.pigeon.flock = 0.5: it should be a whole number."),
            ("timeouts = 5", "line 2: timeouts: it should be a section with keys of its own."),
            ("bots = 5", "line 2: bots: it should be a section with keys of its own."),
            ("providers = 5", "line 2: providers: it should be a section with keys of its own."),
            ('[router]\nmodel = "gpt"', '"auto", or a provider and its model as "provider/model"'),
            ('[router]\nmodel = "delphi/x"', "there is no provider delphi."),
            ('[providers.delphi]\nkind = "oracel"', "there is no such kind of provider. Did you mean oracle?"),
            (
                "[providers.oracel]",
                "it needs a kind, since no provider is called oracel by itself. Did you mean oracle?",
            ),
            ('[providers.My__x]\nkind = "oracle"', "a provider's name is made of small letters"),
            ("[web]\nport = 1", "web.port: there is no such section."),
            ("[credits]\nmonthly_grant = 100", "credits.monthly_grant: there is no such section."),
        ],
    )
    def test_a_wrong_value_is_told_with_what_is_allowed(self, text: str, said: str) -> None:
        """The line names the setting, the value, and what would be right."""
        assert said in refused(text)

    def test_a_store_that_is_not_there_is_told_without_its_password(self) -> None:
        """A database's address may hold a password."""
        Path("config.toml").write_text('database = "mysql://me:s3cret@host/x"')
        with pytest.raises(SettingsError, match="there is no such store") as refusal:
            load()
        assert "s3cret" not in str(refusal.value)

    def test_a_secret_of_the_wrong_kind_is_not_shown(self) -> None:
        """What stands at a secret's place may be the secret."""
        said = refused("[bots.pigeon]\ntoken = 2026")
        assert "bots.pigeon.token: it should be text." in said
        assert "2026" not in said

    def test_all_that_is_wrong_is_told_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nobody has to start five times to find five mistakes."""
        monkeypatch.setenv("WAYSTATION_TIMEOUTS__IDLE_S", "never")
        said = refused('[bots.pigeon]\ntokn = "x"\nmode = "x"\n[router]\nmodel = "x"')
        assert len(said.splitlines()) == 5

    def test_a_mistake_is_told_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What merely follows from a name already refused is left out."""
        monkeypatch.setenv("WAYSTATION_LOGGING__LEVEL__X", "1")
        assert len(refused("").splitlines()) == 2

    def test_what_is_not_toml_is_told_with_its_line(self) -> None:
        """The parser's place is passed on."""
        assert "config.toml: this is not TOML" in (said := refused("x = = 1"))
        assert "line 2" in said

    def test_a_file_that_was_named_has_to_be_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A deployment must not quietly run on defaults."""
        with pytest.raises(SettingsError, match=r"there is no such file \(--config names it\)"):
            load(Path("absent.toml"))
        monkeypatch.setenv("WAYSTATION_CONFIG", "gone.toml")
        with pytest.raises(SettingsError, match="WAYSTATION_CONFIG names it"):
            load()

    def test_keys_inside_long_strings_are_not_taken_for_keys(self) -> None:
        """The line that is told is the line to mend."""
        text = '[conversation]\nsystem_prompt = """\n[timeouts]\nwhile_busy = "x"\n"""\nwhile_busy = "no"'
        assert "line 7: conversation.while_busy" in refused(text)


def test_reading_the_configuration_imports_no_sdk() -> None:
    """Specs are found and read without what they stand for."""
    heavy = ("anthropic", "discord", "google.genai", "openai", "telegram", "xllamacpp", "aiohttp", "httpx")
    read = "from core.config.configuration import load; load()"
    script = f"import sys; {read}; print([m for m in {heavy} if m in sys.modules])"
    environment = {"WAYSTATION_DATABASE": "shelf", "PYTHONPATH": str(INSTALLED), "PATH": ""}
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


OLD = '[delivery]\ntelegram_unknown = "mark"\n'


def unknown_send(settings: Settings) -> object:
    """What becomes of a send to Telegram of which nobody knows."""
    (telegram,) = [bot.settings for bot in settings.bots if bot.name == "telegram"]
    return telegram.model_dump()["unknown_send"]


def test_a_key_is_still_read_by_the_name_it_used_to_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the file and from the environment, and whoever runs this is told the new name."""
    config = tmp_path / "config.toml"
    config.write_text('[bots.telegram]\ntoken = "1:a"\n' + OLD)
    settings = load(config)
    assert unknown_send(settings) == "mark"
    assert settings.renamed == (
        "delivery.telegram_unknown is now called bots.telegram.unknown_send: the old name is still read.",
    )
    config.write_text('[bots.telegram]\ntoken = "1:a"\n')
    monkeypatch.setenv("WAYSTATION_DELIVERY__TELEGRAM_UNKNOWN", "mark")
    assert unknown_send(load(config)) == "mark"


def test_a_key_counts_by_its_present_name_where_both_are_written(tmp_path: Path) -> None:
    """And the sentence says so. A value that is not allowed is refused by the old name, too."""
    config = tmp_path / "config.toml"
    config.write_text('[bots.telegram]\ntoken = "1:a"\nunknown_send = "resend"\n' + OLD)
    settings = load(config)
    assert unknown_send(settings) == "resend"
    assert "is not read" in settings.renamed[0]
    config.write_text(OLD.replace("mark", "shout"))
    with pytest.raises(SettingsError, match=r"delivery\.telegram_unknown"):
        load(config)
    config.write_text(OLD.replace("telegram", "pigeon"))
    with pytest.raises(SettingsError, match="pigeon_unknown"):
        load(config)


class TestWhatComesAlong:
    """What an editor, a shell or the clipboard puts around what was meant."""

    MARKS = (
        b"\xef\xbb\xbf%s",
        b"%s\r\n",
        b"  %s\t\n",
        "\ufeff\u200b%s\u00a0".encode(),
        b'"%s"\n',
        "\u201c%s\u201d".encode(),
    )

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
    def test_a_mark_of_the_byte_order_is_skipped(self, place: Path, encoding: str) -> None:
        """Notepad and PowerShell begin a file with one."""
        text = '[bots.telegram]\ntoken = "123:abc"\n'
        mark = "\ufeff" if encoding.endswith("e") else ""
        (place / "config.toml").write_bytes(f'{mark}database = "shelf"\n{text}'.encode(encoding))
        assert [bot.name for bot in load().bots if bot.named] == ["telegram"]

    def test_another_encoding_is_told_with_the_mend(self, place: Path) -> None:
        """Where nothing says what it is, nothing is guessed."""
        (place / "config.toml").write_bytes('system = "\u00e4"'.encode("latin-1"))
        with pytest.raises(SettingsError, match=r"config\.toml: this file is not in UTF-8: save it in that encoding"):
            load()

    @pytest.mark.parametrize("around", MARKS)
    @pytest.mark.parametrize("where", ["file", "secret", "environment"])
    def test_a_token_is_what_was_meant(
        self, place: Path, monkeypatch: pytest.MonkeyPatch, where: str, around: bytes
    ) -> None:
        """Wherever it comes from: seen or unseen white space and quotes belong to no token."""
        given = around % b"123:abc"
        config = 'database = "shelf"\n[bots.telegram]\n'
        if where == "file":
            config += f"token = {json.dumps(given.decode())}\n"
        elif where == "secret":
            (place / "secrets").mkdir()
            (place / "secrets" / "bots__telegram__token").write_bytes(given)
            monkeypatch.setenv("WAYSTATION_SECRETS_DIR", str(place / "secrets"))
        else:
            monkeypatch.setenv("WAYSTATION_BOTS__TELEGRAM__TOKEN", given.decode())
        (place / "config.toml").write_text(config, encoding="utf-8")
        (telegram,) = [bot for bot in load().bots if bot.name == "telegram"]
        assert dict(telegram.settings)["token"].get_secret_value() == "123:abc"

    def test_each_of_several_keys_is_what_was_meant(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In a list, too, and in a list of the environment."""
        for config, environment in (
            ('api_keys = [" sk-one ", "\\ufeffsk-two\\n"]', ""),
            ("", ' "sk-one" , sk-two\u200b'),
        ):
            monkeypatch.setenv("WAYSTATION_PROVIDERS__ANTHROPIC__API_KEYS", environment)
            (lab,) = written(f"[providers.anthropic]\n{config}").providers
            assert [key.get_secret_value() for key in lab.settings.model_dump()["api_keys"]] == ["sk-one", "sk-two"]

    def test_a_secret_that_cannot_be_read_is_told_by_its_place(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And nothing of it is shown."""
        (place / "secrets").mkdir()
        (place / "secrets" / "bots__telegram__token").write_bytes(b"123:\xff\xfeabc")
        monkeypatch.setenv("WAYSTATION_SECRETS_DIR", str(place / "secrets"))
        with pytest.raises(SettingsError, match="bots__telegram__token: this file is not in UTF-8") as told:
            written("")
        assert "abc" not in str(told.value)

    def test_a_proxy_that_is_none_is_told_without_its_password(self) -> None:
        """By the name of its setting."""
        said = refused('[egress]\nproxy = "ftp://ann:geheim@proxy.example"')
        assert "egress.proxy" in said
        assert "ftp" in said
        assert "geheim" not in said
