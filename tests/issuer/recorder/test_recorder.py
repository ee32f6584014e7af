"""The Recorder keeps what it signs and gets it into the log, whatever the log does."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from opentelemetry.sdk.trace import TracerProvider

from glasslog.checkpoint import decode_checkpoint
from glasslog.errors import MalformedError, VerificationError
from glasslog.note import decode_note
from glasslog.statement import decode_statement
from glasslog_issuer import Bounds, RawBody, Recorder, Recording
from glasslog_issuer.errors import (
    BrokenAnswerError,
    NotSentError,
    RefusedError,
    SpoolClosedError,
    SpoolError,
    SpoolFullError,
    SpoolInUseError,
    SpoolWriteError,
    UnavailableError,
)
from glasslog_issuer.recorder.tracing import current_trace
from glasslog_issuer.registration import Registered
from glasslog_issuer.spool import ReceiptStore, Spool
from glasslog_issuer.vault import Vault
from glasslog_issuer.vault.errors import NotKeptError
from tests.issuer.faulty_log import FaultyLog, Got, Reply, batch, unavailable
from tests.issuer.parties import CONFIG, MODEL, inference
from tests.issuer.recorder.logs import PATIENT, CheckpointedLog, open_recorder, refuse, settings
from tests.verifier.evidence import ISSUER_KEY, STRANGER_KEY, Ledger, small_log

FLUSH_S = 30.0


@pytest.fixture
def log() -> Iterator[CheckpointedLog]:
    with CheckpointedLog() as log:
        yield log


@pytest.fixture
def recorder(tmp_path: Path, log: CheckpointedLog) -> Iterator[Recorder]:
    with open_recorder(tmp_path, log) as recorder:
        yield recorder


class Problems(list[Exception]):
    """What a recorder reports, and a way to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()

    def __call__(self, error: Exception) -> None:
        with self._changed:
            self.append(error)
            self._changed.notify_all()

    def wait_for(self, kind: type[Exception]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: any(isinstance(error, kind) for error in self), FLUSH_S)


def entries_in(log: FaultyLog) -> list[bytes]:
    """Return what the log has beyond the few entries that it began with."""
    return [statement.entry for statement in log.ledger.entries[BEGINNING:]]


BEGINNING = small_log(decisions=3).size


def test_what_is_recorded_reaches_the_log_in_order_with_verified_receipts(
    recorder: Recorder, log: CheckpointedLog
) -> None:
    assert isinstance(recorder, Recording)
    signed = [recorder.record(body) for body in (MODEL, CONFIG, inference(), inference())]
    recorder.flush(FLUSH_S)
    assert entries_in(log) == [one.statement.entry for one in signed]
    for position, one in enumerate(signed):
        registered = recorder.registered(one)
        assert registered is not None
        assert registered.verified
        assert registered.index == BEGINNING + position
        assert registered.transparent_statement()
    assert recorder.status.sender.state == "idle"
    assert (recorder.status.next_seq, recorder.status.unsent_records) == (4, 0)


def test_one_record_can_be_waited_for(recorder: Recorder) -> None:
    signed = recorder.record(MODEL)
    registered = recorder.registered(signed, timeout_s=FLUSH_S)
    assert registered is not None
    assert registered.statement == signed.statement


def test_receipts_are_found_after_a_restart(tmp_path: Path, log: CheckpointedLog) -> None:
    with open_recorder(tmp_path, log) as recorder:
        signed = recorder.record(MODEL)
        recorder.flush(FLUSH_S)
    with open_recorder(tmp_path, log) as recorder:
        registered = recorder.registered(signed)
    assert registered is not None
    store = ReceiptStore(tmp_path / "spool" / "receipts.sqlite")
    assert store.forget(before_seq=1) == 1
    assert store.get(signed.statement.leaf_hash) is None
    store.close()


def test_what_the_schema_refuses_uses_no_number(recorder: Recorder) -> None:
    with pytest.raises(MalformedError, match=r"^record body: expected no fields but"):
        recorder.record(RawBody("inference", {"surprise": 1}))
    assert recorder.record(MODEL).record.stream.seq == 0


