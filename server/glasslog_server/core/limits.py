"""Limits on what one round takes and on what the server keeps in memory, each with its reason.

Limits of the formats themselves are in `glasslog.limits`. The relations that the code relies on are checked when the
module is imported.
"""

from typing import Final

from glasslog.limits import ENTRY_BYTES_MAX, NOTE_BYTES_MAX, TILE_WIDTH
from glasslog.merkle import HASH_SIZE

# A round. It is built and written without a pause of the event loop: 8 MiB take some 30 ms, mostly of memory copies.
ROUND_ENTRIES_MAX: Final = 8_192
ROUND_BYTES_MAX: Final = 8 * 1_024 * 1_024

# The second computation of a root remembers subtrees of the right edge by content, at most 4 KiB each.
RECOMPUTED_SUBTREES_MAX: Final = 512

# Proofs. A pyramid is what all hashes of one tile lead to: 255 hashes to build, so those in use are kept.
TILE_PYRAMID_BYTES_MAX: Final = 2 * TILE_WIDTH * HASH_SIZE
TILE_CACHE_BYTES: Final = 32 * 1_024 * 1_024

# The store's memory, whatever its size on disk: block cache (indexes and filters included) and memtables.
STORE_CACHE_BYTES: Final = 64 * 1_024 * 1_024
STORE_MEMTABLE_BYTES: Final = 32 * 1_024 * 1_024
STORE_INDEX_MEMTABLE_BYTES: Final = 8 * 1_024 * 1_024
STORE_TREE_MEMTABLE_BYTES: Final = 16 * 1_024 * 1_024  # a small round writes its partial tiles anew, some 12 KiB
STORE_MEMTABLES_MAX: Final = 2
STORE_MEMORY_BYTES: Final = STORE_CACHE_BYTES + STORE_MEMTABLES_MAX * (
    STORE_MEMTABLE_BYTES + STORE_INDEX_MEMTABLE_BYTES + STORE_TREE_MEMTABLE_BYTES
)
STORE_WAL_BYTES_MAX: Final = 96 * 1_024 * 1_024
# Bits for leaf hashes: with 10^7 entries one lookup in 27 of an absent hash still goes to the disk, with 10^8 one in 3.
LEAF_FILTER_BYTES: Final = 32 * 1_024 * 1_024
STORE_OPEN_FILES_MAX: Final = 512
STORE_BACKGROUND_JOBS_MAX: Final = 2

# The guard. A slot holds the largest note there is behind its header and before its digest; only what is used of it
# is ever written.
GUARD_SLOT_BYTES: Final = 68 * 1_024
GUARD_FRAME_BYTES_MAX: Final = 256


def _check_relations() -> None:
    """Stop the import when two limits contradict each other."""
    relations = {
        "a round must take the largest entry": ROUND_BYTES_MAX >= ENTRY_BYTES_MAX,
        "a round, with the bundle that it completes, must fit a memtable": ROUND_BYTES_MAX
        + TILE_WIDTH * (2 + ENTRY_BYTES_MAX)
        <= STORE_MEMTABLE_BYTES,
        "a leaf filter must be named by 32 bits of a hash, 3 of them within a byte": LEAF_FILTER_BYTES.bit_count() == 1
        and LEAF_FILTER_BYTES <= 1 << 29,
        "the cache of pyramids must hold every tile of several proofs": TILE_CACHE_BYTES >= 64 * TILE_PYRAMID_BYTES_MAX,
        "a guard slot must hold the largest note": GUARD_SLOT_BYTES >= NOTE_BYTES_MAX + GUARD_FRAME_BYTES_MAX,
    }
    for reason, holds in relations.items():
        if not holds:
            msg = f"limits contradict each other: {reason}"
            raise AssertionError(msg)


_check_relations()
