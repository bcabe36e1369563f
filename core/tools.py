"""Tools out of plain functions: the signature is the schema, the docstring the description, the body the tool.

    async def hello(name: str) -> str:
        \"\"\"Greet somebody by name.\"\"\"
        return f"Hello, {name}!"

    spec = plugin("hello", hello)

Arguments come from a model, so they are checked against the signature before the function sees any of them.
"""

import inspect
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import field, make_dataclass
from typing import Any, get_args, get_type_hints, overload

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, with_config
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import ErrorDetails, to_json

from core.errors import CallMalformed
from core.exchange import ToolSchema
from core.plugin import Effect, Plugin, PluginSite, PluginSpec, Tool, ToolContext, no_addresses
from core.site import Spec
from core.text.fencing import fenced
from core.threads import Threads
from core.values import value

Function = Callable[..., str] | Callable[..., Awaitable[str]]
"""What a tool is made of: typed arguments, a docstring, text for the model. A plain one runs in a thread."""
Asks = Callable[..., str]
"""Makes the question put to a person, of the same arguments as the function's."""


@value
class GivenAddress:
    """Marks an argument that is an address (or a list of them), as ``Annotated[str, GivenAddress()]``.

    The tool is called with it if the conversation has given just this address; otherwise the person is asked first. So
    a model that was talked into it can carry nothing away in an address.
    """


