"""What models are told and what they say: the values that cross the seam to a provider."""

from typing import Literal

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
    """

    kind: Literal["text", "media", "call", "result", "citation", "opaque"]
    id: str = ""
    name: str = ""
    body: str = ""
    media: Media | None = None
    failed: bool = False


@value
class Entry:
    """One side's contribution to a conversation: what the person (and our tools) said, or what the model said."""

    role: Literal["user", "assistant"]
    parts: tuple[Part, ...]


@value
class ToolSchema:
    """A tool as a model sees it; ``parameters`` is a JSON Schema (an object's) as text."""

    name: str
    description: str
    parameters: str


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


@value
class Usage:
    """What a call took, as the provider counts it.

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
    """One vector a text, all of one length, each of length 1."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage


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
