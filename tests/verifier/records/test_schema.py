"""The two ways to check a value, the plain and the compiled one, give one answer; and what is remembered is bounded."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog import cbor
from glasslog.cbor import Value, float_size
from glasslog.errors import MalformedError
from glasslog.records import decode_record, encode_record
from glasslog.records.record import RECORDS
from glasslog.records.schema import (
    MISFITS,
    Check,
    Rule,
    SchemaMismatchError,
    array,
    boolean,
    closed_map,
    compile_rule,
    measure,
    number,
    octets_between,
    one_of,
    open_map,
    text,
    token,
    unsigned,
)
from glasslog.records.schema.memo import NAME_LISTS_MAX, WORDS_MAX, Memo
from tests.verifier.records.examples import OTHER_BODIES, full_record, ordered, plain_record, stripped
from tests.verifier.records.mutations import Path, broken, broken_envelope, items, mutations, name_of, replaced
from tests.verifier.test_cbor import VALUES

TYPES = sorted(RECORDS)
COMPILED = {record_type: compile_rule(rule) for record_type, rule in RECORDS.items()}


def answer(check: Check, value: Value) -> int | None:
    """Return the size that a check gives, or None where it refuses; anything but MISFITS fails the test."""
    try:
        return check(value)
    except MISFITS:
        return None


def assert_one_answer(rule: Rule, compiled: Check, value: Value) -> None:
    try:
        plain = rule(value)
    except SchemaMismatchError:
        assert answer(compiled, value) is None
    else:
        assert answer(compiled, value) == plain


def accepted_examples(record_type: str) -> list[dict[str, Value]]:
    bodies = OTHER_BODIES.get(record_type, {}).values()
    records = [full_record(record_type), *(plain_record(record_type, body) for body in bodies)]
    return [ordered(fields) for fields in (*records, stripped(RECORDS[record_type], records[0]))]


@pytest.mark.parametrize("record_type", TYPES)
def test_the_size_of_a_record_is_that_of_its_encoding(record_type: str) -> None:
    for fields in accepted_examples(record_type):
        assert RECORDS[record_type](fields) == COMPILED[record_type](fields) == len(cbor.encode(fields))


@pytest.mark.parametrize("record_type", TYPES)
def test_what_is_spoiled_in_any_way_is_refused_in_both_ways(record_type: str) -> None:
    rule, compiled = RECORDS[record_type], COMPILED[record_type]
    fields = ordered(full_record(record_type))
    for mutation in (*mutations(rule, fields), *broken(record_type, fields), *broken_envelope(fields)):
        with pytest.raises(MalformedError):
            decode_record(mutation.data)
        try:
            value = cbor.decode_unordered(mutation.data)
        except MalformedError:
            continue
        assert_one_answer(rule, compiled, value)
        assert answer(compiled, value) != len(mutation.data), mutation.name


PLACES: dict[str, list[Path]] = {
    record_type: [path for path, _, _ in items(rule, ordered(full_record(record_type)), ())]
    for record_type, rule in RECORDS.items()
}


@given(st.data())
def test_any_value_in_any_place_gets_one_answer(data: st.DataObject) -> None:
    record_type = data.draw(st.sampled_from(TYPES))
    path = data.draw(st.sampled_from(PLACES[record_type]), label="path")
    value = replaced(ordered(full_record(record_type)), path, data.draw(VALUES))
    assert_one_answer(RECORDS[record_type], COMPILED[record_type], value)


@given(VALUES)
def test_any_value_gets_one_answer(value: Value) -> None:
    for record_type, rule in RECORDS.items():
        assert_one_answer(rule, COMPILED[record_type], value)


SMALL_RULES: dict[str, Rule] = {
    "words": array(text(8), 3, 1),
    "tokens": open_map(token, 2),
    "numbers": array(number, 40),
    "measures": array(measure, 300),
    "counts": array(unsigned(5, 2)),
    "tags": array(octets_between(0, 300)),
    "a map without required fields": closed_map({}, {"a": boolean, "b": one_of("x", "y")}),
    "maps in maps": open_map(open_map(unsigned(), 2), 2, text(3)),
    "different elements": array(closed_map({"id": token}), distinct="id"),
}
SMALL_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**64), 2**64 - 1),
        st.integers(-3, 30),
        st.floats(),
        st.floats(width=16),
        st.sampled_from(["a", "b", "x", "id", "", "\x7f", "é" * 5]),
        st.binary(max_size=3),
        st.binary(min_size=255, max_size=257),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["a", "b", "id", "x", "long"]), inner, max_size=3),
        st.lists(st.integers(0, 9), min_size=20, max_size=30),
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("name", SMALL_RULES)
@given(value=SMALL_VALUES)
def test_small_rules_give_one_answer(name: str, value: Value) -> None:
    rule = SMALL_RULES[name]
    assert_one_answer(rule, compile_rule(rule), value)


@pytest.mark.parametrize("name", SMALL_RULES)
@given(value=SMALL_VALUES)
def test_the_size_of_what_a_small_rule_accepts_is_that_of_its_encoding(name: str, value: Value) -> None:
    size = answer(SMALL_RULES[name], value)
    if size is not None:
        assert size == len(cbor.encode(value))


def test_an_array_of_names_is_no_map() -> None:
    rule = closed_map({}, {"a": boolean})
    for value in ([], ["a"], "a", "", ("a",), {"a"}):
        assert_one_answer(rule, compile_rule(rule), value)
        assert_one_answer(closed_map({"a": boolean}), compile_rule(closed_map({"a": boolean})), value)


@given(st.floats(allow_nan=False))
def test_the_size_of_a_float_is_that_of_the_narrowest_that_holds_it(value: float) -> None:
    assert float_size(value) == len(cbor.encode(value))


@given(st.integers(0, 2**32 - 1))
def test_the_size_of_any_single_is_found(bits: int) -> None:
    [value] = struct.unpack(">f", bits.to_bytes(4, "big"))
    if value == value:  # noqa: PLR0124  no NaN
        assert float_size(value) == len(cbor.encode(value))


def test_a_record_is_judged_alike_before_and_after_its_rule_is_compiled() -> None:
    good = encode_record(plain_record("outcome"))
    bad = cbor.encode({**plain_record("outcome"), "env": "elsewhere"})
    for _ in range(250):
        assert decode_record(good).type == "outcome"
        with pytest.raises(MalformedError, match="env: expected one of production, shadow, test, got text"):
            decode_record(bad)


# --------------------------------------------------------------------------------------------------------- what is kept


def test_a_memo_works_out_what_it_lacks_once() -> None:
    asked: list[str] = []

    def work_out(word: str) -> int:
        asked.append(word)
        return len(word)

    memo = Memo(work_out, 8)
    assert [memo["a"], memo["bb"], memo["a"]] == [1, 2, 1]
    assert asked == ["a", "bb"]


def test_a_memo_is_bounded_and_forgets_a_flood() -> None:
    memo = Memo(len, 8)
    for n in range(1_000):
        assert memo[f"{n:04}"] == 4
        assert len(memo) <= 8
    assert memo["honest"] == 6


def test_a_memo_keeps_nothing_that_is_refused() -> None:
    memo = Memo(token, 8)
    for word in ("two words", "", 7, None, True, b"bytes"):
        with pytest.raises(SchemaMismatchError):
            memo[word]
    with pytest.raises(TypeError):
        memo[["not", "hashable"]]
    assert memo == {}


def test_a_flood_of_words_and_names_is_survived() -> None:
    check = COMPILED["inference"]
    fields = ordered(plain_record("inference"))
    for n in range(WORDS_MAX + 100):
        changed = replaced(fields, ("body", "response_id"), f"r-{n}")
        assert check(changed) == len(cbor.encode(changed))
    for n in range(NAME_LISTS_MAX + 100):
        changed = replaced(fields, ("body", "params"), {f"p{n}": 1})
        assert check(changed) == len(cbor.encode(changed))
    assert check(fields) == len(cbor.encode(fields))


# ------------------------------------------------------------------------------------------------------- what is told


def test_an_error_says_where_and_what_and_never_shows_content() -> None:
    fields = ordered(full_record("evaluation"))
    for path, element, told in (
        (("v",), 2, "v: expected the schema version 1, got an integer"),
        (("type",), "dream", "type: expected one of inference-attempt, inference, "),
        (("type",), None, "type: expected one of inference-attempt, inference, "),
        (("body", "n"), -1, "body.n: expected an integer from 0 to 9223372036854775807, got an integer"),
        (("body", "metrics", 0, "ci", "low"), 2, "body.metrics.0.ci.high: expected no less than low, got a float"),
        (("body", "evaluator", "who"), 7, "body.evaluator.who: expected the name of an organisation or a service, or"),
        (("body", "disparities", 0, "difference"), 1, "body.disparities.0: expected either ratio or difference, got"),
        (("body", "metrics", 0, "secret"), 1, "body.metrics.0: expected no fields but ci, group, n, name, value, got"),
    ):
        with pytest.raises(MalformedError) as caught:
            decode_record(cbor.encode(replaced(fields, path, element)))
        assert str(caught.value).startswith(f"record {told}"), name_of(path)
    with pytest.raises(MalformedError, match=r"^record: expected a map, got an array of 0 elements$"):
        decode_record(cbor.encode([]))
