"""Webhook mode: who is let in, what is answered when, and what Telegram is told, over a true server."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import pytest
from aiohttp import ClientSession
from structlog.testing import capture_logs

from bots.telegram import Settings, spec
from bots.telegram.adapter import Telegram
from bots.telegram.webhook import HEADER, MOST_BYTES, Webhook, secret_of
from contracts.rigs.engines import SqliteRig, echo, running, until
from contracts.rigs.telegram import Ear, Notes, accepting, listening, rig_over, site
from core.config.settings import Server as ServerSettings
from core.errors import AdapterError, StoreError
from core.server import Server
from core.values import Message
from simulators.telegram import TOKEN, Person, Refused, TelegramSimulator, refuse, server_error

SECRET = "a-secret_of-the-operator"
PATH = "/webhooks/telegram"
JSON = {"Content-Type": "application/json"}


@dataclass
class Rig:
    """A bot in webhook mode, its server, and the platform."""

    telegram: TelegramSimulator
    adapter: Telegram
    url: str
    notes: Notes
    person: Person

    async def post(self, body: bytes | BytesIO | AsyncGenerator[bytes], **headers: str) -> int:
        """Call the webhook as anybody could; returns the status."""
        names = {"secret": HEADER, "content_type": "Content-Type"}
        given = JSON | {names[name]: text for name, text in headers.items()}
        async with ClientSession() as session, session.post(self.url, data=body, headers=given) as answer:
            return answer.status

    def calls(self, method: str) -> list[dict[str, Any]]:
        """What was asked of the platform."""
        return [call.params for call in self.telegram.calls_of(method)]


@asynccontextmanager
async def serving(*, public: bool = False) -> AsyncGenerator[Server, None]:
    """The one server, on any free port, which may be its public address as well."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(ServerSettings(port=port, public_url=f"http://127.0.0.1:{port}" if public else ""))
    async with server.listening():
        yield server


@asynccontextmanager
async def opened(
    *,
    secret: str = SECRET,
    notes: Notes | None = None,
    telegram: TelegramSimulator | None = None,
    slowest_s: float = 5.0,
) -> AsyncGenerator[Rig, None]:
    """Open a bot in webhook mode; nobody listens yet."""
    notes = notes or Notes()
    async with telegram or TelegramSimulator(webhook_retry_s=0.02) as platform, serving() as server:
        webhook = Webhook(server.url + PATH, secret, slowest_s=slowest_s)
        server.add("POST", PATH, webhook.handle, most_bytes=MOST_BYTES)
        server.settle(dict)
        async with rig_over(platform.base_url, memo=notes, webhook=webhook) as adapter:
            person = platform.person(42, "Alice")
            yield Rig(telegram=platform, adapter=adapter, url=webhook.url, notes=notes, person=person)
        assert not platform.violations


def update(text: str = "hello", update_id: int = 1) -> bytes:
    """An update as Telegram would bring it."""
    chat = {"id": 42, "type": "private", "first_name": "Alice"}
    sender = {"id": 42, "is_bot": False, "first_name": "Alice"}
    message = {"message_id": 5, "date": 1_700_000_000, "chat": chat, "from": sender, "text": text}
    return json.dumps({"update_id": update_id, "message": message}).encode()


@pytest.fixture
async def rig() -> AsyncGenerator[Rig, None]:
    """A bot in webhook mode."""
    async with opened() as rig:
        yield rig


@pytest.fixture
async def ear(rig: Rig) -> AsyncGenerator[Ear, None]:
    """Let it listen, and wait until the platform knows where."""
    async with listening(rig.adapter) as heard:
        await until(lambda: rig.telegram.inbox().webhook_url)
        yield heard


def texts(ear: Ear) -> list[str]:
    """What was heard."""
    return [event.body.text for event in ear.events if isinstance(event.body, Message)]


# --- through the platform --------------------------------------------------------------------------------------------


async def test_what_people_say_is_brought_and_answered(rig: Rig, ear: Ear) -> None:
    """All goes as with polling, but that nothing is asked for."""
    said = rig.person.say("hello")
    (event,) = await ear.hear()
    assert texts(ear) == ["hello"]
    assert str(said.update_id) in event.key
    assert rig.calls("getUpdates") == []
    await until(lambda: not rig.telegram.inbox().pending)


