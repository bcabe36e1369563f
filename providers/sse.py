"""Server-sent events: cutting a stream of bytes into the data of each event, and nothing else.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

Some servers answer in another form than was asked for: with one JSON document, or with one on each line, whatever they
call its type. These are told by their first byte, since no event begins with a bracket.
"""

import json
from typing import Literal

import pydantic_core

_MAX_BYTES = 1024 * 1024  # one event of a chat is a few hundred bytes; a tool call's arguments in one piece, some more
_MAX_WHOLE_BYTES = 32 * 1024 * 1024  # a whole answer, with the images some servers put into it
_BLANK = b"\xef\xbb\xbf \t\r\n"
_STRAY_BYTES = 200


class Frames:
    """Feed it what arrives, in pieces of any size; it gives back the data of the events that are complete.

    Attributes:
        stray: The beginning of what came instead of events, b"" where there were some.
    """

    def __init__(self) -> None:
        self.stray = b""
        self._form: Literal["", "events", "whole", "lines"] = ""
        self._tail = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of every event that these bytes complete.

        Comments (lines that start with a colon, which servers send to keep a line open) and other fields are skipped.

        Raises:
            ValueError: An event is longer than anything a server that means well would send.
        """
        if not self._form:
            chunk = chunk.lstrip(_BLANK)
            if not chunk:
                return []
            self._form = "whole" if chunk[:1] in {b"{", b"["} else "events"
            self.stray = chunk[:_STRAY_BYTES]
        if self._form == "events":
            return self._events(chunk)
        return self._lines(chunk)

    def end(self) -> list[bytes]:
        """The data of what was left open when the bytes ended.

        Raises:
            ValueError: A document that is none.
        """
        if self._form in {"whole", "lines"}:
            document, self._tail = self._tail.strip(), b""
            return _documents(document) if document else []
        return self._events(b"\n\n") if self._form else []

    def _events(self, chunk: bytes) -> list[bytes]:
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
        if frames:
            self.stray = b""
        return frames

    def _lines(self, chunk: bytes) -> list[bytes]:
        """Documents that stand on a line each; one that is spread over lines is kept until the end."""
        self._tail += chunk
        if len(self._tail) > _MAX_WHOLE_BYTES:
            raise ValueError(f"a document of more than {_MAX_WHOLE_BYTES} bytes")
        frames: list[bytes] = []
        while b"\n" in chunk and b"\n" in self._tail:
            line, _, rest = self._tail.partition(b"\n")
            if self._form == "whole" and not _is_json(line):
                break
            self._form, self._tail = "lines", rest
            frames += [line] if line.strip() else []
        if frames:
            self.stray = b""
        return frames


def _documents(body: bytes) -> list[bytes]:
    """What a whole body holds: Google's servers put the pieces of an answer into an array."""
    found = parsed(body)
    return [json.dumps(one).encode() for one in found] if isinstance(found, list) else [body]


def _is_json(line: bytes) -> bool:
    try:
        parsed(line)
    except (ValueError, RecursionError):
        return False
    return True


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
