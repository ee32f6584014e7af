"""Alerts: what a monitor tells somebody, once.

Most are findings of an audit, by the name of the check (`stream-gaps`, `heartbeat-gaps`, `model-changes`, ...). The
rest are about the log itself: it went back (`rollback`), signed two trees (`fork`), shows something that is not its
signed tree (the step of the audit that failed), has signed nothing for too long (`stale`), cannot be had
(`unreachable`), or shows a new log in its place (`rotated`). What somebody asked to be told of comes as `watched`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glasslog.audit.finding import Finding, Severity
from glasslog.cbor import Value
from glasslog.verify import Step

FORK: Final = "fork"
ROLLBACK: Final = "rollback"
STALE: Final = "stale"
UNREACHABLE: Final = "unreachable"
ROTATED: Final = "rotated"
WATCHED: Final = "watched"
_CONSISTENCY: Final = "consistency"


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to tell. `key` stays the same for the same thing; `entry_ids` are hexadecimal, `evidence` is a path."""

    kind: str
    severity: Severity
    log: str
    message: str
    key: str
    issuer: str | None = None
    system: str | None = None
    subject: str | None = None
    entry_ids: tuple[str, ...] = ()
    evidence: str | None = None

    @property
    def digest(self) -> str:
        """Return the key as it is remembered: half of its SHA-256, hexadecimal."""
        return hashlib.sha256(f"{self.log}|{self.kind}|{self.key}".encode()).hexdigest()[:32]

    def to_json(self, time: str) -> dict[str, Value]:
        """Return the alert as one line says it; `time` is when it was raised, in RFC 3339."""
        said = {
            "issuer": self.issuer,
            "system": self.system,
            "subject": self.subject,
            "entry_ids": list(self.entry_ids) or None,
            "evidence": self.evidence,
        }
        return {
            "time": time,
            "alert": self.kind,
            "severity": str(self.severity),
            "log": self.log,
            "message": self.message,
            **{name: value for name, value in said.items() if value is not None},
        }


def alert_of_finding(log: str, finding: Finding, entry_ids: Sequence[str]) -> Alert:
    """Return the alert for what an audit found."""
    kind, evidence = finding.check, None
    if finding.check == _CONSISTENCY:  # its subject is "rollback", or the file that shows a fork
        kind = ROLLBACK if finding.subject == ROLLBACK else FORK
        evidence = None if kind == ROLLBACK else finding.subject
    key = f"{finding.key}|{finding.message}" if kind in {FORK, ROLLBACK} else finding.key
    return Alert(
        kind,
        finding.severity,
        log,
        finding.message,
        key,
        finding.issuer,
        finding.system,
        finding.subject,
        tuple(entry_ids),
        evidence,
    )


def alert_of_step(log: str, step: Step) -> Alert:
    """Return the alert for a step that failed: the log shows something that does not verify."""
    message = f"{step.check.title}: expected {step.expected or 'it'}, found {step.found or 'otherwise'}"
    return Alert(step.check.id, Severity.CRITICAL, log, message, f"{step.expected}|{step.found}")
