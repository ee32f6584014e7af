"""The database of an audit: facts of every entry, in SQLite, written by one process and read by the checks.

It is derived state: everything in it follows from the mirrored log, so it is lost without harm and built again. What it
promises is order and whole chunks: an insertion is one transaction, entries come without gaps from `next_index` on, and
after a kill it continues where it was. It survives the loss of power too (write-ahead log, synced at its checkpoints).

Reads are cursors: no caller here or in the checks holds the rows of the log in memory. Nothing is judged here.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

from glasslog.audit.facts import Batch, Facts, batch_of
from glasslog.audit.finding import Finding
from glasslog.audit.numbering import Numbers, Shapes
from glasslog.audit.rows import Row
from glasslog.audit.tables import (
    ENTRY_COLUMNS,
    FINDING_COLUMNS,
    ROWS,
    SCHEMA_NUMBER,
    TALLY_COLUMNS,
    create_statements,
    index_statements,
    insert_statement,
)
from glasslog.audit.tallies import tallies_of
from glasslog.errors import UncheckableError
from glasslog.records.schema import TIME_MS_MAX

_PRAGMAS: Final = (
    "PRAGMA page_size = 16384",  # of a new file: a quarter of the calls that write it
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA wal_autocheckpoint = 4096",  # pages: 64 MiB
    "PRAGMA cache_size = -65536",  # KiB
    "PRAGMA temp_store = FILE",  # sorting a log takes disk, not memory
)
_TALLY: Final = f"""
    {insert_statement("tallies", TALLY_COLUMNS)}
    ON CONFLICT (hour, shape) DO UPDATE SET
        count = count + excluded.count,
        entry_max = max(entry_max, excluded.entry_max),
        time_min = min(time_min, excluded.time_min),
        time_max = max(time_max, excluded.time_max)
"""


class Head(NamedTuple):
    """A tree of `size` entries was there at `time`, POSIX milliseconds: the log's word, or that of a named witness."""

    size: int
    time: int
    witness: str = ""


