"""What goes in comes out, for those with the key, once; and every way in which a vault cannot be used is told."""

import os
import resource
import signal
import sqlite3
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasslog.commitments import Disclosure
from glasslog.errors import CommitmentError
from glasslog_issuer.record import SignedRecord
from glasslog_issuer.vault import (
    ConflictError,
    DamagedError,
    MasterKeyError,
    NotKeptError,
    Vault,
    VaultError,
    VaultUnavailableError,
)
from glasslog_issuer.vault.sealing import prepare
from tests.issuer.vault.vaults import CONTENT, KEY, Vendor, erase


def values(disclosures: tuple[Disclosure, ...]) -> dict[str, Any]:
    return {disclosure.name: disclosure.value for disclosure in disclosures}


def test_what_is_kept_opens_the_commitments(vendor: Vendor) -> None:
    with vendor.open() as vault:
        mine, nobodys = vendor.sign(), vendor.sign()
        vault.keep(mine, "patient 4711")
        vault.keep(nobodys, None)
    with vendor.open() as vault:
        for signed in (mine, nobodys):
            assert vault.disclosures(signed.id) == signed.disclosures
            assert values(vault.disclosures(signed.id, {"output"})) == {"output": CONTENT["output"]}
        assert vault.find(mine.decision) == [mine.id]
        assert vault.find("urn:uuid:00000000-0000-4000-8000-000000000000") == []
        assert vault.totals().subjects == 1


def test_all_records_of_a_decision_are_found_in_their_order(vendor: Vendor) -> None:
    decision = vendor.issuer.new_decision()
    signed = [vendor.sign({"input": number}, decision=decision) for number in range(5)]
    with vendor.open() as vault:
        vault.keep_many((record, f"patient {number % 2}") for number, record in enumerate(signed))
        assert vault.find(decision) == [record.id for record in signed]
        assert [kept.commitments for kept in vault.kept(decision)] == [
            dict(record.record.commitments) for record in signed
        ]
        assert vault.kept_entry(signed[3].statement.leaf_hash).record_id == signed[3].id


def test_keeping_twice_keeps_once_and_another_record_under_the_id_is_refused(vendor: Vendor) -> None:
    signed, other = vendor.sign(), vendor.sign()
    forged = SignedRecord(other.statement, signed.record, signed.disclosures)
    with vendor.open() as vault:
        vault.keep(signed, "a")
        vault.keep(signed, "b")
        assert vault.totals().records == 1
        with pytest.raises(ConflictError, match="another record under its id"):
            vault.keep(forged, "a")


def test_a_record_without_content_needs_no_vault(vendor: Vendor) -> None:
    signed = vendor.sign({})
    with vendor.open() as vault:
        vault.keep(signed, "a")
        assert vault.seal(signed, "a") is None
        assert vault.totals().records == 0
        with pytest.raises(NotKeptError):
            vault.disclosures(signed.id)


def test_disclosures_that_open_nothing_are_not_kept(vendor: Vendor) -> None:
    signed = vendor.sign()
    forged = SignedRecord(signed.statement, signed.record, (Disclosure(bytes(16), "other", "input"),))
    twice = SignedRecord(signed.statement, signed.record, signed.disclosures[:1] * 2)
    with vendor.open() as vault:
        for each in (forged, twice):
            with pytest.raises(CommitmentError):
                vault.keep(each, "a")


def test_a_name_that_the_record_does_not_commit_to_is_told(vendor: Vendor) -> None:
    signed = vendor.sign()
    with vendor.open() as vault:
        vault.keep(signed, "a")
        with pytest.raises(NotKeptError, match="got guardrails"):
            vault.disclosures(signed.id, {"output", "guardrails"})


@pytest.mark.parametrize("subject", ["", "x" * 1_025, "é" * 600])
def test_a_subject_has_a_name_of_bounded_length(vendor: Vendor, subject: str) -> None:
    with vendor.open() as vault:
        with pytest.raises(ValueError, match="1 to 1024 bytes"):
            vault.keep(vendor.sign(), subject)
        with pytest.raises(ValueError, match="1 to 1024 bytes"):
            vault.seal(vendor.sign(), subject)


# ---------------------------------------------------------------------------------------- sealing for a spool


def test_what_was_sealed_is_kept_later_as_if_it_had_been_kept(vendor: Vendor) -> None:
    signed = [vendor.sign() for _ in range(4)]
    with vendor.open() as vault:
        blobs = [vault.seal(record, f"patient {number % 2}") for number, record in enumerate(signed)]
        assert vault.totals().records == 0
    with vendor.open() as vault:
        vault.keep_sealed(blob for blob in blobs if blob is not None)
        vault.keep_sealed(blob for blob in blobs if blob is not None)
        assert [vault.disclosures(record.id) for record in signed] == [record.disclosures for record in signed]


