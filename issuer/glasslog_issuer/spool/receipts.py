"""Keep receipts by entry id, for whoever asks later: where an entry is in the log, and the log's proof of it.

An embedded SQLite file beside the segments. A log gives out the receipt of an entry again and again, so what is kept
here saves asking, and holds when the log is gone. It grows by about a kilobyte a record; `forget` makes it smaller.
"""

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from glasslog.merkle import Hash, LeafIndex
from glasslog.receipt import Receipt, decode_receipt
from glasslog.statement import SignedStatement
from glasslog_issuer.errors import SpoolError
from glasslog_issuer.registration import Registered

RECEIPTS_NAME: Final = "receipts.sqlite"
"""Where the receipts of a spool are, in its folder."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS receipts (
    entry_id BLOB PRIMARY KEY,  -- the leaf hash, 32 bytes
    seq INTEGER NOT NULL,       -- the record's number in the spool's stream
    leaf_index INTEGER NOT NULL,
    receipt BLOB NOT NULL
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """The receipt of an entry, verified when it was stored, and where the entry is."""

    index: LeafIndex
    receipt: Receipt = field(repr=False)

    def registered(self, statement: SignedStatement) -> Registered:
        """Return the registration of the statement whose receipt this is."""
        return Registered(statement, self.index, self.receipt, verified=True)


class ReceiptStore:
    """The receipts of one spool. May be shared by threads."""

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises SpoolError."""
        self._path = path
        self._lock = threading.Lock()
        try:
            self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute(_SCHEMA)
        except sqlite3.Error as error:
            msg = f"{path}: cannot open the receipts: {error}"
            raise SpoolError(msg) from error

    def put(self, registered: Sequence[tuple[int, Registered]]) -> None:
        """Store receipts, with the numbers of their records; they are on disk when this returns. Raises SpoolError."""
        rows = [(one.statement.leaf_hash, seq, one.index, one.receipt.encode()) for seq, one in registered]
        try:
            with self._lock:
                self._database.execute("BEGIN")
                self._database.executemany("INSERT OR REPLACE INTO receipts VALUES (?, ?, ?, ?)", rows)
                self._database.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            msg = f"{self._path}: cannot store receipts: {error}"
            raise SpoolError(msg) from error

    def get(self, entry_id: Hash) -> StoredReceipt | None:
        """Return the receipt of an entry, None where there is none. Raises SpoolError."""
        try:
            with self._lock:
                found = self._database.execute(
                    "SELECT leaf_index, receipt FROM receipts WHERE entry_id = ?", (entry_id,)
                ).fetchone()
        except sqlite3.Error as error:
            msg = f"{self._path}: cannot read the receipts: {error}"
            raise SpoolError(msg) from error
        return None if found is None else StoredReceipt(LeafIndex(found[0]), decode_receipt(found[1]))

    def forget(self, before_seq: int) -> int:
        """Remove the receipts of the records below a number; return how many there were. Raises SpoolError."""
        try:
            with self._lock:
                return self._database.execute("DELETE FROM receipts WHERE seq < ?", (before_seq,)).rowcount
        except sqlite3.Error as error:
            msg = f"{self._path}: cannot remove receipts: {error}"
            raise SpoolError(msg) from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def _roll_back(self) -> None:
        with self._lock:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
