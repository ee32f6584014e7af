import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog import cbor, records
from glasslog.cbor import Value
from glasslog.errors import MalformedError
from glasslog.limits import COMMITMENTS_MAX, PAYLOAD_BYTES_MAX
from glasslog.records import POLICY_RECORD_TYPES, RECORD_TYPES, LogPolicy, decode_record, encode_record
from glasslog.records.record import BODIES as SCHEMA
from glasslog.records.schema import TIME_MS_MAX
from glasslog.records.schema.containers import ClosedMap
from tests.verifier.evidence import TIME_MS, digest, small_log, uuid7
from tests.verifier.fuzzing import accepted, bit_flips, damaged, truncations
from tests.verifier.records.examples import BODIES, OTHER_BODIES, full_record
from tests.verifier.test_cbor import SCALARS, SEEDS, VALUES, encode_freely, same


def is_record(fields: Value) -> bool:
    return accepted(decode_record, cbor.encode(fields))


def test_the_package_holds_the_cddl_of_every_type() -> None:
    text = (Path(records.__file__).parent / "records.cddl").read_text()
    assert set(re.findall(r'"type": "([a-z0-9-]+)"', text)) == set(RECORD_TYPES)


def test_there_is_a_full_example_of_every_type() -> None:
    assert set(BODIES) == set(SCHEMA) == set(RECORD_TYPES)
    assert POLICY_RECORD_TYPES < RECORD_TYPES


@pytest.mark.parametrize("record_type", sorted(BODIES))
def test_the_examples_of_a_type_have_every_field_of_its_body(record_type: str) -> None:
    rule, bodies = SCHEMA[record_type], [BODIES[record_type], *OTHER_BODIES.get(record_type, {}).values()]
    assert isinstance(rule, ClosedMap)
    assert {name for body in bodies for name in body} == set(rule.fields)


@pytest.mark.parametrize("record_type", sorted(BODIES))
def test_a_full_record_comes_back(record_type: str) -> None:
    fields = full_record(record_type)
    record = decode_record(encode_record(fields))
    assert same(dict(record.fields), fields)
    assert (record.type, record.id, record.time, record.end) == (
        record_type,
        fields["id"],
        TIME_MS,
        TIME_MS + 5,
    )
    assert (record.stream.id, record.stream.seq, record.stream.prev) == ("decisions", 3, digest("prev"))
    assert record.commitments == {"input": digest("input")}


def test_errors_name_the_field_and_never_the_value() -> None:
    fields = full_record("inference")
    fields["body"]["guardrails"][0]["decision"] = "secret answer"
    with pytest.raises(MalformedError) as caught:
        decode_record(cbor.encode(fields))
    assert "body.guardrails.0.decision: expected one of allow," in str(caught.value)
    assert "secret" not in str(caught.value)
    fields = full_record("inference")
    del fields["body"]["guardrails"][0]["policy"]["version"]
    with pytest.raises(MalformedError, match=r"body\.guardrails\.0\.policy: expected the fields version too"):
        decode_record(cbor.encode(fields))
    with pytest.raises(MalformedError, match=r"expected .*, got"):
        decode_record(cbor.encode({"v": 1}))
    fields = full_record("inference")
    fields["body"]["params"]["secret words\n"] = 1
    with pytest.raises(MalformedError, match=r"body\.params\.\(a field name\)"):
        decode_record(cbor.encode(fields))


