"""The configuration as one model: the fixed sections, one for everything installed, and the layers over one another.

Which sections there are, and what to say of a wrong one, is ``core/config/configuration.py``'s affair.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr, create_model, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from core.config.origins import DELIMITER, PREFIX, Key
from core.config.settings import Fixed, Keys
from core.config.specs import AnySpec, Group
from core.config.texts import read_text, trimmed, trimmed_secret
from core.errors import SettingsError


class _Environment(EnvSettingsSource):
    """The environment, where a list may be written ``a,b`` too. White space around a value belongs to none."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name: text and trimmed(text) for name, text in super()._load_env_vars().items()}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ANN401 - theirs
        """Read a list or table from text; what is neither is left for the check, which knows the name."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value if value.lstrip().startswith(("[", "{")) else [item.strip() for item in value.split(",")]


class _Secrets(NestedSecretsSettingsSource):
    """A folder of files with a secret each."""

    @classmethod
    def load_secrets(cls, path: Path) -> dict[str, str]:
        """Read all of them by their names."""
        return {str(file.relative_to(path)): trimmed(_read_secret(file)) for file in cls._iter_secret_files(path)}


def _read_secret(file: Path) -> str:
    try:
        return read_text(file)
    except UnicodeDecodeError as problem:
        raise SettingsError(f"{file}: this file is not in UTF-8: write the secret into it again.") from problem
    except OSError as problem:
        raise SettingsError(f"{file}: this file cannot be read: {problem.strerror}.") from problem


class Layers(Fixed, BaseSettings):
    """Lays the layers over one another; a subclass adds the sections of what is installed."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        env_ignore_empty=True,
        secrets_prefix="",
        secrets_nested_delimiter=DELIMITER,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is theirs
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the environment over the secrets over the file, whose content is given as arguments."""
        return _Environment(settings_cls), _Secrets(file_secret_settings), init_settings


def model(groups: Mapping[Group, Mapping[str, AnySpec]], secrets: Path | None) -> type[Layers]:
    """The whole configuration as one model: the fixed sections, and one for everything there is to open.

    Args:
        secrets: The folder of secret files, None for none.
    """
    tables: dict[str, Any] = {}
    for group, specs in groups.items():
        sections: dict[str, Any] = {name: (_section(group, spec) | None, None) for name, spec in specs.items()}
        table = create_model(group.title(), __base__=Keys, **sections)
        tables[group] = (table, table())
    for section, keys in _renamed(groups).items():
        table = create_model(section.title(), __base__=Keys, **keys)
        tables[section] = (table, table())
    return create_model("Configuration", __base__=Layers, __cls_kwargs__={"secrets_dir": secrets}, **tables)


def _renamed(groups: Mapping[Group, Mapping[str, AnySpec]]) -> dict[str, dict[str, Any]]:
    """The keys of sections that are written no more, by section: what each says went into a section of its own."""
    sections: dict[str, dict[str, Any]] = {}
    for spec in (spec for specs in groups.values() for spec in specs.values()):
        for old, new in spec.renamed.items():
            section, _, key = old.partition(".")
            sections.setdefault(section, {})[key] = (spec.settings.model_fields[new].annotation | None, None)
    return sections


def _section(group: Group, spec: AnySpec) -> type[BaseModel]:
    kind: dict[str, Any] = {"kind": (Literal[spec.name], spec.name)} if group == "providers" else {}
    strict = {"frozen": True, "extra": "forbid"}
    secret = [name for name, field in spec.settings.model_fields.items() if is_secret(field.annotation)]
    trims: dict[str, Any] = {"trim": field_validator(*secret, mode="before")(_trim)} if secret else {}
    return create_model(
        spec.settings.__name__, __base__=spec.settings, __cls_kwargs__=strict, __validators__=trims, **kind
    )


def _trim(given: object) -> object:
    """Take from secrets what was copied along with them."""
    if isinstance(given, str):
        return trimmed_secret(given)
    return [_trim(one) for one in given] if isinstance(given, list | tuple) else given


def leaves(kind: type[BaseModel], above: Key = (), *, written: Sequence[Key] = ()) -> Iterator[tuple[Key, FieldInfo]]:
    """Every key that can be written, by its full name.

    Args:
        written: What was written, since a section of free names (``[models."xai/grok"]``) has those it was given.
    """
    for name, field in kind.model_fields.items():
        key = (*above, name)
        if (table := _table(field)) is not None:
            yield from leaves(table, key, written=written)
        elif (table := _free(field)) is not None:
            for given in dict.fromkeys(one[len(key)] for one in written if one[: len(key)] == key != one):
                yield from leaves(table, (*key, given))
            yield key, field
        else:
            yield key, field


def tables(kind: type[BaseModel], above: Key = ()) -> Iterator[Key]:
    """Every section that can be written, by its full name; some have no keys."""
    for name, field in kind.model_fields.items():
        if (table := _table(field)) is not None:
            yield (*above, name)
            yield from tables(table, (*above, name))


def _table(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a section, None where the field is a key."""
    kinds = get_args(field.annotation) if get_origin(field.annotation) is UnionType else (field.annotation,)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def is_free(field: FieldInfo) -> bool:
    """Whether anything may be written below this key: nobody but its reader knows what."""
    return get_origin(field.annotation) is dict and _free(field) is None


def _free(field: FieldInfo) -> type[BaseModel] | None:
    """The model of each section below a table whose names are free, None for any other field."""
    arguments = get_args(field.annotation) if get_origin(field.annotation) is dict else ()
    return next((kind for kind in arguments if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def is_secret(annotation: Any) -> bool:  # noqa: ANN401 - an annotation may be anything
    """Whether values of this type are kept out of sight."""
    return annotation is SecretStr or any(is_secret(inner) for inner in get_args(annotation))
