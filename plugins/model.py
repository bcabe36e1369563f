"""``/model``: which model answers here, which others there are, and choosing one.

A choice belongs to the lane it is made in: in private to the person, in a group to everybody there. It stands over the
operator's order until it is taken back with ``/model auto``.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from core import phrases
from core.exchange import Model
from core.models.choosing import Offered, meant
from core.plugin import ModelChoice, Plugin, PluginCommand, PluginSite, PluginSpec, ToolContext, ToolResult
from core.site import AnsweringModel, Spec
from core.tools import Switch, switched_on

_AUTO = "auto"
_LISTED = 6  # a provider; the rest is found by a part of its name
_FITTING = 8


@asynccontextmanager
async def open_model(site: PluginSite, settings: Switch) -> AsyncGenerator[Plugin]:
    """Offer ``/model``."""
    del settings
    yield model_plugin(site.name, site.models)


def model_plugin(name: str, models: ModelChoice) -> Plugin:
    """The plugin, over some choice of models."""
    command = PluginCommand(
        name="model",
        description="See which model answers, or choose one",
        call=_Command(models).call,
        rank=40,
    )
    return Plugin(name=name, commands=(command,))


class _Command:
    """Answers ``/model``."""

    def __init__(self, models: ModelChoice) -> None:
        self._models = models

    async def call(self, wanted: str, caller: ToolContext) -> str | ToolResult:
        """What to say to ``/model`` with these words, and what to keep."""
        if not wanted:
            return await self._listed(await self._models.preferred(caller.context))
        if wanted.casefold() == _AUTO:
            usual = _name(await self._models.answering())
            return ToolResult(text=phrases.MODEL_AUTO.format(model=usual), writes=(self._models.prefer(caller, ""),))
        offered = await self._models.offered()
        found = meant(wanted, offered)
        match found.names:
            case (name,):
                text = phrases.MODEL_CHOSEN.format(model=name) + await self._warning(name, offered)
                return ToolResult(text=text, writes=(self._models.prefer(caller, name),))
            case ():
                near = phrases.MODEL_NEAR.format(model=found.near) if found.near else ""
                return phrases.MODEL_UNKNOWN.format(name=_plain(wanted), near=near)
            case several:
                return "\n".join([phrases.MODEL_SEVERAL, "", *_items(several[:_FITTING], len(several))])

    async def _listed(self, preferred: str) -> str:
        now, offered = await self._models.answering(preferred), await self._models.offered()
        by = phrases.MODEL_BY_CHOICE if now and now.chosen else phrases.MODEL_BY_ORDER
        lines = [phrases.MODEL_NOW.format(model=_name(now), by=by)]
        for provider, models in offered.items():
            if isinstance(models, str):
                lines += ["", phrases.MODELS_UNREACHED.format(provider=provider)]
            elif models:
                lines += ["", f"**{provider}**", "", *_models(provider, models, now)]
        return "\n".join([*lines, "", phrases.MODEL_HOW])

    async def _warning(self, name: str, offered: Offered) -> str:
        """What the person should know of the one they chose."""
        provider, _, model_id = name.partition("/")
        models = offered[provider]
        model = next((one for one in models if not isinstance(one, str) and one.id == model_id), None)
        usual = await self._models.answering()
        leaves = model is not None and model.hosting == "hosted" and usual and usual.model.hosting == "self"
        notes = [
            phrases.MODEL_LEAVES if leaves else "",
            phrases.MODEL_RETIRES.format(day=model.retires) if model and model.retires else "",
            model.note if model else "",
        ]
        return "".join(f" {note}" for note in notes if note)


def _models(provider: str, models: Sequence[Model], now: AnsweringModel | None) -> list[str]:
    """The first few, and the one that answers now wherever it stands."""
    current = "" if now is None else now.name
    shown = [one for number, one in enumerate(models) if number < _LISTED or f"{provider}/{one.id}" == current]
    items = [_item(f"{provider}/{one.id}", one, current) for one in shown]
    more = len(models) - len(shown)
    return [*items, *([phrases.MODELS_MORE.format(count=more)] if more else [])]


def _item(name: str, model: Model, current: str) -> str:
    notes = [
        "answers now" if name == current else "",
        "runs here" if model.hosting == "self" else "",
        f"until {model.retires}" if model.retires else "",
    ]
    told = ", ".join(filter(None, notes))
    return f"- `{name}`" + (f" ({told})" if told else "")


def _items(names: Sequence[str], count: int) -> list[str]:
    more = count - len(names)
    return [*(f"- `{name}`" for name in names), *([phrases.MODELS_MORE.format(count=more)] if more else [])]


def _name(chosen: AnsweringModel | None) -> str:
    return "none at the moment" if chosen is None else f"`{chosen.name}`"


def _plain(text: str) -> str:
    """What somebody typed, in one short line that cannot be anything but text."""
    return " ".join(text.replace("`", "'").split())[:60]


spec: PluginSpec[Switch] = Spec(name="model", settings=Switch, open=open_model, configured=switched_on)
