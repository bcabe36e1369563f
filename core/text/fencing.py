"""Setting other people's words into Markdown of ours, so that none of them pass for ours.

Models, tools and strangers write Markdown too. What a person is asked to allow must stand exactly as it is, and what
the house adds to a text must not end up inside a block of code that the text left open.
"""

import re

from core.text.markup import lines

_TICKS = re.compile("`+")
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u180e\u200b\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)


def fenced(text: str) -> str:
    """Words exactly as they are, in a block of code that nothing in them can end.

    Characters that cannot be seen, or that change the order in which others are seen, are shown by their number.
    """
    longest = max((len(run) for run in _TICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{_UNSEEN.sub(lambda found: f'⟨U+{ord(found[0]):04X}⟩', text)}\n{fence}"


def followed(text: str, mark: str) -> str:
    """A text in whatever state, with a remark of ours below it."""
    return f"{text}{lines(text + chr(10))[-1].tail}\n\n{mark}" if text else mark


def quoted(text: str) -> str:
    """A text as a quotation, for a model to tell it from what is said around it."""
    return "\n".join(f"> {line}" for line in text.splitlines())
