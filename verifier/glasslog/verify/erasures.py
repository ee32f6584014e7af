"""Say of which commitments the issuer itself has recorded that nothing opens them any more.

An erasure is a record like any other: it counts when it verifies as the file does, with the same trust, and is by the
issuer whose commitments it names, in the same log. It says what the issuer declares, store by store; that no copy is
left elsewhere, it cannot show. A disclosure that somebody was given before still opens its commitment.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from glasslog.errors import MismatchError, UncheckableError, VerificationError
from glasslog.limits import ERASURES_MAX
from glasslog.moments import iso_time
from glasslog.verify.report import Check, Erased, ErasedStore, Report, Shown, Status, Verdict
from glasslog.verify.steps import Passed

ERASURES: Final = Check("erasures", "The issuer recorded what was erased", "docs/records.md, erasure")
ERASURE_TYPE: Final = "erasure"
CONFIRMED: Final = "confirmed"


@dataclass(frozen=True, slots=True)
class Subject:
    """What an erasure must be about: the file's issuer, its log (None where it does not show it), its commitments."""

    issuer: str
    origin: str | None
    commitments: Mapping[str, bytes]


class _Word(NamedTuple):
    """What one erasure record says, and where in the log."""

    at_index: int
    shown: Shown


def check_erasures(reports: Sequence[Report], subject: Subject) -> Passed[tuple[Erased, ...]]:
    """Check every erasure that was brought along; return which commitments of the file they name.

    Of one store under one request, the record that is later in the log counts.
    """
    if len(reports) > ERASURES_MAX:
        msg = f"expected at most {ERASURES_MAX} erasure records, got {len(reports)}"
        raise UncheckableError(msg)
    words = sorted(
        (_word(number, report, subject) for number, report in enumerate(reports, start=1)),
        key=lambda word: word.at_index,
    )
    erased = tuple(
        each for name, digest in subject.commitments.items() if (each := _erased(name, digest, words)) is not None
    )
    found = "; ".join(f"{each.name} {said_of(each)}" for each in erased)
    return Passed(erased, found or "none of this record's commitments is named")


def said_of(erased: Erased) -> str:
    """Return in words what is recorded of a commitment: "erased on <date>", and which stores have yet to confirm."""
    waiting = ", ".join(store.store for store in erased.stores if store.state != CONFIRMED)
    still = f"; not confirmed yet: {waiting}" if waiting else ""
    said = f"erased on {iso_time(erased.at)}" if erased.at is not None else "to be erased"
    return f"{said} (request {erased.request_id}{still})"


def _word(number: int, report: Report, subject: Subject) -> _Word:
    """Return what a verified erasure shows. Raises VerificationError, UncheckableError."""
    if report.verdict is Verdict.FAILED:
        msg = (
            f"erasure {number}: expected a record that verifies, got one that fails: {_failures(report, Status.FAILED)}"
        )
        raise VerificationError(msg)
    shown = report.shown
    if shown is None:
        msg = f"erasure {number} could not be checked: {_failures(report, Status.COULD_NOT_CHECK)}"
        raise UncheckableError(msg)
    if shown.statement is None or shown.record is None or shown.record.type != ERASURE_TYPE:
        found = shown.record.type if shown.record is not None else "none"
        msg = f"erasure {number}: expected a record of type {ERASURE_TYPE}, got {found}"
        raise MismatchError(msg)
    if shown.statement.issuer != subject.issuer:
        msg = f"erasure {number}: expected one by {subject.issuer}, got one by {shown.statement.issuer}"
        raise MismatchError(msg)
    origin = shown.checkpoint.origin if shown.checkpoint is not None else None
    if origin is not None and subject.origin is not None and origin != subject.origin:
        msg = f"erasure {number}: expected one in the log {subject.origin}, got one in {origin}"
        raise MismatchError(msg)
    return _Word(shown.index if shown.index is not None else 0, shown)


def _failures(report: Report, status: Status) -> str:
    steps = [f"step {step.number}, {step.check.title.lower()}" for step in report.steps if step.status is status]
    return "; ".join(steps) or "nothing shows it in a log"


def _erased(name: str, digest: bytes, words: Iterable[_Word]) -> Erased | None:
    """Return what the records say of one commitment, by the last request that names it; None when none does."""
    requests: dict[str, dict[str, ErasedStore]] = {}
    for word in words:
        assert word.shown.record is not None  # noqa: S101  `_word` saw to it
        body = word.shown.record.body
        if digest in body["commitments"]:
            stores = requests.pop(body["request_id"], {})
            stores |= {each["store"]: ErasedStore(each["store"], each["state"], each["at"]) for each in body["targets"]}
            requests[body["request_id"]] = stores
    if not requests:
        return None
    request_id, latest = requests.popitem()
    confirmed = [store.at for store in latest.values() if store.state == CONFIRMED]
    return Erased(name, request_id, max(confirmed, default=None), tuple(latest.values()))