async def test_a_tap_is_acknowledged_in_webhook_mode_too(rig: Rig, ear: Ear) -> None:
    """The spinner stops once the tap is safe."""
    chat = rig.telegram.chat(42)
    chat.add({"message_id": 99, "chat": chat.facts, "date": 1, "text": "?"}, rig.telegram.world.bot().id)
    tap = rig.person.press(chat.entries[99].raw, rig.telegram.world.bot().id, "token")
    await ear.hear()
    await until(lambda: tap.answer == {})


async def test_an_update_is_forgotten_only_after_it_was_accepted(rig: Rig) -> None:
    """200 means that it is safe; until then the platform keeps it."""
    gate, entered = asyncio.Event(), asyncio.Event()

    class Slow(Ear):
        async def accept(self, events: Any) -> tuple[bool, ...]:  # noqa: ANN401
            entered.set()
            await gate.wait()
            return await super().accept(events)

    async with listening(rig.adapter, Slow()) as ear:
        await until(lambda: rig.telegram.inbox().webhook_url)
        rig.person.say("hello")
        await entered.wait()
        await asyncio.sleep(0.05)
        assert rig.telegram.inbox().pending
        gate.set()
        await ear.hear()
        await until(lambda: not rig.telegram.inbox().pending)


async def test_what_could_not_be_kept_is_brought_again(rig: Rig) -> None:
    """A store that cannot be used just now costs nobody a message."""

    class Full(Ear):
        full = 3

        async def accept(self, events: Any) -> tuple[bool, ...]:  # noqa: ANN401
            if self.full:
                self.full -= 1
                raise StoreError("the disk is full")
            return await super().accept(events)

    async with listening(rig.adapter, Full()) as ear:
        rig.person.say("hello")
        await ear.hear()
    assert texts(ear) == ["hello"]
    statuses = [status for _, _, status in rig.telegram.pushers[TOKEN].attempts]
    assert statuses == [503, 503, 503, 200]


async def test_a_storm_of_redeliveries_is_answered_once(tmp_path: Path, rig: Rig) -> None:
    """Over the real store: however often an update is brought, and however many at once, it is one question."""
    async with (
        SqliteRig(tmp_path / "data").open() as engine,
        running(engine, echo, rig.adapter),
        accepting(rig.adapter, engine.accept),
    ):
        await until(lambda: rig.telegram.inbox().webhook_url)
        rig.telegram.chat(42)
        storm = [rig.post(update(f"question {number % 5}", number % 5), secret=SECRET) for number in range(100)]
        assert set(await asyncio.gather(*storm)) == {200}
        await until(lambda: len(rig.telegram.chat(42).replies()) == 5)
        await rig.post(update("question 0", 0), secret=SECRET)
        await asyncio.sleep(0.2)
    assert sorted(shown.text for shown in rig.telegram.chat(42).replies()) == [f"question {n}" for n in range(5)]


# --- who is let in ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "secret",
    ["", "wrong", SECRET[:-1], SECRET + "x", SECRET.upper(), f" {SECRET}x", "ümlaut", "\udcff\udcfe", "x" * 4000],
)
async def test_whoever_does_not_know_the_secret_is_not_heard(rig: Rig, ear: Ear, secret: str) -> None:
    """Neither a wrong secret nor an odd one is more than refused."""
    assert await rig.post(update(), secret=secret) == 403
    assert ear.events == ()


async def test_no_secret_at_all_and_two_of_them_are_refused(rig: Rig, ear: Ear) -> None:
    """Telegram shows exactly one."""
    assert await rig.post(update()) == 403
    headers = [("Content-Type", "application/json"), (HEADER, SECRET), (HEADER, SECRET)]
    async with ClientSession() as session, session.post(rig.url, data=update(), headers=headers) as answer:
        assert answer.status == 403
    assert ear.events == ()


