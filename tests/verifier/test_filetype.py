import io
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog import cbor
from glasslog.commitments import encode_disclosures
from glasslog.filetype import FileType, detect
from glasslog.pem import encode_private_key, encode_public_key
from glasslog.records import encode_record
from tests.verifier.evidence import (
    ISSUER_KEY,
    VKEY,
    Witness,
    disclosures,
    inference_body,
    record_fields,
    small_log,
)
from tests.verifier.forks import fork_file
from tests.verifier.scenario import POLICY
from tests.verifier.test_note import EXAMPLE

LEDGER = small_log()


def archive() -> bytes:
    """Return an archive with a checkpoint in it, as an export begins."""
    data = io.BytesIO()
    with ZipFile(data, "w") as file:
        file.writestr("checkpoint", LEDGER.checkpoint())
    return data.getvalue()


FILES = {
    FileType.BUNDLE: [LEDGER.bundle(4).encode(), LEDGER.bundle(4, disclosed=disclosures()).encode()],
    FileType.FORK: [fork_file()],
    FileType.STATEMENT: [LEDGER.entries[4].entry],
    FileType.TRANSPARENT_STATEMENT: [LEDGER.transparent_statement(4)],
    FileType.RECEIPT: [LEDGER.receipt(4), LEDGER.consistency_receipt(3, 7)],
    FileType.TLOG_PROOF: [LEDGER.proof(4).encode(), LEDGER.proof(4, extra=b"x").encode()],
    FileType.CHECKPOINT: [LEDGER.checkpoint(), LEDGER.checkpoint(witnesses=[Witness("w1")])],
    FileType.NOTE: [EXAMPLE],
    FileType.VKEY: [str(VKEY).encode(), f"{VKEY}\n".encode(), str(Witness("w1").vkey).encode()],
    FileType.POLICY: [POLICY.encode(), b"# comment\n\n \t log x\n", b"quorum none\n"],
    FileType.DISCLOSURES: [encode_disclosures(disclosures()), encode_disclosures([]), cbor.encode([b""] * 30)],
    FileType.RECORD: [encode_record(record_fields("inference", inference_body()))],
    FileType.COSE_KEY: [ISSUER_KEY.public_key.cose_key()],
    FileType.COSE_KEY_SET: [b"\x81" + ISSUER_KEY.public_key.cose_key(), b"\x98\x18" + VKEY.public_key.cose_key() * 24],
    FileType.PUBLIC_KEY: [encode_public_key(ISSUER_KEY.public_key)],
    FileType.ARCHIVE: [archive(), b"PK\x05\x06" + bytes(18)],
    FileType.JSON: [b"{}", b'\n{\n "verdict": "failed"}', b'[{"a": 1}]'],
    FileType.PAGE: [b"<!doctype html><html>", b"\n<!DOCTYPE HTML>"],
    FileType.PRIVATE_KEY: [encode_private_key(ISSUER_KEY), b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"],
}


@pytest.mark.parametrize("file_type", list(FILES))
def test_every_file_is_known_by_its_first_bytes(file_type: FileType) -> None:
    for data in FILES[file_type]:
        assert detect(data) is file_type


def test_only_tiles_and_entry_bundles_bear_no_mark() -> None:
    assert set(FileType) - set(FILES) == {FileType.TILE, FileType.ENTRY_BUNDLE}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello\n",
        b"\x00" * 64,
        b"\xff",
        b"\x83\x01\x02\x03",
        b"\xf6",
        b"a+b+c",
        b"log",
        b"{x",
        b"PKI",
        b"\x18\x20",
    ],
)
def test_what_bears_no_mark_is_not_guessed(data: bytes) -> None:
    assert detect(data) is None


def test_a_broken_message_is_taken_for_a_statement() -> None:
    assert detect(b"\xd2\x84") is FileType.STATEMENT
    assert detect(LEDGER.receipt(4)[:10]) is FileType.STATEMENT


@given(st.binary(max_size=100))
def test_detection_never_fails(data: bytes) -> None:
    for prefix in (b"", b"\xd2\x84", b"\x98", b"\x99\x01", b"c2sp.org/tlog-proof@", b"-----BEGIN "):
        assert detect(prefix + data) in {None, *FileType}


def test_every_type_has_a_place_where_it_belongs() -> None:
    assert all(file_type.place for file_type in FileType)


def test_every_type_has_a_name_for_people() -> None:
    labels = [file_type.label for file_type in FileType]
    assert len(set(labels)) == len(labels)
    assert FileType.CHECKPOINT.label == "checkpoint"
    assert FileType.ENTRY_BUNDLE.label == "entry bundle"
    assert [FileType.BUNDLE.one, FileType.FORK.one, FileType.COSE_KEY.one] == [
        "an evidence bundle",
        "evidence of a fork",
        "a COSE key",
    ]
