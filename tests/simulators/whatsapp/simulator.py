"""The simulated Cloud API: messages out, media both ways, webhooks in, and what can go wrong with each."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import itertools
import json
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate
from types import TracebackType
from typing import Any, Self

from aiohttp import ClientError, ClientSession, web

from simulators.whatsapp.judge import Judge
from simulators.whatsapp.people import Person, Shown

Json = dict[str, Any]

NUMBER = "15550001111"
NUMBER_ID = "106540352242922"
TOKEN = "EAAtest"
_TAKEN = 200
_WINDOW_S = 24 * 3600.0


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What becomes of the next message to be sent.

    Attributes:
        code: Meta's error code; 0 with a status for an error without one.
        after: It is delivered first, and then the line is cut.
        late: It is taken, and not delivered: a status says so.
        upload: Of the next file to be left with it, instead.
    """

    code: int = 0
    status: int = 400
    retry_after_s: float | None = None
    cut: bool = False
    after: bool = False
    late: bool = False
    upload: bool = False


class WhatsAppSimulator:
    """Meta.

    Args:
        webhook: Where it brings what happens; may be set later.
        secret: Of the app: signs what it brings.
        templates: Names of the templates it has approved.
        statuses: Which statuses each message gets, in this order.

    Attributes:
        clock_s: How far its clock is ahead of ours.
        again_s: How soon what was not taken is brought again.
    """

    def __init__(
        self,
        *,
        webhook: str = "",
        secret: str = "app-secret",
        templates: Sequence[str] = (),
        statuses: Sequence[str] = ("sent", "delivered"),
        clock_s: float = 0.0,
        again_s: float = 0.05,
    ) -> None:
        self.webhook = webhook
        self.number = NUMBER
        self.clock_s = clock_s
        self.again_s = again_s
        self.statuses = tuple(statuses)
        self.people: list[Person] = []
        self.violations: list[str] = []
        self.sent: list[Json] = []
        self.answers: list[int] = []
        self._secret = secret.encode()
        self._templates = set(templates)
        self._faults: deque[Fault] = deque()
        self._files: dict[str, tuple[bytes, str]] = {}
        self._judge = Judge()
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._session: ClientSession | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 << 20)
        app.on_response_prepare.append(self._tell_time)
        app.router.add_post("/v26.0/{number}/messages", self._message)
        app.router.add_post("/v26.0/{number}/media", self._upload)
        app.router.add_get("/v26.0/{media}", self._locate)
        app.router.add_get("/files/{media}", self._download)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = int(self._runner.addresses[0][1])
        self._session = ClientSession()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _tell_time(self, request: web.Request, response: web.StreamResponse) -> None:
        del request
        response.headers["Date"] = formatdate(time.time() + self.clock_s, usegmt=True)

    @property
    def base(self) -> str:
        """Where the Graph API is."""
        return f"http://127.0.0.1:{self._port}/v26.0"

    def person(self, number: str = "", name: str = "Ann", bsuid: str = "") -> Person:
        """Somebody new."""
        made = Person(meta=self, name=name, number=number, bsuid=bsuid)
        self.people.append(made)
        return made

    def next(self, *faults: Fault) -> None:
        """Let this become of the next messages to be sent."""
        self._faults.extend(faults)

    @property
    def waiting(self) -> int:
        """How many faults have not struck yet."""
        return len(self._faults)

    def keep(self, data: bytes, mime: str) -> str:
        """Keep a file; its id."""
        identity = str(700_000 + next(self._numbers))
        self._files[identity] = data, mime
        return identity

    def kept(self, identity: str) -> bytes:
        """A file's bytes."""
        return self._files[identity][0]

    # -- what it brings

    async def bring(self, said: Sequence[tuple[Person, Json]], **more: object) -> None:
        """Bring messages in one call, again and again until it is taken."""
        people = dict.fromkeys(person for person, _ in said)
        value = {"contacts": [person.contact for person in people], "messages": [message for _, message in said]}
        await self.call(value | more)

    async def call(self, value: Json, *, field: str = "messages") -> None:
        """One webhook call, brought until it is answered with 200; returns at once."""
        value = {"messaging_product": "whatsapp", "metadata": self._metadata(), **value}
        payload = {
            "object": "whatsapp_business_account",
            "entry": [{"id": "1", "changes": [{"field": field, "value": value}]}],
        }
        task = asyncio.create_task(self._insist(json.dumps(payload).encode()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.sleep(0)

    async def post(self, body: bytes, *, signature: str | None = None) -> int:
        """One attempt; its status, 0 where nobody answers."""
        signed = "sha256=" + hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signature or signed}
        assert self._session is not None
        try:
            async with self._session.post(self.webhook, data=io.BytesIO(body), headers=headers) as response:
                self.answers.append(response.status)
                return response.status
        except (ClientError, OSError):
            return 0

    async def settled(self, within_s: float = 10.0) -> None:
        """Wait until everything it had to bring was taken."""
        async with asyncio.timeout(within_s):
            while self._tasks:
                await asyncio.wait(self._tasks)

    async def _insist(self, body: bytes) -> None:
        while await self.post(body) != _TAKEN:  # noqa: ASYNC110 - as Meta does
            await asyncio.sleep(self.again_s)

    def _metadata(self) -> Json:
        return {"display_phone_number": NUMBER, "phone_number_id": NUMBER_ID}

    # -- what it is asked

    async def _message(self, request: web.Request) -> web.StreamResponse:
        if (refused := self._unauthorised(request)) is not None:
            return refused
        body: Json = await request.json()
        wrong = list(self._judge.faults_of(body))
        if wrong:
            self.violations += wrong
            return _error(100, wrong[0])
        if body.get("status") == "read":
            return self._read(body)
        person = self._whom(body)
        if person is None:
            return _error(131026, "Message undeliverable")
        fault = self._faults.popleft() if self._faults else None
        if fault is not None and not (fault.after or fault.late):
            return _struck(request, fault)
        if (refused := self._not_now(person, body)) is not None:
            return refused
        identity = f"wamid.out{next(self._numbers)}"
        if fault is not None and fault.late:
            await self._tell(person, identity, body, code=fault.code)
        else:
            self.sent.append(body)
            if body["type"] == "reaction":
                person.reactions[body["reaction"]["message_id"]] = body["reaction"]["emoji"]
            else:
                person.chat.append(Shown(identity, body))
            await self._tell(person, identity, body)
        if fault is not None and fault.after and request.transport is not None:
            request.transport.abort()
        contacts = [{"input": person.number, "wa_id": person.number}]
        said = {"messaging_product": "whatsapp", "contacts": contacts, "messages": [{"id": identity}]}
        return web.json_response(said)

    def _not_now(self, person: Person, body: Json) -> web.Response | None:
        """What is wrong with a message at this time, though its form is right."""
        kind = body["type"]
        if kind == "template":
            known = body["template"]["name"] in self._templates
            return None if known else _error(132001, "Template name does not exist in the translation")
        if time.time() + self.clock_s - person.wrote_at > _WINDOW_S:
            return _error(131047, "Re-engagement message")
        if kind == "reaction" and body[kind]["message_id"] not in person.said:
            return _error(131009, "Parameter value is not valid")
        if "id" in body[kind] and body[kind]["id"] not in self._files:
            return _error(131053, "Media upload error")
        return None

    async def _tell(self, person: Person, identity: str, body: Json, *, code: int = 0) -> None:
        """Bring the statuses of a message, or that it failed for this reason."""
        for status in ("failed",) if code else self.statuses:
            told: Json = {"id": identity, "status": status, "timestamp": "1", "recipient_id": person.number}
            told |= {"recipient_user_id": person.bsuid} if person.bsuid else {}
            if code:
                told["errors"] = [{"code": code, "title": "As the test wished"}]
            else:
                told["pricing"] = {"billable": True, "pricing_model": "PMP", "category": "service"}
            if data := body.get("biz_opaque_callback_data"):
                told["biz_opaque_callback_data"] = data
            await self.call({"statuses": [told]})

    def _read(self, body: Json) -> web.Response:
        for person in self.people:
            person.reads.append(body["message_id"])
            person.typing += "typing_indicator" in body
        return web.json_response({"success": True})

    def _whom(self, body: Json) -> Person | None:
        for person in self.people:
            name, identity = ("to", person.number) if "to" in body else ("recipient", person.bsuid)
            if identity and body.get(name) == identity:
                return person
        return None

    async def _upload(self, request: web.Request) -> web.Response:
        if (refused := self._unauthorised(request)) is not None:
            return refused
        if self._faults and self._faults[0].upload:
            return _struck(request, self._faults.popleft())
        form = await request.post()
        file = form.get("file")
        if form.get("messaging_product") != "whatsapp" or not isinstance(file, web.FileField):
            self.violations.append("an upload without its fields")
            return _error(100, "Invalid parameter")
        return web.json_response({"id": self.keep(file.file.read(), str(form["type"]))})

    async def _locate(self, request: web.Request) -> web.Response:
        if (refused := self._unauthorised(request)) is not None:
            return refused
        media = request.match_info["media"]
        if media not in self._files:
            return _error(100, "Unsupported get request", 404)
        data, mime = self._files[media]
        url = f"http://127.0.0.1:{self._port}/files/{media}"
        return web.json_response({"id": media, "url": url, "mime_type": mime, "file_size": len(data)})

    async def _download(self, request: web.Request) -> web.Response:
        if (refused := self._unauthorised(request)) is not None:
            return refused
        data, mime = self._files[request.match_info["media"]]
        return web.Response(body=data, content_type=mime.partition(";")[0])

    def _unauthorised(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {TOKEN}":
            return None
        return _error(190, "Invalid OAuth access token", 401)


def _struck(request: web.Request, fault: Fault) -> web.Response:
    if fault.cut and request.transport is not None:
        request.transport.abort()
    return _error(fault.code, "As the test wished", fault.status, fault.retry_after_s)


def _error(code: int, words: str, status: int = 400, retry_after_s: float | None = None) -> web.Response:
    headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"}
    error = {"message": f"(#{code}) {words}", "type": "OAuthException", "code": code, "fbtrace_id": "x"}
    return web.json_response({"error": error}, status=status, headers=headers)
