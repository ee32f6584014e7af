"""Read a whole log from one ZIP file: what `glasslog export` writes and an auditor keeps for years.

The members are named as in the static read API and stored without compression, so any ZIP tool opens the archive and
nothing grows when it is read. The central directory is read here, not by a general library, because the file may come
from an adversary: only plain stored members are accepted, names are of the layout or passed over, no name comes twice,
and every size is held against the file's and against the limit of its kind. What a member says is not believed: the
mirror verifies every tile and bundle, wherever it is from.

ZIP is PKWARE's APPNOTE.TXT, version 6.3.10; sections are named where they matter.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from glasslog.errors import AbsentError, MalformedError, UncheckableError
from glasslog.heads import KeptHead
from glasslog.limits import ENTRY_BUNDLE_BYTES_MAX, NOTE_BYTES_MAX, TILE_WIDTH
from glasslog.merkle import HASH_SIZE, TreeSize
from glasslog.sources.head_stream import read_heads
from glasslog.sources.source import CHECKPOINT, CHECKPOINTS, HEADS
from glasslog.tiles import BundleId, TileId, bundle_path, tile_path

MEMBERS_MAX: Final = 4_000_000
"""Of 2 for 256 entries, and one for each checkpoint seen: archives of 400 million entries. About 300 bytes of memory
each."""
NAME_BYTES_MAX: Final = 256

_END: Final = struct.Struct("<4s4H2LH")  # 4.3.16 End of central directory record
_END_MARK: Final = b"PK\x05\x06"
_COMMENT_BYTES_MAX: Final = 0xFFFF
_LOCATOR: Final = struct.Struct("<4sLQL")  # 4.3.15 Zip64 end of central directory locator
_LOCATOR_MARK: Final = b"PK\x06\x07"
_END64: Final = struct.Struct("<4sQ2H2L4Q")  # 4.3.14 Zip64 end of central directory record
_END64_MARK: Final = b"PK\x06\x06"
_ENTRY: Final = struct.Struct("<4s6H3L5H2L")  # 4.3.12 Central directory header
_ENTRY_MARK: Final = b"PK\x01\x02"
_LOCAL: Final = struct.Struct("<4s5H3L2H")  # 4.3.7 Local file header
_LOCAL_MARK: Final = b"PK\x03\x04"
_ZIP64_EXTRA: Final = 0x0001  # 4.5.3
_STORED: Final = 0
_UTF8_FLAG: Final = 0x0800  # 4.4.4: the only general purpose bit that changes nothing for us
_IN_ZIP64_32: Final = 0xFFFF_FFFF
_IN_ZIP64_16: Final = 0xFFFF


class ArchiveSource:
    """An archive, as a source of a whole log. The file stays open; one thread reads it."""

    def __init__(self, path: Path) -> None:
        """Open an archive and read its directory. Raises UncheckableError, MalformedError."""
        self.path = path
        try:
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            msg = f"cannot read {path}: {error.strerror}"
            raise UncheckableError(msg) from error
        try:
            self._members = _read_directory(self._file)
        except OSError as error:
            self._file.close()
            msg = f"cannot read {path}: {error.strerror}"
            raise UncheckableError(msg) from error
        except BaseException:
            self._file.close()
            raise

    @property
    def name(self) -> str:
        """Return the archive's path."""
        return str(self.path)

    @property
    def readers(self) -> int:
        """Return 1: the file has one position."""
        return 1

    def checkpoint(self) -> bytes:
        """Return the newest signed note."""
        return self._read(CHECKPOINT, NOTE_BYTES_MAX)

    def tile(self, tile: TileId, width: int) -> bytes:
        """Return the hash tile of exactly this name."""
        return self._read(tile_path(tile, width), TILE_WIDTH * HASH_SIZE)

    def bundle(self, bundle: BundleId, width: int) -> bytes:
        """Return the entry bundle of exactly this name."""
        return self._read(bundle_path(bundle, width), ENTRY_BUNDLE_BYTES_MAX)

    def heads(self, start: TreeSize) -> Iterator[KeptHead]:
        """Yield the kept heads of size `start` and above. Other reads may go on in between."""
        position, size = self._find(HEADS)
        section = _Section(self._file, position, size)
        yield from (head for head in read_heads(section) if head.size >= start)  # type: ignore[arg-type]

    def seen(self) -> Iterator[bytes]:
        """Yield the checkpoints that earlier audits saw, in the order of their names."""
        for name in sorted(name for name in self._members if name.startswith(f"{CHECKPOINTS}/")):
            yield self._read(name, NOTE_BYTES_MAX)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, name: str, bytes_max: int) -> bytes:
        position, size = self._find(name)
        if size > bytes_max:
            msg = f"expected {name} in {self.path} to have at most {bytes_max} bytes, got {size}"
            raise MalformedError(msg)
        try:
            return _read_at(self._file, position, size)
        except OSError as error:
            msg = f"cannot read {self.path}: {error.strerror}"
            raise UncheckableError(msg) from error

    def _find(self, name: str) -> tuple[int, int]:
        """Return where the bytes of a member start, and how many they are. Raises AbsentError, MalformedError."""
        member = self._members.get(name)
        if member is None:
            msg = f"expected {name} in the archive {self.path}, got none of that name"
            raise AbsentError(msg)
        header, size = member
        expected = name.encode()
        head = _read_at(self._file, header, _LOCAL.size + len(expected))
        local = _LOCAL.unpack_from(head)
        if (local[0], local[3], local[9]) != (_LOCAL_MARK, _STORED, len(expected)) or head[_LOCAL.size :] != expected:
            msg = f"expected the archive's directory and its member {name} to agree, got two stories"
            raise MalformedError(msg)
        return header + len(head) + local[10], size


