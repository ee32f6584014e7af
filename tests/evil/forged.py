"""A whole log, made up by somebody who has its key: any entries, any tree heads, everything else right.

What such a log serves is perfect in itself: tiles, bundles and kept heads belong to the signed checkpoint. Only who has
seen another tree of the same log can tell. The hashing is the naive tree's, and shares no code with what is tested.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from glasslog.checkpoint import Checkpoint, sign_checkpoint
from glasslog.cose import signed_bytes
from glasslog.heads import KeptHead, encode_heads
from glasslog.keys import SigningKey
from glasslog.merkle import Hash, TreeSize
from glasslog.receipt import encode_receipt_header
from glasslog.tiles import BundleId, TileId, encode_bundle, parse_tile_path
from tests.verifier.trees import NaiveTree


@dataclass
class ForgedLog:
    """A log of `entries`. `head_times` are the sizes and POSIX seconds of the heads it claims to have signed."""

    origin: str
    key: SigningKey
    entries: Sequence[bytes]
    head_times: Sequence[tuple[int, int]]
    tree: NaiveTree = field(init=False)

    def __post_init__(self) -> None:
        self.tree = NaiveTree.of_entries(self.entries)

    def checkpoint(self, size: int | None = None) -> bytes:
        """Return the signed note of the tree, or of its beginning."""
        size = len(self.entries) if size is None else size
        return sign_checkpoint(Checkpoint(self.origin, TreeSize(size), self.tree.root(size)), [self.key])

    def heads(self, start: int = 0, limit: int = 1_000) -> bytes:
        """Return the kept heads of size `start` and above."""
        chosen = [(size, time) for size, time in self.head_times if size >= start][:limit]
        return encode_heads(self._head(size, time) for size, time in chosen)

    def resource(self, path: str) -> bytes | None:
        """Return the tile or the bundle at a path, None where there is none."""
        name, width = parse_tile_path(path)
        if isinstance(name, BundleId):
            entries = self.entries[name.index * 256 :][:width]
            return encode_bundle(entries) if len(entries) == width else None
        hashes = self._tile(name)
        return b"".join(hashes[:width]) if len(hashes) >= width else None

    def _tile(self, tile: TileId) -> list[Hash]:
        start = tile.index * 256
        if tile.level == 0:
            return self.tree.leaves[start : start + 256]
        below = [self._tile(TileId(tile.level - 1, index)) for index in range(start, start + 256)]
        return [NaiveTree(hashes).root() for hashes in below if len(hashes) == 256]

    def _head(self, size: int, time: int) -> KeptHead:
        issuer = f"https://{self.origin}"
        protected = encode_receipt_header(self.key.public_key, issuer=issuer, subject=issuer, time=time)
        root = self.tree.root(size)
        return KeptHead(TreeSize(size), root, protected, self.key.sign(signed_bytes(protected, root)))
