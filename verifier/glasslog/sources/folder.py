"""Read and write evidence as files of this machine: reads are bounded, writes are all or nothing."""

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from glasslog.errors import MalformedError, UncheckableError

_SUFFIX_BYTES: Final = 4  # of chance, so that two who write one file do not write into each other's


def read_file(path: Path, bytes_max: int) -> bytes:
    """Return the bytes of a file. Raises UncheckableError when it cannot be read, MalformedError above `bytes_max`."""
    try:
        with path.open("rb") as file:
            return read_stream(file, bytes_max)
    except OSError as error:
        msg = f"cannot read {path}: {error.strerror}"
        raise UncheckableError(msg) from error


def read_stream(stream: BinaryIO, bytes_max: int) -> bytes:
    """Return all bytes up to the end of a stream. Raises MalformedError when there are more than `bytes_max`."""
    data = stream.read(bytes_max + 1)
    if len(data) > bytes_max:
        msg = f"expected a file of at most {bytes_max} bytes, got a larger one"
        raise MalformedError(msg)
    return data


def write_file(path: Path, data: bytes) -> None:
    """Write a file in one step: it is whole under its name, or what was there before still is.

    The bytes are on disk when this returns. Raises UncheckableError.
    """
    partial = path.parent / f".{path.name}.{os.urandom(_SUFFIX_BYTES).hex()}"
    try:
        file = partial.open("xb")
        try:
            with file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise
    except OSError as error:
        msg = f"cannot write {path}: {error.strerror}"
        raise UncheckableError(msg) from error
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name durable, where the system can sync a folder."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
