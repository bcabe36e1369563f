"""What holds for every test: nothing leaves this machine, chance repeats itself where it has to, logs stay cheap.

How the tests are shared out among processes is here too: as many as there are cores to use, and the files that start
processes of their own first, so that none of the workers is still busy with one when all others have ended.
"""

import ipaddress
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

import forkserver

collect_ignore = ["strangers"]  # repositories of their own: test_strangers.py runs their tests

_LONGEST_FIRST = ("e2e", "docs", "chaos", "conformance")

# --- hypothesis ------------------------------------------------------------------------------------------------------

# No time limit for one example and no complaint about slow ones: how long it takes says something of the machine only.
settings.register_profile("waystation", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples in each run: what fails there fails for whoever looks into it, and nothing fails by chance.
settings.register_profile(
    "waystation-ci", settings.get_profile("waystation"), derandomize=True, database=None, print_blob=True
)
settings.load_profile("waystation-ci" if os.environ.get("CI") else "waystation")


# --- signals ---------------------------------------------------------------------------------------------------------

# Whoever runs the tests in the background has Ctrl-C ignored, and so would the programs that are started here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# --- logs ------------------------------------------------------------------------------------------------------------

# By itself structlog draws each traceback with the source and every local variable, which was a tenth of all CPU time.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)


# --- the network -----------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True, scope="session")
def _loopback_only() -> Iterator[None]:
    """Refuse every connection that would leave this machine, with the address that was meant."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        yield


def _guarded(connect: Any) -> Any:  # noqa: ANN401 - two methods of different results
    def guarded(self: socket.socket, address: Any) -> Any:  # noqa: ANN401 - the families' addresses differ
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(str(address[0])):
            pytest.fail(f"a test tried to reach {address[0]}:{address[1]}; only loopback may be used")
        return connect(self, address)

    return guarded


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(autouse=True, scope="session")
def _quick_starts() -> Iterator[None]:
    """Start our own command without importing everything each time."""
    with forkserver.installed():
        yield


# --- sharing out -----------------------------------------------------------------------------------------------------


def pytest_xdist_auto_num_workers() -> int:
    """As many processes as this one may use cores: of a container's share, not of the whole machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return max(1, min(cores, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no such limit, or "max"
        return cores


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what waits for other processes; the order is the same in every worker."""
    root = Path(__file__).parent

    def rank(item: pytest.Item) -> int:
        folder = item.path.relative_to(root).parts[0] if item.path.is_relative_to(root) else ""
        return _LONGEST_FIRST.index(folder) if folder in _LONGEST_FIRST else len(_LONGEST_FIRST)

    items.sort(key=rank)
