"""Bring disclosures into the vault: encrypt them, wrap their keys for a subject, commit many at once.

A record is encrypted outside every lock, under a key of its own; only the wrapping of that key, 32 bytes, waits for the
subject's row. `seal` does all of it without a commit, for callers that have a durable place of their own (a spool) and
bring the result here later: by then the subject may be erased, and what was sealed for it is kept as erased.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from glasslog_issuer.record import SignedRecord
from glasslog_issuer.vault import erasures, records
from glasslog_issuer.vault.batches import Batches
from glasslog_issuer.vault.database import Database
from glasslog_issuer.vault.sealing import Prepared, RandomBytes, Sealed, decode_sealed, prepare
from glasslog_issuer.vault.subjects import Subjects, checked_name

_Item: TypeAlias = tuple[Prepared, str | None] | Sealed


class Keeper:
    """The way in. Shared by threads."""

    def __init__(
        self, database: Database, subjects: Subjects, now_ms: Callable[[], int], random_bytes: RandomBytes
    ) -> None:
        """Take what the vault consists of."""
        self._database = database
        self._subjects = subjects
        self._now_ms = now_ms
        self._random_bytes = random_bytes
        self._batches: Batches[_Item, frozenset[bytes]] = Batches(self._commit)

    def keep(self, items: Iterable[tuple[SignedRecord, str | None]]) -> None:
        """Keep the disclosures of records, each under its subject; they are on disk when this returns."""
        prepared = [
            (ready, subject if subject is None else checked_name(subject))
            for signed, subject in items
            if (ready := prepare(signed, self._random_bytes)) is not None
        ]
        self._add(prepared, [ready.record_id for ready, _ in prepared])

    def seal(self, signed: SignedRecord, subject: str | None) -> bytes | None:
        """Return a sealed row; None for a record without disclosures."""
        ready = prepare(signed, self._random_bytes)
        if ready is None:
            return None
        known = self._subjects.known(subject)
        if known is None:
            with changing(self._database, self._subjects) as connection:
                known = self._subjects.take(connection, subject if subject is None else checked_name(subject))
        return ready.seal(*known, self._random_bytes).encode()

    def keep_sealed(self, blobs: Iterable[bytes]) -> None:
        """Keep sealed rows."""
        sealed = [decode_sealed(blob) for blob in blobs]
        self._add(sealed, [row.record_id for row in sealed])

    def _add(self, items: Sequence[_Item], record_ids: Collection[bytes]) -> None:
        if items:
            records.check_conflicts(self._batches.add(items), record_ids)

    def _commit(self, items: Sequence[_Item]) -> frozenset[bytes]:
        """Commit what one or more threads want kept; return the ids under which another record is there."""
        late: dict[int, list[bytes]] = {}
        with changing(self._database, self._subjects) as connection:
            rows = [self._row(connection, item, late) for item in items]
            conflicts = records.insert(connection, rows)
            for erasure, record_ids in late.items():
                found = filter(None, (records.by_record(connection, record_id) for record_id in record_ids))
                erasures.note_late(connection, erasure, [row for row, _ in found], self._now_ms())
        return conflicts

    def _row(self, connection: sqlite3.Connection, item: _Item, late: dict[int, list[bytes]]) -> Sealed:
        """Return the row to insert: blank, and noted as late, when its subject was erased after it was sealed."""
        if not isinstance(item, Sealed):
            ready, subject = item
            return ready.seal(*self._subjects.take(connection, subject), self._random_bytes)
        erasure = erasures.of_subject(connection, item.subject)
        if erasure is None:
            return item
        late.setdefault(erasure, []).append(item.record_id)
        return item.blank()


@contextmanager
def changing(database: Database, subjects: Subjects) -> Iterator[sqlite3.Connection]:
    """Change the vault; when that fails, what is remembered of its subjects is as it was before."""
    with database.turn:
        keys = subjects.keys
        try:
            with database.transaction() as connection:
                yield connection
        except BaseException:
            subjects.adopt(keys)
            raise
