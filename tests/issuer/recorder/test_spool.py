"""A spool keeps what it acknowledged, in order, and uses no number for anything else."""

import errno
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasslog.errors import MalformedError
from glasslog_issuer import Bounds, RawBody, SignedRecord
from glasslog_issuer.errors import (
    SpoolClosedError,
    SpoolError,
    SpoolFullError,
    SpoolWriteError,
)
from glasslog_issuer.spool.state import declaration, observation
from tests.issuer.recorder.spools import (
    MODEL_FIELDS,
    SIGNER,
    SMALL,
    add,
    check_chain,
    entries_of,
    open_spool,
    segments,
    unsent,
)


def test_what_was_added_is_there_when_the_spool_is_opened_again(tmp_path: Path) -> None:
    with open_spool(tmp_path) as spool:
        records = [add(spool) for _ in range(20)]
        before = spool.state
    assert len(segments(tmp_path)) > 3
    with open_spool(tmp_path) as spool:
        assert unsent(spool) == entries_of(records)
        assert spool.state == before
        assert (spool.unsent_records, spool.unsent_bytes) == (20, sum(map(len, entries_of(records))))
        records.append(add(spool))
        assert unsent(spool) == entries_of(records)
    check_chain(entries_of(records))


def test_what_the_sender_is_done_with_is_gone_and_its_segments_are_removed(tmp_path: Path) -> None:
    with open_spool(tmp_path) as spool:
        records = [add(spool) for _ in range(20)]
        count = len(segments(tmp_path))
        first = spool.read_unsent(12)
        assert [seq for seq, _ in first] == list(range(12))
        spool.done_with(first)
        assert unsent(spool) == entries_of(records[12:])
        assert len(segments(tmp_path)) < count
        spool.done_with(spool.read_unsent(100))
        assert len(segments(tmp_path)) == 1
        assert (spool.unsent_records, spool.unsent_bytes) == (0, 0)
    with open_spool(tmp_path) as spool:
        assert unsent(spool) == []
        assert add(spool).record.stream.seq == 20
        assert len(unsent(spool)) == 1


def test_without_the_word_how_far_was_sent_records_are_sent_again(tmp_path: Path) -> None:
    with open_spool(tmp_path, bounds=Bounds()) as spool:
        records = [add(spool) for _ in range(3)]
        spool.done_with(spool.read_unsent(2))
    (tmp_path / "sent").unlink()
    with open_spool(tmp_path) as spool:
        assert unsent(spool) == entries_of(records)


