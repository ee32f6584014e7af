import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.errors import GlasslogError, MalformedError, ProofError
from glasslog.limits import PROOF_HASHES_MAX, TLOG_PROOF_BYTES_MAX, TLOG_PROOF_EXTRA_BYTES_MAX, TREE_SIZE_MAX
from glasslog.merkle import Hash, LeafIndex
from glasslog.tlog_proof import TlogProof, decode_tlog_proof
from tests.verifier.evidence import VKEY, Witness, small_log
from tests.verifier.fuzzing import accepted, bit_flips, damaged, truncations

LEDGER = small_log()
LEAF = LEDGER.entries[4].leaf_hash
PROOF = LEDGER.proof(4)
DATA = PROOF.encode()
HEAD = b"c2sp.org/tlog-proof@v1\n"
HASH_LINE = base64.b64encode(bytes(32)) + b"\n"

PROOFS = st.builds(
    TlogProof,
    index=st.integers(0, TREE_SIZE_MAX).map(LeafIndex),
    path=st.lists(st.binary(min_size=32, max_size=32).map(Hash), max_size=PROOF_HASHES_MAX).map(tuple),
    checkpoint=st.binary(max_size=200),
    extra=st.one_of(st.none(), st.binary(max_size=50)),
)


@given(PROOFS)
def test_proofs_come_back(proof: TlogProof) -> None:
    assert decode_tlog_proof(proof.encode()) == proof


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(lambda rest: HEAD + rest), damaged(DATA)))
def test_any_bytes_are_a_proof_or_malformed(data: bytes) -> None:
    if accepted(decode_tlog_proof, data):
        assert decode_tlog_proof(data).encode() == data


@pytest.mark.parametrize("index", range(7))
def test_every_entry_is_shown_in_every_tree_that_holds_it(index: int) -> None:
    for size in range(index + 1, 8):
        proof = decode_tlog_proof(LEDGER.proof(index, size).encode())
        trusted = proof.verify(LEDGER.entries[index].leaf_hash, [VKEY])
        assert trusted.checkpoint.size == size


def test_cosignatures_come_along() -> None:
    witness = Witness("w1")
    trusted = LEDGER.proof(4, witnesses=[witness]).verify(LEAF, [VKEY], [witness.vkey])
    assert [line.key for line in trusted.cosignatures] == [witness.vkey]


def test_the_extra_line_is_kept_and_proves_nothing() -> None:
    proof = decode_tlog_proof(LEDGER.proof(4, extra=b"anything").encode())
    assert proof.extra == b"anything"
    assert decode_tlog_proof(LEDGER.proof(4, extra=b"").encode()).extra == b""
    proof.verify(LEAF, [VKEY])


def test_another_entry_or_index_is_not_shown() -> None:
    with pytest.raises(ProofError):
        PROOF.verify(LEDGER.entries[3].leaf_hash, [VKEY])
    for index in (3, 5, 7, TREE_SIZE_MAX):
        with pytest.raises(ProofError):
            TlogProof(LeafIndex(index), PROOF.path, PROOF.checkpoint).verify(LEAF, [VKEY])


def test_no_flipped_bit_and_no_truncation_verifies() -> None:
    for data in (*bit_flips(DATA), *truncations(DATA), DATA + b"\n", b"\n" + DATA):
        with pytest.raises(GlasslogError):
            decode_tlog_proof(data).verify(LEAF, [VKEY])


REFUSED = {
    "nothing": b"",
    "another version": DATA.replace(b"@v1", b"@v2"),
    "no header": DATA.removeprefix(HEAD),
    "no index": HEAD + HASH_LINE + b"\ncheckpoint",
    "nothing after the header": HEAD + b"\ncheckpoint",
    "nothing after the extra line": HEAD + b"extra AA==\n\ncheckpoint",
    "an index with a leading zero": DATA.replace(b"index 4", b"index 04"),
    "a negative index": DATA.replace(b"index 4", b"index -4"),
    "an index with a sign": DATA.replace(b"index 4", b"index +4"),
    "an index of 2^63": DATA.replace(b"index 4", b"index 9223372036854775808"),
    "an index of twenty digits": DATA.replace(b"index 4", b"index 10000000000000000000"),
    "an index in capitals": DATA.replace(b"index 4", b"Index 4"),
    "two spaces": DATA.replace(b"index 4", b"index  4"),
    "a carriage return": DATA.replace(b"index 4\n", b"index 4\r\n"),
    "the extra line after the index": HEAD + b"index 4\nextra AA==\n\ncheckpoint",
    "extra data in loose base64": HEAD + b"extra AA\nindex 4\n\ncheckpoint",
    "an extra line without data": HEAD + b"extra\nindex 4\n\ncheckpoint",
    "a hash of 31 bytes": HEAD + b"index 4\n" + base64.b64encode(bytes(31)) + b"\n\ncheckpoint",
    "a hash in hex": HEAD + b"index 4\n" + b"00" * 32 + b"\n\ncheckpoint",
    "64 hashes": HEAD + b"index 4\n" + HASH_LINE * (PROOF_HASHES_MAX + 1) + b"\ncheckpoint",
    "no empty line": HEAD + b"index 4\n" + HASH_LINE,
    "letters outside ASCII": HEAD + "index 4\né\n\ncheckpoint".encode(),
    "bytes that are not UTF-8": HEAD + b"index 4\n\xff\n\ncheckpoint",
}


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in REFUSED.items()])
def test_other_forms_are_refused(data: bytes) -> None:
    assert data != DATA
    assert not accepted(decode_tlog_proof, data)


def test_a_proof_is_bounded() -> None:
    with pytest.raises(MalformedError, match="at most"):
        decode_tlog_proof(DATA + bytes(TLOG_PROOF_BYTES_MAX))
    largest = TlogProof(LeafIndex(4), (), b"checkpoint", bytes(TLOG_PROOF_EXTRA_BYTES_MAX))
    assert accepted(decode_tlog_proof, largest.encode())
    too_large = TlogProof(LeafIndex(4), (), b"checkpoint", bytes(TLOG_PROOF_EXTRA_BYTES_MAX + 1))
    assert not accepted(decode_tlog_proof, too_large.encode())
