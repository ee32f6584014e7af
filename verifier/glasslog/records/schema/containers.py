"""Rules for arrays and maps, and for what the fields of one map mean for each other.

Containers add where they were on the way out, so a value that is right pays nothing for the path that an error names.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from glasslog.cbor import Value, head_size, text_size
from glasslog.records.schema.memo import NAME_LISTS_MAX, Memo
from glasslog.records.schema.mismatch import SchemaMismatchError
from glasslog.records.schema.rule import Code, Rule
from glasslog.records.schema.scalars import TOKEN, token

ARRAY_ITEMS_MAX: Final = 256


@dataclass(frozen=True)
class Relation:
    """What the values of some fields of one map must satisfy together, where all of them are there.

    `without` names a field whose presence lifts the demand.
    """

    fields: tuple[str, ...]
    holds: Callable[..., bool]
    expected: str
    without: str | None = None

    def check(self, value: Mapping[str, Value]) -> None:
        """Check a map whose fields were checked. Raises SchemaMismatchError that names the last of the fields."""
        applies = all(name in value for name in self.fields) and self.without not in value
        if applies and not self.holds(*(value[name] for name in self.fields)):
            raise SchemaMismatchError(self.expected, value[self.fields[-1]], self.fields[-1])

    def write(self, code: Code, value: str, always: Collection[str]) -> None:
        """Write the same for a map in which some fields are always there."""
        conditions = [f"{name!r} in {value}" for name in self.fields if name not in always]
        if self.without is not None:
            conditions.append(f"{self.without!r} not in {value}")
        arguments = ", ".join(f"{value}[{name!r}]" for name in self.fields)
        conditions.append(f"not {code.name_of(self.holds, 'holds')}({arguments})")
        code.line(f"if {' and '.join(conditions)}: raise misfit")


@dataclass(frozen=True)
class Presence:
    """Which optional fields of one map may stand together."""

    holds: Callable[[Collection[str]], bool]
    expected: str


class Array(Rule):
    """An array of `minimum` to `maximum` elements that one rule accepts.

    `distinct` names a field of the elements that must differ from one to the next.
    """

    def __init__(self, of: Rule, minimum: int, maximum: int, distinct: str | None) -> None:
        """Take the rule of the elements and the range of their number, both ends included."""
        self.of = of
        self.minimum = minimum
        self.maximum = maximum
        self.distinct = distinct

    def __call__(self, value: Value) -> int:
        """Check an array and its elements."""
        if type(value) is not list or not self.minimum <= len(value) <= self.maximum:
            raise SchemaMismatchError(f"an array of {self.minimum} to {self.maximum} elements", value)
        size = head_size(len(value))
        for position, element in enumerate(value):
            try:
                size += self.of(element)
            except SchemaMismatchError as error:
                error.path.append(str(position))
                raise
        if self.distinct is not None and len({element[self.distinct] for element in value}) != len(value):
            raise SchemaMismatchError(f"elements that differ in {self.distinct}", value)
        return size

    def write(self, code: Code, value: str) -> None:
        """Write a loop."""
        code.refuse_unless(f"type({value}) is list and {self.minimum} <= len({value}) <= {self.maximum}")
        code.line(
            f"size += (1 if len({value}) < 24 else 2 if len({value}) < 256 else 3) + {self.of.fixed} * len({value})"
        )
        element = code.unused()
        with code.block(f"for {element} in {value}:"):
            self.of.write(code, element)
        if self.distinct is not None:
            code.refuse_unless(f"len({{element[{self.distinct!r}] for element in {value}}}) == len({value})")


def array(of: Rule, maximum: int = ARRAY_ITEMS_MAX, minimum: int = 0, distinct: str | None = None) -> Array:
    """Accept an array of `minimum` to `maximum` elements (at most 65,535), each accepted by `of`."""
    return Array(of, minimum, maximum, distinct)


class ClosedMap(Rule):
    """A map that has every required field and none that is neither required nor optional, in order."""

    def __init__(
        self,
        required: Mapping[str, Rule],
        optional: Mapping[str, Rule],
        relations: Sequence[Relation],
        presences: Sequence[Presence],
    ) -> None:
        """Take the rules of the fields, and what the fields mean for each other."""
        self.required = required
        self.optional = optional
        self.fields: Final[Mapping[str, Rule]] = {**required, **optional}
        self.relations = relations
        self.presences = presences
        self._names = tuple(sorted(self.fields, key=lambda name: (len(name), name)))
        self._shapes = Memo(self._size_of_shape, NAME_LISTS_MAX)
        self.fixed = 0 if optional else self._size_of_shape(self._names)

    def __call__(self, value: Value) -> int:
        """Check a map: its names, its values, and how they relate."""
        if type(value) is not dict:
            raise SchemaMismatchError("a map", value)
        size = self._shapes[tuple(value)]
        for name, element in value.items():
            rule = self.fields[name]
            try:
                size += rule(element) - rule.fixed
            except SchemaMismatchError as error:
                error.path.append(name)
                raise
        for relation in self.relations:
            relation.check(value)
        return size

    def _size_of_shape(self, names: tuple[Value, ...]) -> int:
        """Check the names of a map; return the bytes that all maps with them share: head, names and fixed values."""
        value = dict.fromkeys(names)
        if not value.keys() <= self.fields.keys():
            raise SchemaMismatchError(f"no fields but {_names(self.fields)}", value)
        missing = self.required.keys() - value.keys()
        if missing:
            raise SchemaMismatchError(f"the fields {_names(missing)} too", value)
        for presence in self.presences:
            if not presence.holds(value.keys()):
                raise SchemaMismatchError(presence.expected, value)
        _check_order(names)
        return head_size(len(names)) + sum(text_size(name) + self.fields[name].fixed for name in names)

    def write(self, code: Code, value: str) -> None:
        """Write a comparison or a look-up of the names, which says all about them, and then field by field."""
        if not self.required:  # else an array of the names, which passes for a map here, fails at the first field
            code.refuse_unless(f"type({value}) is dict")
        if self.optional:
            code.line(f"size += {code.name_of(self._shapes, 'shapes')}[tuple({value})]")
        else:
            code.refuse_unless(f"tuple({value}) == {self._names!r}")
        for name, rule in self.required.items():
            rule.write(code, code.variable(f"{value}[{name!r}]"))
        if self.optional:
            with code.block(f"if len({value}) > {len(self.required)}:"):
                self._write_optional(code, value)
        for relation in self.relations:
            relation.write(code, value, self.required)

    def _write_optional(self, code: Code, value: str) -> None:
        for name, rule in self.optional.items():
            with code.block(f"if {name!r} in {value}:"):
                rule.write(code, code.variable(f"{value}[{name!r}]"))


def closed_map(
    required: Mapping[str, Rule],
    optional: Mapping[str, Rule] | None = None,
    *,
    relations: Sequence[Relation] = (),
    presences: Sequence[Presence] = (),
) -> ClosedMap:
    """Accept a map that has every required field and none that is neither required nor optional, in order."""
    return ClosedMap(required, optional or {}, relations, presences)


class OpenMap(Rule):
    """A map of at most `maximum` fields, in order, whose names and values are accepted by two rules."""

    def __init__(self, of: Rule, maximum: int, name: Rule) -> None:
        """Take the rules of the values and of the names, and the greatest number of fields."""
        self.of = of
        self.maximum = maximum
        self.name = name
        self._name_lists = Memo(self._size_of_names, NAME_LISTS_MAX)

    def __call__(self, value: Value) -> int:
        """Check a map: its names and its values."""
        if type(value) is not dict:
            raise SchemaMismatchError("a map", value)
        size = self._name_lists[tuple(value)]
        for name, element in value.items():
            try:
                size += self.of(element) - self.of.fixed
            except SchemaMismatchError as error:
                error.path.append(_shown(name))
                raise
        return size

    def _size_of_names(self, names: tuple[Value, ...]) -> int:
        """Check the names of a map; return the bytes that all maps with them share: head, names and fixed values."""
        if len(names) > self.maximum:
            raise SchemaMismatchError(f"a map of at most {self.maximum} fields", dict.fromkeys(names))
        size = head_size(len(names)) + self.of.fixed * len(names)
        for name in names:
            try:
                size += self.name(name)
            except SchemaMismatchError as error:
                error.path.append(_shown(name))
                raise
        _check_order(names)
        return size

    def write(self, code: Code, value: str) -> None:
        """Write a look-up of the names and a loop over the values."""
        code.refuse_unless(f"type({value}) is dict")
        code.line(f"size += {code.name_of(self._name_lists, 'names')}[tuple({value})]")
        element = code.unused()
        with code.block(f"for {element} in {value}.values():"):
            self.of.write(code, element)


def open_map(of: Rule, maximum: int, name: Rule = token) -> OpenMap:
    """Accept a map of at most `maximum` fields, in order, whose names and values are accepted by the rules."""
    return OpenMap(of, maximum, name)


def _check_order(names: Sequence[str]) -> None:
    """Check that text keys stand in the order of their encodings: the shorter first, then byte by byte."""
    ranks = [(len(name), name) for name in map(str.encode, names)]
    if ranks != sorted(ranks):
        raise SchemaMismatchError("map keys in the order of their encodings", dict.fromkeys(names))


def _shown(name: Value) -> str:
    """Return the name of a field that an error may show: one that could be content is not."""
    return name if isinstance(name, str) and TOKEN.fullmatch(name) else "(a field name)"


def _names(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