class Database:
    """The facts of one log. For one process and one thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take a connection that manages no transactions of its own (`isolation_level=None`)."""
        self._connection = connection
        self._anchors = Numbers(connection, "anchors")
        self._shapes = Shapes(connection)
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        self._establish()

    @classmethod
    def open(cls, path: Path) -> "Database":
        """Open the database in a file, or make one. Raises UncheckableError for a file that is of another kind."""
        try:
            return cls(sqlite3.connect(path, isolation_level=None))
        except sqlite3.Error as error:
            msg = f"expected an audit database in {path}, got: {error}"
            raise UncheckableError(msg) from error

    @classmethod
    def in_memory(cls) -> "Database":
        """Make a database that is gone when it is closed."""
        return cls(sqlite3.connect(":memory:", isolation_level=None))

    def close(self) -> None:
        """Close the connection. What was inserted stays."""
        self._connection.close()

    def _establish(self) -> None:
        (number,) = self._connection.execute("PRAGMA user_version").fetchone()
        if number == 0:
            with self._transaction():
                for statement in create_statements():
                    self._connection.execute(statement)
        elif number != SCHEMA_NUMBER:
            msg = f"expected an audit database of schema {SCHEMA_NUMBER}, got {number}: remove it to build it again"
            raise UncheckableError(msg)

    # ------------------------------------------------------------------------------------------------------ writing

    @property
    def next_index(self) -> int:
        """Return the index of the first entry that is not here."""
        return int(self._connection.execute("SELECT coalesce(max(entry) + 1, 0) FROM entries").fetchone()[0])

    def insert(self, facts: Sequence[Facts], findings: Iterable[Finding] = ()) -> None:
        """Insert the facts of the next entries in order, and what the replay found in them: all of it or nothing.

        Raises ValueError where an entry is not the next. Costs a few microseconds an entry; chunks of thousands.
        """
        self.insert_batch(batch_of(facts), findings)

    def insert_batch(self, batch: Batch, findings: Iterable[Finding] = ()) -> None:
        """Insert what `insert` does, from a batch."""
        for position, row in enumerate(batch.entries, start=self.next_index):
            if row[0] != position:
                msg = f"expected the facts of entry {position}, got those of {row[0]}"
                raise ValueError(msg)
        with self._transaction():
            self._insert(batch)
            self.insert_findings(findings)

    def _insert(self, batch: Batch) -> None:
        sorts = [self._shapes[sort] for sort in batch.sorts]
        others: dict[str, list[Row]] = {}
        for table, row in batch.rows:
            others.setdefault(table, []).append(row)
        execute = self._connection.executemany
        shapes, streams = [shape for shape, _ in sorts], [stream for _, stream in sorts]
        self._insert_entries(self._entry_rows(batch, shapes, streams))
        for table, added in others.items():
            execute(_INSERT_ROW[table], added)
        execute(_TALLY, tallies_of(batch, shapes))

    def _insert_entries(self, rows: Sequence[Row]) -> None:
        """Insert many rows with one statement, which costs less than a statement for each; then the rest."""
        whole = len(rows) - len(rows) % _ROWS_AT_ONCE
        for start in range(0, whole, _ROWS_AT_ONCE):
            values = chain.from_iterable(rows[start : start + _ROWS_AT_ONCE])
            self._connection.execute(_INSERT_ENTRIES, tuple(values))
        self._connection.executemany(_INSERT_ENTRY, rows[whole:])

    def _entry_rows(self, batch: Batch, shapes: Sequence[int], streams: Sequence[int]) -> list[Row]:
        """Return the rows of the table, with octets as `bytearray`, which sqlite3 takes as it is.

        It looks for an adapter for each `bytes` that it is given, and that costs more than the whole rest of a row.
        """
        anchors = self._anchors
        return [
            (
                entry,
                bytearray(leaf),
                shapes[sort],
                streams[sort],
                bytearray(subject) if type(subject) is bytes else subject,
                number if number is None else bytearray(number),
                time,
                end,
                seq,
                prev if prev is None else bytearray(prev),
                0 if anchor is None else anchors[anchor],
            )
            for entry, leaf, sort, subject, number, time, end, seq, prev, anchor in batch.entries
        ]

    def insert_heads(self, heads: Iterable[Head]) -> None:
        """Insert verified tree heads, in any order; one that is there already is left as it is."""
        with self._transaction():
            self._connection.executemany(
                "INSERT OR IGNORE INTO heads (size, witness, time) VALUES (?, ?, ?)",
                ((head.size, head.witness, min(head.time, TIME_MS_MAX)) for head in heads),
            )

    def insert_findings(self, findings: Iterable[Finding]) -> None:
        """Insert what the replay found: each is given out again by the check that it names."""
        self._connection.executemany(_INSERT_FINDING, map(_finding_row, findings))

    def prepare(self) -> None:
        """Make the indexes that checks need, where they are not there yet.

        Made once after a first mirroring they cost a third of what they cost row by row; from then on they grow along.
        """
        for statement in index_statements():
            self._connection.execute(statement)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            self._anchors.clear()  # they may number what is gone
            self._shapes.forget()
            raise
        self._connection.execute("COMMIT")

    # ------------------------------------------------------------------------------------------------------ reading

    def execute(self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> sqlite3.Cursor:
        """Run one statement: the cursor gives its rows as they are found."""
        return self._connection.execute(statement, parameters)

    def executemany(self, statement: str, rows: Iterable[Row]) -> None:
        """Run one statement for each row: for tables of a check's own, which are temporary."""
        self._connection.executemany(statement, rows)

    @property
    def newest_time(self) -> int | None:
        """Return the log's time of its newest tree head, POSIX milliseconds."""
        time: int | None = self.execute("SELECT max(time) FROM heads WHERE witness = ''").fetchone()[0]
        return time

    def leaf_of(self, entry: int) -> bytes | None:
        """Return the leaf hash of an entry, which is its id."""
        row = self.execute("SELECT leaf FROM entries WHERE entry = ?", (entry,)).fetchone()
        return None if row is None else bytes(row[0])


_ROWS_AT_ONCE: Final = 64  # of 11 values each: SQLite before 3.32 takes 999 in one statement
_INSERT_ENTRY: Final = insert_statement("entries", ENTRY_COLUMNS)
_INSERT_ENTRIES: Final = insert_statement("entries", ENTRY_COLUMNS, rows=_ROWS_AT_ONCE)
_INSERT_FINDING: Final = insert_statement("findings", FINDING_COLUMNS)
_INSERT_ROW: Final = {table: insert_statement(table, columns) for table, columns in ROWS.items()}


def _finding_row(finding: Finding) -> Row:
    return (
        finding.check,
        str(finding.severity),
        finding.message,
        json.dumps(finding.entries),
        min(finding.entries, default=None),
        finding.issuer,
        finding.system,
        finding.subject,
        finding.start,
        finding.end,
    )
