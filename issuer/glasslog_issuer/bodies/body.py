"""What the body of any record is, and how it becomes the map that the schema wants."""

from abc import ABC
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, ClassVar, Final, TypeAlias

from glasslog.cbor import Value
from glasslog_issuer.encoding import in_order


class Body(ABC):
    """What a record says beyond the fields that all records have.

    A type of record is a dataclass `class Inference(Body, record_type="inference")`.
    """

    record_type: ClassVar[str]

    def __init_subclass__(cls, *, record_type: str | None = None) -> None:
        """Take the type of the records that have bodies of this class; without one, that of the class above."""
        super().__init_subclass__()
        if record_type is not None:
            cls.record_type = record_type

    def type(self) -> str:
        """Return the record's type."""
        return self.record_type

    def to_fields(self) -> dict[str, Value]:
        """Return the body as the schema wants it."""
        return _to_map(self)


@dataclass(frozen=True)
class RawBody(Body):
    """A body that is a map already."""

    name: str
    content: Mapping[str, Value] = field(repr=False)

    def type(self) -> str:
        """Return the record's type."""
        return self.name

    def to_fields(self) -> dict[str, Value]:
        """Return the body as it was given."""
        content: dict[str, Value] = to_value(self.content)
        return content


def to_value(item: object) -> Value:
    """Return an item in the data model of CBOR: any sequence as a list, our dataclasses and any mapping as maps.

    Enums of text and numbers become these. What the model has no place for is left as it is, and refused when it is
    encoded.
    """
    return _converter(type(item))(item)  # type: ignore[arg-type]


def _to_map(item: Any) -> dict[str, Value]:  # noqa: ANN401  any dataclass
    """Return the fields that are set."""
    values = {}
    for attribute, name in _names(type(item)):  # type: ignore[arg-type]
        value = getattr(item, attribute)
        if value is not None:
            kind = type(value)
            values[name] = value if kind in _PLAIN else _converter(kind)(value)  # type: ignore[arg-type]
    return values


_Converter: TypeAlias = Callable[[Any], Value]


def _unchanged(item: Value) -> Value:
    return item


_CONVERTERS: Final[tuple[tuple[type, _Converter], ...]] = (
    (str, str.__str__),
    (int, int),
    (float, float),
    (bytes, bytes),
    (bytearray, bytes),
    (memoryview, bytes),
    (Mapping, lambda item: _in_order({to_value(name): to_value(element) for name, element in item.items()})),
    (Sequence, lambda item: [to_value(element) for element in item]),
)
_PLAIN: Final = frozenset({str, int, float, bytes, bool, type(None)})


@cache
def _converter(kind: Hashable) -> _Converter:
    """Return what brings items of a type into the data model; found once for each type."""
    if not isinstance(kind, type) or kind in _PLAIN:
        return _unchanged
    if is_dataclass(kind):
        return _to_map
    return next((convert for base, convert in _CONVERTERS if issubclass(kind, base)), _unchanged)


@cache
def _names(kind: Hashable) -> tuple[tuple[str, str], ...]:
    """Return the fields of a dataclass and their names in records.

    A name that Python keeps for itself has an underscore behind it: `from_`.
    """
    names = {f.name.removesuffix("_"): f.name for f in fields(kind)}  # type: ignore[arg-type]
    return tuple((attribute, name) for name, attribute in _in_order(names).items())


def _in_order(values: dict[Any, Value]) -> dict[Any, Value]:
    """Return a map with its keys in the order of their encodings, where they are texts: then nobody needs to sort."""
    return in_order(values) if all(type(name) is str for name in values) else values
