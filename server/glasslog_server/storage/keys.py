"""Know the rows of the key-value store: how keys and values are laid out, and nothing about any engine.

    m                                  -> format version (u32), store id (16 bytes), origin (UTF-8)
    t  level(u8) index(u64)            -> the hashes of a tile, widest value; of a full one its inner nodes too
    e  bundle(u64) offset(u8)          -> packed entries of a bundle, from that offset on
    l  leaf hash(32)                   -> index(u64)
    u  subject digest(16) index(u64)   -> nothing
    q  stream digest(16) seq(u64) index(u64) -> further places: seq delta (u8), index delta (i16) of each
    h  size(u64)                       -> a tree head

Integers are big-endian, so that rows lie in the order of their numbers. Digests are the first 16 bytes of SHA-256: who
looks a subject up need not compare it again (128 bits). The fragments of a bundle form a chain: each
starts at the offset where the one before ended, so a reader finds them by point reads. A round adds one fragment to
a bundle; where more than a few have gathered when the bundle is full, a single one of all 256 entries at offset 0
replaces them.

The inner nodes of a full tile are the 32 of height 3 and the 4 of height 6 over its 256 hashes: 1,152 bytes behind its
8,192.

A row of a stream holds the places that one round has in 256 consecutive numbers of it (those with the same number
above the lowest byte): the first in the key, the others in the value, relative to the first, in ascending order.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from operator import itemgetter
from typing import Final

from glasslog.merkle import HASH_SIZE, Hash, LeafIndex, TreeSize
from glasslog.tiles import TileId
from glasslog_server.errors import StoreCorruptError, StoreFormatError
from glasslog_server.storage.store import STORE_ID_BYTES, StoreMeta, TreeHead

FORMAT_VERSION: Final = 4

META: Final = b"m"
ENTRIES: Final = b"e"
HEADS: Final = b"h"
HEADS_LAST: Final = HEADS + b"\xff" * 8

_DIGEST_BYTES: Final = 16
_STREAMS_REMEMBERED: Final = 1_024  # an issuer has few streams and appends to them again and again
STREAM_BLOCK_BITS: Final = 8  # how much of a number a seq delta can say
_INDEX_DELTA_MAX: Final = 2**15 - 1
_SECOND: Final = itemgetter(1)
_INDEX: Final = struct.Struct(">Q")
_PLACE: Final = struct.Struct(">QQ")
_FURTHER_PLACE: Final = struct.Struct(">Bh")
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


def leaf_keys(leaf_hashes: Iterable[Hash]) -> list[bytes]:
    """Return the keys of the rows that say where leaf hashes are."""
    return list(map(b"l".__add__, leaf_hashes))


def subject_prefix(subject: str) -> bytes:
    """Return what the keys of all entries about a subject begin with."""
    return subject_prefixes((subject,))[0]


def subject_prefixes(subjects: Iterable[str]) -> list[bytes]:
    """Return the `subject_prefix` of each of many subjects: any text, as with streams."""
    sha256 = hashlib.sha256
    names = [subject.encode() if subject.isascii() else _utf8(subject) for subject in subjects]
    return [b"u" + sha256(name).digest()[:_DIGEST_BYTES] for name in names]


@lru_cache(maxsize=_STREAMS_REMEMBERED)
def stream_prefix(issuer: str, stream: str) -> bytes:
    """Return what the keys of all entries of one issuer's stream begin with.

    The issuer's length stands first, so that no two (issuer, stream) are the same bytes.
    """
    name = _utf8(issuer)
    return b"q" + hashlib.sha256(_INDEX.pack(len(name)) + name + _utf8(stream)).digest()[:_DIGEST_BYTES]


def stream_block_start(prefix: bytes, seq: int) -> bytes:
    """Return the key at which the rows begin that can hold number `seq` of a stream or a later one."""
    return prefix + encode_number(seq >> STREAM_BLOCK_BITS << STREAM_BLOCK_BITS)


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


def encode_stream_rows(prefix: bytes, places: Sequence[tuple[int, int]]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the rows of some (sequence number, index) of one stream, ascending and of one block of 256 numbers.

    There is one row, unless the indexes lie so far apart that their differences do not fit.
    """
    pack = _FURTHER_PLACE.pack
    while places:
        seq, index = places[0]
        near = places
        indexes = list(map(_SECOND, places))
        if max(indexes) - index > _INDEX_DELTA_MAX or index - min(indexes) > _INDEX_DELTA_MAX:
            near = [place for place in places if abs(place[1] - index) <= _INDEX_DELTA_MAX]
        value = b"".join([pack(later_seq - seq, later_index - index) for later_seq, later_index in near[1:]])
        yield prefix + _PLACE.pack(seq, index), value
        places = [] if near is places else [place for place in places if place not in near]


def decode_stream_row(key: bytes, value: bytes) -> list[tuple[int, LeafIndex]]:
    """Return the (sequence number, index) that a row of a stream holds, ascending. Raises StoreCorruptError."""
    try:
        seq, index = _PLACE.unpack(key[-_PLACE.size :])
        further = list(_FURTHER_PLACE.iter_unpack(value))
    except struct.error as error:
        msg = f"expected places of a stream in a row, got {len(key)} and {len(value)} bytes"
        raise StoreCorruptError(msg) from error
    return [(seq, LeafIndex(index)), *((seq + more, LeafIndex(index + delta)) for more, delta in further)]


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
