"""The answer to a batch is what a general encoder would make of it."""

import cbor2
from hypothesis import given
from hypothesis import strategies as st

from glasslog.errors import AuthorityError
from glasslog.merkle import Hash, LeafIndex
from glasslog_server.http.outcomes import encode_outcomes
from glasslog_server.http.problems import code_of, encode_concise
from glasslog_server.http.registration import Registered
from glasslog_server.submissions import Sequenced
from tests.server.rounds import head

HEAD = head(7, Hash(bytes(32)))
edges = st.sampled_from([23, 24, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32])
indexes = (edges | st.integers(0, 2**63 - 1)).map(LeafIndex)
hashes = st.binary(min_size=32, max_size=32).map(Hash)
sequenced = st.builds(Sequenced, indexes, hashes, st.just(HEAD), st.booleans())
refused = st.text(max_size=20).map(AuthorityError)
receipts = st.dictionaries(indexes, st.binary(max_size=300) | st.integers(60_000, 70_000).map(bytes), max_size=5)


@given(st.lists(sequenced | refused, max_size=30), receipts, st.binary(max_size=300))
def test_it_is_what_a_general_encoder_makes(
    outcomes: list[Registered], some: dict[LeafIndex, bytes], checkpoint: bytes
) -> None:
    for outcome in outcomes[::2]:
        if isinstance(outcome, Sequenced):
            some[outcome.index] = b"receipt %d" % outcome.index
    told = [_told(outcome, some) for outcome in outcomes]
    expected = cbor2.dumps({"outcomes": told, "checkpoint": checkpoint})
    assert encode_outcomes(outcomes, some, checkpoint) == expected


def _told(outcome: Registered, some: dict[LeafIndex, bytes]) -> dict[str, object]:
    if not isinstance(outcome, Sequenced):
        return {"code": code_of(outcome), "problem": encode_concise(outcome)}
    told: dict[str, object] = {"index": outcome.index}
    if outcome.index in some:
        told["receipt"] = some[outcome.index]
    told["entry_id"] = outcome.leaf_hash
    if outcome.duplicate:
        told["duplicate"] = True
    return told
