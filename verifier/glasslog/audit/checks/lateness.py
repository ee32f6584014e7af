"""Records come in time: the first signed tree head that covers a record is not later than its system promises.

What comes later was backfilled. Its anchor, where it has one, shows whether it was signed in time and sent late, or
also signed late: "not older than its anchor". The operator's own entries are not events of an AI system and are left
out. Where a system declares no bound, the scope's own is used, and the check says so. With `since`, new entries alone
are looked at.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from glasslog.audit.check import Check, Examination
from glasslog.audit.covering import COVERED, IN_SCOPE, UNCOVERED
from glasslog.audit.episodes import gather
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.view import View
from glasslog.counting import counted

_SLOW: Final = f"""
    SELECT e.entry, e.ended, h.time - e.ended, o.issuer, o.system, o.stream, (
        SELECT a.time FROM heads a WHERE a.size >= n.size AND a.witness = '' ORDER BY a.size, a.time LIMIT 1
    )
    FROM {COVERED} CROSS JOIN sources o ON o.number = c.source
    LEFT JOIN anchors n ON n.number = e.anchor
    WHERE {IN_SCOPE} AND h.witness = '' AND h.time - e.ended > :least
        AND o.type NOT IN ('log-policy', 'issuer-registration')
    ORDER BY e.entry
"""  # noqa: S608  our own text


class Late(NamedTuple):
    """A record that was logged late: by how much, under which bound, and whether its anchor shows it was signed late.

    `time` is when the event was over, `bound_ms` None where the system declares none; `signed_late_ms` is how long
    after the event it was signed at least, None where no anchor tells.
    """

    entry: int
    time: int
    late_ms: int
    bound_ms: int | None
    signed_late_ms: int | None
    issuer: str
    system: str
    stream: str


def run(view: View) -> Examination:
    """Look at every record in the scope that a tree head with its time covers."""
    covered = view.value("SELECT coalesce(max(size), 0) FROM heads WHERE witness = ''")
    uncovered = view.value(f"{UNCOVERED} AND o.type NOT IN ('log-policy', 'issuer-registration')", covered=covered)
    events = view.count() - view.count("log-policy", "issuer-registration")
    examination = Examination("records", _find(view), events - uncovered)
    if uncovered:
        examination.lacks(f"no tree head whose time is known covers {counted(uncovered, 'records')}")
    examination.lacks(_undeclared(view))
    return examination


def _undeclared(view: View) -> Iterator[str]:
    """Say which systems declare no bound, at least not before their first record in the scope."""
    rows = view.rows(
        """
        SELECT o.issuer, o.system, min(s.entry_min)
        FROM scoped_shapes s CROSS JOIN sources o ON o.number = s.source
        WHERE o.type NOT IN ('log-policy', 'issuer-registration', 'system-registration')
        GROUP BY o.issuer, o.system ORDER BY 3
        """
    )
    for issuer, system, entry in rows:
        if view.systems.declared(issuer, system, entry) is None:
            seconds = view.lateness_ms // 1_000
            yield f"{system} was not registered before its records: {seconds} s are taken as its bound of lateness"


def late_records(view: View) -> Iterator[Late]:
    """Yield every late record in the scope, in order of entry."""
    least = min(view.lateness_ms, view.value("SELECT coalesce(min(max_lateness_s), 1e12) * 1000 FROM systems"))
    for entry, ended, late_ms, issuer, system, stream, anchored in view.rows(_SLOW, least=least):
        declared = view.systems.declared(issuer, system, entry)
        bound = view.lateness_ms if declared is None else declared.lateness_ms
        if late_ms > bound:
            signed_late = None if anchored is None or anchored <= ended else anchored - ended
            stated = None if declared is None else bound
            yield Late(entry, ended, late_ms, stated, signed_late, issuer, system, stream)


def _find(view: View) -> Iterator[Finding]:
    for episode in gather(_broken(view)):
        issuer, system, stream, was_signed_late = episode.key
        records = counted(episode.count, "records")
        how = "an anchor shows signing that was late too" if was_signed_late else "nothing shows the time of signing"
        message = f"{records} of the stream {stream} came up to {episode.worst // 1_000} s after the event; {how}"
        yield Finding(
            CHECK.id,
            CHECK.severity,
            message,
            tuple(episode.entries),
            issuer,
            system,
            stream,
            episode.count,
            episode.start,
            episode.end,
        )


def _broken(view: View) -> Iterator[tuple[tuple[str, str, str, bool], int, int, int]]:
    for late in late_records(view):
        bound = view.lateness_ms if late.bound_ms is None else late.bound_ms
        was_signed_late = late.signed_late_ms is not None and late.signed_late_ms > bound
        yield (late.issuer, late.system, late.stream, was_signed_late), late.entry, late.time, late.late_ms


CHECK: Final = Check(
    "lateness",
    "Records came in time",
    "System registration, max_lateness_s; EU AI Act Article 12",
    Severity.HIGH,
    "The log signed a tree with the record soon after the event, so it was not thought up afterwards.",
    "What happened within the bound; and the log's clock is the log's word, unless witnesses have cosigned its heads.",
    run,
)
