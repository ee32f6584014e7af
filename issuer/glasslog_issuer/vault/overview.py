"""What may be said about a vault without opening anything in it: what is kept, what was erased, what is still open."""

import sqlite3
from dataclasses import dataclass

from glasslog_issuer.vault import erasures, records
from glasslog_issuer.vault.database import one


@dataclass(frozen=True, slots=True)
class Kept:
    """A record in the vault. `erased_at` is in POSIX milliseconds; a record that was `discarded` is not in the log."""

    record_id: bytes
    entry_id: bytes
    decision: str
    commitments: dict[str, bytes]
    erased_at: int | None
    discarded: bool


@dataclass(frozen=True, slots=True)
class StoreState:
    """How far a store is with an erasure, since `at`, POSIX milliseconds."""

    store: str
    state: str
    at: int


@dataclass(frozen=True, slots=True)
class ErasureStatus:
    """An erasure and how far it is. Times are POSIX milliseconds; `destroyed_at` is None while it is being carried out.

    `unsubmitted` counts statements that the log may not have yet, signed or not.
    """

    request_id: str
    basis: str
    begun_at: int
    destroyed_at: int | None
    stores: tuple[StoreState, ...]
    records: int
    unsubmitted: int

    @property
    def is_open(self) -> bool:
        """Tell whether anything is still to be done: here, in another store, or for the log to be told."""
        unconfirmed = any(store.state != erasures.CONFIRMED for store in self.stores)
        return unconfirmed or self.unsubmitted > 0 or self.destroyed_at is None


@dataclass(frozen=True, slots=True)
class Totals:
    """How much is in a vault."""

    subjects: int
    records: int
    readable: int
    erased: int
    erasures: int
    bytes: int


def kept(connection: sqlite3.Connection, row: records.Row) -> Kept:
    """Return what is public about a row."""
    number, sealed = row
    erasure = erasures.of_row(connection, number, sealed.subject)
    return Kept(
        record_id=sealed.record_id,
        entry_id=sealed.entry_id,
        decision=sealed.decision,
        commitments=sealed.digests(),
        erased_at=erasure[0] if erasure is not None else None,
        discarded=erasure is None and sealed.is_blank,
    )


def statuses(connection: sqlite3.Connection) -> tuple[ErasureStatus, ...]:
    """Return how far every erasure is, oldest first."""
    query = "SELECT id, request_id, basis, begun_at, destroyed_at FROM erasures ORDER BY id"
    return tuple(_status(connection, *row) for row in connection.execute(query).fetchall())


def totals(connection: sqlite3.Connection) -> Totals:
    """Count what is there. Reads an index or two from end to end."""
    pages, page_bytes = one(connection, "PRAGMA page_count"), one(connection, "PRAGMA page_size")
    all_records = one(connection, "SELECT count(*) FROM records")
    unreadable = one(connection, "SELECT count(*) FROM records WHERE key_box = zeroblob(72)")
    return Totals(
        subjects=one(connection, "SELECT count(*) - 1 FROM subjects WHERE key_box <> zeroblob(72)"),
        records=all_records,
        readable=all_records - unreadable,
        erased=one(connection, "SELECT count(*) FROM erased_records"),
        erasures=one(connection, "SELECT count(*) FROM erasures"),
        bytes=pages * page_bytes,
    )


def _status(
    connection: sqlite3.Connection, erasure: int, request_id: str, basis: str, begun_at: int, destroyed_at: int | None
) -> ErasureStatus:
    stores = connection.execute(
        "SELECT store, state, at FROM erasure_stores WHERE erasure = ? ORDER BY position", (erasure,)
    )
    unsubmitted = one(
        connection,
        "SELECT count(*) FROM erasure_statements JOIN erasure_parts ON erasure_parts.id = part "
        "WHERE erasure = ? AND submitted_at IS NULL",
        erasure,
    )
    return ErasureStatus(
        request_id=request_id,
        basis=basis,
        begun_at=begun_at,
        destroyed_at=destroyed_at,
        stores=tuple(StoreState(*store) for store in stores.fetchall()),
        records=one(connection, "SELECT count(*) FROM erased_records WHERE erasure = ?", erasure),
        unsubmitted=unsubmitted,
    )
