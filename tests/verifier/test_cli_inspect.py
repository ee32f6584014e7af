from dataclasses import replace
from typing import Any

import pytest

from glasslog.cli.description import DESCRIBED
from glasslog.cli.inspect import NOTHING_VERIFIED
from glasslog.filetype import FileType
from glasslog.statement import sign_statement
from glasslog.tiles import encode_bundle, encode_tile
from tests.verifier.desk import Desk
from tests.verifier.evidence import (
    ISSUER,
    ISSUER_KEY,
    LOG_KEY,
    TIME_S,
    VKEY,
    Witness,
    disclosures,
    small_log,
)
from tests.verifier.test_filetype import FILES
from tests.verifier.test_policy import ml_dsa_vkey

LEDGER = small_log()


@pytest.mark.parametrize("file_type", [file_type for file_type in DESCRIBED if file_type in FILES])
def test_every_type_is_shown_and_nothing_is_said_to_be_verified(desk: Desk, file_type: FileType) -> None:
    desk.put("file", FILES[file_type][0])
    people, machines = desk.run("inspect", "file"), desk.run("inspect", "file", "--json")
    assert (people.code, machines.code, people.err) == (0, 0, "")
    assert f"file  {file_type.label}, " in people.out
    assert NOTHING_VERIFIED in people.out
    document = machines.document
    assert list(document) == ["glasslog", "file", "type", "bytes", "verified", "content"]
    assert (document["type"], document["verified"]) == (file_type.value, False)


def content(desk: Desk, data: bytes, *options: str) -> dict[str, Any]:
    desk.put("file", data)
    outcome = desk.run("inspect", "file", "--json", *options)
    assert outcome.code == 0
    shown = outcome.document["content"]
    assert isinstance(shown, dict)
    return shown


def test_a_bundle_shows_its_parts(desk: Desk) -> None:
    bundle = LEDGER.bundle(4, disclosed=disclosures()[:1])
    shown = content(desk, bundle.encode())
    assert list(shown) == ["statement", "proof", "receipt", "authority", "disclosures"]
    people = desk.run("inspect", "file").out
    assert "\n  index: 4\n" in people
    assert "\n      decision\n        label: refer\n" in people
    broken = replace(bundle, receipt=b"\xd2\x84", statement=b"x").encode()
    shown = content(desk, broken)
    for part in ("receipt", "statement"):
        assert list(shown[part]) == ["malformed"]
    assert shown["proof"]["index"] == 4


def test_a_statement_shows_its_record_or_how_large_it_is(desk: Desk) -> None:
    shown = content(desk, LEDGER.entries[4].entry)
    assert shown["entry_id"] == LEDGER.entries[4].leaf_hash.hex()
    assert shown["payload"]["body"]["decision"]["label"] == "refer"
    foreign = sign_statement(ISSUER_KEY, issuer=ISSUER, subject="urn:x", payload=b"abc", content_type="text/plain")
    assert content(desk, foreign.entry)["payload"] == {"bytes": 3}
    no_record = sign_statement(ISSUER_KEY, issuer=ISSUER, subject="urn:x", payload=b"\xa0")
    assert list(content(desk, no_record.entry)["payload"]) == ["malformed"]


def test_receipts_of_both_kinds_are_shown(desk: Desk) -> None:
    inclusion = content(desk, LEDGER.receipt(4))
    assert inclusion["time"] == "2025-01-01T00:00:00Z"
    assert inclusion["proof"]["index"] == 4
    consistency = content(desk, LEDGER.consistency_receipt(3, 7))
    assert (consistency["proof"]["size1"], consistency["proof"]["size2"]) == (3, 7)
    transparent = content(desk, LEDGER.transparent_statement(4, LEDGER.receipt(4), b"\xff"))
    assert [next(iter(receipt)) for receipt in transparent["receipts"]] == ["proof", "malformed"]


def test_cosignatures_show_their_time(desk: Desk) -> None:
    shown = content(desk, LEDGER.checkpoint(witnesses=[Witness("w1", TIME_S)]))
    log, witness = shown["signatures"]
    assert (log["bytes"], "time_if_cosignature" in log) == (64, False)
    assert (witness["bytes"], witness["time_if_cosignature"]) == (72, "2025-01-01T00:00:00Z")


