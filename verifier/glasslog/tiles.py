"""Know the names and the contents of C2SP tlog-tiles, and be the only place that does.

A hash tile is named by level and index and holds up to 256 hashes; an entry bundle is named by index and holds up to
256 entries, each behind a 16-bit length. A tile that is not full is served under a path that ends in its width, and
every narrower partial tile is a prefix of a wider one. Nothing here reads a file or a network.
"""

import re
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Final, cast

from glasslog.errors import MalformedError
from glasslog.limits import ENTRY_BYTES_MAX, TILE_WIDTH, TREE_SIZE_MAX
from glasslog.merkle import HASH_SIZE, Hash, TreeSize

TILE_HEIGHT: Final = 8
"""Levels of the Merkle tree that one level of tiles spans."""
TILE_LEVEL_MAX: Final = 63
"""The highest level number that the path grammar allows; a tree of 2^63-1 entries fills only levels 0 to 7."""

_LENGTH_BYTES: Final = 2
_LENGTH: Final = struct.Struct(">H")
_GROUP: Final = re.compile(r"[0-9]{3}")
_PREFIXED_GROUP: Final = re.compile(r"x[0-9]{3}")
_LEVEL: Final = re.compile(r"0|[1-9][0-9]?")
_WIDTH: Final = re.compile(r"[1-9][0-9]{0,2}")
_INDEX_GROUPS_MAX: Final = 7  # 1000^7 > 2^63: no more groups can name an existing tile


@dataclass(frozen=True, slots=True, order=True)
class TileId:
    """Name a hash tile: element i is the root of the full subtree over leaves [(index*256+i)*256^level, ...)."""

    level: int
    index: int


@dataclass(frozen=True, slots=True, order=True)
class BundleId:
    """Name an entry bundle: it holds the entries [index*256, index*256+256)."""

    index: int


def tile_width(tile: TileId, size: TreeSize) -> int:
    """Return how many hashes of `tile` exist in a tree of `size`: 0 to 256 (tlog-tiles, "Merkle Tree")."""
    hashes_in_level = size >> (TILE_HEIGHT * tile.level)
    return max(0, min(TILE_WIDTH, hashes_in_level - tile.index * TILE_WIDTH))


def bundle_width(bundle: BundleId, size: TreeSize) -> int:
    """Return how many entries of `bundle` exist in a tree of `size`: 0 to 256."""
    return tile_width(TileId(0, bundle.index), size)


def tile_path(tile: TileId, width: int = TILE_WIDTH) -> str:
    """Return the path of a hash tile, without a leading slash: `tile/0/x001/x234/067` or `tile/1/005.p/7`."""
    return f"tile/{tile.level}/{_index_path(tile.index)}{_width_suffix(width)}"


def bundle_path(bundle: BundleId, width: int = TILE_WIDTH) -> str:
    """Return the path of an entry bundle, without a leading slash: `tile/entries/x001/234.p/7`."""
    return f"tile/entries/{_index_path(bundle.index)}{_width_suffix(width)}"


def parse_tile_path(path: str) -> tuple[TileId | BundleId, int]:
    """Return what a path names, and the width (256 for a full tile). Raises MalformedError.

    Only the canonical path of a tile is accepted, so one tile has one name.
    """
    parts = path.split("/")
    if len(parts) < 3 or parts[0] != "tile":  # noqa: PLR2004 (tile, level, one group)
        msg = "expected a path tile/<level>/<index>[.p/<width>] or tile/entries/<index>[.p/<width>]"
        raise MalformedError(msg)
    width = TILE_WIDTH
    groups = parts[2:]
    if len(groups) > 1 and groups[-2].endswith(".p"):
        width = _parse_width(groups[-1])
        groups = [*groups[:-2], groups[-2][:-2]]
    index = _parse_index(groups)
    if parts[1] == "entries":
        return BundleId(index), width
    if not _LEVEL.fullmatch(parts[1]) or int(parts[1]) > TILE_LEVEL_MAX:
        msg = f"expected a tile level between 0 and {TILE_LEVEL_MAX}"
        raise MalformedError(msg)
    return TileId(int(parts[1]), index), width


