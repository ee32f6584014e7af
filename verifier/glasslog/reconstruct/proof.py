"""What is proven, with which checkpoint and by which keys; and what no such evidence can show.

Each statement is one thing that a third party can check again from the kept bundles with the log's key alone. Its
verdict is that of the checks behind it. None of them says that a record is true.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from glasslog.counting import counted
from glasslog.reconstruct.evidence import OpeningState, Piece, Reconstruction
from glasslog.verify import Status, Step, Trust, Verdict

_NEVER_SENT: Final = (
    "An event that was never sent leaves no record: sequence numbers, heartbeats, receipts in other hands and outside"
    " counters are for that, and an audit looks at them."
)
_LIST: Final = (
    "Which entries there are about the decision and the system is the log's word, and with a token it names those alone"
    " that the token opens; an audit, which reads all entries, shows whether it left any out."
)
_LIMITS: Final = (
    _NEVER_SENT,
    "A signature says who said a thing, not that it is true.",
    _LIST,
    "What is committed to and not opened is not known here, and what was erased nobody can open again.",
)


@dataclass(frozen=True, slots=True)
class Statement:
    """Something that was checked: a stable code, the verdict, a sentence, and what it was checked with.

    The verdict is None where nobody asked for the check.
    """

    code: str
    verdict: Verdict | None
    text: str
    details: tuple[str, ...] = ()


def statements(reconstruction: Reconstruction, trust: Trust) -> Iterator[Statement]:
    """Yield what was checked, in the order in which one stands on the other."""
    pieces = reconstruction.pieces
    if not pieces:
        return
    yield _log(reconstruction, trust)
    yield Statement("one-tree", reconstruction.tree.verdict, reconstruction.tree.found, _heads(reconstruction))
    yield _witnesses(pieces, trust)
    yield _pieces(pieces)
    yield from _issuers(pieces)
    yield from _values(pieces)


def limits(reconstruction: Reconstruction) -> tuple[str, ...]:
    """Return what this cannot show, however right everything is, each as a sentence."""
    named = dict.fromkeys(
        sentence for piece in reconstruction.pieces if piece.report is not None for sentence in piece.report.not_shown
    )
    return (*_LIMITS, *(f"Not shown by the single entries: {sentence}." for sentence in named))


def _log(reconstruction: Reconstruction, trust: Trust) -> Statement:
    """Say whose checkpoints these are: the keys are the ones that the relying party brought."""
    keys = tuple(f"{key}" for key in trust.log_keys)
    verdict = _together(_steps(reconstruction.pieces, "checkpoint"))
    origins = sorted({head.origin for head in reconstruction.tree.heads})
    if verdict is Verdict.VERIFIED:
        text = f"Every checkpoint is signed by the key of the log {', '.join(origins)} that was given here."
    else:
        text = "Not every checkpoint is shown to be signed by a key of the log that was given here."
    return Statement("checkpoint", verdict, text, keys)


def _heads(reconstruction: Reconstruction) -> tuple[str, ...]:
    return tuple(
        f"{head.origin}, {counted(head.size, 'entries')}, root {head.root.hex()}: {counted(head.pieces, 'pieces')}"
        for head in reconstruction.tree.heads
    )


def _witnesses(pieces: tuple[Piece, ...], trust: Trust) -> Statement:
    if trust.policy is None:
        text = "No policy on witnesses was given: that everybody is shown the same tree was not checked."
        return Statement("witnesses", None, text)
    cosigners = sorted({name for piece in pieces if piece.shown is not None for name in piece.shown.cosigners})
    verdict = _together(_steps(pieces, "quorum"))
    text = "The witnesses that the policy asks for have cosigned every checkpoint."
    if verdict is not Verdict.VERIFIED:
        text = "Not every checkpoint is cosigned by the witnesses that the policy asks for."
    return Statement("witnesses", verdict, text, tuple(cosigners))


def _pieces(pieces: tuple[Piece, ...]) -> Statement:
    good = sum(piece.verdict is Verdict.VERIFIED for piece in pieces)
    verdict = _together(piece.verdict for piece in pieces)
    text = f"Verified: {good} of {counted(len(pieces), 'entries')}."
    if verdict is Verdict.VERIFIED:
        text = (
            f"Verified: {counted(good, 'entries')}, each in the tree that the log has signed, and signed by its issuer."
        )
    return Statement("entries", verdict, text)


def _issuers(pieces: tuple[Piece, ...]) -> Iterator[Statement]:
    """Say for each issuer and key how many entries it signed, and which entry of the operator registered the key."""
    signed: dict[tuple[str, str], list[str]] = {}
    for piece in pieces:
        shown = piece.shown
        if shown is not None and shown.statement is not None:
            found = next((str(step.found) for step in _passed(piece, "issuer-key")), "")
            signed.setdefault((shown.statement.issuer, shown.statement.kid.hex()), []).append(found)
    for (issuer, _), steps in sorted(signed.items()):
        text = f"{issuer} signed {len(steps)} of them, with a key that was registered in the log before and valid then."
        yield Statement("issuer", Verdict.VERIFIED, text, tuple(dict.fromkeys(steps)))


def _values(pieces: tuple[Piece, ...]) -> Iterator[Statement]:
    counts: Mapping[OpeningState, int] = {
        state: sum(opening.state is state for piece in pieces for opening in piece.openings) for state in OpeningState
    }
    total = sum(counts.values())
    details = tuple(f"{number} {state.value}" for state, number in counts.items() if number)
    opened = counts[OpeningState.OPENED]
    if counts[OpeningState.CONTRADICTED]:
        text = "A value that every store has confirmed to be erased can still be opened."
        yield Statement("values", Verdict.FAILED, text, details)
    elif opened:
        text = f"{opened} of {total} committed values were opened; each is exactly the one that was committed to."
        yield Statement("values", Verdict.VERIFIED, text, details)
    elif total:
        yield Statement("values", None, f"None of {total} committed values was opened here.", details)


def _steps(pieces: tuple[Piece, ...], check: str) -> Iterator[Verdict]:
    for piece in pieces:
        if piece.report is None:
            yield Verdict.COULD_NOT_CHECK
            continue
        for step in piece.report.steps:
            if step.check.id == check:
                passed = {Status.PASSED: Verdict.VERIFIED, Status.FAILED: Verdict.FAILED}
                yield passed.get(step.status, Verdict.COULD_NOT_CHECK)


def _passed(piece: Piece, check: str) -> Iterator[Step]:
    steps = piece.report.steps if piece.report is not None else ()
    return (step for step in steps if step.check.id == check and step.status is Status.PASSED)


def _together(verdicts: Iterator[Verdict]) -> Verdict:
    found = set(verdicts)
    if Verdict.FAILED in found:
        return Verdict.FAILED
    return Verdict.VERIFIED if found == {Verdict.VERIFIED} else Verdict.COULD_NOT_CHECK
