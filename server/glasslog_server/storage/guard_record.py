"""Know the bytes of a guard file: two slots, each of which can hold one record. Pure but for asking who a file is.

    magic(8) sequence(u64) store id(16) inode(u64) birth(u64) length(u32) note(length) SHA-256 of all before(32)

Integers are big-endian. Record n is written to slot n mod 2, so a write that is torn, at whatever byte, leaves the
record before it untouched in the other slot; the digest tells a torn record from a whole one.
"""

import ctypes
import hashlib
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from glasslog.limits import NOTE_BYTES_MAX
from glasslog_server.core.limits import GUARD_SLOT_BYTES
from glasslog_server.errors import GuardError
from glasslog_server.storage.store import STORE_ID_BYTES

SLOTS: Final = 2

_MAGIC: Final = b"glguard\x01"
_FIXED: Final = struct.Struct(f">8sQ{STORE_ID_BYTES}sQQI")
_DIGEST_BYTES: Final = 32

# statx(2), which Python does not offer yet: the flags, and where the answer holds its mask and the time of birth.
_AT_EMPTY_PATH: Final = 0x1000
_STATX_BTIME: Final = 0x800
_STATX_BYTES: Final = 256
_STATX_MASK: Final = struct.Struct("=I")
_STATX_BIRTH: Final = struct.Struct("=qI")
_STATX_BIRTH_OFFSET: Final = 80


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """Tell one file from its copy: the inode number and the time of birth in nanoseconds, 0 where none is known.

    The inode alone is not enough: a file system gives the number of a file that was deleted to the next one, which may
    be the copy that a backup brings back.
    """

    inode: int
    birth_ns: int

    def is_same_file(self, other: "FileIdentity") -> bool:
        """Return whether both speak of one file, as far as both know."""
        births_differ = self.birth_ns and other.birth_ns and self.birth_ns != other.birth_ns
        return self.inode == other.inode and not births_differ


@dataclass(frozen=True, slots=True)
class GuardRecord:
    """What a guard holds: the last signed checkpoint note, the store it belongs to, and the file it was written to."""

    sequence: int
    store_id: bytes
    identity: FileIdentity
    note: bytes


def encode_slot(record: GuardRecord) -> bytes:
    """Return the bytes of a record; what follows them in its slot means nothing. Raises GuardError."""
    if len(record.note) > NOTE_BYTES_MAX or len(record.store_id) != STORE_ID_BYTES:
        msg = (
            f"expected a note of at most {NOTE_BYTES_MAX} bytes and a store id of {STORE_ID_BYTES}, "
            f"got {len(record.note)} and {len(record.store_id)}"
        )
        raise GuardError(msg)
    identity = record.identity
    fixed = _FIXED.pack(_MAGIC, record.sequence, record.store_id, identity.inode, identity.birth_ns, len(record.note))
    data = fixed + record.note
    return data + hashlib.sha256(data).digest()


def decode_slot(data: bytes) -> GuardRecord | None:
    """Return the record in a slot, or None when there is no whole one. Total: any bytes are accepted."""
    if len(data) < _FIXED.size + _DIGEST_BYTES:
        return None
    magic, sequence, store_id, inode, birth_ns, length = _FIXED.unpack_from(data)
    end = _FIXED.size + length
    if magic != _MAGIC or length > NOTE_BYTES_MAX or len(data) < end + _DIGEST_BYTES:
        return None
    if hashlib.sha256(data[:end]).digest() != data[end : end + _DIGEST_BYTES]:
        return None
    return GuardRecord(sequence, store_id, FileIdentity(inode, birth_ns), data[_FIXED.size : end])


def measure_slot(data: bytes) -> int:
    """Return how many bytes the record takes that a slot begins with, 0 when it begins with none. Total."""
    if len(data) < _FIXED.size or not data.startswith(_MAGIC):
        return 0
    return _FIXED.size + int(_FIXED.unpack_from(data)[-1]) + _DIGEST_BYTES


def split_slots(data: bytes) -> list[bytes]:
    """Return the slots in the bytes of a guard file."""
    return [data[slot * GUARD_SLOT_BYTES : (slot + 1) * GUARD_SLOT_BYTES] for slot in range(SLOTS)]


def newest_record(slots: Iterable[bytes]) -> GuardRecord | None:
    """Return the valid record with the highest sequence number in the slots of a guard file, or None."""
    records = [record for record in map(decode_slot, slots) if record is not None]
    return max(records, key=lambda record: record.sequence, default=None)


def identify(descriptor: int) -> FileIdentity:
    """Ask the system who an open file is. Raises OSError."""
    status = os.fstat(descriptor)
    birth_s = getattr(status, "st_birthtime", None)  # macOS and BSD
    birth_ns = _linux_birth_ns(descriptor) if birth_s is None else int(birth_s * 1_000_000_000)
    return FileIdentity(status.st_ino, birth_ns)


def _linux_birth_ns(descriptor: int) -> int:
    """Return the time of birth by statx(2), or 0 where the C library, the kernel or the file system has none."""
    statx = getattr(ctypes.CDLL(None), "statx", None)
    answer = ctypes.create_string_buffer(_STATX_BYTES)
    if statx is None or statx(descriptor, b"", _AT_EMPTY_PATH, _STATX_BTIME, answer) != 0:
        return 0
    (mask,) = _STATX_MASK.unpack_from(answer)
    seconds, nanoseconds = _STATX_BIRTH.unpack_from(answer, _STATX_BIRTH_OFFSET)
    return int(seconds * 1_000_000_000 + nanoseconds) if mask & _STATX_BTIME else 0
