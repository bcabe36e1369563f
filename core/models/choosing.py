"""Finding the model that somebody means by a name or a part of one."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence

from core.exchange import Model
from core.values import value

Offered = Mapping[str, Sequence[Model] | str]
"""Each provider's models, or why it has none just now."""


_NAME = re.compile(r"[\w./:@+~-]{1,200}")


@value
class Meant:
    """What a name may stand for.

    Attributes:
        names: As ``provider/model``: one that is meant, several that may be, none for a name nobody has.
        near: What was likely meant, where nothing fits.
    """

    names: tuple[str, ...] = ()
    near: str = ""


def names(offered: Offered) -> Iterator[str]:
    """All that can be chosen."""
    for provider, models in offered.items():
        if not isinstance(models, str):
            yield from (f"{provider}/{model.id}" for model in models)


def meant(text: str, offered: Offered) -> Meant:
    """Whole names come before ids, ids before a provider's name (which means its first), that before parts of names."""
    word = text.casefold()
    known = list(names(offered))
    provider, _, model = text.partition("/")
    if isinstance(offered.get(provider), str) and model and _NAME.fullmatch(text):
        return Meant(names=(text,))  # it cannot say what it has just now, and may well have this
    for fits in (
        [name for name in known if name.casefold() == word],
        [name for name in known if name.partition("/")[2].casefold() == word],
        [name for name in known if name.partition("/")[0].casefold() == word][:1],
        [name for name in known if word in name.casefold()],
    ):
        if fits:
            return Meant(names=tuple(fits))
    ids = {name.partition("/")[2].casefold(): name for name in reversed(known)}
    whole = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word, [*whole, *ids], n=1, cutoff=0.5)
    return Meant(near=(whole | ids)[near[0]] if near else "")
