"""A vault as `glasslog reconstruct --vault` sees it, and what comes out is what others than us can check."""

import hashlib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from glasslog import cbor
from glasslog.commitments import Disclosure, decode_disclosures, encode_disclosures, verify_disclosure
from glasslog.errors import UncheckableError
from glasslog.reconstruct.opening import VAULTS, Disclosed
from glasslog_issuer.record import SignedRecord
from glasslog_issuer.vault.opening import open_vault
from tests.issuer.parties import inference
from tests.issuer.vault.vaults import KEY, Vendor, erase
from tests.verifier.evidence import TIME_MS
from tests.verifier.test_commitments import SD_CWT_CLAIM, SD_CWT_DIGEST


def test_the_entry_point_leads_here() -> None:
    [point] = entry_points(group=VAULTS)
    assert point.load() is open_vault


def test_a_reader_gives_what_is_kept_what_was_erased_and_nothing_of_others(vendor: Vendor) -> None:
    kept, gone, unknown = vendor.sign(), vendor.sign(), vendor.sign()
    with vendor.open() as vault:
        vault.keep_many([(kept, "a"), (gone, "b")])
        erase(vault, vendor, "b")
        for key in (KEY, KEY.hex().encode() + b"\n"):  # beside the one who writes
            with open_vault(vendor.folder, key) as reader:
                assert reader.disclosures(kept.id) == Disclosed(kept.disclosures)
                assert reader.disclosures(gone.id) == Disclosed((), TIME_MS + 2_000)
                assert reader.disclosures(unknown.id) == Disclosed(())


@pytest.mark.parametrize("key", [bytes(32), b"too short"])
def test_what_cannot_be_opened_could_not_be_checked(vendor: Vendor, tmp_path: Path, key: bytes) -> None:
    with pytest.raises(UncheckableError):
        open_vault(vendor.folder, key)
    with pytest.raises(UncheckableError):
        open_vault(tmp_path / "none", KEY)


def test_a_row_that_was_changed_could_not_be_checked(vendor: Vendor) -> None:
    signed = vendor.sign()
    with vendor.open() as vault:
        vault.keep(signed, "a")
        with vault._database.transaction() as connection:  # noqa: SLF001  as somebody with the file would
            connection.execute("UPDATE records SET box = zeroblob(100)")
    with open_vault(vendor.folder, KEY) as reader, pytest.raises(UncheckableError, match="was changed"):
        reader.disclosures(signed.id)


def test_what_a_vault_gives_out_is_the_salted_claim_of_sd_cwt(vendor: Vendor) -> None:
    """Take salt and value of the draft's example: its rule makes the digest of bytes put together by hand."""
    [salt, value, _] = cbor.decode(bytes.fromhex(SD_CWT_CLAIM))
    assert hashlib.sha256(bytes.fromhex(SD_CWT_CLAIM)).hexdigest() == SD_CWT_DIGEST
    claim = Disclosure(salt, value, "output")
    by_hand = b"\x83" + b"\x50" + salt + b"\x6b" + value.encode() + b"\x66output"
    signed = vendor.issuer.sign(inference(), commitments={"output": hashlib.sha256(by_hand).digest()})
    with vendor.open() as vault:
        vault.keep(SignedRecord(signed.statement, signed.record, (claim,)), "a")
        given = encode_disclosures(vault.disclosures(signed.id, {"output"}))
    assert given == b"\x81\x58" + bytes((len(by_hand),)) + by_hand
    [disclosure] = decode_disclosures(given)
    verify_disclosure(disclosure, signed.record.commitments)
