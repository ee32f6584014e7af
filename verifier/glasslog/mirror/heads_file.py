"""The kept heads in the state of an audit, as a file that grows: what a stopped run left is mended, then heads come.

Opening it costs what was added since the last head in the index beside it (`glasslog.sources.head_index`), whatever the
file's length. Heads are neither verified here nor held against a tree.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from glasslog.errors import MalformedError, UncheckableError
from glasslog.heads import KeptHead
from glasslog.limits import TREE_SIZE_MAX
from glasslog.sources.head_index import HEADS_APART, HEADS_INDEX, find_place, note_places
from glasslog.sources.head_stream import measure_heads


class HeadsFile:
    """A file of kept heads. `last` is the size of the newest, 0 where there is none."""

    def __init__(self, path: Path) -> None:
        """Find the end; a part of a head, or anything else that is none, is cut off. Raises UncheckableError."""
        self.last = 0
        self._path = path
        self._index = path.with_name(HEADS_INDEX)
        self._length = 0
        self._behind = -1  # heads from the one that the index has, or that is the first, to the last
        if path.exists():
            try:
                self._mend()
            except OSError as error:
                msg = f"cannot use {path}: {error.strerror}"
                raise UncheckableError(msg) from error

    def append(self, heads: Sequence[KeptHead]) -> None:
        """Write heads behind those that are there. Raises UncheckableError."""
        encoded = [head.encode() for head in heads]
        try:
            with self._path.open("ab") as file:
                file.write(b"".join(encoded))
            self._pass(zip(heads, map(len, encoded), strict=True))
        except OSError as error:
            msg = f"cannot write {self._path}: {error.strerror}"
            raise UncheckableError(msg) from error

    def _mend(self) -> None:
        with self._path.open("r+b") as file:
            self._length = find_place(self._index, file, TREE_SIZE_MAX)
            if not self._length:
                self._index.unlink(missing_ok=True)  # the pass that follows makes a new one
            file.seek(self._length)
            try:
                self._pass(measure_heads(file))
            except MalformedError:
                file.truncate(self._length)

    def _pass(self, heads: Iterable[tuple[KeptHead, int]]) -> None:
        """Go behind heads that are in the file, each with its length in bytes, and have the index know some."""
        for head, length in heads:
            self._behind += 1
            if self._behind == HEADS_APART:
                note_places(self._index, [(head.size, self._length)])
                self._behind = 0
            self.last = head.size
            self._length += length
