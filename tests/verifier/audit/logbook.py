"""A small log made of events: what happened, when, and how it was logged, honestly or not.

A test takes the events of an honest story, changes one of them by name, and builds the log. Numbers, chains, anchors
and tree heads follow from the events as an honest issuer and an honest log would make them, unless an event says
otherwise. Statements are really signed and go through the decoders on their way to the facts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from glasslog.audit.database import Database, Head
from glasslog.audit.facts import facts_of
from glasslog.audit.finding import Finding
from glasslog.audit.result import AuditResult, run_checks
from glasslog.audit.scope import Scope
from glasslog.cbor import Value
from glasslog.merkle import Hash, LeafIndex, TreeSize
from glasslog.records import decode_record, encode_record
from glasslog.statement import SignedStatement, decode_statement, sign_statement
from tests.verifier.evidence import ISSUER, ISSUER_KEY, SYSTEM, signing_key, uuid7
from tests.verifier.records.examples import ordered
from tests.verifier.trees import NaiveTree

OTHER_ISSUER = "https://hospital.example"
KEYS = {ISSUER: ISSUER_KEY, OTHER_ISSUER: signing_key("hospital")}


@dataclass(frozen=True)
class Event:
    """One record: what it says, and how it came into the log. Times are POSIX milliseconds.

    `decision` names the decision that it is about; `fields` are further common fields; `logged` is when it came to the
    log (at once, where None). A `lost` one took its number and never came.
    """

    name: str
    type: str
    body: dict[str, Value]
    time: int
    decision: str | None = None
    stream: str = "decisions"
    issuer: str = ISSUER
    system: str = SYSTEM
    env: str = "production"
    links: tuple[tuple[str, str], ...] = ()
    fields: dict[str, Value] = field(default_factory=dict)
    logged: int | None = None
    lost: bool = False
    seq: int | None = None
    prev: bytes | None = None
    anchor: dict[str, Value] | None = None
    id: str | None = None

    @property
    def comes(self) -> int:
        return self.time if self.logged is None else self.logged

    @property
    def record_id(self) -> bytes:
        return uuid7(self.name if self.id is None else self.id)


def urn(decision: str) -> str:
    octets = uuid7(f"decision {decision}").hex()
    return f"urn:uuid:{octets[:8]}-{octets[8:12]}-{octets[12:16]}-{octets[16:20]}-{octets[20:]}"


class Logbook:
    """A log built from events: its entries, its tree heads with their times, and which entry each event is."""

    def __init__(self, events: Iterable[Event], *, anchored: bool = True, chained: bool = True) -> None:
        self.entries: list[SignedStatement] = []
        self.heads: list[Head] = []
        self.index: dict[str, int] = {}
        self._anchored = anchored
        self._chained = chained
        self._newest: dict[str, Value] | None = None
        self._tree = NaiveTree([])
        for event, seq, before in self._number(list(events)):
            self._append(event, seq, before)

    def _number(self, events: list[Event]) -> list[tuple[Event, int, Event | None]]:
        """Give numbers in the order of the events, and return those that came in the order of their coming."""
        following: dict[tuple[str, str], int] = {}
        last: dict[tuple[str, str], Event] = {}
        numbered = []
        for event in sorted(events, key=lambda event: event.time):
            key = (event.issuer, event.stream)
            seq = following.get(key, 0) if event.seq is None else event.seq
            if event.seq is None:
                following[key] = seq + 1
            if not event.lost:
                numbered.append((event, seq, last.get(key)))
            if event.seq is None:
                last[key] = event
        return sorted(numbered, key=lambda item: item[0].comes)

    def _append(self, event: Event, seq: int, before: Event | None) -> None:
        statement = self._sign(event, seq, before)
        self.index[event.name] = len(self.entries)
        self.entries.append(statement)
        self.add_head(event.comes)

    def add_head(self, time: int) -> None:
        """Sign a tree head, as the log does: its time is in whole seconds."""
        self.heads.append(Head(len(self.entries), time // 1_000 * 1_000 + 1_000))
        self._newest = {"size": len(self.entries), "root": self.root_at(TreeSize(len(self.entries)))}

    def append(self, statement: SignedStatement, time: int) -> None:
        """Append what is no event: content of another type, an entry that must be refused, an entry once more."""
        self.entries.append(statement)
        self.add_head(time)

    def _sign(self, event: Event, seq: int, before: Event | None) -> SignedStatement:
        stream: dict[str, Value] = {"id": event.stream, "seq": seq}
        prev = event.prev
        if prev is None and self._chained and seq > 0 and before is not None and before.name in self.index:
            prev = self.entries[self.index[before.name]].leaf_hash
        if prev is not None:
            stream["prev"] = prev
        fields: dict[str, Value] = {
            "v": 1,
            "type": event.type,
            "id": event.record_id,
            "time": event.time,
            "system": event.system,
            "env": event.env,
            "stream": stream,
            "body": event.body,
            **event.fields,
        }
        anchor = event.anchor if event.anchor is not None else self._newest if self._anchored else None
        if anchor is not None:
            fields["anchor"] = anchor
        if event.links:
            fields["links"] = [{"rel": rel, "id": uuid7(name)} for rel, name in event.links]
        subject = event.system if event.decision is None else urn(event.decision)
        payload = encode_record(ordered(fields))
        return sign_statement(KEYS[event.issuer], issuer=event.issuer, subject=subject, payload=payload)

    # ---------------------------------------------------------------------------------------------------------- tree

    @property
    def size(self) -> TreeSize:
        return TreeSize(len(self.entries))

    def root_at(self, size: TreeSize) -> Hash:
        new = NaiveTree.of_entries([statement.entry for statement in self.entries[self._tree.size :]])
        self._tree.leaves += new.leaves  # what is over the leaves before them is known already
        return self._tree.root(size)

    # --------------------------------------------------------------------------------------------------------- audit

    def database(
        self, findings: Iterable[Finding] = (), refused: Iterable[int] = (), end: int | None = None
    ) -> Database:
        """Return the facts of the entries, as a replay would insert them: verified, in chunks."""
        database = Database.in_memory()
        self.fill(database, refused, end)
        database.insert_findings(findings)
        return database

    def fill(self, database: Database, refused: Iterable[int] = (), end: int | None = None) -> None:
        start, bad = database.next_index, set(refused)
        facts = []
        for index, signed in enumerate(self.entries[start:end], start=start):
            statement = decode_statement(signed.entry)
            is_record = statement.content_type.endswith("record+cbor") and index not in bad
            if is_record and statement.issuer in KEYS:
                statement.verify(KEYS[statement.issuer].public_key)
            record = decode_record(statement.payload) if is_record else None
            facts.append(facts_of(LeafIndex(index), statement.leaf_hash, statement, record))
        for first in range(0, len(facts), 16):
            database.insert(facts[first : first + 16])
        database.insert_heads(head for head in self.heads if end is None or head.size <= end)

    def audit(self, *names: str, scope: Scope | None = None, database: Database | None = None) -> "Audited":
        told: list[Finding] = []
        kept = database or self.database()
        result = run_checks(kept, self, scope or Scope(), names, lambda finding, _: told.append(finding))
        return Audited(self, result, tuple(told))


@dataclass(frozen=True)
class Audited:
    """What an audit said, with all findings."""

    log: Logbook
    result: AuditResult
    findings: tuple[Finding, ...]

    @property
    def verdicts(self) -> dict[str, str]:
        return {result.check.id: str(result.verdict) for result in self.result.checks}

    @property
    def found(self) -> set[str]:
        return {finding.check for finding in self.findings}

    def not_recorded(self, check: str) -> list[str]:
        (result,) = (result for result in self.result.checks if result.check.id == check)
        return result.examination.not_recorded

    def named(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return the checks of the findings with the names of the events they are about."""
        names = {index: name for name, index in self.log.index.items()}
        return [
            (finding.check, tuple(names.get(entry, str(entry)) for entry in finding.entries))
            for finding in self.findings
        ]


def changed(events: Iterable[Event], name: str, **changes: Value) -> list[Event]:
    """Return the events with one of them changed; `body` is merged into what was there."""
    result, met = [], False
    for event in events:
        if event.name == name:
            met = True
            body = {**event.body, **changes.get("body", {})}
            body = {key: value for key, value in body.items() if value is not None}
            result.append(replace(event, **{**changes, "body": body}))
        else:
            result.append(event)
    assert met, name
    return result


def without(events: Iterable[Event], *names: str) -> list[Event]:
    """Return the events without some, which were never numbered."""
    kept = [event for event in events if event.name not in names]
    assert len(kept) + len(names) == len(list(events))
    return kept
