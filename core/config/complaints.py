"""Says what is wrong with a configuration: where it was written, its name, why, what is allowed, the likely meaning."""

import difflib
from collections.abc import Collection, Iterable

from core.config.origins import Key, Origin
from core.errors import SettingsError
from core.values import value


@value
class Complaint:
    """One thing that is wrong with one setting.

    Attributes:
        where: The place it was written, "" where it was written nowhere.
        what: The setting as written there; with its value, unless that is secret.
        why: A sentence of its own, with what would be right.
    """

    where: str
    what: str
    why: str


def refusal(complaints: Iterable[Complaint]) -> SettingsError:
    """Put all complaints into one error, a line each."""
    lines = [f"  {place}{c.what}: {c.why}" for c in complaints for place in [f"{c.where}: " if c.where else ""]]
    return SettingsError("\n".join(["The configuration is not right:", *lines]))


def unknown(origin: Origin, known: Collection[Key]) -> Complaint:
    """There is no such setting: say so, with what was likely meant, and what else there is at that place."""
    key = origin.key
    depth = next((size for size in range(len(key)) if not _beside(key[: size + 1], known)), len(key) - 1)
    choices = sorted({other[depth] for other in known if other[:depth] == key[:depth] and len(other) > depth})
    what = "setting" if depth == len(key) - 1 else "section"
    near = difflib.get_close_matches(key[depth], choices, n=1)
    likely = (*key[:depth], *near, *key[depth + 1 :])
    why = f"there is no such {what}."
    if near:
        # A whole name can be copied; where the rest is wrong as well, the section alone is named.
        why += f" Did you mean {origin.spell(likely) if likely in known else near[0]}?"
    if choices:
        why += f" There are: {', '.join(choices)}."
    return Complaint(where=place(origin), what=origin.spell(key), why=why)


def _beside(start: Key, known: Collection[Key]) -> bool:
    return any(other[: len(start)] == start for other in known)


def wrong(origin: Origin | None, key: Key, given: object, why: str, *, secret: bool) -> Complaint:
    """A setting's value will not do. Tables are never shown, since there may be secrets in them."""
    name = origin.spell(key) if origin else ".".join(key)
    shown = "" if secret or isinstance(given, dict) or given is None else f" = {_show(given)}"
    return Complaint(where=place(origin) if origin else "", what=name + shown, why=why)


def place(origin: Origin) -> str:
    """Where to look; a variable's name says it already."""
    return "environment" if origin.style == "environment" else origin.where


def meant(word: str, allowed: Iterable[str]) -> str:
    """Ask whether the nearest of the allowed words was meant, "" where none is near."""
    near = difflib.get_close_matches(word, list(allowed), n=1)
    return f" Did you mean {near[0]}?" if near else ""


def _show(given: object) -> str:
    text = f'"{given}"' if isinstance(given, str) else str(given)
    most = 80
    return text if len(text) <= most else text[:most] + "…"
