"""Opens plain files only, and reads no more of them than they may hold.

What lies where evidence is kept may be anybody's: a pipe would hang whoever opens it, a device or a
file with a hole of many gigabytes would fill the memory.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


class UnfitError(ValueError):
    """It is no plain file, or too large: a clause that begins with `it`."""


def opened(path: Path, *, follow: bool = True) -> BinaryIO:
    """`follow`: a link may lead to it. Raises OSError, UnfitError."""
    _require_plain(path.stat() if follow else path.lstat())
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        descriptor = os.open(path, flags if follow else flags | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno == errno.ELOOP and not follow:
            raise UnfitError("it is no plain file") from error
        raise
    try:
        _require_plain(os.fstat(descriptor))  # another may lie there by now
    except UnfitError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def read(path: Path, largest: int, *, follow: bool = True) -> bytes:
    """All of it, if that is no more than `largest` bytes. Raises OSError, UnfitError."""
    with opened(path, follow=follow) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(largest + 1) if size <= largest else b""
        if size > largest or len(data) > largest:
            raise UnfitError(f"it is larger than {largest} bytes")
        return data


def _require_plain(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UnfitError("it is no plain file")


def clause(error: OSError | ValueError) -> str:
    """Why a file can't be read, without its path."""
    return (isinstance(error, OSError) and error.strerror) or str(error)
