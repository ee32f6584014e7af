"""Facts: what one verified entry contributes to the audit, small enough to cross a process boundary by the million.

The replay verifies an entry in a worker process, takes the extract of its record there (`glasslog.audit.extract`), and
adds both to a `Batch`, which the one process that writes the database is handed. Most of what entries say is the same
from one to the next (who signed, which model, which guardrails decided what), so a batch has it once and numbers it, as
the database does: the *sort* of an entry. What is left is one short row an entry, and rows of other tables
(`glasslog.audit.tables`) for the records that checks look up one by one.

Only what a check needs is here. Nothing is judged, and nothing is looked up.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, TypeAlias

from glasslog.audit.extract import Extract, Kind, extract_of
from glasslog.audit.rows import Row, Rows, rows_of
from glasslog.merkle import Hash, LeafIndex
from glasslog.records import Record
from glasslog.statement import CONTENT_TYPE_RECORD, SignedStatement
from glasslog.statement_frame import Signatory

_URN_UUID: Final = "urn:uuid:"
_URN_UUID_CHARACTERS: Final = len(_URN_UUID) + 36
_UUID_BYTES: Final = 16


Subject: TypeAlias = bytes | str | None
"""A CWT sub as the database keeps it: see `subject_of`."""


class Facts(NamedTuple):
    """What one entry contributes. Every field can be pickled.

    `entry` is its index, `leaf` its leaf hash. `source` is (content type, iss, kid, record type, system, env, stream
    id), with None from the record type on where there is no record. `end` is when the event was over: as stated, and
    for an inference not before its latency has passed. `anchor` is (size, root). `call` and `runs` are of inferences,
    `runs` of guardrail executions too: see `call_of` and `run_of`.
    """

    entry: int
    source: Row
    leaf: bytes
    subject: Subject = None
    id: bytes | None = None
    time: int | None = None
    end: int | None = None
    seq: int | None = None
    prev: bytes | None = None
    anchor: Row | None = None
    call: Row | None = None
    runs: tuple[Row, ...] | None = None
    rows: Rows = ()


Sort: TypeAlias = tuple[Row, Row | None, tuple[Row, ...] | None]
"""(source, call, runs) of an entry: see Facts."""


class Batch:
    """The facts of some entries, as plain values: what repeats once, in `sorts`, and a short row for each entry.

    A row of `entries` is (entry, leaf, number of its sort, subject, id, time, end, seq, prev, anchor).
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.sorts: list[Sort] = []
        self.entries: list[tuple[Any, ...]] = []
        self.rows: list[tuple[str, Row]] = []
        self._numbers: dict[tuple[int, Signatory], int] = {}
        self._kinds: list[Kind] = []  # they are known by their addresses, so they have to live

    def plain(self) -> tuple[list[Sort], list[tuple[Any, ...]], list[tuple[str, Row]]]:
        """Return what `of_plain` makes the batch of again."""
        return self.sorts, self.entries, self.rows

    @classmethod
    def of_plain(cls, plain: tuple[list[Sort], list[tuple[Any, ...]], list[tuple[str, Row]]]) -> "Batch":
        """Return the batch that is `plain`, to be read."""
        batch = cls()
        batch.sorts, batch.entries, batch.rows = plain
        return batch

    def add(self, index: int, leaf: bytes, signatory: Signatory, subject: Subject, extract: Extract) -> None:
        """Add entry `index`, whose record was verified."""
        kind, number, time, end, seq, prev, anchor, fields = extract
        key = (id(kind), signatory)
        sort = self._numbers.get(key)
        if sort is None:
            sort = self._numbers[key] = self._sort(source_of(signatory, kind), kind)
        self.entries.append((index, leaf, sort, subject, number, time, end, seq, prev, anchor))
        if fields is not None:
            self.rows += rows_of(index, subject, kind[0][0], fields)

    def add_other(self, index: int, leaf: bytes, signatory: Signatory | None, subject: Subject) -> None:
        """Add an entry without a record that counts, as `facts_of` says."""
        self.add_facts(_facts_of_other(index, leaf, signatory, subject))

    def add_facts(self, facts: Facts) -> None:
        """Add the facts of an entry."""
        entry, source, leaf, subject, number, time, end, seq, prev, anchor, call, runs, rows = facts
        self.sorts.append((source, call, runs))
        sort = len(self.sorts) - 1
        self.entries.append((entry, leaf, sort, subject, number, time, end, seq, prev, anchor))
        self.rows += rows

    def _sort(self, source: Row, kind: Kind) -> int:
        self._kinds.append(kind)
        self.sorts.append((source, kind[1], kind[2]))
        return len(self.sorts) - 1


def batch_of(facts: Iterable[Facts]) -> Batch:
    """Return the batch of the facts of entries in order."""
    batch = Batch()
    for fact in facts:
        batch.add_facts(fact)
    return batch


def facts_of(index: LeafIndex, leaf_hash: Hash, statement: SignedStatement | None, record: Record | None) -> Facts:
    """Return the facts of entry `index`. Pure; costs a few microseconds.

    Content that is no record has no record. So has an entry that the replay refused (its signature, its signer or its
    schema): it fills its place in the log and counts as nothing else; and where not even the statement could be
    decoded, there is no statement either.
    """
    if statement is None:
        return _facts_of_other(index, leaf_hash, None, None)
    signatory, subject = statement.signatory, subject_of(statement.subject)
    if record is None:
        return _facts_of_other(index, leaf_hash, signatory, subject)
    kind, number, time, end, seq, prev, anchor, fields = extract_of(record)
    rows = () if fields is None else rows_of(index, subject, record.type, fields)
    source = source_of(signatory, kind)
    return Facts(index, source, leaf_hash, subject, number, time, end, seq, prev, anchor, kind[1], kind[2], rows)


def _facts_of_other(index: int, leaf: bytes, signatory: Signatory | None, subject: Subject) -> Facts:
    """Return the facts of an entry without a record that counts."""
    issuer, kid, content_type = signatory or (None, None, None)
    return Facts(index, (content_type, issuer, kid, None, None, None, None), leaf, subject)


def source_of(signatory: Signatory, kind: Kind) -> Row:
    """Return the source of an entry that has a record."""
    return (CONTENT_TYPE_RECORD, signatory.issuer, signatory.kid, *kind[0])


def subject_of(subject: str) -> bytes | str:
    """Return a CWT sub as the database keeps it: 16 bytes for the URN of a decision, any other as it is."""
    if len(subject) == _URN_UUID_CHARACTERS and subject.startswith(_URN_UUID):
        try:
            octets = bytes.fromhex(subject[len(_URN_UUID) :].replace("-", ""))
        except ValueError:
            return subject
        if len(octets) == _UUID_BYTES:
            return octets
    return subject


def subject_text(subject: Subject) -> str | None:
    """Return the CWT sub that `subject_of` was given: hexadecimal digits in lower case."""
    if not isinstance(subject, bytes):
        return subject
    digits = subject.hex()
    return f"{_URN_UUID}{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
