"""Evidence of a fork: a log has signed two trees that cannot both be its tree (a split view). One file, for anybody.

    {
      "v": 1,                        the version of this format
      "type": "glasslog-fork",
      "newer": head,                 the signed tree head of the larger tree, verbatim
      "older": head,                 that of the smaller one, or of one of the same size
      "prefix_path": [bstr, ...]     an RFC 9162 consistency path between the two sizes, which leads to
      "prefix_root": bstr,           the root that the newer tree had at the older one's size: it is not the older's
    }

A head is a byte string, a signed note (C2SP tlog-checkpoint), or an array, a kept head (`glasslog.heads`), whose
signature is that of receipts. In deterministic CBOR the keys stand in the order above.

The log cannot deny either head, because it signed both. The path shows, whoever made it, that the newer tree begins
with another tree than the older one: SHA-256 leaves no second way to the newer root. So the file proves the fork to
everybody who knows the log's key, and nobody who made or kept it has to be believed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from glasslog import cbor
from glasslog.authority import operator_issuer
from glasslog.checkpoint import Checkpoint, open_checkpoint
from glasslog.errors import MalformedError, MismatchError, ProofError, UnknownKeyError
from glasslog.heads import KeptHead, decode_head
from glasslog.limits import FORK_BYTES_MAX, NOTE_BYTES_MAX, PROOF_HASHES_MAX
from glasslog.merkle import HASH_SIZE, Hash, verify_consistency
from glasslog.subtrees import VerifiedTiles
from glasslog.vkey import VerifierKey

FORK_TYPE: Final = "glasslog-fork"
FORK_VERSION: Final = 1
FORK_SUFFIX: Final = ".fork"
FORK_MEDIA_TYPE: Final = "application/vnd.glasslog.fork+cbor"

_FIELDS: Final = frozenset({"v", "type", "newer", "older", "prefix_path", "prefix_root"})

SignedTree: TypeAlias = bytes | KeptHead
"""A signed note, verbatim, or a kept head."""


@dataclass(frozen=True, slots=True)
class Fork:
    """Two heads that one log signed, verified, and the root that the newer tree had at the older one's size."""

    older: Checkpoint
    newer: Checkpoint
    prefix_root: Hash


@dataclass(frozen=True, slots=True)
class ForkEvidence:
    """The parts of the file, unchecked."""

    older: SignedTree = field(repr=False)
    newer: SignedTree = field(repr=False)
    prefix_root: Hash
    prefix_path: tuple[Hash, ...] = field(repr=False)

    def encode(self) -> bytes:
        """Return the file's bytes."""
        fields = {
            "v": FORK_VERSION,
            "type": FORK_TYPE,
            "newer": _encodable(self.newer),
            "older": _encodable(self.older),
            "prefix_path": list(self.prefix_path),
            "prefix_root": self.prefix_root,
        }
        return cbor.encode(fields)

    def verify(self, log_keys: Sequence[VerifierKey]) -> Fork:
        """Check that one of `log_keys` signed both heads and that they contradict each other.

        Raises MalformedError, UnknownKeyError, SignatureError for a head that is not the log's; MismatchError for heads
        of two logs or in the wrong order; ProofError when the path does not show a fork.
        """
        older, newer = (open_signed_tree(tree, log_keys) for tree in (self.older, self.newer))
        if older.origin != newer.origin or not 0 < older.size <= newer.size:
            msg = (
                "expected two heads of one log, the smaller tree first, "
                f"got {older.origin} of {older.size} and {newer.origin} of {newer.size}"
            )
            raise MismatchError(msg)
        verify_consistency(older.size, newer.size, self.prefix_root, newer.root, self.prefix_path)
        if self.prefix_root == older.root:
            msg = f"expected two trees of one log, got a newer one that begins with the older, of size {older.size}"
            raise ProofError(msg)
        return Fork(older, newer, self.prefix_root)


def open_signed_tree(tree: SignedTree, log_keys: Sequence[VerifierKey]) -> Checkpoint:
    """Return the tree head that a log signed, as a note or as a kept head. Raises as `open_checkpoint` does."""
    if isinstance(tree, bytes):
        return open_checkpoint(tree, log_keys).checkpoint
    for name in dict.fromkeys(key.name for key in log_keys):
        keys = [key.public_key for key in log_keys if key.name == name]
        try:
            tree.verify(operator_issuer(name), keys)
        except (MismatchError, UnknownKeyError):
            continue  # the head of another log, or by another key
        return Checkpoint(name, tree.size, tree.root)
    msg = f"expected a head signed by {', '.join(map(str, log_keys)) or 'a known log'}, got one of another log or key"
    raise UnknownKeyError(msg)


def prove_fork(
    older: SignedTree, newer: SignedTree, sizes: tuple[Checkpoint, Checkpoint], tiles: VerifiedTiles
) -> bytes:
    """Return the file that shows a fork. `sizes` are the heads opened, `tiles` of the newer tree or a later one.

    The caller has seen that the roots differ; the file says no more than what is true if they do not.
    """
    older_head, newer_head = sizes
    path = tiles.consistency_path(older_head.size, newer_head.size)
    root = tiles.root_at(older_head.size)
    return ForkEvidence(older, newer, root, path).encode()


def decode_fork(data: bytes) -> ForkEvidence:
    """Return the evidence that `data` is; what its heads say is not looked at. Raises MalformedError."""
    if len(data) > FORK_BYTES_MAX:
        msg = f"expected evidence of a fork of at most {FORK_BYTES_MAX} bytes, got {len(data)}"
        raise MalformedError(msg)
    fields = cbor.decode(data)
    if not isinstance(fields, dict) or fields.get("type") != FORK_TYPE or fields.keys() != _FIELDS:
        msg = f"expected a map of type {FORK_TYPE} with the fields {', '.join(sorted(_FIELDS))}"
        raise MalformedError(msg)
    version = fields["v"]
    if type(version) is not int or version != FORK_VERSION:
        msg = f"expected evidence of a fork of version {FORK_VERSION}, got {version!r:.40}"
        raise MalformedError(msg)
    path = fields["prefix_path"]
    if not isinstance(path, list) or len(path) > PROOF_HASHES_MAX + 1:
        msg = f"expected a path of at most {PROOF_HASHES_MAX + 1} hashes"
        raise MalformedError(msg)
    for element in (*path, fields["prefix_root"]):
        if not isinstance(element, bytes) or len(element) != HASH_SIZE:
            msg = f"expected hashes of {HASH_SIZE} bytes"
            raise MalformedError(msg)
    return ForkEvidence(_head(fields["older"]), _head(fields["newer"]), Hash(fields["prefix_root"]), tuple(path))


def _encodable(tree: SignedTree) -> cbor.Value:
    return tree if isinstance(tree, bytes) else [tree.size, tree.root, tree.protected, tree.signature]


def _head(value: cbor.Value) -> SignedTree:
    if isinstance(value, bytes) and len(value) <= NOTE_BYTES_MAX:
        return value
    if isinstance(value, list):
        return decode_head(cbor.encode(value))
    msg = "expected a signed tree head as a note in a byte string or as a kept head in an array"
    raise MalformedError(msg)
