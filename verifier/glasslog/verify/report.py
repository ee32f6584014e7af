"""What a verification says: numbered steps, one verdict, and what was shown.

A report is complete whatever happened: a step that could not be taken says on which one it depends. `shown` is there
for a verified file alone, so nobody reads a record whose checks failed as if it were evidence.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from glasslog.checkpoint import Checkpoint
from glasslog.commitments import Disclosure
from glasslog.filetype import FileType
from glasslog.merkle import Hash, LeafIndex
from glasslog.records import Record
from glasslog.statement import SignedStatement


class Status(StrEnum):
    """How a step ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"  # nobody asked for it, or there is nothing to check; `reason` says which
    COULD_NOT_CHECK = "could-not-check"  # something that the check needs is missing
    NOT_REACHED = "not-reached"  # an earlier step, which it depends on, did not pass


class Verdict(StrEnum):
    """What all steps come to."""

    VERIFIED = "verified"
    FAILED = "failed"
    COULD_NOT_CHECK = "could-not-check"


@dataclass(frozen=True, slots=True)
class Check:
    """What a step checks: a stable id, a title for a person, and where that is specified."""

    id: str
    title: str
    specification: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a report. `expected` and `found` are set when it failed; `error` is the code of the error."""

    number: int
    check: Check
    status: Status
    expected: str | None = None
    found: str | None = None
    reason: str | None = None
    error: str | None = None

    def to_json(self) -> dict[str, str | int | None]:
        """Return the step as a JSON object, in whichever document it stands."""
        return {
            "number": self.number,
            "id": self.check.id,
            "title": self.check.title,
            "specification": self.check.specification,
            "status": self.status.value,
            "expected": self.expected,
            "found": self.found,
            "reason": self.reason,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class ErasedStore:
    """How far one store is with an erasure (`confirmed` at its end), at a time in POSIX milliseconds."""

    store: str
    state: str
    at: int


@dataclass(frozen=True, slots=True)
class Erased:
    """A commitment that the issuer has recorded as erased, under a request.

    `at` is when the last store that confirmed did so, POSIX milliseconds; None while none has.
    """

    name: str
    request_id: str
    at: int | None
    stores: tuple[ErasedStore, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a verified file shows. What a file of its type cannot show is None or empty.

    `time` is the POSIX second at which the log says it included the entry. `closed` names the commitments of the record
    that no disclosure opened, `erased` is what the issuer's own erasure records say of any of its commitments.
    """

    checkpoint: Checkpoint | None = None
    cosigners: tuple[str, ...] = ()
    statement: SignedStatement | None = None
    entry_id: Hash | None = None
    index: LeafIndex | None = None
    time: int | None = None
    record: Record | None = None
    disclosures: tuple[Disclosure, ...] = field(default=(), repr=False)
    closed: tuple[str, ...] = ()
    erased: tuple[Erased, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a verification. `not_shown` says in sentences what a file of this type does not show."""

    file_type: FileType | None
    steps: tuple[Step, ...]
    verdict: Verdict
    shown: Shown | None
    not_shown: tuple[str, ...]


def verdict_of(steps: Sequence[Step]) -> Verdict:
    """Return the verdict: one failed step decides, then one that could not be checked."""
    statuses = {step.status for step in steps}
    if Status.FAILED in statuses:
        return Verdict.FAILED
    if not steps or statuses & {Status.COULD_NOT_CHECK, Status.NOT_REACHED}:
        return Verdict.COULD_NOT_CHECK
    return Verdict.VERIFIED
