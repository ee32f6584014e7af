"""Erased is gone: no file of the vault holds it, no key opens it, compacted or not.

These tests read the raw bytes of all files in the vault's folder, the write-ahead log and free pages included.
"""

import random
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from glasslog_issuer.record import SignedRecord
from glasslog_issuer.vault import DamagedError, ErasedError, Vault
from glasslog_issuer.vault.database import Database
from glasslog_issuer.vault.sealing import KEY_BOX_BYTES, ZERO_KEY_BOX, MasterKeys
from tests.issuer.vault.vaults import CONTENT, KEY, Vendor, erase


def rows_of(vendor: Vendor, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(f"file:{vendor.folder}/vault.sqlite?mode=ro", uri=True)
    rows = connection.execute(query).fetchall()
    connection.close()
    return rows


def boxes_of(vendor: Vendor, signed: SignedRecord) -> list[bytes]:
    """Return what the vault keeps of a record and of its subject, encrypted."""
    record = f"record_id = x'{signed.id.hex()}'"
    [boxes] = rows_of(vendor, f"SELECT key_box, box, subject FROM records WHERE {record}")  # noqa: S608
    [of_subject] = rows_of(vendor, f"SELECT key_box, name_box, tag FROM subjects WHERE id = {boxes[2]}")  # noqa: S608
    return [boxes[0], boxes[1], *of_subject]


@dataclass
class Keyring:
    """All chance that a vault takes: among it is every key that it ever made."""

    taken: list[bytes]

    def __call__(self, length: int) -> bytes:
        self.taken.append(random.randbytes(length))
        return self.taken[-1]


def secrets_of(signed: SignedRecord, keys: list[bytes]) -> list[bytes]:
    """Return what must never be in a file in the clear: content, salts, claims, keys."""
    salts = [disclosure.salt for disclosure in signed.disclosures]
    claims = [disclosure.encode() for disclosure in signed.disclosures]
    return [b"62 years, chest pain", b"patient 4711", KEY, KEY.hex().encode(), *salts, *claims, *keys]


def test_plaintext_salts_and_keys_are_in_no_file_before_and_after(vendor: Vendor) -> None:
    keyring = Keyring([])
    vendor.random_bytes = keyring
    signed = vendor.sign()
    with vendor.open() as vault:
        vault.keep(signed, "patient 4711")
        keys = [taken for taken in keyring.taken if len(taken) == 32]
        assert len(keys) == 2  # the record's and the subject's
        before = boxes_of(vendor, signed)
        for secret in secrets_of(signed, keys):
            assert vendor.holds(secret) == []
        for box in before:
            assert vendor.holds(box) != []
        erase(vault, vendor, "patient 4711")
        assert "vault.sqlite-wal" in vendor.files()  # the vault is still open: nothing waits for its end
        for secret in [*secrets_of(signed, keys), *before]:
            assert vendor.holds(secret) == []
    for secret in [*secrets_of(signed, keys), *before]:
        assert vendor.holds(secret) == []


def test_the_ciphertexts_of_others_are_where_they_were(vendor: Vendor) -> None:
    mine, theirs = vendor.sign(), vendor.sign()
    with vendor.open() as vault:
        vault.keep_many([(mine, "a"), (theirs, "b")])
        before = boxes_of(vendor, theirs)
        erase(vault, vendor, "a")
        assert boxes_of(vendor, theirs) == before
        assert vault.disclosures(theirs.id) == theirs.disclosures


@pytest.mark.parametrize("compacted", [False, True], ids=["at once", "compacted"])
@pytest.mark.parametrize("seed", range(3))
def test_whatever_was_kept_in_whatever_order_nothing_of_an_erased_subject_is_left(
    vendor: Vendor, seed: int, *, compacted: bool
) -> None:
    chance = random.Random(seed)
    kept: dict[str, list[SignedRecord]] = {}
    with vendor.open() as vault:
        for _ in range(220):
            size = chance.choice([1, 30, 300, 1_500, 4_000, 30_000])
            signed = vendor.sign({"input": chance.randbytes(size), "output": chance.choice(["approve", "deny"])})
            subject = f"patient {chance.randrange(60)}"
            vault.keep(signed, subject)
            kept.setdefault(subject, []).append(signed)
        gone = chance.sample(sorted(kept), 20)
        boxes = {subject: [box for signed in kept[subject] for box in boxes_of(vendor, signed)] for subject in kept}
        for number, subject in enumerate(gone):
            erase(vault, vendor, subject, f"dsr-{number}")
        if compacted:
            size_before = len(vendor.files()["vault.sqlite"])
            assert vault.compact() == sum(len(kept[subject]) for subject in gone)
            assert len(vendor.files()["vault.sqlite"]) < size_before
            assert rows_of(vendor, "PRAGMA freelist_count") == [(0,)]
        data = b"".join(vendor.files().values())
        erased = {part for subject in gone for box in boxes[subject] for part in sixteens(box)}
        assert not any(data[start : start + 16] in erased for start in range(len(data) - 15))
        for subject, records in kept.items():
            for signed in records:
                if subject in gone:
                    with pytest.raises(ErasedError):
                        vault.disclosures(signed.id)
                else:
                    assert vault.disclosures(signed.id) == signed.disclosures


def test_whoever_has_the_master_key_and_every_byte_opens_nothing_that_was_erased(vendor: Vendor) -> None:
    signed = vendor.sign()
    with vendor.open() as vault:
        vault.keep(signed, "patient 4711")
    vault_id, subject = rows_of(vendor, "SELECT vault_id, max(subjects.id) FROM vault, subjects")[0]
    keys = MasterKeys(KEY, vault_id)

    def openings() -> int:
        """Try every place in every file as the wrapped key of the subject."""
        found = 0
        for data in vendor.files().values():
            for start in range(len(data) - KEY_BOX_BYTES):
                box = data[start : start + KEY_BOX_BYTES]
                if box != ZERO_KEY_BOX:
                    found += opens(keys, int(subject), box)
        return found

    assert openings() == 1
    with vendor.open() as vault:
        erase(vault, vendor, "patient 4711")
    assert openings() == 0


def opens(keys: MasterKeys, subject: int, box: bytes) -> bool:
    try:
        keys.unwrap_subject_key(subject, box)
    except DamagedError:
        return False
    return True


def sixteens(box: bytes) -> list[bytes]:
    return [box[start : start + 16] for start in range(0, len(box) - 15, 16)]


def test_an_old_copy_opens_with_the_old_master_key_alone(vendor: Vendor, tmp_path: Path) -> None:
    signed = vendor.sign()
    with vendor.open() as vault:
        vault.keep(signed, "patient 4711")
    backup = tmp_path / "backup"
    backup.mkdir(mode=0o700)
    (backup / "vault.sqlite").write_bytes(vendor.files()["vault.sqlite"])
    new = bytes(32)
    with vendor.open() as vault:
        old_boxes = boxes_of(vendor, signed)
        vault.rekey(new)
        assert vendor.holds(old_boxes[2]) == []  # the subject's key as the old master key wrapped it
        erase(vault, vendor, "patient 4711")
    with Vault.open(backup, KEY) as copy:  # an erasure does not reach copies: destroying the old master key does
        assert copy.disclosures(signed.id) == signed.disclosures
    with pytest.raises(Exception, match="got another"):
        Vault.open(backup, new)


def test_deleting_rows_instead_would_leave_them_behind(tmp_path: Path) -> None:
    """Show that the searches above find what a plain database leaves, so that finding nothing says something."""
    connection = sqlite3.connect(tmp_path / "plain.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA secure_delete = OFF")
    connection.execute("CREATE TABLE boxes (box BLOB)")
    connection.execute("INSERT INTO boxes VALUES (?)", (b"a wrapped key, once",))
    connection.execute("DELETE FROM boxes")
    assert any(b"a wrapped key, once" in path.read_bytes() for path in tmp_path.iterdir())
    connection.close()
    assert any(b"a wrapped key, once" in path.read_bytes() for path in tmp_path.iterdir())


def test_a_compaction_that_was_cut_short_is_finished_at_the_next_opening(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = vendor.sign()
    with vendor.open() as vault:
        vault.keep_many([(vendor.sign({"input": "x" * 100_000}), "a"), (signed, "b")])
        erase(vault, vendor, "a")
        with monkeypatch.context() as patch:
            patch.setattr(Database, "rebuild", lambda _: (_ for _ in ()).throw(OSError("no room")))
            with pytest.raises(OSError, match="no room"):
                vault.compact()
    size = len(vendor.files()["vault.sqlite"])
    with vendor.open() as vault:
        assert vault.disclosures(signed.id) == signed.disclosures
    assert len(vendor.files()["vault.sqlite"]) < size - 90_000


def test_the_name_of_a_subject_cannot_be_tried_without_the_master_key(vendor: Vendor) -> None:
    with vendor.open() as vault:
        vault.keep(vendor.sign(CONTENT), "patient 4711")
    [(vault_id, tag)] = rows_of(vendor, "SELECT vault_id, tag FROM vault, subjects WHERE subjects.id = 2")
    assert MasterKeys(KEY, vault_id).tag("patient 4711") == tag
    assert MasterKeys(bytes(32), vault_id).tag("patient 4711") != tag
