"""The data subjects of a vault: finding one by name, making one, and destroying its key.

A subject is a row with a keyed hash of its name, its key wrapped by the master key, and its name encrypted under its
own key. Row 1 is nobody: its key wraps those of records without a subject, and is never destroyed.
"""

import sqlite3
from collections.abc import Iterator
from typing import Final

from glasslog_issuer.vault.database import one
from glasslog_issuer.vault.errors import DamagedError
from glasslog_issuer.vault.sealing import KEY_BYTES, ZERO_KEY_BOX, MasterKeys, RandomBytes, close_name, open_name

NOBODY: Final = 1
NAME_BYTES_MAX: Final = 1_024
_CACHED_MAX: Final = 16_384  # keys kept in memory: 3 MB


class Subjects:
    """Look subjects up within a transaction of the caller. The keys of those seen last are remembered."""

    def __init__(self, keys: MasterKeys, random_bytes: RandomBytes) -> None:
        """Take the keys that are derived from the master key."""
        self.keys = keys
        self._random_bytes = random_bytes
        self._known: dict[str | None, tuple[int, bytes]] = {}

    def known(self, name: str | None) -> tuple[int, bytes] | None:
        """Return row and key of a subject that was seen lately, from memory. Any thread may ask."""
        return self._known.get(name)

    def forget(self) -> None:
        """Remember no key: what is in the database may be another state than what was seen."""
        self._known = {}

    def adopt(self, keys: MasterKeys) -> None:
        """Go on with the keys of this master key."""
        self.keys = keys
        self.forget()

    def take(self, connection: sqlite3.Connection, name: str | None) -> tuple[int, bytes]:
        """Return row and key of a subject; make it when it is new. Raises DamagedError, ValueError for no name."""
        known = self._known.get(name)
        if known is None:
            known = self._find(connection, name) or self._make(connection, name)
            if len(self._known) >= _CACHED_MAX:
                self._known.pop(next(iter(self._known)))
            self._known[name] = known
        return known

    def make_nobody(self, connection: sqlite3.Connection) -> None:
        """Make the row of records that have no subject, in an empty vault."""
        key = self._random_bytes(KEY_BYTES)
        self._insert(connection, NOBODY, self._random_bytes(KEY_BYTES), key, b"")

    def find(self, connection: sqlite3.Connection, name: str) -> int | None:
        """Return the row of a subject that is there."""
        row: int | None = one(connection, "SELECT id FROM subjects WHERE tag = ?", self.keys.tag(checked_name(name)))
        return row

    def key(self, connection: sqlite3.Connection, subject: int) -> bytes | None:
        """Return the key of a row, None when it was destroyed. Raises DamagedError."""
        key_box = one(connection, "SELECT key_box FROM subjects WHERE id = ?", subject)
        if key_box is None:
            msg = f"expected subject {subject} in the vault, got none"
            raise DamagedError(msg)
        return self.keys.unwrap_subject_key(subject, key_box) if any(key_box) else None

    def destroy(self, connection: sqlite3.Connection, subject: int) -> None:
        """Overwrite key, name and hash of a subject, each by as many bytes, so that they go where they are."""
        connection.execute(
            "UPDATE subjects SET tag = ?, key_box = ?, name_box = zeroblob(length(name_box)) WHERE id = ?",
            (_dead_tag(subject), ZERO_KEY_BOX, subject),
        )
        self.forget()

    def rewrap(self, connection: sqlite3.Connection, new: MasterKeys) -> Iterator[int]:
        """Wrap every key by another master key, yielding how many are done. The old one is needed for it once more."""
        rows = connection.execute("SELECT id, key_box, name_box FROM subjects ORDER BY id").fetchall()
        for number, (subject, key_box, name_box) in enumerate(rows, start=1):
            if any(key_box):
                key = self.keys.unwrap_subject_key(subject, key_box)
                tag = new.tag(open_name(name_box, key)) if name_box else self._random_bytes(KEY_BYTES)
                wrapped = new.wrap_subject_key(subject, key, self._random_bytes)
                connection.execute(
                    "UPDATE subjects SET tag = ?, key_box = ? WHERE id = ?",
                    (tag, wrapped, subject),
                )
            yield number

    def _find(self, connection: sqlite3.Connection, name: str | None) -> tuple[int, bytes] | None:
        subject = NOBODY if name is None else self.find(connection, name)
        if subject is None:
            return None
        key = self.key(connection, subject)
        if key is None:
            msg = f"expected a key for subject {subject}, got none"
            raise DamagedError(msg)
        return subject, key

    def _make(self, connection: sqlite3.Connection, name: str | None) -> tuple[int, bytes]:
        if name is None:
            raise DamagedError("expected the key of records without a subject in the vault, got none")
        key = self._random_bytes(KEY_BYTES)
        subject = one(connection, "SELECT max(id) FROM subjects") + 1
        self._insert(connection, subject, self.keys.tag(name), key, close_name(name, key, self._random_bytes))
        return subject, key

    def _insert(self, connection: sqlite3.Connection, subject: int, tag: bytes, key: bytes, name_box: bytes) -> None:
        key_box = self.keys.wrap_subject_key(subject, key, self._random_bytes)
        connection.execute("INSERT INTO subjects VALUES (?, ?, ?, ?)", (subject, tag, key_box, name_box))


def checked_name(name: str) -> str:
    """Return a subject's name. Raises ValueError for one that is none."""
    if not 1 <= len(name.encode()) <= NAME_BYTES_MAX:
        msg = f"expected a subject's name of 1 to {NAME_BYTES_MAX} bytes, got {len(name.encode())}"
        raise ValueError(msg)
    return name


def _dead_tag(subject: int) -> bytes:
    """Return what stands where the hash of a name was: unique, and a hash of nothing."""
    return subject.to_bytes(KEY_BYTES, "big")
