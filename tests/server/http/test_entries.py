"""GET /entries/<entry id>: everything that the log says of one entry."""

import pytest

from glasslog.bundle import BUNDLE_MEDIA_TYPE, decode_bundle
from glasslog.merkle import hash_leaf
from glasslog.statement import decode_statement, decode_transparent_statement
from glasslog.tlog_proof import decode_tlog_proof
from glasslog.verify import Asked, Trust, Verdict, verify
from tests.server.http.running_log import RunningLog
from tests.server.http.statements import CLINIC, LOG_KEY

IMMUTABLE = "public, max-age=31536000, immutable"
TRANSPARENT = "application/vnd.glasslog.transparent-statement+cose"


async def test_the_receipt_is_the_default_and_never_changes(log: RunningLog) -> None:
    statement = CLINIC.statement()
    first = await log.submit(statement)
    await log.grow_to(log.size + 10)
    for headers in (
        {},
        {"Accept": "*/*"},
        {"Accept": "application/cose"},
        {"Accept": "application/scitt-receipt+cose"},
    ):
        answer = await log.get(f"/entries/{statement.leaf_hash.hex()}", **headers)
        assert (answer.status, answer.body) == (200, first.body)
        assert (answer.headers["Cache-Control"], answer.headers["Vary"]) == (IMMUTABLE, "Accept")


@pytest.mark.parametrize(
    "name, media_type",
    [
        ("receipt", "application/cose"),
        ("transparent-statement", TRANSPARENT),
        ("tlog-proof", "application/vnd.c2sp.tlog-proof"),
        ("statement", "application/scitt-statement+cose"),
        ("bundle", BUNDLE_MEDIA_TYPE),
    ],
)
async def test_accept_and_format_give_the_same(log: RunningLog, name: str, media_type: str) -> None:
    statement = CLINIC.statement()
    await log.submit(statement)
    path = f"/entries/{statement.leaf_hash.hex()}"
    by_accept = await log.get(path, Accept=media_type)
    by_format = await log.get(f"{path}?format={name}", Accept="text/html")
    assert (by_accept.status, by_accept.media_type) == (200, media_type)
    assert (by_format.body, by_format.headers["Content-Type"]) == (by_accept.body, media_type)


async def test_the_statement_comes_back_byte_for_byte(log: RunningLog) -> None:
    statement = CLINIC.statement()
    await log.submit(statement)
    path = f"/entries/{statement.leaf_hash.hex()}"
    assert (await log.get(f"{path}?format=statement")).body == statement.entry
    transparent = decode_transparent_statement((await log.get(f"{path}?format=transparent-statement")).body)
    assert transparent.statement == statement
    assert transparent.receipts == ((await log.get(path)).body,)


async def test_the_offline_proof_is_at_the_newest_checkpoint(log: RunningLog) -> None:
    statement = CLINIC.statement()
    await log.submit(statement)
    await log.grow_to(300)
    answer = await log.get(f"/entries/{statement.leaf_hash.hex()}?format=tlog-proof")
    trusted = decode_tlog_proof(answer.body).verify(statement.leaf_hash, [log.vkey])
    assert (trusted.checkpoint.size, answer.headers["Cache-Control"]) == (300, "no-cache")


async def test_the_bundle_holds_all_that_shows_who_was_entitled(log: RunningLog) -> None:
    statement = CLINIC.statement()
    await log.submit(statement)
    await log.revoke(CLINIC)
    answer = await log.get(f"/entries/{statement.leaf_hash.hex()}?format=bundle")
    bundle = decode_bundle(answer.body)
    assert bundle.statement == statement.entry
    decode_tlog_proof(bundle.proof).verify(statement.leaf_hash, [log.vkey])
    chain = [decode_statement(entry.statement) for entry in bundle.authority]
    for entry, link in zip(bundle.authority, chain, strict=True):
        decode_tlog_proof(entry.proof).verify(link.leaf_hash, [log.vkey])
    assert [decode_tlog_proof(entry.proof).index for entry in bundle.authority] == [0, 1, 4]


async def test_every_form_that_shows_an_entry_verifies(log: RunningLog) -> None:
    statement = CLINIC.statement()
    await log.submit(statement)
    await log.revoke(CLINIC)
    await log.restate_policy(record_types=["inference"])
    trust = Trust(log_keys=(log.vkey,), issuer_key=CLINIC.key.public_key)
    for name in ("bundle", "transparent-statement", "receipt", "tlog-proof"):
        answer = await log.get(f"/entries/{statement.leaf_hash.hex()}?format={name}")
        report = verify(answer.body, trust, Asked(statement=statement.entry, entry_id=statement.leaf_hash))
        assert report.verdict is Verdict.VERIFIED, (name, report.steps)


async def test_entry_0_has_no_receipt_in_a_tree_of_one_and_one_for_ever_after(fresh_log: RunningLog) -> None:
    entry = (await fresh_log.get("/tile/entries/000.p/1")).body[2:]
    path = f"/entries/{hash_leaf(entry).hex()}"
    answer = await fresh_log.get(path)
    assert (answer.status, answer.body, answer.headers["Retry-After"]) == (204, b"", "1")
    assert (await fresh_log.get(f"{path}?format=statement")).body == entry
    assert (await fresh_log.submit(entry)).status == 202
    await fresh_log.register(CLINIC.uri, CLINIC.key.public_key)
    (await fresh_log.get(path)).receipt().verify_inclusion(hash_leaf(entry), LOG_KEY.public_key)


@pytest.mark.parametrize(
    "entry_id", ["0" * 64, "0" * 63, "0" * 65, "A" * 64, "x", "%30" * 64, "0" * 32 + "%2F" + "0" * 31, "0" * 63 + "%0A"]
)
async def test_what_is_no_entry_is_not_found(log: RunningLog, entry_id: str) -> None:
    assert (await log.get(f"/entries/{entry_id}")).problem() == (404, "Not Found", "not_found")


async def test_a_format_that_is_not_to_be_had_is_refused(log: RunningLog) -> None:
    statement = CLINIC.statement()
    await log.submit(statement)
    path = f"/entries/{statement.leaf_hash.hex()}"
    assert (await log.get(path, Accept="image/png")).problem() == (406, "Not Acceptable", "not_acceptable")
    assert (await log.get(f"{path}?format=png")).problem() == (400, "Malformed request", "bad_parameter")
    assert (await log.get(f"{path}?fromat=bundle")).problem() == (400, "Malformed request", "bad_parameter")
    assert (await log.get(f"{path}?format=bundle&format=receipt")).problem()[2] == "bad_parameter"
