"""Many threads share a commit, each item is committed once, and a failure reaches those whose items were in it."""

import os
import threading
from collections.abc import Sequence

import pytest

from glasslog_issuer.vault.batches import Batches


def test_every_item_is_committed_once_by_one_thread_at_a_time() -> None:
    committed: list[list[int]] = []
    inside = threading.Lock()

    def commit(items: Sequence[int]) -> int:
        assert inside.acquire(blocking=False)
        committed.append(list(items))
        inside.release()
        return len(committed)

    batches = Batches(commit)
    outcomes: dict[int, int] = {}

    def work(start: int) -> None:
        for item in range(start, 400, 8):
            outcomes[item] = batches.add([item])

    threads = [threading.Thread(target=work, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(item for batch in committed for item in batch) == list(range(400))
    for number, batch in enumerate(committed, start=1):
        assert {outcomes[item] for item in batch} == {number}


def test_those_who_wait_while_one_commits_share_the_next_commit() -> None:
    committed: list[list[str]] = []
    begun, go_on = threading.Event(), threading.Event()

    def commit(items: Sequence[str]) -> None:
        begun.set()
        assert go_on.wait(30)
        committed.append(list(items))

    batches = Batches(commit)
    first = threading.Thread(target=batches.add, args=(["a"],))
    first.start()
    assert begun.wait(30)
    others = [threading.Thread(target=batches.add, args=([name],)) for name in "bcd"]
    for thread in others:
        thread.start()
    while len(batches.waiting) < 3:
        os.sched_yield()
    go_on.set()
    for thread in (first, *others):
        thread.join()
    assert [sorted(batch) for batch in committed] == [["a"], ["b", "c", "d"]]


def test_a_failure_is_told_and_the_next_batch_is_another() -> None:
    failing = True

    def commit(items: Sequence[str]) -> str:
        if failing:
            raise OSError("disk full")
        return items[0]

    batches = Batches(commit)
    with pytest.raises(OSError, match="disk full"):
        batches.add(["a"])
    failing = False
    assert batches.add(["b"]) == "b"
