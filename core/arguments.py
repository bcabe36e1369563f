"""Whether a call's arguments keep to the whole of a tool's schema, of which a model may have been sent only a part.

Tools that are made of functions read their arguments by themselves (``core/tools.py``). This is for all others. The
library is imported by the first call of one: it takes a tenth of a second.
"""

import json
import re
from functools import lru_cache
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

_MOST_PROBLEMS = 5
_MOST_CHARS = 200  # of what the library says: it quotes what it is about
_SAID = frozenset({"required", "type", "additionalProperties", "enum", "const"})  # the sentence says what is wanted


def unfit(parameters: str, arguments: str) -> str:
    """What is wrong with some arguments, in a sentence.

    Args:
        parameters: The tool's JSON Schema, as text.
        arguments: The call's, as JSON text; what is no object is the tool's own to complain of.

    Returns:
        "" where nothing is wrong, or where nobody can tell.
    """
    unresolvable = import_module("referencing.exceptions").Unresolvable
    validator = _validator(parameters)
    try:
        given = json.loads(arguments or "{}")
        if validator is None or not isinstance(given, dict):
            return ""
        problems = list(islice(validator.iter_errors(given), _MOST_PROBLEMS))
    except (ValueError, RecursionError, unresolvable, re.error):
        return ""
    return "; ".join(map(_told, problems))


@lru_cache(maxsize=500)
def _validator(parameters: str) -> "Validator | None":
    jsonschema, referencing = import_module("jsonschema"), import_module("referencing")
    try:
        schema = json.loads(parameters)
        kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        kind.check_schema(schema)
    except (ValueError, TypeError, RecursionError, jsonschema.SchemaError):
        return None
    # Without a registry of its own the library would fetch whatever a schema refers to.
    made: Validator = kind(schema, registry=referencing.Registry())
    return made


def _told(problem: "ValidationError") -> str:
    """A problem in a sentence; the library quotes what is wrong, but not always the limit that it breaks."""
    where = ".".join(map(str, problem.absolute_path)) or "arguments"
    said = " ".join(problem.message.split())
    limit = f"{problem.validator} is {json.dumps(problem.validator_value, default=str)[:_MOST_CHARS]}"
    if problem.validator in _SAID and len(said) <= _MOST_CHARS:
        return f"{where}: {said}"
    return f"{where}: {limit}" if len(said) > _MOST_CHARS else f"{where}: {said} ({limit})"