def test_nobody_waits_for_a_log_that_is_away_and_it_gets_everything_when_it_is_back(
    tmp_path: Path, log: CheckpointedLog
) -> None:
    problems = Problems()
    log.script.extend([unavailable(), unavailable("0"), Reply(reset=True)])
    with open_recorder(tmp_path, log, on_problem=problems) as recorder:
        signed = [recorder.record(MODEL) for _ in range(5)]
        recorder.flush(FLUSH_S)
    assert entries_in(log) == [one.statement.entry for one in signed]
    assert [type(error) for error in problems] == [UnavailableError] * 3
    assert len(log.batches) >= 4


def test_the_status_says_what_is_waited_for_and_retry_does_not_wait(tmp_path: Path, log: CheckpointedLog) -> None:
    problems = Problems()
    log.script.append(unavailable())
    with open_recorder(tmp_path, log, on_problem=problems, back_off=PATIENT) as recorder:
        signed = recorder.record(MODEL)
        problems.wait_for(UnavailableError)
        status = recorder.status
        assert (status.sender.state, status.sender.attempts, status.unsent_records) == ("waiting", 1, 1)
        assert isinstance(status.sender.error, UnavailableError)
        assert recorder.registered(signed) is None
        with pytest.raises(NotSentError, match="1 record left in the spool") as not_sent:
            recorder.flush(0.0)
        assert not_sent.value.unsent == 1
        recorder.retry()
        recorder.flush(FLUSH_S)
    assert entries_in(log) == [signed.statement.entry]


def test_what_waits_is_sent_by_the_next_process(tmp_path: Path, log: CheckpointedLog) -> None:
    log.script.extend([unavailable()] * 2)
    problems = Problems()
    with open_recorder(tmp_path, log, back_off=PATIENT, on_problem=problems) as recorder:
        signed = recorder.record(MODEL)
        problems.wait_for(UnavailableError)
    assert entries_in(log) == []
    log.script.clear()
    with open_recorder(tmp_path, log) as recorder:
        recorder.flush(FLUSH_S)
        assert recorder.record(MODEL).record.stream.seq == 1
    assert entries_in(log)[0] == signed.statement.entry


def test_a_refused_record_is_put_aside_and_told_and_the_others_go_on(tmp_path: Path, log: CheckpointedLog) -> None:
    problems = Problems()
    log.script.extend([unavailable(), refuse(1)])
    with open_recorder(tmp_path, log, on_problem=problems, back_off=PATIENT) as recorder:
        signed = [recorder.record(MODEL)]
        problems.wait_for(UnavailableError)
        signed += [recorder.record(MODEL) for _ in range(3)]
        recorder.retry()
        recorder.flush(FLUSH_S)
        assert recorder.status.refused_records == 1
        [refused] = recorder.refused()
        assert recorder.registered(signed[1]) is None
    assert (refused.seq, refused.entry) == (1, signed[1].statement.entry)
    assert (refused.title, refused.detail, refused.reason) == ("Rejected", "no key of this kid", "unknown_key")
    assert entries_in(log) == [one.statement.entry for one in (signed[0], *signed[2:])]
    assert isinstance(problems[-1], RefusedError)


def test_at_a_refused_record_sending_stops_when_the_owner_wants_that(tmp_path: Path, log: CheckpointedLog) -> None:
    log.script.append(refuse(0))
    with open_recorder(tmp_path, log, on_refused="stop") as recorder:
        signed = recorder.record(MODEL)
        with pytest.raises(NotSentError, match="the sender is refused: Rejected"):
            recorder.flush(FLUSH_S)
        assert recorder.status.sender.state == "refused"
        assert (recorder.status.refused_records, recorder.status.unsent_records) == (0, 1)
        recorder.retry()  # the key was registered meanwhile
        assert recorder.registered(signed, timeout_s=None) is not None
    assert entries_in(log) == [signed.statement.entry]


