"""Lies that take their time: twenty minutes of production in a log that keeps its time, and what is wrong in them.

Nothing here waits: the log is made up, with the key of a real one and the operator's entries of it, and signs a tree
head a second after each record.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from glasslog.keys import SigningKey
from glasslog.records import encode_record
from glasslog.statement import SignedStatement, decode_statement, sign_statement
from glasslog_issuer import load_key
from glasslog_issuer.record import SignedRecord
from tests.evil.auditing import Audited, audit
from tests.evil.faults import SPAN_S, Vendor
from tests.evil.honest import Honest
from tests.evil.liar import Liar
from tests.evil.lies import serving
from tests.issuer.real_log import ISSUER, RealLog

PACE = 75
MINUTE_MS = 60_000
Logged = list[tuple[SignedStatement, int]]
"""Statements in the order of the log, each with when it was logged, POSIX milliseconds."""


@dataclass(frozen=True)
class Before:
    """A real log in which nobody has recorded anything yet, and the key of its issuer."""

    honest: Honest
    issuer_key: SigningKey
    now_s: int

    def produce(self, *faults: str) -> list[SignedRecord]:
        """Return what a vendor records from now on."""
        return Vendor(ISSUER, self.issuer_key, faults, PACE, self.now_s).produce()

    def audit(self, logged: Logged, state: Path) -> Audited:
        """Serve a log of these statements behind the operator's own entries, and audit it."""
        before = self.honest.entries()
        entries = [*before, *(statement.entry for statement, _ in logged)]
        times = [self.now_s] + [logged_ms // 1_000 + 1 for _, logged_ms in logged]
        forged = self.honest.forged(entries)
        forged.head_times = list(enumerate(times, start=len(before)))
        with Liar(self.honest.url, serving(forged)) as liar:
            return audit(self.honest, liar.url, state)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Before]:
    with RealLog(tmp_path_factory.mktemp("before") / "log") as log:
        yield Before(Honest(log.url, log.folder), load_key(log.key_path), round(time.time()) + 60)


def in_time(records: list[SignedRecord]) -> Logged:
    return [(signed.statement, signed.record.time) for signed in records]


def number_of_notice(records: list[SignedRecord]) -> int:
    """Return where the first record is that nothing else rests on."""
    return next(number for number, signed in enumerate(records) if signed.record.type == "notice")


def checks_of(audited: Audited) -> list[str]:
    return [found["check"] for found in audited.findings]


def test_twenty_honest_minutes_raise_nothing(before: Before, tmp_path: Path) -> None:
    records = before.produce()
    assert records[-1].record.time - records[0].record.time > SPAN_S * PACE * 900
    audited = before.audit(in_time(records), tmp_path / "state")
    assert (audited.code, audited.findings) == (0, []), audited.said


def test_a_guardrail_that_was_off_for_ten_minutes_is_one_finding_with_its_decisions(
    before: Before, tmp_path: Path
) -> None:
    audited = before.audit(in_time(before.produce("guardrail off for ten minutes")), tmp_path / "state")
    assert audited.code == 1
    [found] = audited.findings
    assert found["check"] == "guardrails"
    assert found["count"] > 10
    assert 8 * MINUTE_MS < found["end"] - found["start"] <= 10 * MINUTE_MS


def test_a_person_who_waits_for_an_answer_is_found(before: Before, tmp_path: Path) -> None:
    audited = before.audit(in_time(before.produce("overdue notice")), tmp_path / "state")
    assert audited.code == 1
    assert checks_of(audited) == ["notices"]


def test_a_record_that_was_inserted_late_is_found(before: Before, tmp_path: Path) -> None:
    records = before.produce()
    logged = in_time(records)
    statement, _ = logged.pop(number_of_notice(records))
    logged.append((statement, logged[-1][1]))
    audited = before.audit(logged, tmp_path / "state")
    assert audited.code == 1
    assert checks_of(audited) == ["lateness"]
    assert audited.findings[0]["entry_ids"] == [statement.leaf_hash.hex()]


def test_a_number_that_was_used_twice_is_found_with_both_records(before: Before, tmp_path: Path) -> None:
    records = before.produce()
    logged = in_time(records)
    number = number_of_notice(records)
    told = records[number]
    other = retold(told, before.issuer_key)
    logged.insert(number + 1, (other, told.record.time))
    audited = before.audit(logged, tmp_path / "state")
    assert audited.code == 1
    assert checks_of(audited) == ["stream-repeats"]
    assert set(audited.findings[0]["entry_ids"]) == {told.statement.leaf_hash.hex(), other.leaf_hash.hex()}


def retold(signed: SignedRecord, key: SigningKey) -> SignedStatement:
    """Return another record with the number of one that was signed before."""
    statement = decode_statement(signed.statement.entry)
    record_id = bytearray(signed.id)
    record_id[-1] ^= 1
    fields = {**signed.record.fields, "id": bytes(record_id)}
    return sign_statement(key, issuer=statement.issuer, subject=statement.subject, payload=encode_record(fields))
