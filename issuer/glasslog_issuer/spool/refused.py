"""Put aside the records that a log refused: nothing that was signed is thrown away.

One statement, one file, `<number>.cose`, with what the log said in `<number>.json` beside it. The statement is what
`glasslog-issuer submit` takes, and can be sent again when the reason is gone (a key that was not registered yet): its
number is still its own, so that it closes the gap that it left.
"""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from glasslog.limits import STATEMENT_BYTES_MAX
from glasslog_issuer import files
from glasslog_issuer.errors import RefusedError, SpoolDamagedError, SpoolError

_REASON_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """A record that the log refused: its number, why (title and detail of the log's problem, its code), and when."""

    seq: int
    title: str
    detail: str
    reason: str
    at_ms: int
    entry: bytes = field(repr=False)


class RefusedFolder:
    """The refused records of a spool. `count` and `bytes` say how many there are, and of how many bytes."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; it is made when it is needed."""
        self._folder = folder
        sizes = [path.stat().st_size for path in folder.glob("*.cose")]
        self.count = len(sizes)
        self.bytes = sum(sizes)

    def put(self, seq: int, entry: bytes, error: RefusedError) -> None:
        """Put a record aside; it is on disk when this returns. Putting it twice changes nothing. Raises SpoolError."""
        at_ms = time.time_ns() // 1_000_000
        fields = {"title": error.title, "detail": error.detail, "reason": error.reason, "at_ms": at_ms}
        path = self._path(seq)
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            is_new = not path.exists()
            files.replace(path.with_suffix(".json"), json.dumps(fields).encode(), files.PRIVATE_MODE)
            files.replace(path, entry, files.PRIVATE_MODE)
            files.sync_folder(self._folder.parent)
        except OSError as cause:
            msg = f"{path}: cannot put aside a refused record: {cause.strerror}"
            raise SpoolError(msg) from cause
        if is_new:
            self.count += 1
            self.bytes += len(entry)

    def all(self) -> list[RefusedRecord]:
        """Return the refused records, by number. Raises SpoolError, SpoolDamagedError."""
        return [self._read(path) for path in sorted(self._folder.glob("*.cose"))]

    def remove(self, record: RefusedRecord) -> None:
        """Forget a record that the log has taken after all. Raises SpoolError."""
        path = self._path(record.seq)
        try:
            path.unlink()
            path.with_suffix(".json").unlink(missing_ok=True)
        except OSError as error:
            msg = f"{path}: cannot remove: {error.strerror}"
            raise SpoolError(msg) from error
        self.count -= 1
        self.bytes -= len(record.entry)

    def _path(self, seq: int) -> Path:
        return self._folder / f"{seq:020d}.cose"

    def _read(self, path: Path) -> RefusedRecord:
        try:
            entry = files.read(path, STATEMENT_BYTES_MAX)
            said = json.loads(files.read(path.with_suffix(".json"), _REASON_BYTES_MAX))
            return RefusedRecord(int(path.stem), entry=entry, **said)
        except OSError as error:
            msg = f"{path}: cannot read a refused record: {error.strerror}"
            raise SpoolError(msg) from error
        except (ValueError, TypeError) as error:
            msg = f"{path}: expected a refused record and what the log said about it: {error}"
            raise SpoolDamagedError(msg) from error
