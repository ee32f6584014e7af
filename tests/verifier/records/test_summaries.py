"""A payload that fits a wide mould is a record, and the one that the decoder returns: for every kind of damage."""

import struct

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.cbor import Value
from glasslog.errors import MalformedError
from glasslog.records import RECORD_TYPES, decode_record, encode_record
from glasslog.records.mould import LEARNING_INTERVAL, SUMMARISING, Mould, Moulds, Summary, mould_of, summary_of
from glasslog.records.record import RECORDS
from tests.verifier.evidence import uuid7
from tests.verifier.records.examples import full_record, plain_record
from tests.verifier.records.mutations import broken, broken_envelope, encodings, mutations

TYPES = sorted(RECORD_TYPES)
PAYLOADS = {name: encode_record(full_record(name)) for name in TYPES}


def wide_mould(payload: bytes) -> Mould[Summary] | None:
    return mould_of(decode_record(payload), SUMMARISING)


MOULDS = {name: mould for name in TYPES if (mould := wide_mould(PAYLOADS[name])) is not None}
PLAIN = {name: mould for name in TYPES if (mould := wide_mould(encode_record(plain_record(name)))) is not None}


def decoded(payload: bytes) -> Summary | None:
    try:
        record = decode_record(payload)
    except MalformedError:
        return None
    return summary_of(record)


def check(mould: Mould[Summary], payload: bytes) -> None:
    """Check that the mould says of a payload what the decoder says, or nothing."""
    summary = mould.fit(payload)
    assert summary is None or summary == decoded(payload)


def test_nearly_every_type_has_a_mould() -> None:
    assert set(PLAIN) >= {"inference", "inference-attempt", "guardrail-execution", "step", "outcome", "oversight"}
    assert "inference" in MOULDS


@pytest.mark.parametrize("record_type", sorted(MOULDS))
def test_a_mould_knows_its_own_record(record_type: str) -> None:
    assert MOULDS[record_type].fit(PAYLOADS[record_type]) == decoded(PAYLOADS[record_type])


@pytest.mark.parametrize("record_type", sorted(MOULDS))
def test_no_other_encoding_of_its_record_is_recognised(record_type: str) -> None:
    others = [data for _, _, data in encodings(full_record(record_type)) if data != PAYLOADS[record_type]]
    assert others
    for data in others:
        check(MOULDS[record_type], data)


@pytest.mark.parametrize("record_type", sorted(MOULDS))
def test_no_spoiled_value_is_recognised(record_type: str) -> None:
    fields = full_record(record_type)
    spoiled = [*mutations(RECORDS[record_type], fields), *broken(record_type, fields), *broken_envelope(fields)]
    assert spoiled
    for mutation in spoiled:
        check(MOULDS[record_type], mutation.data)


@pytest.mark.parametrize("record_type", sorted(MOULDS))
def test_every_byte_may_be_any_other(record_type: str) -> None:
    payload, mould = PAYLOADS[record_type], MOULDS[record_type]
    for place, byte in enumerate(payload):
        for other in {byte ^ 1, byte ^ 0x20, byte ^ 0x80, 0x00, 0x18, 0x7F, 0xFF, (byte + 1) % 256} - {byte}:
            check(mould, payload[:place] + bytes((other,)) + payload[place + 1 :])
    for end in range(len(payload)):
        assert mould.fit(payload[:end]) is None
    assert mould.fit(payload + b"\0") is None


@given(st.sampled_from(sorted(MOULDS)), st.data())
def test_damaged_records_are_judged_as_the_decoder_judges_them(record_type: str, data: st.DataObject) -> None:
    payload = bytearray(PAYLOADS[record_type])
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(payload) - 1))
        end = min(len(payload), start + data.draw(st.integers(0, 9)))
        payload[start:end] = data.draw(st.binary(max_size=9))
        if not payload:
            break
    check(MOULDS[record_type], bytes(payload))


COUNTS = st.one_of(
    st.integers(0, 300), st.integers(65_000, 66_000), st.integers(2**32 - 9, 2**32 + 9), st.integers(0, 2**63 - 1)
)
FLOATS = (
    st.floats() | st.floats(width=32) | st.sampled_from([0.0, -0.0, 0.5, 1e300, float("inf"), float("nan"), -0.1, 0.1])
)


@given(COUNTS, COUNTS, COUNTS, FLOATS, FLOATS, st.binary(min_size=16, max_size=16))
def test_other_values_are_recognised_only_if_they_are_accepted(
    seq: int, time: int, end: int, score: float, latency: float, record_id: bytes
) -> None:
    """Numbers at every edge of their heads and ranges, and what fields mean for each other."""
    base = full_record("inference")
    base["body"]["decision"]["score"] = 0.123456789
    base["body"]["latency_ms"] = 1.23456789
    mould = wide_mould(encode_record(base))
    assert mould is not None
    base |= {"time": time, "end": end, "id": record_id}
    base["stream"]["seq"] = seq
    base["body"]["decision"]["score"] = score
    base["body"]["latency_ms"] = latency
    check(mould, cbor2.dumps(base, canonical=True))
    check(mould, cbor2.dumps(base))
    widened = cbor2.dumps(base, canonical=True).replace(
        cbor2.dumps(score, canonical=True), b"\xfb" + struct.pack(">d", score), 1
    )
    check(mould, widened)


def inference(seq: int) -> dict[str, Value]:
    fields = full_record("inference")
    fields["id"] = uuid7(f"record {seq}")
    fields["stream"]["seq"] = seq
    return fields


def test_what_comes_again_and_again_is_learned_and_summarised_alike() -> None:
    moulds = Moulds(SUMMARISING)
    for seq in range(1, 3 * LEARNING_INTERVAL):
        payload = encode_record(inference(seq))
        assert moulds.read(payload) == ("inference", "decisions", seq)
    assert moulds.learned == 1


def test_a_record_is_read_where_it_stands() -> None:
    moulds = Moulds(SUMMARISING)
    for seq in range(1, 4 * LEARNING_INTERVAL):  # the first ones are decoded, the last ones fit a mould
        payload = encode_record(inference(seq))
        for before, after in ((b"", b""), (b"\xff", b""), (b"", b"\x00"), (payload, payload)):
            end = len(before) + len(payload)
            read = moulds.read(before + payload + after, len(before), end)
            assert read == ("inference", "decisions", seq)
        for start, end in ((1, len(payload)), (0, len(payload) - 1)):
            with pytest.raises(MalformedError):
                moulds.read(payload, start, end)
    assert moulds.learned == 1


def test_what_no_mould_fits_is_for_the_decoder_to_refuse() -> None:
    moulds = Moulds(SUMMARISING)
    for seq in range(1, 3 * LEARNING_INTERVAL):
        moulds.read(encode_record(inference(seq)))
    with pytest.raises(MalformedError):
        moulds.read(encode_record(inference(5))[:-1])
    with pytest.raises(MalformedError):
        moulds.read(b"")


def test_records_that_are_all_different_are_not_learned() -> None:
    moulds = Moulds(SUMMARISING)
    for number in range(4 * LEARNING_INTERVAL):
        fields = plain_record("inference")
        fields["system"] = f"urn:example:{number}"
        moulds.read(encode_record(fields))
    assert moulds.learned == 0
