"""The entry point: found, checked and opened without paying for what is not used."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from bots.telegram import Settings, spec
from contracts.rigs.telegram import listening, site
from core.values import Reply
from simulators.telegram import TelegramSimulator


def test_importing_the_adapter_imports_no_library() -> None:
    """Whoever does not use Telegram does not pay for python-telegram-bot, which takes half a second of CPU."""
    code = (
        "import bots.telegram, sys;"
        "print(sorted({'telegram', 'aiohttp', 'httpx', 'telegramify_markdown'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_without_a_token_it_says_where_to_get_one() -> None:
    """An operator reads what to do, not that something is None."""
    assert spec.configured(Settings()) == "no token: get one from @BotFather and set bots.telegram.token"
    assert spec.configured(Settings.model_validate({"token": "1:a"})) is None


def test_a_mode_that_is_not_there_yet_is_refused_in_one_sentence() -> None:
    """Silence in webhook mode would look like a bot that ignores everybody."""
    assert "polling" in (spec.configured(Settings.model_validate({"token": "1:a", "mode": "webhook"})) or "")


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
