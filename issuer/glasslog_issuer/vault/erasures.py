"""Erase a data subject, so that it survives a crash at any point and the log learns of it.

    begin      the request, durably: from here on it will be carried out, after a crash by the next opening
    destroy    the subject's key first, which is what counts; then the keys and ciphertexts of its records, in portions
    scrub      the write-ahead log is emptied: the bytes are in no file any more
    conclude   the time is noted, and what the log is to be told is put into the outbox
    (signing, submitting, confirming: `glasslog_issuer.vault.notices`)

Every step may be repeated. What stays is public: record ids, entry ids, commitments, and when they were erased.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from glasslog.errors import MalformedError
from glasslog.records.custody import ERASED_COMMITMENTS_MAX, ERASURE
from glasslog.records.parts import REFERENCES_MAX
from glasslog.records.schema import SchemaMismatchError
from glasslog_issuer.vault import notices, records
from glasslog_issuer.vault.database import Database, one
from glasslog_issuer.vault.errors import ConflictError, NotKeptError
from glasslog_issuer.vault.sealing import unpack_commitments
from glasslog_issuer.vault.subjects import Subjects

VAULT_STORE: Final = "vault"
"""The name of the vault itself among the stores of an erasure."""
CONFIRMED: Final = "confirmed"
REQUESTED: Final = "requested"
DECISIONS_MAX: Final = 64
"""Up to so many decisions get an erasure record each, filed under it; beyond, one record tells of many at once."""
_PORTION_ROWS: Final = 1_000

Progress = Callable[[int], None]
"""Is told how many records are erased so far."""


@dataclass(frozen=True, slots=True)
class Request:
    """Why a subject is erased: the request's id, its basis, and the other stores that must confirm."""

    request_id: str
    basis: str
    stores: tuple[str, ...]

    def check(self) -> None:
        """Raise MalformedError, naming the field, for what no erasure record could say."""
        stores = (VAULT_STORE, *self.stores)
        if len(stores) > REFERENCES_MAX:
            msg = f"expected at most {REFERENCES_MAX - 1} stores beside the vault, got {len(self.stores)}"
            raise MalformedError(msg)
        targets = [{"at": 0, "state": REQUESTED, "store": store} for store in stores]
        body = {"basis": self.basis, "targets": targets, "request_id": self.request_id, "commitments": [bytes(32)]}
        try:
            ERASURE(body)
        except SchemaMismatchError as error:
            msg = f"erasure {error}"
            raise MalformedError(msg) from error


def begin(connection: sqlite3.Connection, request: Request, subject: int, now_ms: int) -> int:
    """Write down that a subject is going to be erased; return the erasure's number."""
    erasure: int = one(connection, "SELECT coalesce(max(id), 0) + 1 FROM erasures")
    connection.execute(
        "INSERT INTO erasures VALUES (?, ?, ?, ?, ?, NULL)",
        (erasure, request.request_id, request.basis, subject, now_ms),
    )
    stores = [(VAULT_STORE, REQUESTED), *((store, REQUESTED) for store in request.stores)]
    connection.executemany(
        "INSERT INTO erasure_stores VALUES (?, ?, ?, ?, ?)",
        [(erasure, position, store, state, now_ms) for position, (store, state) in enumerate(stores)],
    )
    return erasure


def find(connection: sqlite3.Connection, request: Request) -> int | None:
    """Return the number of an erasure that was begun. Raises ConflictError when it was another under the same id."""
    found = one(connection, "SELECT id, basis FROM erasures WHERE request_id = ?", request.request_id)
    if found is None:
        return None
    erasure, basis = found
    known = {store for (store,) in connection.execute("SELECT store FROM erasure_stores WHERE erasure = ?", (erasure,))}
    if basis != request.basis or known != {VAULT_STORE, *request.stores}:
        msg = f"expected the basis and the stores with which request {request.request_id} was begun, got others"
        raise ConflictError(msg)
    return int(erasure)


def by_request(connection: sqlite3.Connection, request_id: str) -> int:
    """Return the number of an erasure by its request. Raises NotKeptError."""
    erasure = one(connection, "SELECT id FROM erasures WHERE request_id = ?", request_id)
    if erasure is None:
        msg = f"expected an erasure under the request {request_id}, got none"
        raise NotKeptError(msg)
    return int(erasure)


def unfinished(connection: sqlite3.Connection) -> list[int]:
    """Return the erasures that were begun and not carried out."""
    return [erasure for (erasure,) in connection.execute("SELECT id FROM erasures WHERE destroyed_at IS NULL")]


