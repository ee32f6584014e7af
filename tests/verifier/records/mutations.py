"""Every way in which a record is spoiled, by name. They follow from the schema's rules, so a new field is spoiled too.

`mutations` walks a rule and a value that it accepts side by side, and yields one spoiled encoding after another. What
no rule knows, the relations between fields, is broken by hand in `BROKEN`.
"""

import math
import struct
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from glasslog import cbor
from glasslog.cbor import Value
from glasslog.records.schema import Rule
from glasslog.records.schema.containers import Array, ClosedMap, OpenMap
from glasslog.records.schema.scalars import (
    Constant,
    Either,
    Finite,
    Integer,
    Octets,
    OneOf,
    Text,
    Uuid7,
    Word,
    token,
    uri,
)
from tests.verifier.evidence import TIME_MS, digest
from tests.verifier.records.examples import REVIEWER

Path: TypeAlias = tuple[str | int, ...]
_NAME: Final = "(name)"  # stands in a path for the name of a field, which is an item of its own


class Kind(Enum):
    """What is wrong. The second word says whether CDDL can tell."""

    MISSING = "a required field is missing", True
    UNKNOWN = "a field that the schema does not know", True
    TYPE = "a value of another type", True
    RANGE = "out of range", True
    WORD = "not one of the words, or not of their form", True
    NAME = "a name that is not of its form", True
    PRESENCE = "fields that exclude or demand each other", True
    UUID = "not a UUIDv7", False
    DISTINCT = "the same twice", False
    RELATION = "values that contradict each other", False
    ENCODING = "not the deterministic encoding", False

    @property
    def is_in_cddl(self) -> bool:
        return bool(self.value[1])


@dataclass(frozen=True)
class Mutation:
    name: str
    kind: Kind
    data: bytes


def mutations(rule: Rule, value: Value, under: Path = ()) -> Iterator[Mutation]:
    """Yield each way to spoil a value that a rule accepts, at a path or below it."""
    for path, inner, element in items(rule, value, ()):
        if path[: len(under)] == under:
            for what, kind, spoiled in (*_of_other_types(inner, element), *_spoiled(inner, element)):
                yield Mutation(f"{name_of(path)}: {what}", kind, cbor.encode(replaced(value, path, spoiled)))
    for path, what, data in encodings(value):
        if path[: len(under)] == under:
            yield Mutation(f"{name_of(path)}: {what}", Kind.ENCODING, data)


def name_of(path: Path) -> str:
    return ".".join(map(str, path)) or "the record"


def items(rule: Rule, value: Value, path: Path) -> Iterator[tuple[Path, Rule, Value]]:
    """Yield every value within a value, with its path and the rule for it; of like elements of arrays the first."""
    yield path, rule, value
    if isinstance(rule, ClosedMap):
        for name, element in value.items():
            yield from items(rule.fields[name], element, (*path, name))
    elif isinstance(rule, OpenMap):
        for name, element in value.items():
            yield from items(rule.of, element, (*path, name))
    elif isinstance(rule, Array) and value:
        yield from items(rule.of, value[0], (*path, 0))


def replaced(value: Value, path: Path, element: Value) -> Value:
    """Return a copy of a value in which something else stands at a path."""
    if not path:
        return element
    value = deepcopy(value)
    parent = value
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = element
    return value


def _spoiled(rule: Rule, value: Value) -> Iterator[tuple[str, Kind, Value]]:
    """Yield what one value is replaced with."""
    match rule:
        case ClosedMap():
            yield from _spoiled_closed_map(rule, value)
        case OpenMap():
            yield from _spoiled_open_map(rule, value)
        case Array():
            yield from _spoiled_array(rule, value)
        case Either():
            yield from _spoiled(rule.rules[type(value)], value)
        case Word() | OneOf():
            yield from ((what, Kind.WORD, word) for what, word in _spoiled_words(rule).items())
        case Uuid7() | Octets():
            yield from _spoiled_octets(rule, value)
        case Integer() | Constant() | Finite():
            yield from ((what, Kind.RANGE, number) for what, number in _spoiled_numbers(rule).items())


