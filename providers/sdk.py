"""A lab's SDK: imported when it is first needed, asked for raw bytes, and its exceptions told in ours.

The SDKs build and sign requests, and know their labs' errors. Their streams make an object of each event, which costs
more than all else we do with an answer, so the bytes of a stream are read as they come (``providers/stream.py``).
"""

import asyncio
import importlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from types import ModuleType
from typing import Any, Generic, Protocol, TypeVar

from core.errors import ProviderDown
from core.proxies import Proxies
from providers.faults import refusal, retry_after_s

C = TypeVar("C", bound="Closing")
T = TypeVar("T")


def http_client(module: ModuleType, proxies: Proxies) -> Any:  # noqa: ANN401 - the SDK's own kind
    """What an SDK asks with: its client over aiohttp, in a session that goes by our proxies and follows no redirect."""
    sessions = importlib.import_module("core.egress.sessions")
    client = module.DefaultAioHttpClient(follow_redirects=False, trust_env=False)
    # The SDKs ship this transport, but no way to give it a session.
    client._transport.client = partial(sessions.open_session, connector=sessions.connector(proxies, limit=0))  # noqa: SLF001
    return client


class Closing(Protocol):
    """A client of an SDK, as far as we care here."""

    async def close(self) -> None:
        """Close its connections."""


class Client(Generic[C]):
    """One SDK client, made when it is first needed: the import alone takes a second or two, so a thread does it.

    Args:
        module: What to import: ``anthropic``, ``openai``.
        make: Makes the client, given the module.
    """

    def __init__(self, module: str, make: Callable[[ModuleType], C]) -> None:
        self._name = module
        self._make = make
        self._client: C | None = None
        self._module: Any = None
        self._opening = asyncio.Lock()

    async def get(self) -> C:
        """The client."""
        async with self._opening:
            if self._client is None:
                self._module = await asyncio.to_thread(importlib.import_module, self._name)
                self._client = self._make(self._module)
            return self._client

    async def close(self) -> None:
        """Close its connections, if there are any."""
        if self._client is not None:
            await self._client.close()

    async def call(self, wanted: Awaitable[T], within_s: float) -> T:
        """Await what a method of the client returns.

        Raises:
            ProviderError: The lab did not do it.
        """
        with self.translated():
            try:
                async with asyncio.timeout(within_s):
                    return await wanted
            except TimeoutError as late:
                raise ProviderDown(f"no answer within {within_s:g} s") from late

    @asynccontextmanager
    async def opened(
        self, wanted: AbstractAsyncContextManager[T], until: float, first_token_s: float
    ) -> AsyncGenerator[T]:
        """A response as soon as its head is there; closed at the end, whatever happens.

        Args:
            wanted: What a method of ``with_streaming_response`` returns.
            until: By when it must have begun, in the loop's time.
            first_token_s: How long that was, for whoever reads of it.
        """
        with self.translated():
            try:
                async with asyncio.timeout_at(until):
                    response = await wanted.__aenter__()
            except TimeoutError as late:
                raise ProviderDown(f"no answer within {first_token_s:g} s") from late
            try:
                yield response
            finally:
                await wanted.__aexit__(None, None, None)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Let out nothing but our own errors."""
        module, http = self._module, importlib.import_module("httpx2")
        try:
            yield
        except module.APIStatusError as error:
            wait_s = retry_after_s(error.response.headers)
            raise refusal(error.status_code, error.body, retry_after_s=wait_s) from error
        except (module.APIError, http.HTTPError, http.StreamError, OSError) as error:
            cause = error.__cause__ or error
            raise ProviderDown(f"no connection, or one that broke: {str(cause) or type(cause).__name__}") from error