def test_a_sealed_record_says_nothing_to_those_who_hold_it(vendor: Vendor) -> None:
    signed = vendor.sign()
    with vendor.open() as vault:
        sealed = vault.seal(signed, "patient 4711")
    assert sealed is not None
    for secret in (b"62 years", b"urgent", b"patient 4711", *(disclosure.salt for disclosure in signed.disclosures)):
        assert secret not in sealed


def test_records_that_were_never_recorded_are_found_by_their_place_and_discarded(vendor: Vendor) -> None:
    signed = [vendor.sign() for _ in range(4)]
    with vendor.open() as vault:
        vault.keep_many((record, "a") for record in signed)
        assert vault.following("decisions", 2) == (signed[2].id, signed[3].id)
        vault.discard(vault.following("decisions", 2))
        assert vault.following("decisions", 0) == (signed[0].id, signed[1].id)
        assert vault.kept(signed[3].decision)[0].discarded
        with pytest.raises(NotKeptError, match="discarded"):
            vault.disclosures(signed[3].id)
        statements = erase(vault, vendor, "a")
        assert len(statements) == 2


# ---------------------------------------------------------------------------------------- threads, processes


def test_threads_share_a_vault(vendor: Vendor) -> None:
    signed = [vendor.sign() for _ in range(48)]
    with vendor.open() as vault:

        def work(part: int) -> None:
            for record in signed[part::8]:
                vault.keep(record, f"patient {part % 3}")
                assert vault.disclosures(record.id) == record.disclosures

        threads = [threading.Thread(target=work, args=(part,)) for part in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert vault.totals().readable == 48
        assert vault.totals().subjects == 3


def test_one_process_writes_and_others_read(vendor: Vendor) -> None:
    signed = vendor.sign()
    with vendor.open() as vault:
        with pytest.raises(VaultUnavailableError, match="another process has open"), vendor.open():
            pass
        with Vault.open(vendor.folder, KEY, read_only=True) as reader:
            vault.keep(signed, "a")
            assert reader.disclosures(signed.id) == signed.disclosures
            with pytest.raises(VaultUnavailableError, match="open for reading"):
                reader.keep(signed, "a")
            erase(vault, vendor, "a")
            with pytest.raises(VaultError, match="was erased on"):
                reader.disclosures(signed.id)
    with vendor.open() as vault:
        assert vault.totals().records == 1


def test_nobody_else_can_read_the_files(vendor: Vendor) -> None:
    with vendor.open() as vault:
        vault.keep(vendor.sign(), "a")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in vendor.folder.iterdir()}
        assert modes == dict.fromkeys(["lock", "vault.sqlite", "vault.sqlite-shm", "vault.sqlite-wal"], 0o600)
        assert stat.S_IMODE(vendor.folder.stat().st_mode) == 0o700
    vendor.folder.chmod(0o750)
    with pytest.raises(VaultUnavailableError, match="mode 0750"), vendor.open():
        pass


# ---------------------------------------------------------------------------------------- what can be wrong


def test_another_master_key_opens_nothing(vendor: Vendor) -> None:
    with pytest.raises(MasterKeyError, match="got another"), vendor.open(bytes(32)):
        pass
    with vendor.open() as vault:
        assert vault.totals().records == 0


def test_a_vault_is_made_once_and_by_an_explicit_act(vendor: Vendor, tmp_path: Path) -> None:
    with pytest.raises(VaultUnavailableError, match="got one"):
        Vault.create(vendor.folder, KEY)
    with pytest.raises(VaultUnavailableError, match="expected the folder"):
        Vault.open(tmp_path / "none", KEY)
    (tmp_path / "empty").mkdir(mode=0o700)
    with pytest.raises(VaultUnavailableError, match="vault init"):
        Vault.open(tmp_path / "empty", KEY)
    with pytest.raises(VaultUnavailableError, match="cannot make"):
        Vault.create(Path("/proc/glasslog"), KEY)


def test_a_file_that_is_no_vault_is_told(vendor: Vendor) -> None:
    (vendor.folder / "vault.sqlite").write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(DamagedError), vendor.open():
        pass
    (vendor.folder / "vault.sqlite").write_bytes(b"")
    with pytest.raises(VaultError), vendor.open():
        pass