@given(st.dictionaries(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,10}", fullmatch=True), SCALARS, max_size=5))
def test_parameters_are_short_scalars(params: dict[str, Value]) -> None:
    fields = full_record("inference")
    fields["body"]["params"] = params
    plain = all(
        value is None
        or isinstance(value, bool)
        or (isinstance(value, int) and -(2**63) <= value < 2**63)
        or (isinstance(value, float) and abs(value) != float("inf"))
        or (isinstance(value, str) and value and value.isprintable())
        for value in params.values()
    )
    if plain:
        assert is_record(fields)
    if any(isinstance(value, bytes) or value in ("", float("inf"), 2**64 - 1) for value in params.values()):
        assert not is_record(fields)


def changed(**changes: Value) -> dict[str, Value]:
    return {**full_record("inference"), **changes}


def test_relations_between_fields_are_checked() -> None:
    assert is_record(changed(end=TIME_MS))
    assert not is_record(changed(end=TIME_MS - 1))
    assert is_record(changed(stream={"id": "s", "seq": 0}))
    assert not is_record(changed(stream={"id": "s", "seq": 0, "prev": digest("prev")}))
    assert is_record(changed(stream={"id": "s", "seq": 1}))


def test_versions_types_and_times_have_their_range() -> None:
    for version in (0, 2, True, 1.0, "1"):
        assert not is_record(changed(v=version))
    assert not is_record(changed(type="unknown"))
    assert not is_record(changed(type="model-registration"))
    assert is_record(changed(time=TIME_MS_MAX, end=TIME_MS_MAX))
    assert not is_record(changed(time=TIME_MS_MAX + 1, end=TIME_MS_MAX + 1))


def test_ids_are_uuids_of_version_7() -> None:
    for bad in (bytes(16), uuid7("x")[:15], uuid7("x") + b"0", uuid7("x").hex()):
        assert not is_record(changed(id=bad))
    other_version = bytearray(uuid7("x"))
    other_version[6] = 0x40 | other_version[6] & 0x0F
    assert not is_record(changed(id=bytes(other_version)))


def test_commitments_are_bounded_in_number_and_name() -> None:
    many = {f"n{number:02}": digest("x") for number in range(COMMITMENTS_MAX)}
    assert is_record(changed(commitments=many))
    assert not is_record(changed(commitments={**many, "one more": digest("x")}))
    assert not is_record(changed(commitments={"n" * 129: digest("x")}))
    assert not is_record(changed(commitments={"": digest("x")}))
    assert not is_record(changed(commitments={"input": digest("x")[:31]}))
    assert not is_record(changed(commitments={1: digest("x")}))


def assert_one_encoding(data: bytes) -> None:
    """Check that a payload which is accepted is the deterministic encoding of its record, by the general decoder."""
    if accepted(decode_record, data):
        assert same(cbor.decode(data), dict(decode_record(data).fields))
        assert encode_record(decode_record(data).fields) == data


@given(st.one_of(st.binary(max_size=100), damaged(encode_record(full_record("inference")))))
def test_any_bytes_are_a_record_or_malformed(data: bytes) -> None:
    assert_one_encoding(data)


@pytest.mark.parametrize("record_type", sorted(BODIES))
@given(seed=SEEDS)
def test_a_record_has_one_encoding(record_type: str, seed: int) -> None:
    fields = cbor.decode(encode_record(full_record(record_type)))  # in the order of its encoding
    other = encode_freely(fields, seed)
    assert accepted(decode_record, other) == (other == encode_record(fields))


FLOATS = [
    0.0,
    -0.0,
    0.5,
    1.5,
    65_504.0,
    65_505.0,
    1e-8,
    2.0**-24,
    2.0**-25,
    2.0**-149,
    2.0**-150,
    1e38,
    1e39,
    5e-324,
    1.1,
]


@pytest.mark.parametrize("value", FLOATS)
def test_a_float_has_one_width(value: float) -> None:
    fields = full_record("inference")
    fields["body"]["latency_ms"] = value
    encoded, name, short = encode_record(fields), b"\x6alatency_ms", cbor.encode(value)
    for wide in all_widths(value):
        if wide != short:
            assert not accepted(decode_record, encoded.replace(name + short, name + wide))


def all_widths(value: float) -> list[bytes]:
    """Return the encodings of a float in all widths that hold it exactly."""
    encodings = []
    for code, head in (("e", b"\xf9"), ("f", b"\xfa"), ("d", b"\xfb")):
        try:
            packed = struct.pack(f">{code}", value)
        except OverflowError:
            continue
        if struct.unpack(f">{code}", packed) == (value,):
            encodings.append(head + packed)
    return encodings


@given(st.lists(st.text(max_size=3), min_size=2, max_size=6, unique=True), SEEDS)
def test_names_in_open_maps_have_one_order(names: list[str], seed: int) -> None:
    fields = full_record("inference")
    fields["body"]["params"] = dict.fromkeys(names, 1)
    fields["commitments"] = dict.fromkeys(names, digest("x"))
    for encoded in (cbor.encode(fields), encode_freely(fields, seed)):
        assert_one_encoding(encoded)


@given(VALUES)
def test_any_value_is_a_record_or_malformed(value: Value) -> None:
    accepted(decode_record, cbor.encode(value))


@given(st.dictionaries(st.sampled_from(sorted(full_record("inference"))), VALUES))
def test_any_values_in_the_fields_are_a_record_or_malformed(replaced: dict[str, Value]) -> None:
    is_record(changed(**replaced))


@given(st.sampled_from(sorted(RECORD_TYPES)), VALUES)
def test_any_body_is_a_record_or_malformed(record_type: str, body: Value) -> None:
    is_record(changed(type=record_type, body=body))


def test_every_truncation_is_refused() -> None:
    data = encode_record(full_record("inference"))
    for cut in truncations(data):
        assert not accepted(decode_record, cut)
    for flipped in bit_flips(data):
        assert_one_encoding(flipped)


def test_what_cannot_be_encoded_is_malformed() -> None:
    with pytest.raises(MalformedError):
        encode_record(changed(body=object()))
    with pytest.raises(MalformedError, match="at most"):
        decode_record(bytes(PAYLOAD_BYTES_MAX + 1))


def test_a_policy_comes_back_from_its_body() -> None:
    policy = small_log(0).policy
    assert LogPolicy.of_body(policy.body()) == policy
