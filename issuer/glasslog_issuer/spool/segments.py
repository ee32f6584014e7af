"""Keep the segments of a spool as files: create, append, bring to disk, read, remove.

A segment is named by the number of its first record and gets its name when its header is on disk. Only the last one is
written to. `recover` is how the last one is opened after whatever happened: what can be read is written anew, so that
nothing is relied on that only this machine's memory holds (after a failed fsync, a disk may not have what the cache
shows), and a torn end is put aside rather than deleted.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from glasslog_issuer import files
from glasslog_issuer.errors import SpoolDamagedError
from glasslog_issuer.spool.frames import Header, Segment, encode_header, encode_unit, read_segment

SUFFIX: Final = ".segment"
TORN_SUFFIX: Final = ".torn"


@dataclass(frozen=True, slots=True, order=True)
class SegmentName:
    """Where a segment is, and the number of its first record."""

    first_seq: int
    path: Path


class SegmentFile:
    """The segment that is written to. Not for use by several threads at once; raises OSError."""

    def __init__(self, path: Path, header: Header, size: int) -> None:
        """Take a segment whose first `size` bytes are good and on disk."""
        self.path = path
        self.header = header
        self.written = size
        self.synced = size
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)

    def append(self, items: list[bytes]) -> None:
        """Hand a unit of items to the operating system; what fails half-way is cut off again.

        Raises OSError: then nothing was appended. Raises SpoolDamagedError when it could not be cut off: then the
        segment must not be written to any more.
        """
        unit = encode_unit(self.header.marker, self.synced, items)
        try:
            self._write(unit)
        except OSError as error:
            self._cut(error)
            raise
        self.written += len(unit)

    def sync(self) -> None:
        """Bring to disk what was appended. After an OSError nobody knows what is on disk: see `recover`."""
        os.fdatasync(self._descriptor)
        self.synced = self.written

    def begin_sync(self) -> "PendingSync":
        """Return what brings to disk what was appended so far, also while others append."""
        return PendingSync(self, self.written, os.dup(self._descriptor))

    def give_up(self) -> None:
        """Cut off what a failed `sync` leaves in doubt, as far as the disk still does what it is told."""
        with suppress(OSError):
            os.ftruncate(self._descriptor, self.synced)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _write(self, unit: bytes) -> None:
        position = self.written
        rest = memoryview(unit)
        while rest:
            count = os.pwrite(self._descriptor, rest, position)
            rest, position = rest[count:], position + count

    def _cut(self, cause: OSError) -> None:
        try:
            os.ftruncate(self._descriptor, self.written)
        except OSError as error:
            msg = f"{self.path}: cannot cut off what was written in part: {error.strerror}, after: {cause.strerror}"
            raise SpoolDamagedError(msg) from error


class PendingSync:
    """An fsync of what a segment held at one moment, which needs no lock. To be run once."""

    def __init__(self, file: SegmentFile, written: int, descriptor: int) -> None:
        """Take how many bytes there were, and a descriptor that is closed by `run`."""
        self._file = file
        self._written = written
        self._descriptor = descriptor

    def run(self) -> None:
        """Bring them to disk. After an OSError nobody knows what is on disk."""
        try:
            os.fdatasync(self._descriptor)
        finally:
            os.close(self._descriptor)

    def end(self) -> None:
        """Note that they are there: to be called where nobody appends."""
        self._file.synced = max(self._file.synced, self._written)


def segments(folder: Path) -> list[SegmentName]:
    """Return the segments of a spool, in order. Raises OSError, SpoolDamagedError for a file that has no such name."""
    found = []
    for path in folder.glob(f"*{SUFFIX}"):
        if not path.stem.isdecimal():
            msg = f"{path}: expected a segment that is named by a number"
            raise SpoolDamagedError(msg)
        found.append(SegmentName(int(path.stem), path))
    return sorted(found)


def segment_path(folder: Path, first_seq: int) -> Path:
    """Return where the segment that begins with a number belongs."""
    return folder / f"{first_seq:020d}{SUFFIX}"


def create(folder: Path, header: Header) -> SegmentFile:
    """Begin a segment; it is on disk, whole, before it has its name. Raises OSError."""
    data = encode_header(header)
    path = segment_path(folder, header.first_seq)
    files.replace(path, data, files.PRIVATE_MODE)
    return SegmentFile(path, header, len(data))


def read(name: SegmentName) -> Segment:
    """Return what is in a segment. Raises OSError, SpoolDamagedError."""
    segment = read_segment(name.path.read_bytes(), name=str(name.path))
    if segment.header.first_seq != name.first_seq:
        msg = f"{name.path}: expected a segment from number {name.first_seq}, got one from {segment.header.first_seq}"
        raise SpoolDamagedError(msg)
    return segment


def recover(name: SegmentName) -> tuple[SegmentFile, Segment]:
    """Open the last segment to be written on; return it with what is in it. Raises OSError, SpoolDamagedError."""
    segment = read(name)
    data = name.path.read_bytes()
    if segment.torn:
        torn = name.path.with_name(f"{name.path.name}.{segment.end}{TORN_SUFFIX}")
        files.replace(torn, data[segment.end :], files.PRIVATE_MODE)
    files.replace(name.path, data[: segment.end], files.PRIVATE_MODE)
    return SegmentFile(name.path, segment.header, segment.end), segment
