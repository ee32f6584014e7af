"""Alerts: what a monitor tells somebody, once.

Most are findings of an audit, by the name of the check (`stream-gaps`, `heartbeat-gaps`, `model-changes`, ...). The
rest are about the log itself: it went back (`rollback`), signed two trees (`fork`), shows something that is not its
signed tree (the step of the audit that failed), has signed nothing for too long (`stale`), signs in the future
(`future`), cannot be had (`unreachable`), or shows a new log in its place (`rotated`). What somebody asked to be told
of comes as `watched`.

What makes an alert the same as one before are its keys, made here. Whether it was told before is for the journal.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from glasslog.audit.finding import Finding, Severity
from glasslog.cbor import Value
from glasslog.fork import FORK_SUFFIX
from glasslog.verify import Step

FORK: Final = "fork"
ROLLBACK: Final = "rollback"
STALE: Final = "stale"
FUTURE: Final = "future"
UNREACHABLE: Final = "unreachable"
ROTATED: Final = "rotated"
WATCHED: Final = "watched"
CHECKPOINT: Final = "checkpoint"
CONSISTENCY: Final = "consistency"

EPISODIC: Final = frozenset(
    {
        "attempts",
        "clock",
        "guardrails",
        "lateness",
        "model-changes",
        "models-registered",
        "oversight",
        "providers",
    }
)
"""The checks whose findings are episodes (`glasslog.audit.episodes`): they may grow from round to round."""

_SHOWS_NOW: Final = ", and shows "  # what follows in the message of a rollback changes as the log goes on
_DIGEST_CHARACTERS: Final = 32
_COUNTS: Final = re.compile(r"\d[\d,]*(?: [a-z]+)?")  # they grow with an episode, and one thing becomes two things


class Span(NamedTuple):
    """What an episode is of: `group` is its check and about whom, [start, end] its time, `entry` the first in it."""

    group: str
    start: int
    end: int
    entry: int


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to tell. `entry_ids` are hexadecimal, `evidence` is a path.

    `keys` say what it is: an alert that shares one of them with another is the same. One that `stands` is a condition
    of the log: it is the same for as long as it lasts, and new when it comes back. `span` is that of an episode.
    """

    kind: str
    severity: Severity
    log: str
    message: str
    keys: tuple[str, ...]
    issuer: str | None = None
    system: str | None = None
    subject: str | None = None
    entry_ids: tuple[str, ...] = ()
    evidence: str | None = None
    stands: bool = False
    span: Span | None = None

    @property
    def id(self) -> str:
        """Return the id that the alert has whenever it is told: for those who get it twice."""
        return self.digests()[0]

    def digests(self, severity: Severity | None = None) -> tuple[str, ...]:
        """Return the keys as they are remembered: half of a SHA-256 each, hexadecimal, with the severity."""
        return tuple(_digest(self.log, self.kind, key, str(severity or self.severity)) for key in self.keys)

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
            "id": self.id,
            "alert": self.kind,
            "severity": str(self.severity),
            "log": self.log,
            "message": self.message,
            **{name: value for name, value in said.items() if value is not None},
        }


def alert_of_finding(log: str, finding: Finding, entry_ids: Sequence[str]) -> Alert:
    """Return the alert for what an audit found. `evidence` is the name of a file in the state's folder for it.

    A log that has forked signs ever more trees on both branches, and each two of them contradict each other: that is
    one alert, because nothing that this log signs can be believed from then on.
    """
    kind, evidence = finding.check, None
    keys: tuple[str, ...] = (_key_of(finding),)
    if finding.check == CONSISTENCY and finding.subject == ROLLBACK:
        kind, keys = ROLLBACK, (finding.message.partition(_SHOWS_NOW)[0],)
    elif finding.check == CONSISTENCY and finding.subject is not None and finding.subject.endswith(FORK_SUFFIX):
        kind, keys, evidence = FORK, (FORK,), finding.subject
    return Alert(
        kind,
        finding.severity,
        log,
        finding.message,
        keys,
        finding.issuer,
        finding.system,
        finding.subject,
        tuple(entry_ids),
        evidence,
        span=_span_of(finding),
    )


def alert_of_step(log: str, step: Step, evidence: str | None = None) -> Alert:
    """Return the alert for a step that failed: the log shows something that does not verify."""
    message = f"{step.check.title}: expected {step.expected or 'it'}, found {step.found or 'otherwise'}"
    keys = (f"{step.check.id}|{step.error}",)
    return Alert(step.check.id, Severity.CRITICAL, log, message, keys, evidence=evidence, stands=True)


def _key_of(finding: Finding) -> str:
    """Return what stays the same when a check is run again; findings about no entry are told apart by what they say."""
    about = (finding.check, finding.issuer, finding.system, finding.subject, finding.start)
    return json.dumps([*about, *(finding.entries[:1] or (finding.message,))])


def _span_of(finding: Finding) -> Span | None:
    start, end = finding.start, finding.end
    if finding.check not in EPISODIC or start is None or end is None or not finding.entries:
        return None
    about = (finding.check, finding.issuer, finding.system, finding.subject, _COUNTS.sub("#", finding.message))
    return Span(_digest(*map(str, about)), start, end, finding.entries[0])


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:_DIGEST_CHARACTERS]
