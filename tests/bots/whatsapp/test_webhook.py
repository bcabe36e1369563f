"""The door: whoever is not Meta stays out, and Meta hears "taken" only once everything is safe."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from bots.whatsapp import Settings, spec
from contracts.rigs.adapters import Ear
from contracts.rigs.whatsapp import WORD, opened
from core import testing
from core.errors import SettingsError, StoreError
from core.seams import Adapter
from simulators.whatsapp import WhatsAppSimulator


@pytest_asyncio.fixture
async def meta() -> AsyncIterator[WhatsAppSimulator]:
    """Meta."""
    async with WhatsAppSimulator(secret="app-secret") as simulated:
        yield simulated


@pytest_asyncio.fixture
async def adapter(meta: WhatsAppSimulator) -> AsyncIterator[Adapter]:
    """The adapter behind its server."""
    async with opened(testing.bot_site(Path("/nonexistent"), "whatsapp"), meta) as made:
        yield made


@pytest_asyncio.fixture
async def ear(adapter: Adapter) -> AsyncIterator[Ear]:
    """What it hears."""
    heard = Ear()
    heard.gate.set()
    task = asyncio.create_task(adapter.run(heard.accept))
    await asyncio.sleep(0)
    yield heard
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    "query, status, said",
    [
        ({"hub.mode": "subscribe", "hub.verify_token": WORD, "hub.challenge": "42"}, 200, "42"),
        ({"hub.mode": "subscribe", "hub.verify_token": "guess", "hub.challenge": "42"}, 403, ""),
        ({"hub.mode": "subscribe", "hub.challenge": "42"}, 403, ""),
        ({"hub.verify_token": WORD, "hub.challenge": "42"}, 403, ""),
    ],
)
async def test_the_address_is_registered_by_a_word_of_ours(
    meta: WhatsAppSimulator, ear: Ear, query: dict[str, str], status: int, said: str
) -> None:
    """https://developers.facebook.com/docs/graph-api/webhooks/getting-started tells how."""
    async with ClientSession() as session, session.get(meta.webhook, params=query) as response:
        assert (response.status, await response.text() if status == 200 else "") == (status, said)
    assert not ear.events


@pytest.mark.parametrize("signature", ["", "sha256=", "sha256=" + "0" * 64, "sha1=abc", "sha256=\u00e4"])
async def test_what_meta_has_not_signed_is_refused(meta: WhatsAppSimulator, ear: Ear, signature: str) -> None:
    """One byte changed, another secret, none at all: nothing of it is read."""
    assert await meta.post(b'{"entry": []}', signature=signature or "none") == 403
    assert not ear.events


async def test_what_is_signed_but_makes_no_sense_is_refused(meta: WhatsAppSimulator, ear: Ear) -> None:
    """And not brought again for ever."""
    assert await meta.post(b"[1, 2") == 400
    assert await meta.post(b"[]") == 400
    assert await meta.post(b"{}") == 200  # nothing in it for us
    assert not ear.events


async def test_what_is_too_long_is_refused(meta: WhatsAppSimulator, ear: Ear) -> None:
    """Nobody fills our memory."""
    assert await meta.post(b" " * (4 << 20)) in {0, 413}
    assert not ear.events


async def test_while_nobody_listens_meta_is_asked_to_come_again(meta: WhatsAppSimulator, adapter: Adapter) -> None:
    """Between two starts, say."""
    assert adapter.name == "whatsapp"
    assert await meta.post(b'{"entry": []}') == 503


async def test_a_store_that_fails_lets_meta_bring_it_again(meta: WhatsAppSimulator, adapter: Adapter) -> None:
    """Nothing is told to be taken before it is."""
    tries = []

    async def accept(events: object) -> tuple[bool, ...]:
        tries.append(events)
        if len(tries) < 3:
            raise StoreError("the disk is full")
        return (True,)

    task = asyncio.create_task(adapter.run(accept))
    await asyncio.sleep(0)
    await meta.person("49151").say("Hello")
    await meta.settled()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert meta.answers == [503, 503, 200]


async def test_one_call_is_one_commit(meta: WhatsAppSimulator, ear: Ear) -> None:
    """A batch is safe as a whole, or brought again as a whole."""
    ann, bob = meta.person("49151"), meta.person("49152", "Bob")
    said = [(person, person.message("text", {"body": str(number)})) for number in range(5) for person in (ann, bob)]
    await meta.bring(said)
    await meta.settled()
    assert [getattr(event.body, "text", "") for event in ear.events] == [str(n) for n in range(5) for _ in "ab"]
    assert len(meta.answers) == 1


async def test_without_a_server_it_is_not_opened() -> None:
    """There is no other way in."""
    with pytest.raises(SettingsError, match="needs the server"):
        async with spec.open(testing.bot_site(Path("/nonexistent"), "whatsapp"), Settings()):
            pass


@pytest.mark.parametrize(
    "given, missing",
    [({}, "not set up"), ({"access_token": "x", "phone_number_id": "1", "verify_token": "x"}, "app_secret missing")],
)
def test_what_is_missing_is_said_in_a_sentence(given: dict[str, str], missing: str) -> None:
    """Without a secret to check signatures by, nothing is opened."""
    assert missing in str(spec.configured(Settings.model_validate(given)))
