"""A long wait says now and then what it waits for, and until when."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PACE = 20.0
"""seconds between two words"""


def clock(ahead: float) -> str:
    """The time of day in so many seconds."""
    return time.strftime("%H:%M:%S UTC", time.gmtime(time.time() + ahead))


@contextmanager
def reminded(say: Callable[[float], None]) -> Iterator[None]:
    """Calls `say` with the seconds gone by, every now and then until the block is left."""
    began, over = time.monotonic(), threading.Event()

    def remind() -> None:
        while not over.wait(PACE):
            say(time.monotonic() - began)

    thread = threading.Thread(target=remind, name="reminder", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
