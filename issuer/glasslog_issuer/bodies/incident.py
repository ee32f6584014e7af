"""What went wrong, who knew when, and who was told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from glasslog_issuer.bodies.body import Body

IncidentCategory: TypeAlias = Literal[
    "harmful-output",
    "model-behaviour-change",
    "alignment",
    "provider",
    "discrimination",
    "privacy",
    "drift",
    "security",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class IncidentReport:
    """To whom an incident was reported, when, and by when it had to be (POSIX milliseconds)."""

    to: str
    at: int
    deadline: int | None = None


@dataclass(frozen=True, kw_only=True)
class Incident(Body, record_type="incident"):
    """What went wrong, how many decisions it touched, since when that is known, and to whom it was reported.

    `aware_at`, from which deadlines run, and `occurred` are in POSIX milliseconds.
    """

    category: IncidentCategory
    severity: str
    serious: bool
    aware_at: int
    count: int
    state: str
    occurred: int | None = None
    actions: Sequence[str] | None = None
    reports: Sequence[IncidentReport] | None = None
