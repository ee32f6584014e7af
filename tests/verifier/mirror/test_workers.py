"""Worker processes: what goes through their pipes, and what becomes of one that ends too early."""

import io
import os
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.errors import UncheckableError
from glasslog.mirror import workers
from glasslog.mirror.chunk import Chunk
from glasslog.mirror.place import Place
from glasslog.mirror.worker import Setting, Work, read_message, write_message
from glasslog.mirror.workers import replay_all

WORK = (Chunk(0, 1, 1, [], [bytes(32)], b"", []), (), pickle.dumps(None))


@given(st.lists(st.binary(max_size=300), max_size=4), st.binary(max_size=12))
def test_messages_come_whole_or_not_at_all(messages: list[bytes], rest: bytes) -> None:
    stream = io.BytesIO(
        b"".join(len(message).to_bytes(8) + message for message in messages) + b"\0\0\0\0\0\0\0\xff" + rest
    )
    assert [read_message(stream) for _ in messages] == messages
    with pytest.raises(EOFError):
        read_message(stream)


def test_a_message_is_written_as_it_is_read() -> None:
    reading, writing = os.pipe()
    write_message(writing, b"message")
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        assert read_message(stream) == b"message"
        with pytest.raises(EOFError):
            read_message(stream)


def test_a_worker_that_ends_before_its_work_stops_the_audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_PROGRAM", "raise SystemExit")
    with pytest.raises(UncheckableError, match="ended before its work did"):
        list(replay_all([WORK], Setting(tmp_path, Place(), "log.example"), 1))


def test_what_a_worker_cannot_do_is_raised_here(tmp_path: Path) -> None:
    """The bundle is not there: the error is the one that it would be in this process."""
    setting = Setting(tmp_path, Place(), "log.example")
    raised = []
    for processes in (0, 1):
        with pytest.raises(UncheckableError) as caught:
            list(replay_all([WORK], setting, processes))
        raised.append(str(caught.value))
    assert raised[0] == raised[1]


ANSWERING = """
import marshal, sys
from glasslog.mirror.worker import read_message, write_message
read_message(sys.stdin.buffer)
for _ in range({count}):
    chunk, _, _ = marshal.loads(read_message(sys.stdin.buffer))
    write_message(1, marshal.dumps(("replayed", (((), (), ()), [(chunk[0], 0)], [], []))))
"""


def works(count: int) -> list[Work]:
    return [(WORK[0]._replace(start=number), *WORK[1:]) for number in range(count)]


def test_answers_come_in_the_order_of_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_PROGRAM", ANSWERING.format(count=1_000))
    answers = replay_all(works(40), Setting(tmp_path, Place(), "log.example"), 2)
    assert [replayed.heads[0][0] for replayed, _ in zip(answers, range(30), strict=False)] == list(range(30))
    answers.close()  # type: ignore[attr-defined]  # with ten under way, or done and not taken


def test_a_worker_that_ends_with_work_in_its_hands_stops_the_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_PROGRAM", ANSWERING.format(count=3))
    answers = replay_all(works(20), Setting(tmp_path, Place(), "log.example"), 1)
    assert [next(answers).heads[0][0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(UncheckableError, match="ended before its work did"):
        next(answers)


def test_an_interruption_from_the_keyboard_does_not_reach_a_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    telling = ANSWERING.replace("chunk[0]", "os.getpgrp()").replace("import marshal", "import marshal, os")
    monkeypatch.setattr(workers, "_PROGRAM", telling.format(count=1))
    (replayed,) = replay_all(works(1), Setting(tmp_path, Place(), "log.example"), 1)
    assert replayed.heads[0][0] != os.getpgrp()
