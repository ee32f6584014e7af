"""The vault itself: keep what opens the commitments of records, give it out again, and erase it.

    with Vault.open("vault", load_master_key(Path("vault.key"))) as vault:
        vault.keep(signed, "patient 4711")
        vault.disclosures(signed.id, {"output"})
        vault.erase("patient 4711", request_id="dsr-17", basis="gdpr-17-1-b", stores=["backups"], recording=recorder)

One process at a time writes, with any number of threads; others may read. The modules beside this one do the work:
`sealing` (cryptography), `database` (the file), `subjects`, `records`, `erasures`, `notices` (what is in it), `keeping`
and `batches` (the way in), `overview` (what can be said without opening anything).
"""

import os
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Final, Self

from glasslog.commitments import Disclosure
from glasslog.moments import iso_time
from glasslog.statement import SignedStatement
from glasslog_issuer.record import SignedRecord
from glasslog_issuer.recording import Recording
from glasslog_issuer.vault import erasures, notices, overview, records
from glasslog_issuer.vault.database import Database, one
from glasslog_issuer.vault.erasures import Progress, Request
from glasslog_issuer.vault.errors import (
    ConflictError,
    DamagedError,
    ErasedError,
    MasterKeyError,
    NotKeptError,
    VaultError,
)
from glasslog_issuer.vault.keeping import Keeper, changing
from glasslog_issuer.vault.overview import ErasureStatus, Kept, Totals
from glasslog_issuer.vault.sealing import VAULT_ID_BYTES, MasterKeys, RandomBytes, Sealed
from glasslog_issuer.vault.subjects import Subjects

FORMAT: Final = 1


def _posix_ms() -> int:
    return time.time_ns() // 1_000_000


def _unseen(_: int) -> None:
    """Show no progress."""


