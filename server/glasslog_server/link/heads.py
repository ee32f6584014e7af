"""A signed tree head on the link. Pure.

size(u64) time(u64) root(32) lengths(3 x u32) note, protected header and signature of the receipts
"""

import struct
from itertools import accumulate
from typing import Final

from glasslog.merkle import HASH_SIZE, Hash, TreeSize
from glasslog_server.errors import LinkError
from glasslog_server.storage.store import TreeHead

_FIXED: Final = struct.Struct(f">QQ{HASH_SIZE}sIII")


def encode_head(head: TreeHead) -> bytes:
    """Return the bytes of a head."""
    parts = (head.note, head.receipt_protected, head.receipt_signature)
    return b"".join((_FIXED.pack(head.size, head.time, head.root, *map(len, parts)), *parts))


def decode_head(data: bytes) -> TreeHead:
    """Return the head that the bytes are. Raises LinkError."""
    if len(data) < _FIXED.size:
        msg = f"expected a tree head of {_FIXED.size} bytes or more, got {len(data)}"
        raise LinkError(msg)
    size, time, root, *lengths = _FIXED.unpack_from(data)
    start, note_end, protected_end, end = accumulate(lengths, initial=_FIXED.size)
    if len(data) != end:
        msg = f"expected a tree head of {end} bytes, got {len(data)}"
        raise LinkError(msg)
    return TreeHead(
        TreeSize(size), Hash(root), time, data[start:note_end], data[note_end:protected_end], data[protected_end:]
    )
