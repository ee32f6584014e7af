"""Kept heads: every tree head that a log has signed for receipts, as a log hands them out and an audit keeps them.

A kept head is the signed half of a COSE receipt without its proof: the protected header with the log's time (iat), and
the signature over it with the root as detached payload (RFC 9942). One of them serves all receipts at its size. An
auditor learns from the list of them when each entry was first covered by a signed tree, which is the time at which its
signer's key is judged and by which its lateness is told.

A file or an answer holds many, as a CBOR sequence (RFC 8742) in ascending order of size. Whether a root is that of the
log's tree, and whether any head was left out, is not for this module to say.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from glasslog import cbor, cose
from glasslog.cose import (
    CWT_IAT,
    CWT_ISS,
    HEADER_ALG,
    HEADER_CRIT,
    HEADER_CWT_CLAIMS,
    HEADER_KID,
    HEADER_VDS,
    VDS_RFC9162_SHA256,
)
from glasslog.errors import AlgorithmError, MalformedError, MismatchError, UnknownKeyError
from glasslog.keys import ACCEPTED_ALGS, SIGNATURE_BYTES, PublicKey
from glasslog.limits import HEAD_BYTES_MAX, PROTECTED_BYTES_MAX, TREE_SIZE_MAX
from glasslog.merkle import HASH_SIZE, Hash, TreeSize

HEADS_MEDIA_TYPE: Final = "application/cbor-seq"
_ARRAY_OF_4: Final = b"\x84"


@dataclass(frozen=True, slots=True)
class KeptHead:
    """A signed tree head, unchecked: tree size, root (32 bytes), the protected header and signature of its receipts."""

    size: TreeSize
    root: Hash
    protected: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def encode(self) -> bytes:
        """Return [size, root, protected, signature] in deterministic CBOR."""
        strings = map(cose.encode_bytes, (self.root, self.protected, self.signature))
        return b"".join((_ARRAY_OF_4, cbor.encode(self.size), *strings))

    def claimed_time(self, issuer: str) -> int:
        """Return the log's time in the header, in POSIX seconds; the signature is not checked.

        Raises MalformedError for a header that is not of a receipt, MismatchError for one of another log.
        """
        return _read_header(self.protected, issuer)[1]

    def verify(self, issuer: str, keys: Sequence[PublicKey]) -> int:
        """Check that the log `issuer` signed this head with one of `keys`; return its time, in POSIX seconds.

        Raises MalformedError for a header that is not of a receipt, MismatchError for one of another log,
        UnknownKeyError, SignatureError. Costs one signature check.
        """
        kid, time = _read_header(self.protected, issuer)
        for key in keys:
            if key.kid == kid:
                key.verify(self.signature, cose.signed_bytes(self.protected, self.root))
                return time
        msg = f"expected a tree head signed by a key of the log, got one with kid {kid.hex()}"
        raise UnknownKeyError(msg)


def encode_heads(heads: Iterable[KeptHead]) -> bytes:
    """Return heads as a CBOR sequence."""
    return b"".join(head.encode() for head in heads)


def decode_heads(data: bytes) -> list[KeptHead]:
    """Return the heads that a CBOR sequence is, ascending in size without repeats. Raises MalformedError."""
    heads: list[KeptHead] = []
    for item in cbor.sequence_items(data):
        head = decode_head(item)
        if heads and head.size <= heads[-1].size:
            msg = f"expected heads of ascending sizes, got {head.size} after {heads[-1].size}"
            raise MalformedError(msg)
        heads.append(head)
    return heads


def decode_head(data: bytes) -> KeptHead:
    """Return the head that one item is. Raises MalformedError."""
    if len(data) > HEAD_BYTES_MAX:
        msg = f"expected a tree head of at most {HEAD_BYTES_MAX} bytes, got {len(data)}"
        raise MalformedError(msg)
    fields = cbor.decode(data)
    if type(fields) is not list or len(fields) != 4:  # noqa: PLR2004 (size, root, protected, signature)
        msg = "expected a tree head as an array of four"
        raise MalformedError(msg)
    size, root, protected, signature = fields
    if type(size) is not int or not 1 <= size <= TREE_SIZE_MAX:
        msg = "expected the size of a tree head between 1 and 2^63-1"
        raise MalformedError(msg)
    if type(root) is not bytes or len(root) != HASH_SIZE:
        msg = f"expected the root of a tree head as {HASH_SIZE} bytes"
        raise MalformedError(msg)
    if type(protected) is not bytes or len(protected) > PROTECTED_BYTES_MAX:
        msg = f"expected the protected header of a tree head as at most {PROTECTED_BYTES_MAX} bytes"
        raise MalformedError(msg)
    if type(signature) is not bytes or len(signature) != SIGNATURE_BYTES:
        msg = f"expected the signature of a tree head as {SIGNATURE_BYTES} bytes"
        raise MalformedError(msg)
    return KeptHead(TreeSize(size), Hash(root), protected, signature)


def _read_header(protected: bytes, issuer: str) -> tuple[bytes, int]:
    """Return the kid and the iat of the protected header of a receipt by `issuer`."""
    headers = cbor.decode_foreign(protected)
    if not isinstance(headers, dict) or HEADER_CRIT in headers:
        msg = "expected the protected header of a tree head to be a map without crit (2)"
        raise MalformedError(msg)
    algorithm, vds = headers.get(HEADER_ALG), headers.get(HEADER_VDS)
    if type(algorithm) is not int or algorithm not in ACCEPTED_ALGS:
        msg = f"expected the algorithm -8 (EdDSA) or -19 (Ed25519), got {algorithm!r:.40}"
        raise AlgorithmError(msg)
    if type(vds) is not int or vds != VDS_RFC9162_SHA256:
        msg = f"expected the verifiable data structure 1 (RFC9162_SHA256) in header 395, got {vds!r:.40}"
        raise MalformedError(msg)
    kid, claims = headers.get(HEADER_KID), headers.get(HEADER_CWT_CLAIMS)
    claims = claims if isinstance(claims, dict) else {}
    time = claims.get(CWT_IAT)
    if not isinstance(kid, bytes) or type(time) is not int or not 0 <= time <= TREE_SIZE_MAX:
        msg = "expected a tree head with a kid (4) and, among its CWT claims (15), iat in whole POSIX seconds"
        raise MalformedError(msg)
    if claims.get(CWT_ISS) != issuer:
        msg = f"expected a tree head of {issuer}, got one of {claims.get(CWT_ISS)!r:.200}"
        raise MismatchError(msg)
    return kid, time
