"""Values to bytes and back: what the store keeps of a value, as JSON.

Fields a value gained since are filled with their defaults, fields it lost are ignored, so that a newer version
reads what an older one wrote.
"""

import json
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

T = TypeVar("T")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401  a type expression, unions included
    return TypeAdapter(kind)


def dump(kind: type[T], value: T) -> bytes:
    """The value as JSON, by the declared type (which may be a union); halves of characters are replaced."""
    adapter = _adapter(cast("Any", kind))
    try:
        return adapter.dump_json(value)
    except PydanticSerializationError:
        # A lone surrogate, which JSON lets pass and UTF-8 does not: what somebody sent must not be stuck for that.
        text = json.dumps(adapter.dump_python(value, mode="json"), ensure_ascii=False)
        return text.encode("utf-8", "replace")


def load(kind: type[T], raw: bytes) -> T:
    """The value again.

    Raises:
        ValueError: The bytes are not what ``dump`` makes of this type.
    """
    return cast("T", _adapter(cast("Any", kind)).validate_json(raw))
