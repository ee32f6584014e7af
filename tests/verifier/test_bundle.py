import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog import cbor
from glasslog.bundle import AuthorityEntry, Bundle, decode_bundle
from glasslog.cbor import Value
from glasslog.errors import MalformedError
from glasslog.filetype import FileType, detect
from glasslog.limits import (
    AUTHORITY_CHAIN_MAX,
    BUNDLE_BYTES_MAX,
    DISCLOSURES_MAX,
    RECEIPT_BYTES_MAX,
    STATEMENT_BYTES_MAX,
)
from tests.verifier.evidence import disclosures, small_log
from tests.verifier.fuzzing import accepted, bit_flips, damaged, insertions, truncations
from tests.verifier.test_cbor import SEEDS, VALUES, encode_freely

BUNDLE = small_log().bundle(4, disclosed=disclosures()[:1])
DATA = BUNDLE.encode()
OCTETS = st.binary(max_size=60)
BUNDLES = st.builds(
    Bundle,
    statement=OCTETS,
    proof=OCTETS,
    receipt=OCTETS,
    authority=st.lists(st.builds(AuthorityEntry, OCTETS, OCTETS), min_size=1, max_size=3).map(tuple),
    disclosures=st.lists(OCTETS, max_size=3).map(tuple),
)


@given(BUNDLES)
def test_bundles_come_back(bundle: Bundle) -> None:
    assert decode_bundle(bundle.encode()) == bundle


@given(BUNDLES)
def test_every_bundle_begins_with_the_same_mark(bundle: Bundle) -> None:
    assert bundle.encode()[1:].startswith(b"\x61v\x01\x64type\x6fglasslog-bundle\x65proof")
    assert detect(bundle.encode()) is FileType.BUNDLE


@given(BUNDLES, SEEDS)
def test_a_bundle_has_one_encoding(bundle: Bundle, seed: int) -> None:
    encoded = bundle.encode()
    other = encode_freely(cbor.decode(encoded), seed)
    assert accepted(decode_bundle, other) == (other == encoded)


@given(st.one_of(st.binary(max_size=200), damaged(DATA), VALUES.map(cbor.encode)))
def test_any_bytes_are_a_bundle_or_malformed(data: bytes) -> None:
    if accepted(decode_bundle, data):
        assert decode_bundle(data).encode() == data


def test_every_truncation_and_addition_is_refused() -> None:
    for data in (*truncations(DATA[:400]), DATA[:-1], *insertions(DATA)):
        assert not accepted(decode_bundle, data)
    for data in bit_flips(DATA[:200]):
        accepted(decode_bundle, data + DATA[200:])


def fields(**changes: Value) -> bytes:
    whole = {**cbor.decode(DATA), **changes}
    return cbor.encode({name: value for name, value in whole.items() if value is not None})


ENTRY = {"proof": b"p", "statement": b"s"}
REFUSED = {
    "an array": cbor.encode([1, "glasslog-bundle"]),
    "an empty map": cbor.encode({}),
    "no version": fields(v=None),
    "version 0": fields(v=0),
    "version 2": fields(v=2),
    "a true version": fields(v=True),
    "another type": fields(type="glasslog-bundle2"),
    "no type": fields(type=None),
    "no statement": fields(statement=None),
    "no proof": fields(proof=None),
    "no receipt": fields(receipt=None),
    "no authority": fields(authority=None),
    "an unknown field": fields(extra=1),
    "an unknown field for a known one": fields(extra=b"", disclosures=None),
    "a statement that is text": fields(statement="s"),
    "a statement that is too large": fields(statement=bytes(STATEMENT_BYTES_MAX + 1)),
    "a receipt that is too large": fields(receipt=bytes(RECEIPT_BYTES_MAX + 1)),
    "an empty chain": fields(authority=[]),
    "a chain that is a map": fields(authority=ENTRY),
    "a chain that is too long": fields(authority=[ENTRY] * (AUTHORITY_CHAIN_MAX + 1)),
    "a chain of byte strings": fields(authority=[b"s"]),
    "a chain entry without proof": fields(authority=[{"statement": b"s"}]),
    "a chain entry with more": fields(authority=[{**ENTRY, "x": 1}]),
    "a chain entry of text": fields(authority=[{"proof": "p", "statement": b"s"}]),
    "an empty list of disclosures": fields(disclosures=[]),
    "disclosures that are a byte string": fields(disclosures=b"d"),
    "a disclosure that is text": fields(disclosures=["d"]),
    "too many disclosures": fields(disclosures=[b"d"] * (DISCLOSURES_MAX + 1)),
}


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in REFUSED.items()])
def test_other_maps_are_refused(data: bytes) -> None:
    assert not accepted(decode_bundle, data)


def test_a_bundle_is_bounded() -> None:
    with pytest.raises(MalformedError, match="at most"):
        decode_bundle(bytes(BUNDLE_BYTES_MAX + 1))


def test_what_would_be_refused_is_not_written() -> None:
    with pytest.raises(ValueError, match="authority"):
        Bundle(b"s", b"p", b"r", ()).encode()
