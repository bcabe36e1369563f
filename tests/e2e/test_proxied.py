"""Behind a proxy: every messenger and every lab is reached by it, with HTTP and with SOCKS, and nothing goes around it.

The hosts have names that only the proxy knows, so what did not go by it would reach nobody.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from bots import telegram, whatsapp
from bots.discord import Settings as DiscordSettings
from bots.discord import spec as discord_spec
from contracts.rigs.engines import until
from core import testing
from core.app import Stop, serve
from core.config.configuration import load
from core.config.settings import Egress
from core.config.settings import Server as ServerSettings
from core.egress.gate import Gate
from core.errors import AddressRefused, ProviderDown
from core.exchange import Delta, Entry, Part, Request
from core.proxies import Proxies, proxies_of
from core.seams import Adapter, Provider
from core.server import Server
from core.site import ProviderSite
from core.testing import UnlimitedTasks
from core.values import Address, Inbound, Reply
from providers import anthropic, compatible, google, openai
from simulators.anthropic import AnthropicSimulator
from simulators.discord import DiscordSimulator
from simulators.discord.simulator import TOKEN as DISCORD_TOKEN
from simulators.google import GoogleSimulator
from simulators.openai import OpenAISimulator
from simulators.proxy import ProxySimulator, proxied
from simulators.responses import ResponsesSimulator
from simulators.site import answer, served
from simulators.telegram import TOKEN, TelegramSimulator
from simulators.whatsapp import NUMBER_ID, WhatsAppSimulator
from simulators.whatsapp import TOKEN as META_TOKEN

KINDS = ["http", "socks5h"]
KEY = SecretStr("sk-test")
SECRET, WORD = "app-secret", "verify-me"


def named(url: str, name: str) -> str:
    """An address of a simulator under a name of the internet's."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{name}:{parts.port}").geturl()


def port_of(url: str) -> int:
    """Its port."""
    return urlsplit(url).port or 0


@asynccontextmanager
async def behind(kind: str, *urls: str, name: str) -> AsyncGenerator[tuple[ProxySimulator, Proxies]]:
    """A proxy with a password that knows one name, for all ports of these addresses."""
    async with proxied() as proxy:
        proxy.login = "ann:p@ss"
        proxy.names |= {f"{name}:{port_of(url)}": port_of(url) for url in urls}
        yield proxy, proxies_of(f"{kind}://ann:p%40ss@{proxy.address}")


@pytest.mark.parametrize("kind", KINDS)
async def test_telegram(kind: str, tmp_path: Path) -> None:
    """Polling and sending."""
    async with (
        TelegramSimulator() as platform,
        behind(kind, platform.base_url, name="telegram.example") as (proxy, way),
    ):
        ann = platform.person(42, "Ann")
        platform.chat(42)
        site = replace(testing.bot_site(tmp_path, "telegram"), proxies=way)
        settings = telegram.Settings(token=SecretStr(TOKEN), api_base=named(platform.base_url, "telegram.example"))
        async with telegram.spec.open(site, settings) as adapter:
            await said_and_heard(adapter, lambda: ann.say("hello"), Address(adapter="telegram", chat="42"))
        assert [shown.text for shown in platform.chat(42).replies()] == ["heard"]
        assert proxy.hosts == {"telegram.example"}
        assert not proxy.turned_away


@pytest.mark.parametrize("kind", KINDS)
async def test_discord(kind: str, tmp_path: Path) -> None:
    """The REST API and the gateway's WebSocket."""
    async with DiscordSimulator() as platform:
        platform.gateway.patient = True
        urls = (platform.base, platform.gateway.address)
        async with behind(kind, *urls, name="discord.example") as (proxy, way):
            ann, chat = platform.person(), platform.dm()
            settings = DiscordSettings(
                token=SecretStr(DISCORD_TOKEN),
                api_base=named(platform.base, "discord.example"),
                gateway_url=named(platform.gateway.address, "discord.example"),
            )
            site = replace(testing.bot_site(tmp_path, "discord"), proxies=way)
            async with discord_spec.open(site, settings) as adapter:
                to = Address(adapter="discord", chat=chat.id)
                await said_and_heard(adapter, lambda: chat.say(ann, "hello"), to)
            assert list(chat.screen()) == ["heard"]
            assert set(proxy.asked) == {f"discord.example:{port_of(url)}" for url in urls}


@pytest.mark.parametrize("kind", KINDS)
async def test_whatsapp(kind: str, tmp_path: Path) -> None:
    """Sending; what people write comes by a webhook."""
    server = Server(ServerSettings(port=0))
    async with (
        WhatsAppSimulator(secret=SECRET) as meta,
        behind(kind, meta.base, name="meta.example") as (proxy, way),
        server.listening(),
    ):
        meta.webhook = f"{server.url}/webhooks/whatsapp"
        ann = meta.person("4915100000001")
        settings = whatsapp.Settings(
            access_token=SecretStr(META_TOKEN),
            phone_number_id=NUMBER_ID,
            verify_token=SecretStr(WORD),
            app_secret=SecretStr(SECRET),
            api_base=named(meta.base, "meta.example"),
        )
        site = replace(testing.bot_site(tmp_path, "whatsapp"), proxies=way, server=server)
        async with whatsapp.spec.open(site, settings) as adapter:
            server.settle(dict)
            to = Address(adapter="whatsapp", chat="4915100000001")
            said = [(ann, ann.message("text", {"body": "hello"}))]
            bringing: list[asyncio.Task[None]] = []
            await said_and_heard(adapter, lambda: bringing.append(asyncio.create_task(meta.bring(said))), to)
        assert list(ann.screen()) == ["heard"]
        assert proxy.hosts == {"meta.example"}


