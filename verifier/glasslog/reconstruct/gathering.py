"""Gather the bundles of everything that one decision is linked to.

    the entries about the decision -> the systems they name -> the entries about those systems
    -> those that the decision refers to, directly or through others, and those that the rules of `selection` choose

The log finds entries by their hash and by what they are about; records name each other by record ids. So what is
referred to is looked for among the entries about the system, of which at most a stated number is read: the oldest half
and the newest. What was asked, how much was read and what was not found is part of the outcome. Nothing here is
verified, and nothing is believed: `glasslog.reconstruct.reconstruction` verifies what was gathered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from glasslog.bundle import decode_bundle
from glasslog.counting import counted
from glasslog.errors import GlasslogError, MismatchError, UncheckableError
from glasslog.merkle import Hash
from glasslog.reconstruct.evidence import Gap, GapKind, Search
from glasslog.reconstruct.reading import DecisionLog
from glasslog.reconstruct.references import references_of, uuid_text
from glasslog.reconstruct.selection import Core, Known, choose
from glasslog.records import decode_record
from glasslog.statement import CONTENT_TYPE_RECORD, decode_statement

SYSTEMS_MAX: Final = 4
"""How many systems the records of one decision may name before the rest is left aside."""
ABOUT_THE_DECISION: Final = "about the decision"
PIECES_MAX: Final = 500
"""How many entries one reconstruction gathers."""
BYTES_MAX: Final = 256 * 1_024 * 1_024
"""How much of a log's answers one reconstruction holds in memory; a bundle of an ordinary log has 4 KiB."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many entries are read: about the decision, and about each system."""

    decision_entries: int = 500
    system_entries: int = 2_000


@dataclass(frozen=True, slots=True)
class Gathered:
    """One entry: its bundle, or why there is none, and why it was gathered."""

    entry_id: Hash
    reasons: tuple[str, ...]
    bundle: bytes | None = field(repr=False)
    trouble: str | None = None


@dataclass(slots=True)
class Harvest:
    """What was gathered, what was asked for it, and what was not found."""

    gathered: list[Gathered] = field(default_factory=list)
    searches: list[Search] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)


def gather(log: DecisionLog, subject: str, bounds: Bounds, also: Sequence[str] = ()) -> Harvest:
    """Return the evidence about the decision `subject`, and what surrounds it. `also` are further subjects to search.

    Raises nothing of the log's: what cannot be had is a gap, or a piece with its trouble.
    """
    return _Gathering(log, bounds).run(subject, also)


