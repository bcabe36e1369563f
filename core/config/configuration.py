"""Reads the configuration: the file, over it the secrets, over them the environment; checks all of it, then says all.

The sections of what is installed are made here from the settings in each ``Spec``. A key that nothing would read is
refused: where it was written is ``origins.py``'s affair, how that is worded ``complaints.py``'s.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError as Unreadable

from core.config import complaints, layers
from core.config.complaints import Complaint
from core.config.files import find_in
from core.config.layers import Layers, is_secret
from core.config.origins import Key, Origin, config_path, in_environment, in_secrets, read_toml, secrets_path
from core.config.settings import Fixed, Off, Section, Settings
from core.config.specs import AnySpec, Found, Group, find
from core.errors import SettingsError
from core.private import readable_by_others

_PORTS = {"local": 11434, "lmstudio": 1234, "llamacpp": 8080, "vllm": 8000}
"""Where Ollama, LM Studio, llama.cpp and vLLM listen on this machine unless told otherwise."""
_UNASKED: dict[str, dict[str, str]] = {
    **{
        name: {"kind": "compatible", "hosting": "self", "base_url": f"http://127.0.0.1:{port}/v1"}
        for name, port in _PORTS.items()
    },
    "embedded": {"kind": "embedded"},
}
"""Providers that are there as long as no other is: none needs a key, and none sends anything elsewhere."""
_NAME = re.compile(r"[a-z](_?[a-z0-9-])*")
_SECTIONS = frozenset({*Fixed.model_fields, "bots", "providers", "plugins"})


def load(config: Path | None = None) -> Settings:
    """Read the configuration.

    Args:
        config: The file to read; None to look where the environment says, then in the working directory.

    Raises:
        SettingsError: All that is wrong with it, one line each.
    """
    path = config_path(config, os.environ)
    folder = secrets_path(os.environ)
    data, in_file = read_toml(path) if path else ({}, ())
    written = (*in_file, *in_secrets(folder, _SECTIONS), *in_environment(os.environ))
    settings = _Reading(data, written, folder, path).settings()
    _ = settings.egress.proxies  # complains of what the environment says
    return settings


class _Reading:
    """One reading of one configuration; collects complaints on the way and raises them together."""

    def __init__(
        self, data: dict[str, Any], written: Sequence[Origin], folder: Path | None, source: Path | None
    ) -> None:
        self._data = data
        self._written = written
        self._holds = {origin.key: origin for origin in written}
        self._folder = folder
        self._source = source
        self._complaints: list[Complaint] = []
        self._refused: list[Key] = []
        self._off: list[Off] = []
        self._renamed: list[str] = []

    def settings(self) -> Settings:
        """Check everything before anything is refused."""
        specs: dict[Group, dict[str, AnySpec]] = {
            "bots": self._usable("bots"),
            "providers": self._providers(),
            "plugins": self._plugins(),
        }
        whole = layers.model(specs, self._folder)
        keys = dict(layers.leaves(whole, written=[origin.key for origin in self._written]))
        self._refuse_unknown(keys, frozenset(layers.tables(whole)))
        laid = self._validate(whole, keys)
        if laid is None:
            raise complaints.refusal(self._complaints)
        settings = Settings(
            **{name: getattr(laid, name) for name in Fixed.model_fields},
            bots=tuple(self._sections("bots", specs["bots"], laid)),
            providers=_wanted(tuple(self._sections("providers", specs["providers"], laid)), laid.router.names),
            plugins=tuple(self._sections("plugins", specs["plugins"], laid)),
            engine=self._engine(laid.database),
            source=self._source,
        )
        self._check_router(settings)
        self._check_names(settings)
        if self._complaints:
            raise complaints.refusal(self._complaints)
        places = {"data_dir": self._place("data_dir", laid.data_dir)}
        if laid.plugins_dir:
            places["plugins_dir"] = self._place("plugins_dir", laid.plugins_dir)
        told = {"off": tuple(self._off), "renamed": tuple(self._renamed), "exposed": tuple(self._exposed(keys))}
        return settings.model_copy(update={**told, **places})

    def _exposed(self, keys: Mapping[Key, FieldInfo]) -> Iterator[str]:
        """What is to be said of files that hold secrets: of the folder of secrets once, however many lie in it."""
        styles = [
            origin.style for origin in self._written if origin.key in keys and is_secret(keys[origin.key].annotation)
        ]
        if self._source and "file" in styles and (told := readable_by_others(self._source)):
            yield f"{told}, and holds secrets: chmod 600 {self._source}"
        files = [Path(origin.where) for origin in self._written if origin.style == "secret"]
        exposed = [told for file in files if file.is_file() and (told := readable_by_others(file))]
        if exposed:
            more = f", and so can {len(exposed) - 1} more beside it" if len(exposed) > 1 else ""
            yield f"{exposed[0]}{more}: chmod 600 {self._folder}/*"

    def _place(self, name: str, path: Path) -> Path:
        """Where a path leads: from the configuration file's folder, unless it was not written there."""
        told = self._holds.get((name,))
        beside = self._source.parent if self._source and (told is None or told.style == "file") else Path()
        return (beside / path.expanduser()).absolute()

    def _under(self, *key: str) -> Origin | None:
        """Where something of a section was first written, None where nothing was."""
        return next((origin for origin in self._written if origin.key[: len(key)] == key), None)

    def _usable(self, group: Group) -> dict[str, AnySpec]:
        usable = {}
        for name, found in find(group).items():
            if found.spec:
                usable[name] = found.spec
            else:
                self._broken((group, name), found)
        return usable

    def _plugins(self) -> dict[str, AnySpec]:
        """What is installed, and what lies in the operator's folder."""
        usable = self._usable("plugins")
        told = self._holds.get(("plugins_dir",))
        if told is None or not told.given:
            return usable
        try:
            files = find_in(self._place("plugins_dir", Path(str(told.given))))
        except SettingsError as trouble:
            self._off.append(Off(section="plugins_dir", why=str(trouble)))
            return usable
        installed = find("plugins")
        for name, found in files.items():
            if name in installed:
                why = f"a plugin called {name} is installed already"
                self._off.append(Off(section=f"plugins_dir/{name}.py", why=why))
            elif found.spec and _NAME.fullmatch(name):
                usable[name] = found.spec
            else:
                why = "a plugin's name is made of small letters, digits, - and single _"
                self._leave_out(name, found.broken or why)
        return usable

    def _leave_out(self, name: str, why: str) -> None:
        """A file that is broken costs nothing else: what the configuration file tells it is told to nobody."""
        key = ("plugins", name)
        self._off.append(Off(section=".".join(key), why=why))
        self._written = [origin for origin in self._written if origin.style != "file" or origin.key[:2] != key]
        self._data = {**self._data, "plugins": {**self._data.get("plugins", {})}}
        self._data["plugins"].pop(name, None)
        if origin := self._under(*key):
            self._refuse(complaints.wrong(origin, key, None, why, secret=False), key)

    def _broken(self, key: Key, found: Found) -> None:
        """What cannot be loaded is an error only for whoever has configured it."""
        if origin := self._under(*key):
            self._refuse(complaints.wrong(origin, key, None, found.broken, secret=False), key)
        else:
            self._off.append(Off(section=".".join(key), why=found.broken))

    def _refuse(self, complaint: Complaint, key: Key) -> None:
        """Complain of a name; what follows from it is then not complained of again."""
        self._complaints.append(complaint)
        self._refused.append(key)

    def _providers(self) -> dict[str, AnySpec]:
        """Which implementation each provider's section means: by its ``kind``, else by its own name."""
        installed = find("providers")
        named = dict.fromkeys(
            origin.key[1] for origin in self._written if origin.key[:1] == ("providers",) != origin.key
        )
        usable = {}
        for name in (*named, *(name for name in _UNASKED if name not in named)):
            told = self._holds.get(("providers", name, "kind"))
            preset = _UNASKED.get(name, {})
            kind = told.given if told else preset.get("kind", name)
            found = installed.get(str(kind))
            if found and found.spec and _NAME.fullmatch(name):
                usable[name] = found.spec
                if kind == preset.get("kind"):
                    self._data = _laid_over({"providers": {name: preset}}, self._data)
            elif found and not found.spec:
                self._broken(("providers", name), found)
            elif name in named:
                self._refuse(self._no_such_provider(name, told, installed), ("providers", name))
        return usable

    def _no_such_provider(self, name: str, told: Origin | None, installed: Mapping[str, Found]) -> Complaint:
        key = ("providers", name)
        if not _NAME.fullmatch(name):
            why = "a provider's name is made of small letters, digits, - and single _."
            return complaints.wrong(self._under(*key), key, None, why, secret=False)
        there_are = f"There are: {', '.join(sorted(installed))}."
        if told:
            why = f"there is no such kind of provider.{complaints.meant(str(told.given), installed)} {there_are}"
            return complaints.wrong(told, told.key, told.given, why, secret=False)
        hint = complaints.meant(name, installed)
        why = f"it needs a kind, since no provider is called {name} by itself.{hint} {there_are}"
        return complaints.wrong(self._under(*key), key, None, why, secret=False)

    def _refuse_unknown(self, keys: Mapping[Key, FieldInfo], tables: frozenset[Key]) -> None:
        free = {key for key, field in keys.items() if layers.is_free(field)}
        named = {key[:-1] for key in keys}
        for origin in self._written:
            if any(origin.key[: len(key)] == key for key in self._refused):
                continue
            of_file = origin.style == "file" and origin.key in tables | named
            below_free = any(origin.key[: len(key)] == key for key in free)
            if not (origin.key in keys or of_file or below_free):
                self._refuse(complaints.unknown(origin, {*keys, *tables}), origin.key)

    def _validate(self, whole: type[Layers], keys: Mapping[Key, FieldInfo]) -> Layers | None:
        known = {name: table for name, table in self._data.items() if name in whole.model_fields}
        try:
            return whole(**known)
        except ValidationError as problem:
            self._complaints.extend(self._complaint(error, keys) for error in problem.errors() if not self._told(error))
            return None
        except (Unreadable, UnicodeDecodeError) as problem:
            raise SettingsError(f"The configuration cannot be read: {problem}.") from problem

    def _told(self, error: ErrorDetails) -> bool:
        """Whether this only follows from a name that was refused already, with its place."""
        key = _key(error)
        below = isinstance(error["input"], dict) and any(refused[: len(key)] == key for refused in self._refused)
        return below or error["type"] == "extra_forbidden"

    def _complaint(self, error: ErrorDetails, keys: Mapping[Key, FieldInfo]) -> Complaint:
        key = _key(error)
        field = keys.get(key)
        why = _why(error)
        if field and isinstance(error["input"], str):
            words = [word for word in get_args(field.annotation) if isinstance(word, str)]
            why += complaints.meant(error["input"], words)
        origin = self._holds.get(key) or self._under(*key)
        secret = field is None or layers.is_secret(field.annotation)
        return complaints.wrong(origin, key, error["input"], why, secret=secret)

    def _sections(self, group: Group, specs: Mapping[str, AnySpec], laid: Layers) -> Iterator[Section]:
        for name, spec in specs.items():
            named = self._under(group, name) is not None
            try:
                settings = getattr(getattr(laid, group), name) or spec.settings()
            except ValidationError:
                self._off.append(Off(section=f"{group}.{name}", why="it is not configured"))
                continue
            settings = self._with_renamed(group, name, spec, settings, laid)
            if why := spec.configured(settings):
                self._off.append(Off(section=f"{group}.{name}", why=why))
            else:
                yield Section(name=name, spec=spec, settings=settings, named=named)

    def _with_renamed(self, group: Group, name: str, spec: AnySpec, settings: BaseModel, laid: Layers) -> BaseModel:
        """The settings of a section, with what was written for it under names that it used to have."""
        for old, new in spec.renamed.items():
            section, _, key = old.partition(".")
            given = getattr(getattr(laid, section), key)
            if given is None:
                continue
            now = f"{group}.{name}.{new}"
            if self._holds.get((group, name, new)) is None:
                settings = settings.model_copy(update={new: given})
                self._renamed.append(f"{old} is now called {now}: the old name is still read.")
            else:
                self._renamed.append(f"{old} is not read, since {now} is set, which is its name now.")
        return settings

    def _engine(self, database: str) -> AnySpec | None:
        engines = find("engines")
        scheme = database.partition(":")[0]
        found = engines.get(scheme)
        if found and found.spec:
            return found.spec
        hint = complaints.meant(scheme, engines)
        why = found.broken if found else f"there is no such store.{hint} There are: {', '.join(sorted(engines))}."
        # A database's address may hold a password.
        told = complaints.wrong(self._holds.get(("database",)), ("database",), scheme, why, secret=False)
        self._complaints.append(told)
        return None

    def _check_router(self, settings: Settings) -> None:
        names = [section.name for section in settings.providers]
        for key, model in (
            ("model", settings.router.model),
            *(("fallbacks", one) for one in settings.router.fallbacks),
        ):
            provider = model.partition("/")[0]
            if provider in names or (key, model) == ("model", "auto"):
                continue
            off = next((off.why for off in self._off if off.section == f"providers.{provider}"), "")
            why = f"the provider {provider} is off: {off}" if off else f"there is no provider {provider}."
            why += complaints.meant(provider, names) + f" There are: {', '.join(names)}."
            where = ("router", key)
            self._complaints.append(complaints.wrong(self._holds.get(where), where, model, why, secret=False))

    def _check_names(self, settings: Settings) -> None:
        """Notes on models are for models of providers there may be: a slip would leave them unread."""
        known = {*(section.name for section in settings.providers), *find("providers"), *_UNASKED}
        known |= {origin.key[1] for origin in self._written if origin.key[:1] == ("providers",) != origin.key}
        for table, name in (
            *(("models", one) for one in settings.models),
            *(("prices", one) for one in settings.prices),
        ):
            provider, _, model = name.partition("/")
            if not (provider in known and model):
                why = 'it should be named "provider/model", for a provider there is.'
                why += f"{complaints.meant(provider, known)} There are: {', '.join(sorted(known))}."
                key = (table, name)
                self._complaints.append(complaints.wrong(self._under(*key), key, None, why, secret=False))


def _laid_over(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    both = {name: _laid_over(under[name], over[name]) for name in under if isinstance(over.get(name), dict)}
    return {**under, **over, **both}


def _wanted(providers: tuple[Section, ...], models: Sequence[str]) -> tuple[Section, ...]:
    """Leave out those nobody asked for where somebody asked for others: no model steps in for one that was chosen."""
    by_name = {model.partition("/")[0] for model in models}
    asked = tuple(section for section in providers if section.named or section.name in by_name)
    return asked or providers


def _key(error: ErrorDetails) -> Key:
    return tuple(part for part in error["loc"] if isinstance(part, str))


_PLAINLY = {
    "missing": "it is needed",
    "model_type": "it should be a section with keys of its own",
    "float_parsing": "it should be a number",
    "int_parsing": "it should be a whole number",
    "int_from_float": "it should be a whole number",
    "bool_parsing": "it should be true or false",
    "string_type": "it should be text",
    "tuple_type": "it should be a list",
    "list_type": "it should be a list",
}


def _why(error: ErrorDetails) -> str:
    said = error["msg"].removeprefix("Value error, ").replace("Input should", "it should", 1)
    return f"{_PLAINLY.get(error['type'], said)}."