def _of_other_types(rule: Rule, value: Value) -> Iterator[tuple[str, Kind, Value]]:
    accepted = set(rule.rules) if isinstance(rule, Either) else {type(value)}
    others: dict[str, Value] = {
        "null": None,
        "true": True,
        "an integer": 1,
        "a float": 1.5,
        "text": "x" * len(value) if isinstance(value, bytes) else "x",
        "bytes": value.encode() if isinstance(value, str) else bytes(32),
        "an array": list(value) if isinstance(value, dict) else [],
        "a map": {},
    }
    for what, other in others.items():
        if type(other) not in accepted:
            yield f"{what} instead", Kind.TYPE, other


def _spoiled_closed_map(rule: ClosedMap, value: Mapping[str, Value]) -> Iterator[tuple[str, Kind, Value]]:
    for name in rule.required:
        yield f"without {name}", Kind.MISSING, {other: value[other] for other in value if other != name}
    yield "with an unknown field", Kind.UNKNOWN, {**value, "unknown": 1}
    name = next(iter(value))
    yield f"with {name.upper()}", Kind.UNKNOWN, {**value, name.upper(): value[name]}


def _spoiled_open_map(rule: OpenMap, value: Mapping[str, Value]) -> Iterator[tuple[str, Kind, Value]]:
    element = next(iter(value.values()))
    many = {f"n{number:02}": element for number in range(rule.maximum + 1)}
    yield f"{rule.maximum + 1} fields", Kind.RANGE, many
    for what, word in _spoiled_words(rule.name).items():
        yield f"a name that is {what}", Kind.NAME, {word: element}
    yield "a name that is a number", Kind.TYPE, {1: element}


def _spoiled_array(rule: Array, value: list[Value]) -> Iterator[tuple[str, Kind, Value]]:
    many = [value[0]] * (rule.maximum + 1)
    if rule.distinct is not None:
        many = [{**value[0], rule.distinct: f"n{number}"} for number in range(rule.maximum + 1)]
        yield f"{rule.distinct} twice", Kind.DISTINCT, [value[0], value[0]]
    yield f"{rule.maximum + 1} elements", Kind.RANGE, many
    if rule.minimum:
        yield f"{rule.minimum - 1} elements", Kind.RANGE, value[: rule.minimum - 1]


def _spoiled_octets(rule: Uuid7 | Octets, value: bytes) -> Iterator[tuple[str, Kind, Value]]:
    minimum, maximum = (16, 16) if isinstance(rule, Uuid7) else (rule.minimum, rule.maximum)
    yield "too short", Kind.RANGE, value.ljust(minimum, b"\0")[: minimum - 1]
    yield "too long", Kind.RANGE, value.ljust(maximum + 1, b"\0")
    if isinstance(rule, Uuid7):
        yield "version 4", Kind.UUID, value[:6] + bytes((0x40 | value[6] & 0x0F,)) + value[7:]
        yield "another variant", Kind.UUID, value[:8] + bytes((0xC0 | value[8] & 0x3F,)) + value[9:]


def _spoiled_numbers(rule: Integer | Constant | Finite) -> dict[str, float]:
    if isinstance(rule, Constant):
        return {"one more": rule.value + 1, "one less": rule.value - 1}
    if isinstance(rule, Integer):
        return {"too small": rule.minimum - 1, "too great": rule.maximum + 1}
    numbers = {"infinite": math.inf, "minus infinite": -math.inf, "not a number": math.nan}
    return numbers if rule.minimum else {**numbers, "below zero": -0.5}


