"""The scope of an audit: which time, whose records, which systems."""

from dataclasses import dataclass, field
from typing import Final

from glasslog.cbor import Value
from glasslog.errors import MalformedError
from glasslog.records.schema import TIME_MS_MAX

DAY_MS: Final = 86_400_000
LATENESS_MS_DEFAULT: Final = DAY_MS
CLOCK_SKEW_MS_DEFAULT: Final = 60_000
REVIEW_MS_DEFAULT: Final = 7 * DAY_MS
ERASURE_MS_DEFAULT: Final = 30 * DAY_MS
REPORT_MS_DEFAULT: Final = 15 * DAY_MS


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a record does not say and law or custom does, in milliseconds.

    `lateness` holds where a system declares no bound of its own. `clock_skew` is how far clocks of issuer and log may
    lie apart. `review` is how long a decision may wait for the person in its loop. `erasure` is one month (GDPR Article
    12(3)), `report` 15 days for a serious incident (EU AI Act Article 73(2)).
    """

    lateness: int = LATENESS_MS_DEFAULT
    clock_skew: int = CLOCK_SKEW_MS_DEFAULT
    review: int = REVIEW_MS_DEFAULT
    erasure: int = ERASURE_MS_DEFAULT
    report: int = REPORT_MS_DEFAULT


@dataclass(frozen=True, slots=True)
class Scope:
    """What an audit looks at: events in [start, end), POSIX milliseconds, of these issuers and systems (none: all).

    Everything in the log counts as evidence; the scope says which entries and duties are judged. `since` leaves out
    what was judged before: entries of a lower index. Each check says what it makes of that. `as_of` is the time up to
    which duties are due: by default that of the newest tree head.
    """

    start: int = 0
    end: int = TIME_MS_MAX + 1
    issuers: frozenset[str] = frozenset()
    systems: frozenset[str] = frozenset()
    since: int = 0
    as_of: int | None = None
    bounds: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        """Refuse a window that is none. Raises MalformedError."""
        if not 0 <= self.start < self.end or self.since < 0:
            msg = f"expected a window [start, end) of POSIX milliseconds, got [{self.start}, {self.end})"
            raise MalformedError(msg)

    def to_json(self) -> dict[str, Value]:
        """Return the scope; an open start or end is null."""
        return {
            "start": self.start or None,
            "end": self.end if self.end <= TIME_MS_MAX else None,
            "issuers": sorted(self.issuers),
            "systems": sorted(self.systems),
            "since": self.since,
        }
