"""The openai SDK, as far as we use it: connecting, posting a request, and telling what went wrong.

It does addresses, keys, proxies, pooling and TLS. Its streaming objects are left aside, since they cost more than all
the rest of an answer: whoever posts reads the bytes. It runs over aiohttp, which takes half the CPU of its own
transport. It is imported when it is first needed, in a thread, since that takes most of a second.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from core.errors import ProviderDown, ProviderError
from providers.chat.faults import refusal, retry_after_s
from providers.chat.prompt import JSON

if TYPE_CHECKING:
    from openai import AsyncAPIResponse, AsyncOpenAI

_DRAIN_S = 0.1


def connect(base_url: str, key: str, connect_s: float) -> "AsyncOpenAI":
    """A client, which whoever gets it closes. Imports the SDK: call it in a thread."""
    import httpx2
    import openai

    client = openai.AsyncOpenAI(
        api_key=key or "none",  # local servers want one, but do not look at it
        base_url=base_url,
        max_retries=0,  # whoever asked decides whether to ask again, and whom
        http_client=openai.DefaultAioHttpClient(
            timeout=httpx2.Timeout(None, connect=connect_s),  # silence is for whoever reads to judge
            follow_redirects=False,  # a prompt goes where the operator said, or nowhere
            trust_env=not near(base_url),  # no proxy stands between this machine and itself
        ),
    )
    client.organization = client.project = None  # those in the environment are for OpenAI, not for this server
    return client


async def post(client: "AsyncOpenAI", body: JSON) -> "AsyncAPIResponse[Any]":
    """The response, which whoever gets it closes."""
    with translated():
        asking = client.chat.completions.with_streaming_response.create(**cast("dict[str, Any]", body))
        response: AsyncAPIResponse[Any] = await asking.__aenter__()
        kind = response.headers.get("content-type", "").partition(";")[0]
        if kind in {"application/json", "text/html"}:
            raise await _no_stream(response, kind)
        return response


async def _no_stream(response: "AsyncAPIResponse[Any]", kind: str) -> ProviderError:
    try:
        said = await response.text()
    finally:
        await response.close()
    with suppress(ValueError):
        body = json.loads(said)
        if isinstance(body, dict) and "error" in body:
            return refusal(0, body)
    return ProviderDown(f"the server answered with {kind} where a stream was due")


async def drain(chunks: AsyncIterator[bytes]) -> None:
    """Read the little that follows the server's word that it is done, so that the connection can be used again."""
    with suppress(TimeoutError, *failures()):
        async with asyncio.timeout(_DRAIN_S):
            async for _ in chunks:
                pass


def near(base_url: str) -> bool:
    """Whether this machine itself is asked, without encryption."""
    address = urlsplit(base_url)
    return address.scheme == "http" and address.hostname in {"127.0.0.1", "::1", "localhost"}


def translate(exc: Exception) -> ProviderError:
    """The SDK's, its transport's and the operating system's errors in ours."""
    import aiohttp
    import httpx2
    import openai

    if isinstance(exc, openai.APIStatusError):
        return refusal(exc.status_code, exc.body, retry_after_s=retry_after_s(exc.response.headers))
    chain: list[BaseException] = [exc]
    while (cause := chain[-1].__cause__) is not None:
        chain.append(cause)
    where = f" to {exc.request.url}" if isinstance(exc, openai.APIError | httpx2.RequestError) else ""
    if any(isinstance(link, aiohttp.ConnectionTimeoutError) for link in chain):
        return ProviderDown(f"no connection{where} in time")
    if any(isinstance(link, aiohttp.ClientConnectorError) for link in chain):
        return ProviderDown(f"no connection{where}: {chain[-1]}")
    return ProviderDown(f"the connection{where} broke: {str(chain[-1]) or type(chain[-1]).__name__}")


@contextmanager
def translated() -> Iterator[None]:
    """Let out nothing but our own errors."""
    try:
        yield
    except failures() as exc:
        raise translate(exc) from exc


def failures() -> tuple[type[Exception], ...]:
    """All that the SDK and what is below it raise for reasons outside this process."""
    import aiohttp
    import httpx2
    import openai

    return (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError, aiohttp.ClientError, OSError)
