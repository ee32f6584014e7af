"""Models go into service on a passing validation of that model, by somebody independent, that is in the log before.

Suspending and retiring need none. With `since`, new deployments alone are looked at.
"""

from collections.abc import Iterator
from typing import Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.view import View

_DEPLOYMENTS: Final = """
    SELECT e.entry, e.time, o.issuer, o.system, t.action, t.model, v.entry, v.model, v.verdict, v.independent
    FROM deployments t CROSS JOIN scoped e ON e.entry = t.entry CROSS JOIN sources o ON o.number = e.source
    LEFT JOIN evaluations v ON v.rowid = (
        SELECT w.rowid FROM evaluations w WHERE w.id = t.validation ORDER BY w.entry LIMIT 1
    )
    WHERE t.action NOT IN ('suspend', 'retire')
    ORDER BY e.entry
"""


def run(view: View) -> Examination:
    """Look at every deployment in the scope that puts a model into service."""
    examination = Examination("deployments")
    examination.findings = _find(view, examination)
    return examination


def _find(view: View, examination: Examination) -> Iterator[Finding]:
    for entry, time, issuer, system, action, model, *validation in view.rows(_DEPLOYMENTS):
        examination.count += 1
        cited, _, verdict, _ = validation
        for severity, what in _objections(entry, model, *validation):
            entries = (entry,) if cited is None else (entry, cited)
            message = f"{action} of the model {model.hex()} cites {what}".replace("VERDICT", str(verdict))
            yield Finding(CHECK.id, severity, message, entries, issuer, system, model.hex(), 1, time, time)


def _objections(
    entry: int, model: bytes, cited: int | None, validated: bytes | None, verdict: str | None, independent: int | None
) -> Iterator[tuple[Severity, str]]:
    if cited is None:
        yield Severity.HIGH, "an evaluation that is not in the log"
        return
    if cited > entry:
        yield Severity.HIGH, "an evaluation that was logged only afterwards"
    if validated != model:
        yield Severity.HIGH, "an evaluation of another model"
    if verdict != "pass":
        yield Severity.HIGH, "an evaluation with the verdict VERDICT"
    if not independent:
        yield Severity.MEDIUM, "an evaluation by somebody who is not independent"


CHECK: Final = Check(
    "deployments",
    "Models went into service on an independent, passing validation",
    "Evidence records, deployment; EU AI Act Article 43(4); SR 11-7",
    Severity.HIGH,
    "Each deployment cites an evaluation of that model which was in the log before, passed, and was made by somebody"
    " who is said to be independent.",
    "That the evaluator is independent, or the test a good one.",
    run,
)
