"""Receipts of many entries at once are those that the general encoder makes."""

from hypothesis import given
from hypothesis import strategies as st

from glasslog.limits import PROOF_HASHES_MAX, TREE_SIZE_MAX
from glasslog.merkle import Hash
from glasslog.receipt import InclusionProof, encode_receipt
from glasslog_server.core.inclusion import frame
from glasslog_server.receipts import ReceiptEncoder
from tests.server.rounds import head
from tests.verifier.trees import index, size

SIZES = st.one_of(st.integers(1, TREE_SIZE_MAX), st.integers(1, 70_000), st.integers(1, 300))


@given(SIZES, st.data(), st.integers(0, PROOF_HASHES_MAX))
def test_a_receipt_is_what_the_general_encoder_makes_of_it(tree_size: int, data: st.DataObject, hashes: int) -> None:
    place = data.draw(st.integers(0, tree_size - 1))
    path = tuple(Hash(bytes([number]) * 32) for number in range(hashes))
    kept = head(tree_size, Hash(bytes(32)))
    expected = encode_receipt(
        kept.receipt_protected, InclusionProof(size(tree_size), index(place), path), kept.receipt_signature
    )
    receipt = ReceiptEncoder(kept).encode(index(place), frame(path))
    assert receipt == expected
