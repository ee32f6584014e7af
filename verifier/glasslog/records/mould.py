"""Decode records that are like records before them: the same answer as `decode_record`, several times faster.

The records of one system differ in ids, digests, numbers and times, and in nothing else. A *mould* is made from a
record that was decoded and checked in the ordinary way: a regular expression over its bytes in which everything stands
as it was, but for the values of a few rules, and a function that puts what was found in their places into the same
structure.
What a mould lets pass is right by construction: every byte is either that of a record that was checked, or within a
value of which the rule accepts every encoding that the expression accepts. What relates fields to each other is asked
again. A record that fits no mould is decoded as ever, and that alone says what is wrong with it.

Making a mould costs milliseconds, so one is made when a form is seen again and again; few are kept, and records that
are all different cost little more than before.
"""

import re
import struct
from collections import OrderedDict
from collections.abc import Callable, Sequence, Sized
from typing import Any, Final

from glasslog import cbor
from glasslog.records.record import RECORDS, Record, decode_record
from glasslog.records.schema import COUNT_MAX, Rule
from glasslog.records.schema.containers import Array, ClosedMap, OpenMap, Relation
from glasslog.records.schema.scalars import FLOAT_MAX, Either, Finite, Integer, Octets, Uuid7

MOULDS_MAX: Final = 32
TRIED_MAX: Final = 8
"""How many moulds a record is held against; the ones that fitted last come first."""
RECORD_BYTES_MAX: Final = 16_384
"""What a record may have to be held against moulds: longer expressions cost more than they save."""
_LOOKED_AT_EVERY: Final = 16  # of the records that fit no mould, one in so many is looked at for its form
_PATIENCE: Final = 256  # looks without a form that comes again, after which looking becomes rare
_RARELY: Final = 64  # times as many
_FORMS_MAX: Final = 512  # forms that were seen once
_GROUPS_MAX: Final = 256  # values of one record that may differ

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


class _MisfitError(Exception):
    """Say that a record does not fit after all."""


class Moulds:
    """The moulds that one process has made so far. For one thread."""

    def __init__(self) -> None:
        """Begin with none."""
        self._moulds: list[_Mould] = []
        self._forms: OrderedDict[bytes, None] = OrderedDict()
        self._misses = 0
        self._looks_in_vain = 0

    def decode(self, payload: bytes) -> Record:
        """Return what `decode_record` returns for a payload, or raise what it raises."""
        if len(payload) > RECORD_BYTES_MAX:
            return decode_record(payload)
        for position, mould in enumerate(self._moulds[:TRIED_MAX]):
            found = mould.fullmatch(payload)
            if found is not None:
                try:
                    fields = mould.build(*found.groups())
                except _MisfitError:
                    continue
                if position:
                    self._moulds.insert(0, self._moulds.pop(position))
                return Record(fields)
        record = decode_record(payload)
        self._misses += 1
        if self._misses % (_LOOKED_AT_EVERY * (_RARELY if self._looks_in_vain > _PATIENCE else 1)) == 0:
            self._look_at(payload, record)
        return record

    def _look_at(self, payload: bytes, record: Record) -> None:
        """Make a mould of a record whose form was seen before; remember the form otherwise."""
        form = _Form(RECORDS[record.type], record.fields)
        if form.pattern not in self._forms:
            self._looks_in_vain += 1
            self._forms[form.pattern] = None
            if len(self._forms) > _FORMS_MAX:
                self._forms.popitem(last=False)
            return
        del self._forms[form.pattern]
        if form.groups > _GROUPS_MAX or not form.pattern:
            return
        mould = _Mould(form)
        found = mould.fullmatch(payload)
        if found is None or mould.build(*found.groups()) != record.fields:
            msg = "expected a mould to fit the record that it was made from"
            raise AssertionError(msg)
        self._looks_in_vain = 0
        self._moulds.insert(0, mould)
        del self._moulds[MOULDS_MAX:]


class _Mould:
    """An expression over the bytes of a record, and a function from its groups to the record's fields."""

    def __init__(self, form: "_Form") -> None:
        self.fullmatch = re.compile(form.pattern, re.DOTALL).fullmatch
        names = ", ".join(f"g{number}" for number in range(form.groups))
        lines = [f"def build({names}):", *(f"    {line}" for line in form.lines), f"    return {form.value}", ""]
        namespace: dict[str, Any] = {
            "unpack": int.from_bytes,
            "masks": _MASKS,
            "floating": _floating,
            "misfit": _MisfitError,
        }
        namespace |= form.objects
        exec(compile("\n".join(lines), "<a mould of records>", "exec"), namespace)  # noqa: S102  our own source
        self.build: Callable[..., dict[str, cbor.Value]] = namespace["build"]


