"""`scitt-cose` as an independent verifier and producer of Signed Statements, receipts and Transparent Statements."""

from dataclasses import replace

import pytest

from glasslog.errors import MalformedError
from glasslog.keys import SigningKey
from glasslog.pem import encode_private_key, encode_public_key
from glasslog.receipt import InclusionProof, decode_receipt
from glasslog.statement import (
    CONTENT_TYPE_RECORD,
    TransparentStatement,
    decode_statement,
    decode_transparent_statement,
)
from glasslog.verify import Asked, Trust, Verdict, verify
from tests.verifier.evidence import (
    ISSUER,
    ISSUER_KEY,
    LOG_KEY,
    STRANGER_KEY,
    SUBJECT,
    TIME_S,
    VKEY,
    small_log,
)

scitt_cose = pytest.importorskip("scitt_cose")
pytest.importorskip("cryptography")
pytestmark = pytest.mark.interop

LEDGER = small_log(20)
ENTRIES = [statement.entry.hex() for statement in LEDGER.entries]


def public_pem(key: SigningKey) -> bytes:
    return encode_public_key(key.public_key)


@pytest.mark.parametrize("index", range(2, 22))
def test_our_receipts_verify_there(index: int) -> None:
    for size in {index + 1, 22}:
        result = scitt_cose.verify_receipt(
            LEDGER.receipt(index, size), leaf_entry_hex=ENTRIES[index], log_public_key_pem=public_pem(LOG_KEY)
        )
        assert result.ok, result.errors
        assert (result.tree_size, result.leaf_index) == (size, index)
        assert result.root == LEDGER.tree().root(size).hex()
        assert (result.issuer, result.iat) == ("https://log.example/2025", TIME_S)


def test_our_receipts_for_other_entries_or_by_other_keys_do_not_verify_there() -> None:
    receipt = LEDGER.receipt(4)
    for entry, key in ((ENTRIES[5], LOG_KEY), (ENTRIES[4], STRANGER_KEY)):
        result = scitt_cose.verify_receipt(receipt, leaf_entry_hex=entry, log_public_key_pem=public_pem(key))
        assert not result.ok


def their_receipt(index: int, size: int, **more: object) -> bytes:
    receipt = scitt_cose.build_receipt(
        leaf_entry_hex=ENTRIES[index],
        leaf_index=index,
        tree_entries_hex=ENTRIES[:size],
        alg="EdDSA",
        log_private_key_pem=encode_private_key(LOG_KEY),
        **more,
    )
    assert isinstance(receipt, bytes)
    return receipt


@pytest.mark.parametrize("index", range(22))
def test_their_receipts_verify_here(index: int) -> None:
    receipt = decode_receipt(their_receipt(index, 22))
    assert isinstance(receipt.proof, InclusionProof)
    assert receipt.kid is None
    assert receipt.verify_inclusion(LEDGER.entries[index].leaf_hash, LOG_KEY.public_key) == LEDGER.tree().root()


def test_their_receipts_with_claims_verify_here() -> None:
    data = their_receipt(4, 9, iss="https://log.example/2025", sub="urn:x", kid=LOG_KEY.public_key.kid, iat=TIME_S)
    receipt = decode_receipt(data)
    assert (receipt.issuer, receipt.subject, receipt.time) == ("https://log.example/2025", "urn:x", TIME_S)
    asked = Asked(statement=LEDGER.entries[4].entry)
    assert verify(data, Trust((VKEY,), issuer_key=ISSUER_KEY.public_key), asked).verdict is Verdict.VERIFIED


def test_their_receipts_of_a_bundle_agree_with_our_proofs() -> None:
    receipt = their_receipt(4, 9, iss="https://log.example/2025", sub="urn:x", kid=LOG_KEY.public_key.kid, iat=TIME_S)
    bundle = replace(LEDGER.bundle(4), receipt=receipt).encode()
    assert verify(bundle, Trust((VKEY,))).verdict is Verdict.VERIFIED


def test_our_statements_verify_there() -> None:
    parsed = scitt_cose.parse_signed_statement(LEDGER.entries[4].entry, public_key_pem=public_pem(ISSUER_KEY))
    assert parsed["signature_verified"] is True
    assert (parsed["issuer"], parsed["subject"], parsed["content_type"]) == (ISSUER, SUBJECT, CONTENT_TYPE_RECORD)


def test_their_statements_are_entries_here() -> None:
    headers = {
        1: -8,
        3: CONTENT_TYPE_RECORD,
        4: ISSUER_KEY.public_key.kid,
        15: {1: ISSUER, 2: SUBJECT},
    }
    data = scitt_cose.sign_sign1(
        LEDGER.entries[4].payload, alg="EdDSA", private_key_pem=encode_private_key(ISSUER_KEY), protected=headers
    )
    statement = decode_statement(data)
    statement.verify(ISSUER_KEY.public_key)
    assert statement == LEDGER.entries[4]


def test_their_statements_with_headers_in_another_order_are_not_in_our_profile() -> None:
    data = scitt_cose.build_signed_statement(
        b"payload",
        alg="EdDSA",
        private_key_pem=encode_private_key(ISSUER_KEY),
        issuer=ISSUER,
        subject=SUBJECT,
        content_type=CONTENT_TYPE_RECORD,
        kid=ISSUER_KEY.public_key.kid,
    )
    with pytest.raises(MalformedError, match="order"):
        decode_statement(data)


def test_transparent_statements_go_both_ways() -> None:
    statement, receipt = LEDGER.entries[4], LEDGER.receipt(4)
    theirs = scitt_cose.attach_receipts(statement.entry, [receipt])
    ours = TransparentStatement(statement, (receipt,)).encode()
    assert decode_transparent_statement(theirs) == TransparentStatement(statement, (receipt,))
    assert scitt_cose.extract_receipts(ours) == [receipt]
    trust = Trust((VKEY,), issuer_key=ISSUER_KEY.public_key)
    assert verify(theirs, trust).verdict is Verdict.VERIFIED


def test_both_build_the_same_trees() -> None:
    tree = LEDGER.tree()
    for size in range(1, 23):
        assert scitt_cose.merkle_root(ENTRIES[:size]) == tree.root(size).hex()
        for index in range(size):
            path = scitt_cose.inclusion_proof(ENTRIES[:size], index)
            assert path == [element.hex() for element in tree.inclusion_path(index, size)]
