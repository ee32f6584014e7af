"""What the log says of itself."""

import asyncio
import base64

import pytest

from glasslog import __version__
from glasslog.bundle import decode_bundle
from glasslog.keys import decode_cose_key
from glasslog.tlog_proof import decode_tlog_proof
from glasslog.vkey import decode_vkey
from tests.server.http.running_log import RunningLog
from tests.server.http.statements import BANK, CLINIC, LOG_KEY, OPERATOR_KEY, ORIGIN, signing_key


async def test_the_keys_are_a_cose_key_set(log: RunningLog) -> None:
    answer = await log.get("/.well-known/scitt-keys")
    assert answer.media_type == "application/cbor"
    [key] = answer.cbor()
    assert key == {1: 1, 2: LOG_KEY.public_key.kid, 3: -8, -1: 6, -2: LOG_KEY.public_key.raw}


async def test_a_key_is_found_by_its_kid_in_base64url(log: RunningLog) -> None:
    kid = base64.urlsafe_b64encode(LOG_KEY.public_key.kid).rstrip(b"=").decode()
    answer = await log.get(f"/.well-known/scitt-keys/{kid}")
    assert (answer.media_type, decode_cose_key(answer.body)) == ("application/cbor", LOG_KEY.public_key)


@pytest.mark.parametrize("kid", ["A" * 43, "A" * 44, "x", "%00", "+" * 43, "A" * 42 + "="])
async def test_an_unknown_kid_is_not_found(log: RunningLog, kid: str) -> None:
    assert (await log.get(f"/.well-known/scitt-keys/{kid}")).problem() == (404, "Not Found", "not_found")


async def test_the_description_is_what_a_client_needs(log: RunningLog) -> None:
    document = (await log.get("/.well-known/glasslog")).json()
    assert document["origin"] == ORIGIN
    assert [decode_vkey(vkey) for vkey in document["vkeys"]] == [log.vkey]
    assert document["operator_key"] == OPERATOR_KEY.public_key.raw.hex()
    assert document["entries_access"] == "public"
    assert document["tree_size"] == log.size
    assert document["software"] == f"glasslog-server/{__version__}"
    assert document["limits"]["statement_bytes_max"] == 65_535
    for path in document["endpoints"].values():
        assert path.partition("{")[0].partition("?")[0].startswith("/")


async def test_the_issuers_are_all_that_were_ever_registered(log: RunningLog) -> None:
    await log.revoke(BANK)
    document = (await log.get("/issuers")).json()
    expected = [(CLINIC, 1, None), (BANK, 2, 3)]
    assert document["issuers"] == [
        {
            "issuer": issuer.uri,
            "kid": issuer.key.public_key.kid.hex(),
            "key": issuer.key.public_key.raw.hex(),
            "valid_from": 0,
            "valid_until": None,
            "registered_at": registered_at,
            "revoked_at": revoked_at,
        }
        for issuer, registered_at, revoked_at in expected
    ]
    authority = log.log.authority
    assert document["policy_stream"] == {"next_seq": 4, "last_leaf": authority.last_leaf.hex()}


async def test_the_first_page_says_what_this_is(log: RunningLog) -> None:
    answer = await log.get("/", Accept="text/html,*/*;q=0.1")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert f"This is {ORIGIN}" in answer.body.decode()


async def test_retired_keys_stay_served_behind_the_current_ones(log: RunningLog) -> None:
    current, retired = LOG_KEY.public_key, signing_key("retired").public_key
    await log.restate_policy(log_keys=[retired.raw, current.raw])
    assert [key[-2] for key in (await log.get("/.well-known/scitt-keys")).cbor()] == [retired.raw, current.raw]
    await log.restate_policy(log_keys=[current.raw])
    assert [key[-2] for key in (await log.get("/.well-known/scitt-keys")).cbor()] == [current.raw, retired.raw]
    assert len((await log.get("/.well-known/glasslog")).json()["vkeys"]) == 1
    kid = base64.urlsafe_b64encode(retired.kid).rstrip(b"=").decode()
    assert decode_cose_key((await log.get(f"/.well-known/scitt-keys/{kid}")).body) == retired


async def test_a_key_set_of_any_length_is_one_array(log: RunningLog) -> None:
    for start in range(0, 28, 7):
        keys = [signing_key(f"log {number}").public_key.raw for number in range(start, start + 7)]
        await log.restate_policy(log_keys=[*keys, LOG_KEY.public_key.raw])
    answer = await log.get("/.well-known/scitt-keys")
    assert len(answer.cbor()) == 29
    assert answer.body.startswith(b"\x98\x1d\xa5")


async def test_a_policy_that_needs_tokens_holds_from_its_entry_on(log: RunningLog) -> None:
    assert (await log.get("/tile/entries/000.p/3")).status == 200
    await log.restate_policy(entries_access="token")
    assert (await log.get("/tile/entries/000.p/3")).problem() == (401, "Unauthorized", "no_credentials")
    assert (await log.get("/.well-known/glasslog")).json()["entries_access"] == "token"


async def test_who_writes_about_the_log_does_not_speak_for_it(log: RunningLog) -> None:
    about = log.log.authority.operator_issuer
    gossip = [CLINIC.statement(subject=about), CLINIC.foreign_content(b"gossip", subject=about)]
    await log.submit_all(gossip)
    statement = CLINIC.statement()
    await log.submit(statement)
    answers = await asyncio.gather(*(log.get(f"/entries/{statement.leaf_hash.hex()}?format=bundle") for _ in range(5)))
    for answer in answers:
        chain = [decode_tlog_proof(entry.proof).index for entry in decode_bundle(answer.body).authority]
        assert chain == [0, 1]
    assert len((await log.get("/.well-known/scitt-keys")).cbor()) == 1
