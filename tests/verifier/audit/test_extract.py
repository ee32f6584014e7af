"""Extracts from moulds are those of the decoded record, for all types and whatever is done to the bytes."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog import cbor
from glasslog.audit.extract import EXTRACTING, Extract, extract_of
from glasslog.errors import MalformedError
from glasslog.records import RECORD_TYPES, decode_record, encode_record
from glasslog.records.mould import Mould, mould_of
from glasslog.records.record import RECORDS
from tests.verifier.evidence import uuid7
from tests.verifier.fuzzing import damaged
from tests.verifier.records.examples import OTHER_BODIES, full_record, ordered, plain_record
from tests.verifier.records.mutations import mutations

TYPES = sorted(RECORD_TYPES)


def ordinary(payload: bytes) -> Extract | None:
    try:
        return extract_of(decode_record(payload))
    except MalformedError:
        return None


def mould(payload: bytes) -> Mould[Extract]:
    made = mould_of(decode_record(payload), EXTRACTING)
    assert made is not None
    return made


def examples(record_type: str) -> list[Mapping[str, cbor.Value]]:
    others = [plain_record(record_type, body) for body in OTHER_BODIES.get(record_type, {}).values()]
    return [ordered(fields) for fields in (full_record(record_type), plain_record(record_type), *others)]


@pytest.mark.parametrize("record_type", TYPES)
def test_the_extract_of_a_mould_is_that_of_the_record(record_type: str) -> None:
    for fields in examples(record_type):
        payload = encode_record(fields)
        made = mould(payload)
        assert made.fit(payload) == ordinary(payload) is not None
        other = {**fields, "id": uuid7("another"), "time": fields["time"] - 70_000}
        assert made.fit(encode_record(other)) == ordinary(encode_record(other)) is not None


@pytest.mark.parametrize("record_type", TYPES)
def test_what_is_no_record_has_no_extract(record_type: str) -> None:
    fields = full_record(record_type)
    made = mould(encode_record(ordered(fields)))
    for mutation in mutations(RECORDS[record_type], fields):
        assert made.fit(mutation.data) is None


BASES = {record_type: encode_record(ordered(full_record(record_type))) for record_type in TYPES}
MOULDS = {record_type: mould(payload) for record_type, payload in BASES.items()}
NUMBERS = st.sampled_from([0, 1, 23, 24, 999, 1_000, 1_001, 65_536, 2**40, 2**53, 2**63 - 1]) | st.floats(0, 1e300)


@given(st.sampled_from(TYPES), st.data())
def test_damaged_records_have_the_extract_of_the_ordinary_way_or_none(record_type: str, data: st.DataObject) -> None:
    payload = data.draw(damaged(BASES[record_type]))
    assert MOULDS[record_type].fit(payload) in (None, ordinary(payload))


@given(
    st.sampled_from(["pre", "post", "parallel"]),
    st.integers(0, 5_000),
    st.none() | st.integers(0, 5_000),
    st.integers(0, 9_000),
    NUMBERS,
    st.text(max_size=3).map(uuid7),
)
def test_times_and_models_of_inferences_have_the_extract_of_the_ordinary_way(
    position: str, time: int, end: int | None, started: int, latency: float, config: bytes
) -> None:
    """Whether guardrails ran in time, and everything else that a kind depends on beside text."""
    base = full_record("inference")
    base["body"]["guardrails"][0]["position"] = position
    base["links"] = [{"rel": "config", "id": uuid7("other")}, {"rel": "attempt", "id": uuid7("attempt")}]
    base["body"]["latency_ms"] = type(latency)(5)
    base.pop("end", None)
    if end is not None:
        base["end"] = base["time"]
    made = mould(encode_record(ordered(base)))
    fields = {**base, "time": 2_000 + time} | ({} if end is None else {"end": 2_000 + time + end})
    fields["links"] = [{**base["links"][0], "id": config}, base["links"][1]]
    fields["body"] = {**base["body"], "latency_ms": latency, "config": config}
    fields["body"]["guardrails"] = [{**base["body"]["guardrails"][0], "started": started}]
    payload = cbor.encode(ordered(fields))
    assert made.fit(payload) == ordinary(payload) is not None