async def test_the_right_secret_is_let_in_whatever_the_case_of_its_header(rig: Rig, ear: Ear) -> None:
    """Names of headers have no case, and JSON may be spaced oddly or say its encoding."""
    body = json.dumps(json.loads(update()), indent=3).encode()
    assert await rig.post(body, secret=SECRET, content_type="application/json; charset=utf-8") == 200
    async with ClientSession() as session:
        headers = {HEADER.lower(): SECRET, "Content-Type": "application/json"}
        async with session.post(rig.url, data=update("again", 2), headers=headers) as answer:
            assert answer.status == 200
    assert texts(ear) == ["hello", "again"]


async def test_an_update_shown_again_has_the_same_key(rig: Rig, ear: Ear) -> None:
    """The secret signs nothing: a replay is recognised in the store, by the key."""
    for _ in range(2):
        assert await rig.post(update(), secret=SECRET) == 200
    assert [event.key for event in ear.events] == [event.key for event in ear.repeats]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b'"x"',
        b"{}",
        b'{"update_id": "1"}',
        b'{"update_id": true}',
        b"\xff\xfe",
        b"[" * 9999,
    ],
)
async def test_what_is_no_update_is_refused(rig: Rig, ear: Ear, body: bytes) -> None:
    """With the right secret, too: a broken body costs nothing but its answer."""
    assert await rig.post(body, secret=SECRET) == 400
    assert ear.events == ()


async def test_an_update_that_says_nothing_to_us_is_taken(rig: Rig, ear: Ear) -> None:
    """Refusing it would bring it back for ever."""
    assert await rig.post(b'{"update_id": 1, "hologram": {"depth": 3}}', secret=SECRET) == 200
    assert ear.events == ()


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_only_json_is_read(rig: Rig, ear: Ear, content_type: str) -> None:
    """A page in somebody's browser cannot send JSON across origins without asking."""
    assert await rig.post(update(), secret=SECRET, content_type=content_type) == 400
    assert ear.events == ()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
async def test_only_post_is_known(rig: Rig, method: str) -> None:
    """There is nothing to see."""
    async with ClientSession() as session, session.request(method, rig.url, headers={HEADER: SECRET}) as answer:
        assert answer.status == 405