class Vault:
    """The opened content of records, encrypted by data subject. May be shared by threads."""

    def __init__(
        self, database: Database, keys: MasterKeys, now_ms: Callable[[], int], random_bytes: RandomBytes
    ) -> None:
        """Take an open database; `Vault.open` is the way to call this."""
        self._database = database
        self._subjects = Subjects(keys, random_bytes)
        self._keeper = Keeper(database, self._subjects, now_ms, random_bytes)
        self._now_ms = now_ms

    @classmethod
    def create(cls, path: Path | str, master_key: bytes, *, random_bytes: RandomBytes = os.urandom) -> None:
        """Make an empty vault in a folder of its own, mode 0700. Raises VaultUnavailableError where one is already."""
        folder = Path(path)
        Database.create(folder)
        vault_id = random_bytes(VAULT_ID_BYTES)
        keys = MasterKeys(master_key, vault_id)
        try:
            database = Database(folder)
            try:
                with database.transaction() as connection:
                    connection.execute("INSERT INTO vault VALUES (1, ?, ?, ?, 0)", (FORMAT, vault_id, keys.check))
                    Subjects(keys, random_bytes).make_nobody(connection)
            finally:
                database.close()
        except VaultError:
            Database.discard(folder)
            raise

    @classmethod
    def open(
        cls,
        path: Path | str,
        master_key: bytes,
        *,
        read_only: bool = False,
        now_ms: Callable[[], int] = _posix_ms,
        random_bytes: RandomBytes = os.urandom,
    ) -> Self:
        """Open a vault; what a crash left half done is finished first, unless it is opened to read alone.

        `master_key` has 32 bytes. Raises MasterKeyError for that of another vault, VaultUnavailableError for a vault
        that is not there, or that another process has open for writing, DamagedError.
        """
        database = Database(Path(path), read_only=read_only)
        try:
            vault = cls(database, _keys_of(database, master_key), now_ms, random_bytes)
            if not read_only:
                vault.finish()
        except BaseException:
            database.close()
            raise
        return vault

    def close(self) -> None:
        """Let another process have the vault."""
        self._database.close()

    def __enter__(self) -> Self:
        """Return the vault, to be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    # --------------------------------------------------------------------------------------------------------- keeping

    def keep(self, signed: SignedRecord, subject: str | None) -> None:
        """Keep the disclosures of a record under the key of a subject; they are on disk when this returns.

        `subject` is the vendor's own opaque name of the person whose data the content is, up to 1,024 bytes; None for
        content of nobody, which no erasure reaches. Keeping the same record again changes nothing, and brings nothing
        back that was erased. Threads that wait at the same time share one fsync. Raises ConflictError for another
        record under the same id, CommitmentError, VaultUnavailableError.
        """
        self._keeper.keep([(signed, subject)])

    def keep_many(self, items: Iterable[tuple[SignedRecord, str | None]]) -> None:
        """Keep records in one commit: all of them, or none. Otherwise as `keep`."""
        self._keeper.keep(items)

    def seal(self, signed: SignedRecord, subject: str | None) -> bytes | None:
        """Return the disclosures as nobody but this vault can read them, for a caller that keeps them until it does.

        None for a record that has none. Costs no I/O for a subject that was seen lately; the key of a new one is
        committed first, so that it is in the vault alone. The bytes are to be given to `keep_sealed`. What is sealed
        when the subject is erased is erased with it.
        """
        return self._keeper.seal(signed, subject)

    def keep_sealed(self, blobs: Iterable[bytes]) -> None:
        """Keep what `seal` returned, in one commit. Otherwise as `keep`; raises MalformedError for other bytes."""
        self._keeper.keep_sealed(blobs)

    def following(self, stream: str, seq: int) -> tuple[bytes, ...]:
        """Return the ids of the records kept that stand in a stream at `seq` or behind it.

        After a crash, these are the records that were kept and never recorded anywhere else: `discard` them.
        """
        with self._database.read() as connection:
            return tuple(records.after(connection, stream, seq))

    def discard(self, record_ids: Iterable[bytes]) -> None:
        """Destroy the disclosures of records that the log never sees. No erasure record tells of them."""
        with self._database.transaction() as connection:
            found = [records.by_record(connection, record_id) for record_id in record_ids]
            records.blank(connection, [row for row, _ in filter(None, found)])
        self._database.scrub()

    # --------------------------------------------------------------------------------------------------------- opening

    def disclosures(self, record_id: bytes, names: Collection[str] | None = None) -> tuple[Disclosure, ...]:
        """Return what opens the commitments of a record: all of them, or those of the names given.

        Raises ErasedError with the date, NotKeptError for a record or a name that is not here, DamagedError.
        """
        with self._database.read() as connection:
            found = records.by_record(connection, record_id)
            if found is None:
                msg = f"expected disclosures of the record {record_id.hex()}, got none"
                raise NotKeptError(msg)
            row, sealed = found
            _check_readable(erasures.of_row(connection, row, sealed.subject), sealed)
            subject_key = self._subjects.key(connection, sealed.subject)
        if subject_key is None:
            msg = f"expected a key that opens the record {record_id.hex()}, got none"
            raise DamagedError(msg)
        return _chosen(sealed.open(subject_key), names)

    def find(self, decision: str) -> list[bytes]:
        """Return the ids of the records kept about a decision, by its URN, in the order in which they came."""
        return [kept.record_id for kept in self.kept(decision)]

    def kept(self, decision: str) -> tuple[Kept, ...]:
        """Return what is kept about a decision, without opening it: names, commitments, and what was erased."""
        with self._database.read() as connection:
            return tuple(overview.kept(connection, row) for row in records.by_decision(connection, decision))

    def kept_entry(self, entry_id: bytes) -> Kept:
        """Return what is kept of a log entry's record, without opening it. Raises NotKeptError."""
        with self._database.read() as connection:
            row = records.by_entry(connection, entry_id)
            if row is None:
                msg = f"expected disclosures of the entry {entry_id.hex()}, got none"
                raise NotKeptError(msg)
            return overview.kept(connection, row)

    def totals(self) -> Totals:
        """Return how much is in the vault."""
        with self._database.read() as connection:
            return overview.totals(connection)

    # --------------------------------------------------------------------------------------------------------- erasing

    def erase(
        self,
        subject: str,
        *,
        request_id: str,
        basis: str,
        recording: Recording,
        stores: Iterable[str] = (),
        progress: Progress = _unseen,
    ) -> tuple[SignedStatement, ...]:
        """Destroy what is kept of a subject, and record that; return the erasure's statements for the log.

        `request_id` and `basis` are identifiers (`dsr-2025-0044`, `gdpr-17-1-b`) that stand in the log; `stores` are
        the other places that hold the content and must `confirm`. The request is on disk before anything is destroyed:
        after a crash, the next opening destroys what is left, and calling this again with the same request records it.
        The statements stay in the vault's outbox until `submitted` says that the log has them, or the recording does.
        Raises NotKeptError for a subject that is not here, ConflictError, MalformedError for what no record can say.
        """
        request = Request(request_id, basis, tuple(stores))
        request.check()
        erasure = self._begin(request, subject)
        erasures.carry_out(self._database, self._subjects, erasure, self._now_ms, progress)
        return self._record(recording, erasure)

    def confirm(self, request_id: str, store: str, *, recording: Recording) -> tuple[SignedStatement, ...]:
        """Record that another store has erased what a request named; return the statements, as `erase` does.

        Confirming twice records once. Raises NotKeptError for a request or a store that is not known.
        """
        with self._database.transaction() as connection:
            erasure = erasures.by_request(connection, request_id)
            at = self._now_ms()
            if erasures.set_state(connection, erasure, store, at):
                notices.put_all(connection, erasure, at)
        return self._record(recording, erasure)

    def pending(
        self, recording: Recording | None = None, *, request_id: str | None = None
    ) -> tuple[SignedStatement, ...]:
        """Return the statements about erasures, or about one of them, that the log may not have.

        With a recording, what nobody has signed yet is signed.
        """
        with self._database.read() as connection:
            erasure = erasures.by_request(connection, request_id) if request_id is not None else None
        if recording is not None:
            return self._record(recording, erasure)
        with self._database.read() as connection:
            return notices.pending(connection, erasure)

    def submitted(self, entry_ids: Iterable[bytes]) -> int:
        """Note that the log has entries, or that a durable spool will bring them; return how many were pending."""
        with self._database.transaction() as connection:
            return notices.submitted(connection, tuple(entry_ids), self._now_ms())

    def erasures(self, *, only_open: bool = False) -> tuple[ErasureStatus, ...]:
        """Return the erasures, oldest first: all, or those that a store or the log has not confirmed yet."""
        with self._database.read() as connection:
            found = overview.statuses(connection)
        return tuple(status for status in found if status.is_open or not only_open)

    def _begin(self, request: Request, subject: str) -> int:
        with self._database.transaction() as connection:
            erasure = erasures.find(connection, request)
            if erasure is not None:
                return erasure
            row = self._subjects.find(connection, subject)
            if row is None:
                raise NotKeptError("expected a subject that the vault has, got one that it has not")
            if erasures.of_subject(connection, row) is not None:
                raise ConflictError("expected one request at a time to erase a subject, got a second one")
            return erasures.begin(connection, request, row, self._now_ms())

    def _record(self, recording: Recording, erasure: int | None) -> tuple[SignedStatement, ...]:
        """Sign what is in the outbox and return it with what was signed before."""
        with self._database.read() as connection:
            numbers = notices.unsigned(connection, erasure)
        for number in numbers:
            with self._database.read() as connection:
                notice = notices.read(connection, number)
            signed = recording.record(notice.body, decision=notice.decision, id=notice.record_id)
            with self._database.transaction() as connection:  # after a crash before this, it is signed again, same id
                notices.keep_signed(connection, number, signed.statement)
        with self._database.read() as connection:
            return notices.pending(connection, erasure)

    # -------------------------------------------------------------------------------------------------------- upkeep

    def finish(self) -> None:
        """Finish what was begun: erasures, and a compaction. `open` does this."""
        with self._database.read() as connection:
            begun = erasures.unfinished(connection)
            rebuilding = one(connection, "SELECT rebuilding FROM vault")
        for erasure in begun:
            erasures.carry_out(self._database, self._subjects, erasure, self._now_ms, _unseen)
        if rebuilding:
            self._rebuild()

    def rekey(self, master_key: bytes, progress: Progress = _unseen) -> None:
        """Wrap the keys of all subjects by another master key.

        From then on the old one opens no copy of the vault but those made before: without it, these are as good as
        erased. `progress` is told how many subjects are done. One commit: after a crash the one key fits or the other.
        """
        with changing(self._database, self._subjects) as connection:
            keys = MasterKeys(master_key, one(connection, "SELECT vault_id FROM vault"))
            for done in self._subjects.rewrap(connection, keys):
                progress(done)
            connection.execute("UPDATE vault SET key_check = ?", (keys.check,))
            self._subjects.adopt(keys)
        self._database.scrub()

    def compact(self) -> int:
        """Give back the room of what was erased, and write the file anew; return how many records gave up theirs.

        Needs as much free room as the vault has bytes, for as long as it runs.
        """
        with self._database.transaction() as connection:
            shrunk = records.shrink(connection)
            connection.execute("UPDATE vault SET rebuilding = 1")
        self._rebuild()
        return shrunk

    def _rebuild(self) -> None:
        self._database.rebuild()
        with self._database.transaction() as connection:
            connection.execute("UPDATE vault SET rebuilding = 0")
        self._database.scrub()


