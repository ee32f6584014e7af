"""Which tree head covers an entry first: the log's word for when it had the entry, and that of each witness.

Two pieces of SQL that the checks of time share. COVERED joins heads `h` (`time`, `witness`, and the entries [first,
stop) that it was the first to cover), entries `e` and their shapes `c`; IN_SCOPE keeps those of the view's scope. Each
head's entries are one range of the table, so the join is one pass for the log and one for each witness.
"""

from typing import Final

COVERED: Final = """
    (
        SELECT lag(size, 1, 0) OVER (PARTITION BY witness ORDER BY size) AS first, size AS stop, time, witness
        FROM (SELECT size, witness, min(time) AS time FROM heads GROUP BY size, witness)
    ) h
    CROSS JOIN entries e ON e.entry >= h.first AND e.entry < h.stop
    CROSS JOIN chosen c ON c.shape = e.shape
"""
IN_SCOPE: Final = "h.stop > :since AND +e.entry >= :since AND e.time >= :start AND e.time < :stop"
"""The plus keeps SQLite from beginning each range at :since instead of where the head's entries begin."""
UNCOVERED: Final = """
    SELECT count(*) FROM entries e CROSS JOIN chosen c ON c.shape = e.shape CROSS JOIN sources o ON o.number = c.source
    WHERE e.entry >= max(:covered, :since) AND e.time >= :start AND e.time < :stop
"""
"""Count the entries of the scope from :covered on, where the newest head ends. Conditions may follow."""
