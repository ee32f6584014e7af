"""Keep the tree heads that a log has signed, in order, and give them out chunk by chunk.

What is checked here is what shows from the list alone: ascending sizes, times that never run backwards, and that the
checkpoint's tree is covered. Signatures and roots are checked by the replay, in the worker that has the leaves.
"""

from collections.abc import Iterator
from typing import Final

from glasslog.authority import operator_issuer
from glasslog.checkpoint import Checkpoint
from glasslog.errors import AbsentError, MalformedError, UncheckableError
from glasslog.heads import KeptHead
from glasslog.merkle import TreeSize
from glasslog.mirror.heads_file import HeadsFile
from glasslog.mirror.progress import Progress
from glasslog.mirror.state import State
from glasslog.sources.source import LogSource

_WRITTEN_AT_ONCE: Final = 1_000


def store_heads(source: LogSource, state: State, size: TreeSize, progress: Progress) -> None:
    """Bring the file of kept heads up to the tree of `size`.

    Raises UncheckableError when the source has no heads up to `size`, MalformedError when they are out of order.
    """
    file = HeadsFile(state.heads_path)
    if file.last == size:
        return
    progress.begin("tree heads", size, file.last)
    try:
        for heads in _batches(source, TreeSize(file.last + 1), size):
            progress.advance(heads[-1].size - file.last)
            file.append(heads)
    except AbsentError as error:
        msg = f"expected {source.name} to hand out its tree heads (GET /heads): without them no entry has a time"
        raise UncheckableError(msg) from error
    progress.end()
    if file.last != size:
        msg = f"expected a kept tree head of size {size} from {source.name}, got none above {file.last}"
        raise UncheckableError(msg)


def _batches(source: LogSource, start: TreeSize, size: TreeSize) -> Iterator[list[KeptHead]]:
    batch: list[KeptHead] = []
    for head in source.heads(start):
        if head.size > size:
            break
        batch.append(head)
        if len(batch) == _WRITTEN_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


class HeadsByChunk:
    """Give out the heads of a local log with the entries that they are of, in order, and what they say of the time."""

    def __init__(self, local: LogSource, start: int, head: Checkpoint) -> None:
        """Begin at entry `start` of the tree of `head`."""
        self._heads = local.heads(TreeSize(start + 1))
        self._next: tuple[KeptHead, int] | None = None
        self._size = head.size
        self._issuer = operator_issuer(head.origin)
        self._time = 0

    def take(self, end: int) -> list[tuple[KeptHead, int]]:
        """Return the heads up to size `end`, and the one behind them where entries below `end` are first covered by it.

        That one comes again with the next chunk. Raises UncheckableError when no head covers the last entry,
        MalformedError and MismatchError for a header that is none of this log, or a time that runs backwards.
        """
        taken: list[tuple[KeptHead, int]] = []
        while not taken or taken[-1][0].size < end:
            taken.append(self._next or self._take_one(end))
            self._next = None
        if taken[-1][0].size > end:
            self._next = taken[-1]
        return taken

    def _take_one(self, end: int) -> tuple[KeptHead, int]:
        head = next(self._heads, None)
        if head is None or head.size > self._size:
            msg = f"expected a kept tree head that covers entry {end - 1}, got none up to size {self._size}"
            raise UncheckableError(msg)
        time = head.claimed_time(self._issuer)
        if time < self._time:
            msg = f"expected a tree head of {self._time} or later at size {head.size}, got one of {time}"
            raise MalformedError(msg)
        self._time = time
        return head, time