def encode_tile(hashes: Sequence[Hash]) -> bytes:
    """Return the bytes of a tile: its hashes, one after the other, 32 bytes each."""
    if not 1 <= len(hashes) <= TILE_WIDTH:
        msg = f"expected 1 to {TILE_WIDTH} hashes in a tile, got {len(hashes)}"
        raise ValueError(msg)
    return b"".join(hashes)


def decode_tile(data: bytes, width: int) -> list[Hash]:
    """Return the `width` hashes of a tile that must hold exactly so many. Raises MalformedError."""
    if len(data) != width * HASH_SIZE:
        msg = f"expected a tile of {width * HASH_SIZE} bytes, got {len(data)}"
        raise MalformedError(msg)
    return cast("list[Hash]", [data[offset : offset + HASH_SIZE] for offset in range(0, len(data), HASH_SIZE)])


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Return entries as they are packed in a bundle: a 16-bit big-endian length before each."""
    parts = list(entries)
    lengths = list(map(len, parts))
    if max(lengths, default=0) > ENTRY_BYTES_MAX:
        msg = f"expected an entry of at most {ENTRY_BYTES_MAX} bytes, got {max(lengths)}"
        raise ValueError(msg)
    return b"".join(chain.from_iterable(zip(map(_LENGTH.pack, lengths), parts, strict=True)))


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """Return the `width` entries of a bundle that must hold exactly so many. Raises MalformedError."""
    entries: list[bytes] = []
    position = 0
    with suppress(IndexError):
        for _ in range(width):
            start = position + _LENGTH_BYTES
            position = start + (data[position] << 8 | data[position + 1])
            entries.append(data[start:position])
    is_beyond = position > len(data)
    if is_beyond or len(entries) < width:
        number = len(entries) - is_beyond
        msg = f"expected {width} entries in a bundle, got {len(data)} bytes that end within entry {number}"
        raise MalformedError(msg)
    if position != len(data):
        msg = f"expected a bundle of {width} entries to end at byte {position}, got {len(data)} bytes"
        raise MalformedError(msg)
    return entries


def bundle_prefix(data: bytes, width: int) -> bytes:
    """Return the partial bundle of the first `width` entries of a wider one. Raises MalformedError."""
    position = 0
    for number in range(width):
        start = position + _LENGTH_BYTES
        position = start + int.from_bytes(data[position:start], "big")
        if start > len(data) or position > len(data):
            msg = f"expected at least {width} entries in a bundle, got {len(data)} bytes that end within entry {number}"
            raise MalformedError(msg)
    return data[:position]


def _index_path(index: int) -> str:
    groups = [f"{index % 1000:03d}"]
    while index >= 1000:  # noqa: PLR2004 (three decimal digits a group)
        index //= 1000
        groups.append(f"x{index % 1000:03d}")
    return "/".join(reversed(groups))


def _width_suffix(width: int) -> str:
    if not 1 <= width <= TILE_WIDTH:
        msg = f"expected a tile width between 1 and {TILE_WIDTH}, got {width}"
        raise ValueError(msg)
    return "" if width == TILE_WIDTH else f".p/{width}"


def _parse_width(text: str) -> int:
    if not _WIDTH.fullmatch(text) or int(text) >= TILE_WIDTH:
        msg = f"expected a partial width between 1 and {TILE_WIDTH - 1}"
        raise MalformedError(msg)
    return int(text)


def _parse_index(groups: Sequence[str]) -> int:
    *leading, last = groups
    canonical = (
        len(groups) <= _INDEX_GROUPS_MAX
        and _GROUP.fullmatch(last)
        and all(_PREFIXED_GROUP.fullmatch(group) for group in leading)
        and (not leading or leading[0] != "x000")
    )
    if not canonical:
        msg = "expected a tile index in groups of three digits, all but the last prefixed with x, without leading zeros"
        raise MalformedError(msg)
    index = int("".join(group[-3:] for group in groups))
    if index * TILE_WIDTH > TREE_SIZE_MAX:
        msg = "expected a tile index within a tree of 2^63-1 entries"
        raise MalformedError(msg)
    return index
