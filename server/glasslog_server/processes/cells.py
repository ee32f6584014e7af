"""Lease the cells of the table of connections to workers: the supervisor's end of `http.connection_table`."""

from pathlib import Path
from typing import Final

from glasslog_server.errors import ProcessError
from glasslog_server.http.connection_table import ConnectionTable

NO_CELL: Final = -1
"""What a process gets that takes no connections, or for which there is no cell left: it then takes all it can."""
_CELLS_A_WORKER: Final = 4  # one that was replaced keeps its own until it has ended


class Cells:
    """The cells of one server."""

    def __init__(self, path: Path, workers: int) -> None:
        """Make the table's file. Raises ProcessError."""
        count = _CELLS_A_WORKER * workers
        try:
            self._table = ConnectionTable.create(path, count)
        except OSError as error:
            msg = f"cannot make the table of connections: {error.strerror or error}"
            raise ProcessError(msg) from error
        self._free = list(range(count))

    def lease(self) -> int:
        """Return an empty cell for a new process, or NO_CELL."""
        return self._free.pop(0) if self._free else NO_CELL

    def release(self, cell: int) -> None:
        """Empty the cell of a process that has ended."""
        if cell != NO_CELL:
            self._table.empty(cell)
            self._free.append(cell)
