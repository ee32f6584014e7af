"""COSE receipts: proofs of inclusion and of consistency that a log signed (RFC 9942, RFC9162_SHA256).

A receipt is a COSE_Sign1 message without its payload: the payload is the root hash, which the verifier computes from
the proof in the unprotected header and then checks the signature with. So there is one verdict: a wrong proof and a
wrong signature look the same. One signature over a root serves the receipts of all entries below that size.
"""

from dataclasses import dataclass, field
from typing import Final

from glasslog import cbor, cose
from glasslog.cose import (
    CWT_IAT,
    CWT_ISS,
    CWT_SUB,
    HEADER_ALG,
    HEADER_CRIT,
    HEADER_CWT_CLAIMS,
    HEADER_KID,
    HEADER_VDS,
    VDS_RFC9162_SHA256,
    Sign1,
)
from glasslog.errors import AlgorithmError, MalformedError, MismatchError
from glasslog.keys import ACCEPTED_ALGS, ALG_EDDSA, PublicKey
from glasslog.limits import PROOF_HASHES_MAX, RECEIPT_BYTES_MAX, TREE_SIZE_MAX
from glasslog.merkle import HASH_SIZE, Hash, LeafIndex, TreeSize, root_from_inclusion_proof, verify_consistency

HEADER_VDP: Final = 396
VDP_INCLUSION: Final = -1
VDP_CONSISTENCY: Final = -2
_PROOF_ELEMENTS: Final = 3


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """The path from a leaf to the root of a tree of `size`; the leaf's sibling first."""

    size: TreeSize
    index: LeafIndex
    path: tuple[Hash, ...]


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """The path that shows the tree of `size1` to be a prefix of the tree of `size2`."""

    size1: TreeSize
    size2: TreeSize
    path: tuple[Hash, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """A decoded receipt, unchecked. `issuer`, `subject`, `kid` and `time` are None where a foreign log leaves them out.

    `time` is the iat claim: the POSIX second at which the log says it signed this tree head.
    """

    proof: InclusionProof | ConsistencyProof
    kid: bytes | None
    issuer: str | None
    subject: str | None
    time: int | None
    protected: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def encode(self) -> bytes:
        """Return 18([protected, {396: {-1 or -2: [proof]}}, null, signature])."""
        return encode_receipt(self.protected, self.proof, self.signature)

    def verify_inclusion(self, leaf: Hash, key: PublicKey) -> Hash:
        """Check that the log which holds `key` signed a tree with `leaf` at the proof's index; return that tree's root.

        Raises MismatchError for a receipt of consistency, ProofError, SignatureError.
        """
        if not isinstance(self.proof, InclusionProof):
            msg = "expected a receipt of inclusion, got one of consistency"
            raise MismatchError(msg)
        root = root_from_inclusion_proof(leaf, self.proof.index, self.proof.size, self.proof.path)
        self._verify_signature(root, key)
        return root

    def verify_consistency(self, root1: Hash, root2: Hash, key: PublicKey) -> None:
        """Check that the tree with `root1` is a prefix of the signed tree with `root2`.

        Raises MismatchError for a receipt of inclusion, ProofError, SignatureError.
        """
        if not isinstance(self.proof, ConsistencyProof):
            msg = "expected a receipt of consistency, got one of inclusion"
            raise MismatchError(msg)
        verify_consistency(self.proof.size1, self.proof.size2, root1, root2, self.proof.path)
        self._verify_signature(root2, key)

    def _verify_signature(self, root: Hash, key: PublicKey) -> None:
        if self.kid is not None and self.kid != key.kid:
            msg = f"expected a receipt by the log key with kid {key.kid.hex()}, got kid {self.kid.hex()}"
            raise MismatchError(msg)
        key.verify(self.signature, cose.signed_bytes(self.protected, root))


def encode_receipt_header(key: PublicKey, *, issuer: str, subject: str, time: int) -> bytes:
    """Return the protected header of all receipts at one tree head: alg, kid, CWT claims, vds."""
    claims = {CWT_ISS: issuer, CWT_SUB: subject, CWT_IAT: time}
    headers = {HEADER_ALG: ALG_EDDSA, HEADER_KID: key.kid, HEADER_CWT_CLAIMS: claims, HEADER_VDS: VDS_RFC9162_SHA256}
    return cbor.encode(headers)


def signed_root_bytes(protected: bytes, root: Hash) -> bytes:
    """Return what the signature of a receipt is over: the Sig_structure with the root as detached payload."""
    return cose.signed_bytes(protected, root)


def encode_receipt(protected: bytes, proof: InclusionProof | ConsistencyProof, signature: bytes) -> bytes:
    """Return the receipt of one proof under a signature over its root."""
    if isinstance(proof, InclusionProof):
        label, elements = VDP_INCLUSION, [proof.size, proof.index, list(proof.path)]
    else:
        label, elements = VDP_CONSISTENCY, [proof.size1, proof.size2, list(proof.path)]
    # Written out, because labels are negative: {396: {label: [bstr]}} with both maps of one pair.
    unprotected = b"\xa1\x19\x01\x8c\xa1" + bytes((0x1F - label,)) + b"\x81" + cose.encode_bytes(cbor.encode(elements))
    return Sign1(protected, unprotected, None, signature).encode()


def decode_receipt(data: bytes) -> Receipt:
    """Return the receipt of inclusion or consistency that `data` is, with exactly one proof. Raises MalformedError."""
    if len(data) > RECEIPT_BYTES_MAX:
        msg = f"expected a receipt of at most {RECEIPT_BYTES_MAX} bytes, got {len(data)}"
        raise MalformedError(msg)
    message = cose.decode_sign1(data)
    if message.payload is not None:
        msg = "expected a receipt with a detached payload, got one that carries it"
        raise MalformedError(msg)
    headers = cbor.decode_foreign(message.protected)
    if not isinstance(headers, dict) or HEADER_CRIT in headers:
        msg = "expected a protected header that is a map without crit (2)"
        raise MalformedError(msg)
    algorithm, vds = headers.get(HEADER_ALG), headers.get(HEADER_VDS)
    if type(algorithm) is not int or algorithm not in ACCEPTED_ALGS:
        msg = f"expected the algorithm -8 (EdDSA) or -19 (Ed25519), got {algorithm!r:.40}"
        raise AlgorithmError(msg)
    if type(vds) is not int or vds != VDS_RFC9162_SHA256:
        msg = f"expected the verifiable data structure 1 (RFC9162_SHA256) in header 395, got {vds!r:.40}"
        raise MalformedError(msg)
    kid = headers.get(HEADER_KID)
    if kid is not None and not isinstance(kid, bytes):
        msg = "expected the kid (4) as a byte string"
        raise MalformedError(msg)
    issuer, subject, time = _claims(headers.get(HEADER_CWT_CLAIMS, {}))
    proof = _decode_proofs(cbor.decode_foreign(message.unprotected))
    return Receipt(proof, kid, issuer, subject, time, message.protected, message.signature)


def _claims(claims: cbor.Value) -> tuple[str | None, str | None, int | None]:
    if not isinstance(claims, dict):
        msg = "expected CWT claims (15) as a map"
        raise MalformedError(msg)
    issuer, subject, time = claims.get(CWT_ISS), claims.get(CWT_SUB), claims.get(CWT_IAT)
    texts = all(value is None or isinstance(value, str) for value in (issuer, subject))
    if not texts or not (time is None or (type(time) is int and 0 <= time <= TREE_SIZE_MAX)):
        msg = "expected iss and sub as text and iat as whole POSIX seconds"
        raise MalformedError(msg)
    return issuer, subject, time


def _decode_proofs(unprotected: cbor.Value) -> InclusionProof | ConsistencyProof:
    proofs = unprotected.get(HEADER_VDP) if isinstance(unprotected, dict) else None
    if isinstance(proofs, dict) and len(proofs) == 1:
        [(label, items)] = proofs.items()
        if label in (VDP_INCLUSION, VDP_CONSISTENCY) and isinstance(items, list) and len(items) == 1:
            return _decode_proof(label, items[0])
    msg = "expected one inclusion proof (-1) or one consistency proof (-2) in header 396"
    raise MalformedError(msg)


def _decode_proof(label: int, data: cbor.Value) -> InclusionProof | ConsistencyProof:
    elements = cbor.decode_foreign(data) if isinstance(data, bytes) else None
    if not isinstance(elements, list) or len(elements) != _PROOF_ELEMENTS:
        msg = "expected a proof as a byte string of a CBOR array of three"
        raise MalformedError(msg)
    first, second, path = elements
    if any(type(number) is not int or not 0 <= number <= TREE_SIZE_MAX for number in (first, second)):
        msg = "expected sizes and indexes of a proof between 0 and 2^63-1"
        raise MalformedError(msg)
    if not isinstance(path, list) or len(path) > PROOF_HASHES_MAX + 1:
        msg = f"expected a path of at most {PROOF_HASHES_MAX + 1} hashes"
        raise MalformedError(msg)
    if any(not isinstance(element, bytes) or len(element) != HASH_SIZE for element in path):
        msg = f"expected path elements of {HASH_SIZE} bytes"
        raise MalformedError(msg)
    hashes = tuple(Hash(element) for element in path)
    if label == VDP_CONSISTENCY:
        return ConsistencyProof(TreeSize(first), TreeSize(second), hashes)
    if second >= first:
        msg = f"expected a leaf index below the tree size {first}, got {second}"
        raise MalformedError(msg)
    if not hashes:
        msg = "expected an inclusion path of one hash or more: a tree of size 1 has no receipts"
        raise MalformedError(msg)
    return InclusionProof(TreeSize(first), LeafIndex(second), hashes)
