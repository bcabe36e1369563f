"""Which model answers somebody, and which others there are, for an adapter that displays it."""

from core.errors import ProviderError
from core.exchange import Model
from core.models import wishes
from core.models.routing import Router
from core.seams import Engine
from core.site import AnsweringModel, Models


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
        try:
            chosen = await self._router.choose(wish)
        except ProviderError:
            return None
        return AnsweringModel(name=chosen.name, model=chosen.model, chosen=chosen.name == wish)

    async def offered(self) -> dict[str, tuple[Model, ...] | str]:
        """See ``Models``."""
        return await self._router.offered()


_: type[Models] = DisplayedModels
