"""Times for people: POSIX milliseconds as UTC, by arithmetic alone.

The pure parts import no calendar, because a calendar comes with a clock. Days are counted as in the proleptic Gregorian
calendar (Howard Hinnant, "chrono-compatible low-level date algorithms", days_from_civil), without leap seconds, as
POSIX has it.
"""

from typing import Final

_MS_PER_S: Final = 1_000
_MS_PER_MINUTE: Final = 60 * _MS_PER_S
_MS_PER_HOUR: Final = 60 * _MS_PER_MINUTE
_MS_PER_DAY: Final = 24 * _MS_PER_HOUR
_DAYS_OF_ERA: Final = 146_097  # 400 years
_DAYS_TO_EPOCH: Final = 719_468  # from 1 March of the year 0 to 1 January 1970
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_UNITS: Final = ((_MS_PER_DAY, "d"), (_MS_PER_HOUR, "h"), (_MS_PER_MINUTE, "min"), (_MS_PER_S, "s"))


def date_of(milliseconds: int) -> tuple[int, int, int]:
    """Return the year, the month (1 to 12) and the day (1 to 31) in UTC."""
    era, day_of_era = divmod(milliseconds // _MS_PER_DAY + _DAYS_TO_EPOCH, _DAYS_OF_ERA)
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_from_march + 2) // 5 + 1
    month = month_from_march + 3 if month_from_march < 10 else month_from_march - 9  # noqa: PLR2004 (March to December)
    return era * 400 + year_of_era + (month <= 2), month, day  # noqa: PLR2004 (January and February end a year)


def iso_time(milliseconds: int) -> str:
    """Return a time as in RFC 3339: `2025-01-01T00:00:00.000Z`. Years beyond 9999 have more digits."""
    year, month, day = date_of(milliseconds)
    return f"{year:04}-{month:02}-{day:02}T{_clock(milliseconds)}.{milliseconds % _MS_PER_S:03}Z"


def readable_time(milliseconds: int) -> str:
    """Return a time as people write it: `1 January 2025, 00:00:00 UTC`, with milliseconds where there are any."""
    fraction = f".{milliseconds % _MS_PER_S:03}" if milliseconds % _MS_PER_S else ""
    return f"{readable_date(milliseconds)}, {_clock(milliseconds)}{fraction} UTC"


def readable_date(milliseconds: int) -> str:
    """Return a day as people write it: `1 January 2025`, in UTC."""
    year, month, day = date_of(milliseconds)
    return f"{day} {_MONTHS[month - 1]} {year}"


def short_time(milliseconds: int) -> str:
    """Return a time for a table or an axis: `2025-01-01 00:00:00`, in UTC."""
    return f"{iso_time(milliseconds)[:-14]} {_clock(milliseconds)}"


def duration(milliseconds: int) -> str:
    """Return a length of time in its two largest units: `2 d 3 h`, `1.250 s`, `17 ms`."""
    if milliseconds < 0:
        return f"-{duration(-milliseconds)}"
    if milliseconds < _MS_PER_S:
        return f"{milliseconds} ms"
    if milliseconds < _MS_PER_MINUTE:
        return f"{milliseconds / _MS_PER_S:.3f}".rstrip("0").rstrip(".") + " s"
    parts = []
    rest = milliseconds
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        parts.append((count, unit))
    first = next(number for number, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)


def _clock(milliseconds: int) -> str:
    of_day = milliseconds % _MS_PER_DAY
    hours, minutes = of_day // _MS_PER_HOUR, of_day // _MS_PER_MINUTE % 60
    return f"{hours:02}:{minutes:02}:{of_day // _MS_PER_S % 60:02}"
