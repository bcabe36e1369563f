"""The line to the REST API: https://discord.com/developers/docs/reference .

It is told what to do as JSON and files, and raises ``Refused`` with the code Discord gives, or what else broke; what
that means is ``refusals.py``'s affair. Waits are not slept through here: the core has one budget a chat, and is told.
"""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from core.egress.sessions import UNSENT, open_session
from core.proxies import NO_PROXIES, Proxies

_READ_S: Final = 30.0
_FILES_S: Final = 180.0
_PIECE_BYTES: Final = 64 * 1024
_WORDS: Final = 200

Json = dict[str, Any]
File = tuple[str, str, bytes]
"""A file to send: its name, its MIME type and its bytes."""


class Refused(Exception):
    """Discord did not do it.

    Attributes:
        status: Of HTTP.
        code: Discord's own (https://discord.com/developers/docs/topics/opcodes-and-status-codes#json), 0 for none.
        retry_after_s: What it asked us to wait.
        everywhere: All of this bot has to wait, not one route.
    """

    def __init__(
        self, status: int, code: int, words: str, *, retry_after_s: float = 1.0, everywhere: bool = False
    ) -> None:
        super().__init__(f"{code or status} {words}".strip())
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s
        self.everywhere = everywhere


class Unsent(Exception):
    """There was no connection: it certainly did not arrive."""


class Cut(Exception):
    """The connection broke after the request went out."""


class Line:
    """The connections to Discord.

    Args:
        base: Up to and including the version.

    Attributes:
        proxies: By which the gateway is reached, too.
    """

    def __init__(self, base: str, token: str, *, connect_s: float, proxies: Proxies = NO_PROXIES) -> None:
        self.base = base.rstrip("/")
        self.token = token
        self._headers = {
            "Authorization": f"Bot {token}",
            "User-Agent": "DiscordBot (https://github.com/waystation, 1)",
        }
        self.proxies = proxies
        self._connect_s = connect_s
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = open_session(
            self.proxies, timeout=aiohttp.ClientTimeout(total=_READ_S, sock_connect=self._connect_s)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        files: Sequence[File] = (),
        query: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever JSON it answers
        """Call the API; what it answers, as parsed JSON, None for nothing.

        Raises:
            Refused, Unsent, Cut: It did not work out.
        """
        how: Json = {"params": query} if query else {}
        if files:
            how |= {
                "data": _form(body, files),
                "timeout": aiohttp.ClientTimeout(total=_FILES_S, sock_connect=self._connect_s),
            }
        elif body is not None:
            how["json"] = body
        try:
            async with self._open.request(
                method, self.base + path, headers=self._headers, allow_redirects=False, **how
            ) as response:
                said = _parsed(await response.read())
                if 200 <= response.status < 300:  # noqa: PLR2004
                    return said
                raise _refused(response, said)
        except UNSENT as unreachable:
            raise Unsent(str(unreachable)) from None
        except (TimeoutError, aiohttp.ClientError, OSError) as broken:
            raise Cut(type(broken).__name__) from None

    async def download(self, url: str) -> AsyncGenerator[bytes, None]:
        """A file's bytes from Discord's own store of files, which wants no token.

        Raises:
            Refused, Cut: As above.
        """
        try:
            times = aiohttp.ClientTimeout(total=_FILES_S, sock_connect=self._connect_s, sock_read=_READ_S)
            async with self._open.get(url, allow_redirects=False, timeout=times) as response:
                if response.status != 200:  # noqa: PLR2004
                    raise Refused(response.status, 0, "no file")
                async for piece in response.content.iter_chunked(_PIECE_BYTES):
                    yield piece
        except (TimeoutError, aiohttp.ClientError, OSError) as broken:
            raise Cut(type(broken).__name__) from None

    @property
    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("The line is not open.")
        return self._session


def _form(body: object, files: Sequence[File]) -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("payload_json", json.dumps(body), content_type="application/json")
    for number, (name, mime, data) in enumerate(files):
        form.add_field(f"files[{number}]", data, filename=name, content_type=mime)
    return form


def _refused(response: aiohttp.ClientResponse, said: object) -> Refused:
    error = said if isinstance(said, dict) else {}
    code = error.get("code")
    detail = json.dumps(error["errors"]) if error.get("errors") else ""
    words = " ".join(f"{error.get('message') or ''} {detail}".split())[:_WORDS]
    wait = error.get("retry_after", response.headers.get("Retry-After", 1.0))
    try:
        wait_s = float(wait)
    except (TypeError, ValueError):
        wait_s = 1.0
    return Refused(
        response.status,
        code if isinstance(code, int) else 0,
        words,
        retry_after_s=wait_s,
        # What is not JSON comes from Cloudflare in front of Discord, which turns away an address, not a route.
        everywhere=bool(error.get("global") or not error) or response.headers.get("X-RateLimit-Scope") == "global",
    )


def _parsed(body: bytes) -> object:
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