class _Gathering:
    """One run. `_reasons` keeps the order in which entries were chosen."""

    def __init__(self, log: DecisionLog, bounds: Bounds) -> None:
        self._log = log
        self._bounds = bounds
        self._harvest = Harvest()
        self._reasons: dict[Hash, list[str]] = {}
        self._bundles: dict[Hash, bytes | UncheckableError] = {}
        self._known: dict[Hash, Known] = {}
        self._bytes_left = BYTES_MAX

    def run(self, subject: str, also: Sequence[str]) -> Harvest:
        decision = self._read_decision(subject)
        if decision:
            surroundings = self._read_surroundings(decision, subject, also)
            for choice in choose(Core.of(decision), surroundings):
                self._take(choice.entry_id, choice.reason)
            self._follow(decision, surroundings)
        self._harvest.gathered += [self._gathered(entry_id) for entry_id in self._reasons]
        return self._harvest

    # ------------------------------------------------------------------------------------------------- the decision

    def _read_decision(self, subject: str) -> list[Known]:
        """Take every entry about the decision; return those that hold a record."""
        entry_ids = self._listing(subject, self._bounds.decision_entries)
        for entry_id in entry_ids:
            self._take(entry_id, ABOUT_THE_DECISION)
        known = [self._open_bundle(entry_id) for entry_id in entry_ids]
        self._has_read(sum(isinstance(self._bundle(entry_id), bytes) for entry_id in entry_ids))
        if not entry_ids and self._harvest.searches[-1].trouble is None:
            self._gap("no-entry", GapKind.ABSENT, f"The log has no entry about {subject}.")
        # An entry about something else proves nothing here; its verification says what it is.
        return [each for each in known if each is not None and each.subject == subject]

    def _open_bundle(self, entry_id: Hash) -> Known | None:
        """Return the record in the bundle of an entry, unverified, or None."""
        data = self._bundle(entry_id)
        if not isinstance(data, bytes):
            return None
        try:
            return self._remember(entry_id, decode_bundle(data).statement)
        except GlasslogError:
            return None  # its verification will say what is wrong

    def _remember(self, entry_id: Hash, data: bytes) -> Known | None:
        """Return the record in an entry. Raises MismatchError for another entry, MalformedError."""
        statement = decode_statement(data)
        if statement.leaf_hash != entry_id:
            msg = f"expected the entry {entry_id.hex()}, got {statement.leaf_hash.hex()}"
            raise MismatchError(msg)
        if statement.content_type != CONTENT_TYPE_RECORD:
            return None
        known = Known(entry_id, statement.issuer, statement.subject, decode_record(statement.payload))
        return self._known.setdefault(entry_id, known)

    # --------------------------------------------------------------------------------------------- the surroundings

    def _read_surroundings(self, decision: Sequence[Known], subject: str, also: Sequence[str]) -> list[Known]:
        """Read the entries about the systems that the decision's records name, and about further subjects."""
        systems = list(dict.fromkeys(known.record.system for known in decision))
        if len(systems) > SYSTEMS_MAX:
            self._gap("systems", GapKind.UNKNOWN, f"The records name {len(systems)} systems; {SYSTEMS_MAX} were read.")
        subjects = dict.fromkeys([*systems[:SYSTEMS_MAX], *also])
        return [known for name in subjects if name != subject for known in self._read_about(name)]

    def _read_about(self, subject: str) -> list[Known]:
        entry_ids = self._listing(subject, self._bounds.system_entries)
        found = []
        troubles: list[str] = []
        for entry_id in entry_ids:
            try:
                read = self._known.get(entry_id) or self._read(entry_id)
            except GlasslogError as error:
                troubles.append(str(error))
                continue
            if read is not None and read.subject == subject:
                found.append(read)
        self._has_read(len(entry_ids) - len(troubles))
        if troubles:
            which = f"{len(troubles)} of {counted(len(entry_ids), 'entries')}"
            text = f"{which} about {subject} could not be read: {troubles[0]}"
            self._gap("unread", GapKind.UNKNOWN, text)
        return found

    def _read(self, entry_id: Hash) -> Known | None:
        """Return the record in an entry, None where it holds none. Raises GlasslogError."""
        return self._remember(entry_id, self._weighed(self._log.statement(entry_id)))

    def _listing(self, subject: str, entries_max: int) -> tuple[Hash, ...]:
        """Ask for the entries about a subject; what goes wrong, and what is left aside, is a gap."""
        try:
            listing = self._log.entries_about(subject)
        except UncheckableError as error:
            self._harvest.searches.append(Search(subject, 0, 0, is_whole=False, trouble=str(error)))
            self._gap("no-answer", GapKind.UNKNOWN, f"The log could not be asked about {subject}: {error}")
            return ()
        ids = _within(listing.entry_ids, entries_max)
        is_whole = listing.is_whole and len(ids) == len(listing.entry_ids)
        self._harvest.searches.append(Search(subject, len(listing.entry_ids), 0, is_whole))
        if not is_whole:
            more = "" if listing.is_whole else " or more"
            text = f"Of {counted(len(listing.entry_ids), 'entries')}{more} about {subject}, {len(ids)} were read:"
            self._gap("bound", GapKind.UNKNOWN, f"{text} the oldest half and the newest.")
        return ids

    def _has_read(self, count: int) -> None:
        """Take down how many entries of the last listing were read."""
        self._harvest.searches[-1] = replace(self._harvest.searches[-1], read=count)

    # ----------------------------------------------------------------------------------------------- what refers to it

    def _follow(self, decision: Sequence[Known], surroundings: Sequence[Known]) -> None:
        """Take what is referred to, by record id, from one to the next; what is not there is a gap."""
        by_id: dict[bytes, list[Known]] = {}
        for known in {known.entry_id: known for known in (*decision, *surroundings)}.values():
            by_id.setdefault(known.record.id, []).append(known)
        followed: set[Hash] = set()
        missing: set[bytes] = set()
        while waiting := [entry_id for entry_id in self._reasons if entry_id not in followed]:
            followed.update(waiting)
            for naming in (self._known[entry_id] for entry_id in waiting if entry_id in self._known):
                for reference in references_of(naming.record):
                    told = reference.told(f"{naming.record.type} {uuid_text(naming.record.id)}")
                    for target in by_id.get(reference.id, []):
                        self._take(target.entry_id, told)
                    if reference.id not in by_id and reference.id not in missing:
                        missing.add(reference.id)
                        self._gap_of_reference(reference.id, told)

    def _gap_of_reference(self, record_id: bytes, told: str) -> None:
        where = ", ".join(search.subject for search in self._harvest.searches)
        text = f"Record {uuid_text(record_id)}, {told}, was not found"
        if all(search.is_whole and search.read == search.listed for search in self._harvest.searches):
            self._gap("not-found", GapKind.ABSENT, f"{text} in the log under {where}.")
        else:
            self._gap("not-found", GapKind.UNKNOWN, f"{text} among what could be read under {where}.")

    # --------------------------------------------------------------------------------------------------- the outcome

    def _take(self, entry_id: Hash, reason: str) -> None:
        reasons = self._reasons.get(entry_id)
        if reasons is None:
            if len(self._reasons) == PIECES_MAX:
                self._gap_once("pieces", f"More than {PIECES_MAX} entries belong to this; the rest was left aside.")
                return
            reasons = self._reasons[entry_id] = []
        if reason not in reasons:
            reasons.append(reason)

    def _bundle(self, entry_id: Hash) -> bytes | UncheckableError:
        if entry_id not in self._bundles:
            try:
                self._bundles[entry_id] = self._weighed(self._log.bundle(entry_id))
            except UncheckableError as error:
                self._bundles[entry_id] = error
        return self._bundles[entry_id]

    def _weighed(self, data: bytes) -> bytes:
        """Return an answer that still finds room. Raises UncheckableError."""
        if len(data) > self._bytes_left:
            msg = f"expected answers of at most {BYTES_MAX} bytes in all, got more"
            raise UncheckableError(msg)
        self._bytes_left -= len(data)
        return data

    def _gathered(self, entry_id: Hash) -> Gathered:
        data, reasons = self._bundle(entry_id), tuple(self._reasons[entry_id])
        if isinstance(data, bytes):
            return Gathered(entry_id, reasons, data)
        return Gathered(entry_id, reasons, None, str(data))

    def _gap(self, code: str, kind: GapKind, text: str) -> None:
        self._harvest.gaps.append(Gap(code, kind, text))

    def _gap_once(self, code: str, text: str) -> None:
        if not any(gap.code == code for gap in self._harvest.gaps):
            self._gap(code, GapKind.UNKNOWN, text)


def _within(entry_ids: Sequence[Hash], entries_max: int) -> tuple[Hash, ...]:
    """Return at most so many ids: the oldest half, where registrations are, and the newest."""
    if len(entry_ids) <= entries_max:
        return tuple(entry_ids)
    oldest = (entries_max + 1) // 2
    return (*entry_ids[:oldest], *entry_ids[len(entry_ids) - (entries_max - oldest) :])