_SECTIONS = re.compile(r"^(?:Args|Returns|Raises|Yields|Notes?|Examples?):\s*$", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What every lab takes as a tool's name."""
_PLAIN = frozenset({inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY})


class Switch(BaseModel):
    """The section of a plugin that is on unless it is switched off; those that want to know more inherit it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True


def switched_on(settings: Switch) -> str | None:
    """Why a plugin is off, for ``Spec.configured``."""
    return None if settings.enabled else "it is switched off"


@overload
def tool(function: Function, /) -> Tool: ...
@overload
def tool(
    *, effect: Effect = "reads", summary: str | Asks = "", name: str = "", outside: bool = False
) -> Callable[[Function], Tool]: ...
def tool(
    function: Function | None = None,
    /,
    *,
    effect: Effect = "reads",
    summary: str | Asks = "",
    name: str = "",
    outside: bool = False,
) -> Tool | Callable[[Function], Tool]:
    """Make a tool of a function, as a decorator.

    Args:
        function: Its arguments are what the model gives, each with a type; ``Annotated[str, Field(description="…")]``
            says more about one. One of the type ``ToolContext`` is given by us. What it raises: see ``Tool``.
        effect: See ``Effect``. Everything but ``reads`` is done only after the person's tap; what reads needs one where
            an argument is an address that nobody gave (``GivenAddress``).
        summary: What the person reads above the exact arguments; or a function of the same arguments that makes the
            whole question.
        name: What the model calls it, if not as the function is called.
        outside: See ``Tool``.

    Raises:
        TypeError: No tool can be made of it; the sentence says why.
    """

    def make(function: Function) -> Tool:
        return _made(function, effect, summary, name or getattr(function, "__name__", ""), outside=outside)

    return make if function is None else make(function)


def plugin(name: str, *tools: Tool | Function) -> PluginSpec[Switch]:
    """A whole plugin that has nothing to set: some tools, or functions that only read."""
    made = tuple(one if isinstance(one, Tool) else tool(one) for one in tools)

    @asynccontextmanager
    async def open_plugin(site: PluginSite, settings: Switch) -> AsyncGenerator[Plugin]:
        del settings
        yield Plugin(name=site.name, tools=made)

    return Spec(name=name, settings=Switch, open=open_plugin, configured=switched_on)


def _made(function: Function, effect: Effect, summary: str | Asks, name: str, *, outside: bool) -> Tool:
    if not _NAME.fullmatch(name):
        raise TypeError(f"{name!r} is no name of a tool: it has at most 64 letters from a to z, digits, _ and -")
    arguments = _Arguments(function, name)
    call = function if inspect.iscoroutinefunction(function) else _in_threads(function)  # type: ignore[arg-type]

    async def make_call(text: str, caller: ToolContext) -> str:
        return await call(**arguments.read(text), **dict.fromkeys(arguments.contexts, caller))

    def ask(text: str) -> str:
        values = arguments.read(text)
        return summary(**values) if callable(summary) else rendered(summary or f"{name}:", values)

    schema = ToolSchema(name=name, description=_description(function, name), parameters=arguments.schema)
    return Tool(
        schema=schema,
        effect=effect,
        call=make_call,
        summary=ask,
        outside=outside,
        addresses=arguments.addresses if arguments.given else no_addresses,
        checks=True,
    )


def rendered(words: str, arguments: Mapping[str, object]) -> str:
    """A question of the exact arguments. Each has a line, or a block, of its own, so that none passes for another."""
    lines = [f"{name}: {_one_line(argument)}" for name, argument in arguments.items() if not _is_long(argument)]
    long = [(name, argument) for name, argument in arguments.items() if _is_long(argument)]
    blocks = [f"{name}:\n\n{fenced(str(argument))}" for name, argument in long]
    return "\n\n".join([words, *([fenced("\n".join(lines))] if lines else []), *blocks])


def _is_long(argument: object) -> bool:
    return isinstance(argument, str) and "\n" in argument


def _one_line(argument: object) -> str:
    return argument if isinstance(argument, str) else to_json(argument).decode()


def _in_threads(function: Callable[..., str]) -> Callable[..., Awaitable[str]]:
    threads = Threads()

    async def call(**arguments: object) -> str:
        return await threads.run(lambda: function(**arguments))

    return call


def _description(function: Function, name: str) -> str:
    said = _SECTIONS.split(inspect.getdoc(function) or "", maxsplit=1)[0].strip()
    if not said:
        raise TypeError(f"{name} has no docstring: a model has to be told what it does")
    return said


def _is_given(hint: object) -> bool:
    return any(isinstance(one, GivenAddress) for one in getattr(hint, "__metadata__", ())) or any(
        _is_given(one) for one in get_args(hint)
    )


class _Untitled(GenerateJsonSchema):
    """A schema without the titles that pydantic makes of names: a model reads the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401 - theirs
        """Never."""
        del schema
        return False


class _Arguments:
    """What a function wants to be given, out of what a model wrote.

    Attributes:
        contexts: The names of those that we give.
        given: The names of those that are addresses to be given; see ``GivenAddress``.
        schema: The others, as JSON Schema.
    """

    def __init__(self, function: Function, name: str) -> None:
        hints = get_type_hints(function, include_extras=True)
        fields: list[Any] = []
        self.contexts: list[str] = []
        self.given = [name for name, hint in hints.items() if _is_given(hint)]
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind not in _PLAIN or parameter.name not in hints:
                raise TypeError(f"{name}: the argument {parameter} should have one name and one type")
            if hints[parameter.name] is ToolContext:
                self.contexts.append(parameter.name)
            elif parameter.default is parameter.empty:
                fields.append((parameter.name, hints[parameter.name]))
            else:
                fields.append((parameter.name, hints[parameter.name], field(default=parameter.default)))
        made = make_dataclass(name, fields, kw_only=True)
        self._names = [each[0] for each in fields]
        self._reader: TypeAdapter[Any] = TypeAdapter(with_config(ConfigDict(extra="forbid"))(made))
        schema = self._reader.json_schema(schema_generator=_Untitled)
        schema.pop("title", None)
        self.schema = json.dumps(schema, ensure_ascii=False)

    def read(self, text: str) -> dict[str, object]:
        """The arguments by name.

        Raises:
            CallMalformed: What is wrong with each of them.
        """
        try:
            found = self._reader.validate_json(text if text.strip() or self._names else "{}")
        except ValidationError as error:
            raise CallMalformed("; ".join(map(self._wrong, error.errors()))) from error
        return {name: getattr(found, name) for name in self._names}

    def addresses(self, text: str) -> tuple[str, ...]:
        """The addresses among them.

        Raises:
            CallMalformed: See ``read``.
        """
        values = self.read(text)
        found = [values[name] for name in self.given]
        each = [one for named in found for one in (named if isinstance(named, list | tuple | set) else [named])]
        return tuple(str(one) for one in each if one)

    def _wrong(self, problem: ErrorDetails) -> str:
        where = ".".join(map(str, problem["loc"])) or "arguments"
        match problem["type"]:
            case "unexpected_keyword_argument":
                return f"{where}: there is no such argument; there are: {', '.join(self._names) or 'none'}"
            case "missing":
                return f"{where}: it is needed"
            case _:
                return f"{where}: {problem['msg']}"
