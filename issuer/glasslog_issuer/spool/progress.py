"""Read a spool from its old end: what waits to be sent, and how far was sent.

How far is written in the file `sent`, after each batch and without waiting for the disk: when it is behind the truth,
statements are sent once more, which is harmless, because the same statement is always the same entry. A segment is
removed when all its records are done with. For one sender: nothing here may be used by several threads at once, but for
`done_seq`.
"""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from glasslog_issuer import files
from glasslog_issuer.errors import SpoolDamagedError
from glasslog_issuer.spool.frames import STATEMENT, read_header, read_unit
from glasslog_issuer.spool.segments import SegmentName, segments

SENT_NAME: Final = "sent"
_SENT_BYTES_MAX: Final = 21


def read_sent(folder: Path) -> int:
    """Return how far was sent, 0 where nothing says so. Raises OSError, SpoolDamagedError."""
    path = folder / SENT_NAME
    try:
        text = files.read(path, _SENT_BYTES_MAX).decode()
    except FileNotFoundError:
        return 0
    except ValueError as error:
        msg = f"{path}: expected a number: {error}"
        raise SpoolDamagedError(msg) from error
    if not text.strip().isdecimal():
        if not text.strip("\0"):  # a loss of power can leave a file of the right length with nothing in it
            return 0
        msg = f"{path}: expected a number, got {text!r:.40}"
        raise SpoolDamagedError(msg)
    return int(text)


class Progress:
    """Where the sender stands. `done_seq` is the number of the first record that it is not done with."""

    def __init__(self, folder: Path, names: Sequence[SegmentName], done_seq: int) -> None:
        """Take the segments of a folder, and how far was sent; at least one of them begins at or before that."""
        self._folder = folder
        self._names = deque(names)
        self.done_seq = done_seq
        self._waiting: deque[tuple[int, bytes]] = deque()
        while len(self._names) > 1 and self._names[1].first_seq <= done_seq:
            self._names.popleft().path.unlink(missing_ok=True)
        self._begin(self._names[0])

    def read(self, synced_seq: int, count_max: int) -> list[tuple[int, bytes]]:
        """Return the first records below `synced_seq` that are not done with. Raises OSError, SpoolDamagedError."""
        while len(self._waiting) < count_max and self._next_seq < synced_seq:
            self._read_unit()
        return list(islice(self._waiting, count_max))

    def advance(self, seq: int) -> None:
        """Be done with the records below a number, which `read` has returned."""
        self.done_seq = seq
        while self._waiting and self._waiting[0][0] < seq:
            self._waiting.popleft()

    def save(self) -> None:
        """Write how far was sent, and remove the segments that hold nothing else. Raises OSError."""
        files.replace(self._folder / SENT_NAME, f"{self.done_seq}\n".encode(), files.PRIVATE_MODE, durable=False)
        if len(self._names) == 1 and self.done_seq > self._names[0].first_seq:
            self._find_following()
        while len(self._names) > 1 and self._names[1].first_seq <= self.done_seq:
            if self._names[0] == self._name:  # it was read to its end
                self._begin(self._names[1])
            self._names.popleft().path.unlink(missing_ok=True)

    def _begin(self, name: SegmentName) -> None:
        self._name = name
        self._data = name.path.read_bytes()
        header, self._position = read_header(self._data, name=str(name.path))
        self._marker = header.marker
        self._base = 0  # where in the file `_data` begins
        self._next_seq = name.first_seq

    def _read_unit(self) -> None:
        unit = read_unit(self._data, self._marker, self._position)
        if unit is None:
            self._read_on()
            unit = read_unit(self._data, self._marker, self._position)
        if unit is None:
            self._go_on_in_next()
            return
        self._position = unit.end
        for item in unit.items:
            if item.kind == STATEMENT:
                if self._next_seq >= self.done_seq:
                    self._waiting.append((self._next_seq, item.data))
                self._next_seq += 1

    def _read_on(self) -> None:
        """Read again from where the next unit begins: there may be more by now."""
        self._base += self._position
        self._position = 0
        with self._name.path.open("rb") as file:
            file.seek(self._base)
            self._data = file.read()

    def _go_on_in_next(self) -> None:
        self._find_following()
        following = [name for name in self._names if name.first_seq == self._next_seq and name != self._name]
        if not following:
            msg = f"{self._name.path}: expected record {self._next_seq}, which is on disk, got something else"
            raise SpoolDamagedError(msg)
        self._begin(following[0])

    def _find_following(self) -> None:
        known = self._names[-1]
        self._names.extend(name for name in segments(self._folder) if name > known)