class _Form:
    """What is the same in all records of one form: `pattern` for the bytes, `lines` that lead to `value`.

    The source is made of the schema and of numbers alone; values of the record that stay are objects it refers to.
    """

    def __init__(self, rule: Rule, fields: cbor.Value) -> None:
        self.groups = 0
        self.lines: list[str] = []
        self.objects: dict[str, Any] = {}
        pattern, self.value = self._form(rule, fields)
        self.pattern = pattern

    def _form(self, rule: Rule, value: cbor.Value) -> tuple[bytes, str]:
        """Return the pattern of a value and the expression for it."""
        match rule:
            case Either():
                form = self._form(rule.rules[type(value)], value)
            case ClosedMap():
                names = {name: repr(name) for name in value}  # of the schema, for `rule.fields` has them
                form = self._map(value, names, [rule.fields[name] for name in value], rule.relations)
            case OpenMap():
                names = {name: self._object(name) for name in value}
                form = self._map(value, names, [rule.of] * len(value), ())
            case Array(distinct=None):
                form = self._array(rule, value)
            case Octets():
                form = self._group(_head(2, value) + b"(.{%d})" % len(value), "{}")
            case Uuid7():
                form = self._group(_head(2, value) + b"(" + _UUID7 + b")", "{}")
            case Integer():
                form = self._integer(rule, value)
            case Finite():
                form = self._group(b"(" + _FLOATS + b")", f"floating({{}}, {rule.minimum!r})")
            case _:
                form = self._constant(value)
        return form

    def _constant(self, value: cbor.Value) -> tuple[bytes, str]:
        return re.escape(cbor.encode(value)), self._object(value)

    def _object(self, value: Any) -> str:  # noqa: ANN401
        name = f"o{len(self.objects)}"
        self.objects[name] = value
        return name

    def _group(self, pattern: bytes, expression: str) -> tuple[bytes, str]:
        self.groups += 1
        return pattern, expression.format(f"g{self.groups - 1}")

    def _integer(self, rule: Integer, value: int) -> tuple[bytes, str]:
        """Let pass every integer of a length of which the rule accepts all, if that holds for the value's own."""
        shorter = [pattern for least, most, pattern in _INTEGERS if rule.minimum <= least and most <= rule.maximum]
        longer = [pattern for maximum, pattern in _LONG if rule.minimum <= 0 and maximum <= rule.maximum][:1]
        pattern = b"(" + b"|".join([*shorter, *longer]) + b")"
        if re.fullmatch(pattern, cbor.encode(value), re.DOTALL) is None:
            return self._constant(value)
        return self._group(pattern, "unpack({0}) & masks[len({0})]")

    def _array(self, rule: Array, value: Sequence[cbor.Value]) -> tuple[bytes, str]:
        parts = [self._form(rule.of, element) for element in value]
        pattern = _head(4, value) + b"".join(pattern for pattern, _ in parts)
        return pattern, f"[{', '.join(expression for _, expression in parts)}]"

    def _map(
        self,
        value: dict[str, cbor.Value],
        names: dict[str, str],
        rules: Sequence[Rule],
        relations: Sequence[Relation],
    ) -> tuple[bytes, str]:
        """Write the map into a variable; `names` are the expressions for its names."""
        pattern, items = _head(5, value), []
        for (name, element), rule in zip(value.items(), rules, strict=True):
            inner, expression = self._form(rule, element)
            pattern += re.escape(cbor.encode(name)) + inner
            items.append(f"{names[name]}: {expression}")
        variable = f"v{len(self.lines)}"
        self.lines.append(f"{variable} = {{{', '.join(items)}}}")
        for relation in relations:
            if _applies(relation, value):
                asked = ", ".join(f"{variable}[{name!r}]" for name in relation.fields)
                self.lines.append(f"if not {self._object(relation.holds)}({asked}): raise misfit")
        return pattern, variable


def _applies(relation: Relation, value: dict[str, cbor.Value]) -> bool:
    """Tell whether the names of a map, which stay the same, call for a relation."""
    return all(name in value for name in relation.fields) and relation.without not in value


def _head(major: int, value: Sized) -> bytes:
    """Return the pattern of the head of a byte string, an array or a map: major type and length."""
    encoded = cbor.encode(len(value))
    return re.escape(bytes((major << 5 | encoded[0], *encoded[1:])))


def _floating(encoded: bytes, minimum: float) -> float:
    """Return the float of an encoding, if it is the shortest and within the range (RFC 8949 section 4.2.1)."""
    value: float = _FLOAT_FORMS[len(encoded)](encoded[1:])[0]
    if not minimum <= value <= FLOAT_MAX or cbor.float_size(value) != len(encoded):
        raise _MisfitError
    return value
