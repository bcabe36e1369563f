"""What the labs' own clients have in common: their settings, and the way an answer is streamed through an SDK."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Protocol

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

from core.errors import ProviderDown, ProviderError
from core.exchange import Finished, Model, ModelEvent, Spent
from core.models.keys import Keys
from providers.sdk import C, Client
from providers.stream import Patience, objects
from providers.words import JSON

_GATHER_S = 0.015


class LabSettings(BaseModel):
    """A lab's section of ``[providers]``.

    Attributes:
        api_key: Or several, separated by commas; ``api_keys`` are further ones. The next is used where one is refused
            or has reached its limit.
        models: What to offer, best first; empty to ask the lab.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_key: SecretStr = SecretStr("")
    api_keys: tuple[SecretStr, ...] = ()
    base_url: str = ""
    models: tuple[str, ...] = ()

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, base_url: str) -> str:
        if not base_url.startswith(("http://", "https://")):
            raise ValueError("base_url must begin with http:// or https://")
        return base_url.rstrip("/")

    @property
    def keys(self) -> Keys:
        """All of its keys."""
        return Keys(self.api_key, *self.api_keys)


class Growing(Protocol):
    """An answer that is put together from the events of one lab's protocol.

    Attributes:
        begun: The model has said something.
        ended: The lab has said that this was all.
    """

    begun: bool
    ended: bool

    def add(self, event: JSON) -> list[ModelEvent]:
        """Take in one event; what it says."""

    def spent(self) -> Spent:
        """What the call has cost so far."""

    def finished(self) -> Finished:
        """The whole answer."""


class Response(Protocol):
    """A response whose body is read in pieces."""

    def iter_bytes(self) -> AsyncIterator[bytes]:
        """The pieces."""


async def streamed(
    client: Client[C],
    keys: Keys,
    ask: Callable[..., AbstractAsyncContextManager[Response]],
    answer: Growing,
    patience: Patience,
) -> AsyncGenerator[ModelEvent, None]:
    """Ask, and tell what comes; closing this closes the response.

    Args:
        ask: A method of the SDK's ``with_streaming_response``; it is told the key to use.
    """
    yield answer.spent()

    async with AsyncExitStack() as stack:

        async def opened(key: str) -> Response:
            asked = ask(extra_headers={"Authorization": f"Bearer {key}"})
            return await stack.enter_async_context(client.opened(asked, patience.first_at, patience.first_token_s))

        response = await keys.using(opened)
        async for event in objects(response.iter_bytes(), patience, gather_s=_GATHER_S):
            try:
                said = answer.add(event)
            except ProviderError:
                yield answer.spent()  # what the lab counted before it broke off is paid for
                raise
            patience.begun = patience.begun or answer.begun
            for one in said:
                yield one
            if answer.ended:
                break
    yield answer.finished()


class Shelf:
    """The models a lab offers, as last listed; those the operator named are offered though no list can be had."""

    def __init__(self, wanted: tuple[str, ...]) -> None:
        self.known: dict[str, Model] = {}
        self._wanted = wanted

    def offered(self, unlisted: Model, failed: ProviderDown | None) -> tuple[Model, ...]:
        """What to offer.

        Args:
            unlisted: What is taken to hold of a model that no list describes.
            failed: Why there is no list.
        """
        if self._wanted:
            return tuple(self.known.get(name) or _named(unlisted, name) for name in self._wanted)
        if failed is not None:
            raise failed
        return tuple(self.known.values())


def _named(model: Model, name: str) -> Model:
    return Model(id=name, images=model.images, documents=model.documents, search=model.search)
