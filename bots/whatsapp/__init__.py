"""WhatsApp: people's messages and taps in, messages out, over Meta's Cloud API and a webhook on our server.

By subject: ``line`` speaks to the Graph API, ``refusals`` says in our kinds what it refuses, ``webhook`` is the door
that Meta knocks at, ``intake`` and ``content`` make events of what it brings, ``people`` keeps who is who when numbers
change, ``paging`` makes messages of replies, ``sending`` sends them, ``adapter`` puts them together.
Every delivered message costs money, so an answer is as few messages as it can be, and nothing is streamed.
"""

import asyncio
import importlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from core.errors import SettingsError
from core.seams import Adapter, BotSpec
from core.site import BotSite, Spec
from core.values import UnknownSend


class Settings(BaseModel):
    """``[bots.whatsapp]``.

    Attributes:
        access_token: Of a system user who may manage messages
            (https://developers.facebook.com/docs/whatsapp/business-management-api/get-started).
        phone_number_id: Of the number we speak as; not the number itself.
        verify_token: A word of yours, given to Meta with the webhook's address.
        app_secret: Of the app; whatever comes in is signed with it.
        api_base: Up to and including the version.
        template: What is said outside the 24 hours after somebody's last message: a template's name, with one variable
            in its body. Without one, it waits until they write again.
        template_language: Of that template.
        price: What Meta charges for a delivered message, in US$ (https://developers.facebook.com/docs/whatsapp/pricing).
        unknown_send: What becomes of a send of which nobody knows whether it arrived: it is sent again, or marked.
        max_download_mb: Larger files are not fetched.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    access_token: SecretStr = SecretStr("")
    phone_number_id: str = ""
    verify_token: SecretStr = SecretStr("")
    app_secret: SecretStr = SecretStr("")
    api_base: str = "https://graph.facebook.com/v26.0"
    template: str = ""
    template_language: str = "en"
    price: float = Field(default=0.0, ge=0.0)
    unknown_send: UnknownSend = "resend"
    max_download_mb: int = Field(default=16, ge=1)


@asynccontextmanager
async def open_whatsapp(site: BotSite, settings: Settings) -> AsyncGenerator[Adapter, None]:
    """Register the webhook and open the line; nothing is asked of Meta before there is something to say."""
    if site.server is None:
        raise SettingsError("bots.whatsapp needs the server, which is not running: its webhook is the only way in.")
    await asyncio.to_thread(importlib.import_module, "aiohttp")
    from bots.whatsapp.adapter import WhatsApp
    from bots.whatsapp.line import Line
    from bots.whatsapp.webhook import Webhook

    webhook = Webhook(settings.app_secret.get_secret_value(), settings.verify_token.get_secret_value())
    webhook.open_at(site.server, f"/webhooks/{site.name}")
    token = settings.access_token.get_secret_value()
    async with Line(
        settings.api_base, token, settings.phone_number_id, connect_s=site.connect_s, proxies=site.proxies
    ) as line:
        adapter = WhatsApp(site, line, webhook, settings)
        site.operator.announce(adapter.notice)
        yield adapter


def _missing(settings: Settings) -> str | None:
    wanted = {
        "access_token": settings.access_token.get_secret_value(),
        "phone_number_id": settings.phone_number_id,
        "verify_token": settings.verify_token.get_secret_value(),
        "app_secret": settings.app_secret.get_secret_value(),
    }
    missing = [name for name, given in wanted.items() if not given]
    if len(missing) == len(wanted):
        return "not set up: docs/whatsapp.md tells how"
    if missing:
        return f"{', '.join(missing)} missing: docs/whatsapp.md tells where to find what"
    return None


spec: BotSpec[Settings] = Spec(
    name="whatsapp",
    settings=Settings,
    open=open_whatsapp,
    configured=_missing,
    paid=True,
    renamed={"delivery.whatsapp_unknown": "unknown_send"},
)
