r"""Recognise records that have been seen in all but a few of their values: what a log learns of its issuers.

An issuer's records are the same bytes again and again, but for ids, times, digests and counts. From one record that
`decode_record` has accepted, `shape_of` makes a *shape*: a regular expression over the encoded record in which
everything stands as it stood, and at the places of values only such bytes that the schema accepts there and that are
deterministic. So a payload that matches a shape is a record, and the same record that `decode_record` would return; of
one that matches none nothing is known, and `decode_record` decides. A match costs a sixth of decoding and checking.

What may stand at a place is never more than its rule accepts; it may be less, because a payload that misses its shape
costs time and nothing else:

    id, digest, tag             head and length as they were, any bytes (of a UUIDv7 with its version and its variant)
    integer                     each length of head, with no argument that a shorter head could carry
    float                       eight bytes that no narrower float could carry: looked at after the match
    text, token                 the same number of bytes, of the visible ASCII that the rule accepts
    word of a list, true, false any of them
    everything else             what was there

What the fields of a map mean for each other (`Relation`) is asked after the match, with their values. Types whose
rules go beyond this have no shape. `Shapes` learns, keeps few, and makes them seldom: making one takes milliseconds,
and the records of a stranger are not to take them again and again.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import cbor2

from glasslog.cbor import Value, float_size
from glasslog.limits import PAYLOAD_BYTES_MAX
from glasslog.records.record import RECORDS, decode_record
from glasslog.records.schema.containers import Array, ClosedMap, OpenMap, Relation
from glasslog.records.schema.rule import Rule
from glasslog.records.schema.scalars import (
    FLOAT_MAX,
    Boolean,
    Either,
    Finite,
    Integer,
    Octets,
    OneOf,
    Text,
    Uuid7,
    token,
)

SHAPES_MAX: Final = 16
LEARNING_INTERVAL: Final = 64
"""Of so many records that were not recognised, one is looked at as a new shape; it is made when it comes twice."""
GROUPS_MAX: Final = 90
_CANDIDATES_MAX: Final = 64

_WIDE_FLOAT_BYTES: Final = 9
_INTEGERS: Final = (
    (0, 23, rb"[\x00-\x17]"),
    (24, 0xFF, rb"\x18[\x18-\xff]"),
    (0x100, 0xFFFF, rb"\x19(?!\x00).."),
    (0x1_0000, 0xFFFF_FFFF, rb"\x1a(?!\x00\x00)...."),
    (1 << 40, (1 << 47) - 1, rb"\x1b\x00\x00[\x01-\x7f]....."),
)
"""The least and the greatest integer of each kind of head, and the bytes that carry those between them."""


class Summary(NamedTuple):
    """What sequencing takes of a record: its type and its place in its stream."""

    type: str
    stream: str
    seq: int


class _NoShapeError(Exception):
    """Leave the making of a shape: there is a rule that shapes do not speak of."""


@dataclass(frozen=True, slots=True)
class _Demand:
    """What is asked after a match: a function, and the groups whose values it takes."""

    holds: Callable[..., bool]
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """All records that differ from one in certain values alone."""

    type: str
    pattern: re.Pattern[bytes]
    stream_group: int
    seq_group: int
    demands: tuple[_Demand, ...]

    def recognise(self, payload: bytes) -> Summary | None:
        """Return the summary of a payload that is one of these records, or None."""
        match = self.pattern.fullmatch(payload)
        if match is None:
            return None
        for demand in self.demands:
            if not demand.holds(*[cbor2.loads(match[group]) for group in demand.groups]):
                return None
        seq = match[self.seq_group]
        number = seq[0] if len(seq) == 1 else int.from_bytes(seq[1:], "big")
        return Summary(self.type, _text_of(match[self.stream_group]), number)


class _Maker:
    """Write the expression of one shape."""

    def __init__(self, stream_rule: Rule) -> None:
        self.stream_rule = stream_rule
        self.groups = 0
        self.demands: list[_Demand] = []
        self.stream_group = 0
        self.seq_group = 0

    def group(self, pattern: bytes) -> tuple[bytes, int]:
        """Return the expression as a group, and the number of the group."""
        self.groups += 1
        if self.groups > GROUPS_MAX:
            raise _NoShapeError
        return b"(" + pattern + b")", self.groups

    def value(self, rule: Rule, value: Value) -> bytes:
        """Return what may stand in the place of a value that the rule has accepted."""
        if isinstance(rule, ClosedMap):
            return self.closed_map(rule, value)
        if isinstance(rule, OpenMap):
            fields = [_exactly(name) + self.value(rule.of, element) for name, element in value.items()]
            return _head(0xA0, len(value)) + b"".join(fields)
        if isinstance(rule, Array):
            if rule.distinct is not None:
                raise _NoShapeError
            return _head(0x80, len(value)) + b"".join([self.value(rule.of, element) for element in value])
        if isinstance(rule, Either):
            return self.value(rule.rules[type(value)], value)
        if isinstance(rule, Finite):
            return self.wide_float(rule, value)
        return _scalar(rule, value)

    def wide_float(self, rule: Finite, value: float) -> bytes:
        if float_size(value) != _WIDE_FLOAT_BYTES:
            return _exactly(value)
        pattern, group = self.group(rb"\xfb.{8}")
        minimum = rule.minimum
        self.demands.append(
            _Demand(lambda number: minimum <= number <= FLOAT_MAX and float_size(number) == _WIDE_FLOAT_BYTES, (group,))
        )
        return pattern

    def closed_map(self, rule: ClosedMap, value: dict[str, Value]) -> bytes:
        relations = [relation for relation in rule.relations if _applies(relation, value)]
        related = {name for relation in relations for name in relation.fields}
        places: dict[str, int] = {}
        parts = [_head(0xA0, len(value))]
        for name, element in value.items():
            before = self.groups
            pattern = self.value(rule.fields[name], element)
            if name in related or rule is self.stream_rule:
                if self.groups != before:  # a group within a group would count twice
                    raise _NoShapeError
                pattern, places[name] = self.group(pattern)
            parts += (_exactly(name), pattern)
        if rule is self.stream_rule:
            self.stream_group, self.seq_group = places["id"], places["seq"]
        for relation in relations:
            self.demands.append(_Demand(relation.holds, tuple(places[name] for name in relation.fields)))
        return b"".join(parts)


def expression_of(payload: bytes) -> tuple[bytes, _Maker] | None:
    """Return the expression of the shape of a record that `decode_record` accepts, None when it has none."""
    fields = dict(decode_record(payload).fields)
    rule = RECORDS[fields["type"]]
    if not isinstance(rule, ClosedMap):
        return None
    maker = _Maker(rule.fields["stream"])
    try:
        return maker.closed_map(rule, fields), maker
    except _NoShapeError:
        return None


def shape_of(payload: bytes) -> Shape | None:
    """Return the shape of a record that `decode_record` accepts, None when it has none. Costs milliseconds.

    Raises MalformedError for what is no record.
    """
    made = expression_of(payload)
    return None if made is None else _compile(decode_record(payload).type, *made)


def _compile(record_type: str, expression: bytes, maker: _Maker) -> Shape:
    pattern = re.compile(expression, re.DOTALL)
    return Shape(record_type, pattern, maker.stream_group, maker.seq_group, tuple(maker.demands))


class Shapes:
    """Learn the shapes of the records that come, and summarise records with them. One object for each event loop."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._shapes: list[Shape] = []
        self._unknown = 0
        self._seen_once: dict[bytes, None] = {}

    @property
    def learned(self) -> int:
        """Return how many shapes are known."""
        return len(self._shapes)

    def summarise(self, payload: bytes) -> Summary:
        """Return the summary of the record that a payload is. Raises MalformedError, as `decode_record`."""
        if len(payload) <= PAYLOAD_BYTES_MAX:
            for place, shape in enumerate(self._shapes):
                summary = shape.recognise(payload)
                if summary is not None:
                    if place:  # what comes often stands in front
                        self._shapes.insert(0, self._shapes.pop(place))
                    return summary
        record = decode_record(payload)
        self._unknown += 1
        if self._unknown % LEARNING_INTERVAL == 0:
            self._look_at(record.type, payload)
        return Summary(record.type, record.stream.id, record.stream.seq)

    def _look_at(self, record_type: str, payload: bytes) -> None:
        """Make the shape of a record when it comes for the second time; the one used longest ago makes room."""
        made = expression_of(payload)
        if made is None:
            return
        if made[0] not in self._seen_once:
            if len(self._seen_once) >= _CANDIDATES_MAX:
                self._seen_once.clear()
            self._seen_once[made[0]] = None
            return
        del self._seen_once[made[0]]
        self._shapes.insert(0, _compile(record_type, *made))
        del self._shapes[SHAPES_MAX:]


