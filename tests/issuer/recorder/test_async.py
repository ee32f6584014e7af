"""The same for asyncio: the loop waits for no disk and no network."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from glasslog.errors import MalformedError
from glasslog_issuer import AsyncRecorder, Bounds, RawBody, Recorder
from glasslog_issuer.bodies import DeclaredControl
from glasslog_issuer.errors import SpoolFullError
from glasslog_issuer.spool import Batch
from tests.issuer.faulty_log import unavailable
from tests.issuer.parties import CONFIG, MODEL
from tests.issuer.recorder.logs import PATIENT, CheckpointedLog, open_recorder, settings
from tests.issuer.recorder.test_decisions import GUARDRAIL, OVERSIGHT, REQUEST
from tests.issuer.recorder.test_recorder import BEGINNING
from tests.issuer.recorder.test_registering import required
from tests.verifier.evidence import TIME_MS, digest

FLUSH_S = 30.0


@pytest.fixture
def log() -> Iterator[CheckpointedLog]:
    with CheckpointedLog() as log:
        yield log


@pytest.fixture
async def recorder(tmp_path: Path, log: CheckpointedLog) -> AsyncIterator[AsyncRecorder]:
    async with await AsyncRecorder.open(tmp_path / "spool", **settings(log)) as recorder:
        yield recorder


async def test_what_tasks_record_reaches_the_log(recorder: AsyncRecorder, log: CheckpointedLog) -> None:
    signed = await asyncio.gather(*(recorder.record(MODEL) for _ in range(50)))
    await recorder.flush(FLUSH_S)
    assert {one.statement.entry for one in signed} == {one.entry for one in log.ledger.entries[BEGINNING:]}
    registered = await recorder.registered(signed[0])
    assert registered is not None
    assert registered.verified
    assert recorder.status.unsent_records == 0


async def test_tasks_that_wait_at_once_share_a_write(recorder: AsyncRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    commits: list[object] = []
    commit = recorder.recorder.commit

    def count(batch: Batch) -> None:
        commits.append(batch)
        commit(batch)

    monkeypatch.setattr(recorder.recorder, "commit", count)
    await asyncio.gather(*(recorder.record(MODEL) for _ in range(50)))
    assert len(commits) < 50


async def test_the_loop_goes_on_while_the_disk_works(recorder: AsyncRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    commit = recorder.recorder.commit
    monkeypatch.setattr(recorder.recorder, "commit", lambda batch: (release.wait(), commit(batch)))
    waiting = asyncio.ensure_future(recorder.record(MODEL))
    await asyncio.sleep(0)  # the loop is free
    assert not waiting.done()
    release.set()
    assert (await waiting).record.stream.seq == 0


async def test_a_cancelled_call_leaves_its_record_and_harms_no_other(
    recorder: AsyncRecorder, monkeypatch: pytest.MonkeyPatch, log: CheckpointedLog
) -> None:
    release = threading.Event()
    commit = recorder.recorder.commit
    monkeypatch.setattr(recorder.recorder, "commit", lambda batch: (release.wait(), commit(batch)))
    cancelled, other = (asyncio.ensure_future(recorder.record(MODEL)) for _ in range(2))
    await asyncio.sleep(0)
    cancelled.cancel()
    release.set()
    assert (await other).record.stream.seq == 1
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    await recorder.flush(FLUSH_S)
    assert len(log.ledger.entries) == BEGINNING + 2


async def test_a_decision_is_recorded_as_in_a_thread(recorder: AsyncRecorder) -> None:
    async with recorder.decision(data_class=["phi"]) as d:
        attempt = await d.attempt(**{name: REQUEST[name] for name in ("operation", "provider", "requested_model")})
        async with d.guardrail(**GUARDRAIL) as g:
            g.decision = "allow"
        async with d.infer(**REQUEST, configs=[digest("x")[:6] + b"\x70" + digest("x")[:1] + b"\x80" + bytes(7)]) as i:
            i.commit(input="a film")
        step = await d.step(operation="write_back", name="worklist", version="1")
        review = await d.oversight(**OVERSIGHT)
        await d.notice(kind="ai-use", channel="letter", sent=TIME_MS, template_digest=digest("letter"))
        await d.contest(kind="appeal", channel="letter", opened=TIME_MS)
        await d.explanation(channel="letter", opened=TIME_MS)
        outcome = await d.outcome(source="report", observed_at=TIME_MS)
    assert i.signed is not None
    assert {attempt.decision, i.signed.decision, step.decision, review.decision, outcome.decision} == {d.urn}
    assert review.record.fields["links"] == [{"rel": "reviews", "id": i.signed.id}]
    assert recorder.status.next_seq == 9


async def test_an_exception_is_recorded_and_raised_again_also_when_the_task_is_cancelled(
    recorder: AsyncRecorder,
) -> None:
    bodies: list[Any] = []

    async def ask(error: BaseException) -> None:
        decision = recorder.decision()
        async with decision.infer(**REQUEST) as i:
            bodies.append(i)
            raise error

    for error in (ValueError(), asyncio.CancelledError()):
        with pytest.raises(type(error)):
            await ask(error)
    assert [one.signed.record.body["error_type"] for one in bodies] == ["ValueError", "CancelledError"]

    with pytest.raises(ZeroDivisionError):
        async with recorder.decision().guardrail(**GUARDRAIL):
            raise ZeroDivisionError
    assert recorder.status.next_seq == 3


async def test_a_record_that_is_refused_is_told_at_once(recorder: AsyncRecorder) -> None:
    with pytest.raises(MalformedError):
        await recorder.record(RawBody("inference", {}))


async def test_a_full_spool_makes_tasks_wait_and_not_the_loop(tmp_path: Path, log: CheckpointedLog) -> None:
    log.script.append(unavailable())
    changes: Any = {"bounds": Bounds(records_max=1), "back_off": PATIENT}
    async with await AsyncRecorder.open(tmp_path / "spool", **settings(log, **changes)) as recorder:
        await recorder.record(MODEL)
        waiting = asyncio.ensure_future(recorder.record(CONFIG))
        await asyncio.sleep(0)
        assert not waiting.done()
        recorder.retry()
        assert (await waiting).record.stream.seq == 1


async def test_a_full_spool_fails_the_call_where_that_is_wanted(tmp_path: Path, log: CheckpointedLog) -> None:
    log.script.extend([unavailable()] * 100)
    changes: Any = {"bounds": Bounds(records_max=1), "back_off": PATIENT, "on_full": "fail"}
    async with await AsyncRecorder.open(tmp_path / "spool", **settings(log, **changes)) as recorder:
        await recorder.record(MODEL)
        with pytest.raises(SpoolFullError):
            await recorder.record(MODEL)


async def test_everything_else_has_the_same_names(recorder: AsyncRecorder, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"weights")
    fields: Any = {"name": "m", "version": "1", "kind": "weights", "publisher": "p"}
    model = await recorder.register_model(path=tmp_path / "weights", **fields)
    assert model == await recorder.register_model(path=tmp_path / "weights", **fields)
    assert await recorder.register(CONFIG)
    assert await recorder.register_config("threshold", b"1", name="t", version="1")
    assert await recorder.register_guardrails([required("a")], name="g", version="1")
    await recorder.declare_controls([DeclaredControl(id="drift", cadence_s=60, max_gap_s=120)])
    recorder.control("drift").observe("ran")
    assert await recorder.seal(FLUSH_S)
    sync = {name for name in vars(Recorder) if not name.startswith("_")} - {"add", "commit", "refused", "state"}
    assert sync - {"blocks_when_full"} <= {name for name in dir(AsyncRecorder) if not name.startswith("_")}


async def test_a_recorder_can_be_used_from_both_sides(tmp_path: Path, log: CheckpointedLog) -> None:
    made = AsyncRecorder(await asyncio.to_thread(open_recorder, tmp_path, log))
    assert (await asyncio.to_thread(made.recorder.record, MODEL)).record.stream.seq == 0
    assert (await made.record(MODEL)).record.stream.seq == 1
    await made.close()