def _spoiled_words(rule: Rule) -> dict[str, str]:
    if isinstance(rule, Text):
        return {
            "empty": "",
            "too long": "x" * (rule.maximum + 1),
            "too long in UTF-8": "é" * (rule.maximum // 2 + 1),
            "two lines": "two\nlines",
            "a control character": "a\x85b",
            "turned around": "a\u202eb",
        }
    if isinstance(rule, OneOf):
        return {"no word": "", "another word": "no-such-word", "in capitals": rule.choices[0].upper()}
    if rule is token:
        return {"empty": "", "too long": "x" * 65, "two words": "a b", "not ASCII": "é", "a trailing newline": "a\n"}
    if rule is uri:
        return {"relative": "no-scheme", "too long": "urn:" + "x" * 509, "with a space": "urn:a b", "empty": ""}
    msg = f"no words are known that this rule refuses: {rule}"
    raise AssertionError(msg)


# Relations between fields: for each type what is broken, how, and the path and value that break it.

BROKEN: Final[dict[str, list[tuple[str, Kind, Path, Value]]]] = {
    "inference": [
        ("more seen than there is", Kind.RELATION, ("guardrails", 0, "coverage"), {"seen": 3, "total": 2}),
    ],
    "guardrail-execution": [("more seen than there is", Kind.RELATION, ("coverage",), {"seen": 3, "total": 2})],
    "dataset-registration": [
        ("a period that ends first", Kind.RELATION, ("collection_period",), {"to": 1, "from": 2}),
    ],
    "system-registration": [("a gap below the cadence", Kind.RELATION, ("declared_controls", 0, "max_gap_s"), 3_599)],
    "evaluation": [
        ("an interval that ends first", Kind.RELATION, ("metrics", 0, "ci"), {"low": 0.5, "high": 0.25}),
        ("a ratio and a difference", Kind.PRESENCE, ("disparities", 0, "difference"), 0.5),
        (
            "neither ratio nor difference",
            Kind.PRESENCE,
            ("disparities", 0),
            {"metric": "auroc", "attribute": "sex", "threshold": 1},
        ),
    ],
    "monitoring": [
        ("a window that ends first", Kind.RELATION, ("current", "window"), {"to": 1, "from": 2}),
        ("a window and a digest", Kind.PRESENCE, ("reference", "digest"), digest("reference")),
        ("neither window nor digest", Kind.PRESENCE, ("reference",), {"n": 1}),
    ],
    "document": [("a period that ends first", Kind.RELATION, ("period",), {"to": 1, "from": 2})],
    "oversight": [("one person as both", Kind.RELATION, ("second_reviewer",), REVIEWER)],
    "notice": [("sent and opened", Kind.PRESENCE, ("opened",), TIME_MS)],
    "contest": [("sent and opened", Kind.PRESENCE, ("opened",), TIME_MS)],
    "explanation": [("sent and opened", Kind.PRESENCE, ("opened",), TIME_MS)],
    "incident": [("aware before it occurred", Kind.RELATION, ("occurred",), TIME_MS + 1)],
    "control-operation": [
        ("a count that does not add up", Kind.RELATION, ("count",), 212),
        ("a period that ends first", Kind.RELATION, ("period",), {"to": 1, "from": 2}),
    ],
    "window-seal": [
        ("a window that ends first", Kind.RELATION, ("to",), 1),
        ("a tree that shrinks", Kind.RELATION, ("tree_size_end",), 99),
        ("more records than numbers", Kind.RELATION, ("streams", 0, "count"), 212),
    ],
    "coverage-reconciliation": [("a window that ends first", Kind.RELATION, ("to",), 1)],
    "issuer-registration": [("an end at the beginning", Kind.RELATION, ("valid_until",), TIME_MS)],
}
BROKEN_WHOLE: Final[dict[str, list[tuple[str, Kind, dict[str, Value]]]]] = {
    "deployment": [
        (
            "retrained without a validation",
            Kind.PRESENCE,
            {"model": bytes(6) + b"\x70\0\x80" + bytes(7), "action": "retrain", "substantial": True}
            | {"approvals": [], "effective": TIME_MS},
        )
    ],
    "notice": [
        ("neither sent nor opened", Kind.PRESENCE, {"kind": "ai-use", "channel": "letter"}),
        ("sent without a template", Kind.PRESENCE, {"kind": "ai-use", "channel": "letter", "sent": TIME_MS}),
    ],
    "contest": [("neither sent nor opened", Kind.PRESENCE, {"kind": "appeal", "channel": "letter"})],
    "explanation": [("neither sent nor opened", Kind.PRESENCE, {"channel": "letter"})],
}
"""The same where more than one field changes: whole bodies."""


def broken(record_type: str, fields: dict[str, Value]) -> Iterator[Mutation]:
    """Yield the records of a type whose fields contradict each other."""
    for what, kind, path, element in BROKEN.get(record_type, []):
        yield Mutation(f"body: {what}", kind, cbor.encode(replaced(fields, ("body", *path), element)))
    for what, kind, body in BROKEN_WHOLE.get(record_type, []):
        yield Mutation(f"body: {what}", kind, cbor.encode({**fields, "body": body}))


BROKEN_ENVELOPE: Final[list[tuple[str, dict[str, Value]]]] = [
    ("an end before time", {"end": TIME_MS - 1}),
    ("a predecessor of the first number", {"stream": {"id": "s", "seq": 0, "prev": digest("prev")}}),
]


def broken_envelope(fields: dict[str, Value]) -> Iterator[Mutation]:
    """Yield records of which the fields that all records have contradict each other."""
    for what, changes in BROKEN_ENVELOPE:
        yield Mutation(f"the record: {what}", Kind.RELATION, cbor.encode({**fields, **changes}))


# Encodings of the right value that are not the deterministic one.


def encodings(value: Value) -> Iterator[tuple[Path, str, bytes]]:
    """Yield every other encoding of a value that differs from the deterministic one in one item."""
    for path, item in _every_item(value, ()):
        if isinstance(item, float):
            if len(_encode_float(item)) < len(_encode_float(item, wider=True)):
                yield path, "a float wider than needed", _encode(value, (), path, "wide")
        elif not isinstance(item, int) or -(2**32) <= item < 2**32:
            yield path, "a head longer than needed", _encode(value, (), path, "long")
        if isinstance(item, dict | list):
            yield path, "of indefinite length", _encode(value, (), path, "indefinite")
        if isinstance(item, dict) and item:
            yield path, "its first field twice", _encode(value, (), path, "twice")
        if isinstance(item, dict) and len(item) > 1:
            yield path, "its first two fields swapped", _encode(value, (), path, "swapped")
    data = _encode(value, (), None, "")
    yield (), "a byte behind the end", data + b"\0"
    yield (), "its last byte missing", data[:-1]


def _every_item(value: Value, path: Path) -> Iterator[tuple[Path, Value]]:
    if value is not None and not isinstance(value, bool):
        yield path, value
    if isinstance(value, dict):
        for name, element in value.items():
            yield (*path, name, _NAME), name
            yield from _every_item(element, (*path, name))
    elif isinstance(value, list):
        for number, element in enumerate(value):
            yield from _every_item(element, (*path, number))


def _encode(value: Value, path: Path, at: Path | None, how: str) -> bytes:
    """Encode a value deterministically, but for the item at one path."""
    twist = how if path == at else ""
    match value:
        case bool() | None:
            data = cbor.encode(value)
        case int():
            data = _head(0 if value >= 0 else 1, value if value >= 0 else -1 - value, twist)
        case float():
            data = _encode_float(value, wider=twist == "wide")
        case bytes():
            data = _head(2, len(value), twist) + value
        case str():
            data = _head(3, len(value.encode()), twist) + value.encode()
        case list():
            elements = [_encode(element, (*path, number), at, how) for number, element in enumerate(value)]
            data = _container(4, elements, twist)
        case _:
            data = _container(5, _encode_pairs(value, path, at, how), twist)
    return data


def _encode_pairs(value: Mapping[str, Value], path: Path, at: Path | None, how: str) -> list[bytes]:
    pairs = [
        _encode(name, (*path, name, _NAME), at, how) + _encode(element, (*path, name), at, how)
        for name, element in sorted(value.items(), key=lambda item: (len(item[0].encode()), item[0].encode()))
    ]
    if path == at and how == "swapped":
        pairs[:2] = pairs[1::-1]
    if path == at and how == "twice":
        pairs.insert(0, pairs[0])
    return pairs


def _container(major: int, parts: list[bytes], twist: str) -> bytes:
    if twist == "indefinite":
        return bytes((major << 5 | 31,)) + b"".join(parts) + b"\xff"
    return _head(major, len(parts), twist) + b"".join(parts)


def _head(major: int, argument: int, twist: str) -> bytes:
    widths = [0, 1, 2, 4, 8]
    width = next(width for width in widths if argument < (24 if not width else 1 << 8 * width))
    if twist == "long" and width < 8:
        width = widths[widths.index(width) + 1]
    if not width:
        return bytes((major << 5 | argument,))
    return bytes((major << 5 | {1: 24, 2: 25, 4: 26, 8: 27}[width],)) + argument.to_bytes(width, "big")


def _encode_float(value: float, *, wider: bool = False) -> bytes:
    encodings = []
    for code, head in (("e", 0xF9), ("f", 0xFA), ("d", 0xFB)):
        try:
            packed = struct.pack(f">{code}", value)
        except OverflowError:
            continue
        if struct.unpack(f">{code}", packed) == (value,):
            encodings.append(bytes((head,)) + packed)
    return encodings[1] if wider and len(encodings) > 1 else encodings[0]
