"""What a check is: a name, what it proves, and a function that examines a log and yields findings."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from glasslog.audit.finding import Finding, Severity
from glasslog.audit.view import View

NOT_RECORDED_MAX: Final = 50  # sentences about what was not recorded, of one check


class Verdict(StrEnum):
    """What comes out of a check."""

    OK = "ok"
    FINDINGS = "findings"
    NOT_APPLICABLE = "not-applicable"
    """There is nothing in the scope that the check is about."""
    NOT_RECORDED = "not-recorded"
    """Nothing was found, but not everything that the check needs was recorded: this is not ok."""


@dataclass(slots=True)
class Examination:
    """What a check has looked at; complete when its findings have been taken out.

    `count` things of kind `unit` were judged. `pending` duties are open and not yet due; `oldest_pending` is the first
    entry that has to be looked at again, where the check looks at new entries alone. `not_recorded` says in sentences
    what was missing to judge by; `notes` what else a reader should know. Both are bounded.
    """

    unit: str
    findings: Iterator[Finding] = field(default_factory=lambda: iter(()))
    count: int = 0
    pending: int = 0
    oldest_pending: int | None = None
    not_recorded: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def waits(self, entry: int) -> None:
        """Say that an entry has a duty that is not yet due, and must be looked at again."""
        self.pending += 1
        self.oldest_pending = entry if self.oldest_pending is None else min(entry, self.oldest_pending)

    def lacks(self, sentences: str | Iterable[str]) -> None:
        """Say what was not recorded."""
        for sentence in [sentences] if isinstance(sentences, str) else sentences:
            if len(self.not_recorded) < NOT_RECORDED_MAX and sentence not in self.not_recorded:
                self.not_recorded.append(sentence)


@dataclass(frozen=True, slots=True)
class Check:
    """A named check. `severity` is that of its findings unless a finding says another.

    `proves` and `cannot` say in plain words what follows when it finds nothing, and what does not. `section` is where
    the demand comes from.
    """

    id: str
    title: str
    section: str
    severity: Severity
    proves: str
    cannot: str
    run: Callable[[View], Examination]


def verdict_of(examination: Examination, findings: int) -> Verdict:
    """Return the verdict of an examination whose findings were taken out."""
    if findings:
        return Verdict.FINDINGS
    if examination.not_recorded:
        return Verdict.NOT_RECORDED
    return Verdict.OK if examination.count or examination.pending else Verdict.NOT_APPLICABLE
