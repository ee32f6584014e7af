"""Write files so that they are on disk, whole, when the call returns.

`create` makes a file that must not be there yet; `replace` puts a new content in the place of the old in one step, so
that a reader, and the next start after a crash, sees the one or the other. All raise OSError.
"""

import os
import secrets
from pathlib import Path
from typing import Final

PRIVATE_MODE: Final = 0o600
PUBLIC_MODE: Final = 0o644


def create(path: Path, data: bytes, mode: int = PUBLIC_MODE) -> None:
    """Write a new file. Raises FileExistsError; a file that was begun and could not be finished is removed."""
    _write_new(path, data, mode)
    sync_folder(path.parent)


def replace(path: Path, data: bytes, mode: int = PUBLIC_MODE, *, durable: bool = True) -> None:
    """Write a file, in place of one that may be there, in one step.

    What can be had again need not be `durable`: then it is whole or not there, but may be gone after a power failure.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    _write_new(draft, data, mode, durable=durable)
    try:
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def read(path: Path, bytes_max: int) -> bytes:
    """Return the content of a file or a pipe, at most `bytes_max` bytes. Raises OSError, ValueError when longer."""
    with path.open("rb") as file:
        data = file.read(bytes_max + 1)
    if len(data) > bytes_max:
        msg = f"expected a file of at most {bytes_max} bytes"
        raise ValueError(msg)
    return data


def sync_folder(path: Path) -> None:
    """Bring the names in a folder to disk: without it, a new file may be gone after a crash, however well synced."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_new(path: Path, data: bytes, mode: int, *, durable: bool = True) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
    except BaseException as error:  # whoever interrupts a program wants no half of a file either
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = error.filename or str(path)  # a write does not know the name of its file
        raise
