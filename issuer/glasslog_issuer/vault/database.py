"""The file of the vault: an SQLite database that forgets what it is told to forget.

    vault/            mode 0700
      vault.sqlite    mode 0600, as are the files that SQLite keeps beside it while the vault is open
      lock            held by the one process that may write

Deleting a row from a database leaves its bytes in free space, in old pages of the write-ahead log, and, where SQLite
moves rows between pages, in gaps of pages that are in use, which `secure_delete` does not reach. So nothing that can be
opened is ever deleted here: it is overwritten by zeros of the same size, which SQLite does in place, on the page where
it is. `scrub` then empties the write-ahead log, the only other place with older bytes. Rows are only ever added at the
end of their tables, so none is moved from page to page; `rebuild` writes the file anew where that was not so.

A commit is on disk when it returns (synchronous=FULL: one fsync of the write-ahead log).
"""

import fcntl
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from glasslog_issuer import files
from glasslog_issuer.vault.errors import ConflictError, DamagedError, VaultError, VaultUnavailableError

FILE_NAME: Final = "vault.sqlite"
LOCK_NAME: Final = "lock"
FOLDER_MODE: Final = 0o700
BUSY_TIMEOUT_S: Final = 10.0
"""How long a write or a scrub waits for readers in other processes."""
WAL_PAGES: Final = 4_000
"""How long the write-ahead log grows before its pages go to their places: 16 MB. Longer is cheaper a commit."""
_OPEN_TO_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO

_TABLES: Final = """
CREATE TABLE vault (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    format INTEGER NOT NULL,
    vault_id BLOB NOT NULL,
    key_check BLOB NOT NULL,
    rebuilding INTEGER NOT NULL
);
CREATE TABLE subjects (
    id INTEGER PRIMARY KEY,
    tag BLOB NOT NULL UNIQUE,
    key_box BLOB NOT NULL,
    name_box BLOB NOT NULL
);
CREATE TABLE records (
    id INTEGER PRIMARY KEY,
    record_id BLOB NOT NULL UNIQUE,
    entry_id BLOB NOT NULL,
    decision TEXT NOT NULL,
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    commitments BLOB NOT NULL,
    subject INTEGER NOT NULL,
    key_box BLOB NOT NULL,
    box BLOB NOT NULL
);
CREATE INDEX records_by_entry ON records (entry_id);
CREATE INDEX records_by_decision ON records (decision);
CREATE INDEX records_by_stream ON records (stream, seq);
CREATE INDEX records_by_subject ON records (subject);
CREATE TABLE erasures (
    id INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL UNIQUE,
    basis TEXT NOT NULL,
    subject INTEGER NOT NULL,
    begun_at INTEGER NOT NULL,
    destroyed_at INTEGER
);
CREATE INDEX erasures_by_subject ON erasures (subject);
CREATE TABLE erasure_stores (
    erasure INTEGER NOT NULL,
    position INTEGER NOT NULL,
    store TEXT NOT NULL,
    state TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (erasure, store)
);
CREATE TABLE erasure_parts (
    id INTEGER PRIMARY KEY,
    erasure INTEGER NOT NULL,
    decision TEXT
);
CREATE INDEX erasure_parts_by_erasure ON erasure_parts (erasure);
CREATE TABLE erased_records (
    record INTEGER PRIMARY KEY,
    erasure INTEGER NOT NULL,
    part INTEGER
);
CREATE INDEX erased_records_by_part ON erased_records (part, erasure);
CREATE TABLE erasure_statements (
    id INTEGER PRIMARY KEY,
    part INTEGER NOT NULL,
    record_id BLOB NOT NULL,
    targets BLOB NOT NULL,
    entry BLOB,
    entry_id BLOB,
    submitted_at INTEGER
);
CREATE INDEX erasure_statements_by_entry ON erasure_statements (entry_id);
CREATE INDEX erasure_statements_by_part ON erasure_statements (part);
"""


