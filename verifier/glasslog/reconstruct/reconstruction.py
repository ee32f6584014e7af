"""Reconstruct one decision: gather, verify each piece by all numbered steps, open what may be opened, say what lacks.

`reconstruct` is the way in. It reads through the `DecisionLog` and the `OpenedVault` that it is given, and trusts
neither: a piece counts when its bundle verifies for the entry that was asked for, and a value counts when it opens the
commitment of a verified record.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from glasslog.commitments import Disclosure, encode_disclosures
from glasslog.errors import UncheckableError
from glasslog.filetype import FileType
from glasslog.merkle import Hash
from glasslog.reconstruct.evidence import Gap, GapKind, Piece, Reconstruction, Told
from glasslog.reconstruct.gathering import ABOUT_THE_DECISION, Bounds, Gathered, gather
from glasslog.reconstruct.opening import Disclosed, EmptyVault, OpenedVault, matching, openings
from glasslog.reconstruct.reading import DecisionLog
from glasslog.reconstruct.references import uuid_text
from glasslog.reconstruct.trees import check_one_tree
from glasslog.records import Record
from glasslog.verify import Asked, Report, Trust, Verdict, verify
from glasslog.verify.erasures import ERASURE_TYPE

_LAST: Final = 2**63
"""Where an entry without a proven index stands: after all others."""
_NO_BOUNDS: Final = Bounds()


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the relying party has beside the log: disclosures from files, and a vault."""

    disclosures: tuple[Disclosure, ...] = field(default=(), repr=False)
    vault: OpenedVault = field(default_factory=EmptyVault)


@dataclass(frozen=True, slots=True)
class Request:
    """Which decision, and how far to look: `also` are further subjects among whose entries to search."""

    subject: str
    also: tuple[str, ...] = ()
    bounds: Bounds = _NO_BOUNDS


def reconstruct(log: DecisionLog, request: Request, trust: Trust, holdings: Holdings) -> Reconstruction:
    """Return everything that the log has about one decision, verified. Raises nothing of the log's or the vault's."""
    harvest = gather(log, request.subject, request.bounds, request.also)
    checked = _in_order(_checked(gathered, trust, holdings.disclosures) for gathered in harvest.gathered)
    pieces = _with_erasures(checked, trust)
    bare = Reconstruction(
        request.subject,
        log.name,
        pieces,
        tuple(harvest.searches),
        tuple(harvest.gaps),
        check_one_tree(pieces, log),
        tuple(_wrong_answers(pieces, request.subject)),
    )
    return _with_strays(_with_openings(bare, holdings), holdings.disclosures)


def _checked(gathered: Gathered, trust: Trust, disclosures: Sequence[Disclosure]) -> Piece:
    """Verify one bundle. The disclosures that match its record are verified by the same steps."""
    if gathered.bundle is None:
        return Piece(gathered.entry_id, gathered.reasons, trouble=gathered.trouble)
    asked = Asked(entry_id=gathered.entry_id)
    report = verify(gathered.bundle, trust, asked)
    if report.shown is not None and report.shown.record is not None:
        matched = matching(disclosures, report.shown.record.commitments)
        if matched:
            report = verify(gathered.bundle, trust, replace(asked, disclosures=encode_disclosures(matched)))
    trouble = None if report.file_type is FileType.BUNDLE else _no_bundle(report)
    return Piece(gathered.entry_id, gathered.reasons, gathered.bundle, report, trouble)


def _with_erasures(pieces: Sequence[Piece], trust: Trust) -> tuple[Piece, ...]:
    """Verify again what an erasure of its own issuer is about, with that erasure brought along."""
    erasures = [piece for piece in pieces if piece.record is not None and piece.record.type == ERASURE_TYPE]
    again = []
    for piece in pieces:
        named = [erasure.bundle for erasure in erasures if erasure.bundle is not None and _erases(erasure, piece)]
        if named and piece.bundle is not None and piece.shown is not None:
            asked = Asked(
                entry_id=piece.entry_id,
                disclosures=encode_disclosures(piece.shown.disclosures) if piece.shown.disclosures else None,
                erasures=tuple(named),
            )
            again.append(replace(piece, report=verify(piece.bundle, trust, asked)))
        else:
            again.append(piece)
    return tuple(again)


