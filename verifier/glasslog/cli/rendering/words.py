"""Turns of phrase that the renderings of several types share."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from glasslog.cli.document import iso_time

Line: TypeAlias = tuple[str, str]
"""A label and a text. The label is empty where the one before holds on."""

Lines: TypeAlias = Iterator[Line]
Fields: TypeAlias = Mapping[str, Any]

LISTED_MAX: Final = 8
"""How many elements of a list are named in one line."""


def moment(milliseconds: int) -> str:
    """Return a time in UTC."""
    return iso_time(milliseconds).replace(".000Z", "Z")


def span(fields: Fields) -> str:
    """Return the time between `from` and `to`."""
    return f"{moment(fields['from'])} to {moment(fields['to'])}"


def party(who: str | bytes) -> str:
    """Return a name, or say that somebody is known by a tag alone."""
    return who if isinstance(who, str) else f"person {who.hex()}"


def yes(value: bool) -> str:
    """Return yes or no."""
    return "yes" if value else "no"


def listed(items: Iterable[object]) -> str:
    """Return the first elements of a list, and how many more there are."""
    texts = [item.hex() if isinstance(item, bytes) else str(item) for item in items]
    more = f" and {len(texts) - LISTED_MAX} more" if len(texts) > LISTED_MAX else ""
    return ", ".join(texts[:LISTED_MAX]) + more if texts else "none"


def by_name(numbers: Mapping[str, int]) -> str:
    """Return numbers by name."""
    return listed(f"{name} {number}" for name, number in numbers.items())


def under(label: str, texts: Iterable[str]) -> Lines:
    """Yield a line for each text, the label before the first alone."""
    for text in texts:
        yield label, text
        label = ""


def optional(fields: Fields, **labels: tuple[str, Callable[[Any], str]]) -> Lines:
    """Yield a line for each field that is there: `name=(label, words)`."""
    for name, (label, words) in labels.items():
        if name in fields:
            yield label, words(fields[name])


def octets(value: bytes) -> str:
    """Return an id, a digest or a tag in hex."""
    return value.hex()
