"""How many tokens a text probably is, for servers that do not say.

Counting exactly would need each model's own tokenizer. This counts characters by how many bytes they take, which is
close to what the tokenizers in use were trained on: within a quarter of the truth for English, code and most European
languages, above it for the rest with the newest ones, and below it by up to a half with the older ones.
"""

from core.exchange import Request

_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ \n"

_PER_LETTER = 1 / 4.5
_PER_SIGN = 0.5  # ASCII digits and punctuation
_PER_TWO_BYTES = 0.55  # accented Latin, Greek, Cyrillic, Hebrew, Arabic
_PER_THREE_BYTES = 0.9  # Chinese, Japanese, Korean, the scripts of India
_PER_FOUR_BYTES = 2.0  # emoji

PER_MESSAGE = 4
"""What a message costs beyond its text: its role and its borders."""


def estimate(text: str) -> int:
    """Tokens of a text: an estimate, at least 1 for any text that is not empty."""
    if not text:
        return 0
    ascii_only = text.encode("ascii", "ignore")
    signs = len(ascii_only.translate(None, _LETTERS))
    four = len(text.encode("utf-16-le", "surrogatepass")) // 2 - len(text)
    rest = len(text) - len(ascii_only) - four
    three = len(text.encode("utf-8", "surrogatepass")) - len(ascii_only) - 4 * four - 2 * rest
    tokens = (
        (len(ascii_only) - signs) * _PER_LETTER
        + signs * _PER_SIGN
        + (rest - three) * _PER_TWO_BYTES
        + three * _PER_THREE_BYTES
        + four * _PER_FOUR_BYTES
    )
    return max(1, round(tokens))


def weight(request: Request) -> int:
    """Tokens of the whole request: an estimate, for servers that do not count."""
    texts = [request.system, *(part.body for entry in request.entries for part in entry.parts)]
    texts += [f"{tool.name} {tool.description} {tool.parameters}" for tool in request.tools]
    return PER_MESSAGE * (len(request.entries) + 1) + sum(map(estimate, texts))