def _erases(erasure: Piece, piece: Piece) -> bool:
    """Tell whether a verified erasure names a commitment of a verified record of the same issuer."""
    if erasure.record is None or piece.record is None or erasure.issuer != piece.issuer:
        return False
    return not set(piece.record.commitments.values()).isdisjoint(erasure.record.body["commitments"])


def _no_bundle(report: Report) -> str:
    kind = report.file_type.label if report.file_type is not None else "something unknown"
    return f"expected an evidence bundle, got another file: {kind}"


def _wrong_answers(pieces: Iterable[Piece], subject: str) -> Iterator[str]:
    """Yield a sentence for each entry that the log named as one about the decision, and that is about another."""
    for piece in pieces:
        statement = piece.shown.statement if piece.shown is not None else None
        if statement is not None and statement.subject != subject and ABOUT_THE_DECISION in piece.reasons:
            name = piece.entry_id.hex()
            yield f"The log named the entry {name} as one about the decision; it is about {statement.subject}."


def _in_order(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Return the pieces in the order of the log; those without a proven place come last, by their id."""

    def place(piece: Piece) -> tuple[int, Hash]:
        shown = piece.shown
        return (_LAST if shown is None or shown.index is None else shown.index, piece.entry_id)

    return tuple(sorted(pieces, key=place))


def _with_openings(bare: Reconstruction, holdings: Holdings) -> Reconstruction:
    """Return it with what became of each commitment, and with what is wrong with the vault."""
    gaps, faults = list(bare.gaps), list(bare.faults)
    pieces = []
    for piece in bare.pieces:
        shown, record = piece.shown, piece.record
        if shown is None or record is None or not record.commitments:
            pieces.append(piece)
            continue
        kept = _kept(holdings.vault, record, gaps, faults)
        pieces.append(replace(piece, openings=openings(Told(piece, shown, record), kept)))
    return replace(bare, pieces=tuple(pieces), gaps=tuple(gaps), faults=tuple(faults))


def _kept(vault: OpenedVault, record: Record, gaps: list[Gap], faults: list[str]) -> Disclosed:
    """Return what a vault has for a record, as far as it opens what the record commits to."""
    try:
        kept = vault.disclosures(record.id)
    except UncheckableError as error:
        text = f"The vault could not be asked about the {record.type} {uuid_text(record.id)}: {error}"
        gaps.append(Gap("vault", GapKind.UNKNOWN, text))
        return Disclosed(())
    matched = matching(kept.disclosures, record.commitments)
    faults += [
        f"The vault's value for {disclosure.name!r} does not open the {record.type} {uuid_text(record.id)}."
        for disclosure in kept.disclosures
        if disclosure not in matched
    ]
    return Disclosed(matched, kept.erased_at)


def _with_strays(opened: Reconstruction, disclosures: Sequence[Disclosure]) -> Reconstruction:
    """Return it with the disclosures that open nothing: a fault, unless what they open may be what does not verify."""
    records = [told.record for told in opened.verified()]
    strays = [
        f"The disclosure {disclosure.name!r} opens no commitment of any record here that verifies."
        for disclosure in disclosures
        if not any(matching([disclosure], record.commitments) for record in records)
    ]
    if all(piece.verdict is Verdict.VERIFIED for piece in opened.pieces) and opened.pieces:
        return replace(opened, faults=(*opened.faults, *strays))
    gaps = (Gap("disclosure", GapKind.UNKNOWN, text) for text in strays)
    return replace(opened, gaps=(*opened.gaps, *gaps))
