"""What is run in a limited process: a function by its name, and how much it may take."""

from typing import Generic, Protocol, TypeVar

from core.values import value

A = TypeVar("A")
R = TypeVar("R")


@value
class Limits:
    """How much one call may take. What a system cannot limit (memory on macOS) is limited by the others.

    Attributes:
        cpu_s: Seconds of computing, in whole ones.
        wall_s: Seconds until it is killed, whatever it does.
        memory_mb: Beyond what the process takes before it begins.
        max_result_bytes: Of what it returns.
    """

    cpu_s: int = 20
    wall_s: float = 30.0
    memory_mb: int = 512
    max_result_bytes: int = 16_000_000


@value
class Task(Generic[A, R]):
    """A function of one argument, named rather than imported: what it needs is imported in the child alone.

    Attributes:
        function: ``package.module:function``. It sees only its argument, and may raise ``ToolFailed`` and errors of
            the kind ``EgressError``, which are raised where it is waited for.
        takes: The type of its argument: anything that can be pickled.
        returns: The type of what it returns, as its annotation says: bytes, or a value of ours (``core/codec.py``).
    """

    function: str
    takes: type[A]
    returns: type[R]
    limits: Limits = Limits()


class Limited(Protocol):
    """Where tasks are run."""

    async def run(self, task: Task[A, R], argument: A) -> R:
        """Run a task; cancelled, it is killed.

        Raises:
            LimitReached: It took more than it may.
            WorkBroke: It ended otherwise than by returning.
            WaystationError: What it raises itself, see ``Task``.
        """
