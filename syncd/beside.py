"""One call at a time beside the caller's own work: SQLite writes while the next files are read and decided."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

T = TypeVar("T")

SWITCH_SECONDS = 0.00005
"""How long a thread waits for its turn: the writer needs one for some microseconds between two statements."""


@contextmanager
def beside() -> Iterator[Callable[[Callable[[], T]], Callable[[], T]]]:
    """Yield a function that starts a call beside and returns what waits for its result; no thread before the first."""
    executor: ThreadPoolExecutor | None = None
    usual = sys.getswitchinterval()

    def start(call: Callable[[], T]) -> Callable[[], T]:
        nonlocal executor
        if executor is None:
            from concurrent.futures import ThreadPoolExecutor

            executor = ThreadPoolExecutor(max_workers=1)
            sys.setswitchinterval(SWITCH_SECONDS)
        return executor.submit(call).result

    try:
        yield start
    finally:
        if executor is not None:
            executor.shutdown()
            sys.setswitchinterval(usual)


def batched(things: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield slices of at most that size."""
    return (things[start : start + size] for start in range(0, len(things), size))
