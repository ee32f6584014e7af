"""The database keeps whole chunks in order, survives what interrupts it, and refuses what is not its own."""

import marshal
import pickle
import sqlite3
from pathlib import Path

import pytest

from glasslog.audit import database as module
from glasslog.audit import numbering
from glasslog.audit.database import Database, Head
from glasslog.audit.extract import EXTRACTING, call_of, extract_of, is_in_time
from glasslog.audit.facts import Batch, Facts, facts_of, subject_of, subject_text
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.tables import ROWS
from glasslog.errors import UncheckableError
from glasslog.merkle import Hash, LeafIndex
from glasslog.records import RECORD_TYPES, decode_record, encode_record, mould
from glasslog.records.mould import Moulds
from glasslog.statement import sign_statement
from tests.verifier.audit.logbook import Logbook
from tests.verifier.audit.story import story
from tests.verifier.evidence import ISSUER, ISSUER_KEY, SUBJECT, inference, inference_body, uuid7
from tests.verifier.records.examples import OTHER_BODIES, full_record, ordered, plain_record

LOG = Logbook(story())


def all_facts(log: Logbook = LOG) -> list[Facts]:
    return [
        facts_of(LeafIndex(index), signed.leaf_hash, signed, decode_record(signed.payload))
        for index, signed in enumerate(log.entries)
    ]


FACTS = all_facts()


def contents(database: Database) -> dict[str, list[str]]:
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    return {table: sorted(map(repr, database.execute(f"SELECT * FROM {table}"))) for table in tables}  # noqa: S608


# ------------------------------------------------------------------------------------------------------------- facts


@pytest.mark.parametrize("record_type", sorted(RECORD_TYPES))
def test_every_type_has_facts_that_fit_their_tables(record_type: str) -> None:
    others = [plain_record(record_type, body) for body in OTHER_BODIES.get(record_type, {}).values()]
    database = Database.in_memory()
    for fields in (full_record(record_type), plain_record(record_type), *others):
        payload = encode_record(ordered(fields))
        statement = sign_statement(ISSUER_KEY, issuer=ISSUER, subject=SUBJECT, payload=payload)
        index = LeafIndex(database.next_index)
        facts = facts_of(index, statement.leaf_hash, statement, decode_record(payload))
        assert pickle.loads(pickle.dumps(facts)) == facts  # noqa: S301  our own
        assert all(len(row) == len(ROWS[table]) and row[0] == index for table, row in facts.rows)
        database.insert([facts])
        assert database.leaf_of(index) == statement.leaf_hash


def test_what_is_no_record_and_what_is_no_statement_has_facts_too() -> None:
    statement, leaf = LOG.entries[0], Hash(bytes(32))
    refused = facts_of(LeafIndex(0), leaf, statement, None)
    broken = facts_of(LeafIndex(1), leaf, None, None)
    assert (refused.source[1], refused.source[3], refused.time, refused.rows) == (ISSUER, None, None, ())
    database = Database.in_memory()
    database.insert([refused, broken])
    assert database.execute("SELECT count(*), count(time) FROM entries").fetchone() == (2, 0)


