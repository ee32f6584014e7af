"""Erasures are closed: the last word about every store is `confirmed`.

The stores of a request are those that any record under its `request_id`, by the same issuer, names. An open erasure is
found at once, and graver when it is older than the scope's bound `erasure`. `since` does not narrow this check: what is
open is told each time.
"""

from collections.abc import Iterator
from typing import Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.view import View
from glasslog.counting import counted

_REQUESTS: Final = """
    WITH targets AS (
        SELECT o.issuer, o.system, t.request, t.store, t.state, t.entry,
            row_number() OVER (PARTITION BY o.issuer, t.request, t.store ORDER BY t.entry DESC) AS age,
            min(t.entry) OVER (PARTITION BY o.issuer, t.request) AS first
        FROM erasures t CROSS JOIN entries e ON e.entry = t.entry CROSS JOIN chosen c ON c.shape = e.shape
        CROSS JOIN sources o ON o.number = c.source
    )
    SELECT t.issuer, t.system, t.request, t.first, e.time, count(*), sum(t.state <> 'confirmed'),
        min(CASE WHEN t.state <> 'confirmed' THEN t.store || ' (' || t.state || ')' END),
        max(CASE WHEN t.state <> 'confirmed' THEN t.entry END)
    FROM targets t JOIN entries e ON e.entry = t.first
    WHERE t.age = 1 AND e.time >= :start AND e.time < :stop
    GROUP BY t.issuer, t.request ORDER BY t.first
"""


def run(view: View) -> Examination:
    """Look at every request for erasure that began in the window, of the issuers and systems in the scope."""
    examination = Examination("stores")
    examination.findings = _find(view, examination)
    return examination


def _find(view: View, examination: Examination) -> Iterator[Finding]:
    for issuer, system, request, first, time, stores, unconfirmed, example, entry in view.rows(_REQUESTS):
        examination.count += stores
        if not unconfirmed:
            continue
        is_old = time + view.scope.bounds.erasure < view.as_of
        days = (view.as_of - time) // 86_400_000
        message = (
            f"the erasure {request} has been open for {counted(days, 'days')}, not confirmed by"
            f" {unconfirmed} of {counted(stores, 'stores')}, such as {example}"
        )
        entries = (first,) if first == entry else (first, entry)
        severity = Severity.HIGH if is_old else CHECK.severity
        yield Finding(CHECK.id, severity, message, entries, issuer, system, request, len(entries), time, None)


CHECK: Final = Check(
    "erasures",
    "Erasures were carried out in every store",
    "Evidence records, erasure; GDPR Articles 12(3) and 17",
    Severity.MEDIUM,
    "Every store that an erasure names has confirmed that the content is gone.",
    "That it is gone, and that all stores were named.",
    run,
)
