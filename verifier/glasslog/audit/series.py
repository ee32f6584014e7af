"""Series over time for the pictures of a report: how much of what happened when, in a bounded number of buckets.

One pass over the scope counts entries by bucket and shape in a temporary table; every series is made from that, so what
is drawn is what was counted. Buckets are as long as they must be for the period to have at most BUCKETS_MAX of them.
Events outside the period (a backfilled one may claim any time) are counted apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from glasslog.audit.covering import COVERED, IN_SCOPE
from glasslog.audit.scope import DAY_MS
from glasslog.audit.tables import HOUR_MS
from glasslog.audit.view import View
from glasslog.cbor import Value
from glasslog.records.schema import TIME_MS_MAX

BUCKETS_MAX: Final = 200
SYSTEMS_SHOWN_MAX: Final = 50
NAMES_SHOWN_MAX: Final = 50  # guardrails or controls of one system
LATENESS_STEPS_S: Final = (1, 10, 60, 600, 3_600, 86_400)
_SECOND_MS: Final = 1_000
_LENGTHS_MS: Final = (
    *(factor * _SECOND_MS for factor in (1, 5, 15, 60, 300, 900)),
    *(factor * HOUR_MS for factor in (1, 3, 6, 12)),
    *(factor * DAY_MS for factor in (1, 7, 28, 91, 365, 3_652, 36_525, 365_250, 3_652_500)),
)


@dataclass(frozen=True, slots=True)
class Period:
    """The time that is drawn: [start, end) in buckets of `bucket_ms`, POSIX milliseconds."""

    start: int
    end: int
    bucket_ms: int

    @property
    def buckets(self) -> int:
        """Return the number of buckets, the last of which may be cut short."""
        return -(-(self.end - self.start) // self.bucket_ms)

    def to_json(self) -> dict[str, Value]:
        """Return the period."""
        return {"start": self.start, "end": self.end, "bucket_ms": self.bucket_ms, "buckets": self.buckets}


def period_of(view: View) -> Period:
    """Return the period of the scope: where it is open, from the log's beginning to its newest tree head.

    The log's beginning is its first event, or a day before its first tree head if that is later: what claims to be
    older does not stretch the picture.
    """
    first_event = view.value("SELECT min(time_min) FROM scoped_shapes")
    first_head = view.value("SELECT min(time) FROM heads WHERE witness = ''")
    start, end = view.scope.start, view.scope.end
    if start == 0:
        start = max(first_event or 0, (first_head or 0) - DAY_MS)
    if end > TIME_MS_MAX:
        end = view.as_of + 1
    end = max(end, start + 1)
    bucket_ms = next((length for length in _LENGTHS_MS if -(-(end - start) // length) < BUCKETS_MAX), _LENGTHS_MS[-1])
    start -= start % bucket_ms
    return Period(start, end, bucket_ms)


def fill_buckets(view: View, period: Period) -> None:
    """Count the entries of the scope by bucket and shape. Costs one pass over them."""
    execute = view.database.execute
    execute("DROP TABLE IF EXISTS temp.buckets")
    execute("CREATE TEMP TABLE buckets (bucket, shape, count)")
    scope = view.scope
    execute(
        """
        INSERT INTO temp.buckets
        SELECT bucket, shape, count FROM (
            SELECT (time - :first) / :length AS bucket, shape, count(*) AS count FROM entries
            WHERE entry >= :since AND time >= max(:first, :start) AND time < min(:last, :stop) GROUP BY 1, 2
        )
        WHERE shape IN (SELECT shape FROM chosen)
        """,
        {
            "first": period.start,
            "last": period.end,
            "length": period.bucket_ms,
            "since": scope.since,
            "start": scope.start,
            "stop": scope.end,
        },
    )


def timelines(view: View, period: Period) -> dict[str, Value]:
    """Return every series: `tree` of the log, `lateness` of all records, and those of each system."""
    fill_buckets(view, period)
    systems = view.rows(
        """
        SELECT o.system, sum(s.count) FROM scoped_shapes s CROSS JOIN sources o ON o.number = s.source
        WHERE o.type NOT IN ('log-policy', 'issuer-registration')
        GROUP BY o.system ORDER BY 2 DESC, 1 LIMIT :most
        """,
        most=SYSTEMS_SHOWN_MAX,
    )
    drawn, records = view.row(
        """
        SELECT (SELECT coalesce(sum(count), 0) FROM temp.buckets),
            (SELECT coalesce(sum(count), 0) FROM scoped_shapes)
        """
    ) or (0, 0)
    return {
        "tree": _tree(view, period),
        "lateness": _lateness(view),
        "systems": [_system(view, period, system, count) for system, count in list(systems)],
        "outside_period": records - drawn,
    }


def _system(view: View, period: Period, system: str, records: int) -> dict[str, Value]:
    return {
        "system": system,
        "records": records,
        "by_type": _series(view, period, _BY_TYPE, system),
        "guardrail_decisions": _series(view, period, _BY_DECISION, system),
        "guardrails": _table(view, _GUARDRAILS, system),
        "oversight_actions": _series(view, period, _BY_ACTION, system),
        "heartbeats": _series(view, period, _BY_CONTROL, system),
        "statuses": _series(view, period, _BY_STATUS, system),
    }


_BY_TYPE: Final = """
    SELECT o.type, b.bucket, sum(b.count)
    FROM temp.buckets b CROSS JOIN chosen c ON c.shape = b.shape CROSS JOIN sources o ON o.number = c.source
    WHERE o.system = :system GROUP BY 1, 2
