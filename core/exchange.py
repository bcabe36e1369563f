"""What models are told and what they say: the values that cross the seam to a provider."""

import json
import re
from typing import Final, Literal

from core.checks import check_at_least, check_name, refused
from core.values import Media, value


@value
class Part:
    """A piece of a conversation with a model.

    Attributes:
        kind: ``text``; ``media`` (see ``media``); ``call`` and ``result`` of a tool; ``citation``, which stands right
            after the text it bears out; or ``opaque``: what a lab wants back word for word (thinking signatures,
            encrypted search results).
        id: Joins a result to its call.
        name: The tool's name, a citation's title, or which provider an opaque part belongs to: nobody else reads it.
        body: The text; a call's arguments as JSON; a result's text; a citation's address; the opaque bytes as text.
        failed: On a result: the tool could not do it.
        origin: Who wrote a text or a result: the ``person`` who asks, or strangers, whose words are marked as
            ``outside`` in the body; "" for everybody else (a model, a tool's own words, us).
    """

    kind: Literal["text", "media", "call", "result", "citation", "opaque"]
    id: str = ""
    name: str = ""
    body: str = ""
    media: Media | None = None
    failed: bool = False
    origin: Literal["", "person", "outside"] = ""


@value
class Entry:
    """One side's contribution to a conversation: what the person (and our tools) said, or what the model said."""

    role: Literal["user", "assistant"]
    parts: tuple[Part, ...]


_OBJECT: Final = 'write one as text, such as {"type": "object", "properties": {}}'
_TOOL_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


@value
class ToolSchema:
    """A tool as a model sees it.

    Attributes:
        name: 1 to 64 letters from A to z, digits, _ and -: what every lab takes
            (https://platform.openai.com/docs/api-reference/chat/create).
        parameters: A JSON Schema (an object's) as text.
    """

    name: str
    description: str
    parameters: str

    def __post_init__(self) -> None:
        reason = "is not 1 to 64 of A-Z, a-z, 0-9, _ and -"
        check_name("ToolSchema.name", self.name, _TOOL_NAME, reason, "labs take no other names of tools")
        try:
            schema = json.loads(self.parameters)
        except ValueError as error:
            raise refused("ToolSchema.parameters", self.parameters, f"is no JSON ({error})", _OBJECT) from error
        if not (isinstance(schema, dict) and schema.get("type") == "object"):
            raise refused("ToolSchema.parameters", self.parameters, "is no JSON Schema of an object", _OBJECT)


Effort = Literal["", "low", "medium", "high"]
"""How long a model is to think before it answers; "" leaves that to the model."""


@value
class Request:
    """One call of a model.

    Attributes:
        effort: See ``Effort``; "" for a model that is not known to take it.
        search: Let the lab look things up in the web by itself, where the model can.
        thread: Names the conversation, the same in each of its calls: for prompt caches that want to be told.
    """

    model: str
    entries: tuple[Entry, ...]
    system: str = ""
    tools: tuple[ToolSchema, ...] = ()
    max_output_tokens: int = 4096
    effort: Effort = ""
    search: bool = False
    thread: str = ""

    def __post_init__(self) -> None:
        check_at_least("Request.max_output_tokens", self.max_output_tokens, 1)


@value
class Usage:
    """What a call took, as the provider counts it. No number is negative.

    Attributes:
        input_tokens: All of the prompt, cached or not.
        output_tokens: All that was generated, reasoning included.
        cached_tokens: The part of the input that was read from a prompt cache.
        written_tokens: The part of the input that was written to one, where that has a price of its own.
        reasoning_tokens: The part of the output that was thought and not said.
        searches: How often the lab looked something up in the web.
        images: How many images were made.
        seconds: Of sound that was listened to.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    written_tokens: int = 0
    reasoning_tokens: int = 0
    searches: int = 0
    images: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.input_tokens, self.output_tokens, self.cached_tokens, self.written_tokens)
        if min(*numbers, self.reasoning_tokens, self.searches, self.images, self.seconds) < 0:
            raise refused("Usage", self, "counts below zero", "count what is missing as 0")


@value
class Delta:
    """A little more text."""

    text: str
    kind: Literal["answer", "reasoning", "progress"] = "answer"


@value
class Retracted:
    """All of the answer so far was the model's thinking, which nothing had told before: it begins anew."""


LeftOutKind = Literal[
    "files", "images", "more images", "documents", "earlier files", "all files", "tools", "search", "history"
]
"""Files (``more images``: all but the newest), what may be used, or what was said: ``history`` is all but the last
message."""


@value
class LeftOut:
    """Something was left out of what the model was asked, since its provider does not take it. Before the first word.

    Attributes:
        names: Which ones, where it is not all of them.
    """

    what: LeftOutKind
    names: tuple[str, ...] = ()


@value
class Spent:
    """What the call has cost so far; a call that is cut off is settled by the last of these."""

    usage: Usage


@value
class Finished:
    """The last event of every stream, exactly once: why it ended, and all that was said as parts."""

    reason: Literal["stop", "tools", "length", "refusal", "pause"]
    parts: tuple[Part, ...]
    usage: Usage


ModelEvent = Delta | Retracted | LeftOut | Spent | Finished


@value
class Model:
    """A model one can ask for.

    Attributes:
        id: As its provider calls it.
        context_tokens: Prompt and answer together; 0 where unknown.
        output_tokens: The longest answer; 0 where unknown.
        hosting: ``self`` when prompts stay on machines the operator runs.
        tools: False where the model cannot be trusted to call tools.
        images: Whether it sees images; likewise PDF ``documents``.
        search: Whether its lab looks things up in the web for it.
        effort: Whether it can be told how long to think.
        retires: The day its lab shuts it down, ISO 8601; "" where none is known.
        note: What a person should know before using it, "" for nothing.
    """

    id: str
    context_tokens: int = 0
    output_tokens: int = 0
    hosting: Literal["hosted", "self"] = "hosted"
    tools: bool = True
    images: bool = False
    documents: bool = False
    search: bool = False
    effort: bool = False
    retires: str = ""
    note: str = ""


# ---------------------------------------------------------------------------------------------------------------------
# What models do beside talking


@value
class Blob:
    """A file that was made, whole: an image, a voice; ``name`` as people see it, "" where it has none."""

    mime: str
    data: bytes
    name: str = ""


@value
class Embedded:
    """One vector a text, all with as many numbers, each of length 1."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage

    def __post_init__(self) -> None:
        if len(sizes := set(map(len, self.vectors))) > 1 or 0 in sizes:
            reason = "are not all of one size, or empty"
            raise refused("sizes of Embedded.vectors", sorted(sizes), reason, "return one whole vector a text")


@value
class Painted:
    """Images that were made."""

    images: tuple[Blob, ...]
    usage: Usage


@value
class Transcript:
    """What was said in a recording; ``language`` as an ISO 639-1 code, "" where the model does not tell."""

    text: str
    usage: Usage
    language: str = ""


@value
class Spoken:
    """A text read aloud."""

    sound: Blob
    usage: Usage
