"""What comes back over a task's socket: a letter and a length, then so many bytes."""

import struct

FRAME = struct.Struct(">cQ")
BEGUN, RESULT, RAISED, BROKE, NO_MEMORY, ENDED = b"b", b"r", b"e", b"x", b"m", b"z"
"""It runs; what it returned; an error of ours, as JSON; what else happened to it; there was no memory; how it ended."""
