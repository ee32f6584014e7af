"""What an audit finds, and how grave it is."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from glasslog.cbor import Value

ENTRIES_SHOWN_MAX: Final = 20  # entries that one finding names


class Severity(StrEnum):
    """How grave a finding is, from the gravest on."""

    CRITICAL = "critical"
    """Evidence contradicts itself: a false signature, a changed past, one number for two records."""
    HIGH = "high"
    """Something that had to be recorded is not there, or what was recorded breaks a promise or a duty."""
    MEDIUM = "medium"
    """A control or a duty was carried out badly, late, or in part."""
    LOW = "low"
    """Worth a look; there may be a good reason."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that breaks a check.

    `entries` are indexes of the entries that show it, at most ENTRIES_SHOWN_MAX of them, the first the one it is about;
    none where what is wrong is that there is none. `subject` is what it is about where that is not an entry: the URN
    of a decision, a control, a store. `count` is how many entries show it, also those not named, or how many numbers a
    gap has. `start` and `end` are the time it concerns, POSIX milliseconds.
    """

    check: str
    severity: Severity
    message: str
    entries: tuple[int, ...] = ()
    issuer: str | None = None
    system: str | None = None
    subject: str | None = None
    count: int = 1
    start: int | None = None
    end: int | None = None

    @property
    def key(self) -> str:
        """Return what stays the same when the check is run again on a longer log, so that it is told only once."""
        about = (self.check, self.issuer, self.system, self.subject, self.start, *self.entries[:1])
        return "|".join("" if part is None else str(part) for part in about)

    def to_json(self) -> dict[str, Value]:
        """Return the finding without what it does not say."""
        fields = {name: getattr(self, name) for name in ("message", "issuer", "system", "subject", "start", "end")}
        said = {name: value for name, value in fields.items() if value is not None}
        about: dict[str, Value] = {"check": self.check, "severity": str(self.severity), **said}
        return {**about, "count": self.count, "entries": list(self.entries)}
