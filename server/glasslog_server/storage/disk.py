"""Bring files and folders to the disk, where a power failure does not reach them."""

import os
from pathlib import Path


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
