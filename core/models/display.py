"""Which model answers somebody, and which others there are: for adapters and the plugin that lets people choose."""

from collections.abc import Callable

from core.errors import ProviderError
from core.exchange import Model
from core.models import wishes
from core.models.routing import Router
from core.plugin import ModelChoice, ToolContext
from core.seams import Engine, Records
from core.site import AnsweringModel, Models
from core.values import Put


class DisplayedModels:
    """What one adapter may tell its people of models.

    Args:
        adapter: The adapter's name. A sender means something only together with it.
    """

    def __init__(self, engine: Engine, adapter: str, router: Router) -> None:
        self._engine = engine
        self._adapter = adapter
        self._router = router

    async def answering(self, sender: str) -> AnsweringModel | None:
        """See ``Models``."""
        lane = await self._engine.lane(self._adapter, sender)
        wish = await wishes.of(self._engine.records, lane) if lane else ""
        return await _answering(self._router, wish)

    async def offered(self) -> dict[str, tuple[Model, ...] | str]:
        """See ``Models``."""
        return await self._router.offered()


class StoredModelChoice:
    """The choices people made, in the store; see ``ModelChoice``.

    Args:
        router: Gives the router, which is there once the providers are open.
    """

    def __init__(self, records: Records, router: Callable[[], Router]) -> None:
        self._records = records
        self._router = router

    async def offered(self) -> dict[str, tuple[Model, ...] | str]:
        """See ``ModelChoice``."""
        return await self._router().offered()

    async def preferred(self, context: str) -> str:
        """See ``ModelChoice``."""
        return await wishes.of(self._records, context)

    async def answering(self, preferred: str = "") -> AnsweringModel | None:
        """See ``ModelChoice``."""
        return await _answering(self._router(), preferred)

    def prefer(self, caller: ToolContext, model: str) -> Put:
        """See ``ModelChoice``."""
        return wishes.keep(caller.context, caller.space, model)


async def _answering(router: Router, preferred: str) -> AnsweringModel | None:
    try:
        chosen = await router.choose(preferred)
    except ProviderError:
        return None
    return AnsweringModel(name=chosen.name, model=chosen.model, chosen=chosen.name == preferred)


_: type[Models] = DisplayedModels
__: type[ModelChoice] = StoredModelChoice
