"""Numbers for what repeats: who signs, which call, which guardrail executions, and the shape that they make together.

What was numbered once is looked up in memory, where the last NUMBERS_KEPT_MAX of each kind are kept; the tables know
them all. Numbers given in a transaction that is rolled back must be forgotten (`forget`, `clear`).
"""

import json
import sqlite3
from typing import Final

from glasslog.audit.rows import Row
from glasslog.audit.tables import NUMBERED, insert_statement

NUMBERS_KEPT_MAX: Final = 16_384  # of one table, in memory
_INSERT_PART: Final = (
    "INSERT INTO run_parts (runs, guardian, target, position, decision, in_time) VALUES (?, ?, ?, ?, ?, ?)"
)


class Numbers(dict[Row, int]):
    """The numbers of one table of what repeats, looked up or given on first use. Bounded: when full, it forgets all."""

    def __init__(self, connection: sqlite3.Connection, table: str) -> None:
        """Know nothing yet of a table of NUMBERED."""
        super().__init__()
        self._connection = connection
        columns = NUMBERED[table]
        conditions = " AND ".join(f"{column} IS ?" for column in columns)
        self._select = f"SELECT number FROM {table} WHERE {conditions}"  # noqa: S608  our names
        self._insert = insert_statement(table, columns)

    def __missing__(self, values: Row) -> int:
        row = self._connection.execute(self._select, self._written(values)).fetchone()
        number = row[0] if row else self._give(values)
        if len(self) >= NUMBERS_KEPT_MAX:
            self.clear()
        self[values] = number
        return number

    def _give(self, values: Row) -> int:
        number = self._connection.execute(self._insert, self._written(values)).lastrowid
        if number is None:
            msg = "SQLite gave no number to a new row"
            raise AssertionError(msg)
        return number

    def _written(self, values: Row) -> Row:
        """Return the columns in which the values are kept."""
        return values


class _Runs(Numbers):
    """The numbers of lists of guardrail executions; the executions themselves are in `run_parts`."""

    def _give(self, values: Row) -> int:
        number = super()._give(values)
        self._connection.executemany(_INSERT_PART, ((number, *run) for run in values))
        return number

    def _written(self, values: Row) -> Row:
        return (json.dumps(values),)


class Shapes(dict[tuple[Row, Row | None, Row | None], tuple[int, int]]):
    """The shapes of entries, by (source, call, runs): the number of the shape and that of its stream. Bounded."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Know nothing yet."""
        super().__init__()
        self._sources, self._streams, self._calls = (
            Numbers(connection, table) for table in ("sources", "streams", "calls")
        )
        self._runs = _Runs(connection, "runs")
        self._shapes = Numbers(connection, "shapes")

    def __missing__(self, key: tuple[Row, Row | None, Row | None]) -> tuple[int, int]:
        source, call, runs = key
        issuer, stream_name = source[1], source[6]
        stream = 0 if stream_name is None else self._streams[issuer, stream_name]
        numbers = (
            self._sources[source],
            0 if call is None else self._calls[call],
            0 if runs is None else self._runs[runs],
            stream,
        )
        if len(self) >= NUMBERS_KEPT_MAX:
            self.clear()
        shape = (self._shapes[numbers], stream)
        self[key] = shape
        return shape

    def forget(self) -> None:
        """Begin with nothing."""
        self.clear()
        for numbers in (self._sources, self._streams, self._calls, self._runs, self._shapes):
            numbers.clear()
