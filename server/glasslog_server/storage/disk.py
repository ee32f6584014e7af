"""Bring files and folders to the disk, where a power failure does not reach them, and know a full one."""

import errno
import os
from pathlib import Path
from typing import Final

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FULL_TEXTS: Final = tuple(os.strerror(number) for number in _FULL)  # all that RocksDB hands on of an error


def sync_data(descriptor: int) -> None:
    """Bring the content of an open file to the disk. Blocks for a disk write. Raises OSError."""
    if hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)
    else:  # macOS has no call that leaves out the file's times
        os.fsync(descriptor)


def sync_folder(path: Path) -> None:
    """Bring the entries of a folder to the disk: a file made or renamed in it is there after a power failure.

    Blocks for a disk write. Raises OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_full(error: BaseException) -> bool:
    """Return whether an error, or what it was raised from, says that no more can be written to the disk."""
    if isinstance(error, OSError):
        return error.errno in _FULL
    if any(text in str(error) for text in _FULL_TEXTS):
        return True
    return error.__cause__ is not None and is_full(error.__cause__)
