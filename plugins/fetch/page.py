"""What goes into the limited process to be read, and what comes out."""

from core.site import Fetched
from core.values import value


@value
class Reading:
    """Something to be read, and how much of its text is wanted."""

    fetched: Fetched
    max_chars: int


@value
class Page:
    """A page as it is told to a model.

    Attributes:
        title: "" where it has none.
        text: As much as was wanted.
        chars: How long all of the text is.
    """

    title: str
    text: str
    chars: int
