"""Where a setting was written: the TOML file, the environment, or a file of secrets.

Only names and places are dealt with here, so that a complaint can say where to mend what it complains about; what
the values mean is ``core/config/settings.py``'s affair.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from core.config.texts import read_text
from core.errors import SettingsError
from core.values import value

PREFIX = "WAYSTATION_"
DELIMITER = "__"
ABOUT_US = {"WAYSTATION_CONFIG", "WAYSTATION_SECRETS_DIR", "WAYSTATION_SPECS"}
"""Variables of ours that are no settings: where the file and the secrets lie; recorded documents our tests read."""

Key = tuple[str, ...]
"""A setting's full name in parts: ``("bots", "telegram", "token")``."""


@value
class Origin:
    """One place where one setting was written.

    Attributes:
        where: For people: ``config.toml, line 3``, a variable's name, a file's path.
        style: How names are written there, so that a suggestion can be copied.
        given: What was written, None for what stands in a secret file.
    """

    key: Key
    where: str
    style: Literal["file", "secret", "environment"]
    given: object = None

    def spell(self, key: Key) -> str:
        """Write another setting's name the way it is written at this place."""
        if self.style == "environment":
            return PREFIX + DELIMITER.join(key).upper()
        if self.style == "secret":
            return DELIMITER.join(key)
        return ".".join(part if _BARE.fullmatch(part) else f'"{part}"' for part in key)


def config_path(given: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Find the configuration file: as told, else ``./config.toml`` where there is one, else none.

    Raises:
        SettingsError: One was named and is not there.
    """
    told = given or (Path(named) if (named := environ.get("WAYSTATION_CONFIG")) else None)
    if told is None:
        usual = Path("config.toml")
        return usual if usual.is_file() else None
    if not told.is_file():
        by = "--config" if given else "WAYSTATION_CONFIG"
        raise SettingsError(f"{told}: there is no such file ({by} names it).")
    return told


def secrets_path(environ: Mapping[str, str]) -> Path | None:
    """Find the folder of secrets: as told, else systemd's, else the containers' usual one, else none.

    Raises:
        SettingsError: One was named and is not there.
    """
    if told := environ.get("WAYSTATION_SECRETS_DIR"):
        if not Path(told).is_dir():
            raise SettingsError(f"{told}: there is no such folder (WAYSTATION_SECRETS_DIR names it).")
        return Path(told)
    usual = Path(environ.get("CREDENTIALS_DIRECTORY") or "/run/secrets")
    return usual if usual.is_dir() else None


def read_toml(path: Path) -> tuple[dict[str, Any], tuple[Origin, ...]]:
    """Read a TOML file, and where in it each setting stands.

    Raises:
        SettingsError: It cannot be read, or is not TOML.
    """
    try:
        text = read_text(path)
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise SettingsError(f"{path}: this is not TOML: {problem}.") from problem
    except UnicodeDecodeError as problem:
        raise SettingsError(f"{path}: this file is not in UTF-8: save it in that encoding.") from problem
    except OSError as problem:
        raise SettingsError(f"{path}: this file cannot be read: {problem.strerror}.") from problem
    lines = _lines(text)
    return data, tuple(
        Origin(key=key, where=f"{path}{_line_of(key, lines)}", style="file", given=given)
        for key, given in _leaves(data)
    )


def in_environment(environ: Mapping[str, str]) -> tuple[Origin, ...]:
    """Every variable that claims to be a setting of ours. An empty one counts as not set."""
    return tuple(
        Origin(key=tuple(name[len(PREFIX) :].lower().split(DELIMITER)), where=name, style="environment", given=text)
        for name, text in sorted(environ.items())
        if name.upper().startswith(PREFIX) and name.upper() not in ABOUT_US and text
    )


def in_secrets(folder: Path | None, sections: frozenset[str]) -> tuple[Origin, ...]:
    """Every file in the folder of secrets that claims to be a setting in one of our sections; others are not ours."""
    names = sorted(entry.name for entry in folder.iterdir()) if folder else []
    keys = {name: tuple(name.lower().split(DELIMITER)) for name in names}
    return tuple(
        Origin(key=key, where=str(Path(folder or "") / name), style="secret")
        for name, key in keys.items()
        if len(key) > 1 and key[0] in sections
    )


def _leaves(table: Mapping[str, Any], above: Key = ()) -> Iterator[tuple[Key, object]]:
    for name, item in table.items():
        if isinstance(item, dict) and item:
            yield from _leaves(item, (*above, name))
        else:
            yield (*above, name), item


_BARE = re.compile(r"[\w-]+")
_HEADER = re.compile(r"^\s*\[{1,2}\s*([^\[\]]+?)\s*\]{1,2}\s*(#.*)?$")
_ASSIGNED = re.compile(r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_FENCE = re.compile(r'"""|\'\'\'')


def _lines(text: str) -> dict[Key, int]:
    """The line of each key and table. The parser does not tell, so this looks for what stands at a line's beginning.

    A key inside an inline table has the line of its table; inside a long string nothing counts.
    """
    found: dict[Key, int] = {}
    table: Key = ()
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if not inside and (header := _HEADER.match(line)):
            table = _parts(header[1])
            found.setdefault(table, number)
        elif not inside and (assigned := _ASSIGNED.match(line)):
            found.setdefault((*table, *_parts(assigned[1])), number)
        inside ^= len(_FENCE.findall(line)) % 2 == 1
    return found


def _line_of(key: Key, lines: Mapping[Key, int]) -> str:
    nearest = next((key[:size] for size in range(len(key), 0, -1) if key[:size] in lines), None)
    return f", line {lines[nearest]}" if nearest else ""


_PART = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^.\s]+))\s*(?:\.|$)""")


def _parts(dotted: str) -> Key:
    return tuple(next(filter(None, found.groups()), "") for found in _PART.finditer(dotted))
