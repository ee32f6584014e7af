"""One decision with everything around it, in a log in memory: the chest X-ray of docs/records.md.

Lumen Imaging sells the system, St. Elsewhere Hospital uses it, an institute tests it. `Story.log` is the log as a
`DecisionLog`; tests change what it answers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from glasslog.cbor import Value
from glasslog.commitments import Disclosure
from glasslog.errors import AbsentError
from glasslog.keys import SigningKey
from glasslog.merkle import Hash, TreeSize
from glasslog.reconstruct import Disclosed, Listing
from glasslog.records import RECORD_TYPES, decode_record, encode_record
from glasslog.statement import SignedStatement, sign_statement
from glasslog.verify import Trust
from tests.verifier.evidence import TIME_MS, Ledger, digest, signing_key, uuid7
from tests.verifier.records.examples import BODIES, DAY_MS, EXECUTION, HOUR_MS

LUMEN: Final = "https://lumen.example"
HOSPITAL: Final = "https://st-elsewhere.example"
INSTITUTE: Final = "https://institute.example"
SYSTEM: Final = "urn:example:cxr-triage"
DECISION: Final = "urn:uuid:3f0e6c1a-94d2-4b7e-8a51-2c6f0d9be417"
OTHER_DECISION: Final = "urn:uuid:0a5de1b2-7c3f-4e86-9b0d-51f2c8a7d634"
KEYS: Final = {issuer: signing_key(issuer) for issuer in (LUMEN, HOSPITAL, INSTITUTE)}
CONTENT: Final[Mapping[str, Value]] = {
    "input": "PA chest film, 54 y, <b>cough</b> for two weeks",
    "output": {"finding": "suspected pneumothorax, left apex", "score": 0.875},
    "features": [0.875, 12, True, None],
}
MODEL: Final = uuid7("cxr-triage 3.2")
THRESHOLD: Final = uuid7("threshold 0.35")
TEST_SET: Final = uuid7("test set")


def body(record_type: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 (any value of CBOR)
    """Return the full example body of a type with changes; a value of None takes a field away."""
    merged = {**BODIES[record_type], **changes}
    return {name: value for name, value in merged.items() if value is not None}


def disclosures(names: Mapping[str, Value] = CONTENT, salt: str = "") -> tuple[Disclosure, ...]:
    return tuple(Disclosure(digest(f"{salt}{name}")[:16], value, name) for name, value in names.items())


def committed(given: tuple[Disclosure, ...]) -> dict[str, bytes]:
    return {each.name: each.digest for each in sorted(given, key=lambda each: (len(each.name), each.name))}


@dataclass
class Drawer:
    """A vault in memory: what it gives by record id."""

    contents: dict[bytes, Disclosed] = field(default_factory=dict)
    is_open: bool = True

    def disclosures(self, record_id: bytes) -> Disclosed:
        return self.contents.get(record_id, Disclosed(()))

    def close(self) -> None:
        self.is_open = False


@dataclass
class LedgerLog:
    """A ledger as a `DecisionLog`, with answers that a test may replace."""

    story: "Story"
    name: str = "https://log.example/2025"
    listings: dict[str, Listing] = field(default_factory=dict)
    bundles: dict[Hash, Callable[[], bytes]] = field(default_factory=dict)
    statements: dict[Hash, Callable[[], bytes]] = field(default_factory=dict)
    paths: dict[tuple[int, int], Callable[[], tuple[Hash, ...]]] = field(default_factory=dict)
    sizes: dict[Hash, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def entries_about(self, subject: str) -> Listing:
        self.asked.append(subject)
        ids = tuple(s.leaf_hash for s in self.story.ledger.entries if s.subject == subject)
        return self.listings.get(subject, Listing(ids))

    def statement(self, entry_id: Hash) -> bytes:
        if entry_id in self.statements:
            return self.statements[entry_id]()
        return self.story.statement(entry_id).entry

    def bundle(self, entry_id: Hash) -> bytes:
        if entry_id in self.bundles:
            return self.bundles[entry_id]()
        return self.story.bundle(entry_id, size=self.sizes.get(entry_id))

    def consistency(self, old: TreeSize, new: TreeSize) -> tuple[Hash, ...]:
        if (old, new) in self.paths:
            return self.paths[old, new]()
        return tuple(self.story.ledger.tree().consistency_path(old, new))


class Story:
    """The log, and the record ids and entries in it by name. `without` are names of entries that never happened."""

    def __init__(self, *without: str, changes: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.without = frozenset(without)
        self.changes = changes or {}
        self.ledger = Ledger(origin="log.example/2025")
        self.ledger.state_policy(record_types=frozenset(RECORD_TYPES - {"log-policy", "issuer-registration"}))
        self._registered = {issuer: self.ledger.register(key.public_key, issuer) for issuer, key in KEYS.items()}
        self.entries: dict[str, SignedStatement] = {}
        self.opened = disclosures()
        self._before()
        self._at_the_time()
        self._afterwards()
        self.log = LedgerLog(self)
        self.trust = Trust((self.ledger.vkey,))

    def _before(self) -> None:
        month = 30 * DAY_MS
        self._add("system", "system-registration", at=-6 * month)
        self._add("training data", "dataset-registration", at=-5 * month)
        self._add("test set", "dataset-registration", {"name": "held-out films 2024", "rows": 4_096}, at=-5 * month)
        self._add("model", "model-registration", at=-2 * month, id=MODEL)
        self._add("threshold", "config-registration", _threshold(), at=-2 * month, id=THRESHOLD)
        self._add("guardrail set", "config-registration", at=-2 * month)
        self._add("terms", "subprocessor-change", {"name": "Lumen Imaging", "effective": TIME_MS - month}, at=-month)
        tested = {"model": MODEL, "dataset": TEST_SET}
        self._add("bias test", "evaluation", tested, issuer=INSTITUTE, at=-45 * DAY_MS)
        self._add("validation", "evaluation", {**tested, "kind": "validation"}, issuer=INSTITUTE, at=-40 * DAY_MS)
        validated = {"validation": uuid7("validation"), "effective": TIME_MS - month}
        self._add("deployment", "deployment", {"model": MODEL, **validated}, at=-month)

    def _at_the_time(self) -> None:
        self._add("attempt", "inference-attempt", at=-900, decision=DECISION)
        self._add("quality gate", "guardrail-execution", {"started": TIME_MS - 800}, at=-800, decision=DECISION)
        self._add("retrieval", "step", at=-600, decision=DECISION)
        second = {"guardian": {**EXECUTION["guardian"], "id": "burned-in-text", "name": "Burned-in text"}}
        ran = [{**EXECUTION, **second, "decision": "allow"}]
        said = {"model": MODEL, "config": THRESHOLD, "guardrails": ran}
        self._add("inference", "inference", said, at=0, commitments=committed(self.opened), decision=DECISION)
        self._add("other inference", "inference", said, at=5_000, decision=OTHER_DECISION)
        self._add(
            "review",
            "oversight",
            issuer=HOSPITAL,
            at=4 * 60_000,
            links=self._link("reviews", "inference"),
            decision=DECISION,
        )
        self._add("notice", "notice", issuer=HOSPITAL, at=2 * HOUR_MS, decision=DECISION)
        heartbeat = {"period": {"from": TIME_MS - HOUR_MS, "to": TIME_MS + HOUR_MS}, "exceptions": None}
        self._add("heartbeat", "control-operation", heartbeat, at=HOUR_MS)
        seal = {"streams": [{"id": "cxr", "first_seq": 0, "last_seq": 40, "count": 41}]}
        self._add("seal", "window-seal", seal, at=3 * HOUR_MS)

    def _afterwards(self) -> None:
        self._add("outcome", "outcome", issuer=HOSPITAL, at=DAY_MS, decision=DECISION)
        self._add("contest", "contest", issuer=HOSPITAL, at=3 * DAY_MS, decision=DECISION)
        when = {"aware_at": TIME_MS + 4 * DAY_MS, "occurred": TIME_MS}
        self._add("incident", "incident", when, at=4 * DAY_MS, links=self._link("concerns", "inference"))
        self._add("drift", "monitoring", at=5 * DAY_MS)
        gone = [each.digest for each in self.opened if each.name == "features"]
        stores = [{"store": name, "state": "confirmed", "at": TIME_MS + 9 * DAY_MS} for name in ("vault", "backups")]
        self._add("erasure", "erasure", {"commitments": gone, "targets": stores}, at=8 * DAY_MS)

    def _link(self, rel: str, name: str) -> list[dict[str, Value]]:
        return [{"rel": rel, "id": uuid7(name)}]

    def _add(
        self,
        name: str,
        record_type: str,
        changed: Mapping[str, Any] | None = None,
        *,
        at: int,
        issuer: str = LUMEN,
        decision: str | None = None,
        **common: Any,  # noqa: ANN401 (any field)
    ) -> None:
        if name in self.without:
            return
        more = self.changes.get(name, {})
        fields: dict[str, Any] = {
            "v": 1,
            "type": record_type,
            "id": uuid7(name),
            "time": TIME_MS + at,
            "system": SYSTEM,
            "env": "production",
            "stream": {"id": "cxr", "seq": len(self.entries)},
            "body": body(record_type, **{**(changed or {}), **more.get("body", {})}),
            **common,
            **{key: value for key, value in more.items() if key not in {"body", "key"}},
        }
        key: SigningKey = more.get("key", KEYS[issuer])
        payload = encode_record({key: value for key, value in fields.items() if value is not None})
        self.entries[name] = sign_statement(key, issuer=issuer, subject=decision or SYSTEM, payload=payload)
        self.ledger.append(self.entries[name])

    # ------------------------------------------------------------------------------------------------ what it says

    def id_of(self, name: str) -> Hash:
        return self.entries[name].leaf_hash

    def statement(self, entry_id: Hash) -> SignedStatement:
        for statement in self.ledger.entries:
            if statement.leaf_hash == entry_id:
                return statement
        msg = "the log does not know it (status 404)"
        raise AbsentError(msg)

    def bundle(self, entry_id: Hash, size: int | None = None) -> bytes:
        statement = self.statement(entry_id)
        index = self.ledger.entries.index(statement)
        authority = (0, self._registered[statement.issuer])
        seconds = decode_record(statement.payload).time // 1_000 + 2
        return self.ledger.bundle(index, authority=authority, size=size, time=seconds).encode()


def _threshold() -> dict[str, Any]:
    return {"kind": "threshold", "name": "triage threshold", "version": "2", "guardrails": None, "previous": None}