def test_a_receipt_that_does_not_hold_settles_nothing(tmp_path: Path, log: CheckpointedLog) -> None:
    def lie(log: FaultyLog, got: Got) -> Reply:
        other = Ledger(log_key=STRANGER_KEY)
        other.state_policy()
        receipt = other.receipt(other.append(decode_statement(got.body)))
        return batch(log, got, lambda _, item: {**item, "receipt": receipt})

    problems = Problems()
    log.script.append(lie)
    with open_recorder(tmp_path, log, on_problem=problems, back_off=PATIENT) as recorder:
        signed = recorder.record(MODEL)
        problems.wait_for(VerificationError)
        assert recorder.status.unsent_records == 1
        recorder.retry()
        recorder.flush(FLUSH_S)
    assert entries_in(log) == [signed.statement.entry]


def test_an_answer_that_is_no_answer_settles_nothing(tmp_path: Path, log: CheckpointedLog) -> None:
    problems = Problems()
    log.script.append(Reply(200, "text/html", b"<html>"))
    with open_recorder(tmp_path, log, on_problem=problems) as recorder:
        recorder.record(MODEL)
        recorder.flush(FLUSH_S)
    assert isinstance(problems[0], BrokenAnswerError)


def test_a_problem_that_cannot_be_reported_does_not_stop_the_sender(
    tmp_path: Path, log: CheckpointedLog, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(error: Exception) -> None:
        raise ZeroDivisionError

    log.script.append(unavailable())
    with open_recorder(tmp_path, log, on_problem=fail) as recorder:
        recorder.record(MODEL)
        recorder.flush(FLUSH_S)
    assert "on_problem failed" in caplog.text


def test_a_disk_that_takes_no_receipts_makes_the_sender_wait_and_loses_nothing(
    tmp_path: Path, log: CheckpointedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = ReceiptStore.put
    failures = [SpoolError("disk full"), SpoolError("disk full")]

    def fail(store: ReceiptStore, registered: Sequence[tuple[int, Registered]]) -> None:
        if failures:
            raise failures.pop()
        put(store, registered)

    monkeypatch.setattr(ReceiptStore, "put", fail)
    problems = Problems()
    with open_recorder(tmp_path, log, on_problem=problems) as recorder:
        signed = recorder.record(MODEL)
        recorder.flush(FLUSH_S)
        assert recorder.registered(signed) is not None
    assert [str(error) for error in problems] == ["disk full"] * 2
    assert entries_in(log) == [signed.statement.entry]


def test_a_spool_that_is_damaged_stops_the_sender_and_says_so(tmp_path: Path, log: CheckpointedLog) -> None:
    log.script.append(unavailable())
    problems = Problems()
    bounds = Bounds(segment_bytes=1_000)
    with open_recorder(tmp_path, log, back_off=PATIENT, on_problem=problems, bounds=bounds) as recorder:
        recorder.record(MODEL)
        problems.wait_for(UnavailableError)
        for _ in range(6):
            recorder.record(MODEL)
        [_, second, *_] = sorted((tmp_path / "spool").glob("*.segment"))
        second.write_bytes(second.read_bytes()[:-10])
        recorder.retry()
        with pytest.raises(NotSentError, match=r"the sender is failed: .* which is on disk, got something else"):
            recorder.flush(FLUSH_S)
        assert recorder.status.sender.state == "failed"


def test_a_recorder_without_a_key_of_the_log_is_refused(tmp_path: Path, log: CheckpointedLog) -> None:
    with pytest.raises(ValueError, match="expected a key of the log"):
        open_recorder(tmp_path, log, log_keys=[])
    open_recorder(tmp_path, log).close()


# ------------------------------------------------------------------------------------------------------- back-pressure


def test_a_full_spool_fails_the_call_and_drops_nothing(tmp_path: Path, log: CheckpointedLog) -> None:
    log.script.append(unavailable())
    bounds = Bounds(records_max=3)
    with open_recorder(tmp_path, log, on_full="fail", bounds=bounds, back_off=PATIENT) as recorder:
        signed = [recorder.record(MODEL) for _ in range(3)]
        with pytest.raises(SpoolFullError):
            recorder.record(MODEL)
        recorder.retry()
        recorder.flush(FLUSH_S)
        signed.append(recorder.record(MODEL))
    assert entries_in(log) == [one.statement.entry for one in signed]


def test_a_full_spool_makes_callers_wait_until_the_log_takes_records(tmp_path: Path, log: CheckpointedLog) -> None:
    bounds = Bounds(records_max=2)
    with open_recorder(tmp_path, log, bounds=bounds) as recorder:
        signed = [recorder.record(MODEL) for _ in range(20)]
        recorder.flush(FLUSH_S)
    assert entries_in(log) == [one.statement.entry for one in signed]


def test_a_caller_waits_no_longer_than_it_wants(tmp_path: Path, log: CheckpointedLog) -> None:
    log.script.extend([unavailable()] * 100)
    bounds = Bounds(records_max=1)
    with open_recorder(tmp_path, log, bounds=bounds, full_timeout_s=0.01, back_off=PATIENT) as recorder:
        recorder.record(MODEL)
        with pytest.raises(SpoolFullError, match="expected room for a record, got 1 record"):
            recorder.record(MODEL)


def test_refused_records_count_for_the_bound(tmp_path: Path, log: CheckpointedLog) -> None:
    log.script.extend([refuse(0)])
    with open_recorder(tmp_path, log, bounds=Bounds(records_max=1), on_full="fail") as recorder:
        recorder.record(MODEL)
        recorder.flush(FLUSH_S)
        with pytest.raises(SpoolFullError, match="1 that were refused"):
            recorder.record(MODEL)


# ------------------------------------------------------------------------------------------------------------- threads


def test_threads_share_a_recorder(recorder: Recorder, log: CheckpointedLog) -> None:
    def work() -> None:
        for _ in range(20):
            recorder.record(MODEL)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.flush(FLUSH_S)
    assert len(entries_in(log)) == 120


# ------------------------------------------------------------------------------------------------------------- anchors


def test_records_are_anchored_to_the_newest_checkpoint_until_it_is_too_old(
    tmp_path: Path, log: CheckpointedLog
) -> None:
    now_s = [0.0]
    with open_recorder(tmp_path, log, anchor_max_age_s=10.0, clock_s=lambda: now_s[0]) as recorder:
        recorder.record(MODEL)
        recorder.flush(FLUSH_S)
        checkpoint = decode_checkpoint(decode_note(log.ledger.checkpoint()).text)
        anchored = recorder.record(MODEL)
        recorder.flush(FLUSH_S)
        now_s[0] = 10.5
        late = recorder.record(MODEL)
    assert anchored.record.fields["anchor"] == {"size": checkpoint.size, "root": checkpoint.root}
    assert "anchor" not in late.record.fields


def test_an_anchor_that_is_given_is_taken(recorder: Recorder) -> None:
    anchor = {"size": 7, "root": bytes(32)}
    assert recorder.record(MODEL, anchor=anchor).record.fields["anchor"] == anchor


# --------------------------------------------------------------------------------------------------------------- traces


def test_the_active_span_is_the_trace_of_a_record(recorder: Recorder) -> None:
    tracer = TracerProvider().get_tracer("vendor")
    with tracer.start_as_current_span("request") as span:
        trace = recorder.record(MODEL).record.fields["trace"]
        given = recorder.record(MODEL, trace={"trace_id": bytes(16), "span_id": bytes(8)}).record.fields["trace"]
    context = span.get_span_context()
    assert trace == {"trace_id": context.trace_id.to_bytes(16, "big"), "span_id": context.span_id.to_bytes(8, "big")}
    assert given == {"trace_id": bytes(16), "span_id": bytes(8)}
    assert "trace" not in recorder.record(MODEL).record.fields


def test_a_program_without_opentelemetry_has_no_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    assert current_trace() is None


# ---------------------------------------------------------------------------------------------------------------- vault


def test_what_opens_a_record_is_in_the_vault_before_the_record_is_in_the_spool(
    tmp_path: Path, log: CheckpointedLog
) -> None:
    Vault.create(tmp_path / "vault", bytes(32))
    with Vault.open(tmp_path / "vault", bytes(32)) as vault, open_recorder(tmp_path, log, vault=vault) as recorder:
        signed = recorder.record(inference(), commit={"input": "secret"}, subject="patient 7")
        assert vault.disclosures(signed.id) == signed.disclosures


def test_what_a_crash_left_in_the_vault_alone_is_destroyed(tmp_path: Path, log: CheckpointedLog) -> None:
    Vault.create(tmp_path / "vault", bytes(32))
    with Vault.open(tmp_path / "vault", bytes(32)) as vault:
        with open_recorder(tmp_path, log, vault=vault) as recorder:
            kept = recorder.record(inference(), commit={"input": "secret"})
            orphan, batch = recorder.add(inference(), commit={"input": "lost"})
            vault.keep(orphan, None)  # and here the process dies
            monkey = recorder._spool  # noqa: SLF001  it dies
            monkey._settings = SimpleNamespace(  # type: ignore[assignment]  # noqa: SLF001
                keep=_die, durability="disk", bounds=Bounds(), folder=tmp_path
            )
            with pytest.raises(SpoolWriteError):
                recorder.commit(batch)
        open_recorder(tmp_path, log, vault=vault).close()
        assert vault.disclosures(kept.id)
        with pytest.raises(NotKeptError):
            vault.disclosures(orphan.id)


def test_a_spool_that_was_lost_takes_nothing_from_the_vault(tmp_path: Path, log: CheckpointedLog) -> None:
    Vault.create(tmp_path / "vault", bytes(32))
    with Vault.open(tmp_path / "vault", bytes(32)) as vault:
        with open_recorder(tmp_path, log, vault=vault) as recorder:
            kept = recorder.record(inference(), commit={"input": "secret"})
        (tmp_path / "spool").rename(tmp_path / "lost")
        open_recorder(tmp_path, log, vault=vault).close()
        assert vault.disclosures(kept.id)


def _die(_: object) -> None:
    raise OSError


# -------------------------------------------------------------------------------------------------------------- the end


def test_a_closed_recorder_takes_nothing_and_closing_again_does_nothing(tmp_path: Path, log: CheckpointedLog) -> None:
    recorder = open_recorder(tmp_path, log)
    recorder.close()
    recorder.close()
    with pytest.raises(SpoolClosedError, match="was closed"):
        recorder.record(MODEL)


def test_two_recorders_do_not_share_a_folder(tmp_path: Path, recorder: Recorder, log: CheckpointedLog) -> None:
    with pytest.raises(SpoolInUseError):
        open_recorder(tmp_path, log)


def test_closing_does_not_wait_for_a_log_that_is_away(tmp_path: Path, log: CheckpointedLog) -> None:
    log.script.extend([unavailable()] * 1_000)
    recorder = open_recorder(tmp_path, log, back_off=PATIENT)
    recorder.record(MODEL)
    recorder.close(timeout_s=3_600.0)
    with Spool.open(tmp_path / "spool") as spool:
        assert spool.unsent_records == 1


def test_a_child_of_a_fork_is_told_to_open_its_own(recorder: Recorder, log: CheckpointedLog) -> None:
    recorder.record(MODEL)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            recorder.record(MODEL)
        except SpoolClosedError as error:
            os.write(writer, str(error).encode())
        finally:
            recorder.close()
            os._exit(0)
    os.waitpid(child, 0)
    assert b"open one of its own" in os.read(reader, 1_000)
    os.close(reader)
    os.close(writer)
    assert recorder.record(MODEL).record.stream.seq == 1
    recorder.flush(FLUSH_S)
    assert len(entries_in(log)) == 2


PROGRAM = """
import sys
from pathlib import Path
from tests.issuer.parties import MODEL
from tests.issuer.recorder.logs import open_recorder
from types import SimpleNamespace

recorder = open_recorder(Path(sys.argv[1]), SimpleNamespace(url=sys.argv[2], vkey=sys.argv[3]))
for _ in range(10):
    recorder.record(MODEL)
"""


def test_a_program_that_ends_without_closing_sends_what_it_can(tmp_path: Path, log: CheckpointedLog) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), log.url, log.vkey]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert len(entries_in(log)) == 10


def test_the_settings_of_the_tests_are_those_of_an_issuer(log: CheckpointedLog) -> None:
    assert settings(log)["signer"] is ISSUER_KEY
