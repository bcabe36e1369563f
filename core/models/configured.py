"""Catalogue, router and prices as the configuration has them, and what it names that is shut down soon."""

from collections.abc import Sequence

from core.config.settings import Settings
from core.models.catalogue import Catalogue, shipped
from core.models.lifecycle import today, warning, warnings
from core.models.prices import Prices
from core.models.routing import Chosen, Router
from core.models.survey import Survey, surveyed
from core.seams import Provider


def catalogue_of(settings: Settings) -> Catalogue:
    """What is known of models, the operator's notes included."""
    return shipped().noting(settings.models)


def prices_of(settings: Settings) -> Prices:
    """What calls cost."""
    return Prices(catalogue_of(settings), settings.prices)


def router_of(settings: Settings, providers: Sequence[Provider]) -> Router:
    """Who chooses among the opened providers."""
    return Router(
        providers,
        settings.router.model,
        {section.name for section in settings.providers if not section.named},
        fallbacks=settings.router.fallbacks,
        own={one.name for one in settings.providers if getattr(one.settings, "hosting", "") == "self"},
        catalogue=catalogue_of(settings),
    )


async def survey_of(settings: Settings, router: Router) -> Survey:
    """All models there are; providers are asked, which may take a moment."""
    return await surveyed(router, catalogue_of(settings), prices_of(settings), settings.named_models)


def retiring(settings: Settings, chosen: Chosen | None = None) -> list[str]:
    """A line for each model in use that is shut down soon.

    Args:
        chosen: The one that answers now, where that is known.
    """
    told = warnings(settings.named_models, catalogue_of(settings), today())
    now = warning(chosen.name, chosen.model.retires, today()) if chosen else ""
    return [*told, *([now] if now and now not in told else [])]