class Database:
    """The open file. Shared by threads: one at a time, who has the `turn`, is inside `transaction` or `read`."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        """Open the vault in a folder; to write, take its lock. Raises VaultUnavailableError."""
        self.folder = folder
        self.read_only = read_only
        self.turn = threading.RLock()
        self._lock_descriptor: int | None = None
        _check_private(folder)
        if not (folder / FILE_NAME).is_file():
            msg = f"{folder}: expected a vault, got a folder without {FILE_NAME}: make one with `vault init`"
            raise VaultUnavailableError(msg)
        try:
            if not read_only:
                self._lock_descriptor = _lock(folder)
            with _storage_errors(folder):
                self._connection = _connect(folder / FILE_NAME, read_only=read_only)
        except BaseException:
            self._unlock()
            raise

    @classmethod
    def create(cls, folder: Path) -> None:
        """Make a folder with an empty database. Raises VaultUnavailableError, also when there is one already."""
        try:
            folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            _check_private(folder)
            files.create(folder / FILE_NAME, b"", files.PRIVATE_MODE)
        except FileExistsError as error:
            msg = f"{folder}: expected no vault there yet, got one"
            raise VaultUnavailableError(msg) from error
        except OSError as error:
            msg = f"{folder}: cannot make a vault: {error.strerror}"
            raise VaultUnavailableError(msg) from error
        try:
            database = cls(folder)
            try:
                with _storage_errors(folder):
                    database._connection.executescript(f"BEGIN IMMEDIATE;{_TABLES}COMMIT;")
            finally:
                database.close()
        except VaultError:
            cls.discard(folder)
            raise

    @staticmethod
    def discard(folder: Path) -> None:
        """Remove a database whose making has failed, so that it can be made again. Nothing was ever kept in it."""
        for suffix in ("", "-wal", "-shm"):
            (folder / f"{FILE_NAME}{suffix}").unlink(missing_ok=True)

    def close(self) -> None:
        """Empty the write-ahead log, close the file, let another process have it."""
        with self.turn, _storage_errors(self.folder):
            try:
                self._connection.close()
            finally:
                self._unlock()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Read one state of the vault. Raises VaultUnavailableError, DamagedError."""
        with self.turn, _storage_errors(self.folder):
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                self._connection.rollback()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Change the vault: everything in the block is on disk when it ends, or nothing is, when it raises."""
        if self.read_only:
            msg = f"{self.folder}: expected a vault that is open for writing, got one open for reading"
            raise VaultUnavailableError(msg)
        with self.turn, _storage_errors(self.folder):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.commit()
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.rollback()
                raise

    def scrub(self) -> None:
        """Bring every page to its place and empty the write-ahead log: overwritten bytes are gone from all files.

        Raises VaultUnavailableError when a reader in another process does not let go of an older state in time.
        """
        with self.turn, _storage_errors(self.folder):
            [busy, _, _] = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            msg = f"{self.folder}: expected to empty the write-ahead log, but another process is reading: try again"
            raise VaultUnavailableError(msg)

    def rebuild(self) -> None:
        """Write the whole file anew, without free space. Needs as much room again, in the vault's own folder."""
        with self.turn, _storage_errors(self.folder), _temporary_files_in(self.folder):
            self._connection.execute("PRAGMA temp_store = FILE")
            try:
                self._connection.execute("VACUUM")
            finally:
                self._connection.execute("PRAGMA temp_store = MEMORY")
        self.scrub()

    def _unlock(self) -> None:
        if self._lock_descriptor is not None:
            os.close(self._lock_descriptor)
            self._lock_descriptor = None


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?mode={'ro' if read_only else 'rw'}"
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_S, cached_statements=256
    )
    try:
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA trusted_schema = OFF")
        if not read_only:
            _configure(connection, path)
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _configure(connection: sqlite3.Connection, path: Path) -> None:
    """Set what durability and forgetting stand on, and see that SQLite took it."""
    [journal] = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.execute("PRAGMA synchronous = FULL")
    [secure] = connection.execute("PRAGMA secure_delete = ON").fetchone()
    [synchronous] = connection.execute("PRAGMA synchronous").fetchone()
    if (journal, secure, synchronous) != ("wal", 1, 2):
        msg = f"{path}: expected SQLite to keep a write-ahead log, to sync it and to overwrite what is deleted"
        raise VaultUnavailableError(msg)
    connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Let SQLite put its temporary copy of the vault beside the vault, not into a folder that others share."""
    before = os.environ.get("SQLITE_TMPDIR")
    os.environ["SQLITE_TMPDIR"] = str(folder.absolute())
    try:
        yield
    finally:
        if before is None:
            del os.environ["SQLITE_TMPDIR"]
        else:
            os.environ["SQLITE_TMPDIR"] = before


@contextmanager
def _storage_errors(folder: Path) -> Iterator[None]:
    """Turn SQLite's errors into the vault's."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        msg = f"{folder}: expected every id once, got {error}"
        raise ConflictError(msg) from error
    except (sqlite3.OperationalError, sqlite3.ProgrammingError) as error:  # no room, no rights, closed already
        msg = f"{folder}: cannot use the vault: {error}"
        raise VaultUnavailableError(msg) from error
    except sqlite3.DatabaseError as error:
        msg = f"{folder}: expected the file of a vault: {error}"
        raise DamagedError(msg) from error


def _check_private(folder: Path) -> None:
    try:
        mode = stat.S_IMODE(folder.stat().st_mode)
    except OSError as error:
        msg = f"{folder}: expected the folder of a vault: {error.strerror}"
        raise VaultUnavailableError(msg) from error
    if mode & _OPEN_TO_OTHERS:
        msg = f"{folder}: expected a folder that its owner alone can enter, got mode {mode:04o}: run chmod 700 {folder}"
        raise VaultUnavailableError(msg)


def _lock(folder: Path) -> int:
    try:
        descriptor = os.open(folder / LOCK_NAME, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, files.PRIVATE_MODE)
    except OSError as error:
        msg = f"{folder}: cannot lock the vault: {error.strerror}"
        raise VaultUnavailableError(msg) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        msg = f"{folder}: expected a vault that nobody writes to, got one that another process has open"
        raise VaultUnavailableError(msg) from error
    return descriptor


def one(connection: sqlite3.Connection, query: str, *values: Any) -> Any:  # noqa: ANN401  a row, or its only column
    """Return the first row of a query, its value when it has one column, None when there is no row."""
    row = connection.execute(query, values).fetchone()
    return row[0] if row is not None and len(row) == 1 else row
