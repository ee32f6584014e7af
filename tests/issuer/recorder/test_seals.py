"""Windows of the stream follow each other without a gap, and are sealed when the log has all of their records."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from glasslog_issuer.errors import NotSentError
from tests.issuer.faulty_log import unavailable
from tests.issuer.parties import MODEL
from tests.issuer.real_log import ISSUER, RealLog
from tests.issuer.recorder.logs import PATIENT, CheckpointedLog, open_recorder
from tests.issuer.recorder.reading import check_stream
from tests.issuer.recorder.vendor import open_recorder as open_real
from tests.verifier.evidence import TIME_MS

FLUSH_S = 30.0


@pytest.fixture
def log() -> Iterator[CheckpointedLog]:
    with CheckpointedLog() as log:
        yield log


def test_a_seal_counts_what_was_recorded_between_two_sizes_of_the_log(tmp_path: Path, log: CheckpointedLog) -> None:
    wall_ms = [TIME_MS]
    with open_recorder(tmp_path, log, now_ms=lambda: wall_ms[0]) as recorder:
        for _ in range(3):
            recorder.record(MODEL)
        wall_ms[0] += 1_000
        [first] = recorder.seal(FLUSH_S)
        size = log.ledger.size
        recorder.record(MODEL)
        wall_ms[0] += 500
        [second] = recorder.seal(FLUSH_S)
        [third] = recorder.seal(FLUSH_S)
    assert first.record.body == {
        "from": TIME_MS,
        "to": TIME_MS + 1_000,
        "tree_size_start": 0,
        "tree_size_end": size,
        "streams": [{"id": "decisions", "first_seq": 0, "last_seq": 2, "count": 3}],
    }
    assert (second.record.body["from"], second.record.body["to"]) == (TIME_MS + 1_000, TIME_MS + 1_500)
    assert second.record.body["tree_size_start"] <= size
    assert second.record.body["streams"] == [{"id": "decisions", "first_seq": 3, "last_seq": 4, "count": 2}]
    assert third.record.body["streams"] == [{"id": "decisions", "first_seq": 5, "last_seq": 5, "count": 1}]


def test_a_window_is_not_sealed_before_the_log_has_its_records(tmp_path: Path, log: CheckpointedLog) -> None:
    log.script.extend([unavailable()] * 100)
    with open_recorder(tmp_path, log, back_off=PATIENT) as recorder:
        recorder.record(MODEL)
        with pytest.raises(NotSentError):
            recorder.seal(0.0)
        assert recorder.state.place.seq == 1
    log.script.clear()
    with open_recorder(tmp_path, log) as recorder:
        recorder.flush(FLUSH_S)
        recorder.seal(FLUSH_S)
        assert recorder.state.closed == ()


def test_a_clock_that_is_set_back_makes_an_empty_time_and_no_negative_one(tmp_path: Path, log: CheckpointedLog) -> None:
    wall_ms = [TIME_MS]
    with open_recorder(tmp_path, log, now_ms=lambda: wall_ms[0]) as recorder:
        recorder.record(MODEL)
        wall_ms[0] -= 10_000
        [seal] = recorder.seal(FLUSH_S)
    assert (seal.record.body["from"], seal.record.body["to"]) == (TIME_MS, TIME_MS)


def test_windows_over_restarts_hold_every_number_once(tmp_path: Path) -> None:
    with RealLog(tmp_path / "log") as log:
        settings = {"folder": str(tmp_path / "spool"), "issuer": ISSUER, "key": str(log.key_path), "stream": "sealed"}
        settings |= {"log_url": log.url, "vkey": log.vkey}
        for count in (3, 0, 5):
            with open_real(settings) as recorder:
                for _ in range(count):
                    recorder.record(MODEL)
                recorder.seal(FLUSH_S)
                recorder.flush(FLUSH_S)
        entries = check_stream(log, "sealed")
    check_seals(entries)


def check_seals(entries: list[Any]) -> None:
    """Check that windows follow each other from the first number on, each with as many records as it says."""
    seals = sorted((entry for entry in entries if entry.record.type == "window-seal"), key=lambda e: e.seq)
    assert seals
    streams = [seal.record.body["streams"][0] for seal in seals]
    assert streams[0]["first_seq"] == 0
    for before, after in pairwise(streams):
        assert after["first_seq"] == before["last_seq"] + 1
    for seal, stream in zip(seals, streams, strict=True):
        body = seal.record.body
        inside = [e for e in entries if stream["first_seq"] <= e.seq <= stream["last_seq"]]
        assert len(inside) == stream["count"]
        assert all(body["tree_size_start"] <= e.index < body["tree_size_end"] for e in inside)
