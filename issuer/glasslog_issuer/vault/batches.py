"""One commit for all threads that wait: an fsync costs milliseconds, whatever it brings to disk.

Who adds something joins the batch that is open. The first who gets its turn closes that batch and commits it for all in
it; meanwhile the others fill the next one. A single thread pays one commit a call, many threads share them.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class _Batch(Generic[T, R]):
    """What is committed at once, and what became of it."""

    def __init__(self) -> None:
        self.items: list[T] = []
        self.outcome: tuple[R] | None = None
        self.error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        return self.outcome is not None or self.error is not None


class Batches(Generic[T, R]):
    """Hand items to `commit`, in batches, each item once. `commit` is called by one thread at a time."""

    def __init__(self, commit: Callable[[Sequence[T]], R]) -> None:
        """Take what makes a batch durable; what it returns goes to everybody whose items were in it."""
        self._commit = commit
        self._joining = threading.Lock()
        self._turn = threading.Lock()
        self._open: _Batch[T, R] = _Batch()

    @property
    def waiting(self) -> tuple[T, ...]:
        """Return what is in the batch that is open now."""
        with self._joining:
            return tuple(self._open.items)

    def add(self, items: Sequence[T]) -> R:
        """Return when the items are committed. Raises what `commit` raised for the batch that they were in."""
        with self._joining:
            batch = self._open
            batch.items.extend(items)
        with self._turn:
            if not batch.is_done:
                with self._joining:
                    self._open = _Batch()
                self._run(batch)
        if batch.error is not None:
            raise batch.error
        assert batch.outcome is not None  # noqa: S101  a batch that is done has the one or the other
        return batch.outcome[0]

    def _run(self, batch: _Batch[T, R]) -> None:
        try:
            batch.outcome = (self._commit(batch.items),)
        except BaseException as error:
            batch.error = error  # the other threads whose items these are must learn it too
            raise
