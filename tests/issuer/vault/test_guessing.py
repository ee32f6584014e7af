"""Nobody finds a committed value by trying all that it could be: not from the log, and not from an erased vault."""

import hashlib
import itertools
from collections.abc import Iterator

from glasslog import cbor
from glasslog.commitments import Disclosure
from glasslog.records import decode_record
from glasslog.statement import decode_statement
from tests.issuer.vault.vaults import Vendor, erase

NAMES = ("input", "output", "factors")
COMMITTED = {"input": {"age": 62}, "output": "deny", "factors": ["age", "income"]}


def dictionary() -> Iterator[object]:
    """Yield everything that anybody could think that was committed to, the right values among it."""
    yield from ("approve", "deny", "refer", True, False, None, "yes", "no", "urgent", "routine")
    for age in range(130):
        yield from (age, str(age), f"{age} years", {"age": age})
    for length in (1, 2):
        yield from (list(factors) for factors in itertools.permutations(["age", "income", "postcode", "debt"], length))


def guesses(entry: bytes) -> Iterator[bytes]:
    """Yield the digest of every value under every rule that needs nothing but what the log holds.

    The log holds the entry: ids, time, names, digests, signature. Whatever of it could have served as a salt is tried,
    and so is no salt at all.
    """
    statement = decode_statement(entry)
    record = decode_record(statement.payload)
    known = [b"", bytes(16), record.id, statement.kid[:16], statement.leaf_hash[:16], *record.commitments.values()]
    salts = {*known, *(bytes(salt)[:16] for salt in known), *(hashlib.sha256(salt).digest()[:16] for salt in known)}
    salts |= {statement.payload[start : start + 16] for start in range(len(statement.payload) - 15)}
    for value in dictionary():
        encoded = cbor.encode(value)
        yield hashlib.sha256(encoded).digest()
        yield hashlib.sha256(str(value).encode()).digest()
        for name in NAMES:
            yield hashlib.sha256(cbor.encode([value, name])).digest()
            tail = encoded + cbor.encode(name)
            for salt in salts:
                yield hashlib.sha256(b"\x83" + cbor.encode(salt) + tail).digest()


def test_trying_every_value_finds_none_in_what_the_log_holds(vendor: Vendor) -> None:
    signed = vendor.sign(COMMITTED)
    wanted = set(decode_record(decode_statement(signed.statement.entry).payload).commitments.values())
    assert len(wanted) == len(COMMITTED)
    tried = 0
    for guess in guesses(signed.statement.entry):
        assert guess not in wanted
        tried += 1
    assert tried > 100_000


def test_with_its_salt_every_value_is_found_by_the_same_dictionary(vendor: Vendor) -> None:
    signed = vendor.sign(COMMITTED)
    commitments = signed.record.commitments
    for disclosure in signed.disclosures:
        found = [
            value
            for value in dictionary()
            if Disclosure(disclosure.salt, value, disclosure.name).digest == commitments[disclosure.name]
        ]
        assert found == [COMMITTED[disclosure.name]]


def test_an_erasure_gives_nothing_to_guess_by(vendor: Vendor) -> None:
    signed = vendor.sign(COMMITTED)
    with vendor.open() as vault:
        vault.keep(signed, "patient 4711")
        [statement] = erase(vault, vendor, "patient 4711")
    wanted = set(signed.record.commitments.values())
    candidates = {part for data in vendor.files().values() for part in _windows(data)}
    candidates |= set(_windows(statement.entry))
    salts = {disclosure.salt for disclosure in signed.disclosures}
    assert not salts & candidates
    likely = [("deny", "output"), ({"age": 62}, "input"), (["age", "income"], "factors")]
    for value, name in likely:
        tail = cbor.encode(value) + cbor.encode(name)
        assert not {hashlib.sha256(b"\x83\x50" + salt + tail).digest() for salt in candidates} & wanted


def test_equal_values_of_two_decisions_look_different(vendor: Vendor) -> None:
    digests = {digest for _ in range(50) for digest in vendor.sign({"output": "deny"}).record.commitments.values()}
    assert len(digests) == 50


def _windows(data: bytes) -> Iterator[bytes]:
    return (data[start : start + 16] for start in range(len(data) - 15))
