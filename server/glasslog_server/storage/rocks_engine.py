"""Call RocksDB, and be the only place that does: bytes in, bytes or a typed error out.

The wrapper raises a plain Exception for everything, and its convenient iterators end early and in silence at a
corrupt block: here every call is translated and every scan asks for its status. Nothing here knows what a row means.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self, cast

from rocksdict import AccessType, DbClosedError, Rdict, WriteBatch

from glasslog_server.errors import (
    StoreClosedError,
    StoreCorruptError,
    StoreError,
    StoreExistsError,
    StoreFormatError,
    StoreLockedError,
    StoreMissingError,
)
from glasslog_server.storage.disk import sync_folder
from glasslog_server.storage.rocks_options import FAMILIES, StoreOptions, store_options

_EXISTS_FILE: Final = "CURRENT"  # RocksDB's pointer to its manifest: the last file that a creation writes
_LOCKED_TEXTS: Final = ("lock hold by current process", "While lock file")
_LOCKED_REASON: Final = "its lock is held, most likely by a server that runs this log"
_FILE_BYTES: Final = "rocksdb.total-sst-files-size"
_OWNER: Final = AccessType.read_write()
_MANY: Final = 4  # keys from which on one call for all is faster than a call for each
_CORRUPT_TEXT: Final = "Corruption"
_OLD_TEXT: Final = "Column family not found"
_OLD_REASON: Final = (
    "it lacks the column families of this format: use the release that wrote it or, if its creation was interrupted, "
    "remove it and create it anew"
)
_REASONS: Final[Mapping[type[StoreError], str]] = {StoreLockedError: _LOCKED_REASON, StoreFormatError: _OLD_REASON}


class RocksEngine:
    """Hold one open database. Not for use by several threads at once, but that `sync` may run beside reads."""

    __slots__ = ("_db", "_families", "_path")

    def __init__(self, path: Path, options: StoreOptions, access: AccessType | None = None) -> None:
        """Open what `create` or `open` has decided on."""
        self._path = path
        with _typed(f"open the store at {path}"):
            families = dict(options.families)
            self._db = Rdict(str(path), options.database, column_families=families, access_type=access or _OWNER)
            self._families = {kind: self._db.get_column_family(name) for kind, name in FAMILIES.items()}

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make a database in a folder that has none. Raises StoreExistsError, StoreError."""
        with _typed(f"look for a store at {path}"):
            exists = (path / _EXISTS_FILE).exists()
        if exists:
            msg = f"expected no store at {path}, got one: it is never overwritten, choose another folder"
            raise StoreExistsError(msg)
        engine = cls(path, store_options(create=True))
        with _typed(f"make the new folder {path} durable"):
            sync_folder(path.resolve().parent)
        return engine

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the database in a folder; nothing is written where there is none.

        Raises StoreMissingError, StoreLockedError, StoreError; StoreCorruptError when its write-ahead log is damaged in
        more than a torn last record.
        """
        with _typed(f"look for a store at {path}"):
            exists = (path / _EXISTS_FILE).exists()
        if not exists:
            msg = (
                f"expected a store at {path}, got none: check the path, or create a new log with `glasslog-server init`"
            )
            raise StoreMissingError(msg)
        return cls(path, store_options(create=False))

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a row, or None."""
        with _typed("read a row"):
            return cast("bytes | None", self._family(key).get(key))

    def get_many(self, wanted: Sequence[bytes]) -> list[bytes | None]:
        """Return the value of each row, or None. All are of one kind: their keys begin with the same byte."""
        if not wanted:
            return []
        with _typed("read rows"):
            family = self._family(wanted[0])
            if len(wanted) < _MANY:
                return [cast("bytes | None", family.get(key)) for key in wanted]
            return cast("list[bytes | None]", family.get(list(wanted)))

    def scan(self, prefix: bytes, start: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows whose keys begin with `prefix`, from the key `start` on, in the order of keys.

        The database stays open as long as the scan is referred to.
        """
        with _typed("scan rows"):
            rows = self._family(prefix).iter()
            rows.seek(start)
            while rows.valid():
                key: bytes = rows.key()
                if not key.startswith(prefix):
                    return
                yield key, rows.value()
                rows.next()
            rows.status()

    def last(self, prefix: bytes, end: bytes) -> bytes | None:
        """Return the value of the last row whose key begins with `prefix` and is not above `end`, or None."""
        with _typed("read the last row"):
            rows = self._family(prefix).iter()
            rows.seek_for_prev(end)
            if rows.valid():
                value: bytes = rows.value()
                return value if rows.key().startswith(prefix) else None
            rows.status()
            return None

    def write(self, puts: Iterable[tuple[bytes, bytes]], deletes: Iterable[bytes] = ()) -> None:
        """Write rows as one atomic step. They are on disk, whatever happens, only after the next `sync`."""
        with _typed("write a batch"):
            batch = WriteBatch(raw_mode=True)
            handles = {kind: self._db.get_column_family_handle(name) for kind, name in FAMILIES.items()}
            put, handle = batch.put, handles.get
            try:
                for key, value in puts:
                    put(key, value, handle(key[0]))
                for key in deletes:
                    batch.delete(key, handle(key[0]))
                self._db.write(batch)
            finally:
                handles.clear()  # an error refers to this frame, and a handle keeps the database open

    def sync(self) -> None:
        """Bring everything written so far to the disk. Blocks for milliseconds, without the interpreter's lock."""
        with _typed("sync the write-ahead log"):
            self._db.flush_wal(True)

    def flush(self) -> None:
        """Write the memtables to table files."""
        with _typed("flush the memtables"):
            self._db.flush(True)
            for family in self._families.values():
                family.flush(True)

    def file_bytes(self, kind: bytes) -> int:
        """Return the bytes on disk of the rows of one kind, and of those that share their family; without newest rows.

        `kind` is the first byte of their keys.
        """
        with _typed("measure the files"):
            return int(self._family(kind).property_int_value(_FILE_BYTES) or 0)

    def close(self) -> None:
        """Close the database and let go of its lock; blocks while the memtable is written out."""
        with _typed(f"close the store at {self._path}"), contextlib.ExitStack() as closing:
            closing.callback(self._db.close)
            for family in self._families.values():
                closing.callback(family.close)  # the database stays open as long as one of its families does

    def _family(self, key: bytes) -> Rdict:
        """Return where the row of a key is."""
        return self._families.get(key[0], self._db)


@contextmanager
def _typed(action: str) -> Iterator[None]:
    """Turn what the wrapper or the file system raises into our errors."""
    try:
        yield
    except DbClosedError as error:
        msg = f"could not {action}: the store is closed"
        raise StoreClosedError(msg) from error
    except Exception as error:
        error_class = _error_class(str(error))
        reason = _REASONS.get(error_class, error)
        raise error_class(f"could not {action}: {reason}") from error


def _error_class(text: str) -> type[StoreError]:
    if any(locked in text for locked in _LOCKED_TEXTS):
        return StoreLockedError
    if _OLD_TEXT in text:
        return StoreFormatError
    return StoreCorruptError if _CORRUPT_TEXT in text else StoreError
