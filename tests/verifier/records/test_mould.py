"""Moulds give the answer of `decode_record`, whatever they are given and whatever they were made from."""

import json
import struct
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog import cbor
from glasslog.errors import MalformedError
from glasslog.records import Record, decode_record, encode_record, mould
from glasslog.records.mould import DECODING, LEARNING_INTERVAL, Moulds
from glasslog.records.record import RECORDS
from tests.verifier.evidence import TIME_MS, inference_body, record_fields
from tests.verifier.fuzzing import bit_flips, damaged, insertions, truncations
from tests.verifier.records.examples import full_record, ordered, plain_record
from tests.verifier.records.mutations import mutations
from tests.verifier.records.vectors import FILES, FOLDER

TYPES = sorted(RECORDS)


def moulded(*payloads: bytes) -> Moulds[Record]:
    """Return moulds of all these records."""
    moulds = Moulds(DECODING)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mould, "LEARNING_INTERVAL", 1)
        patch.setattr(mould, "MOULDS_MAX", 1_000)
        patch.setattr(mould, "_PATIENCE", 10_000)
        for payload in payloads:
            for _ in range(2):
                moulds.read(payload)
    return moulds


def same(moulds: Moulds[Record], payload: bytes) -> bool:
    """Check that both ways agree; tell whether the payload is a record."""
    expected, got = (_answer(decode, payload) for decode in (decode_record, moulds.read))
    assert got == expected
    return not isinstance(expected, str)


def _answer(decode: Callable[[bytes], Record], payload: bytes) -> object:
    try:
        return _exact(decode(payload).fields)
    except MalformedError as error:
        return str(error)


def _exact(value: cbor.Value) -> object:
    """Return what tells values of different types, of different order and of different bits apart."""
    if isinstance(value, dict):
        return [(name, _exact(element)) for name, element in value.items()]
    if isinstance(value, list):
        return [_exact(element) for element in value]
    return (type(value).__name__, struct.pack(">d", value) if isinstance(value, float) else value)


def examples(record_type: str) -> Iterator[bytes]:
    yield encode_record(full_record(record_type))
    yield encode_record(plain_record(record_type))


def vectors(path: Path) -> Iterator[bytes]:
    document = json.loads(path.read_text())
    accepted = [b64decode(case["data"]) for case in document["accepted"]]
    yield from accepted
    for case in document["refused"]:
        base, at = accepted[0], case["at"]
        yield base[:at] + b64decode(case["put"]) + base[at + case["cut"] :]


@pytest.mark.parametrize("record_type", TYPES)
def test_a_record_fits_its_own_mould_and_nothing_that_is_wrong_does(record_type: str) -> None:
    payloads = list(examples(record_type))
    moulds = moulded(*payloads)
    assert moulds.learned == len(set(payloads))
    assert all(same(moulds, payload) for payload in payloads)
    for mutation in mutations(RECORDS[record_type], full_record(record_type)):
        assert not same(moulds, mutation.data)


@pytest.mark.parametrize("name", sorted(FILES))
def test_all_vectors_have_the_answer_that_they_had(name: str) -> None:
    data = list(vectors(FOLDER / name))
    moulds = moulded(data[0])
    for payload in data:
        same(moulds, payload)


@pytest.mark.parametrize("record_type", ["inference", "evaluation", "log-policy", "erasure"])
def test_every_bit_counts(record_type: str) -> None:
    payload = encode_record(full_record(record_type))
    moulds = moulded(payload)
    for spoil in (bit_flips, truncations, insertions):
        for spoiled in spoil(payload):
            same(moulds, spoiled)


integers = st.sampled_from([0, 1, 23, 24, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**48 - 1, 2**53, 2**63 - 1])
numbers = integers | st.floats(0, allow_nan=False) | st.sampled_from([0.0, -0.0, 0.5, 1e-7, 65_504.0, 1e300])


@given(st.data())
def test_records_of_one_form_have_the_answer_of_the_ordinary_way(data: st.DataObject) -> None:
    """Whatever the numbers, ids and digests are, and however their encodings differ in length."""
    fields = record_fields("inference", inference_body(), seq=data.draw(integers))
    moulds = moulded(*(encode_record(record_fields("inference", inference_body(), seq=seq)) for seq in (0, 5, 2**40)))
    fields["id"] = data.draw(st.binary(min_size=16, max_size=16) | st.just(fields["id"]))
    fields["time"] = data.draw(integers | st.integers(TIME_MS - 10**9, 253_402_300_800_005))
    fields["body"]["latency_ms"] = data.draw(numbers)
    fields["body"]["decision"]["score"] = data.draw(numbers)
    fields["body"]["guardrails"][0]["policy"]["digest"] = data.draw(st.binary(min_size=31, max_size=33))
    if data.draw(st.booleans()):
        fields["stream"]["prev"] = data.draw(st.binary(min_size=32, max_size=32))
    same(moulds, cbor.encode(ordered(fields)))


BASE = encode_record(full_record("inference"))
BASE_MOULDS = moulded(BASE)


@given(damaged(BASE) | st.binary(max_size=80))
def test_any_bytes_have_the_answer_of_the_ordinary_way(payload: bytes) -> None:
    same(BASE_MOULDS, payload)


@given(st.integers(0, 40), st.integers(0, 40))
def test_what_relates_fields_is_asked_again(time: int, end: int) -> None:
    """An end before its time, and a prev at number 0, have the right form and are wrong all the same."""
    fields = full_record("inference")
    moulds = moulded(encode_record({**fields, "time": 3, "end": 5}))
    same(moulds, cbor.encode({**fields, "time": time, "end": end}))
    stream = {**fields["stream"], "seq": time, "prev": bytes(32)}
    same(moulds, cbor.encode({**fields, "time": 3, "end": 5, "stream": ordered(stream)}))


def test_moulds_are_made_of_what_comes_again_and_again() -> None:
    moulds = Moulds(DECODING)
    for seq in range(4 * LEARNING_INTERVAL):
        moulds.read(encode_record(record_fields("inference", inference_body(), seq=seq)))
    assert moulds.learned == 1
    assert moulds._misses == 2 * LEARNING_INTERVAL  # noqa: SLF001


def test_records_that_are_all_different_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mould, "LEARNING_INTERVAL", 1)
    monkeypatch.setattr(mould, "_PATIENCE", 20)
    monkeypatch.setattr(mould, "_FORMS_MAX", 10)
    moulds = Moulds(DECODING)
    for number in range(100):
        body = {**inference_body(), "requested_model": f"model {number}"}
        moulds.read(encode_record(record_fields("inference", body)))
    assert moulds.learned == 0
    assert len(moulds._forms) <= 10  # noqa: SLF001
    assert moulds._looks_in_vain < 30  # noqa: SLF001


def test_few_moulds_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mould, "LEARNING_INTERVAL", 1)
    monkeypatch.setattr(mould, "MOULDS_MAX", 3)
    moulds = Moulds(DECODING)
    for record_type in TYPES[:6]:
        for payload in examples(record_type):
            moulds.read(payload)
            moulds.read(payload)
    assert moulds.learned == 3
