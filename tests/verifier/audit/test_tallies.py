"""What is counted of a batch is what counting its entries one by one gives."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from glasslog.audit.facts import Batch
from glasslog.audit.tables import HOUR_MS
from glasslog.audit.tallies import tallies_of

END = 5 * HOUR_MS  # it is the beginning that counts
SHAPES = (7, 9, 7)  # two sorts of one shape: another key signed


@given(st.lists(st.tuples(st.integers(0, 2), st.none() | st.integers(0, 3 * HOUR_MS)), max_size=30))
def test_tallies_are_counts_by_hour_and_shape(entries: list[tuple[int, int | None]]) -> None:
    batch = Batch()
    batch.entries = [
        (index, b"", sort, None, None, time, END, 0, None, None) for index, (sort, time) in enumerate(entries)
    ]
    counted = defaultdict(list)
    for index, (sort, time) in enumerate(entries):
        at = -1 if time is None else time
        counted[at // HOUR_MS, SHAPES[sort]].append((index, at))
    expected = {
        (*key, len(of), of[0][0], of[-1][0], min(at for _, at in of), max(at for _, at in of))
        for key, of in counted.items()
    }
    assert set(tallies_of(batch, SHAPES)) == expected
