"""A log that has signed two trees, and the files that show it."""

import hashlib

from glasslog.checkpoint import Checkpoint, sign_checkpoint
from glasslog.cose import signed_bytes
from glasslog.fork import ForkEvidence, SignedTree
from glasslog.heads import KeptHead
from glasslog.keys import SigningKey
from glasslog.merkle import TreeSize
from glasslog.receipt import encode_receipt_header
from glasslog.vkey import TYPE_ED25519, VerifierKey
from tests.verifier.trees import NaiveTree

ORIGIN = "log.example/fork"
KEY = SigningKey(hashlib.sha256(b"key of a log that forks").digest())
VKEY = VerifierKey(ORIGIN, TYPE_ED25519, KEY.public_key)
ONE = NaiveTree.of_entries([f"entry {number}".encode() for number in range(40)])
OTHER = NaiveTree.of_entries([f"entry {number if number != 5 else 'another'}".encode() for number in range(40)])


def note(tree: NaiveTree, size: int, key: SigningKey = KEY, origin: str = ORIGIN) -> bytes:
    return sign_checkpoint(Checkpoint(origin, TreeSize(size), tree.root(size)), [key])


def head(tree: NaiveTree, size: int, key: SigningKey = KEY, origin: str = ORIGIN) -> KeptHead:
    issuer = f"https://{origin}"
    protected = encode_receipt_header(key.public_key, issuer=issuer, subject=issuer, time=1_700_000_000)
    signature = key.sign(signed_bytes(protected, tree.root(size)))
    return KeptHead(TreeSize(size), tree.root(size), protected, signature)


def evidence(size1: int = 9, size2: int = 33, *, as_heads: bool = False) -> ForkEvidence:
    signed = head if as_heads else note
    older: SignedTree = signed(ONE, size1)
    return ForkEvidence(older, signed(OTHER, size2), OTHER.root(size1), OTHER.consistency_path(size1, size2))


def fork_file() -> bytes:
    return evidence().encode()
