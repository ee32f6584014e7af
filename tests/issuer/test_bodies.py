"""The typed bodies against the schema that the log and its auditors use."""

import enum
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from types import MappingProxyType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from glasslog.errors import MalformedError
from glasslog.records import POLICY_RECORD_TYPES, RECORD_TYPES
from glasslog.records.record import BODIES
from glasslog.records.schema import Rule, boolean
from glasslog.records.schema.containers import Array, ClosedMap, OpenMap
from glasslog.records.schema.scalars import Either, Integer, Octets, OneOf, Uuid7, Word
from glasslog_issuer.bodies import Outcome, Period, Routing, Usage, to_value
from tests.issuer.parties import MODEL, make_issuer
from tests.issuer.typed_bodies import CLASSES, EXAMPLES, FULL, required, typed_body
from tests.verifier.evidence import SYSTEM
from tests.verifier.records.examples import stripped


def test_there_is_a_class_for_every_type_that_an_issuer_may_sign() -> None:
    assert CLASSES.keys() == RECORD_TYPES - POLICY_RECORD_TYPES


@pytest.mark.parametrize("name", FULL)
def test_a_body_with_every_field_passes_the_schema(name: str) -> None:
    record_type, body = EXAMPLES[name]
    record = make_issuer().sign(FULL[name], decision=SYSTEM).record
    assert record.type == record_type
    assert record.body == body


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_body_with_no_more_than_it_needs_passes_the_schema(name: str) -> None:
    record_type, body = EXAMPLES[name]
    least = stripped(BODIES[record_type], body)
    defaults = typed_body(record_type, least)
    given = {f.name for f in fields(defaults) if getattr(defaults, f.name) != _default(f)}  # type: ignore[arg-type]
    shortest = type(defaults)(**{name: getattr(defaults, name) for name in given})
    assert make_issuer().sign(shortest, decision=SYSTEM).record.body == least


def _default(field: "Field[Any]") -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()


@pytest.mark.parametrize("record_type", CLASSES)
def test_a_class_and_the_schema_agree_field_by_field(record_type: str) -> None:
    assert disagreements(CLASSES[record_type], BODIES[record_type], record_type) == []


def disagreements(hint: object, rule: Rule, path: str) -> list[str]:
    """Return the paths at which a type and a rule are about different values."""
    match rule:
        case ClosedMap() if isinstance(hint, type) and is_dataclass(hint):
            return disagreements_of_fields(hint, rule, path)
        case Array() if get_origin(hint) is Sequence:
            return disagreements(get_args(hint)[0], rule.of, f"{path}.*")
        case OpenMap() if get_origin(hint) is Mapping and get_args(hint)[0] is str:
            return disagreements(get_args(hint)[1], rule.of, f"{path}.*")
    return [] if python_types(hint) == accepted_types(rule) else [f"{path}: {hint}"]


def disagreements_of_fields(hint: type, rule: ClosedMap, path: str) -> list[str]:
    hints = get_type_hints(hint)
    names = {f.name: f.name.removesuffix("_") for f in fields(hint)}
    left_out = {names[f.name] for f in fields(hint) if f.default is None}
    found = [] if left_out == rule.optional.keys() else [f"{path}: optional {sorted(left_out ^ rule.optional.keys())}"]
    if set(names.values()) != rule.fields.keys():
        return [*found, f"{path}: {sorted(set(names.values()) ^ rule.fields.keys())}"]
    for name, in_record in names.items():
        kind = required(hints[name]) if in_record in rule.optional else hints[name]
        found += disagreements(kind, rule.fields[in_record], f"{path}.{in_record}")
    return found


def python_types(hint: object) -> set[object]:
    """Return the types of the values that a hint allows, or the words."""
    if get_origin(hint) in (Union, UnionType):
        return {kind for member in get_args(hint) for kind in python_types(member)}
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    return {int, float} if hint is float else {hint}


def accepted_types(rule: Rule) -> set[object]:
    match rule:
        case OneOf():
            return set(rule.choices)
        case Either():
            return set(rule.rules)
        case Word():
            return {str}
        case Integer():
            return {int}
        case Octets() | Uuid7():
            return {bytes}
    return {bool} if rule is boolean else {type(rule)}


def test_a_class_without_a_type_of_its_own_is_of_the_type_above() -> None:
    class OurOutcome(Outcome):
        pass

    assert OurOutcome(source="audit", observed_at=1).type() == "outcome"


class Label(enum.StrEnum):
    URGENT = "urgent"


class OldLabel(str, enum.Enum):  # noqa: UP042  what code from before Python 3.11 has
    URGENT = "urgent"


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    "item,value",
    [
        (None, None),
        (True, True),
        (Label.URGENT, "urgent"),
        (OldLabel.URGENT, "urgent"),
        (Level.HIGH, 3),
        (1.5, 1.5),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
        ((1, (2, [3])), [1, [2, [3]]]),
        (MappingProxyType({"a": (1,)}), {"a": [1]}),
        (Usage(input_tokens=1), {"input_tokens": 1}),
        (Period(from_=1, to=2), {"from": 1, "to": 2}),
        (Routing(from_="a", to="b", reason="c"), {"from": "a", "to": "b", "reason": "c"}),
    ],
)
def test_items_become_values_of_the_data_model(item: object, value: object) -> None:
    converted = to_value(item)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize("item", [{1, 2}, deque, object(), Usage], ids=["set", "class", "object", "body"])
def test_what_the_data_model_has_no_place_for_is_refused_when_it_is_signed(item: object) -> None:
    with pytest.raises(MalformedError):
        make_issuer().sign(MODEL, commit={"input": item})
