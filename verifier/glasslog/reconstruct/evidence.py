"""What a reconstruction comes to: pieces of evidence, each verified by itself, and what is missing.

A piece is one entry of the log with the report of all its numbered steps. What a record says is taken from verified
pieces alone; a piece that failed, or could not be checked, is shown as that. A gap says what is not there, and keeps
two things apart: the log was asked and has nothing, or nobody could look.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from glasslog.cbor import Value
from glasslog.filetype import FileType
from glasslog.merkle import Hash, LeafIndex, TreeSize
from glasslog.records import Record
from glasslog.verify import Report, Shown, Verdict


class OpeningState(StrEnum):
    """What became of a commitment."""

    OPENED = "opened"  # a disclosure opens it
    CLOSED = "closed"  # nobody gave a disclosure
    ERASED = "erased"  # an erasure record of its issuer names it, and a store has confirmed
    TO_BE_ERASED = "to-be-erased"  # an erasure record of its issuer names it, and no store has confirmed yet
    SAID_ERASED = "said-erased"  # the vault says so, and no erasure record was found
    CONTRADICTED = "contradicted"  # every store has confirmed its erasure, and the vault still opens it


@dataclass(frozen=True, slots=True)
class Opening:
    """One commitment of a record. `at` is when it was erased, POSIX ms; `open_stores` have not confirmed it yet."""

    name: str
    state: OpeningState
    digest: bytes
    value: Value = field(default=None, repr=False)
    at: int | None = None
    open_stores: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """One entry that was gathered, why, and what its verification says.

    Without a report, the evidence could not be had, and `trouble` says why. A report on a file that is no bundle does
    not count, however good: what a smaller file shows is less.
    """

    entry_id: Hash
    reasons: tuple[str, ...]
    bundle: bytes | None = field(default=None, repr=False)
    report: Report | None = None
    trouble: str | None = None
    openings: tuple[Opening, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Return what the verification came to."""
        if self.report is None:
            return Verdict.COULD_NOT_CHECK
        return self.report.verdict if self.report.file_type is FileType.BUNDLE else Verdict.FAILED

    @property
    def shown(self) -> Shown | None:
        """Return what a verified piece shows."""
        return self.report.shown if self.report is not None and self.verdict is Verdict.VERIFIED else None

    @property
    def record(self) -> Record | None:
        """Return the record of a verified piece."""
        return self.shown.record if self.shown is not None else None

    @property
    def issuer(self) -> str | None:
        """Return who signed a verified piece."""
        statement = self.shown.statement if self.shown is not None else None
        return statement.issuer if statement is not None else None


class GapKind(StrEnum):
    """Why something is not there, or is there and asks for a look."""

    ABSENT = "absent"  # the log was asked, and has nothing
    UNKNOWN = "unknown"  # nobody could look, or not everywhere
    NOTED = "noted"  # nothing is missing, but two records do not go together


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that is missing or noted: a stable code, and a sentence that says what was looked for and where."""

    code: str
    kind: GapKind
    text: str


@dataclass(frozen=True, slots=True)
class Search:
    """One subject that the log was asked about. `listed` entries were named, `read` of them were looked at."""

    subject: str
    listed: int
    read: int
    is_whole: bool
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class TreeHead:
    """A signed tree head that pieces stand on, and how many do."""

    origin: str
    size: TreeSize
    root: Hash
    pieces: int


@dataclass(frozen=True, slots=True)
class OneTree:
    """Whether all tree heads are of one growing tree: a verdict, and what was found, in a sentence."""

    verdict: Verdict
    heads: tuple[TreeHead, ...]
    found: str


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """Everything that was gathered about one decision.

    `faults` are sentences about what is wrong beyond the single pieces: answers about something else, values that open
    nothing.
    """

    subject: str
    source: str
    pieces: tuple[Piece, ...]
    searches: tuple[Search, ...]
    gaps: tuple[Gap, ...]
    tree: OneTree
    faults: tuple[str, ...] = ()

    @property
    def looked_everywhere(self) -> bool:
        """Tell whether every list was whole, and every entry of it was read and verifies: then silence is an answer."""
        searched = all(search.is_whole and search.read == search.listed for search in self.searches)
        return searched and all(piece.verdict is Verdict.VERIFIED for piece in self.pieces)

    @property
    def verdict(self) -> Verdict:
        """Return what all of it comes to: what failed decides, then what could not be checked. Gaps of the log do not.

        Without a single piece there is nothing that could have been checked.
        """
        verdicts = {piece.verdict for piece in self.pieces} | {self.tree.verdict}
        contradicted = any(o.state is OpeningState.CONTRADICTED for piece in self.pieces for o in piece.openings)
        if Verdict.FAILED in verdicts or self.faults or contradicted:
            return Verdict.FAILED
        unknown = any(gap.kind is GapKind.UNKNOWN for gap in self.gaps)
        if Verdict.COULD_NOT_CHECK in verdicts or unknown or not self.pieces:
            return Verdict.COULD_NOT_CHECK
        return Verdict.VERIFIED

    def verified(self, *types: str) -> Iterator["Told"]:
        """Yield the records of verified pieces, of the given types or of all, in the order of the log."""
        for piece in self.pieces:
            shown, record = piece.shown, piece.record
            if shown is not None and record is not None and (not types or record.type in types):
                yield Told(piece, shown, record)


@dataclass(frozen=True, slots=True)
class Told:
    """A verified record with its piece."""

    piece: Piece
    shown: Shown
    record: Record

    @property
    def issuer(self) -> str:
        """Return who signed it."""
        return self.shown.statement.issuer if self.shown.statement is not None else ""

    @property
    def subject(self) -> str:
        """Return what it is about."""
        return self.shown.statement.subject if self.shown.statement is not None else ""

    @property
    def index(self) -> LeafIndex:
        """Return its place in the log."""
        return self.shown.index if self.shown.index is not None else LeafIndex(0)
