"""The outbox of a vault: what the log is to be told about erasures, kept until somebody says that the log has it.

A notice is one `erasure` record to be: a part of an erasure, with the states of all stores as they were when it was put
here. It gets its record id here, so that signing it twice, after a crash in between, says the same thing twice and no
second thing. Signing is the caller's, by a Recording: the vault has no key that signs.
"""

import os
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from glasslog import cbor
from glasslog.errors import MalformedError
from glasslog.statement import SignedStatement, decode_statement
from glasslog_issuer.bodies import Erasure, ErasureTarget
from glasslog_issuer.identifiers import record_id
from glasslog_issuer.vault.database import one
from glasslog_issuer.vault.errors import DamagedError
from glasslog_issuer.vault.sealing import unpack_commitments


@dataclass(frozen=True, slots=True)
class Notice:
    """A record about an erasure that is not signed yet: its number in the outbox, and what `Recording.record` needs."""

    number: int
    record_id: bytes
    decision: str | None
    body: Erasure


def put(connection: sqlite3.Connection, erasure: int, part: int, now_ms: int) -> None:
    """Put into the outbox that a part of an erasure is as far as its stores are now."""
    query = "SELECT store, state, at FROM erasure_stores WHERE erasure = ? ORDER BY position"
    targets = [list(target) for target in connection.execute(query, (erasure,))]
    connection.execute(
        "INSERT INTO erasure_statements (part, record_id, targets) VALUES (?, ?, ?)",
        (part, record_id(now_ms, os.urandom), cbor.encode(targets)),
    )


def put_all(connection: sqlite3.Connection, erasure: int, now_ms: int) -> None:
    """Put every part of an erasure into the outbox, as far as its stores are now."""
    parts = connection.execute("SELECT id FROM erasure_parts WHERE erasure = ? ORDER BY id", (erasure,)).fetchall()
    for (part,) in parts:
        put(connection, erasure, part, now_ms)


def unsigned(connection: sqlite3.Connection, erasure: int | None) -> list[int]:
    """Return the numbers of the notices that nobody signed, of one erasure or of all, oldest first."""
    query = (
        "SELECT erasure_statements.id FROM erasure_statements JOIN erasure_parts ON erasure_parts.id = part "
        "WHERE entry IS NULL AND (? IS NULL OR erasure = ?) ORDER BY erasure_statements.id"
    )
    return [number for (number,) in connection.execute(query, (erasure, erasure))]


def read(connection: sqlite3.Connection, number: int) -> Notice:
    """Return a notice of the outbox. Raises DamagedError."""
    query = (
        "SELECT erasure_statements.record_id, targets, part, decision, request_id, basis FROM erasure_statements "
        "JOIN erasure_parts ON erasure_parts.id = part JOIN erasures ON erasures.id = erasure "
        "WHERE erasure_statements.id = ?"
    )
    identifier, targets, part, decision, request_id, basis = one(connection, query, number)
    body = Erasure(
        request_id=request_id, targets=_targets(targets), basis=basis, commitments=_commitments(connection, part)
    )
    return Notice(number, identifier, decision, body)


def keep_signed(connection: sqlite3.Connection, number: int, statement: SignedStatement) -> None:
    """Keep what a notice was signed as, until it is submitted."""
    connection.execute(
        "UPDATE erasure_statements SET entry = ?, entry_id = ? WHERE id = ?",
        (statement.entry, statement.leaf_hash, number),
    )


def pending(connection: sqlite3.Connection, erasure: int | None) -> tuple[SignedStatement, ...]:
    """Return the signed notices that the log may not have yet, of one erasure or of all, oldest first."""
    query = (
        "SELECT entry FROM erasure_statements JOIN erasure_parts ON erasure_parts.id = part "
        "WHERE entry IS NOT NULL AND submitted_at IS NULL AND (? IS NULL OR erasure = ?) ORDER BY erasure_statements.id"
    )
    try:
        return tuple(decode_statement(entry) for (entry,) in connection.execute(query, (erasure, erasure)))
    except MalformedError as error:
        raise DamagedError("expected signed statements in the outbox, got something else") from error


def submitted(connection: sqlite3.Connection, entry_ids: Collection[bytes], now_ms: int) -> int:
    """Note that the log has entries; return how many of them were pending here."""
    query = "UPDATE erasure_statements SET submitted_at = ? WHERE entry_id = ? AND submitted_at IS NULL"
    return connection.executemany(query, ((now_ms, entry_id) for entry_id in entry_ids)).rowcount


def _commitments(connection: sqlite3.Connection, part: int) -> list[bytes]:
    query = (
        "SELECT commitments FROM erased_records JOIN records ON records.id = erased_records.record "
        "WHERE erased_records.part = ? ORDER BY records.id"
    )
    rows = connection.execute(query, (part,)).fetchall()
    return [digest for (packed,) in rows for digest in unpack_commitments(packed).values()]


def _targets(packed: bytes) -> list[ErasureTarget]:
    try:
        return [ErasureTarget(store=store, state=state, at=at) for store, state, at in cbor.decode(packed)]
    except (MalformedError, TypeError, ValueError) as error:
        raise DamagedError("expected the stores of an erasure, got something else") from error
