"""Know the rows of the key-value store: how keys and values are laid out, and nothing about any engine.

    m                                  -> format version (u32), store id (16 bytes), origin (UTF-8)
    t  level(u8) index(u64)            -> the hashes of a tile, widest value
    e  bundle(u64) offset(u8)          -> packed entries of a bundle, from that offset on
    l  leaf hash(32)                   -> index(u64)
    u  subject digest(16) index(u64)   -> nothing
    q  stream digest(16) seq(u64) index(u64) -> nothing
    h  size(u64)                       -> a tree head

Integers are big-endian, so that rows lie in the order of their numbers. Digests are the first 16 bytes of SHA-256: who
looks a subject up need not compare it again (128 bits). The fragments of a bundle form a chain: each
starts at the offset where the one before ended, so a reader finds them by point reads. A round adds one fragment to
a bundle; the round that fills the bundle replaces them all by a single one at offset 0, which holds all 256 entries.
"""

import hashlib
import struct
from functools import lru_cache
from itertools import accumulate
from typing import Final

from glasslog.merkle import HASH_SIZE, Hash, LeafIndex, TreeSize
from glasslog.tiles import TileId
from glasslog_server.errors import StoreCorruptError, StoreFormatError
from glasslog_server.storage.store import STORE_ID_BYTES, StoreMeta, TreeHead

FORMAT_VERSION: Final = 1

META: Final = b"m"
HEADS: Final = b"h"
HEADS_LAST: Final = HEADS + b"\xff" * 8

_DIGEST_BYTES: Final = 16
_STREAMS_REMEMBERED: Final = 1_024  # an issuer has few streams and appends to them again and again
_INDEX: Final = struct.Struct(">Q")
_TILE: Final = struct.Struct(">cBQ")
_FRAGMENT: Final = struct.Struct(">cQB")
_HEAD: Final = struct.Struct(">cQ")
_META_FIXED: Final = struct.Struct(f">I{STORE_ID_BYTES}s")
_HEAD_FIXED: Final = struct.Struct(f">QQ{HASH_SIZE}sIII")  # ... lengths of note, protected header and signature


def tile_key(tile: TileId) -> bytes:
    """Return the key of a hash tile."""
    return _TILE.pack(b"t", tile.level, tile.index)


def fragment_key(bundle: int, offset: int) -> bytes:
    """Return the key of the fragment of an entry bundle that starts at `offset` (0 to 255)."""
    return _FRAGMENT.pack(b"e", bundle, offset)


def measure_fragment(data: bytes, limit: int) -> tuple[int, int]:
    """Return how many entries a fragment holds, but at most `limit`, and the byte at which the last of them ends.

    Raises StoreCorruptError when the lengths in it do not lead to its end.
    """
    count = position = 0
    size = len(data)
    while position + 1 < size and count < limit:
        position += 2 + (data[position] << 8 | data[position + 1])
        count += 1
    if not count or position > size or (position < size and count < limit):
        msg = f"expected up to {limit} whole entries in {size} bytes of a bundle, got {count} that end at {position}"
        raise StoreCorruptError(msg)
    return count, position


def leaf_key(leaf_hash: Hash) -> bytes:
    """Return the key of the row that says where a leaf hash is."""
    return b"l" + leaf_hash


def subject_prefix(subject: str) -> bytes:
    """Return what the keys of all entries about a subject begin with."""
    return b"u" + hashlib.sha256(_utf8(subject)).digest()[:_DIGEST_BYTES]


@lru_cache(maxsize=_STREAMS_REMEMBERED)
def stream_prefix(issuer: str, stream: str) -> bytes:
    """Return what the keys of all entries of one issuer's stream begin with.

    The issuer's length stands first, so that no two (issuer, stream) are the same bytes.
    """
    name = _utf8(issuer)
    return b"q" + hashlib.sha256(_INDEX.pack(len(name)) + name + _utf8(stream)).digest()[:_DIGEST_BYTES]


def head_key(size: TreeSize) -> bytes:
    """Return the key of the tree head of `size`."""
    return _HEAD.pack(HEADS, size)


def encode_number(number: int) -> bytes:
    """Return an index or a sequence number as it stands in keys and values: 8 bytes, big-endian."""
    return _INDEX.pack(number)


def decode_index(data: bytes) -> LeafIndex:
    """Return the index in an 8-byte value or at the end of a key. Raises StoreCorruptError."""
    if len(data) < _INDEX.size:
        msg = f"expected an index of {_INDEX.size} bytes, got {len(data)}"
        raise StoreCorruptError(msg)
    return LeafIndex(_INDEX.unpack(data[-_INDEX.size :])[0])


def decode_stream_place(key: bytes) -> tuple[int, LeafIndex]:
    """Return the sequence number and the index at the end of a stream row's key. Raises StoreCorruptError."""
    return int(decode_index(key[: -_INDEX.size])), decode_index(key)


def encode_meta(meta: StoreMeta) -> bytes:
    """Return the meta row."""
    return _META_FIXED.pack(FORMAT_VERSION, meta.store_id) + meta.origin.encode()


def decode_meta(data: bytes) -> StoreMeta:
    """Return what the meta row says. Raises StoreFormatError for another version, StoreCorruptError for nonsense."""
    version = int.from_bytes(data[:4], "big")
    if version != FORMAT_VERSION:
        msg = f"expected a store of format version {FORMAT_VERSION}, got {version}: use the release that wrote it"
        raise StoreFormatError(msg)
    try:
        _, store_id = _META_FIXED.unpack_from(data)
        return StoreMeta(store_id, data[_META_FIXED.size :].decode())
    except (struct.error, UnicodeDecodeError) as error:
        msg = f"expected a store id and an origin in the meta row, got {len(data)} other bytes"
        raise StoreCorruptError(msg) from error


def encode_head(head: TreeHead) -> bytes:
    """Return the row of a tree head."""
    parts = (head.note, head.receipt_protected, head.receipt_signature)
    return b"".join((_HEAD_FIXED.pack(head.size, head.time, head.root, *map(len, parts)), *parts))


def decode_head(data: bytes) -> TreeHead:
    """Return the tree head in a row. Raises StoreCorruptError."""
    if len(data) < _HEAD_FIXED.size:
        msg = f"expected a tree head of {_HEAD_FIXED.size} bytes or more, got {len(data)}"
        raise StoreCorruptError(msg)
    size, time, root, *lengths = _HEAD_FIXED.unpack_from(data)
    _, note_end, protected_end, signature_end = accumulate(lengths, initial=_HEAD_FIXED.size)
    if len(data) != signature_end:
        msg = f"expected a tree head of {signature_end} bytes, got {len(data)}"
        raise StoreCorruptError(msg)
    note = data[_HEAD_FIXED.size : note_end]
    protected = data[note_end:protected_end]
    return TreeHead(TreeSize(size), Hash(root), time, note, protected, data[protected_end:])


def _utf8(text: str) -> bytes:
    """Return UTF-8 of any text, lone surrogates included: what is looked up is found or not, and is never an error."""
    return text.encode(errors="surrogatepass")
