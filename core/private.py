"""Files and folders for this process's user alone, whatever the umask: 0600 in 0700; and who may use those of others.

What lies there may be conversations, keys and whatever people sent. A name that is a symbolic link is never written
through: whoever may create one could have another file overwritten.

A group counts as other users, unless it is its owner's own (most Linux systems give each user one): then nobody else is
in it. What lies on a file system that is mounted read-only, as containers mount secrets, cannot be mended by ``chmod``
and is not complained of.
"""

import grp
import os
import pwd
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


def readable_by_others(path: Path) -> str:
    """Say how other users of this machine may read or change a file with secrets in it, "" where they may not.

    What belongs to somebody else and can be read by a group is taken to be meant so: we can read it by that group.

    Raises:
        OSError: It cannot be looked at.
    """
    told = path.stat()
    mode = told.st_mode
    if told.st_uid != os.geteuid():
        mode &= ~stat.S_IRGRP
    if not _to_others(told, mode & 0o066) or os.statvfs(path).f_flag & os.ST_RDONLY:
        return ""
    done = "changed" if _to_others(told, mode & 0o022) else "read"
    return f"{path} (mode {stat.S_IMODE(told.st_mode):04o}) can be {done} by other users of this machine"


def writable_by_others(path: Path) -> str:
    """Say which other users may change what would be run as this process, "" where none may.

    Looked at are the file or folder, and every folder above it: whoever may write there can put another in its place.
    The owner of what was named is trusted, since the operator named it; of the folders above, so are root and we.

    Raises:
        OSError: It cannot be looked at.
    """
    named = path.absolute()
    whole = named.resolve()
    told = whole.stat()
    if _to_others(told, told.st_mode & 0o022):
        return _writable(whole, told)
    owners = {0, os.geteuid(), told.st_uid}
    for folder in dict.fromkeys((*whole.parents, *named.parents)):
        above = folder.stat()
        if above.st_uid not in owners:
            return f"{folder} belongs to another user, who can put anything in the place of {path}: chown it"
        if _to_others(above, above.st_mode & 0o022) and not above.st_mode & stat.S_ISVTX:
            return _writable(folder, above)
    return ""


def _writable(path: Path, told: os.stat_result) -> str:
    who = "everybody" if told.st_mode & stat.S_IWOTH else "its group"
    mend = f"chmod {'o-w' if _private_group(told) else 'go-w'} {path}"
    return f"{path} (mode {stat.S_IMODE(told.st_mode):04o}) can be written by {who}, so it is not read: {mend}"


def _to_others(told: os.stat_result, mode: int) -> bool:
    """Whether a mode lets anybody in beside the owner."""
    return bool(mode & 0o007) or (bool(mode & 0o070) and not _private_group(told))


def _private_group(told: os.stat_result) -> bool:
    """Whether the group of a file is the one that its owner alone is in; by numbers where they have no names."""
    try:
        owner, group = pwd.getpwuid(told.st_uid), grp.getgrgid(told.st_gid)
    except KeyError:
        return told.st_uid == told.st_gid
    return owner.pw_gid == group.gr_gid and owner.pw_name == group.gr_name and set(group.gr_mem) <= {owner.pw_name}
