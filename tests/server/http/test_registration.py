"""POST /entries: what is told of statements, one at a time and many at once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import cbor2
import pytest

from glasslog.checkpoint import open_checkpoint
from glasslog.receipt import decode_receipt
from glasslog_server.http.settings import HttpSettings
from glasslog_server.sequencer import SequencerLimits
from tests.server.http.running_log import COSE, SEQUENCE, RunningLog, create_log, new_log, serve
from tests.server.http.statements import BANK, CLINIC, LOG_KEY, ORIGIN, STRANGER


async def test_a_statement_is_answered_with_its_receipt_and_location(log: RunningLog) -> None:
    statement = CLINIC.statement()
    answer = await log.submit(statement)
    assert answer.status == 201
    assert answer.headers["Location"] == f"/entries/{statement.leaf_hash.hex()}"
    receipt = answer.receipt()
    receipt.verify_inclusion(statement.leaf_hash, LOG_KEY.public_key)
    assert (receipt.issuer, receipt.time) == (f"https://{ORIGIN}", log.log.head.time)


async def test_what_was_acknowledged_is_covered_by_the_published_checkpoint(log: RunningLog) -> None:
    receipt = (await log.submit(CLINIC.statement())).receipt()
    note = (await log.get("/checkpoint")).body
    assert open_checkpoint(note, [log.vkey]).checkpoint.size >= receipt.proof.size  # type: ignore[union-attr]


async def test_the_same_statement_again_is_the_same_entry(log: RunningLog) -> None:
    statement = CLINIC.statement()
    first = await log.submit(statement)
    size = log.size
    again = await log.submit(statement)
    assert (again.status, again.body, log.size) == (200, first.body, size)
    assert again.headers["Location"] == first.headers["Location"]


async def test_the_same_statement_is_the_same_entry_after_a_restart(tmp_path: Path) -> None:
    statement = CLINIC.statement()
    settings = await create_log(tmp_path)
    async with serve(settings) as log:
        await log.register(CLINIC.uri, CLINIC.key.public_key)
        first = await log.submit(statement)
    async with serve(settings) as log:
        again = await log.submit(statement)
        assert (again.status, again.body) == (200, first.body)


async def test_the_same_statement_many_times_at_once_is_one_entry(log: RunningLog) -> None:
    statement, size = CLINIC.statement(), log.size
    answers = await asyncio.gather(*(log.submit(statement) for _ in range(20)))
    assert {answer.body for answer in answers} == {answers[0].body}
    assert sorted(answer.status for answer in answers) == [200] * 19 + [201]
    assert log.size == size + 1


async def test_a_statement_logged_before_its_key_was_revoked_keeps_its_answer(log: RunningLog) -> None:
    logged, other = CLINIC.statement(), CLINIC.statement()
    first = await log.submit(logged)
    await log.revoke(CLINIC)
    again = await log.submit(logged)
    assert (again.status, again.body) == (200, first.body)
    assert (await log.submit(other)).problem() == (400, "Rejected", "no_authority")
    batch = (await log.submit_all([logged, other])).cbor()["outcomes"]
    assert (batch[0]["index"], batch[0]["duplicate"]) == (first.receipt().proof.index, True)  # type: ignore[union-attr]
    assert batch[1]["code"] == "no_authority"


async def test_a_sequence_is_answered_with_an_outcome_for_each(log: RunningLog) -> None:
    statements = [*CLINIC.statements(3), *BANK.statements(2)]
    size = log.size
    answer = await log.submit_all(statements)
    assert (answer.status, answer.media_type) == (200, "application/cbor")
    document = answer.cbor()
    expected = [{"index": size + place, "entry_id": statement.leaf_hash} for place, statement in enumerate(statements)]
    assert list(document["outcomes"]) == expected
    assert open_checkpoint(document["checkpoint"], [log.vkey]).checkpoint.size == size + 5


async def test_a_sequence_may_ask_for_receipts(log: RunningLog) -> None:
    earlier = CLINIC.statement()
    first = await log.submit(earlier)
    statements = [earlier, *CLINIC.statements(70)]
    outcomes = (await log.submit_all(statements, "?receipts=1")).cbor()["outcomes"]
    assert outcomes[0]["receipt"] == first.body
    for statement, outcome in zip(statements, outcomes, strict=True):
        receipt = decode_receipt(outcome["receipt"])
        receipt.verify_inclusion(statement.leaf_hash, LOG_KEY.public_key)
        assert (await log.get(f"/entries/{statement.leaf_hash.hex()}")).body == outcome["receipt"]


async def test_one_refused_statement_of_a_sequence_does_not_refuse_the_others(log: RunningLog) -> None:
    statements = [CLINIC.statement(), STRANGER.statement(), BANK.statement()]
    size = log.size
    answer = await log.submit_all(statements, "?receipts=1")
    first, second, third = answer.cbor()["outcomes"]
    assert (first["index"], third["index"], log.size) == (size, size + 1, size + 2)
    assert second["code"] == "unknown_key"
    assert second["problem"][-1] == "Rejected"
    assert second["problem"][-2].startswith("expected a key registered for https://stranger.example")


async def test_a_statement_twice_in_a_sequence_is_one_entry(log: RunningLog) -> None:
    statement = CLINIC.statement()
    first, second = (await log.submit_all([statement, statement])).cbor()["outcomes"]
    assert second == {**first, "duplicate": True}


async def test_a_sequence_of_refused_statements_alone_is_answered_all_the_same(log: RunningLog) -> None:
    size = log.size
    answer = await log.submit_all(STRANGER.statements(2))
    assert [outcome["code"] for outcome in answer.cbor()["outcomes"]] == ["unknown_key"] * 2
    assert log.size == size


async def test_the_answer_to_a_sequence_is_deterministic_cbor_but_for_the_negative_keys_of_problems(
    log: RunningLog,
) -> None:
    body = (await log.submit_all([CLINIC.statement(), STRANGER.statement()], "?receipts=1")).body
    assert cbor2.dumps(cbor2.loads(body), canonical=True) == body


async def test_a_sequence_above_the_number_of_statements_is_refused_whole(tmp_path: Path) -> None:
    async with new_log(tmp_path, HttpSettings(batch_entries_max=3)) as log:
        size = log.size
        assert (await log.submit_all(CLINIC.statements(4))).problem() == (413, "Content Too Large", "too_large")
        assert log.size == size
        assert (await log.submit_all(CLINIC.statements(3))).status == 200


async def test_a_sequence_above_what_one_round_takes_is_refused_whole(tmp_path: Path) -> None:
    settings = replace(await create_log(tmp_path), limits=SequencerLimits(round_entries_max=2))
    async with serve(settings) as log:
        await log.register(CLINIC.uri, CLINIC.key.public_key)
        assert (await log.submit_all(CLINIC.statements(3))).problem() == (413, "Content Too Large", "too_large")
        assert log.size == 2
        assert (await log.submit_all(CLINIC.statements(2))).status == 200


@pytest.mark.parametrize(
    "body, code", [(b"", "malformed"), (b"\x83\x01", "malformed"), (b"\xff", "malformed"), (b"\x9f", "malformed")]
)
async def test_a_sequence_that_is_none_is_refused_whole(log: RunningLog, body: bytes, code: str) -> None:
    answer = await log.request("POST", "/entries", data=body, headers=SEQUENCE)
    assert answer.problem() == (400, "Malformed request", code)


async def test_items_of_a_sequence_that_are_no_statements_are_refused_one_by_one(log: RunningLog) -> None:
    body = b"\x00" + CLINIC.statement().entry + b"\xa0"
    outcomes = (await log.request("POST", "/entries", data=body, headers=SEQUENCE)).cbor()["outcomes"]
    assert ["code" in outcome for outcome in outcomes] == [True, False, True]


async def test_content_that_is_no_record_is_taken_where_the_policy_says_so(log: RunningLog) -> None:
    statement = CLINIC.foreign_content(b"%PDF-1.7")
    answer = await log.submit(statement)
    answer.receipt().verify_inclusion(statement.leaf_hash, LOG_KEY.public_key)


async def test_the_media_types_of_the_architecture_are_taken_too(log: RunningLog) -> None:
    for media_type in ("application/scitt-statement+cose", 'application/cose; cose-type="cose-sign1"'):
        assert (await log.submit(CLINIC.statement(), **{"Content-Type": media_type})).status == 201


async def test_a_body_without_a_declared_length_is_taken(log: RunningLog) -> None:
    async def parts() -> AsyncIterator[bytes]:
        entry = CLINIC.statement().entry
        yield entry[:100]
        yield entry[100:]

    assert (await log.request("POST", "/entries", data=parts(), headers=COSE)).status == 201


async def test_an_issuer_above_its_quota_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with new_log(tmp_path, HttpSettings(issuer_rate=0.001, issuer_burst=2)) as log:
        size = log.size
        outcomes = (await log.submit_all([*CLINIC.statements(3), BANK.statement()])).cbor()["outcomes"]
        assert ["index" in outcome for outcome in outcomes] == [True, True, False, True]
        assert outcomes[2]["problem"][-1] == "Too Many Requests"
        answer = await log.submit(CLINIC.statement())
        assert answer.problem() == (429, "Too Many Requests", "over_quota")
        assert 900 <= int(answer.headers["Retry-After"]) <= 1_000
        assert log.size == size + 3
        assert (await log.revoke(CLINIC)).status == 201
        assert await log.metric("glasslog_statements_refused_total", code="over_quota") == 2
