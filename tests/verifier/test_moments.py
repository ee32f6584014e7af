from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.moments import date_of, duration, iso_time, readable_date, readable_time, short_time

YEAR_9999_MS = 253_402_300_799_999
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.integers(min_value=-62_135_596_800_000, max_value=YEAR_9999_MS))
def test_days_are_those_of_the_calendar(milliseconds: int) -> None:
    expected = EPOCH + timedelta(milliseconds=milliseconds)
    assert date_of(milliseconds) == (expected.year, expected.month, expected.day)
    assert iso_time(milliseconds) == expected.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_times_are_written_for_people() -> None:
    assert readable_time(1_735_689_600_000) == "1 January 2025, 00:00:00 UTC"
    assert readable_time(1_709_208_000_250) == "29 February 2024, 12:00:00.250 UTC"
    assert readable_date(YEAR_9999_MS) == "31 December 9999"
    assert short_time(1_709_208_000_250) == "2024-02-29 12:00:00"
    assert short_time(YEAR_9999_MS + 1) == "10000-01-01 00:00:00"


@pytest.mark.parametrize(
    "milliseconds, text",
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1_000, "1 s"),
        (48_500, "48.5 s"),
        (60_000, "1 min"),
        (90_061_000, "1 d 1 h"),
        (3_600_000, "1 h"),
        (3_601_000, "1 h"),
        (-1_500, "-1.5 s"),
    ],
)
def test_a_length_of_time_is_said_in_two_units(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text
