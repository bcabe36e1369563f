"""Any server of OpenAI's chat-completions protocol: xAI, Alibaba, vLLM, Ollama, llama.cpp, LM Studio and more.

The openai SDK does addresses, keys, proxies, pooling and TLS, over aiohttp, which takes half the CPU of its own
transport. Its streaming objects are left aside, since they cost more than all the rest of an answer: the lines of the
stream are read here. What the protocol means is in ``providers/chat``.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

from core.errors import ProviderDown, ProviderError, RequestRefused
from core.seams import Provider, Site, Spec
from core.values import Model, ModelEvent, Request
from providers.chat import listing
from providers.chat.answer import Answer
from providers.chat.faults import refusal, retry_after_s
from providers.chat.prompt import JSON, functions, messages, weight
from providers.chat.quirks import Quirks
from providers.chat.sse import Frames

if TYPE_CHECKING:
    from openai import AsyncAPIResponse, AsyncOpenAI

_TAIL_S = 5.0  # for the usage, after the model has said that it is done
_DRAIN_S = 0.1  # for the end of the body, after the server has said that it is done: it saves the connection


class CompatibleSettings(BaseModel):
    """One section of ``[providers]`` whose ``kind`` is ``compatible``.

    Attributes:
        base_url: Up to and including the version: ``https://api.x.ai/v1``.
        hosting: ``self`` where prompts stay on machines of yours; such a server may go without a key.
        models: What to offer, best first; empty to ask the server.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["compatible"] = "compatible"
    api_key: SecretStr = SecretStr("")
    base_url: str = ""
    hosting: Literal["hosted", "self"] = "hosted"
    models: tuple[str, ...] = ()

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, base_url: str) -> str:
        if base_url and not base_url.startswith(("http://", "https://")):
            raise ValueError("base_url must begin with http:// or https://")
        return base_url.rstrip("/")


class Compatible:
    """One server. The SDK is imported, in a thread, when the first request needs it."""

    def __init__(self, site: Site, settings: CompatibleSettings) -> None:
        self._site = site
        self._settings = settings
        self._client: AsyncOpenAI | None = None
        self._opening = asyncio.Lock()
        self._quirks = Quirks()

    @property
    def name(self) -> str:
        """The name as configured."""
        return self._site.name

    async def models(self) -> tuple[Model, ...]:
        """The configured models, else what the server says it has."""
        hosting = self._settings.hosting
        named = tuple(Model(id=identity, hosting=hosting) for identity in self._settings.models)
        return tuple(map(self._quirks.described, named or await self._listed()))

    async def stream(self, request: Request) -> AsyncGenerator[ModelEvent, None]:
        """See ``Provider``. The first token is awaited for ``first_token_s`` in all, each later one for ``idle_s``."""
        answer = Answer(self.name, partial(weight, request))
        client = await self._sdk()
        first_at = asyncio.get_running_loop().time() + self._site.first_token_s
        response = await self._ask(client, request, first_at)
        try:
            yield answer.spent()
            chunks, frames, done = response.iter_bytes(), Frames(), False
            while not done and (data := await self._read(chunks, answer, first_at)):
                done = _take_in(data, frames, answer)
                for event in answer.take():
                    yield event
            done = done or _take_in(b"\n\n", frames, answer)
            _check(answer, done=done)
            for event in answer.end():
                yield event
            await _drain(chunks)
        finally:
            with suppress(*_failures()):
                await response.close()
        yield answer.finished()

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    async def _listed(self) -> tuple[Model, ...]:
        import httpx2

        client = await self._sdk()
        try:
            async with asyncio.timeout(self._site.connect_s):
                with _translated():
                    response = await client.get("/models", cast_to=httpx2.Response)
            return listing.parse(response.json(), self._settings.hosting)
        except (ValueError, TimeoutError) as wrong:
            said = str(wrong) or f"no list of models within {self._site.connect_s:g} s"
            raise ProviderDown(f"{self._settings.base_url}/models: {said}") from wrong

    async def _ask(self, client: "AsyncOpenAI", request: Request, first_at: float) -> "AsyncAPIResponse[Any]":
        """The response as soon as it begins. Asks again where the server only disliked an option of ours."""
        body = _body(request, self.name)
        while True:
            asked = self._quirks.heeded(body)
            try:
                async with asyncio.timeout_at(first_at):
                    return await _post(client, asked)
            except TimeoutError as late:
                raise ProviderDown(f"no answer within {self._site.first_token_s:g} s") from late
            except RequestRefused as refused:
                if not self._quirks.learn(asked, str(refused)):
                    raise

    async def _read(self, chunks: AsyncIterator[bytes], answer: Answer, first_at: float) -> bytes:
        """The next bytes; none at the end, and none where what still lacks is not worth an error."""
        now = asyncio.get_running_loop().time()
        until = now + _TAIL_S if answer.reason else now + self._site.idle_s if answer.begun else first_at
        try:
            async with asyncio.timeout_at(until):
                with _translated():
                    return await anext(chunks, b"")
        except (ProviderError, TimeoutError) as broken:
            if answer.reason:
                return b""
            if isinstance(broken, ProviderError):
                raise
            silence = f"silent for {self._site.idle_s:g} s amid an answer"
            raise ProviderDown(
                silence if answer.begun else f"no token within {self._site.first_token_s:g} s"
            ) from broken

    async def _sdk(self) -> "AsyncOpenAI":
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(self._connected)
            return self._client

    def _connected(self) -> "AsyncOpenAI":
        import httpx2
        import openai

        base_url = self._settings.base_url
        near = urlsplit(base_url).hostname in {"127.0.0.1", "::1", "localhost"}
        client = openai.AsyncOpenAI(
            api_key=self._settings.api_key.get_secret_value() or "none",  # local servers want one, but do not look
            base_url=base_url,
            max_retries=0,  # whoever asked decides whether to ask again, and whom
            http_client=openai.DefaultAioHttpClient(
                timeout=httpx2.Timeout(None, connect=self._site.connect_s),  # silence is watched in _read
                follow_redirects=False,  # a prompt goes where the operator said, or nowhere
                trust_env=not near,  # no proxy stands between this machine and itself
            ),
        )
        client.organization = client.project = None  # those in the environment are for OpenAI, not for this server
        return client


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
def _translated() -> Iterator[None]:
    try:
        yield
    except _failures() as exc:
        raise translate(exc) from exc