def _text_of(encoded: bytes) -> str:
    """Return an encoded text of less than 256 bytes."""
    return encoded[1 if encoded[0] < 0x78 else 2 :].decode()  # noqa: PLR2004 (RFC 8949 section 3)


def _applies(relation: Relation, value: dict[str, Value]) -> bool:
    return all(name in value for name in relation.fields) and relation.without not in value


def _scalar(rule: Rule, value: Value) -> bytes:
    """Return what may stand in the place of a value that is no container."""
    if isinstance(rule, Integer):
        within = [part for part in _INTEGERS if rule.minimum <= part[0] and part[1] <= rule.maximum]
        patterns = [pattern for *_, pattern in within]
        if not any(least <= value <= greatest for least, greatest, _ in within):
            patterns.append(_exactly(value))
        return b"(?:" + b"|".join(patterns) + b")"
    if isinstance(rule, OneOf):
        return b"(?:" + b"|".join(map(_exactly, rule.choices)) + b")"
    if isinstance(rule, Boolean):
        return rb"[\xf4\xf5]"
    return _string(rule, value)


def _string(rule: Rule, value: Value) -> bytes:
    """Return what may stand in the place of a string, of the same length; of anything else, itself."""
    if isinstance(rule, Uuid7):
        return rb"\x50.{6}[\x70-\x7f].[\x80-\xbf].{7}"
    if isinstance(rule, Octets):
        return _head(0x40, len(value)) + b".{%d}" % len(value)
    if isinstance(rule, Text) and value.isascii():
        return _head(0x60, len(value)) + b"[ -~]{%d}" % len(value)
    if rule is token:
        rest = b"[A-Za-z0-9_.:/-]{%d}" % (len(value) - 1)
        return _head(0x60, len(value)) + b"[A-Za-z0-9_]" + rest
    return _exactly(value)


def _exactly(value: Value) -> bytes:
    return re.escape(cbor2.dumps(value, canonical=True))


def _head(kind: int, argument: int) -> bytes:
    """Return the head of an item: of the major type that `kind` begins with, with this length."""
    number = bytearray(cbor2.dumps(argument))
    number[0] |= kind
    return re.escape(bytes(number))
