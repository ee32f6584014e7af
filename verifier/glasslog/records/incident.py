"""The body of `incident`: something went wrong, who knew when, and who was told."""

from typing import Final

from glasslog.records.parts import REFERENCES_MAX, in_order
from glasslog.records.schema import array, boolean, closed_map, one_of, text, time_ms, token, unsigned

CATEGORIES: Final = (
    "harmful-output",
    "model-behaviour-change",
    "alignment",
    "provider",
    "discrimination",
    "privacy",
    "drift",
    "security",
)

INCIDENT: Final = closed_map(
    {
        "category": one_of(*CATEGORIES),
        "severity": token,
        "serious": boolean,
        "aware_at": time_ms,
        "count": unsigned(),
        "state": token,
    },
    {
        "occurred": time_ms,
        "actions": array(token, REFERENCES_MAX),
        "reports": array(closed_map({"to": text(), "at": time_ms}, {"deadline": time_ms}), REFERENCES_MAX),
    },
    relations=[in_order("occurred", "aware_at")],
)
"""An incident. `serious` is the judgement of EU AI Act Article 3(49); `count` says how many decisions it touched.

Deadlines run from `aware_at`: those of EU AI Act Article 73 for serious incidents, of GDPR Article 33 for breaches of
personal data. A report after its deadline is recorded like any other: the audit finds it.
"""