def _failures() -> tuple[type[Exception], ...]:
    """All that the SDK and what is below it raise for reasons outside this process."""
    import aiohttp
    import httpx2
    import openai

    return (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError, aiohttp.ClientError, OSError)


def _body(request: Request, name: str) -> JSON:
    body: JSON = {
        "model": request.model,
        "messages": messages(request, name),
        "max_tokens": request.max_output_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        body["tools"] = functions(request.tools)
    return body


def _take_in(data: bytes, frames: Frames, answer: Answer) -> bool:
    """Add what these bytes complete to the answer; whether the server says that this was all."""
    try:
        for frame in frames.feed(data):
            if frame == b"[DONE]":
                return True
            answer.add(json.loads(frame))
    except (ValueError, RecursionError) as garbled:
        raise ProviderDown(f"the stream made no sense: {garbled}") from garbled
    return False


def _check(answer: Answer, *, done: bool) -> None:
    """A stream that just ends was cut; one that was closed in due form may lack its reason."""
    if not answer.reason and not (done and answer.complete):
        raise ProviderDown("the answer broke off" if answer.begun else "the stream ended before it began")


async def _post(client: "AsyncOpenAI", body: JSON) -> "AsyncAPIResponse[Any]":
    """The response, which whoever gets it closes."""
    with _translated():
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


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    with suppress(TimeoutError, *_failures()):
        async with asyncio.timeout(_DRAIN_S):
            async for _ in chunks:
                pass


def _configured(settings: CompatibleSettings) -> str | None:
    if not settings.base_url:
        return "base_url is missing: the server's address, up to and including the version (https://api.x.ai/v1)."
    if settings.hosting == "hosted" and not settings.api_key.get_secret_value():
        return 'api_key is missing; a server of your own may go without one: say hosting = "self".'
    return None


@asynccontextmanager
async def open_compatible(site: Site, settings: CompatibleSettings) -> AsyncIterator[Compatible]:
    """One server, for as long as the context lasts. Nothing is imported or connected yet."""
    provider = Compatible(site, settings)
    try:
        yield provider
    finally:
        await provider.close()


spec: Spec[CompatibleSettings, Provider] = Spec(
    name="compatible", settings=CompatibleSettings, open=open_compatible, configured=_configured
)
