"""Columns over time: counts become heights, texts stay texts, and nothing leaves the chart."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.pages.charts import WIDTH
from glasslog.pages.columns import columns
from tests.verifier.audit.story import MINUTE_MS, START
from tests.verifier.pages.documents import faults


def page(chart: str) -> str:
    return f'<!DOCTYPE html><html lang="en"><head><title>t</title></head><body>{chart}</body></html>'


def boxes(chart: str) -> list[tuple[float, float, float, float]]:
    """Return x, y, width and height of every column, without the legend."""
    pattern = r'<rect class="s\d" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"><title>[^<]*, \d{4}-'
    return [(float(x), float(y), float(w), float(h)) for x, y, w, h in re.findall(pattern, chart)]


def test_heights_are_the_counts_and_parts_stand_on_each_other() -> None:
    first, second, alone = boxes(columns("t", START, MINUTE_MS, {"a": [2, 0, 4], "b": [1, 0, 0]}))[:3]
    assert first[3] == pytest.approx(2 * second[3], abs=0.1)
    assert alone[3] == pytest.approx(2 * first[3], abs=0.1)
    assert second[1] + second[3] == pytest.approx(first[1], abs=0.1)
    assert first[1] + first[3] == pytest.approx(alone[1] + alone[3], abs=0.1)
    assert first[0] == second[0] < alone[0]


def test_every_column_tells_its_number_and_the_chart_the_sum() -> None:
    chart = columns("Decisions", START, MINUTE_MS, {"allow": [3, 0], "deny": [0, 1_200]})
    assert "<title>allow, 2025-01-01 00:00:00: 3</title>" in chart
    assert "<title>deny, 2025-01-01 00:01:00: 1,200</title>" in chart
    assert 'aria-label="Decisions. allow, deny: 1,203 in all, at most 1,200 in one column."' in chart


def test_series_of_different_lengths_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="one length"):
        columns("t", START, MINUTE_MS, {"a": [1], "b": [1, 2]})


@given(
    st.dictionaries(st.text(max_size=40), st.lists(st.integers(0, 2**40), min_size=7, max_size=7), max_size=9),
    st.integers(1, 10**12),
)
def test_any_counts_and_names_are_drawn_within_the_chart(series: dict[str, list[int]], bucket_ms: int) -> None:
    chart = columns("t", START, bucket_ms, series)
    assert chart == columns("t", START, bucket_ms, series)
    assert faults(page(chart)) == []
    height = float(re.findall(rf'viewBox="0 0 {WIDTH} ([\d.]+)"', chart)[0])
    for x, y, width, tall in boxes(chart):
        assert 0 <= x <= x + width <= WIDTH + 1
        assert 0 <= y <= y + tall <= height
