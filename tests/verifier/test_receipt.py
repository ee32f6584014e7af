import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog import cbor, cose
from glasslog.cbor import Value
from glasslog.cose import Sign1
from glasslog.errors import AlgorithmError, MalformedError, MismatchError, ProofError, SignatureError
from glasslog.limits import PROOF_HASHES_MAX, RECEIPT_BYTES_MAX, TREE_SIZE_MAX
from glasslog.merkle import Hash, LeafIndex, TreeSize
from glasslog.receipt import (
    ConsistencyProof,
    InclusionProof,
    Receipt,
    decode_receipt,
    encode_receipt,
    encode_receipt_header,
    signed_root_bytes,
)
from tests.verifier.evidence import LOG_KEY, TIME_S, signing_key, small_log
from tests.verifier.fuzzing import accepted, bit_flips, damaged, insertions, truncations

LEDGER = small_log()
LEAF = LEDGER.entries[4].leaf_hash
DATA = LEDGER.receipt(4)
CONSISTENCY = LEDGER.consistency_receipt(3, 7)
LOG = LOG_KEY.public_key
NODE = Hash(hashlib.sha256(b"node").digest())

HASHES = st.lists(st.binary(min_size=32, max_size=32).map(Hash), max_size=PROOF_HASHES_MAX).map(tuple)
SIZES = st.integers(0, TREE_SIZE_MAX).map(TreeSize)
INCLUSIONS = st.builds(
    lambda size, fraction, path: InclusionProof(TreeSize(size), LeafIndex(size * fraction // 1000), path),
    st.integers(1, TREE_SIZE_MAX),
    st.integers(0, 999),
    HASHES.filter(bool),
)
PROOFS = st.one_of(INCLUSIONS, st.builds(ConsistencyProof, size1=SIZES, size2=SIZES, path=HASHES))


def test_a_receipt_of_inclusion_leads_to_the_signed_root() -> None:
    receipt = decode_receipt(DATA)
    assert receipt.verify_inclusion(LEAF, LOG) == LEDGER.tree().root()
    assert (receipt.issuer, receipt.time, receipt.kid) == ("https://log.example/2025", TIME_S, LOG.kid)


def test_a_receipt_of_consistency_joins_two_roots() -> None:
    receipt = decode_receipt(CONSISTENCY)
    tree = LEDGER.tree()
    receipt.verify_consistency(tree.root(3), tree.root(7), LOG)
    with pytest.raises(ProofError):
        receipt.verify_consistency(tree.root(4), tree.root(7), LOG)
    with pytest.raises(ProofError):
        receipt.verify_consistency(tree.root(3), tree.root(6), LOG)


def test_the_two_kinds_are_not_taken_for_each_other() -> None:
    with pytest.raises(MismatchError, match="of inclusion"):
        decode_receipt(CONSISTENCY).verify_inclusion(LEAF, LOG)
    with pytest.raises(MismatchError, match="of consistency"):
        decode_receipt(DATA).verify_consistency(NODE, NODE, LOG)


def test_another_entry_or_key_does_not_verify() -> None:
    receipt = decode_receipt(DATA)
    with pytest.raises(SignatureError):
        receipt.verify_inclusion(LEDGER.entries[3].leaf_hash, LOG)
    with pytest.raises(MismatchError, match="kid"):
        receipt.verify_inclusion(LEAF, signing_key("stranger").public_key)


def test_no_changed_byte_verifies() -> None:
    """The whole of a receipt is bound: what is not signed is the path, and that leads to the root that is."""
    for data in (*bit_flips(DATA), *truncations(DATA), *insertions(DATA)):
        if accepted(decode_receipt, data):
            with pytest.raises((ProofError, SignatureError, MismatchError)):
                decode_receipt(data).verify_inclusion(LEAF, LOG)


@given(PROOFS, st.binary(max_size=20), st.binary(min_size=64, max_size=64))
def test_receipts_come_back(proof: InclusionProof | ConsistencyProof, name: bytes, signature: bytes) -> None:
    header = encode_receipt_header(LOG, issuer=f"https://{name.hex()}", subject="urn:x", time=7)
    receipt = decode_receipt(encode_receipt(header, proof, signature))
    assert receipt == Receipt(proof, LOG.kid, f"https://{name.hex()}", "urn:x", 7, header, signature)
    assert decode_receipt(receipt.encode()) == receipt


@given(st.one_of(st.binary(max_size=200), damaged(DATA), damaged(CONSISTENCY)))
def test_any_bytes_are_a_receipt_or_malformed(data: bytes) -> None:
    accepted(decode_receipt, data)


def receipt_with(
    protected: Value = None, proofs: Value = None, *, payload: bytes | None = None, raw: bytes | None = None
) -> bytes:
    """Return a receipt for entry 4 with some part replaced, its signature right over what it then says."""
    headers = {1: -8, 395: 1, **(protected or {})}
    header = cbor2_dumps({label: value for label, value in headers.items() if value is not None})
    path = list(LEDGER.tree().inclusion_path(4))
    default = {396: {-1: [cbor2_dumps([7, 4, path])]}}
    unprotected = raw if raw is not None else cbor2_dumps(default if proofs is None else proofs)
    signature = LOG_KEY.sign(cose.signed_bytes(header, LEDGER.tree().root()))
    return Sign1(header, unprotected, payload, signature).encode()


def cbor2_dumps(value: Value) -> bytes:
    """Encode in the order given, as other writers do."""
    import cbor2  # noqa: PLC0415 (the order of keys is the point)

    return cbor2.dumps(value)


FOREIGN = {
    "no kid and no claims": {},
    "algorithm -19": {1: -19},
    "claims in another order": {15: {2: "sub", 1: "iss", 6: TIME_S}},
    "more headers and claims": {15: {1: "iss", -65_537: "x", 8: {}}, 5: b"iv", -65_537: "grade"},
    "a short kid of another convention": {},
    "a content type": {3: "application/x"},
}


@pytest.mark.parametrize("headers", [pytest.param(headers, id=name) for name, headers in FOREIGN.items()])
def test_receipts_of_other_logs_are_read(headers: dict[int, Value]) -> None:
    receipt = decode_receipt(receipt_with(headers))
    assert receipt.kid is None
    assert receipt.verify_inclusion(LEAF, LOG) == LEDGER.tree().root()


REFUSED_HEADERS = {
    "no algorithm": {1: None},
    "ES256": {1: -7},
    "an algorithm by name": {1: "EdDSA"},
    "true as the algorithm": {1: True},
    "no verifiable data structure": {395: None},
    "another verifiable data structure": {395: 2},
    "true as the verifiable data structure": {395: True},
    "a critical header": {2: [395]},
    "a kid that is text": {4: "kid"},
    "claims that are no map": {15: [1]},
    "an issuer that is no text": {15: {1: b"iss"}},
    "a subject that is no text": {15: {2: 1}},
    "a time that is text": {15: {6: "now"}},
    "a time that is a float": {15: {6: 1.5}},
    "a time before 1970": {15: {6: -1}},
    "a time after 2^63": {15: {6: 2**63}},
    "a true time": {15: {6: True}},
}


@pytest.mark.parametrize("headers", [pytest.param(headers, id=name) for name, headers in REFUSED_HEADERS.items()])
def test_other_protected_headers_are_refused(headers: dict[int, Value]) -> None:
    assert not accepted(decode_receipt, receipt_with(headers))


def test_an_algorithm_that_is_not_accepted_is_told_apart() -> None:
    with pytest.raises(AlgorithmError, match="-7"):
        decode_receipt(receipt_with({1: -7}))


def one_proof(*elements: Value) -> dict[int, Value]:
    return {396: {-1: [cbor2_dumps(list(elements))]}}


REFUSED_PROOFS = {
    "none": {},
    "no proof": {396: {}},
    "an empty list of proofs": {396: {-1: []}},
    "two proofs": {396: {-1: [cbor2_dumps([7, 4, []])] * 2}},
    "both kinds": {396: {-1: [cbor2_dumps([7, 4, []])], -2: [cbor2_dumps([3, 7, []])]}},
    "an unknown kind": {396: {-3: [cbor2_dumps([7, 4, []])]}},
    "a proof that is not a byte string": {396: {-1: [[7, 4, []]]}},
    "proofs that are no list": {396: {-1: cbor2_dumps([7, 4, []])}},
    "a list of proofs that is no map": {396: [cbor2_dumps([7, 4, []])]},
    "two elements": one_proof(7, 4),
    "four elements": one_proof(7, 4, [], 0),
    "an index at the size": one_proof(7, 7, []),
    "an index above the size": one_proof(7, 8, []),
    "a tree of no entry": one_proof(0, 0, []),
    "a negative index": one_proof(7, -1, []),
    "a size of 2^63": one_proof(2**63, 4, []),
    "a size of 2^64": one_proof(2**64 - 1, 4, []),
    "a size that is a float": one_proof(7.0, 4, []),
    "a size that is true": one_proof(True, 0, []),
    "a path of no hash": one_proof(1, 0, []),
    "a path that is no array": one_proof(7, 4, bytes(32)),
    "a path of 65 hashes": one_proof(7, 4, [bytes(32)] * (PROOF_HASHES_MAX + 2)),
    "a hash of 31 bytes": one_proof(7, 4, [bytes(31)]),
    "a hash that is text": one_proof(7, 4, ["x" * 32]),
    "a proof with bytes after it": {396: {-1: [cbor2_dumps([7, 4, []]) + b"\0"]}},
    "a proof of indefinite length": {396: {-1: [b"\x9f\x07\x04\x80\xff"]}},
    "header 396 twice": "a2 19018c a0 19018c a0",
    "no map": "80",
}


@pytest.mark.parametrize("proofs", [pytest.param(proofs, id=name) for name, proofs in REFUSED_PROOFS.items()])
def test_other_proofs_are_refused(proofs: Value) -> None:
    raw = bytes.fromhex(proofs) if isinstance(proofs, str) else None
    data = receipt_with(proofs=None if raw is not None else proofs, raw=raw)
    assert not accepted(decode_receipt, data)


def test_a_receipt_carries_no_payload() -> None:
    with pytest.raises(MalformedError, match="detached"):
        decode_receipt(receipt_with(payload=LEDGER.tree().root()))


def test_the_data_structure_counts_in_the_protected_header_alone() -> None:
    proofs = {396: one_proof(7, 4, [])[396], 395: 1}
    assert not accepted(decode_receipt, receipt_with({395: None}, proofs))


def test_a_receipt_is_bounded() -> None:
    with pytest.raises(MalformedError, match="at most"):
        decode_receipt(DATA + bytes(RECEIPT_BYTES_MAX))


def test_the_signature_is_over_the_header_as_received() -> None:
    """The header is not encoded again: a foreign order of keys stays what was signed."""
    header = b"\xa2\x19\x01\x8b\x01\x01\x27"
    assert cbor.decode_foreign(header) == {395: 1, 1: -8}
    path = LEDGER.tree().inclusion_path(4)
    proof = InclusionProof(TreeSize(7), LeafIndex(4), path)
    signature = LOG_KEY.sign(signed_root_bytes(header, LEDGER.tree().root()))
    receipt = decode_receipt(encode_receipt(header, proof, signature))
    assert receipt.protected == header
    receipt.verify_inclusion(LEAF, LOG)
