"""What a failing disk and a killed process leave behind, and that the next start finds it in order."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest

from glasslog_server.errors import GuardError, StoreError
from glasslog_server.storage.rocks import RocksStore
from glasslog_server.storage.rocks_engine import RocksEngine
from glasslog_server.storage.rows import Row
from tests.server.rounds import META, Writer, check_store

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


class FaultyEngine(RocksEngine):
    """An engine whose next write or sync fails, before or after it did its work, or waits until it is let go."""

    __slots__ = ("fail", "go_on", "waiting")

    fail: str
    go_on: threading.Event
    waiting: threading.Event

    def write(self, puts: Iterable[Row], deletes: Iterable[bytes] = ()) -> None:
        self._fail_if("before the write")
        super().write(puts, deletes)
        self._fail_if("after the write")

    def sync(self) -> None:
        self.waiting.set()
        assert self.go_on.wait(timeout=30)
        self._fail_if("before the sync")
        super().sync()
        self._fail_if("after the sync")

    def _fail_if(self, moment: str) -> None:
        if self.fail == moment:
            raise StoreError(moment)


async def open_faulty(path: Path) -> tuple[RocksStore, FaultyEngine]:
    """Return a store of 250 entries, and its engine."""
    store = RocksStore.create(path, META)
    await Writer().write(store, [250])
    await store.close()
    engine = FaultyEngine.open(path)
    engine.fail = ""
    engine.go_on, engine.waiting = threading.Event(), threading.Event()
    engine.go_on.set()
    return RocksStore.of_engine(engine), engine


def test_a_write_that_failed_does_not_keep_the_store_locked(path: Path) -> None:
    engine = RocksEngine.create(path)
    with pytest.raises(StoreError) as failed:
        engine.write([(b"e", b"entry"), (b"l", None)])  # type: ignore[list-item]
    engine.close()
    RocksEngine.open(path).close()
    assert failed.value.__traceback__ is not None  # and with it all that the write had at hand


FAULTS = {"before the write": 250, "after the write": 260, "before the sync": 260, "after the sync": 260}


@pytest.mark.parametrize("moment, size_after", FAULTS.items())
async def test_after_a_failed_append_nothing_is_visible_or_appended_until_it_is_reopened(
    path: Path, moment: str, size_after: int
) -> None:
    """In two versions: "failed, not written" and "failed, but written". Nobody can know which before the next start."""
    store, engine = await open_faulty(path)
    engine.fail = moment
    with pytest.raises(StoreError, match=moment):
        await store.append(Writer.after(250).round(10))
    engine.fail = ""
    await check_store(store, 250)
    with pytest.raises(StoreError, match="reopen it"):
        await store.append(Writer.after(250).round(10))
    await store.close()
    store = RocksStore.open(path)
    await check_store(store, size_after)
    await store.append(Writer.after(size_after).round(10))
    await check_store(store, size_after + 10)
    await store.close()


async def test_what_follows_a_round_runs_when_it_is_on_disk_and_before_it_is_seen(path: Path) -> None:
    store, engine = await open_faulty(path)
    engine.go_on.clear()
    engine.waiting.clear()
    followed, may_end = threading.Event(), threading.Event()

    def follow() -> None:
        followed.set()
        assert may_end.wait(timeout=30)

    appending = asyncio.create_task(store.append(Writer.after(250).round(10), follow))
    await asyncio.to_thread(engine.waiting.wait, 30)
    assert not followed.is_set()
    engine.go_on.set()
    await asyncio.to_thread(followed.wait, 30)
    await check_store(store, 250)
    may_end.set()
    await appending
    await check_store(store, 260)
    await store.close()


async def test_when_what_follows_a_round_fails_nothing_is_visible_or_appended_until_it_is_reopened(path: Path) -> None:
    store, _ = await open_faulty(path)

    def fail() -> None:
        raise GuardError("no")

    with pytest.raises(GuardError, match="no"):
        await store.append(Writer.after(250).round(10), fail)
    await check_store(store, 250)
    with pytest.raises(StoreError, match="reopen it"):
        await store.append(Writer.after(250).round(10))
    await store.close()
    store = RocksStore.open(path)
    await check_store(store, 260)
    await store.close()


async def test_a_cancelled_append_leaves_the_outcome_open(path: Path) -> None:
    store, engine = await open_faulty(path)
    engine.go_on.clear()
    appending = asyncio.create_task(store.append(Writer.after(250).round(10)))
    await asyncio.to_thread(engine.waiting.wait)
    await check_store(store, 250)
    appending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await appending
    with pytest.raises(StoreError, match="reopen it"):
        await store.append(Writer.after(250).round(10))
    await check_store(store, 250)
    closing = asyncio.create_task(store.close())
    engine.go_on.set()
    await closing
    store = RocksStore.open(path)
    await check_store(store, 260)
    await store.close()


async def test_a_store_closed_during_an_append_ends_it_first(path: Path) -> None:
    store, engine = await open_faulty(path)
    engine.go_on.clear()
    appending = asyncio.create_task(store.append(Writer.after(250).round(10)))
    await asyncio.to_thread(engine.waiting.wait)
    closing = asyncio.create_task(store.close())
    await asyncio.sleep(0)
    assert not closing.done()
    engine.go_on.set()
    await appending
    await closing
    store = RocksStore.open(path)
    await check_store(store, 260)
    await store.close()


@pytest.mark.parametrize("seed", range(3))
async def test_a_killed_process_leaves_every_acknowledged_round(path: Path, seed: int) -> None:
    """Kill a process that appends without end, again and again, on one store."""
    RocksStore.create(path, META)._engine.close()  # noqa: SLF001 (closed without a loop)
    random = Random(seed)
    size = 0
    for _ in range(3):
        acknowledged = run_and_kill(path, random)
        store = RocksStore.open(path)
        head = await store.latest_head()
        assert head is not None
        assert head.size >= acknowledged > size
        size = head.size
        await check_store(store, size)
        await store.close()


def run_and_kill(path: Path, random: Random) -> int:
    """Return how many entries the process had acknowledged when it was killed."""
    command = [sys.executable, "-m", "tests.server.append_forever", str(path), str(random.randrange(1_000))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(random.randint(1, 20))]
        os.kill(process.pid, signal.SIGKILL)
        lines += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    return int([line for line in lines if line.endswith("\n")][-1])


def test_a_full_disk_fails_the_round_and_loses_no_other(path: Path) -> None:
    command = [sys.executable, "-m", "tests.server.append_to_full_disk", str(path)]
    run = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert (run.returncode, run.stdout) == (0, "ok\n"), run.stderr


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="could not"):
        RocksStore.create(tmp_path / "store", META)
