"""How much of this process strangers may take up: connections, time and memory, before anything is known of them."""

import resource

import structlog

from core.config.settings import Server as ServerSettings
from core.values import value

log = structlog.get_logger(__name__)

RESERVED_FILES = 200
"""File descriptors that no visitor gets, or a quarter if that is more: for the store, the control socket, the platforms
and the models."""

_WANTED_FILES = 16_384
_LEAST_CONNECTIONS = 16


@value
class Limits:
    """What one server takes on.

    Attributes:
        max_connections: Open at a time. One more closes the one that has been idle for the longest.
        max_peer_connections: The same for one address.
        head_s: How long a request's head may take from its first byte; also how long a new connection may say nothing.
        idle_s: How long a connection is kept between two requests: longer than a proxy keeps its own (Caddy: 120 s),
            or else it would send a request into one that is being closed.
        max_head_bytes: The request line and all header fields together.
        watch_s: How often a body under way and an answer being sent are looked at.
        min_body_bytes: What must have come of a body since the last look.
        stalled_s: How long a client may read nothing of its answer.
        max_waiting_bytes: Memory for bodies of which nobody knows yet who sent them, all together.
    """

    max_connections: int = 1000
    max_peer_connections: int = 1000
    head_s: float = 10.0
    idle_s: float = 130.0
    max_head_bytes: int = 65_536
    watch_s: float = 10.0
    min_body_bytes: int = 5_000
    stalled_s: float = 60.0
    max_waiting_bytes: int = 64 << 20


def limits_of(settings: ServerSettings) -> Limits:
    """The limits that the configuration asks for, as far as the system's own limit on open files allows.

    Behind a proxy every visitor has the proxy's address, so one address may hold as many connections as there are.
    """
    files = raise_file_limit()
    there = max(_LEAST_CONNECTIONS, files - max(RESERVED_FILES, files // 4))
    if settings.max_connections > there and "max_connections" in settings.model_fields_set:
        log.warning("fewer connections than configured", max_connections=there, mend="raise the limit on open files")
    most = min(settings.max_connections, there)
    shared = most if settings.public_url else max(_LEAST_CONNECTIONS, most // 4)
    peer = settings.max_connections_per_address or shared
    return Limits(max_connections=most, max_peer_connections=min(most, peer))


def raise_file_limit() -> int:
    """Let this process open as many files as it may by itself; returns how many that is.

    The soft limit is often 1,024 (256 on macOS) for the sake of programs that use ``select``, which we do not:
    https://0pointer.net/blog/file-descriptor-limits.html.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, _WANTED_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return _WANTED_FILES if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # macOS refuses more than kern.maxfilesperproc
        return soft
    return wanted