def test_a_word_that_a_loss_of_power_has_blanked_is_no_word(tmp_path: Path) -> None:
    with open_spool(tmp_path) as spool:
        add(spool)
        spool.done_with(spool.read_unsent(1))
    (tmp_path / "sent").write_bytes(bytes(2))
    with open_spool(tmp_path) as spool:
        assert len(unsent(spool)) == 1


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["add", "send", "reopen", "note", "refuse"]), max_size=40))
def test_whatever_happens_in_whatever_order_nothing_is_lost_and_nothing_repeated(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = open_spool(folder)
    spool.note(declaration({"drift": (1, 2)}, 0))
    added: list[bytes] = []
    sent: list[bytes] = []
    notes = 0
    for step in steps:
        if step == "add":
            added.append(add(spool).statement.entry)
        elif step == "send" and (some := spool.read_unsent(3)):
            spool.done_with(some)
            sent.extend(entry for _, entry in some)
        elif step == "note":
            spool.note(observation("drift", "ran"))
            notes += 1
        elif step == "refuse":
            with pytest.raises(MalformedError):
                add(spool, RawBody("inference", {}))
        elif step == "reopen":
            spool.close()
            spool = open_spool(folder)
    spool.close()
    with open_spool(folder) as spool:
        assert [*sent, *unsent(spool)] == added
        assert spool.state.controls["drift"].by_status.get("ran", 0) == notes
    check_chain(added)


def test_many_threads_make_one_chain_with_few_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_spool(tmp_path, bounds=Bounds()) as spool:
        start = threading.Barrier(8)

        def work() -> None:
            start.wait()
            for _ in range(25):
                add(spool)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert spool.unsent_records == 200
        check_chain(unsent(spool))


def test_those_who_wait_share_one_write(tmp_path: Path) -> None:
    with open_spool(tmp_path) as spool:
        pending = []
        for _ in range(5):
            unplaced = SIGNER.prepare(RawBody("model-registration", MODEL_FIELDS))
            pending.append(spool.add(lambda place, one=unplaced: SIGNER.sign_prepared(place, one)))  # type: ignore[misc]
        assert spool.synced_seq == 0
        spool.commit(pending[0][1])
        assert spool.synced_seq == 5
        for _, batch in pending:
            spool.commit(batch)


# ------------------------------------------------------------------------------------------------------------- failures


class Disk:
    """A disk whose next calls fail as a test wants."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fails: dict[str, int] = {}
        for name in ("pwrite", "fdatasync", "ftruncate"):
            monkeypatch.setattr(os, name, self._call(name, getattr(os, name)))

    def _call(self, name: str, real):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  as in os
        def call(descriptor: int, *arguments):  # type: ignore[no-untyped-def]  # noqa: ANN002, ANN202
            if self.fails.get(name):
                self.fails[name] -= 1
                if name == "pwrite":
                    real(descriptor, bytes(arguments[0])[:10], arguments[1])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(descriptor, *arguments)

        return call


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def test_a_write_that_fails_uses_no_number_and_the_next_one_works(tmp_path: Path, disk: Disk) -> None:
    with open_spool(tmp_path) as spool:
        first = add(spool)
        before = spool.unsent_bytes
        disk.fails = {"pwrite": 1}
        with pytest.raises(SpoolWriteError, match="No space left on device"):
            add(spool)
        assert (spool.unsent_records, spool.unsent_bytes) == (1, before)
        second = add(spool)
        assert second.record.stream.seq == 1
    with open_spool(tmp_path) as spool:
        assert unsent(spool) == entries_of([first, second])


def test_what_was_signed_behind_a_write_that_fails_fails_with_it(tmp_path: Path, disk: Disk) -> None:
    kept: list[int] = []
    behind = []

    def keep(records: object) -> None:
        if not kept:  # while the first is written, another signs
            kept.append(1)
            behind.append(spool.add(lambda place: SIGNER.sign_at(place, RawBody("model-registration", MODEL_FIELDS))))
            disk.fails = {"pwrite": 1}

    with open_spool(tmp_path, keep=keep) as spool:
        with pytest.raises(SpoolWriteError):
            add(spool)
        with pytest.raises(SpoolWriteError):
            spool.commit(behind[0][1])
        assert add(spool).record.stream.seq == 0


def test_a_failed_fsync_leaves_a_spool_that_must_be_opened_again(tmp_path: Path, disk: Disk) -> None:
    with open_spool(tmp_path) as spool:
        first = add(spool)
        disk.fails = {"fdatasync": 1}
        with pytest.raises(SpoolWriteError):
            add(spool)
        with pytest.raises(SpoolWriteError, match="open the spool again"):
            add(spool)
        assert unsent(spool) == entries_of([first])
    with open_spool(tmp_path) as spool:
        second = add(spool)
        assert unsent(spool) == entries_of([first, second])


def test_a_part_that_cannot_be_cut_off_leaves_a_spool_that_must_be_opened_again(tmp_path: Path, disk: Disk) -> None:
    with open_spool(tmp_path) as spool:
        first = add(spool)
        disk.fails = {"pwrite": 1, "ftruncate": 1}
        with pytest.raises(SpoolWriteError):
            add(spool)
        with pytest.raises(SpoolWriteError, match="open the spool again"):
            add(spool)
    with open_spool(tmp_path) as spool:
        assert unsent(spool) == entries_of([first])
        assert len(list(tmp_path.glob("*.torn"))) == 1
        add(spool)


def test_what_opens_a_record_is_kept_before_the_record_or_neither_is(tmp_path: Path) -> None:
    seen: list[SignedRecord] = []

    def keep(records: list[tuple[SignedRecord, str | None]]) -> None:
        seen.extend(signed for signed, _ in records)
        if len(seen) == 2:
            raise OSError(errno.EIO, "the vault is on fire")

    with open_spool(tmp_path, keep=keep) as spool:
        add(spool)
        with pytest.raises(SpoolWriteError, match="the vault is on fire"):
            add(spool)
        assert add(spool).record.stream.seq == 1
        assert len(unsent(spool)) == 2


def test_notes_survive_a_write_that_fails(tmp_path: Path, disk: Disk) -> None:
    with open_spool(tmp_path) as spool:
        spool.note(declaration({"drift": (1, 2)}, 0))
        spool.note(observation("drift", "ran"))
        disk.fails = {"pwrite": 1}
        with pytest.raises(SpoolWriteError):
            add(spool)
        add(spool)
    with open_spool(tmp_path) as spool:
        assert spool.state.controls["drift"].by_status == {"ran": 1}


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from glasslog_issuer.errors import SpoolWriteError
from tests.issuer.recorder.spools import add, open_spool
from glasslog_issuer import Bounds

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
with open_spool(Path(sys.argv[1]), bounds=Bounds()) as spool:
    count = 0
    try:
        while True:
            add(spool)
            count += 1
    except SpoolWriteError:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert add(spool).record.stream.seq == count
    print(count + 1)
"""


def test_a_disk_that_is_full_refuses_records_and_takes_them_again_when_it_is_not(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    count = int(result.stdout)
    assert count > 10
    with open_spool(tmp_path) as spool:
        entries = unsent(spool)
        assert len(entries) == count
        check_chain(entries)


# --------------------------------------------------------------------------------------------------------------- bounds


@pytest.mark.parametrize("bounds", [Bounds(records_max=3), Bounds(bytes_max=66_500)], ids=["records", "bytes"])
def test_a_full_spool_fails_the_call_and_takes_records_when_some_were_sent(tmp_path: Path, bounds: Bounds) -> None:
    with open_spool(tmp_path, bounds=bounds) as spool:
        with pytest.raises(SpoolFullError, match=r"records? of \d+ bytes that wait to be sent"):
            list(iter(lambda: add(spool, timeout_s=0.0), None))
        full = spool.unsent_records
        spool.done_with(spool.read_unsent(2))
        assert add(spool, timeout_s=0.0).record.stream.seq == full


def test_a_caller_who_waits_for_room_goes_on_when_there_is_some(tmp_path: Path) -> None:
    with open_spool(tmp_path, bounds=Bounds(records_max=1)) as spool:
        add(spool)
        late: list[SignedRecord] = []
        thread = threading.Thread(target=lambda: late.append(add(spool, timeout_s=None)))
        thread.start()
        spool.done_with(spool.read_unsent(1))
        thread.join()
        assert late[0].record.stream.seq == 1


def test_a_caller_who_waits_for_room_is_told_when_the_spool_is_closed(tmp_path: Path) -> None:
    spool = open_spool(tmp_path, bounds=Bounds(records_max=1))
    add(spool)
    errors: list[SpoolError] = []

    def wait() -> None:
        try:
            add(spool, timeout_s=None)
        except SpoolError as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    spool.close()
    thread.join()
    assert isinstance(errors[0], SpoolClosedError)


def test_bounds_that_fit_no_record_are_refused() -> None:
    with pytest.raises(ValueError, match="room for one record"):
        Bounds(bytes_max=100)


# ------------------------------------------------------------------------------------------------------- less durable


def test_what_only_the_system_has_is_acknowledged_but_not_sent_before_it_is_on_disk(tmp_path: Path) -> None:
    with open_spool(tmp_path, durability="system") as spool:
        first = add(spool)
        assert spool.unsent_records == 1
        assert unsent(spool) == []
        spool.sync()
        assert unsent(spool) == entries_of([first])
        second = add(spool)
    with open_spool(tmp_path) as spool:
        assert unsent(spool) == entries_of([first, second])


def test_a_sync_that_fails_is_told_and_the_spool_must_be_opened_again(tmp_path: Path, disk: Disk) -> None:
    with open_spool(tmp_path, durability="system") as spool:
        first = add(spool)
        disk.fails = {"fdatasync": 1}
        with pytest.raises(SpoolWriteError, match="cannot bring the spool to disk"):
            spool.sync()
        with pytest.raises(SpoolWriteError, match="open the spool again"):
            add(spool)
    with open_spool(tmp_path) as spool:
        assert unsent(spool) == entries_of([first])


def test_limits_of_the_process_are_those_of_the_machine() -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY  # else the tests above show nothing
    assert SMALL.segment_bytes < 5_000
