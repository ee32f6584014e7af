"""records.cddl and the validator say the same: by a CDDL tool that is not ours, and by a second reading of the file.

The foreign tool (the Rust crate `cddl`) falls short of RFC 8610 in ways that `BLIND_SPOTS` names, so it is asked for
what it can judge. The second reading (`cddl_reader`) knows no such gaps, and agrees with the validator to the letter.
"""

import re

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from glasslog import cbor
from glasslog.cbor import Value
from glasslog.errors import MalformedError
from glasslog.records import decode_record, encode_record
from glasslog.records.record import RECORDS
from glasslog.records.schema import Rule
from glasslog.records.schema.containers import Array, ClosedMap, OpenMap
from tests.verifier.records.examples import OTHER_BODIES, full_record, ordered, plain_record, stripped
from tests.verifier.records.mutations import Kind, Mutation, broken, broken_envelope, items, mutations, replaced
from tests.verifier.test_cbor import VALUES

pycddl = pytest.importorskip("pycddl", reason="the CDDL tool is part of the development environment")
cddl_reader = pytest.importorskip("tests.verifier.records.cddl_reader", reason="so is the parser of the second reading")

TYPES = sorted(RECORDS)
TEXT = cddl_reader.CDDL_FILE.read_text()


def uuid7(octets: bytes) -> bytes:
    return octets[:6] + bytes((0x70 | octets[6] & 0x0F,)) + octets[7:8] + bytes((0x80 | octets[8] & 0x3F,)) + octets[9:]


CDDL = cddl_reader.Cddl(TEXT, {"uuid7": st.binary(min_size=16, max_size=16).map(uuid7)})


def foreign_schema() -> Value:
    """Return the schema of the foreign tool, in which two of its shortcomings are made up for.

    Its regular expressions are not anchored, as those of RFC 8610 are; and it takes no constraint on keys of maps.
    """
    anchored = re.sub(r'\.regexp "([^"]*)"', r'.regexp "^(\1)$"', TEXT)
    return pycddl.Schema(re.sub(r"\S+ =>", "tstr =>", anchored))


FOREIGN = foreign_schema()

BLIND_SPOTS = {
    "names in open maps, see above": r": a name that is ",
    "text of as many bytes counts as a byte string": r": text instead$",
    "a byte string counts as a number of a range, and stops the tool where one word is expected": r": bytes instead$",
    "an integer counts as a byte string of 8 bytes": r"span_id: an integer instead$",
    "where numbers below zero are allowed, integers from 2**63 on are taken for such": r"params\.\w+: too great$",
    "maps in arrays are not closed": r"\.0: with |: a ratio and a difference$",
}


def accepted_by_foreign(data: bytes) -> bool:
    try:
        FOREIGN.validate_cbor(data)
    except pycddl.ValidationError:
        return False
    return True


def examples(record_type: str) -> list[Value]:
    others = [plain_record(record_type, body) for body in OTHER_BODIES.get(record_type, {}).values()]
    records = [full_record(record_type), plain_record(record_type), *others]
    return [ordered(fields) for fields in (*records, stripped(RECORDS[record_type], records[0]))]


def spoiled(record_type: str) -> list[Mutation]:
    """Return what is made of a full record of a type; of the fields around the body, for one type alone."""
    fields = ordered(full_record(record_type))
    made = mutations(RECORDS[record_type], fields, () if record_type == "outcome" else ("body",))
    return [*made, *broken(record_type, fields), *broken_envelope(fields)]


# ------------------------------------------------------------------------------------------------------ known examples


@pytest.mark.parametrize("record_type", TYPES)
def test_the_foreign_tool_accepts_every_good_record(record_type: str) -> None:
    for fields in examples(record_type):
        assert accepted_by_foreign(encode_record(fields))


@pytest.mark.parametrize("record_type", TYPES)
def test_the_foreign_tool_refuses_what_is_spoiled_as_far_as_cddl_goes(record_type: str) -> None:
    for mutation in spoiled(record_type):
        blind = any(re.search(pattern, mutation.name) for pattern in BLIND_SPOTS.values())
        if mutation.kind.is_in_cddl and not blind:
            assert not accepted_by_foreign(mutation.data), mutation.name


