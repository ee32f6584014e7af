"""An erasure destroys, is recorded, stays open until every store has confirmed, and survives whatever comes between."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import pytest

from glasslog.errors import MalformedError
from glasslog.records import decode_record
from glasslog.records.custody import ERASED_COMMITMENTS_MAX
from glasslog.statement import SignedStatement
from glasslog_issuer.bodies import Body
from glasslog_issuer.record import CommonFields, SignedRecord
from glasslog_issuer.vault import ConflictError, ErasedError, NotKeptError, Vault, VaultUnavailableError
from glasslog_issuer.vault.erasures import DECISIONS_MAX
from tests.issuer.vault.vaults import CONTENT, Vendor
from tests.verifier.evidence import SYSTEM, TIME_MS


def bodies(statements: Sequence[SignedStatement]) -> list[Mapping[str, Any]]:
    return [decode_record(statement.payload).body for statement in statements]


def commitments_in(statements: Sequence[SignedStatement]) -> list[bytes]:
    return [
        bytes(digest) for statement in statements for digest in decode_record(statement.payload).body["commitments"]
    ]


def erase(
    vault: Vault, vendor: Vendor, subject: str, *stores: str, request_id: str = "dsr-17"
) -> list[SignedStatement]:
    return list(
        vault.erase(subject, request_id=request_id, basis="gdpr-17-1-b", stores=stores, recording=vendor.recording)
    )


def test_what_was_erased_is_told_with_the_date_and_others_stay(vendor: Vendor) -> None:
    gone, stays, nobodys = vendor.sign(), vendor.sign(), vendor.sign()
    with vendor.open() as vault:
        vault.keep_many([(gone, "patient 1"), (stays, "patient 2"), (nobodys, None)])
        erase(vault, vendor, "patient 1")
    with vendor.open() as vault:
        with pytest.raises(ErasedError, match=r"was erased on 2025-01-01T00:00:02\.000Z \(request dsr-17\)") as caught:
            vault.disclosures(gone.id)
        assert (caught.value.at, caught.value.request_id) == (TIME_MS + 2_000, "dsr-17")
        assert vault.kept(gone.decision)[0].erased_at == TIME_MS + 2_000
        assert vault.find(gone.decision) == [gone.id]
        for signed in (stays, nobodys):
            assert vault.disclosures(signed.id) == signed.disclosures


def test_the_record_of_an_erasure_is_about_the_decision_and_names_its_commitments(vendor: Vendor) -> None:
    signed = vendor.sign()
    with vendor.open() as vault:
        vault.keep(signed, "patient 1")
        [statement] = erase(vault, vendor, "patient 1", "backups", "embeddings")
    assert statement.subject == signed.decision
    record = decode_record(statement.payload)
    assert record.type == "erasure"
    assert record.body == {
        "request_id": "dsr-17",
        "basis": "gdpr-17-1-b",
        "targets": [
            {"store": "vault", "state": "confirmed", "at": TIME_MS + 2_000},
            {"store": "backups", "state": "requested", "at": TIME_MS + 1_000},
            {"store": "embeddings", "state": "requested", "at": TIME_MS + 1_000},
        ],
        "commitments": list(signed.record.commitments.values()),
    }


def test_an_erasure_is_open_until_every_store_and_the_log_have_confirmed(vendor: Vendor) -> None:
    with vendor.open() as vault:
        vault.keep(vendor.sign(), "patient 1")
        first = erase(vault, vendor, "patient 1", "backups")
        assert [status.request_id for status in vault.erasures(only_open=True)] == ["dsr-17"]
        assert vault.submitted(statement.leaf_hash for statement in first) == 1
        assert vault.submitted(statement.leaf_hash for statement in first) == 0
        assert vault.pending() == ()
        assert [status.request_id for status in vault.erasures(only_open=True)] == ["dsr-17"]
        second = vault.confirm("dsr-17", "backups", recording=vendor.recording)
        assert [target["state"] for target in bodies(second)[0]["targets"]] == ["confirmed", "confirmed"]
        assert commitments_in(second) == commitments_in(first)
        assert vault.confirm("dsr-17", "backups", recording=vendor.recording) == second
        assert vault.erasures(only_open=True) != ()
        vault.submitted(statement.leaf_hash for statement in second)
        assert vault.erasures(only_open=True) == ()
        assert [status.records for status in vault.erasures()] == [1]
        assert vault.confirm("dsr-17", "backups", recording=vendor.recording) == ()


def test_only_what_was_named_can_be_confirmed(vendor: Vendor) -> None:
    with vendor.open() as vault:
        vault.keep(vendor.sign(), "patient 1")
        erase(vault, vendor, "patient 1", "backups")
        with pytest.raises(NotKeptError, match="'tapes'"):
            vault.confirm("dsr-17", "tapes", recording=vendor.recording)
        with pytest.raises(NotKeptError, match="dsr-18"):
            vault.confirm("dsr-18", "backups", recording=vendor.recording)


def test_erasing_again_under_the_same_request_says_the_same(vendor: Vendor) -> None:
    with vendor.open() as vault:
        vault.keep(vendor.sign(), "patient 1")
        statements = erase(vault, vendor, "patient 1", "backups")
        assert erase(vault, vendor, "patient 1", "backups") == statements
        with pytest.raises(ConflictError, match="got others"):
            erase(vault, vendor, "patient 1", "tapes")
        with pytest.raises(NotKeptError, match="a subject that the vault has"):
            erase(vault, vendor, "patient 1", request_id="dsr-18")


def test_a_person_who_comes_back_is_a_new_subject(vendor: Vendor) -> None:
    before, after = vendor.sign(), vendor.sign()
    with vendor.open() as vault:
        vault.keep(before, "patient 1")
        erase(vault, vendor, "patient 1")
        vault.keep(after, "patient 1")
        vault.keep(before, "patient 1")  # nothing that was erased comes back
        assert vault.disclosures(after.id) == after.disclosures
        with pytest.raises(ErasedError):
            vault.disclosures(before.id)
        assert commitments_in(erase(vault, vendor, "patient 1", request_id="dsr-18")) == list(
            after.record.commitments.values()
        )


@pytest.mark.parametrize(
    "request_id, basis, stores, field",
    [
        ("no identifier", "gdpr", ["backups"], "request_id"),
        ("dsr-1", "because they asked", ["backups"], "basis"),
        ("dsr-1", "gdpr", ["our backups"], "store"),
        ("dsr-1", "gdpr", ["backups", "backups"], "store"),
        ("dsr-1", "gdpr", ["vault"], "store"),
        ("dsr-1", "gdpr", [f"store-{number}" for number in range(64)], "stores"),
    ],
)
def test_nothing_is_destroyed_that_could_not_be_recorded(
    vendor: Vendor, request_id: str, basis: str, stores: list[str], field: str
) -> None:
    signed = vendor.sign()
    with vendor.open() as vault:
        vault.keep(signed, "patient 1")
        with pytest.raises(MalformedError, match=field):
            vault.erase("patient 1", request_id=request_id, basis=basis, stores=stores, recording=vendor.recording)
        assert vault.disclosures(signed.id) == signed.disclosures
        assert vault.erasures() == ()


class Unwilling:
    """A Recording that cannot record for a while: the disk of its spool is full, say."""

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self.ids: list[object] = []

    def record(
        self,
        body: Body,
        *,
        decision: str | None = None,
        commit: Mapping[str, object] | None = None,
        subject: str | None = None,
        **common: Unpack[CommonFields],
    ) -> SignedRecord:
        self.ids.append(common.get("id"))
        if len(self.ids) == 1:
            raise OSError("no space left on device")
        return self.vendor.recording.record(body, decision=decision, commit=commit, subject=subject, **common)


def test_what_could_not_be_recorded_is_recorded_later_as_the_same_record(vendor: Vendor) -> None:
    recording = Unwilling(vendor)
    signed = vendor.sign()
    with vendor.open() as vault:
        vault.keep(signed, "patient 1")
        with pytest.raises(OSError, match="no space"):
            vault.erase("patient 1", request_id="dsr-17", basis="gdpr", recording=recording)
        with pytest.raises(ErasedError):
            vault.disclosures(signed.id)
        assert [status.unsubmitted for status in vault.erasures(only_open=True)] == [1]
    with vendor.open() as vault:
        assert vault.pending() == ()
        [statement] = vault.pending(recording)
        assert recording.ids == [decode_record(statement.payload).id] * 2
        assert vault.pending() == (statement,)


def test_each_decision_gets_its_own_record_up_to_a_number(vendor: Vendor) -> None:
    signed = [vendor.sign({"input": number}) for number in range(DECISIONS_MAX)]
    with vendor.open() as vault:
        vault.keep_many((record, "patient 1") for record in signed)
        statements = erase(vault, vendor, "patient 1")
    assert {statement.subject for statement in statements} == {record.decision for record in signed}
    assert len(statements) == DECISIONS_MAX


def test_a_subject_of_many_decisions_takes_as_few_records_as_the_schema_allows(vendor: Vendor) -> None:
    content = {f"c{number}": number for number in range(30)}
    signed = [vendor.sign(content) for _ in range(DECISIONS_MAX + 6)]
    with vendor.open() as vault:
        vault.keep_many((record, "patient 1") for record in signed)
        statements = erase(vault, vendor, "patient 1")
    sizes = [len(decode_record(statement.payload).body["commitments"]) for statement in statements]
    assert sizes == [34 * 30, 34 * 30, 2 * 30]
    assert max(sizes) <= ERASED_COMMITMENTS_MAX
    assert {statement.subject for statement in statements} == {SYSTEM}
    expected = [digest for record in signed for digest in record.record.commitments.values()]
    assert sorted(commitments_in(statements)) == sorted(expected)


def test_what_was_sealed_before_an_erasure_is_erased_with_it_and_recorded(vendor: Vendor) -> None:
    kept, late = vendor.sign(), vendor.sign()
    with vendor.open() as vault:
        vault.keep(kept, "patient 1")
        sealed = vault.seal(late, "patient 1")
        assert sealed is not None
        vault.submitted(statement.leaf_hash for statement in erase(vault, vendor, "patient 1", "backups"))
        vault.keep_sealed([sealed])
        with pytest.raises(ErasedError):
            vault.disclosures(late.id)
        assert len(vault.erasures(only_open=True)) == 1
        [statement] = vault.pending(vendor.recording)
        assert commitments_in([statement]) == list(late.record.commitments.values())
        assert statement.subject == late.decision
        assert len(vault.confirm("dsr-17", "backups", recording=vendor.recording)) == 3


def test_an_erasure_that_a_reader_holds_up_is_not_told_as_done_and_is_finished_later(vendor: Vendor) -> None:
    signed = vendor.sign()
    with vendor.open() as vault:
        vault.keep(signed, "patient 1")
        vault._database._connection.execute("PRAGMA busy_timeout = 20")  # noqa: SLF001  nobody wants to wait for ten s
        reader = sqlite3.connect(f"file:{vendor.folder}/vault.sqlite?mode=ro", uri=True, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM records").fetchall()  # the older state is in the log as long as this is read
        with pytest.raises(VaultUnavailableError, match="another process is reading"):
            erase(vault, vendor, "patient 1")
        assert vault.erasures()[0].destroyed_at is None
        with pytest.raises(ErasedError):
            vault.disclosures(signed.id)
        reader.close()
        assert len(erase(vault, vendor, "patient 1")) == 1
        assert vault.erasures()[0].destroyed_at is not None


def test_progress_is_told(vendor: Vendor) -> None:
    seen: list[int] = []
    with vendor.open() as vault:
        vault.keep_many((vendor.sign({"input": number}), "patient 1") for number in range(1_200))
        vault.erase("patient 1", request_id="r", basis="b", recording=vendor.recording, progress=seen.append)
    assert seen == [1_000, 1_200]


def test_a_new_master_key_opens_what_the_old_one_does_not_any_more(vendor: Vendor) -> None:
    signed, gone = vendor.sign(), vendor.sign()
    new = bytes(32)
    seen: list[int] = []
    with vendor.open() as vault:
        vault.keep_many([(signed, "patient 1"), (gone, "patient 2")])
        erase(vault, vendor, "patient 2")
        vault.rekey(new, seen.append)
        assert vault.disclosures(signed.id) == signed.disclosures
        vault.keep(vendor.sign(CONTENT), "patient 1")
        assert vault.totals().subjects == 1
    assert seen == [1, 2, 3]
    with pytest.raises(Exception, match="got another"), vendor.open():
        pass
    with vendor.open(new) as vault:
        assert vault.disclosures(signed.id) == signed.disclosures
        with pytest.raises(ErasedError):
            vault.disclosures(gone.id)
        assert len(erase(vault, vendor, "patient 1", request_id="dsr-18")) == 2
