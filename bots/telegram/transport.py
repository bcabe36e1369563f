"""The line to the Bot API: the library's request seam on aiohttp, a lean JSON call beside it, and what can go wrong.

The library's own transport costs about 1.0 ms of CPU a call, its ``Bot`` over this one 0.4 ms, and ``call`` 0.2 ms. So
what is called for every message goes through ``call``, what is called now and then through the library's ``Bot``. What
an error means for whoever asked is ``refusals.py``'s affair.

The token stands in every address (https://core.telegram.org/bots/api#making-requests), and aiohttp puts addresses into
its errors. So none of those is passed on, not even as a cause: they are named in words, with the token taken out.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar, cast
from urllib.parse import quote

from aiohttp import (
    ClientError,
    ClientSession,
    ClientTimeout,
    FormData,
)
from telegram import Bot
from telegram.error import NetworkError, TelegramError
from telegram.request import BaseRequest, RequestData
from yarl import URL

from core.egress.sessions import UNSENT, connector, open_session
from core.proxies import NO_PROXIES, Proxies
from core.values import value

_KEEP_ALIVE_S = 30.0  # longer, and routers in between may have forgotten the connection
_PIECE_BYTES = 64 * 1024
_SLOWEST_BYTES_S = 100_000  # of an upload, before it is given up
_JSON: Final = {"Content-Type": "application/json"}
_T = TypeVar("_T")


class Unsent(NetworkError):
    """No connection: the platform certainly did not hear us."""


class Cut(NetworkError):
    """The request went out, and no answer came that makes sense: the platform may have done what we asked."""


class Refused(TelegramError):
    """The platform answered, and said no.

    Attributes:
        code: The HTTP status.
        retry_after_s: Seconds it asks us to wait, 0 where it does not.
        moved_to: The chat's new id, where a group became a supergroup; else 0.
    """

    def __init__(self, code: int, message: str, *, retry_after_s: float = 0.0, moved_to: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_s = retry_after_s
        self.moved_to = moved_to


def bare(exc: TelegramError) -> TelegramError:
    """Strip an error of its frames and origin: they hold the address, and some loggers print local variables."""
    exc.__cause__ = exc.__context__ = None
    return exc.with_traceback(None)


@value
class Upload:
    """A file that goes with a call; the body refers to it by its key."""

    key: str
    name: str
    mime: str
    data: bytes


def _form(body: Mapping[str, Any], uploads: Sequence[Upload]) -> FormData:
    form = FormData()
    for key, given in body.items():
        form.add_field(key, given if isinstance(given, str) else json.dumps(given))
    for upload in uploads:
        form.add_field(upload.key, upload.data, filename=upload.name, content_type=upload.mime)
    return form


class Line(BaseRequest):
    """One bot's connections. Everything it raises is a ``TelegramError`` without the token in it.

    Args:
        connect_s: How long to wait for a connection.
        read_s: How long to wait for an answer.
    """

    def __init__(
        self, token: str, *, api_base: str, connect_s: float, read_s: float = 20.0, proxies: Proxies = NO_PROXIES
    ) -> None:
        self._token = token
        self._root = api_base.rstrip("/")
        self._methods = URL(f"{self._root}/bot{token}/")
        self._connect_s = connect_s
        self._read_s = read_s
        self._proxies = proxies
        self._session: ClientSession | None = None

    def bot(self) -> Bot:
        """Give the library's own client over this line.

        It is not told the token, which it would log and show in its ``repr``; the line puts in the true address.
        """
        return Bot("kept-by-the-line", request=self, get_updates_request=self)

    async def initialize(self) -> None:
        """Open the session; no connection is made yet."""
        self._session = open_session(
            connector=connector(self._proxies, keepalive_timeout=_KEEP_ALIVE_S), timeout=self._timeout(self._read_s)
        )

    async def shutdown(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    @property
    def read_timeout(self) -> float:
        """Seconds an ordinary call may take."""
        return self._read_s

    async def call(
        self,
        method: str,
        body: Mapping[str, Any],
        *,
        wait_s: float = 0.0,
        uploads: Sequence["Upload"] = (),
    ) -> Any:  # noqa: ANN401 - JSON
        """Call a method with a JSON body and return its result as plain JSON.

        Args:
            method: Its name, as in https://core.telegram.org/bots/api#available-methods.
            wait_s: How long the platform was asked to wait before it answers (long polling).
            uploads: Files that the body refers to as ``attach://`` and their key
                (https://core.telegram.org/bots/api#sending-files); then it goes as a form.

        Raises:
            TelegramError: As ``Unsent``, ``Cut`` or ``Refused``.
        """
        payload = _form(body, uploads) if uploads else json.dumps(body).encode()
        read_s = self._read_s + wait_s + sum(len(upload.data) for upload in uploads) / _SLOWEST_BYTES_S
        return self.parse_json_payload(await self._exchange(self._methods / method, payload, read_s))["result"]

    async def asked(self, answer: Awaitable[_T]) -> _T:
        """Await one of the library's own calls, without letting out the frames that hold the address."""
        try:
            return await answer
        except TelegramError as exc:
            raise bare(exc) from None

    async def do_request(  # noqa: PLR0917 - the library's signature
        self,
        url: str,
        method: str,  # noqa: ARG002 - the Bot API takes POST for everything
        request_data: RequestData | None = None,
        read_timeout: object = None,  # noqa: ARG002 - ours holds
        write_timeout: object = None,  # noqa: ARG002
        connect_timeout: object = None,  # noqa: ARG002
        pool_timeout: object = None,  # noqa: ARG002
    ) -> tuple[int, bytes]:
        """Carry one of the library's own calls; refusals are raised here, so that both ways raise the same."""
        payload = json.dumps(request_data.parameters if request_data else {}).encode()
        return 200, await self._exchange(self._methods / url.rpartition("/")[2], payload, self._read_s)

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Read an answer that claims success. The library's own parser would log what it cannot read."""
        try:
            answer = json.loads(payload)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or "result" not in answer:
            raise Cut("The answer was a success that makes no sense.")
        return cast("dict[str, Any]", answer)

    @asynccontextmanager
    async def download(self, path: str) -> AsyncGenerator[AsyncIterator[bytes], None]:
        """Open a file for reading, in pieces (https://core.telegram.org/bots/api#getfile).

        Raises:
            TelegramError: As ``Unsent``, ``Cut`` or ``Refused``, also while reading.
        """
        url = URL(f"{self._root}/file/bot{self._token}/{quote(path)}", encoded=True)
        failure: TelegramError | None = None
        try:
            async with self._open().get(url, allow_redirects=False) as response:
                if response.status != 200:  # noqa: PLR2004
                    raise Refused(response.status, f"The file was answered with {response.status}.")
                yield response.content.iter_chunked(_PIECE_BYTES)
        except (ClientError, OSError, TimeoutError) as exc:
            failure = self._name(exc)
        if failure:
            raise failure

    async def _exchange(self, url: URL, payload: bytes | FormData, read_s: float) -> bytes:
        """Post once. Failures are raised outside of the handler: inside, aiohttp's error would hang on to them."""
        headers = _JSON if isinstance(payload, bytes) else None  # a form says itself what it is
        try:
            async with self._open().post(
                url, data=payload, headers=headers, timeout=self._timeout(read_s), allow_redirects=False
            ) as response:
                answer = await response.read()
                status = response.status
        except (ClientError, OSError, TimeoutError) as exc:
            failure = self._name(exc)
        else:
            if status == 200:  # noqa: PLR2004
                return answer
            failure = self._refusal(status, answer)
        raise failure

    def _open(self) -> ClientSession:
        if self._session is None:
            raise RuntimeError("The line is used before it was opened.")
        return self._session

    def _timeout(self, read_s: float) -> ClientTimeout:
        return ClientTimeout(total=self._connect_s + read_s, sock_connect=self._connect_s, sock_read=read_s)

    def _name(self, exc: Exception) -> TelegramError:
        """Tell whether a broken call can have reached the platform: only without a connection it cannot."""
        words = self._scrub(f"{type(exc).__name__}: {exc}")
        if isinstance(exc, UNSENT):
            return Unsent(words)
        return Cut(words)

    def _refusal(self, status: int, payload: bytes) -> Refused:
        """Read an error body, or a proxy's page in its place.

        See https://core.telegram.org/bots/api#responseparameters.
        """
        try:
            answer = json.loads(payload)
            said, more = str(answer["description"]), dict(answer.get("parameters") or {})
            wait_s, moved_to = float(more.get("retry_after") or 0), int(more.get("migrate_to_chat_id") or 0)
        except (ValueError, TypeError, KeyError, AttributeError):
            return Refused(status, f"HTTP {status} without an explanation")
        return Refused(status, self._scrub(said), retry_after_s=wait_s, moved_to=moved_to)

    def _scrub(self, text: str) -> str:
        return text.replace(self._token, "<token>") if self._token else text
