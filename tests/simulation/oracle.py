"""Say whether a log is what it must be, from what is on its disk alone: a naive tree over all entries."""

import hashlib
from collections.abc import Mapping, Sequence

from glasslog.checkpoint import open_checkpoint
from glasslog.keys import PublicKey
from glasslog.merkle import Hash, hash_leaf
from glasslog.receipt import signed_root_bytes
from glasslog.statement import decode_statement
from glasslog.tiles import TileId, tile_width
from glasslog_server.core.tree import Tree
from glasslog_server.storage.store import Store, TreeHead
from tests.simulation.parties import LOG_KEY, SIGNER


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """Compute the root as RFC 9162 section 2.1.1 defines it."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


async def check_log(
    store: Store, acknowledged: Mapping[Hash, int], published: Sequence[TreeHead], keys: Sequence[PublicKey] = ()
) -> None:
    """Check every entry, tile, row and head, and that what was acknowledged and published still holds."""
    heads = await store.heads(0, 1_000_000)  # type: ignore[arg-type]
    entries = await store.read_entries(0, heads[-1].size)  # type: ignore[arg-type]
    leaves = [hash_leaf(entry) for entry in entries]
    assert len(set(leaves)) == len(leaves), "a statement was logged twice"
    for head in [*heads, *published]:
        assert naive_root(leaves[: head.size]) == head.root, f"the head of size {head.size} is of another tree"
        checkpoint = open_checkpoint(head.note, SIGNER.verifier_keys).checkpoint
        assert (checkpoint.size, checkpoint.root) == (head.size, head.root)
        LOG_KEY.public_key.verify(head.receipt_signature, signed_root_bytes(head.receipt_protected, head.root))
    assert [head.time for head in heads] == sorted(head.time for head in heads), "the log's time ran backwards"
    for leaf, index in acknowledged.items():
        assert leaves[index] == leaf, f"what was acknowledged at {index} is not there"
    assert await store.find_leaves(leaves) == list(range(len(leaves)))
    for tile in Tree.right_edge(heads[-1].size):
        [value] = await store.read_tiles([tile])
        assert value is not None
    width = tile_width(TileId(0, 0), heads[-1].size)
    [level0] = await store.read_tiles([TileId(0, 0)])
    assert level0 is not None
    assert level0[: width * 32] == b"".join(leaves[:width])
    for key in keys:
        for statement in map(decode_statement, entries):
            if statement.kid == key.kid:
                statement.verify(key)
