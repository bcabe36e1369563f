"""What is known of models in advance: how much they hold, what they can do, how good they are, when they are shut down.

The facts are data (``catalogue.toml``) that a configuration adds to and corrects. What a provider itself reports counts
more than either where it is a matter of fact: a server knows what it was started with. What a model can do is often
claimed for all of a lab's at once, so there the configuration has the last word. Of a model that nobody knows, nothing
is claimed.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from core.config.models import Day, Known, ModelNotes, QualityNotes, Usd
from core.exchange import Model
from core.values import value

Tier = Literal["", "small", "mid", "flagship"]

_DATED = re.compile(r"[-@](\d{8}|\d{4}-\d{2}-\d{2}|\d{4}|latest)|:latest")


class Row(Known):
    """One price of a model, in US$ a million tokens; see ``PriceNotes``.

    Attributes:
        since: The first day it holds; without one it always did.
        above_tokens: It holds for longer prompts than this, for the whole of them.
    """

    input: Usd
    output: Usd
    cached: Usd | None = None
    written: Usd | None = None
    searches: Usd | None = None
    since: date = date.min
    above_tokens: Annotated[int, Field(ge=0)] = 0


class Facts(Known):
    """What is known of a model. Numbers are 0 where nothing is; the rest as in ``Model``.

    Attributes:
        lab: Who made it.
        aliases: Other ids that all of this holds for.
        family: Joins models that succeed one another; the price of an unknown one is its family's dearest.
        effort: Whether it can be told how long to think.
        licence: Of open weights, "" where they are not.
        tier: Its lab's present choice of this size, "" for all others.
        retires: The day its lab shuts it down, ISO 8601.
        prices: Only where genai-prices has none.
    """

    id: str
    lab: str = ""
    aliases: tuple[str, ...] = ()
    family: str = ""
    context_tokens: int = 0
    output_tokens: int = 0
    tools: bool = True
    images: bool = False
    documents: bool = False
    search: bool = False
    effort: bool = False
    quality: QualityNotes = QualityNotes()
    licence: str = ""
    tier: Tier = ""
    retires: Day = ""
    note: str = ""
    prices: tuple[Row, ...] = ()


class _Lab(Known):
    """A lab as the file has it; ``all`` holds for each of its models that does not say otherwise."""

    priced_as: str = ""
    all: dict[str, object] = Field(default_factory=dict)
    models: tuple[dict[str, object], ...] = ()


@value
class Found:
    """The entry that fits an id best; ``itself`` is False where only its family is known."""

    facts: Facts
    itself: bool


class Catalogue:
    """What is known of models.

    Args:
        notes: What the configuration says, by ``provider/id``.
        priced_as: Each lab's name in genai-prices.
    """

    def __init__(
        self, entries: tuple[Facts, ...], priced_as: Mapping[str, str], notes: Mapping[str, ModelNotes] | None = None
    ) -> None:
        self.entries = entries
        self.priced_as = priced_as
        self._notes = notes or {}
        self._by_start = sorted(
            ((start, facts) for facts in entries for start in (facts.id, *facts.aliases)),
            key=lambda pair: -len(pair[0]),
        )

    def noting(self, notes: Mapping[str, ModelNotes]) -> "Catalogue":
        """The same with an operator's notes."""
        return Catalogue(self.entries, self.priced_as, notes)

    def find(self, model_id: str) -> Found | None:
        """What is known of a model by its id alone, None for nothing."""
        name = model_id.lower().rpartition("/")[2]
        for start, facts in self._by_start:
            if name.startswith(start) and _ends_a_word(start, name[len(start) :]):
                rest = name[len(start) :]
                return Found(facts=facts, itself=bool(not rest or facts.licence or _DATED.fullmatch(rest)))
        return None

    def facts(self, provider: str, model_id: str) -> Facts:
        """What is known of a provider's model, the operator's notes included."""
        found = self.find(model_id)
        facts = Facts(id=model_id) if found is None else found.facts
        if found is not None and not found.itself:
            # A relative: what its line can do holds for it, too, but not what is said of one model alone.
            facts = facts.model_copy(update={"retires": "", "tier": "", "note": "", "prices": ()})
        noted = self._noted(provider, model_id)
        return facts.model_copy(update={name: given for name, given in noted.items() if name != "hosting"})

    def described(self, provider: str, model: Model) -> Model:
        """A provider's model with all that is known of it: its provider's word, else the operator's, else ours.

        Of what it can do the operator's word comes first.
        """
        facts, noted = self.facts(provider, model.id), self._noted(provider, model.id)
        hosting = noted.get("hosting")
        own = model.hosting == "self" or hosting == "self"

        def length(reported: int, name: str, known: int) -> int:
            # How much a server of one's own holds is a matter of how it was started, not of the model.
            return reported or (known if name in noted or not own else 0)

        def can(name: str, known: bool) -> bool:  # noqa: FBT001 - a fact, not a switch
            return bool(noted.get(name, known))

        # What a lab does beside talking is had from the lab itself, not from everyone who runs its models.
        theirs = provider == facts.lab
        return replace(
            model,
            context_tokens=length(model.context_tokens, "context_tokens", facts.context_tokens),
            output_tokens=length(model.output_tokens, "output_tokens", facts.output_tokens),
            hosting="self" if own else "hosted",
            tools=can("tools", model.tools and facts.tools),
            images=can("images", model.images or facts.images),
            documents=can("documents", model.documents or (facts.documents and theirs)),
            search=can("search", model.search or (facts.search and theirs)),
            effort=can("effort", model.effort or facts.effort),
            retires=model.retires or ("" if own else facts.retires),
            note=model.note or facts.note,
        )

    def _noted(self, provider: str, model_id: str) -> dict[str, object]:
        notes = self._notes.get(f"{provider}/{model_id}")
        fields = () if notes is None else notes.model_fields_set
        return {name: given for name in fields if (given := getattr(notes, name)) is not None}


def _ends_a_word(start: str, rest: str) -> bool:
    """Whether a name can end here: ``qwen3`` is in ``qwen3:8b`` and not in ``qwen3.8``, ``qwen`` is in both."""
    if not rest or (start[-1].isalpha() and rest[0].isdigit()):
        return True
    version = rest[0] == "." and rest[1:2].isdigit()
    return not (rest[0].isalnum() or version)


def _entries(labs: Mapping[str, _Lab]) -> Iterator[Facts]:
    adapter = TypeAdapter(Facts)
    for name, lab in labs.items():
        for model in lab.models:
            yield adapter.validate_python({"lab": name, **lab.all, **model})


@cache
def shipped() -> Catalogue:
    """The catalogue that comes with Waystation."""
    text = files("core.models").joinpath("catalogue.toml").read_text(encoding="utf-8")
    labs = TypeAdapter(dict[str, _Lab]).validate_python(tomllib.loads(text, parse_float=Decimal))
    priced_as = {name: lab.priced_as for name, lab in labs.items() if lab.priced_as}
    return Catalogue(tuple(_entries(labs)), priced_as)
