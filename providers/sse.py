"""Server-sent events: cutting a stream of bytes into the data of each event, and nothing else.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

import json

import pydantic_core

_MAX_BYTES = 1024 * 1024  # one event of a chat is a few hundred bytes; a tool call's arguments in one piece, some more


class Frames:
    """Feed it what arrives, in pieces of any size; it gives back the data of the events that are complete."""

    def __init__(self) -> None:
        self._tail = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of every event that these bytes complete; an empty line completes what a server left open.

        Comments (lines that start with a colon, which servers send to keep a line open) and other fields are skipped.

        Raises:
            ValueError: An event is longer than anything a server that means well would send.
        """
        lines = (self._tail + chunk).split(b"\n")
        self._tail = lines.pop()
        if len(self._tail) + sum(map(len, self._data)) > _MAX_BYTES:
            raise ValueError(f"an event of more than {_MAX_BYTES} bytes")
        frames: list[bytes] = []
        for ended in lines:
            line = ended.removesuffix(b"\r")
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                frames.append(b"\n".join(self._data))
                self._data = []
        return frames


def parsed(frame: bytes) -> object:
    """The JSON of a frame, read by the quicker parser, unless it is something that only the tolerant one takes.

    Raises:
        ValueError: It is no JSON.
    """
    try:
        found: object = pydantic_core.from_json(frame)
    except ValueError:  # half of a character that a server cut in two, say
        return json.loads(frame)
    return found
