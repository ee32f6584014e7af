"""The numbers of each stream: the first, the last, how many there are and how many records have them.

Made in one pass over an index when the first check asks for it, for the whole log and not for the scope: a window has
no gaps of its own. A stream with as many numbers as its last one says has no gap, and one with as many numbers as
records has no repeat, so checks look closely at the others alone. With `since` nothing of this is made: a look-up for
each new record costs less.
"""

from typing import Final

from glasslog.audit.view import View

_COUNT: Final = """
    INSERT INTO temp.sequences
    SELECT stream, min(seq), max(seq), count(*), count(DISTINCT seq) FROM entries WHERE stream > 0 GROUP BY stream
"""
WITH_GAPS: Final = "SELECT stream FROM temp.sequences WHERE numbers <= last"
WITH_REPEATS: Final = "SELECT stream FROM temp.sequences WHERE numbers < records"


def count_numbers(view: View) -> None:
    """Fill `sequences`, (stream, first, last, records, numbers), if that was not done for this view before."""
    if not view.value("SELECT EXISTS (SELECT 1 FROM temp.sequences)"):
        view.database.execute(_COUNT)