def test_keys_are_shown_by_their_names(desk: Desk) -> None:
    public = ISSUER_KEY.public_key
    assert content(desk, FILES[FileType.PUBLIC_KEY][0])["kid"] == public.kid.hex()
    assert content(desk, FILES[FileType.COSE_KEY][0])["public_key"] == public.raw.hex()
    assert content(desk, str(VKEY).encode())["kid"] == LOG_KEY.public_key.kid.hex()
    unsupported = b"\xa2\x01\x02\x20\x01"
    keys = content(desk, b"\x82" + public.cose_key() + unsupported)["keys"]
    assert [list(key) for key in keys] == [["public_key", "kid", "algorithm"], ["malformed"]]


def test_a_private_key_is_never_shown(desk: Desk) -> None:
    desk.put("file", FILES[FileType.PRIVATE_KEY][0])
    for outcome in (desk.run("inspect", "file"), desk.run("inspect", "file", "--json")):
        assert ISSUER_KEY.seed.hex() not in outcome.out
        assert ISSUER_KEY.public_key.kid.hex() in outcome.out
        assert "not shown" in outcome.out


def test_a_policy_is_shown_with_what_it_asks_for(desk: Desk) -> None:
    text = f"log {VKEY} https://log.example\nwitness a {Witness('a').vkey}\nwitness b {ml_dsa_vkey('b')}\nquorum a\n"
    shown = content(desk, text.encode())
    assert shown["quorum"] == "a"
    assert shown["logs"][0]["url"] == "https://log.example"
    assert [witness["can_be_verified"] for witness in shown["witnesses"]] == [True, False]
    assert content(desk, b"quorum none\n")["quorum"] is None


def test_tiles_and_entry_bundles_are_shown_when_they_are_named(desk: Desk) -> None:
    tile = encode_tile(LEDGER.tree().leaves)
    assert content(desk, tile, "--type", "tile")["width"] == 7
    bundle = encode_bundle([statement.entry for statement in LEDGER.entries])
    shown = content(desk, bundle, "--type", "entry-bundle")
    assert [entry["entry_id"] for entry in shown["entries"]] == [
        statement.leaf_hash.hex() for statement in LEDGER.entries
    ]
    assert list(content(desk, encode_bundle([b"x"]), "--type", "entry-bundle")["entries"][0]) == ["malformed"]


REFUSED = {
    "an unknown file": (b"hello", ()),
    "a tile that is none": (b"x" * 33, ("--type", "tile")),
    "an empty tile": (b"", ("--type", "tile")),
    "a tile that is too wide": (bytes(257 * 32), ("--type", "tile")),
    "an empty entry bundle": (b"", ("--type", "entry-bundle")),
    "an entry bundle that is cut off": (b"\x00\x05abc", ("--type", "entry-bundle")),
    "an entry bundle that is too wide": (b"\x00\x00" * 257, ("--type", "entry-bundle")),
    "a key set that is none": (b"\xa0", ("--type", "cose-key-set")),
    "a key that is not UTF-8": (b"\xff", ("--type", "vkey")),
    "another type than named": (LEDGER.receipt(4), ("--type", "bundle")),
    "a statement that is cut off": (LEDGER.entries[4].entry[:-1], ()),
}


@pytest.mark.parametrize("data, options", [pytest.param(*case, id=name) for name, case in REFUSED.items()])
def test_what_cannot_be_read_is_exit_code_1(desk: Desk, data: bytes, options: tuple[str, ...]) -> None:
    desk.put("file", data)
    outcome = desk.run("inspect", "file", *options)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("Error: expected ")


def test_a_key_that_cannot_be_verified_here_is_exit_code_3(desk: Desk) -> None:
    desk.put("file", ml_dsa_vkey("pq.example"))
    assert desk.run("inspect", "file").code == 3


def test_wrong_usage_is_exit_code_2(desk: Desk) -> None:
    desk.put("file", b"")
    for arguments in ([], ["missing"], ["file", "--type", "unknown"], ["file", "more"]):
        assert desk.run("inspect", *arguments).code == 2
