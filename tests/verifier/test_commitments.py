import hashlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog import cbor
from glasslog.cbor import Value
from glasslog.commitments import (
    Disclosure,
    decode_disclosure,
    decode_disclosures,
    disclosures_of,
    encode_disclosures,
    verify_disclosure,
)
from glasslog.errors import CommitmentError, MalformedError
from glasslog.limits import COMMITMENT_NAME_BYTES_MAX, DISCLOSURE_BYTES_MAX, DISCLOSURE_FILE_BYTES_MAX, DISCLOSURES_MAX
from tests.verifier.evidence import disclosures
from tests.verifier.fuzzing import accepted, bit_flips, damaged, truncations
from tests.verifier.test_cbor import VALUES, same

SALT = bytes(range(16))
DISCLOSURES = st.builds(
    Disclosure,
    salt=st.binary(min_size=16, max_size=16),
    value=VALUES,
    name=st.text(min_size=1, max_size=COMMITMENT_NAME_BYTES_MAX // 4),
)
FILE = encode_disclosures(disclosures())

# draft-ietf-spice-sd-cwt: the salted claim [salt, "ABCD-123456", 501] and its digest. Our names are text, so of this
# example only the rule for the digest is ours.
SD_CWT_CLAIM = "8350bae611067bb823486797da1ebbb52f836b414243442d3132333435361901f5"
SD_CWT_DIGEST = "d9df03da474fcb3c65771748e2e0608cf437504ecc24f450aaeacd40dd552b3f"


def test_the_digest_is_that_of_the_specification() -> None:
    encoded = bytes.fromhex(SD_CWT_CLAIM)
    salt, value, name = cbor.decode(encoded)
    assert hashlib.sha256(encoded).hexdigest() == SD_CWT_DIGEST
    assert Disclosure(salt, value, name).digest.hex() == SD_CWT_DIGEST
    with pytest.raises(MalformedError, match="name"):
        decode_disclosure(encoded)


@given(DISCLOSURES)
def test_disclosures_come_back_and_open_their_commitment(disclosure: Disclosure) -> None:
    again = decode_disclosure(disclosure.encode())
    assert (again.salt, again.name) == (disclosure.salt, disclosure.name)
    assert same(again.value, disclosure.value)
    assert again.digest == hashlib.sha256(disclosure.encode()).digest()
    verify_disclosure(again, {disclosure.name: disclosure.digest})


@given(DISCLOSURES, st.data())
def test_another_salt_value_or_name_opens_nothing(disclosure: Disclosure, data: st.DataObject) -> None:
    committed = {disclosure.name: disclosure.digest}
    other_salt = bytes((disclosure.salt[0] ^ 1,)) + disclosure.salt[1:]
    other_value = data.draw(VALUES.filter(lambda value: not same(value, disclosure.value)))
    for other in (
        Disclosure(other_salt, disclosure.value, disclosure.name),
        Disclosure(disclosure.salt, other_value, disclosure.name),
    ):
        with pytest.raises(CommitmentError, match="to open"):
            verify_disclosure(other, committed)
    with pytest.raises(CommitmentError, match="got none"):
        verify_disclosure(disclosure, {disclosure.name + "x": disclosure.digest})


def test_a_disclosure_moved_to_another_name_opens_nothing() -> None:
    disclosure = Disclosure(SALT, "approve", "output")
    moved = Disclosure(SALT, "approve", "input")
    with pytest.raises(CommitmentError):
        verify_disclosure(moved, {"input": disclosure.digest, "output": disclosure.digest})


@pytest.mark.parametrize("value, other", [(1, 1.0), (1, True), (0, False), ("1", b"1"), ([], {}), (0.0, -0.0)])
def test_values_that_python_calls_equal_are_other_commitments(value: Value, other: Value) -> None:
    assert Disclosure(SALT, value, "input").digest != Disclosure(SALT, other, "input").digest


def test_not_a_number_can_be_committed_to() -> None:
    disclosure = Disclosure(SALT, math.nan, "score")
    verify_disclosure(decode_disclosure(disclosure.encode()), {"score": disclosure.digest})


@given(st.lists(DISCLOSURES, max_size=5, unique_by=lambda disclosure: disclosure.name))
def test_files_come_back(given_disclosures: list[Disclosure]) -> None:
    data = encode_disclosures(given_disclosures)
    assert [one.encode() for one in decode_disclosures(data)] == [one.encode() for one in given_disclosures]


@given(st.one_of(st.binary(max_size=200), damaged(FILE)))
def test_any_bytes_are_a_disclosure_file_or_malformed(data: bytes) -> None:
    if accepted(decode_disclosures, data):
        assert encode_disclosures(decode_disclosures(data)) == data
    accepted(decode_disclosure, data)


def opens(disclosure: Disclosure, committed: dict[str, bytes]) -> bool:
    try:
        verify_disclosure(disclosure, committed)
    except CommitmentError:
        return False
    return True


def test_no_truncated_or_changed_file_opens_everything() -> None:
    committed = {one.name: one.digest for one in disclosures()}
    for data in (*truncations(FILE), *bit_flips(FILE)):
        if accepted(decode_disclosures, data):
            opened = [disclosure for disclosure in decode_disclosures(data) if opens(disclosure, committed)]
            assert len(opened) < len(committed)


REFUSED = {
    "not an array": {},
    "two elements": [SALT, "value"],
    "four elements": [SALT, "value", "name", 0],
    "a salt of 15 bytes": [SALT[:-1], "value", "name"],
    "a salt of 17 bytes": [SALT + b"0", "value", "name"],
    "a salt that is text": ["0" * 16, "value", "name"],
    "a name that is bytes": [SALT, "value", b"name"],
    "a name that is an integer": [SALT, "value", 501],
    "an empty name": [SALT, "value", ""],
    "a name that is too long": [SALT, "value", "n" * (COMMITMENT_NAME_BYTES_MAX + 1)],
}


@pytest.mark.parametrize("value", [pytest.param(value, id=name) for name, value in REFUSED.items()])
def test_other_disclosures_are_refused(value: Value) -> None:
    assert not accepted(decode_disclosure, cbor.encode(value))
    assert not accepted(decode_disclosures, cbor.encode([cbor.encode(value)]))


def test_a_file_opens_each_name_once() -> None:
    twice = [Disclosure(SALT, 1, "input").encode(), Disclosure(SALT, 2, "input").encode()]
    with pytest.raises(MalformedError, match="twice"):
        disclosures_of(twice)


def test_files_are_bounded() -> None:
    one = Disclosure(SALT, None, "name").encode()
    refused: list[Value] = [[one] * (DISCLOSURES_MAX + 1), ["text"], {}, None]
    for items in refused:
        with pytest.raises(MalformedError, match="array of at most"):
            disclosures_of(items)
    with pytest.raises(MalformedError, match="at most"):
        decode_disclosure(bytes(DISCLOSURE_BYTES_MAX + 1))
    with pytest.raises(MalformedError, match="at most"):
        decode_disclosures(bytes(DISCLOSURE_FILE_BYTES_MAX + 1))


def test_a_disclosure_keeps_its_value_out_of_sight() -> None:
    assert "secret" not in repr(Disclosure(SALT, "secret", "input"))
