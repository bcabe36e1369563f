"""What the configuration says of single models: ``[models."provider/id"]`` and ``[prices."provider/id"]``."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


def _a_day(text: str) -> str:
    if text:
        try:
            date.fromisoformat(text)
        except ValueError:
            message = "it should be a day, like 2026-12-11"
            raise ValueError(message) from None
    return text


Day = Annotated[str, AfterValidator(_a_day)]
Usd = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Level = Annotated[int, Field(ge=0, le=5)]


class Known(BaseModel):
    """Base of what is known in advance: frozen, and no key is silently accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class QualityNotes(Known):
    """How good a model is at kinds of task, 1 to 5; 0 where nobody said."""

    general: Level = 0
    code: Level = 0
    reasoning: Level = 0
    language: Level = 0


class ModelNotes(Known):
    """``[models."provider/id"]``: what the catalogue lacks, or has wrong. A key that is left out changes nothing.

    Attributes:
        context_tokens: Prompt and answer together.
        output_tokens: The longest answer.
        hosting: ``self`` where prompts stay on machines of the operator's: it then costs nothing.
        licence: Of open weights.
        tier: Its place among its lab's models.
        retires: The day it is shut down, ISO 8601.
        note: What a person should know before using it.
    """

    context_tokens: Annotated[int, Field(ge=0)] | None = None
    output_tokens: Annotated[int, Field(ge=0)] | None = None
    hosting: Literal["hosted", "self"] | None = None
    tools: bool | None = None
    images: bool | None = None
    documents: bool | None = None
    search: bool | None = None
    effort: bool | None = None
    licence: str | None = None
    tier: Literal["small", "mid", "flagship"] | None = None
    retires: Day | None = None
    note: str | None = None
    quality: QualityNotes | None = None


class PriceNotes(Known):
    """``[prices."provider/id"]``: what it costs, in US$ a million tokens.

    Attributes:
        cached: Input read from a prompt cache; as ``input`` where it is left out.
        written: Input written to one; likewise.
        searches: US$ a thousand of the lab's own web searches.
        image: US$ an image that is made.
        hour: US$ an hour of sound that is listened to.
    """

    input: Usd | None = None
    output: Usd | None = None
    cached: Usd | None = None
    written: Usd | None = None
    searches: Usd | None = None
    image: Usd | None = None
    hour: Usd | None = None

    @model_validator(mode="after")
    def _is_a_price(self) -> Self:
        if self.model_fields_set and (self.input is None or self.output is None):
            message = "a price needs both input and output"
            raise ValueError(message)
        return self
