"""Files and folders for this process's user alone, whatever the umask: 0600 in 0700.

What lies there may be conversations, keys and whatever people sent. A name that is a symbolic link is never written
through: whoever may create one could have another file overwritten.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

_FOLDER = 0o700
_FILE = 0o600


def make_folder(path: Path) -> None:
    """Make a folder, with those above it, unless it is there.

    Raises:
        OSError: It cannot be made.
    """
    with suppress(FileExistsError):
        path.mkdir(mode=_FOLDER, parents=True)


def open_file(path: Path, flags: int) -> int:
    """Open a file, made where there is none; returns its descriptor.

    Args:
        flags: As of ``os.open``, without ``O_CREAT``.

    Raises:
        OSError: It cannot be opened; with ``errno.ELOOP`` where the name is a symbolic link.
    """
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE)


def tighten(path: Path) -> None:
    """Take from others what they may do with a file or folder that an earlier version, or a copy, left to them.

    What belongs to somebody else stays as it is, and what is not there is no trouble.
    """
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            mode = os.fstat(descriptor).st_mode
            if stat.S_IMODE(mode) & 0o077:
                os.fchmod(descriptor, _FOLDER if stat.S_ISDIR(mode) else _FILE)
        finally:
            os.close(descriptor)
