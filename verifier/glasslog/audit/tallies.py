"""Count the entries of a batch by the hour of their event and by shape: the rows of the table `tallies`.

A check of inferences reads these, hundreds of rows where there are millions of decisions. What is counted of a batch is
added to what the table has.
"""

from collections.abc import Sequence
from typing import Final

from glasslog.audit.facts import Batch
from glasslog.audit.rows import Row
from glasslog.audit.tables import HOUR_MS

_NO_TIME: Final = -1  # the hour and the times of a tally of entries without one

_ENTRY: Final = 0  # in a row of a batch
_SORT: Final = 2
_TIME: Final = 5

_Tallies = dict[tuple[int, int], list[int]]


def tallies_of(batch: Batch, shapes: Sequence[int]) -> list[Row]:
    """Return (hour, shape, count, entry_min, entry_max, time_min, time_max); `shapes` are of its sorts."""
    rows_of_sort: list[list[Row]] = [[] for _ in shapes]
    for row in batch.entries:
        rows_of_sort[row[_SORT]].append(row)
    tallies: _Tallies = {}
    for shape, rows in zip(shapes, rows_of_sort, strict=True):
        if rows:
            _count(tallies, shape, rows)
    return [(*key, *tally) for key, tally in tallies.items()]


def _count(tallies: _Tallies, shape: int, rows: Sequence[Row]) -> None:
    """Count entries of one shape, in the order of the log."""
    times = [_NO_TIME if row[_TIME] is None else row[_TIME] for row in rows]
    least, most = min(times), max(times)
    hour = least // HOUR_MS
    if hour == most // HOUR_MS:  # nearly always: a batch is of some seconds
        _add(tallies, (hour, shape), (len(rows), rows[0][_ENTRY], rows[-1][_ENTRY], least, most))
        return
    for row, time in zip(rows, times, strict=True):
        _add(tallies, (time // HOUR_MS, shape), (1, row[_ENTRY], row[_ENTRY], time, time))


def _add(tallies: _Tallies, key: tuple[int, int], added: tuple[int, int, int, int, int]) -> None:
    tally = tallies.get(key)
    if tally is None:
        tallies[key] = list(added)
        return
    tally[0] += added[0]
    tally[1] = min(tally[1], added[1])
    tally[2] = max(tally[2], added[2])
    tally[3] = min(tally[3], added[3])
    tally[4] = max(tally[4], added[4])
