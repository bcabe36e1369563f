"""``waystation models``: what there is to choose from, told by the process that runs, else by the providers."""

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from datetime import date
from decimal import Decimal
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.app import provider_site
from core.codec import dump, load
from core.config import configuration
from core.config.settings import Settings
from core.models.configured import router_of, survey_of
from core.models.lifecycle import is_near, today, warning
from core.models.survey import Listed, Survey
from core.process.control import connect
from core.process.logs import open_logging
from core.process.memos import Nowhere
from core.process.opening import open_all
from core.text.invisible import one_line

_MOST_S = 30.0
_WIDE = 140  # where nobody sees how wide it may be
_ABILITIES = {"documents": "PDFs", "search": "web", "effort": "thinking"}
_SHOWN = 12  # a provider, unless all are asked for


def models(config: Path | None, *, as_json: bool, everything: bool) -> int:
    """Print what there is."""
    settings = configuration.load(config)
    open_logging(settings.logging.model_copy(update={"level": "error"}), settings.secrets())
    found = _of_the_running(settings) or asyncio.run(_of_the_providers(settings))
    if as_json:
        sys.stdout.write(json.dumps(json.loads(dump(Survey, found)), indent=2) + "\n")
    else:
        _print(found, today(), everything=everything)
    return 0 if found.models else 1


# ---------------------------------------------------------------------------------------------------------------------
# Asking


def _of_the_running(settings: Settings) -> Survey | None:
    """What the process that runs says, None where none does, or an older one."""
    connection = connect(settings.data_dir)
    if connection is None:
        return None
    with connection:
        connection.send("models")
        answer = connection.receive(_MOST_S) or ""
    try:
        return load(Survey, answer.encode())
    except ValueError:
        return None


async def _of_the_providers(settings: Settings) -> Survey:
    async with AsyncExitStack() as stack:
        proxies = settings.egress.proxies
        sites = [(one, provider_site(settings, one.name, Nowhere(), proxies)) for one in settings.providers]
        opened = await open_all(stack, "providers", sites)
        return await survey_of(settings, router_of(settings, [provider for _, provider in opened.parts]))


# ---------------------------------------------------------------------------------------------------------------------
# Showing


def _print(found: Survey, day: date, *, everything: bool) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
    shown = found.models if everything else _some(found.models)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    table.add_column("model", no_wrap=True)
    table.add_column("context", justify="right")
    table.add_column("abilities", max_width=34)
    table.add_column("$/M in", justify="right")
    table.add_column("$/M out", justify="right")
    table.add_column("runs")
    table.add_column("until", no_wrap=True)
    for model in shown:
        table.add_row(*(Text(one_line(cell)) for cell in _row(model, day)))  # names are the servers' own
    if shown:
        console.print(table)
    for line in _remarks(found, shown, day):
        console.print(Text(one_line(line)), soft_wrap=True)


def _row(model: Listed, day: date) -> tuple[str, ...]:
    mark = "*" if model.current else "+" if model.configured else ""
    free = model.hosting == "self" and not (model.input_usd or model.output_usd)
    sure = "" if model.priced else "~"
    return (
        mark,
        f"{model.provider}/{model.id}",
        _tokens(model.context_tokens),
        " ".join(_ABILITIES.get(ability, ability) for ability in model.abilities) or "-",
        "-" if free else f"{sure}{_usd(model.input_usd)}",
        "-" if free else f"{sure}{_usd(model.output_usd)}",
        "here" if model.hosting == "self" else "hosted",
        f"{model.retires}{'!' if is_near(model.retires, day) else ''}" if model.retires else "",
    )


def _remarks(found: Survey, shown: tuple[Listed, ...], day: date) -> list[str]:
    """What the table does not say."""
    left_out = len(found.models) - len(shown)
    marks = {
        "* answers now": any(one.current for one in shown),
        "+ configured": any(one.configured and not one.current for one in shown),
        "~ price unknown: the dearest of its relatives counts": any(not one.priced for one in shown),
    }
    used = ", ".join(text for text, seen in marks.items() if seen)
    near = [one for one in shown if one.current or one.configured]
    return [
        *([used] if used else []),
        *([f"{left_out} more: --all shows them"] if left_out else []),
        *(f"{name} offers nothing now: {why}" for name, why in found.trouble),
        *filter(None, (warning(f"{one.provider}/{one.id}", one.retires, day) for one in near)),
        *([] if found.models else ["There is no model. `waystation check` says which providers are configured."]),
    ]


def _some(models: tuple[Listed, ...]) -> tuple[Listed, ...]:
    """The first few of each provider, and whatever is configured or answers."""
    counts: dict[str, int] = {}
    shown = []
    for model in models:
        counts[model.provider] = counts.get(model.provider, 0) + 1
        if counts[model.provider] <= _SHOWN or model.current or model.configured:
            shown.append(model)
    return tuple(shown)


def _tokens(count: int) -> str:
    if not count:
        return "?"
    million, thousand = 1_000_000, 1000
    if count >= million:
        return f"{count / million:.3g}M"
    return f"{round(count / thousand)}k"


def _usd(price: Decimal) -> str:
    return f"{price:.2f}" if price == round(price, 2) else f"{price.normalize():f}"
