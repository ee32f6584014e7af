"""Number the statements of a stream without gaps, and chain them: each record names the leaf hash of the one before.

A number is used up when its statement is kept, not when it is drawn. So statements are made within a turn: the numbers
of a turn that fails are given again, and nothing of it was seen by anybody.

    with stream.turn() as turn:
        statement = ... sign a record at turn.place ...
        turn.take(statement, record)

`Stream` remembers in memory: its streams end with the process, and the next one begins others. `StreamFile` remembers
on disk. It keeps the statements of the last turn themselves, not a number: when the program is lost before it has put
them anywhere else, that file can be submitted as it is, and the log has no gap.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from glasslog.cose import split_sequence
from glasslog.errors import MalformedError
from glasslog.records import Record, decode_record
from glasslog.records import Stream as Place
from glasslog.statement import SignedStatement, decode_statement
from glasslog_issuer import files
from glasslog_issuer.errors import StreamError

TURN_STATEMENTS_MAX: Final = 100_000
TURN_BYTES_MAX: Final = 256 * 1_024 * 1_024
"""What one turn may hold: it is kept in memory until it ends, and by a StreamFile on disk until the next one ends."""


class Turn:
    """The statements that are being added to a stream, by one caller at a time."""

    def __init__(self, place: Place) -> None:
        """Begin at a place."""
        self.place = place
        self.statements: list[SignedStatement] = []
        self._bytes = 0

    def take(self, statement: SignedStatement, record: Record) -> None:
        """Take the statement that carries `record`, which stands at `place`, and move on to the next place.

        Raises StreamError for a record of another place, and where the turn would become too large.
        """
        place, found = self.place, record.stream
        if found != place:
            msg = f"expected a record with number {place.seq} of {place.id}, got {found.seq} of {found.id}"
            raise StreamError(msg)
        self._bytes += len(statement.entry)
        if len(self.statements) == TURN_STATEMENTS_MAX or self._bytes > TURN_BYTES_MAX:
            msg = f"expected at most {TURN_STATEMENTS_MAX} statements and {TURN_BYTES_MAX} bytes in one turn"
            raise StreamError(msg)
        self.statements.append(statement)
        self.place = Place(place.id, place.seq + 1, statement.leaf_hash)


class Stream:
    """A stream that is remembered in memory. May be shared by threads: turns come one after the other."""

    def __init__(self, stream_id: str, *, after: SignedStatement | None = None) -> None:
        """Begin at number 0, or after the last statement that there is of the stream."""
        self._place = Place(stream_id, 0)
        self._lock = threading.Lock()
        if after is not None:
            self._place = _place_after(after)
            if self._place.id != stream_id:
                msg = f"expected a statement of the stream {stream_id}, got one of {self._place.id}"
                raise StreamError(msg)

    @property
    def id(self) -> str:
        """Return the stream's id; it is unique among the issuer's streams."""
        return self._place.id

    @property
    def next_seq(self) -> int:
        """Return the number that the next statement gets."""
        return self._place.seq

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Give the next places. The stream moves on when the block ends without an error, and not at all otherwise."""
        with self._lock:
            turn = Turn(self._place)
            yield turn
            if turn.statements:
                self._keep(turn.statements)
                self._place = turn.place

    def _keep(self, statements: list[SignedStatement]) -> None:
        """Keep what the turn has added, before anybody sees it."""


class StreamFile(Stream):
    """A stream that is remembered on disk: the last turn's statements, a CBOR sequence that can be submitted as it is.

    One process at a time may have it open. Each turn costs two synced writes, whatever its length.
    """

    def __init__(self, path: Path, issuer: str, stream_id: str | None = None) -> None:
        """Go on with the stream in a file; where there is no file yet, begin the stream `stream_id`.

        A stream that began must never begin again: two records with one number are evidence of two histories. So keep
        the file, and give a stream that lost it a new id. Raises StreamError for a file that is in use, is not of this
        issuer and stream, or is missing when no id is given.
        """
        self._path = path
        self._issuer = issuer
        self._lock_descriptor = _lock(path)
        try:
            last = _last_statement(path, issuer)
            super().__init__(_stream_id(path, last, stream_id), after=last)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let another process have the file. The stream must not be used any more."""
        os.close(self._lock_descriptor)

    def __enter__(self) -> Self:
        """Return the stream, to be closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _keep(self, statements: list[SignedStatement]) -> None:
        foreign = {statement.issuer for statement in statements} - {self._issuer}
        if foreign:
            msg = f"{self._path}: expected statements of {self._issuer}, got {foreign.pop()}"
            raise StreamError(msg)
        try:
            files.replace(self._path, b"".join(statement.entry for statement in statements), files.PRIVATE_MODE)
        except OSError as error:
            msg = f"{self._path}: cannot keep the stream: {error.strerror}"
            raise StreamError(msg) from error


def _place_after(statement: SignedStatement) -> Place:
    stream = decode_record(statement.payload).stream
    return Place(stream.id, stream.seq + 1, statement.leaf_hash)


def _stream_id(path: Path, last: SignedStatement | None, wanted: str | None) -> str:
    if wanted is not None:
        return wanted
    if last is None:
        msg = f"{path}: expected the file of a stream, got none: name the stream that it shall begin"
        raise StreamError(msg)
    return _place_after(last).id


def _last_statement(path: Path, issuer: str) -> SignedStatement | None:
    try:
        data = files.read(path, TURN_BYTES_MAX)
        statement = decode_statement(split_sequence(data, TURN_STATEMENTS_MAX)[-1])
        decode_record(statement.payload)
    except FileNotFoundError:
        return None
    except OSError as error:
        msg = f"{path}: cannot read the stream: {error.strerror}"
        raise StreamError(msg) from error
    except (MalformedError, ValueError) as error:
        msg = f"{path}: expected the last statements of a stream: {error}"
        raise StreamError(msg) from error
    if statement.issuer != issuer:
        msg = f"{path}: expected a stream of {issuer}, got one of {statement.issuer}"
        raise StreamError(msg)
    return statement


def _lock(path: Path) -> int:
    """Take the lock beside a stream's file, which itself is replaced at every turn; return what holds the lock."""
    lock_path = path.with_name(f"{path.name}.lock")
    try:
        descriptor = os.open(lock_path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, files.PRIVATE_MODE)
    except OSError as error:
        msg = f"{lock_path}: cannot lock the stream: {error.strerror}"
        raise StreamError(msg) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        msg = f"{path}: expected a stream that nobody uses, got one that another process has open"
        raise StreamError(msg) from error
    return descriptor
