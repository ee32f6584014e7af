"""The rows of the vault that hold disclosures: adding them, finding them, blanking them."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from glasslog_issuer.vault.errors import ConflictError
from glasslog_issuer.vault.sealing import ZERO_KEY_BOX, Sealed

_COLUMNS: Final = "record_id, entry_id, decision, stream, seq, commitments, subject, key_box, box"
_INSERT: Final = f"INSERT INTO records ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"  # noqa: S608
_BLANK: Final = "UPDATE records SET key_box = zeroblob(length(key_box)), box = zeroblob(length(box)) WHERE id = ?"

Row = tuple[int, Sealed]
"""A row's number, which says nothing but the order in which rows came, and what is in it."""


def insert(connection: sqlite3.Connection, rows: Sequence[Sealed]) -> frozenset[bytes]:
    """Add rows at the end; what is there already stays. Return the ids under which another record is there."""
    added = connection.executemany(_INSERT, map(_values, rows)).rowcount
    if added == len(rows):
        return frozenset()
    return frozenset(row.record_id for row in rows if _entry_of(connection, row.record_id) != row.entry_id)


def check_conflicts(conflicts: frozenset[bytes], record_ids: Iterable[bytes]) -> None:
    """Raise ConflictError when one of the ids is that of another record."""
    for record_id in conflicts.intersection(record_ids):
        msg = f"expected record {record_id.hex()} to be kept already or new, got another record under its id"
        raise ConflictError(msg)


def by_record(connection: sqlite3.Connection, record_id: bytes) -> Row | None:
    """Return the row of a record."""
    return next(_select(connection, "record_id = ?", record_id), None)


def by_entry(connection: sqlite3.Connection, entry_id: bytes) -> Row | None:
    """Return the row of a log entry's record."""
    return next(_select(connection, "entry_id = ?", entry_id), None)


def by_decision(connection: sqlite3.Connection, decision: str) -> list[Row]:
    """Return the rows of a decision's records, in the order in which they came."""
    return list(_select(connection, "decision = ? ORDER BY id", decision))


def after(connection: sqlite3.Connection, stream: str, seq: int) -> list[bytes]:
    """Return the ids of the records of a stream that stand at `seq` or behind it and can still be opened."""
    query = "SELECT record_id FROM records WHERE stream = ? AND seq >= ? AND key_box <> ? ORDER BY seq"
    return [record_id for (record_id,) in connection.execute(query, (stream, seq, ZERO_KEY_BOX))]


def blank(connection: sqlite3.Connection, rows: Iterable[int]) -> None:
    """Overwrite keys and ciphertexts by zeros of the same size: they go where they are, and no row moves."""
    connection.executemany(_BLANK, ((row,) for row in rows))


def shrink(connection: sqlite3.Connection) -> int:
    """Give up the room that zeros take. The file must be rebuilt after it. Return how many rows became smaller."""
    query = "UPDATE records SET box = zeroblob(0) WHERE key_box = ? AND length(box) > 0"
    return connection.execute(query, (ZERO_KEY_BOX,)).rowcount


def of_subject(connection: sqlite3.Connection, subject: int, after_row: int, limit: int) -> list[int]:
    """Return up to `limit` rows of a subject behind one row that can still be opened, in their order."""
    query = "SELECT id FROM records WHERE subject = ? AND id > ? AND key_box <> ? ORDER BY id LIMIT ?"
    return [row for (row,) in connection.execute(query, (subject, after_row, ZERO_KEY_BOX, limit))]


def _select(connection: sqlite3.Connection, where: str, *values: Any) -> Iterator[Row]:  # noqa: ANN401
    query = f"SELECT id, {_COLUMNS} FROM records WHERE {where}"  # noqa: S608  `where` is ours
    return ((row[0], Sealed(*row[1:])) for row in connection.execute(query, values))


def _entry_of(connection: sqlite3.Connection, record_id: bytes) -> bytes:
    [entry_id] = connection.execute("SELECT entry_id FROM records WHERE record_id = ?", (record_id,)).fetchone()
    found: bytes = entry_id
    return found


def _values(row: Sealed) -> tuple[Any, ...]:
    place = (row.record_id, row.entry_id, row.decision, row.stream, row.seq)
    return (*place, row.commitments, row.subject, row.key_box, row.box)