@pytest.mark.parametrize("record_type", TYPES)
def test_the_second_reading_accepts_every_good_record(record_type: str) -> None:
    for fields in examples(record_type):
        assert CDDL.matches("record", fields)


@pytest.mark.parametrize("record_type", TYPES)
def test_the_second_reading_refuses_what_is_spoiled_exactly_as_far_as_cddl_goes(record_type: str) -> None:
    for mutation in spoiled(record_type):
        if mutation.kind is not Kind.ENCODING:
            value = cbor.decode(mutation.data)
            assert CDDL.matches("record", value) != mutation.kind.is_in_cddl, mutation.name


# ----------------------------------------------------------------------------------------------------- generated cases


def beyond_cddl(rule: Rule) -> set[str]:
    """Return what a rule and those within it expect that CDDL cannot say."""
    match rule:
        case ClosedMap():
            inner = set().union(*map(beyond_cddl, rule.fields.values()))
            return inner | {relation.expected for relation in rule.relations if relation.without is None}
        case Array():
            of = beyond_cddl(rule.of)
            return of | {f"elements that differ in {rule.distinct}"} if rule.distinct else of
        case OpenMap():
            return beyond_cddl(rule.of)
    return {"a UUIDv7 of 16 bytes"}


BEYOND_CDDL = set().union(*map(beyond_cddl, RECORDS.values()))


def validated(value: Value) -> str | None:
    """Return why the validator refuses a value, or None."""
    try:
        encode_record(value)
    except MalformedError as error:
        [reason] = re.findall(r"expected (.*), got [^,]*$", str(error), re.DOTALL)
        return str(reason)
    return None


GENERATED = settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@GENERATED
@given(CDDL.some("record"))
def test_what_the_cddl_describes_is_a_record_but_for_what_cddl_cannot_say(value: Value) -> None:
    assert CDDL.matches("record", value)
    assert accepted_by_foreign(cbor.encode(value))
    assert validated(value) in {None, *BEYOND_CDDL}


@GENERATED
@given(st.data())
def test_any_value_in_any_place_is_judged_alike(data: st.DataObject) -> None:
    record_type = data.draw(st.sampled_from(TYPES))
    fields = ordered(full_record(record_type))
    path, _, _ = data.draw(st.sampled_from(list(items(RECORDS[record_type], fields, ()))))
    value = replaced(fields, path, data.draw(st.one_of(VALUES, CDDL.some("scalar"), CDDL.some("party"))))
    if not isinstance(value, dict):
        assert not CDDL.matches("record", value)
    elif CDDL.matches("record", value):
        assert validated(value) in {None, *BEYOND_CDDL}
    else:
        assert validated(value) is not None


@given(
    st.one_of(
        st.text(max_size=4), st.sampled_from("\x00\x1f\x7f\x9f\xa0\u2027\u2028\u202a\u202e\u202f\u2065\u2066\u2069")
    )
)
@example("x" * 256)
@example("é" * 129)
def test_text_is_judged_alike(text: str) -> None:
    fields = plain_record("outcome", {"source": text, "observed_at": 0})
    verdict = CDDL.matches("record", fields)
    assert accepted_by_foreign(cbor.encode(fields)) == verdict
    assert (validated(fields) is None) == verdict


@given(st.one_of(st.floats(), st.integers(-(2**64), 2**64 - 1), st.integers(-3, 3)))
def test_numbers_are_judged_alike(number: float) -> None:
    for record_type, name in (("monitoring", "value"), ("oversight", "seconds")):
        fields = replaced(plain_record(record_type), ("body", name), number)
        verdict = CDDL.matches("record", fields)
        assert (validated(fields) is None) == verdict
        if number < 2**63:  # see the blind spots
            assert accepted_by_foreign(cbor.encode(fields)) == verdict


# ------------------------------------------------------------------------------------------------------ the file itself


def test_the_foreign_tool_reads_the_same_values() -> None:
    data = encode_record(full_record("inference"))
    assert FOREIGN.validate_cbor(data, deserialize=True) == decode_record(data).fields