LABS: dict[str, tuple[type, Callable[[str, ProviderSite], AbstractAsyncContextManager[Provider]]]] = {
    "anthropic": (
        AnthropicSimulator,
        lambda url, site: anthropic.spec.open(site, anthropic.AnthropicSettings(api_key=KEY, base_url=url)),
    ),
    "openai": (
        ResponsesSimulator,
        lambda url, site: openai.spec.open(site, openai.OpenAISettings(api_key=KEY, base_url=f"{url}/v1")),
    ),
    "google": (
        GoogleSimulator,
        lambda url, site: google.spec.open(site, google.GoogleSettings(api_key=KEY, base_url=url)),
    ),
    "compatible": (
        OpenAISimulator,
        lambda url, site: compatible.spec.open(site, compatible.CompatibleSettings(api_key=KEY, base_url=url)),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lab", LABS)
async def test_providers(lab: str, kind: str) -> None:
    """An answer's stream, by each lab's own protocol; where the proxy is gone, that is what is said."""
    simulator, opened = LABS[lab]
    async with simulator() as server:
        url = getattr(server, "address", "") or server.base_url
        async with behind(kind, url, name="lab.example") as (proxy, way):
            site = replace(testing.provider_site(lab), proxies=way, connect_s=2.0)
            async with opened(named(url, "lab.example"), site) as provider:
                assert await answer_of(provider)
            assert proxy.hosts == {"lab.example"}
            assert not proxy.turned_away
        gone = proxies_of(f"{kind}://{proxy.address}")
        async with opened(named(url, "lab.example"), replace(site, proxies=gone)) as provider:
            with pytest.raises(ProviderDown):
                await answer_of(provider)


async def test_google_s_other_abilities() -> None:
    """They go by the lab's SDK."""
    async with GoogleSimulator() as lab, behind("http", lab.address, name="lab.example") as (proxy, way):
        site = replace(testing.provider_site("google"), proxies=way)
        async with LABS["google"][1](named(lab.address, "lab.example"), site) as provider:
            assert provider.abilities.embedder
            await provider.abilities.embedder.embed(["hello"])
        assert proxy.hosts == {"lab.example"}


@pytest.mark.parametrize("kind", KINDS)
async def test_pages_are_asked_for_by_the_address_that_was_checked(kind: str) -> None:
    """The proxy is told no name, so it cannot look one up otherwise; the server is told the name all the same."""

    async def resolve(name: str) -> list[str]:
        return ["93.184.215.14"] if name == "page.example" else ["10.0.0.7"]

    async with served() as site, proxied() as proxy:
        proxy.names = {"93.184.215.14": site.port, "10.0.0.7": site.port}
        site.says["/"] = answer(b"Hello")
        way = proxies_of(f"{kind}://{proxy.address}")
        gate = Gate(Egress(), UnlimitedTasks(), resolve=resolve, proxies=way)
        try:
            fetched = await gate.get("http://page.example/")
            assert (fetched.body, fetched.url) == (b"Hello", "http://page.example/")
            assert proxy.asked == ["93.184.215.14:80"]
            for refused in ("http://inner.example/", "http://10.0.0.7/", f"http://{proxy.address}/"):
                with pytest.raises(AddressRefused):
                    await gate.get(refused)
            assert proxy.asked == ["93.184.215.14:80"]
        finally:
            await gate.aclose()


async def test_the_environment_is_heeded_by_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is opened by a configuration goes by HTTP_PROXY without another word; what NO_PROXY names does not."""
    async with TelegramSimulator() as platform, OpenAISimulator() as lab, proxied() as proxy:
        for name in ("ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", proxy.address)
        monkeypatch.setenv("NO_PROXY", "unknown.example")
        proxy.names = {"telegram.example": port_of(platform.base_url), "lab.example": port_of(lab.base_url)}
        ann = platform.person(42, "Ann")
        platform.chat(42)
        config = tmp_path / "config.toml"
        config.write_text(
            f"""
data_dir = "{tmp_path}/data"
[server]
port = 0
[access]
policy = "open"
[bots.telegram]
token = "{TOKEN}"
api_base = "http://telegram.example"
[providers.lab]
kind = "compatible"
base_url = "http://lab.example/v1"
api_key = "sk-test"
""",
            encoding="utf-8",
        )
        stop, begun = Stop(), asyncio.Event()
        running = asyncio.create_task(serve(load(config), stop, lambda _: begun.set()))
        await asyncio.wait_for(begun.wait(), 20)
        ann.say("hello")
        await until(lambda: bool(platform.chat(42).replies()), within_s=20)
        stop.ask()
        await running
        assert proxy.hosts == {"telegram.example", "lab.example"}


async def said_and_heard(adapter: Adapter, say: Callable[[], object], to: Address) -> None:
    """Let somebody say something, wait until it is heard, and answer."""
    heard = asyncio.Event()

    async def accept(events: Sequence[object]) -> tuple[bool, ...]:
        if any(isinstance(event, Inbound) and "hello" in str(event.body) for event in events):
            heard.set()
        return tuple(True for _ in events)

    listening = asyncio.create_task(adapter.run(accept))
    try:
        say()
        await asyncio.wait_for(heard.wait(), 10)
        form = adapter.capabilities(to).forms[0]
        (page,) = adapter.pages(Reply(markdown="heard"), form)
        await adapter.put(to, page, slot="1.0", was=None)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def answer_of(provider: Provider) -> str:
    """What it says to a word, by its first model."""
    model = (await provider.models())[0].id
    hello = Request(model=model, entries=(Entry(role="user", parts=(Part(kind="text", body="hello"),)),))
    async with aclosing(provider.stream(hello)) as events:
        return "".join([event.text async for event in events if isinstance(event, Delta)])
