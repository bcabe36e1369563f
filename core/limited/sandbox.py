"""Taking away what a task does not need, for good: what is not there on a system is left out.

Everywhere: limits of the kernel on computing, memory, files and processes. On Linux besides, where the kernel has them:
files can only be read, and only those that Python and we are made of (Landlock), and what makes processes, sockets or
reaches into others is refused (seccomp). See https://man7.org/linux/man-pages/man2/seccomp.2.html and
https://docs.kernel.org/userspace-api/landlock.html.
"""

import ctypes
import os
import platform
import resource
import struct
import sys
import sysconfig
from collections.abc import Iterable
from contextlib import suppress

_FILES = 32
_MB = 1 << 20


def enter(cpu_s: int, memory_mb: int, folders: Iterable[str]) -> None:
    """Keep this process from now on to these limits, and to reading in these folders and Python's own."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, cpu_s, cpu_s + 1)  # told, then killed
    _limit(resource.RLIMIT_NOFILE, _FILES)
    _limit(resource.RLIMIT_NPROC, 0)
    _limit(resource.RLIMIT_AS, _address_space() + memory_mb * _MB)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _read_only(libc, folders)
        _filter_calls(libc)
    _limit(resource.RLIMIT_FSIZE, 0)


def _limit(what: int, most: int, hard: int | None = None) -> None:
    with suppress(ValueError, OSError):  # this system does not know it, or is stricter already
        resource.setrlimit(what, (most, most if hard is None else hard))


def _address_space() -> int:
    """What is taken already; a guess where that cannot be told."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - a file of the kernel's
            return int(statm.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 1024 * _MB


# ---------------------------------------------------------------------------------------------------------------------
# Files, by Landlock

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_RULE_PATH_BENEATH = 1
_ALL_OF_V1 = (1 << 13) - 1
_TRUNCATE, _VERSION_OF_TRUNCATE = 1 << 14, 3
_REFER, _VERSION_OF_REFER = 1 << 13, 2
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3


def _read_only(libc: ctypes.CDLL, folders: Iterable[str]) -> None:
    version = libc.syscall(_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return
    handled = _ALL_OF_V1 | (_REFER if version >= _VERSION_OF_REFER else 0)
    handled |= _TRUNCATE if version >= _VERSION_OF_TRUNCATE else 0
    attributes = struct.pack("Q", handled)
    ruleset = libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return
    for folder in {*folders, *_of_python()}:
        with suppress(OSError):
            path = os.open(folder, os.O_PATH | os.O_CLOEXEC)
            rule = struct.pack("=Qi", _READ_FILE | _READ_FOLDER, path)
            libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)
            os.close(path)
    libc.syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _of_python() -> set[str]:
    """Where modules and the libraries that they are linked with lie; what is not there is passed over."""
    paths = sysconfig.get_paths()
    modules = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return {*modules, "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo"}


# ---------------------------------------------------------------------------------------------------------------------
# Calls of the kernel, by seccomp

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_EPERM, _ENOSYS = 1, 38
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _MACHINE, _FIRST_ARGUMENT = 0, 4, 16  # where the kernel tells them
_CLONE_THREAD = 0x10000
_X32 = 0x40000000

_ARCHITECTURES: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (
        0xC000003E,
        {
            "socket": 41,
            "connect": 42,
            "bind": 49,
            "listen": 50,
            "socketpair": 53,
            "fork": 57,
            "vfork": 58,
            "execve": 59,
            "execveat": 322,
            "ptrace": 101,
            "kill": 62,
            "tkill": 200,
            "rt_sigqueueinfo": 129,
            "rt_tgsigqueueinfo": 297,
            "pidfd_open": 434,
            "pidfd_send_signal": 424,
            "process_vm_readv": 310,
            "process_vm_writev": 311,
            "unshare": 272,
            "setns": 308,
            "mount": 165,
            "umount2": 166,
            "pivot_root": 155,
            "chroot": 161,
            "bpf": 321,
            "perf_event_open": 298,
            "io_uring_setup": 425,
            "keyctl": 250,
            "add_key": 248,
            "request_key": 249,
            "userfaultfd": 323,
            "open_by_handle_at": 304,
            "setpriority": 141,
            "sched_setaffinity": 203,
            "shmget": 29,
            "msgget": 68,
            "clone": 56,
            "clone3": 435,
            "tgkill": 234,
            "prlimit64": 302,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "socket": 198,
            "connect": 203,
            "bind": 200,
            "listen": 201,
            "socketpair": 199,
            "execve": 221,
            "execveat": 281,
            "ptrace": 117,
            "kill": 129,
            "tkill": 130,
            "rt_sigqueueinfo": 138,
            "rt_tgsigqueueinfo": 240,
            "pidfd_open": 434,
            "pidfd_send_signal": 424,
            "process_vm_readv": 270,
            "process_vm_writev": 271,
            "unshare": 97,
            "setns": 268,
            "mount": 40,
            "umount2": 39,
            "pivot_root": 41,
            "chroot": 51,
            "bpf": 280,
            "perf_event_open": 241,
            "io_uring_setup": 425,
            "keyctl": 219,
            "add_key": 217,
            "request_key": 218,
            "userfaultfd": 282,
            "open_by_handle_at": 265,
            "setpriority": 140,
            "sched_setaffinity": 122,
            "shmget": 194,
            "msgget": 186,
            "clone": 220,
            "clone3": 435,
            "tgkill": 131,
            "prlimit64": 261,
        },
    ),
}
"""Numbers of calls: https://github.com/torvalds/linux/blob/master/arch/x86/entry/syscalls/syscall_64.tbl and
include/uapi/asm-generic/unistd.h beside it."""
_IN_PART = ("clone", "clone3", "tgkill", "prlimit64")


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def _filter_calls(libc: ctypes.CDLL) -> None:
    known = _ARCHITECTURES.get(platform.machine())
    if known is None:
        return
    code = _program(*known)
    program = _Program(len(code) // 8, code)
    libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0)


def _program(architecture: int, calls: dict[str, int]) -> bytes:
    """The filter: threads may begin, a process may signal itself and look at its own limits."""
    lines = [
        _one(_LOAD, _MACHINE),
        _one(_EQUAL, architecture, yes=1),
        _one(_RETURN, _KILL),
        _one(_LOAD, _NUMBER),
        _one(_ANY_BIT, _X32, no=1),
        _one(_RETURN, _KILL),
    ]
    for name, number in calls.items():
        if name not in _IN_PART:
            lines += [_one(_EQUAL, number, no=1), _one(_RETURN, _REFUSE | _EPERM)]
    lines += [_one(_EQUAL, calls["clone3"], no=1), _one(_RETURN, _REFUSE | _ENOSYS)]
    for name, test, wanted in (
        ("clone", _ANY_BIT, _CLONE_THREAD),
        ("tgkill", _EQUAL, os.getpid()),
        ("prlimit64", _EQUAL, 0),
    ):
        lines += [
            _one(_EQUAL, calls[name], no=4),
            _one(_LOAD, _FIRST_ARGUMENT),
            _one(test, wanted, no=1),
            _one(_RETURN, _ALLOW),
            _one(_RETURN, _REFUSE | _EPERM),
        ]
    return b"".join([*lines, _one(_RETURN, _ALLOW)])


def _one(code: int, operand: int, *, yes: int = 0, no: int = 0) -> bytes:
    """One instruction: https://www.kernel.org/doc/Documentation/networking/filter.txt."""
    return struct.pack("=HBBI", code, yes, no, operand)
