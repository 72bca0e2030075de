"""Signals while something is brought to its end."""

import queue
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from deployctl.rollout.session import Session

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TOLD = "Interrupted: what has begun is brought to its end first."


@contextmanager
def uninterrupted(session: Session) -> Iterator[None]:
    """Ctrl-C and SIGTERM wait: a rollback, or the evidence of a run, is brought to its end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # A handler may break into the middle of a write, so another thread speaks for it; this
    # queue is the one that a handler may use.
    heard: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def tell() -> None:
        if heard.get():
            session.hurried.set()
            session.note("warning", TOLD)

    teller = threading.Thread(target=tell, name="interrupts", daemon=True)
    teller.start()
    handlers = {number: signal.signal(number, lambda *_: heard.put(True)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        heard.put(False)
        teller.join()
