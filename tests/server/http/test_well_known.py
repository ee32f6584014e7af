"""What the log says of itself."""

import base64

import cbor2
import pytest

from glasslog import __version__
from glasslog.keys import decode_cose_key
from glasslog.vkey import decode_vkey
from tests.server.http.running_log import RunningLog
from tests.server.http.statements import BANK, CLINIC, LOG_KEY, OPERATOR_KEY, ORIGIN


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


async def test_key_sets_of_any_length_are_one_array(log: RunningLog) -> None:
    body = (await log.get("/.well-known/scitt-keys")).body
    assert cbor2.dumps(cbor2.loads(body), canonical=True)[:1] == body[:1]
