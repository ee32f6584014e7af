"""Write down what is the same in all records of one form: a regular expression, and where in it the values stand.

A form is made from a record that was decoded and checked in the ordinary way, by a walk over the rule of its type and
its value. In the expression everything stands as it was, but for the values of some rules: there it accepts only bytes
that the rule accepts and that are deterministic. So what matches is a record by construction, as soon as two things
were asked again that no expression can tell: floats, and what the fields of a map mean for each other (`Relation`).
What may stand at a place is never more than its rule accepts; it may be less:

    id, digest, tag             head and length as they were, any bytes (of a UUIDv7 with its version and its variant)
    integer                     each length of head, with no argument that a shorter head could carry
    float                       any width; whether it is the narrowest, and within the range, is asked after the match
    text, token                 wide: the same number of bytes, of the visible ASCII that the rule accepts
    word of a list, true, false wide: any of them
    everything else             what was there

A *wide* form lets text differ: for a log that serves many issuers. Others keep it, so that all that is made of text
alone is the same for a whole form. Nothing here matches anything: `glasslog.records.mould` compiles forms and learns
which are worth it.
"""

import re
import struct
from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Any, Final, TypeAlias

from glasslog import cbor
from glasslog.records.schema import COUNT_MAX, Rule, token
from glasslog.records.schema.containers import Array, ClosedMap, OpenMap, Relation
from glasslog.records.schema.scalars import FLOAT_MAX, Boolean, Either, Finite, Integer, Octets, OneOf, Text, Uuid7

# Heads of unsigned integers with all arguments that they are the shortest for (RFC 8949 section 4.2.1), and the least
# maximum of a rule that accepts all of these.
_INTEGERS: Final = (
    (0, 23, rb"[\x00-\x17]"),
    (24, 0xFF, rb"\x18[\x18-\xff]"),
    (0x100, 0xFFFF, rb"\x19(?!\x00).{2}"),
    (0x1_0000, 0xFFFF_FFFF, rb"\x1a(?!\x00\x00).{4}"),
)
_LONG: Final = (
    (COUNT_MAX, rb"\x1b(?!\x00{4})[\x00-\x7f].{7}"),
    (0xE5FF_FFFF_FFFF, rb"\x1b\x00\x00(?!\x00\x00)[\x00-\xe5].{5}"),
)
_FLOATS: Final = rb"\xf9.{2}|\xfa.{4}|\xfb.{8}"
_MASKS: Final = (0, 0xFF, 0xFF, 0xFFFF, 0, 0xFFFF_FFFF, 0, 0, 0, 0xFFFF_FFFF_FFFF_FFFF)
"""What is left of an encoded integer, read as a number, without the byte of its head, by its length."""
_UUID7: Final = rb".{6}[\x70-\x7f].[\x80-\xbf].{7}"
_FLOAT_FORMS: Final = {3: struct.Struct(">e").unpack, 5: struct.Struct(">f").unpack, 9: struct.Struct(">d").unpack}


class MisfitError(Exception):
    """Say that a record does not fit after all."""


class Fixed:
    """A value that is the same in all records of a form."""

    def __init__(self, value: cbor.Value) -> None:
        """Take the value."""
        self.value = value


class Free:
    """A value that differs: `pattern` for its bytes behind `head`, and the source that turns those into the value."""

    def __init__(self, head: bytes, pattern: bytes, source: str) -> None:
        """Take both patterns, and the source, in which `{0}` stands for the bytes."""
        self.head = head
        self.pattern = pattern
        self.source = source
        self.is_read = False
        self.variable = ""


class Fields(dict[str, "Place"]):
    """A map: the places of its values."""


class Elements(tuple["Place", ...]):
    """An array: the places of its elements."""

    __slots__ = ()


Place: TypeAlias = Fixed | Free | Fields | Elements
Read: TypeAlias = Callable[..., Any]
"""A function of the groups of a match. Raises MisfitError."""


