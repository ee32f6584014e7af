"""A table that processes share: how many connections each of them has, so that they can share evenly.

A file of one number for each process, mapped into all of them. A process writes its own cell alone, whole, at each
connection that it takes, loses, or finds taken by another; the supervisor empties the cell of a process that has ended.
A number is a count of these signs of life, and how many connections there are. What is read here is a hint and may be a
moment old: nothing but the choice who takes a connection depends on it.
"""

import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

_CELL_BYTES: Final = 8
_ABSENT: Final = 2**64 - 1
_COUNT_BITS: Final = 32
_COUNT_MASK: Final = 2**_COUNT_BITS - 1
_SIGNS_MASK: Final = 2**31 - 1  # signs of life are counted around, and never make the number of an empty cell


class ConnectionTable:
    """The table. Made by `create` in one process, opened by `open` in the others."""

    def __init__(self, shared: mmap.mmap) -> None:
        """Take the mapped file; use `create` or `open`."""
        self._cells = memoryview(shared).cast("Q")

    @classmethod
    def create(cls, path: Path, cells: int) -> Self:
        """Make the file of a table of so many empty cells. Raises OSError."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, _ABSENT.to_bytes(_CELL_BYTES, "little") * cells)
        finally:
            os.close(descriptor)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the table that another process has made. Raises OSError."""
        with path.open("r+b") as file:
            return cls(mmap.mmap(file.fileno(), 0))

    def empty(self, cell: int) -> None:
        """Forget a process: it takes no connections any more."""
        self._cells[cell] = _ABSENT

    def say(self, cell: int, signs: int, count: int) -> None:
        """Tell the others of a process: how many signs of life it has given, and how many connections it has."""
        self._cells[cell] = (signs & _SIGNS_MASK) << _COUNT_BITS | count

    def counts(self) -> list[int | None]:
        """Return how many connections each process has, None for empty cells."""
        return [None if number == _ABSENT else number & _COUNT_MASK for number in self._cells]

    def below(self, count: int) -> Mapping[int, int]:
        """Return the cells of the processes that have fewer connections than `count`, with the numbers in them."""
        return {cell: number for cell, number in enumerate(self._cells) if number & _COUNT_MASK < count}


class Share:
    """The part of one process in the connections of all: how many it has, and whether the next one is for others.

    For use on one event loop. `now` in the arguments is a monotonic time in seconds.
    """

    def __init__(self, table: ConnectionTable, cell: int) -> None:
        """Take the table and the cell of this process, which holds no connection yet; it takes part from now on."""
        self._table = table
        self._cell = cell
        self._signs = 0
        self._open = 0
        self._left = False
        # Whom a connection that waits was left to: the number in the cell, and since when it is the same.
        self._awaited: dict[int, tuple[int, float]] = {}
        self._asked = 0.0
        self._say()

    def took(self) -> None:
        """Count a connection."""
        self._open += 1
        self._say()

    def lost(self) -> None:
        """Count a connection no more."""
        self._open -= 1
        self._say()

    def missed(self) -> None:
        """Give a sign of life: there was a connection to take, and another process was faster."""
        self._say()

    def leave(self) -> None:
        """Take part no more: this process takes no connections, and those that it has do not count."""
        if not self._left:
            self._table.empty(self._cell)
        self._left = True

    def is_for_others(self, now: float, patience_s: float) -> bool:
        """Return whether a connection that waits is for a process that has fewer. Asked again and again while it waits.

        Not for ever: those that give no sign of life for `patience_s`, while one waits for them, are passed over until
        they do.
        """
        below = self._table.below(self._open)
        if now - self._asked > patience_s:  # nothing has waited meanwhile: only who was passed over is not asked anew
            late = self._asked - patience_s
            self._awaited = {cell: told for cell, told in self._awaited.items() if told[1] <= late}
        self._asked = now
        before = self._awaited
        self._awaited = {
            cell: before[cell] if cell in before and before[cell][0] == number else (number, now)
            for cell, number in below.items()
        }
        return any(now - since < patience_s for _, since in self._awaited.values())

    def _say(self) -> None:
        if not self._left:
            self._signs += 1
            self._table.say(self._cell, self._signs, self._open)
