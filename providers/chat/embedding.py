"""Vectors from a server of OpenAI's protocol: https://platform.openai.com/docs/api-reference/embeddings ."""

import math
from collections.abc import Sequence

from core.errors import ProviderDown
from core.exchange import Embedded, Usage
from providers.stream import number
from providers.tokens import estimate
from providers.transport import Line
from providers.words import JSON


class Embedder:
    """One server's model for it.

    Args:
        model: Used where nobody asks for another.
    """

    def __init__(self, line: Line, model: str) -> None:
        self._line = line
        self._model = model

    async def embed(self, texts: Sequence[str], *, model: str = "") -> Embedded:
        """See ``Embedder`` of the seams."""
        body: JSON = {"model": model or self._model, "input": list(texts), "encoding_format": "float"}
        try:
            said = await self._line.ask("/embeddings", body)
            data = said["data"] if isinstance(said, dict) else ()
            rows = sorted(data, key=lambda row: row["index"])
            vectors = tuple(_unit(row["embedding"]) for row in rows)
        except (ValueError, KeyError, TypeError) as garbled:
            raise ProviderDown(f"the answer holds no vectors: {garbled}") from garbled
        if len(vectors) != len(texts):
            raise ProviderDown(f"{len(vectors)} vectors for {len(texts)} texts")
        tokens = number(said, "usage", "prompt_tokens") or sum(map(estimate, texts))
        return Embedded(vectors=vectors, usage=Usage(input_tokens=tokens))


def _unit(values: Sequence[float]) -> tuple[float, ...]:
    length = math.sqrt(math.fsum(value * value for value in values)) or 1.0
    return tuple(value / length for value in values)