def test_a_batch_of_entries_is_that_of_their_facts() -> None:
    """Moulds are learned on the way, so the later entries of each type come from one."""
    moulds, batch, added, facts = Moulds(EXTRACTING), Batch(), Batch(), []
    payloads = [encode_record(ordered(full_record(name))) for name in sorted(RECORD_TYPES) for _ in range(3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mould, "LEARNING_INTERVAL", 1)
        for index, payload in enumerate(payloads):
            statement = sign_statement(ISSUER_KEY, issuer=ISSUER, subject=SUBJECT, payload=payload)
            extract = moulds.read(payload)
            entry = index, statement.leaf_hash, statement.signatory, subject_of(SUBJECT)
            batch.add(*entry, extract)
            added.add(*entry, extract_of(decode_record(payload)))
            facts.append(facts_of(LeafIndex(index), statement.leaf_hash, statement, decode_record(payload)))
    assert moulds.learned == mould.MOULDS_MAX
    databases = [Database.in_memory() for _ in range(3)]
    databases[0].insert(facts)
    databases[1].insert_batch(added)
    databases[2].insert_batch(Batch.of_plain(marshal.loads(marshal.dumps(batch.plain()))))  # noqa: S302  our own
    assert contents(databases[0]) == contents(databases[1]) == contents(databases[2])


def test_a_latency_beyond_all_time_fits() -> None:
    body = {**inference_body(), "latency_ms": 1e300}
    payload = encode_record(ordered({**full_record("inference"), "body": body}))
    statement = sign_statement(ISSUER_KEY, issuer=ISSUER, subject=SUBJECT, payload=payload)
    Database.in_memory().insert([facts_of(LeafIndex(0), statement.leaf_hash, statement, decode_record(payload))])


@pytest.mark.parametrize(
    "subject",
    [SUBJECT, SUBJECT.upper(), "urn:example:triage", "urn:uuid:zz" + SUBJECT[11:], SUBJECT + "0", "urn:uuid:"],
)
def test_a_subject_is_given_back_as_it_came(subject: str) -> None:
    assert subject_text(subject_of(subject)) == subject


def test_no_subject_has_no_text() -> None:
    assert subject_text(None) is None


def test_linked_configurations_join_the_one_that_is_named() -> None:
    links = [{"rel": "config", "id": uuid7("set")}, {"rel": "model", "id": uuid7("model")}]
    assert call_of(inference_body(), links)[5] == uuid7("config") + uuid7("set")


@pytest.mark.parametrize(
    "position, started, expected",
    [
        ("pre", 0, True),
        ("pre", 6_000, True),
        ("pre", 6_001, False),
        ("post", 2_999, False),
        ("post", 3_000, True),
        ("post", 99_999, True),
        ("parallel", 2_999, False),
        ("parallel", 3_000, True),
        ("parallel", 6_000, True),
        ("parallel", 6_001, False),
    ],
)
def test_a_guardrail_is_in_time_by_its_position(position: str, started: int, expected: bool) -> None:  # noqa: FBT001
    assert is_in_time(position, started, 4_000, 5_000) is expected


# ---------------------------------------------------------------------------------------------------------- database


def test_chunks_of_any_size_give_the_same_database(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, single = Database.in_memory(), Database.in_memory()
    whole.insert(FACTS)
    monkeypatch.setattr(numbering, "NUMBERS_KEPT_MAX", 2)  # and whatever was forgotten is looked up again
    for facts in FACTS:
        single.insert([facts])
    assert contents(single) == contents(whole)


def test_a_database_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite"
    database = Database.open(path)
    database.insert(FACTS[:30])
    database.close()
    database = Database.open(path)
    assert database.next_index == 30
    database.insert(FACTS[30:])
    whole = Database.in_memory()
    whole.insert(FACTS)
    assert contents(database) == contents(whole)
    database.close()


def test_an_insertion_that_fails_leaves_nothing_and_can_be_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database.in_memory()
    database.insert(FACTS[:10])
    before = contents(database)

    def fail(_: Finding) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "_finding_row", fail)
        with pytest.raises(KeyboardInterrupt):
            database.insert(FACTS[10:20], [Finding("signature", Severity.CRITICAL, "expected ...", (12,))])
    assert contents(database) == before
    database.insert(FACTS[10:])
    whole = Database.in_memory()
    whole.insert(FACTS)
    assert contents(database) == contents(whole)


@pytest.mark.parametrize("facts", [FACTS[1:3], [FACTS[0], FACTS[2]], [FACTS[0], FACTS[0]]])
def test_an_entry_that_is_not_the_next_is_refused(facts: list[Facts]) -> None:
    database = Database.in_memory()
    with pytest.raises(ValueError, match="expected the facts of entry"):
        database.insert(facts)
    assert database.next_index == 0


def test_heads_may_come_twice_and_at_any_time() -> None:
    database = Database.in_memory()
    heads = [Head(5, 2_000), Head(3, 1_000), Head(5, 2_500, "w1.example"), Head(7, 2**62)]
    database.insert_heads(heads)
    database.insert_heads(heads)
    assert database.execute("SELECT count(*) FROM heads").fetchone() == (4,)
    assert database.newest_time is not None


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite"
    path.write_bytes(b"something else, long enough to be looked at" * 100)
    with pytest.raises(UncheckableError, match="expected an audit database"):
        Database.open(path)


def test_a_database_of_another_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(UncheckableError, match="got 99"):
        Database.open(path)


def test_indexes_before_or_after_make_no_difference() -> None:
    before, after = Database.in_memory(), Database.in_memory()
    before.prepare()
    before.insert(FACTS)
    after.insert(FACTS)
    after.prepare()
    after.prepare()
    assert contents(before) == contents(after)


def test_the_facts_of_an_inference_are_small() -> None:
    statement = inference(3)
    facts = [facts_of(LeafIndex(7), statement.leaf_hash, statement, decode_record(statement.payload))] * 1_000
    assert len(pickle.dumps(facts[:1])) < 600
