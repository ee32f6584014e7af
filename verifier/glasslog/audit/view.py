"""What a check sees: the database through the scope of an audit, the tree, and the time up to which duties are due.

`scoped` is a table of the entries in the scope: event time in the window, issuer and system chosen, index at or above
`since`, records alone. `scoped_shapes` counts them by shape. Checks judge what is in these, and may look anywhere for
evidence. `sequences` is filled on demand (`glasslog.audit.sequences`). All are temporary and belong to one view; a
database has one view at a time.
"""

import sqlite3
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final, NamedTuple, Protocol

from glasslog.audit.database import Database
from glasslog.audit.rows import Row
from glasslog.audit.scope import Scope
from glasslog.audit.systems import Systems
from glasslog.merkle import Hash, TreeSize
from glasslog.records.schema import TIME_MS_MAX


class Tree(Protocol):
    """The tree of the mirrored log: its hashes were verified against a signed tree head."""

    @property
    def size(self) -> TreeSize:
        """Return the number of entries."""
        ...

    def root_at(self, size: TreeSize) -> Hash:
        """Return the root of the tree of the first `size` entries, 1 to `self.size`."""
        ...


class References(NamedTuple):
    """How many records in the scope name an anchor or the one before them, and how many have a number above 0."""

    anchored: int
    numbered: int
    chained: int


_TABLES: Final = (
    "DROP VIEW IF EXISTS temp.scoped",
    "DROP TABLE IF EXISTS temp.scoped_shapes",
    "DROP TABLE IF EXISTS temp.chosen",
    "DROP TABLE IF EXISTS temp.bounds",
    "DROP TABLE IF EXISTS temp.sequences",
    "CREATE TEMP TABLE bounds (start, stop, since)",
    "CREATE TEMP TABLE chosen (shape INTEGER PRIMARY KEY, source, call, runs)",
    "CREATE TEMP TABLE sequences (stream, first, last, records, numbers)",
    """CREATE TEMP TABLE scoped_shapes (
        shape INTEGER PRIMARY KEY, source, call, runs, count, entry_min, entry_max, time_min, time_max
    )""",
    """CREATE TEMP VIEW scoped AS
        SELECT e.entry, e.leaf, e.stream, e.subject, e.id, e.time, e.ended, e.seq, e.prev, e.anchor,
            e.shape, c.source, c.call, c.runs
        FROM main.entries e CROSS JOIN temp.chosen c ON c.shape = e.shape
        WHERE e.entry >= (SELECT since FROM temp.bounds)
            AND e.time >= (SELECT start FROM temp.bounds) AND e.time < (SELECT stop FROM temp.bounds)""",
)
_SHAPES_OF_ALL: Final = """
    INSERT INTO scoped_shapes
    SELECT c.shape, c.source, c.call, c.runs,
        sum(t.count), min(t.entry_min), max(t.entry_max), min(t.time_min), max(t.time_max)
    FROM tallies t CROSS JOIN chosen c ON c.shape = t.shape GROUP BY c.shape
"""
_SHAPES_OF_SCOPE: Final = """
    INSERT INTO scoped_shapes
    SELECT shape, source, call, runs, count(*), min(entry), max(entry), min(time), max(time) FROM scoped GROUP BY shape
"""


class View:
    """One audit's view of a database. `as_of` is POSIX milliseconds; `systems` is the register of systems."""

    def __init__(self, database: Database, tree: Tree, scope: Scope) -> None:
        """Make the tables of the scope. Costs a pass over the entries where the scope leaves some out."""
        database.prepare()
        self.database = database
        self.tree = tree
        self.scope = scope
        self.systems = Systems(database)
        self._establish()
        self.newest_time = database.newest_time
        self.as_of = self._as_of()

    def _establish(self) -> None:
        scope, execute = self.scope, self.database.execute
        execute("PRAGMA automatic_index = OFF")
        for statement in _TABLES:
            execute(statement)
        execute("INSERT INTO bounds VALUES (?, ?, ?)", (scope.start, scope.end, scope.since))
        self._choose()
        is_all = scope.start == 0 and scope.end > TIME_MS_MAX and scope.since == 0
        execute(_SHAPES_OF_ALL if is_all else _SHAPES_OF_SCOPE)

    def _choose(self) -> None:
        """Choose the shapes of records by the issuers and of the systems of the scope."""
        scope = self.scope
        conditions = ["o.type IS NOT NULL"]
        parameters: list[str] = []
        for column, names in (("issuer", scope.issuers), ("system", scope.systems)):
            if names:
                conditions.append(f"o.{column} IN ({', '.join('?' * len(names))})")
                parameters.extend(sorted(names))
        statement = f"""
            INSERT INTO chosen SELECT s.number, s.source, s.call, s.runs
            FROM shapes s JOIN sources o ON o.number = s.source WHERE {" AND ".join(conditions)}
        """  # noqa: S608  our names; what was asked for comes as parameters
        self.database.execute(statement, parameters)

    def _as_of(self) -> int:
        """Return the time asked for, that of the newest tree head, or (no head is known) that of the newest event."""
        if self.scope.as_of is not None:
            return self.scope.as_of
        if self.newest_time is not None:
            return self.newest_time
        return int(self.database.execute("SELECT coalesce(max(time_max), 0) FROM tallies").fetchone()[0])

    @property
    def lateness_ms(self) -> int:
        """Return the bound of a system that declares none."""
        return self.scope.bounds.lateness

    @cached_property
    def references(self) -> References:
        """Count what records name, which is theirs to choose. Costs a pass over the entries, once."""
        row = self.row(
            """
            SELECT coalesce(sum(anchor > 0), 0), coalesce(sum(seq > 0), 0),
                coalesce(sum(seq > 0 AND prev IS NOT NULL), 0)
            FROM scoped
            """
        )
        return References(*row or (0, 0, 0))

    @property
    def is_incremental(self) -> bool:
        """Tell whether new entries alone are judged: then a look-up for each costs less than a pass over all."""
        return self.scope.since > 0

    # ------------------------------------------------------------------------------------------------------ reading

    def rows(self, statement: str, **parameters: Any) -> Iterator[Row]:  # noqa: ANN401  what SQLite takes
        """Yield rows as they are found. The statement may name :start, :stop, :since and :as_of."""
        return self._execute(statement, parameters)

    def row(self, statement: str, **parameters: Any) -> Row | None:  # noqa: ANN401
        """Return the first row, if there is one."""
        cursor = self._execute(statement, parameters)
        row: Row | None = cursor.fetchone()
        cursor.close()
        return row

    def value(self, statement: str, **parameters: Any) -> Any:  # noqa: ANN401  a column
        """Return the first column of the first row, which must be there."""
        row = self.row(statement, **parameters)
        if row is None:
            msg = "expected a row"
            raise AssertionError(msg)
        return row[0]

    def count(self, *types: str) -> int:
        """Return how many records of these types (none: of any) are in the scope."""
        chosen = f"WHERE o.type IN ({', '.join('?' * len(types))})" if types else ""
        statement = f"""
            SELECT coalesce(sum(s.count), 0) FROM scoped_shapes s CROSS JOIN sources o ON o.number = s.source {chosen}
        """  # noqa: S608  our names
        return int(self.database.execute(statement, types).fetchone()[0])

    def _execute(self, statement: str, parameters: dict[str, Any]) -> sqlite3.Cursor:
        scope = self.scope
        known = {"start": scope.start, "stop": scope.end, "since": scope.since, "as_of": self.as_of}
        return self.database.execute(statement, {**known, **parameters})
