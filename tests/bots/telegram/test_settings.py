"""The entry point: found, checked and opened without paying for what is not used."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from bots.telegram import Settings, spec
from bots.telegram.webhook import webhook_url
from contracts.rigs.telegram import listening, site
from core.errors import SettingsError
from core.values import Reply
from simulators.telegram import TelegramSimulator


def test_importing_the_adapter_imports_no_library() -> None:
    """Whoever does not use Telegram does not pay for python-telegram-bot, which takes half a second of CPU."""
    code = "import bots.telegram, sys;print(sorted({'telegram', 'aiohttp', 'httpx'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_without_a_token_it_says_where_to_get_one() -> None:
    """An operator reads what to do, not that something is None."""
    assert spec.configured(Settings()) == "no token: get one from @BotFather and set bots.telegram.token"
    assert spec.configured(Settings.model_validate({"token": "1:a"})) is None


@pytest.mark.parametrize("secret", ["with space", "ümlaut", "x" * 257])
def test_a_secret_that_telegram_does_not_take_is_refused_in_one_sentence(secret: str) -> None:
    """Better at the start than at the first call."""
    settings = Settings.model_validate({"token": "1:a", "mode": "webhook", "secret_token": secret})
    assert "secret_token" in (spec.configured(settings) or "")


@pytest.mark.parametrize(
    "public_url, api_base, problem",
    [
        ("", "https://api.telegram.org", "server.public_url"),
        ("bot.example.org", "https://api.telegram.org", "server.public_url"),
        ("http://bot.example.org", "https://api.telegram.org", "https://"),
        ("https://bot.example.org", "https://api.telegram.org", ""),
        ("http://10.0.0.2:8080/", "http://10.0.0.1:8081", ""),
    ],
)
def test_a_webhook_needs_an_address_that_telegram_takes(public_url: str, api_base: str, problem: str) -> None:
    """It brings updates over HTTPS only, unless the Bot API server is one's own."""
    if problem:
        with pytest.raises(SettingsError, match=problem):
            webhook_url(public_url, "/webhooks/telegram", api_base)
    else:
        assert webhook_url(public_url, "/webhooks/telegram", api_base) == public_url.rstrip("/") + "/webhooks/telegram"


async def test_without_the_server_there_is_no_webhook() -> None:
    """Silence would look like a bot that ignores everybody."""
    settings = Settings.model_validate({"token": "1:a", "mode": "webhook"})
    with pytest.raises(SettingsError):
        async with spec.open(site(), settings):
            pass


def test_unknown_settings_are_errors() -> None:
    """A misspelt key must not be ignored."""
    with pytest.raises(ValidationError):
        Settings.model_validate({"tokens": "1:a"})


async def test_the_spec_opens_an_adapter_that_hears_and_speaks() -> None:
    """All that the composition root does: open by settings, run, put."""
    async with TelegramSimulator() as telegram:
        settings = Settings.model_validate({"token": telegram.token, "api_base": telegram.base_url + "/"})
        async with spec.open(site(), settings) as adapter:
            assert adapter.name == "telegram"
            telegram.person(42, "Alice").say("hello")
            async with listening(adapter) as ear:
                (event,) = await ear.hear()
            page = adapter.pages(Reply(markdown="*hi*"), adapter.capabilities(event.to).forms[0])[0]
            await adapter.put(event.to, page, slot="s", was=None)
        assert [shown.text for shown in telegram.chat(42).replies()] == ["hi"]
        assert not telegram.violations
