"""Draw entries by a seed that comes from a signed checkpoint: reproducible by anybody, chosen by nobody.

    seed = SHA-256(SEED_DOMAIN || uint32(length of head) || head || cosignature || cosignature ...)
    rank = SHA-256(RANK_DOMAIN || seed || uint64(index of the entry in the log))

`head` are the first three lines of the checkpoint, each ended by a newline: origin, size, root in base64 (C2SP
tlog-checkpoint). A cosignature is that of a witness over this checkpoint, 8 bytes of time and 64 of signature (C2SP
tlog-cosignature), those of the trusted witnesses in ascending order of their bytes. Integers are big-endian.

The sample are the entries with the lowest ranks, the lowest first; a larger sample begins with the smaller one. Two
entries of one rank would be a collision of SHA-256; the lower index would come first.

Whoever writes a log can try out last entries until a root suits them, as long as no witness has to sign: that is why
a checkpoint that comes after the entries, and is cosigned, has to be agreed on before.
"""

import hashlib
import heapq
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from glasslog.checkpoint import TrustedCheckpoint

SEED_DOMAIN: Final = b"glasslog sample seed v1\n"
RANK_DOMAIN: Final = b"glasslog sample rank v1\n"
SAMPLE_MAX: Final = 100_000


@dataclass(frozen=True, slots=True)
class Drawn:
    """An entry of the sample: its rank (32 bytes) and its index in the log."""

    rank: bytes
    index: int


def derive_seed(trusted: TrustedCheckpoint) -> bytes:
    """Return the seed, 32 bytes, of a checkpoint that was opened with the keys of the log and of trusted witnesses."""
    head = replace(trusted.checkpoint, extensions=()).encode().encode()
    by = {(line.key.name, line.key.key_id) for line in trusted.cosignatures}
    lines = {line.signature for line in trusted.note.signatures if (line.name, line.key_id) in by}
    return hashlib.sha256(b"".join((SEED_DOMAIN, struct.pack(">I", len(head)), head, *sorted(lines)))).digest()


def rank_of(seed: bytes, index: int) -> bytes:
    """Return the rank of an entry, 32 bytes."""
    return hashlib.sha256(RANK_DOMAIN + seed + struct.pack(">Q", index)).digest()


def draw(seed: bytes, population: Iterable[int], size: int) -> tuple[list[Drawn], int]:
    """Return the sample, the lowest rank first, and how many entries it was drawn from.

    The population comes once, in any order; memory holds `size` entries of it. All are drawn when there are fewer.
    """
    counted = _Counted(population)
    ranked = ((rank_of(seed, index), index) for index in counted)
    return [Drawn(rank, index) for rank, index in heapq.nsmallest(size, ranked)], counted.count


class _Counted:
    """Count what passes by."""

    def __init__(self, indexes: Iterable[int]) -> None:
        self._indexes = iter(indexes)
        self.count = 0

    def __iter__(self) -> "_Counted":
        return self

    def __next__(self) -> int:
        index = next(self._indexes)
        self.count += 1
        return index