class Form:
    """All records that differ from one in certain values alone, while the function that reads them is written.

    The source of the function is made of the schema and of numbers alone; values of the record that stay are objects
    that it refers to.
    """

    def __init__(self, rule: Rule, fields: Mapping[str, cbor.Value], *, wide: bool = False) -> None:
        """Take a record that the rule has accepted. Costs some hundred microseconds."""
        self._wide = wide
        self._parts: list[bytes | Free] = []
        self._relations: list[tuple[Relation, Fields]] = []
        self._floats: list[Free] = []
        self._lines: list[str] = []
        self._objects: dict[str, Any] = {
            "unpack": int.from_bytes,
            "masks": _MASKS,
            "floating": _floating,
            "misfit": MisfitError,
        }
        self.record = self._place(rule, fields)

    # ------------------------------------------------------------------------------------------------------ the walk

    def _place(self, rule: Rule, value: cbor.Value) -> Place:
        """Write the pattern of a value, and return its place."""
        place: Place
        match rule:
            case Either():
                place = self._place(rule.rules[type(value)], value)
            case ClosedMap():
                place = self._map(value, [rule.fields[name] for name in value])
                self._relations += [(relation, place) for relation in rule.relations if _applies(relation, value)]
            case OpenMap():
                place = self._map(value, [rule.of] * len(value))
            case Array(distinct=None):
                self._parts.append(_head(4, value))
                place = Elements([self._place(rule.of, element) for element in value])
            case Finite():
                place = self._free(b"", _FLOATS, f"floating({{0}}, {rule.minimum!r})")
                self._floats.append(place)
            case _:
                place = self._scalar(rule, value) or self._fixed(value)
        return place

    def _map(self, value: Mapping[str, cbor.Value], rules: Sequence[Rule]) -> Fields:
        self._parts.append(_head(5, value))
        fields = Fields()
        for (name, element), rule in zip(value.items(), rules, strict=True):
            self._parts.append(_exactly(name))
            fields[name] = self._place(rule, element)
        return fields

    def _scalar(self, rule: Rule, value: cbor.Value) -> Place | None:
        match rule:
            case Octets():
                place = self._free(_head(2, value), b".{%d}" % len(value), "{0}")
            case Uuid7():
                place = self._free(_head(2, value), _UUID7, "{0}")
            case Integer():
                return self._integer(rule, value)
            case _:
                return self._word(rule, value) if self._wide else None
        return place

    def _integer(self, rule: Integer, value: int) -> Place | None:
        """Let pass every integer of a length of which the rule accepts all, if that holds for the value's own."""
        shorter = [pattern for least, most, pattern in _INTEGERS if rule.minimum <= least and most <= rule.maximum]
        longer = [pattern for maximum, pattern in _LONG if rule.minimum <= 0 and maximum <= rule.maximum][:1]
        pattern = b"|".join([*shorter, *longer])
        if re.fullmatch(b"(?:" + pattern + b")", cbor.encode(value), re.DOTALL) is None:
            return None
        return self._free(b"", pattern, "unpack({0}) & masks[len({0})]")

    def _word(self, rule: Rule, value: cbor.Value) -> Place | None:
        """Let pass words and truths of a list, and text of the same length."""
        if isinstance(rule, OneOf) and not rule.fixed:
            words = self.object_({cbor.encode(word): word for word in rule.choices})
            return self._free(b"", b"|".join(map(_exactly, rule.choices)), f"{words}[{{0}}]")
        if isinstance(rule, Boolean):
            return self._free(b"", rb"[\xf4\xf5]", r'{0} == b"\xf5"')
        if isinstance(rule, Text) and value.isascii():
            return self._free(_head(3, value), b"[ -~]{%d}" % len(value), "{0}.decode()")
        if rule is token:
            rest = b"[A-Za-z0-9_.:/-]{%d}" % (len(value) - 1)
            return self._free(_head(3, value), b"[A-Za-z0-9_]" + rest, "{0}.decode()")
        return None

    def _free(self, head: bytes, pattern: bytes, source: str) -> Free:
        place = Free(head, pattern, source)
        self._parts.append(place)
        return place

    def _fixed(self, value: cbor.Value) -> Fixed:
        self._parts.append(_exactly(value))
        return Fixed(value)

    # --------------------------------------------------------------------------------------- what a reader is made of

    def object_(self, value: Any) -> str:  # noqa: ANN401
        """Return the name under which the source knows an object."""
        name = f"o{len(self._objects)}"
        self._objects[name] = value
        return name

    def variable(self, source: str) -> str:
        """Write an assignment to a variable of its own, and return its name."""
        name = f"v{len(self._lines)}"
        self._lines.append(f"{name} = {source}")
        return name

    def line(self, source: str) -> None:
        """Write one line."""
        self._lines.append(source)

    def value(self, place: Place) -> str:
        """Return the source of the value of a place: for maps and arrays of a new one each time."""
        match place:
            case Fixed():
                return self.object_(place.value)
            case Fields():
                # Names of open maps are the record's own: no source.
                return "{" + ", ".join(f"{self.object_(name)}: {self.value(of)}" for name, of in place.items()) + "}"
            case Elements():
                return "[" + ", ".join(map(self.value, place)) + "]"
        place.is_read = True
        if not place.variable:
            group = f"g{id(place)}"
            place.variable = group if place.source == "{0}" else self.variable(place.source.format(group))
        return place.variable

    def at(self, *names: str) -> Place:
        """Return the place of a field: one name for each map on the way to it. Raises KeyError."""
        place: Place = self.record
        for name in names:
            if not isinstance(place, Fields):
                raise KeyError(name)
            place = place[name]
        return place

    def ask(self) -> None:
        """Write what has to be asked after every match. Comes first."""
        for place in self._floats:
            self.value(place)
        for relation, fields in self._relations:
            asked = ", ".join(self.value(fields[name]) for name in relation.fields)
            self._lines.append(f"if not {self.object_(relation.holds)}({asked}): raise misfit")

    # ------------------------------------------------------------------------------------------------------ the outcome

    @property
    def places(self) -> int:
        """Return how many values may differ."""
        return sum(isinstance(part, Free) for part in self._parts)

    @property
    def pattern(self) -> bytes:
        """Return the expression for the bytes of all records of the form, with a group for each value that is read."""
        return b"".join([part if isinstance(part, bytes) else _group(part) for part in self._parts])

    def compile(self, result: str) -> Read:
        """Return the function from the groups of a match to what `result` is the source of."""
        groups = ", ".join(f"g{id(part)}" for part in self._parts if isinstance(part, Free) and part.is_read)
        lines = [f"def read({groups}):", *(f"    {line}" for line in self._lines), f"    return {result}", ""]
        namespace = dict(self._objects)
        exec(compile("\n".join(lines), "<a form of records>", "exec"), namespace)  # noqa: S102  our own source
        read: Read = namespace["read"]
        return read


def _group(place: Free) -> bytes:
    return place.head + (b"(" if place.is_read else b"(?:") + place.pattern + b")"


def _applies(relation: Relation, value: Mapping[str, cbor.Value]) -> bool:
    """Tell whether the names of a map, which stay the same, call for a relation."""
    return all(name in value for name in relation.fields) and relation.without not in value


def _exactly(value: cbor.Value) -> bytes:
    return re.escape(cbor.encode(value))


def _head(major: int, value: Sized) -> bytes:
    """Return the pattern of the head of a string, an array or a map: major type and length."""
    encoded = cbor.encode(len(value))
    return re.escape(bytes((major << 5 | encoded[0], *encoded[1:])))


def _floating(encoded: bytes, minimum: float) -> float:
    """Return the float of an encoding, if it is the shortest and within the range (RFC 8949 section 4.2.1)."""
    value: float = _FLOAT_FORMS[len(encoded)](encoded[1:])[0]
    if not minimum <= value <= FLOAT_MAX or cbor.float_size(value) != len(encoded):
        raise MisfitError
    return value