def test_a_closed_vault_says_so(vendor: Vendor) -> None:
    with vendor.open() as vault:
        pass
    with pytest.raises(VaultUnavailableError, match="closed"):
        vault.keep(vendor.sign(), "a")


def test_a_full_disk_is_told_and_loses_nothing(vendor: Vendor) -> None:
    kept, lost = vendor.sign(), vendor.sign({"input": "x" * 300_000})
    with vendor.open() as vault:
        vault.keep(kept, "a")
        before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        try:
            with pytest.raises(VaultUnavailableError):
                vault.keep(lost, "b")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, before)
        assert vault.disclosures(kept.id) == kept.disclosures
        with pytest.raises(NotKeptError):
            vault.disclosures(lost.id)
        vault.keep(lost, "b")  # the subject that was not made then is made now
        assert vault.disclosures(lost.id) == lost.disclosures
    with vendor.open() as vault:
        assert vault.disclosures(lost.id) == lost.disclosures


SWAPS: dict[str, str] = {
    "a box of another record": "UPDATE records SET box = (SELECT box FROM records WHERE id = 2) WHERE id = 1",
    "a key of another record": "UPDATE records SET key_box = (SELECT key_box FROM records WHERE id = 2) WHERE id = 1",
    "the whole content of another record": "UPDATE records SET (key_box, box, commitments) = "
    "(SELECT key_box, box, commitments FROM records WHERE id = 2) WHERE id = 1",
    "another subject": "UPDATE records SET subject = 3 WHERE id = 1",
    "a subject's key of another": "UPDATE subjects SET key_box = "
    "(SELECT key_box FROM subjects WHERE id = 3) WHERE id = 2",
    "a subject that is not there": "UPDATE records SET subject = 99 WHERE id = 1",
    "another entry id": "UPDATE records SET entry_id = zeroblob(32) WHERE id = 1",
    "other commitments": "UPDATE records SET commitments = (SELECT commitments FROM records WHERE id = 2) WHERE id = 1",
    "commitments cut off": "UPDATE records SET commitments = substr(commitments, 1, 40) WHERE id = 1",
    "a box cut off": "UPDATE records SET box = substr(box, 1, 30) WHERE id = 1",
    "a changed bit": "UPDATE records SET box = CAST(replace(box, substr(box, 60, 1), X'00') AS BLOB) WHERE id = 1",
}


@pytest.mark.parametrize("change", SWAPS)
def test_a_row_that_was_changed_or_swapped_does_not_open(vendor: Vendor, change: str) -> None:
    first, second = vendor.sign(), vendor.sign({"input": "30 years", "output": {"label": "routine"}})
    with vendor.open() as vault:
        vault.keep(first, "patient 1")
        vault.keep(second, "patient 2")
    connection = sqlite3.connect(vendor.folder / "vault.sqlite")
    connection.execute(SWAPS[change])
    connection.commit()
    connection.close()
    with vendor.open() as vault:
        with pytest.raises(DamagedError):
            vault.disclosures(first.id)
        if "subject's key" not in change:
            assert vault.disclosures(second.id) == second.disclosures


def test_no_error_tells_content_or_names(vendor: Vendor) -> None:
    signed = vendor.sign()
    provoked: list[Callable[[Vault], object]] = [
        lambda vault: vault.disclosures(signed.id, {"nothing"}),
        lambda vault: erase(vault, vendor, "somebody whom it does not know"),
        lambda vault: vault.disclosures(bytes(16)),
        lambda vault: vault.kept_entry(bytes(32)),
        lambda vault: vault.confirm("dsr-0", "backups", recording=vendor.recording),
    ]
    with vendor.open() as vault:
        vault.keep(signed, "patient 4711")
        for call in provoked:
            with pytest.raises(VaultError) as caught:
                call(vault)
            assert not {"4711", "somebody", "urgent", "chest"} & set(str(caught.value).split())
    assert "chest pain" not in repr(signed)
    assert "chest pain" not in repr(prepare(signed, os.urandom))


NAMES = st.text(min_size=1, max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=40) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


CONTENTS = st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True), VALUES, min_size=1, max_size=5)


@settings(max_examples=25, deadline=None)
@given(content=CONTENTS, subject=NAMES)
def test_any_content_of_any_subject_comes_back(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, object], subject: str
) -> None:
    vendor = Vendor(tmp_path_factory.mktemp("any") / "vault")
    signed = vendor.sign(content)
    with vendor.open() as vault:
        vault.keep(signed, subject)
        assert vault.disclosures(signed.id) == signed.disclosures
        assert {each.name: each.digest for each in vault.disclosures(signed.id)} == dict(signed.record.commitments)
