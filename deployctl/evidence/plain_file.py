"""Files that others may have placed: read whole, or refused with a clause; never waited for."""

import os
import stat
from pathlib import Path


def read(path: Path, most: int) -> bytes:
    """A plain file of at most `most` bytes; a link to one is one.

    Raises OSError, and ValueError with a clause (`it is no plain file`).
    """
    # Without O_NONBLOCK, opening a FIFO waits for somebody to write into it.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise ValueError("it is no plain file")
        if facts.st_size <= most:
            with open(descriptor, "rb", closefd=False) as file:
                data = file.read(most + 1)
            if len(data) <= most:
                return data
        raise ValueError(f"it is larger than {most} bytes")
    finally:
        os.close(descriptor)


def clause(error: OSError | ValueError) -> str:
    """Why a file can't be read, without its path."""
    return (isinstance(error, OSError) and error.strerror) or str(error)
