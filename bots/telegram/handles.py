"""What we keep in an address's handle: which message an answer belongs to, and which tap is to be acknowledged."""

from core.values import value


@value
class Handle:
    """An address's handle, read.

    Attributes:
        chat: The chat in which ``message`` has its number; a group that moves numbers its messages anew.
        message: What an answer is a reply to, "" for nothing.
        query: The tap to acknowledge (https://core.telegram.org/bots/api#callbackquery), "" for none.
    """

    chat: str = ""
    message: str = ""
    query: str = ""

    def __str__(self) -> str:
        """The handle as it stands in an address, "" where it says nothing."""
        return f"{self.chat}/{self.message}/{self.query}" if self.message or self.query else ""


def read(handle: str) -> Handle:
    """Read a handle; one that is not ours says nothing."""
    parts = handle.split("/")
    if len(parts) != 3:  # noqa: PLR2004 - the three above
        return Handle()
    return Handle(chat=parts[0], message=parts[1], query=parts[2])