class _Section:
    """A part of a file that is read from its start to its end."""

    def __init__(self, file: BinaryIO, position: int, size: int) -> None:
        self._file, self._position, self._left = file, position, size

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, none at the end."""
        data = _read_at(self._file, self._position, min(size, self._left))
        self._position += len(data)
        self._left -= len(data)
        return data


def _read_at(file: BinaryIO, position: int, size: int) -> bytes:
    data = os.pread(file.fileno(), size, position)
    if len(data) != size:
        msg = f"expected {size} bytes at {position} of the archive, got {len(data)}: it is truncated"
        raise MalformedError(msg)
    return data


def _read_directory(file: BinaryIO) -> dict[str, tuple[int, int]]:
    """Return where the header of each member is and how many bytes it has, by name."""
    file_size = file.seek(0, os.SEEK_END)
    count, size, offset = _find_directory(file, file_size)
    if count > MEMBERS_MAX or size > count * (_ENTRY.size + NAME_BYTES_MAX + 64) or offset + size > file_size:
        msg = f"expected an archive of at most {MEMBERS_MAX} members with short names, got another directory"
        raise MalformedError(msg)
    members: dict[str, tuple[int, int]] = {}
    position = offset
    for _ in range(count):
        name, header, member_size, position = _read_entry(file, position, offset + size)
        if header + _LOCAL.size + member_size > file_size:
            msg = f"expected member {name!r:.80} within the archive, got one that ends behind it"
            raise MalformedError(msg)
        if name in members:
            msg = f"expected each name once in an archive, got {name!r:.80} twice"
            raise MalformedError(msg)
        members[name] = header, member_size
    if position != offset + size:
        msg = "expected the directory of the archive to end with its last member, got more"
        raise MalformedError(msg)
    return members


def _find_directory(file: BinaryIO, file_size: int) -> tuple[int, int, int]:
    """Return how many members there are, and the size and the offset of their directory."""
    tail_size = min(file_size, _END.size + _COMMENT_BYTES_MAX)
    tail = _read_at(file, file_size - tail_size, tail_size)
    found = tail.rfind(_END_MARK)
    if found < 0 or len(tail) - found < _END.size:
        msg = "expected a ZIP archive, got a file without the record that ends one"
        raise MalformedError(msg)
    _, disk, start_disk, on_disk, count, size, offset, comment = _END.unpack_from(tail, found)
    if found + _END.size + comment != len(tail) or disk or start_disk or on_disk != count:
        msg = "expected a ZIP archive in one file with nothing behind it"
        raise MalformedError(msg)
    end_at = file_size - tail_size + found
    if _IN_ZIP64_32 in (size, offset) or count == _IN_ZIP64_16:
        return _find_directory_64(file, end_at)
    return count, size, offset


def _find_directory_64(file: BinaryIO, end_at: int) -> tuple[int, int, int]:
    if end_at < _LOCATOR.size:
        msg = "expected a Zip64 locator before the end of the archive, got none"
        raise MalformedError(msg)
    mark, _, position, disks = _LOCATOR.unpack(_read_at(file, end_at - _LOCATOR.size, _LOCATOR.size))
    if mark != _LOCATOR_MARK or disks != 1 or position + _END64.size > end_at:
        msg = "expected a Zip64 locator before the end of the archive, got none"
        raise MalformedError(msg)
    mark, _, _, _, disk, start_disk, on_disk, count, size, offset = _END64.unpack(_read_at(file, position, _END64.size))
    if mark != _END64_MARK or disk or start_disk or on_disk != count:
        msg = "expected a Zip64 record where the locator points, got something else"
        raise MalformedError(msg)
    return count, size, offset


def _read_entry(file: BinaryIO, position: int, end: int) -> tuple[str, int, int, int]:
    """Return name, header offset and size of the member whose entry stands at `position`, and where the next one is."""
    if position + _ENTRY.size > end:
        msg = "expected another member in the archive's directory, got its end"
        raise MalformedError(msg)
    fields = _ENTRY.unpack(_read_at(file, position, _ENTRY.size))
    mark, flags, method = fields[0], fields[3], fields[4]
    packed, size, name_size, extra_size, comment_size = fields[8:13]
    header = fields[16]
    rest_size = name_size + extra_size + comment_size
    after = position + _ENTRY.size + rest_size
    if mark != _ENTRY_MARK or name_size > NAME_BYTES_MAX or after > end:
        msg = "expected a member of the archive with a short name, got something else"
        raise MalformedError(msg)
    rest = _read_at(file, position + _ENTRY.size, rest_size)
    try:
        name = rest[:name_size].decode("ascii")
    except UnicodeDecodeError as error:
        msg = "expected member names in ASCII, got another"
        raise MalformedError(msg) from error
    if method != _STORED or flags & ~_UTF8_FLAG:
        msg = f"expected members stored as they are, got {name!r:.80} compressed, encrypted or without sizes"
        raise MalformedError(msg)
    if _IN_ZIP64_32 in (packed, size, header):
        packed, size, header = _from_zip64(rest[name_size : name_size + extra_size], packed, size, header)
    if packed != size:
        msg = f"expected member {name!r:.80} to be stored as it is, got {packed} bytes for {size}"
        raise MalformedError(msg)
    return name, header, size, after


def _from_zip64(extra: bytes, packed: int, size: int, header: int) -> tuple[int, int, int]:
    """Take the sizes and the offset that do not fit 32 bits from the extra field (4.5.3), in its order."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        field = extra[position + 4 : position + 4 + length]
        position += 4 + length
        if kind != _ZIP64_EXTRA:
            continue
        values = []
        for value in (size, packed, header):
            if value == _IN_ZIP64_32 and len(field) >= 8:  # noqa: PLR2004 (64 bits)
                value = int.from_bytes(field[:8], "little")  # noqa: PLW2901
                field = field[8:]
            values.append(value)
        return values[1], values[0], values[2]
    msg = "expected a Zip64 extra field for a large member, got none"
    raise MalformedError(msg)
