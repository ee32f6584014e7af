"""Read from an audit's database what a sample is drawn from: verified records of a type, a window, an issuer.

Entries that the replay refused are no records, and in no population: each of them is a finding of the audit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from glasslog.audit.database import Database
from glasslog.audit.facts import subject_text
from glasslog.cbor import Value
from glasslog.errors import UncheckableError
from glasslog.records.schema import TIME_MS_MAX

_OPERATOR_TYPES: Final = ("log-policy", "issuer-registration")
_JOINED: Final = """
    entries e CROSS JOIN shapes s ON s.number = e.shape CROSS JOIN sources o ON o.number = s.source
"""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is drawn from: events in [start, end), POSIX milliseconds, of these types, issuers and systems (none: all).

    Only entries below `size`, the tree size of the checkpoint that gives the seed, can be drawn: they were in the log
    when nobody could know the seed.
    """

    size: int
    types: tuple[str, ...]
    start: int = 0
    end: int = TIME_MS_MAX + 1
    issuers: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Value]:
        """Return the parameters; an open start or end is null."""
        return {
            "types": sorted(self.types),
            "start": self.start or None,
            "end": self.end if self.end <= TIME_MS_MAX else None,
            "issuers": sorted(self.issuers),
            "systems": sorted(self.systems),
        }


@dataclass(frozen=True, slots=True)
class Member:
    """What the database says of one entry; `label` is that of the decision, where there is one."""

    index: int
    leaf: bytes
    time: int
    issuer: str
    system: str
    subject: str
    type: str
    stream: str
    seq: int
    label: str | None


def population(database: Database, selection: Selection) -> Iterator[int]:
    """Yield the index of every entry to draw from, ascending. Costs one pass over the entries below the size."""
    where, parameters = _conditions(selection)
    statement = f"SELECT e.entry FROM {_JOINED} WHERE e.entry < ? AND {where} ORDER BY e.entry"  # noqa: S608  our text
    for (index,) in database.execute(statement, [selection.size, *parameters]):
        yield index


def count_later(database: Database, selection: Selection) -> int:
    """Return how many entries fit the selection and were logged after the seed's checkpoint."""
    where, parameters = _conditions(selection)
    statement = f"SELECT count(*) FROM {_JOINED} WHERE e.entry >= ? AND {where}"  # noqa: S608  our text
    return int(database.execute(statement, [selection.size, *parameters]).fetchone()[0])


def _conditions(selection: Selection) -> tuple[str, list[Any]]:
    conditions, parameters = ["e.time >= ?", "e.time < ?"], [selection.start, selection.end]
    chosen: list[Any] = list(parameters)
    for column, names in (("type", selection.types), ("issuer", selection.issuers), ("system", selection.systems)):
        if names:
            conditions.append(f"o.{column} IN ({', '.join('?' * len(names))})")
            chosen += names
    return " AND ".join(conditions), chosen


def member(database: Database, index: int) -> Member:
    """Return what the database says of an entry. Raises UncheckableError for one that is no record."""
    statement = f"""
        SELECT e.entry, e.leaf, e.time, o.issuer, o.system, e.subject, o.type, o.stream, e.seq, k.label
        FROM {_JOINED} LEFT JOIN calls k ON k.number = s.call WHERE e.entry = ? AND o.type IS NOT NULL
    """  # noqa: S608  our text
    row = database.execute(statement, (index,)).fetchone()
    if row is None:
        msg = f"expected the facts of entry {index} in the audit's database, got none"
        raise UncheckableError(msg)
    place, leaf, time, issuer, system, subject, *rest = row
    return Member(place, bytes(leaf), time, issuer, system, subject_text(subject) or "", *rest)


def operator_entries(database: Database, size: int) -> list[int]:
    """Return the indexes of the operator's own records below `size`, ascending."""
    statement = f"""
        SELECT e.entry FROM {_JOINED} WHERE e.entry < ? AND o.type IN (?, ?) ORDER BY e.entry
    """  # noqa: S608  our text
    return [index for (index,) in database.execute(statement, (size, *_OPERATOR_TYPES))]


def newest_time(database: Database, size: int) -> int | None:
    """Return the log's time of its newest tree head of at most `size` entries, POSIX milliseconds."""
    row = database.execute("SELECT max(time) FROM heads WHERE witness = '' AND size <= ?", (size,)).fetchone()
    time: int | None = row[0]
    return time