def _keys_of(database: Database, master_key: bytes) -> MasterKeys:
    """Return the keys that are derived from the master key, after a look at whether it is the vault's."""
    with database.read() as connection:
        found = one(connection, "SELECT format, vault_id, key_check FROM vault")
    if found is None or found[0] != FORMAT:
        got = found[0] if found is not None else "one that was not finished"
        msg = f"{database.folder}: expected a vault of format {FORMAT}, got {got}"
        raise DamagedError(msg)
    keys = MasterKeys(master_key, found[1])
    if keys.check != found[2]:
        msg = f"{database.folder}: expected the master key of this vault, got another"
        raise MasterKeyError(msg)
    return keys


def _check_readable(erasure: tuple[int, str] | None, sealed: Sealed) -> None:
    """Raise ErasedError, or NotKeptError for what was discarded."""
    if erasure is not None:
        at, request_id = erasure
        msg = f"the content of record {sealed.record_id.hex()} was erased on {iso_time(at)} (request {request_id})"
        raise ErasedError(msg, at=at, request_id=request_id)
    if sealed.is_blank:
        msg = f"expected disclosures of the record {sealed.record_id.hex()}, got a record that was discarded"
        raise NotKeptError(msg)


def _chosen(disclosures: tuple[Disclosure, ...], names: Collection[str] | None) -> tuple[Disclosure, ...]:
    """Return the disclosures of some names. Raises NotKeptError for a name that is not there."""
    if names is None:
        return disclosures
    missing = set(names) - {disclosure.name for disclosure in disclosures}
    if missing:
        msg = f"expected commitments that the record has, got {', '.join(sorted(missing))[:200]}"
        raise NotKeptError(msg)
    return tuple(disclosure for disclosure in disclosures if disclosure.name in names)
