import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.pages.charts import Bar, Lane, Mark, Span, histogram, stacked_bars, step_curve, timeline
from glasslog.pages.scales import Scale, number_label, ticks, time_label, time_ticks
from tests.verifier.evidence import TIME_MS
from tests.verifier.pages.documents import faults, read_page

DAY_MS = 86_400_000
numbers = st.floats(min_value=-1e12, max_value=1e12, allow_nan=False)
moments = st.integers(min_value=0, max_value=253_402_300_799_999)


def test_a_timeline_has_a_lane_for_each_thing_and_shows_gaps_apart() -> None:
    lanes = [
        Lane("Heartbeats", spans=[Span(0, 10, "beats"), Span(10, 20, "silent", is_gap=True), Span(20, 30, "beats")]),
        Lane("Records", marks=[Mark(5, "good one", "good"), Mark(15, "bad one", "bad")]),
    ]
    page = read_page(timeline("What happened", 0, 40, lanes))
    classes = [element.attributes.get("class") for element in page.elements]
    assert classes.count("span") == 2
    assert classes.count("gap") == 1
    assert page.one("polygon").attributes["class"] == "mark bad"
    assert page.one("circle").attributes["class"] == "mark good"
    label = page.one("svg").attributes["aria-label"]
    assert label.startswith("What happened. 2 events and 1 gap from 1970-01-01 00:00:00 to")
    gap = next(element for element in page.elements if element.attributes.get("class") == "gap")
    spans = [element for element in page.elements if element.attributes.get("class") == "span"]
    assert float(gap.attributes["x"]) == pytest.approx(
        float(spans[0].attributes["x"]) + float(spans[0].attributes["width"]), abs=0.02
    )


def test_bars_are_as_long_as_their_values() -> None:
    page = read_page(stacked_bars("Decisions", ["allow", "deny"], [Bar("a", [30, 10]), Bar("b", [20, 0])]))
    boxes = [element for element in page.all("rect") if element.attributes["height"] == "18"]
    widths = [float(box.attributes["width"]) for box in boxes]
    assert len(widths) == 3, "a value of 0 is not drawn"
    assert widths[0] / widths[1] == pytest.approx(3, abs=0.01)
    assert widths[0] / widths[2] == pytest.approx(1.5, abs=0.01)
    assert [box.text for box in boxes] == ["a, allow: 30", "a, deny: 10", "b, allow: 20"]


def test_a_histogram_is_as_high_as_its_counts() -> None:
    page = read_page(histogram("Lateness", [0, 10, 20, 30], [40, 0, 10], unit="s"))
    boxes = page.all("rect")
    assert [box.text for box in boxes] == ["0 to 10 s: 40", "20 to 30 s: 10"]
    assert float(boxes[0].attributes["height"]) / float(boxes[1].attributes["height"]) == pytest.approx(4, abs=0.01)


@pytest.mark.parametrize("edges", [[0, 1], [0, 2, 1], [0, 1, 2, 3]])
def test_a_histogram_wants_one_edge_more_than_bins(edges: list[float]) -> None:
    with pytest.raises(ValueError, match="expected 3 rising edges"):
        histogram("x", edges, [1, 2])


def test_a_curve_holds_its_value_until_the_next_one() -> None:
    page = read_page(step_curve("Drift", [(0, 1.0), (10, 3.0), (20, 2.0)], limit=2.5, over_time=False))
    curve = next(element for element in page.all("path") if element.attributes["class"] == "curve")
    assert re.fullmatch(r"M[\d.]+ [\d.]+ H[\d.]+ V[\d.]+ H[\d.]+ V[\d.]+", curve.attributes["d"])
    assert "limit 2.5" in page.text
    assert "3 values from 1 to 3, the last 2" in page.one("svg").attributes["aria-label"]


def test_nothing_to_draw_is_said() -> None:
    assert "no data" in read_page(step_curve("Drift", [])).text
    assert faults(timeline("Empty", 0, 0, [])) == []
    assert faults(stacked_bars("Empty", [], [])) == []
    assert faults(histogram("Empty", [0], [])) == []


@given(st.lists(st.tuples(moments, numbers), min_size=1, max_size=20), st.none() | numbers)
def test_any_curve_stays_within_the_chart(points: list[tuple[int, float]], limit: float | None) -> None:
    drawn = step_curve("any", sorted(points), limit=limit)
    page = read_page(drawn)
    curve = next(element for element in page.all("path") if element.attributes["class"] == "curve")
    assert faults(drawn) == []
    assert all(0 <= float(number) <= 720 for number in re.findall(r"-?[\d.]+", curve.attributes["d"]))


@given(moments, moments, st.lists(st.tuples(moments, moments), max_size=5))
def test_any_timeline_stays_within_the_chart(start: int, end: int, spans: list[tuple[int, int]]) -> None:
    low, high = sorted((start, end))
    lane = Lane("any", [Mark(a, "m") for a, _ in spans], [Span(min(s), max(s), "s") for s in spans])
    page = read_page(timeline("any", low, high, [lane]))
    for box in page.all("rect"):
        assert 0 <= float(box.attributes["x"]) <= float(box.attributes["x"]) + float(box.attributes["width"]) <= 720
    assert page.faults == []


@given(numbers, numbers, st.integers(2, 8))
def test_ticks_are_round_few_and_within(first: float, second: float, marks: int) -> None:
    low, high = sorted((first, second))
    values = ticks(low, high, marks)
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert values == sorted(values)
    assert len(values) <= 4 * marks
    assert all(low - slack <= value <= high + slack for value in values)


@given(moments, moments)
def test_times_on_an_axis_are_few_and_within(first: int, second: int) -> None:
    low, high = sorted((first, second))
    values = time_ticks(low, high)
    assert len(values) <= 7
    assert all(low <= value <= high for value in values)


@pytest.mark.parametrize(
    "moment, step, label",
    [
        (TIME_MS, DAY_MS, "2025-01-01"),
        (TIME_MS + DAY_MS // 2, DAY_MS // 2, "12:00"),
        (TIME_MS, DAY_MS // 2, "2025-01-01"),
        (TIME_MS + 61_000, 1_000, "00:01:01"),
        (TIME_MS + 61_250, 50, "01:01.250"),
    ],
)
def test_a_time_is_labelled_as_finely_as_its_axis(moment: int, step: int, label: str) -> None:
    assert time_label(moment, step) == label


def test_numbers_are_labelled_for_people() -> None:
    assert [number_label(value) for value in (12_500, 0.25, 1 / 3, 0, -4)] == ["12,500", "0.25", "0.3333", "0", "-4"]


@given(numbers, numbers, numbers)
def test_a_scale_keeps_every_value_on_the_chart(low: float, high: float, value: float) -> None:
    assert 10 <= Scale(min(low, high), max(low, high), 10, 20).at(value) <= 20
