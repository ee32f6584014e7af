"""Say what a source of a whole log gives, whatever is behind it: a server, a folder, an archive.

Everything is named as in the static read API (C2SP tlog-tiles), and everything comes as it is: bounded, and otherwise
unchecked. `glasslog.mirror` verifies before it believes. A source may hold a tile in full where a partial one is asked
for, because a log may drop partial tiles once they are full: `read_tile` and `read_bundle` fall back as the
specification says, on absence alone.
"""

from collections.abc import Iterator
from typing import Final, Protocol

from glasslog.errors import AbsentError
from glasslog.heads import KeptHead
from glasslog.limits import TILE_WIDTH
from glasslog.merkle import HASH_SIZE, Hash, TreeSize
from glasslog.tiles import BundleId, TileId, bundle_prefix, decode_tile

CHECKPOINT: Final = "checkpoint"
HEADS: Final = "heads"
CHECKPOINTS: Final = "checkpoints"


class LogSource(Protocol):
    """Read one log. `name` is what messages call it. Methods raise AbsentError, UncheckableError, MalformedError."""

    @property
    def name(self) -> str:
        """Return what a person calls this source."""
        ...

    @property
    def readers(self) -> int:
        """Return how many threads may read at once; a server is not asked more at a time."""
        ...

    def checkpoint(self) -> bytes:
        """Return the newest signed note."""
        ...

    def tile(self, tile: TileId, width: int) -> bytes:
        """Return the hash tile of exactly this name."""
        ...

    def bundle(self, bundle: BundleId, width: int) -> bytes:
        """Return the entry bundle of exactly this name."""
        ...

    def heads(self, start: TreeSize) -> Iterator[KeptHead]:
        """Yield the kept heads of size `start` and above, ascending."""
        ...

    def seen(self) -> Iterator[bytes]:
        """Yield the checkpoints of this log that earlier audits saw; a log's server knows of none."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


def read_tile(source: LogSource, tile: TileId, width: int) -> list[Hash]:
    """Return the first `width` hashes of a tile, from the full tile where the partial one is gone."""
    try:
        return decode_tile(source.tile(tile, width), width)
    except AbsentError:
        if width == TILE_WIDTH:
            raise
    return decode_tile(source.tile(tile, TILE_WIDTH)[: width * HASH_SIZE], width)


def read_bundle(source: LogSource, bundle: BundleId, width: int) -> bytes:
    """Return the first `width` entries of a bundle, packed, from the full bundle where the partial one is gone."""
    try:
        return source.bundle(bundle, width)
    except AbsentError:
        if width == TILE_WIDTH:
            raise
    return bundle_prefix(source.bundle(bundle, TILE_WIDTH), width)
