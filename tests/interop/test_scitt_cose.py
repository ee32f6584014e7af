"""The PyPI package scitt-cose verifies what the log says, and the log takes what scitt-cose signs."""

import pytest
import scitt_cose

from glasslog.cose import CWT_ISS, CWT_SUB, HEADER_ALG, HEADER_CONTENT_TYPE, HEADER_CWT_CLAIMS, HEADER_KID
from glasslog.keys import ALG_EDDSA
from glasslog.pem import encode_private_key, encode_public_key
from glasslog.records import encode_record
from glasslog.statement import CONTENT_TYPE_RECORD, decode_transparent_statement
from tests.server.http.running_log import RunningLog
from tests.server.http.statements import CLINIC, LOG_KEY, ORIGIN, model_fields, subject_of

pytestmark = pytest.mark.interop

LOG_PEM = encode_public_key(LOG_KEY.public_key)
CLINIC_PEM = encode_public_key(CLINIC.key.public_key)


async def test_our_receipts_verify(log: RunningLog) -> None:
    statements = CLINIC.statements(3)
    await log.submit_all(statements)
    for place, statement in enumerate(statements):
        receipt = (await log.get(f"/entries/{statement.leaf_hash.hex()}")).body
        result = scitt_cose.verify_receipt(receipt, leaf_entry_hex=statement.entry.hex(), log_public_key_pem=LOG_PEM)
        assert result.ok, result.errors
        assert (result.leaf_index, result.tree_size) == (600 + place, 603)
        assert (result.root, result.issuer) == (log.log.head.root.hex(), f"https://{ORIGIN}")


async def test_the_receipt_of_another_entry_does_not_verify(log: RunningLog) -> None:
    first, second = CLINIC.statement(), CLINIC.statement()
    receipt = (await log.submit(first)).body
    result = scitt_cose.verify_receipt(receipt, leaf_entry_hex=second.entry.hex(), log_public_key_pem=LOG_PEM)
    assert not result.ok


async def test_our_transparent_statements_verify(log: RunningLog) -> None:
    statement = CLINIC.statement()
    await log.submit(statement)
    path = f"/entries/{statement.leaf_hash.hex()}?format=transparent-statement"
    transparent = (await log.get(path)).body
    parsed = scitt_cose.parse_signed_statement(transparent, public_key_pem=CLINIC_PEM)
    assert parsed["signature_verified"] is True
    assert (parsed["issuer"], parsed["subject"], parsed["payload"]) == (
        statement.issuer,
        statement.subject,
        statement.payload,
    )
    [receipt] = scitt_cose.extract_receipts(transparent)
    assert scitt_cose.verify_receipt(receipt, leaf_entry_hex=statement.entry.hex(), log_public_key_pem=LOG_PEM).ok


async def test_a_receipt_that_it_attached_reads_as_ours(log: RunningLog) -> None:
    statement = CLINIC.statement()
    receipt = (await log.submit(statement)).body
    attached = scitt_cose.attach_receipts(statement.entry, [receipt])
    assert decode_transparent_statement(attached).receipts == (receipt,)
    path = f"/entries/{statement.leaf_hash.hex()}?format=transparent-statement"
    assert (await log.get(path)).body == attached


async def test_statements_that_it_signed_in_our_profile_are_taken(log: RunningLog) -> None:
    headers = {
        HEADER_ALG: ALG_EDDSA,
        HEADER_CONTENT_TYPE: CONTENT_TYPE_RECORD,
        HEADER_KID: CLINIC.key.public_key.kid,
        HEADER_CWT_CLAIMS: {CWT_ISS: CLINIC.uri, CWT_SUB: subject_of(10**6)},
    }
    statement = scitt_cose.sign_sign1(
        encode_record(model_fields(10**6)),
        alg="EdDSA",
        private_key_pem=encode_private_key(CLINIC.key),
        protected=headers,
    )
    answer = await log.submit(statement)
    assert answer.status == 201
    result = scitt_cose.verify_receipt(answer.body, leaf_entry_hex=statement.hex(), log_public_key_pem=LOG_PEM)
    assert result.ok, result.errors


async def test_headers_that_it_leaves_out_of_order_are_refused(log: RunningLog) -> None:
    statement = scitt_cose.build_signed_statement(
        encode_record(model_fields(10**6)),
        alg="EdDSA",
        private_key_pem=encode_private_key(CLINIC.key),
        issuer=CLINIC.uri,
        subject=subject_of(10**6),
        content_type=CONTENT_TYPE_RECORD,
        kid=CLINIC.key.public_key.kid,
    )
    assert (await log.submit(statement)).problem() == (400, "Malformed request", "malformed")
