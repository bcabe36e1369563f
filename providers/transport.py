"""The line to a server that streams: asking, reading what comes, and telling what went wrong.

On aiohttp alone. An SDK would add half a second to the first answer, some twenty megabytes, and several
milliseconds of CPU to each answer, for what is one POST (docs/performance.md has the figures). aiohttp is imported, in
a thread, when the line is first needed.
"""

import asyncio
import importlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast
from urllib.parse import urlsplit

from core.errors import ProviderDown, ProviderError
from core.models.keys import Keys
from core.proxies import NO_PROXIES, Proxies
from providers.faults import refusal, retry_after_s
from providers.words import JSON

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession, FormData

_GATHER_S = (0.025, 0.25)
_GATHER_MORE_S = 0.004  # for each answer under way
_UNREAD_S = 0.05  # what lies so long is left to the system meanwhile
_DRAIN_S = 0.1


def bearer(key: str) -> Mapping[str, str]:
    """The usual header for a key."""
    return {"Authorization": f"Bearer {key or 'none'}"}  # local servers want one, but do not look at it


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """A file in a form.

    Attributes:
        field: Of the form.
        name: Of the file.
    """

    field: str
    name: str
    mime: str
    data: bytes


class Line:
    """The connections to one server.

    Args:
        base_url: Up to and including the version.
        key: Several of them take turns where one is refused or has reached its limit.
        auth: The header that a key travels in.
        connect_s: How long to wait for a connection. Silence after that is for whoever reads to judge.
    """

    def __init__(
        self,
        base_url: str,
        key: str | Keys,
        connect_s: float,
        auth: Callable[[str], Mapping[str, str]] = bearer,
        *,
        proxies: Proxies = NO_PROXIES,
    ) -> None:
        self._auth = auth
        self._base_url = base_url
        self._keys = key if isinstance(key, Keys) else Keys(key)
        self._headers = {
            "Accept-Encoding": "identity",  # what is compressed comes in lumps
            "User-Agent": "waystation",
        }
        self._connect_s = connect_s
        self._proxies = proxies
        self._session: ClientSession | None = None
        self._opening = asyncio.Lock()
        self._reading = 0

    @property
    def is_open(self) -> bool:
        """Whether anything was asked yet, and aiohttp is there."""
        return self._session is not None

    async def post(self, path: str, body: JSON) -> "Reading":
        """Ask for a stream; whoever gets it closes it.

        Raises:
            ProviderError: There is none.
        """
        response = await self._request("POST", path, body)
        if response.content_type == "text/html":
            response.close()
            raise ProviderDown("the server answered with text/html where a stream was due")
        return Reading(self, response)

    async def ask(self, path: str, body: JSON) -> object:
        """Ask for some JSON, by some.

        Raises:
            ProviderError: There is none.
            ValueError: It is no JSON.
        """
        return json.loads(await self._whole(await self._request("POST", path, body)))

    async def ask_bytes(self, path: str, body: JSON) -> tuple[str, bytes]:
        """Ask for what is no JSON; its type, without parameters, and what it is.

        Raises:
            ProviderError: There is none.
        """
        response = await self._request("POST", path, body)
        return response.content_type, await self._whole(response)

    async def ask_form(self, path: str, fields: Mapping[str, str], files: Sequence[Upload]) -> object:
        """Ask for some JSON, by a form with files.

        Raises:
            ProviderError: There is none.
            ValueError: It is no JSON.
        """
        return json.loads(await self._whole(await self._request("POST", path, _Form(fields, files))))

    async def get(self, path: str) -> object:
        """Fetch some JSON.

        Raises:
            ProviderError: There is none.
            ValueError: It is no JSON.
        """
        return json.loads(await self._whole(await self._request("GET", path)))

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Let out nothing but our own errors."""
        import aiohttp

        try:
            yield
        except (
            aiohttp.ClientError,
            OSError,
            ValueError,
        ) as exc:  # the last for a proxy of a kind aiohttp does not know
            raise self._translate(exc) from exc

    def gather_s(self) -> float:
        """How long what arrives may lie: the more answers are under way, the longer, since each has its share of us."""
        return min(_GATHER_S[1], _GATHER_S[0] + _GATHER_MORE_S * self._reading)

    def began(self) -> None:
        """One more answer is being read."""
        self._reading += 1

    def ended(self) -> None:
        """One less."""
        self._reading -= 1

    async def _whole(self, response: "ClientResponse") -> bytes:
        with self.translated():
            return await response.read()

    async def _request(self, method: str, path: str, body: "JSON | _Form | None" = None) -> "ClientResponse":
        return await self._keys.using(lambda key: self._request_by(key, method, path, body))

    async def _request_by(self, key: str, method: str, path: str, body: "JSON | _Form | None") -> "ClientResponse":
        session = await self._open()
        with self.translated():
            data, headers = _packed(body)
            response = await session.request(
                method,
                self._base_url + path,
                data=data,
                headers={**self._headers, **headers, **self._auth(key)},
                allow_redirects=False,  # a prompt goes where the operator said, or nowhere
            )
            if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
                raise await self._refusal(response)
            return response

    async def _open(self) -> "ClientSession":
        async with self._opening:
            if self._session is None:
                aiohttp = await asyncio.to_thread(importlib.import_module, "aiohttp")
                sessions = await asyncio.to_thread(importlib.import_module, "core.egress.sessions")
                self._session = sessions.open_session(
                    connector=sessions.connector(self._proxies, limit=0),
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_s),
                )
            return self._session

    async def _refusal(self, response: "ClientResponse") -> ProviderError:
        said = await response.text(errors="replace")
        return refusal(response.status, _parsed(said) or said, retry_after_s=retry_after_s(response.headers))

    def _translate(self, exc: Exception) -> ProviderError:
        """Translate aiohttp's and the operating system's errors into ours."""
        import aiohttp

        where = f" to {self._base_url}"
        if isinstance(exc, aiohttp.ConnectionTimeoutError):
            return ProviderDown(f"no connection{where} in time")
        if isinstance(exc, aiohttp.ClientConnectorError):
            return ProviderDown(f"no connection{where}: {exc}")
        return ProviderDown(f"the connection{where} broke: {str(exc) or type(exc).__name__}")


class Reading:
    """The bytes of one answer as they come. Close it, as a context manager."""

    def __init__(self, line: Line, response: "ClientResponse") -> None:
        self._line = line
        self._response = response
        self._over: asyncio.Future[None] | None = None
        response.content.on_eof(self._wake)
        line.began()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.ended()
        if kind is None:
            await self._drain()
        self._response.close()

    async def read(self) -> bytes:
        """What has come, at least a byte; none at the end."""
        with self._line.translated():
            return await self._response.content.readany()

    async def gather(self) -> None:
        """Let some of it come together, since each word by itself costs as much as many.

        Among few answers not beyond the end, which is noticed at once; among many, the connection is not even read.
        """
        content = self._response.content
        if content.is_eof() or content.exception() is not None:
            return
        loop = asyncio.get_running_loop()
        self._over = loop.create_future()
        wait_s = self._line.gather_s()
        timer = loop.call_later(wait_s, self._wake)
        with self._unread() if wait_s >= _UNREAD_S else nullcontext():
            try:
                await self._over
            finally:
                timer.cancel()

    @contextmanager
    def _unread(self) -> Iterator[None]:
        """Leave what arrives to the system: noticing each packet costs more than reading all of them at the end."""
        connection = self._response.connection
        transport = cast("asyncio.ReadTransport | None", connection.transport if connection else None)
        if transport is None or not transport.is_reading():
            yield
            return
        transport.pause_reading()
        try:
            yield
        finally:
            if not transport.is_closing():
                transport.resume_reading()

    def _wake(self) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(None)

    async def _drain(self) -> None:
        """Read the little that follows the server's word that it is done, so that the connection can be used again."""
        import aiohttp

        try:
            async with asyncio.timeout(_DRAIN_S):
                await self._response.read()
        except (TimeoutError, aiohttp.ClientError, OSError):
            return


@dataclass(frozen=True, slots=True)
class _Form:
    """What can be packed anew for each attempt."""

    fields: Mapping[str, str]
    files: Sequence[Upload]


def _packed(body: JSON | _Form | None) -> "tuple[bytes | FormData | None, Mapping[str, str]]":
    """A body as it travels, and the headers that say how."""
    if not isinstance(body, _Form):
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        return data, {"Content-Type": "application/json"}
    from aiohttp import FormData

    form = FormData()
    for name, value in body.fields.items():
        form.add_field(name, value)
    for file in body.files:
        form.add_field(file.field, io.BytesIO(file.data), filename=file.name, content_type=file.mime)
    return form, {}


def near(base_url: str) -> bool:
    """Whether this machine itself is asked, without encryption."""
    address = urlsplit(base_url)
    return address.scheme == "http" and address.hostname in {"127.0.0.1", "::1", "localhost"}


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
