"""One thing is told as one thing, wherever it is told."""

import pytest

from glasslog.counting import counted


@pytest.mark.parametrize(
    "count, things, said",
    [
        (0, "findings", "0 findings"),
        (1, "findings", "1 finding"),
        (2_000, "findings", "2,000 findings"),
        (1, "entries", "1 entry"),
        (1, "duties", "1 duty"),
        (1, "tree heads", "1 tree head"),
        (1, "inferences", "1 inference"),
        (2, "due dates", "2 due dates"),
    ],
)
def test_a_number_and_what_it_counts_agree(count: int, things: str, said: str) -> None:
    assert counted(count, things) == said
