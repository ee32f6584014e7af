"""Measure files and folders by SHA-256, read piece by piece.

The digest of a folder is the one that OpenSSF model signing gives to a model: SHA-256 over the digests of its files, in
the order of their paths. So a folder has the same digest whether it was signed that way or not.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from glasslog_issuer.errors import ManifestError

_PIECE_BYTES: Final = 1_024 * 1_024


def measure(path: Path) -> bytes:
    """Return the digest of a file or a folder, 32 bytes. Raises ManifestError."""
    return folder_digest(path) if path.is_dir() else file_digest(path)


def file_digest(path: Path, algorithm: str = "sha256", *, start: int = 0, end: int | None = None) -> bytes:
    """Return the digest of a file, or of its bytes [start, end). Raises ManifestError when it cannot be read."""
    try:
        with path.open("rb") as file:
            if (start, end) == (0, None):
                return hashlib.file_digest(file, algorithm).digest()
            file.seek(start)
            part = hashlib.new(algorithm)
            for piece in _pieces(file, None if end is None else end - start):
                part.update(piece)
            return part.digest()
    except OSError as error:
        msg = f"{path}: cannot measure: {error.strerror}"
        raise ManifestError(msg) from error


def folder_digest(path: Path) -> bytes:
    """Return the digest of all files in a folder and its folders, 32 bytes.

    Raises ManifestError, also for an empty folder and for a link, whose target may change unseen.
    """
    names = sorted(files_in(path))
    if not names:
        msg = f"{path}: expected files to measure, got an empty folder"
        raise ManifestError(msg)
    return digest_of_digests(file_digest(path / name) for name in names)


def digest_of_digests(digests: Iterable[bytes]) -> bytes:
    """Return SHA-256 over digests, one behind the other."""
    root = hashlib.sha256()
    for digest in digests:
        root.update(digest)
    return root.digest()


def files_in(path: Path) -> Iterator[PurePosixPath]:
    """Return the files of a folder and its folders, relative to it. Raises ManifestError for a link."""
    for found in path.rglob("*"):
        if found.is_symlink():
            msg = f"{found}: expected files and folders alone, got a symbolic link"
            raise ManifestError(msg)
        if found.is_file():
            yield PurePosixPath(found.relative_to(path).as_posix())


def _pieces(file: BinaryIO, length: int | None) -> Iterator[bytes]:
    """Return at most `length` bytes of a file, piece by piece."""
    left = length
    while piece := file.read(_PIECE_BYTES if left is None else min(left, _PIECE_BYTES)):
        left = None if left is None else left - len(piece)
        yield piece