def carry_out(
    database: Database, subjects: Subjects, erasure: int, now_ms: Callable[[], int], progress: Progress
) -> None:
    """Destroy, scrub and conclude. Does nothing for an erasure that was carried out."""
    with database.read() as connection:
        subject, destroyed_at = one(connection, "SELECT subject, destroyed_at FROM erasures WHERE id = ?", erasure)
    if destroyed_at is not None:
        return
    with database.transaction() as connection:
        subjects.destroy(connection, subject)  # a crash after this leaves ciphertexts that nobody can read
    for done in _blank_all(database, erasure, subject):
        progress(done)
    database.scrub()
    with database.transaction() as connection:  # a crash before this repeats the steps above, and changes nothing
        at = now_ms()
        connection.execute("UPDATE erasures SET destroyed_at = ? WHERE id = ?", (at, erasure))
        set_state(connection, erasure, VAULT_STORE, at)
        file_parts(connection, erasure, at)


def _blank_all(database: Database, erasure: int, subject: int) -> Iterator[int]:
    """Blank the rows of a subject in portions, each with the note that it was; yield how many are done."""
    last = done = 0
    while True:
        with database.transaction() as connection:
            rows = records.of_subject(connection, subject, last, _PORTION_ROWS)
            if not rows:
                return
            records.blank(connection, rows)
            note_erased(connection, erasure, rows)
        last, done = rows[-1], done + len(rows)
        yield done


def note_erased(connection: sqlite3.Connection, erasure: int, rows: Sequence[int]) -> None:
    """Keep which records an erasure took."""
    connection.executemany(
        "INSERT INTO erased_records VALUES (?, ?, NULL) ON CONFLICT DO NOTHING", ((row, erasure) for row in rows)
    )


def note_late(connection: sqlite3.Connection, erasure: int, rows: Sequence[int], now_ms: int) -> None:
    """Let an erasure tell the log of rows too that came when its subject was gone already."""
    note_erased(connection, erasure, rows)
    if one(connection, "SELECT destroyed_at FROM erasures WHERE id = ?", erasure) is not None:
        file_parts(connection, erasure, now_ms)


def of_subject(connection: sqlite3.Connection, subject: int) -> int | None:
    """Return the erasure that took a subject, or is about to."""
    erasure: int | None = one(connection, "SELECT id FROM erasures WHERE subject = ?", subject)
    return erasure


def of_row(connection: sqlite3.Connection, row: int, subject: int) -> tuple[int, str] | None:
    """Return when a row was erased, POSIX milliseconds, and by which request; None when no erasure took it.

    A subject whose erasure was begun and not finished counts as erased: its key may be gone.
    """
    query = (
        "SELECT coalesce(destroyed_at, begun_at), request_id FROM erasures "
        "WHERE id = (SELECT erasure FROM erased_records WHERE record = ?) OR subject = ?"
    )
    found: tuple[int, str] | None = one(connection, query, row, subject)
    return found


def set_state(connection: sqlite3.Connection, erasure: int, store: str, at: int) -> bool:
    """Note that a store is done; tell whether that is new. Raises NotKeptError for a store that was not named."""
    state = one(connection, "SELECT state FROM erasure_stores WHERE erasure = ? AND store = ?", erasure, store)
    if state is None:
        msg = f"expected one of the stores that the erasure names, got {store!r:.100}"
        raise NotKeptError(msg)
    if state == CONFIRMED:
        return False
    connection.execute(
        "UPDATE erasure_stores SET state = ?, at = ? WHERE erasure = ? AND store = ?", (CONFIRMED, at, erasure, store)
    )
    return True


def file_parts(connection: sqlite3.Connection, erasure: int, now_ms: int) -> None:
    """Divide what an erasure took into parts, each for one record of the log, and put these into the outbox.

    Few decisions get a part each, so that whoever asks the log for a decision is given its erasure too.
    """
    query = (
        "SELECT records.id, decision, commitments FROM erased_records "
        "JOIN records ON records.id = erased_records.record WHERE erasure = ? AND part IS NULL ORDER BY records.id"
    )
    rows = connection.execute(query, (erasure,)).fetchall()
    decisions = {decision for _, decision, _ in rows}
    alone: Collection[str | None] = decisions if len(decisions) <= DECISIONS_MAX else [None]
    for decision in sorted(alone, key=str):
        chosen = [(row, packed) for row, about, packed in rows if decision is None or about == decision]
        for portion in _portions(chosen):
            part = _file_part(connection, erasure, decision, portion)
            notices.put(connection, erasure, part, now_ms)


def _portions(rows: Sequence[tuple[int, bytes]]) -> Iterator[list[int]]:
    """Yield rows in portions of no more commitments than one erasure record can name."""
    portion: list[int] = []
    count = 0
    for row, packed in rows:
        more = len(unpack_commitments(packed))
        if portion and count + more > ERASED_COMMITMENTS_MAX:
            yield portion
            portion, count = [], 0
        portion.append(row)
        count += more
    if portion:
        yield portion


def _file_part(connection: sqlite3.Connection, erasure: int, decision: str | None, rows: Sequence[int]) -> int:
    part = connection.execute(
        "INSERT INTO erasure_parts (erasure, decision) VALUES (?, ?)", (erasure, decision)
    ).lastrowid
    connection.executemany("UPDATE erased_records SET part = ? WHERE record = ?", ((part, row) for row in rows))
    return int(part or 0)