"""
_BY_DECISION: Final = """
    SELECT r.decision, b.bucket, sum(b.count)
    FROM temp.buckets b CROSS JOIN chosen c ON c.shape = b.shape CROSS JOIN sources o ON o.number = c.source
    CROSS JOIN run_parts r ON r.runs = c.runs
    WHERE c.runs > 0 AND o.system = :system GROUP BY 1, 2
"""
_BY_STATUS: Final = """
    SELECT k.status, b.bucket, sum(b.count)
    FROM temp.buckets b CROSS JOIN chosen c ON c.shape = b.shape CROSS JOIN sources o ON o.number = c.source
    CROSS JOIN calls k ON k.number = c.call
    WHERE c.call > 0 AND o.system = :system GROUP BY 1, 2
"""
_BY_ACTION: Final = """
    SELECT v.action, (e.time - :first) / :length, count(*)
    FROM oversights v CROSS JOIN scoped e ON e.entry = v.entry CROSS JOIN sources o ON o.number = e.source
    WHERE o.system = :system AND e.time >= :first AND e.time < :last GROUP BY 1, 2
"""
_BY_CONTROL: Final = """
    SELECT h.control, (e.time - :first) / :length, count(*)
    FROM heartbeats h CROSS JOIN scoped e ON e.entry = h.entry CROSS JOIN sources o ON o.number = e.source
    WHERE o.system = :system AND e.time >= :first AND e.time < :last GROUP BY 1, 2
"""
_GUARDRAILS: Final = """
    SELECT r.guardian, r.decision, sum(s.count)
    FROM scoped_shapes s CROSS JOIN sources o ON o.number = s.source CROSS JOIN run_parts r ON r.runs = s.runs
    WHERE s.runs > 0 AND o.system = :system GROUP BY 1, 2 ORDER BY 1, 2
"""


def _series(view: View, period: Period, statement: str, system: str) -> dict[str, list[int]]:
    """Return the counts in each bucket, by name; names beyond NAMES_SHOWN_MAX are added up as `others`."""
    series: dict[str, list[int]] = {}
    about = {"first": period.start, "last": period.end, "length": period.bucket_ms}
    for name, bucket, count in view.rows(statement, system=system, **about):
        shown = name if name in series or len(series) < NAMES_SHOWN_MAX else "others"
        series.setdefault(shown, [0] * period.buckets)[bucket] += count
    return series


def _table(view: View, statement: str, system: str) -> dict[str, dict[str, int]]:
    table: dict[str, dict[str, int]] = {}
    for name, column, count in view.rows(statement, system=system):
        shown = name if name in table or len(table) < NAMES_SHOWN_MAX else "others"
        row = table.setdefault(shown, {})
        row[column] = row.get(column, 0) + count
    return table


def _tree(view: View, period: Period) -> list[int]:
    """Return the size of the tree at the end of each bucket, by the log's time."""
    before = view.value(
        "SELECT coalesce(max(size), 0) FROM heads WHERE witness = '' AND time < :first", first=period.start
    )
    rows = view.rows(
        """
        SELECT (time - :first) / :length, max(size) FROM heads
        WHERE witness = '' AND time >= :first AND time < :last GROUP BY 1 ORDER BY 1
        """,
        first=period.start,
        last=period.end,
        length=period.bucket_ms,
    )
    grown: dict[int, int] = dict(rows)
    return list(_running(before, grown, period.buckets))


def _running(size: int, grown: dict[int, int], buckets: int) -> Iterator[int]:
    for bucket in range(buckets):
        size = max(size, grown.get(bucket, 0))
        yield size


def _lateness(view: View) -> dict[str, Value]:
    """Return how many records came how many seconds after their event, at most; the last step is open."""
    steps = " ".join(f"WHEN late <= {step * 1_000} THEN {number}" for number, step in enumerate(LATENESS_STEPS_S))
    rows = view.rows(
        f"""
        SELECT CASE {steps} ELSE {len(LATENESS_STEPS_S)} END, count(*)
        FROM (SELECT h.time - e.ended AS late FROM {COVERED} WHERE {IN_SCOPE} AND h.witness = '')
        GROUP BY 1
        """  # noqa: S608  our own text and numbers
    )
    counts: dict[int, int] = dict(rows)
    return {
        "up_to_s": [*LATENESS_STEPS_S, None],
        "records": [counts.get(number, 0) for number in range(len(LATENESS_STEPS_S) + 1)],
    }
