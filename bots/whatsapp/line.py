"""The line to the Graph API: https://developers.facebook.com/docs/whatsapp/cloud-api/reference .

It is told what to say as JSON, and raises ``Refused`` with the code Meta gives, or what else broke; what that means is
``refusals.py``'s affair. The token travels in a header and stands in no error.
"""

import contextlib
import io
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from core.egress.sessions import UNSENT, open_session
from core.proxies import NO_PROXIES, Proxies

_READ_S: Final = 30.0
_UPLOAD_S: Final = 120.0
_TIME_S: Final = 5.0
_PIECE_BYTES: Final = 64 * 1024
_WORDS: Final = 200

Json = dict[str, Any]


class Refused(Exception):
    """Meta did not do it.

    Attributes:
        status: Of HTTP.
        code: Meta's own, 0 where it gave none (https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes).
        retry_after_s: What it asked us to wait, None where it did not.
    """

    def __init__(self, status: int, code: int, words: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"{code or status} {words}".strip())
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s


class Unsent(Exception):
    """There was no connection: it certainly did not arrive."""


class Cut(Exception):
    """The connection broke after the request went out."""


class Line:
    """The connections to Meta, for one number of ours.

    Args:
        base: Up to and including the version.
        number: The id of the number we speak as.

    Attributes:
        tells: Told the time that each answer says it is at Meta, in HTTP's form.
    """

    def __init__(self, base: str, token: str, number: str, *, connect_s: float, proxies: Proxies = NO_PROXIES) -> None:
        self._base = base.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._number = number
        self._connect_s = connect_s
        self._proxies = proxies
        self.tells: Callable[[str], None] = lambda _: None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = open_session(
            self._proxies, timeout=aiohttp.ClientTimeout(total=_READ_S, sock_connect=self._connect_s)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, body: Mapping[str, Any]) -> str:
        """Post a message; Meta's id of it (a "wamid").

        Raises:
            Refused, Unsent, Cut: It did not work out.
        """
        url = f"{self._base}/{self._number}/messages"
        said = await self._call("POST", url, json={"messaging_product": "whatsapp", **body})
        messages = said.get("messages")
        return str(messages[0].get("id", "")) if isinstance(messages, list) and messages else ""

    async def upload(self, data: bytes, mime: str, name: str) -> str:
        """Leave a file with Meta for a message to name; its id.

        Raises:
            Refused, Unsent, Cut: As above.
        """
        form = aiohttp.FormData()
        form.add_field("messaging_product", "whatsapp")
        form.add_field("type", mime)
        form.add_field("file", io.BytesIO(data), filename=name, content_type=mime)
        timeout = aiohttp.ClientTimeout(total=_UPLOAD_S, sock_connect=self._connect_s)
        said = await self._call("POST", f"{self._base}/{self._number}/media", data=form, timeout=timeout)
        return str(said.get("id", ""))

    async def ask_time(self) -> None:
        """Let Meta answer something, whatever that is: its answer tells the time there."""
        with contextlib.suppress(Refused, Unsent, Cut):
            timeout = aiohttp.ClientTimeout(total=_TIME_S)
            await self._call("GET", f"{self._base}/{self._number}", params={"fields": "id"}, timeout=timeout)

    async def locate(self, media: str) -> Json:
        """Where a file can be fetched for the next few minutes, and how large it is.

        Raises:
            Refused, Unsent, Cut: As above.
        """
        return await self._call("GET", f"{self._base}/{media}", params={"phone_number_id": self._number})

    async def download(self, url: str) -> AsyncGenerator[bytes, None]:
        """A file's bytes.

        Raises:
            Refused, Unsent, Cut: As above.
        """
        try:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._connect_s, sock_read=_READ_S)
            request = self._open.get(url, headers=self._headers, allow_redirects=False, timeout=timeout)
            async with request as response:
                if response.status != 200:  # noqa: PLR2004
                    raise Refused(response.status, 0, "no file")
                async for piece in response.content.iter_chunked(_PIECE_BYTES):
                    yield piece
        except (aiohttp.ClientError, TimeoutError, OSError) as broken:
            raise Cut(type(broken).__name__) from None

    @property
    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("The line is not open.")
        return self._session

    async def _call(self, method: str, url: str, **how: Any) -> Json:  # noqa: ANN401 - what aiohttp takes
        try:
            async with self._open.request(method, url, headers=self._headers, allow_redirects=False, **how) as response:
                self.tells(response.headers.get("Date", ""))
                said = _parsed(await response.read())
                if 200 <= response.status < 300:  # noqa: PLR2004
                    return said
                raise _refused(response, said)
        except UNSENT as unreachable:
            raise Unsent(str(unreachable)) from None
        except (TimeoutError, aiohttp.ClientError, OSError) as broken:
            raise Cut(type(broken).__name__) from None


def _refused(response: aiohttp.ClientResponse, said: Json) -> Refused:
    error = said.get("error")
    error = error if isinstance(error, dict) else {}
    code = error.get("code")
    data = error.get("error_data")
    details = data.get("details") if isinstance(data, dict) else ""
    words = " ".join(str(details or error.get("message") or "").split())[:_WORDS]
    try:
        wait_s: float | None = float(response.headers["Retry-After"])
    except (KeyError, ValueError):
        wait_s = None
    return Refused(response.status, code if isinstance(code, int) else 0, words, wait_s)


def _parsed(body: bytes) -> Json:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