async def test_too_large_a_body_is_refused_before_it_is_read(rig: Rig, ear: Ear) -> None:
    """Whether it says so beforehand or not."""

    async def endless() -> AsyncGenerator[bytes]:
        for _ in range(MOST_BYTES // 65536 + 2):
            yield b" " * 65536

    assert await rig.post(BytesIO(b" " * (MOST_BYTES + 1)), secret=SECRET) == 413
    assert await rig.post(endless(), secret=SECRET) == 413
    assert ear.events == ()


async def test_a_body_that_comes_too_slowly_is_not_waited_for() -> None:
    """Whoever drips bytes holds up nobody but themselves."""

    async def dripping() -> AsyncGenerator[bytes]:
        for byte in update():
            yield bytes([byte])
            await asyncio.sleep(0.05)

    async with opened(slowest_s=0.2) as rig, listening(rig.adapter) as ear:
        assert await rig.post(dripping(), secret=SECRET) == 400
        assert await rig.post(update(), secret=SECRET) == 200
        assert texts(ear) == ["hello"]


async def test_before_it_listens_telegram_is_asked_to_come_again(rig: Rig) -> None:
    """At start and shutdown nothing is lost, and nothing taken that nobody keeps."""
    assert await rig.post(update(), secret=SECRET) == 503
    assert await rig.post(update(), secret="wrong") == 403


async def test_a_rejected_call_is_logged_without_what_it_showed(rig: Rig, ear: Ear) -> None:
    """A secret that was mistyped is a secret still."""
    with capture_logs() as logs:
        await rig.post(update("private words"), secret="almost-the-secret")
    (line,) = [entry for entry in logs if entry["event"] == "webhook call rejected"]
    assert "almost" not in str(line)
    assert "private words" not in str(line)


# --- what Telegram is told -------------------------------------------------------------------------------------------


async def test_telegram_is_told_once(rig: Rig) -> None:
    """The webhook is set when it differs, with the secret and the kinds we handle, and nothing pending is dropped."""
    for text in ("said before", "said between"):
        rig.person.say(text)
        async with listening(rig.adapter) as ear:
            await ear.hear()
            await asyncio.sleep(0.15)
            assert texts(ear) == [text]
    (told,) = rig.calls("setWebhook")
    assert told == {
        "url": rig.url,
        "secret_token": SECRET,
        "allowed_updates": ["message", "edited_message", "callback_query", "my_chat_member"],
    }


async def test_a_changed_secret_is_told(rig: Rig, ear: Ear) -> None:
    """The address is the same, so only our own note gives it away."""
    await until(lambda: rig.notes.kept)
    rig.notes.kept["webhook"] = "something else"
    await until(lambda: len(rig.calls("setWebhook")) == 2)


async def test_a_webhook_that_somebody_took_away_is_set_again(rig: Rig, ear: Ear) -> None:
    """A bot that is not brought anything would be silent for ever."""
    rig.telegram.inbox().set_webhook("")
    await until(lambda: rig.telegram.inbox().webhook_url == rig.url)


async def test_a_secret_that_somebody_else_set_is_set_right(rig: Rig, ear: Ear) -> None:
    """We refuse what is brought then, and so learn that Telegram knows another secret."""
    with capture_logs() as logs:
        rig.telegram.world.bot().webhook["secret_token"] = "another"
        rig.person.say("hello")
        await ear.hear()
    assert texts(ear) == ["hello"]
    assert "telegram could not bring an update" in [entry["event"] for entry in logs]


async def test_an_address_that_telegram_does_not_take_is_said(rig: Rig) -> None:
    """The operator reads why; asking again at once is of no use."""
    rig.telegram.fail("setWebhook", refuse(Refused(400, "Bad Request: bad webhook: IP address is reserved")))
    with pytest.raises(AdapterError, match=r"(?i)ip address is reserved"):
        async with asyncio.timeout(5):
            await rig.adapter.run(Ear().accept)


async def test_a_platform_that_is_down_is_told_later(rig: Rig) -> None:
    """Trouble at the start is waited out."""
    for method in ("getMe", "getWebhookInfo", "setWebhook"):
        rig.telegram.fail(method, server_error(502))
    async with listening(rig.adapter) as ear:
        rig.person.say("hello")
        await ear.hear()


async def test_back_to_polling_takes_the_webhook_away_and_nothing_with_it() -> None:
    """What came in between is heard."""
    async with TelegramSimulator(webhook_retry_s=5) as telegram:
        async with opened(telegram=Borrowed(telegram)) as rig, listening(rig.adapter):
            await until(lambda: telegram.inbox().webhook_url)
        telegram.person(42, "Alice").say("said in between")
        async with rig_over(telegram.base_url) as adapter, listening(adapter) as ear:
            await ear.hear()
        assert texts(ear) == ["said in between"]
        assert telegram.inbox().webhook_url == ""
        assert all(not call.params.get("drop_pending_updates") for call in telegram.calls_of("deleteWebhook"))


class Borrowed(TelegramSimulator):
    """A platform that goes on after its borrower is done."""

    def __init__(self, lender: TelegramSimulator) -> None:
        self.__dict__ = lender.__dict__

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


# --- opening ---------------------------------------------------------------------------------------------------------


async def test_the_spec_opens_a_door_on_the_server() -> None:
    """In webhook mode the adapter answers at one path, under its own name, and nowhere else."""
    async with TelegramSimulator() as telegram, serving(public=True) as server:
        place = replace(site(), server=server)
        settings = Settings.model_validate({"token": TOKEN, "api_base": telegram.base_url, "mode": "webhook"})
        async with spec.open(place, settings) as adapter, listening(adapter) as ear:
            server.settle(dict)
            await until(lambda: telegram.inbox().webhook_url)
            telegram.person(42, "Alice").say("hello")
            await ear.hear()
        (told,) = [call.params for call in telegram.calls_of("setWebhook")]
    assert told["url"] == server.url + PATH
    assert told["secret_token"] == secret_of(TOKEN)


def test_there_is_always_a_secret() -> None:
    """Without one from the operator it is made of the token: the same each time, and not the token."""
    assert secret_of(TOKEN) == secret_of(TOKEN) != secret_of(TOKEN + "x")
    assert TOKEN not in secret_of(TOKEN)
    with pytest.raises(ValueError, match="believe anybody"):
        Webhook("https://bot.example.org", "")
