"""What the body of any record is, and how it becomes the map that the schema wants."""

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, ClassVar, Final

from glasslog.cbor import Value


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
        return {name: to_value(value) for name, value in self.content.items()}


def to_value(item: object) -> Value:
    """Return an item in the data model of CBOR: any sequence as a list, our dataclasses and any mapping as maps.

    Enums of text and numbers become these. What the model has no place for is left as it is, and refused when it is
    encoded.
    """
    if type(item) in _PLAIN:  # nearly everything that records hold, so it comes first
        return item
    result: Value = item
    match item:
        case str():
            result = str.__str__(item)
        case int():
            result = int(item)
        case float():
            result = float(item)
        case bytes() | bytearray() | memoryview():
            result = bytes(item)
        case Mapping():
            result = {to_value(name): to_value(element) for name, element in item.items()}
        case Sequence():
            result = [to_value(element) for element in item]
        case _ if is_dataclass(item) and not isinstance(item, type):
            result = _to_map(item)
    return result


_PLAIN: Final = frozenset({str, int, float, bytes, bool, type(None)})


def _to_map(item: Any) -> dict[str, Value]:  # noqa: ANN401  any dataclass
    """Return the fields that are set."""
    values = ((name, getattr(item, attribute)) for attribute, name in _names(type(item)))  # type: ignore[arg-type]
    return {name: to_value(value) for name, value in values if value is not None}


@cache
def _names(kind: type[Any]) -> tuple[tuple[str, str], ...]:
    """Return the fields of a dataclass and their names in records.

    A name that Python keeps for itself has an underscore behind it: `from_`.
    """
    return tuple((f.name, f.name.removesuffix("_")) for f in fields(kind))
