"""Make what happened in a folder durable."""

import os
from pathlib import Path


def sync_folder(path: Path) -> None:
    """Bring the entries of a folder to the disk: a file made or renamed in it is there after a power failure.

    Blocks for a disk write. Raises OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
