import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog import cbor, cose
from glasslog.cose import EMPTY_MAP, Sign1, decode_sign1, read_sign1, signed_bytes, split_sequence
from glasslog.errors import MalformedError
from glasslog.keys import PublicKey, SigningKey
from glasslog.limits import PROTECTED_BYTES_MAX
from tests.verifier.fuzzing import accepted, bit_flips, damaged, truncations

SIGNATURE = bytes(range(64))
MESSAGE = Sign1(b"\xa1\x01\x27", EMPTY_MAP, b"payload", SIGNATURE)
MESSAGES = st.builds(
    Sign1,
    protected=st.binary(max_size=300),
    unprotected=st.one_of(st.just(EMPTY_MAP), st.dictionaries(st.integers(0, 500), st.binary()).map(cbor.encode)),
    payload=st.one_of(st.none(), st.binary(max_size=300)),
    signature=st.binary(min_size=64, max_size=64),
)

# cose-wg/Examples eddsa-examples/eddsa-sig-01: key 11 of RFC 9052's examples, EdDSA over "This is the content."
EXAMPLE_KEY = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
EXAMPLE_SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
EXAMPLE_MESSAGE = (
    "d28445a201270300a10442313154546869732069732074686520636f6e74656e742e5840"
    "7142fd2ff96d56db85bee905a76ba1d0b7321a95c8c4d3607c5781932b7afb87"
    "11497dfa751bf40b58b3bcc32300b1487f3db34085eef013bf08f4a44d6fef0d"
)


def test_the_example_of_the_working_group_verifies() -> None:
    message = decode_sign1(bytes.fromhex(EXAMPLE_MESSAGE))
    assert message.payload == b"This is the content."
    assert cbor.decode_foreign(message.unprotected) == {4: b"11"}
    to_be_signed = signed_bytes(message.protected, message.payload)
    PublicKey(bytes.fromhex(EXAMPLE_KEY)).verify(message.signature, to_be_signed)
    assert SigningKey(bytes.fromhex(EXAMPLE_SEED)).sign(to_be_signed) == message.signature
    assert message.encode().hex() == EXAMPLE_MESSAGE


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_what_is_signed_is_the_sig_structure(protected: bytes, payload: bytes) -> None:
    assert signed_bytes(protected, payload) == cbor.encode(["Signature1", protected, b"", payload])


@pytest.mark.parametrize("length", [0, 1, 23, 24, 255, 256, 65_535, 65_536])
def test_byte_strings_have_the_shortest_head(length: int) -> None:
    assert cose.encode_bytes(bytes(length)) == cbor.encode(bytes(length))


def test_byte_strings_of_4_gib_are_not_made() -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return 1 << 32

    with pytest.raises(ValueError, match="4 GiB"):
        cose.encode_bytes(Huge())


@given(MESSAGES)
def test_messages_come_back_byte_for_byte(message: Sign1) -> None:
    encoded = message.encode()
    assert decode_sign1(encoded) == message
    assert read_sign1(b"before" + encoded + b"after", 6) == (message, 6 + len(encoded))


@given(MESSAGES)
def test_a_message_ends_where_it_ends(message: Sign1) -> None:
    encoded = message.encode()
    for data in (*truncations(encoded), encoded + b"\0", encoded + encoded):
        assert not accepted(decode_sign1, data)


@given(st.one_of(st.binary(max_size=200), damaged(MESSAGE.encode()), st.binary().map(lambda rest: b"\xd2\x84" + rest)))
def test_any_bytes_are_a_message_or_malformed(data: bytes) -> None:
    if accepted(decode_sign1, data):
        assert decode_sign1(data).encode() == data


def test_every_flipped_bit_is_refused_or_read_back_as_it_is() -> None:
    for data in bit_flips(MESSAGE.encode()):
        if accepted(decode_sign1, data):
            assert decode_sign1(data).encode() == data


REFUSED = {
    "no tag": MESSAGE.encode()[1:],
    "tag 17 (COSE_Mac0)": b"\xd1" + MESSAGE.encode()[1:],
    "tag 98 (COSE_Sign)": b"\xd8\x62" + MESSAGE.encode()[1:],
    "tag 18 twice": b"\xd2" + MESSAGE.encode(),
    "tag 18 in two bytes": b"\xd8\x12" + MESSAGE.encode()[1:],
    "an array of three": b"\xd2\x83" + MESSAGE.encode()[2:-66],
    "an array of five": b"\xd2\x85" + MESSAGE.encode()[2:] + b"\xf6",
    "an indefinite array": b"\xd2\x9f" + MESSAGE.encode()[2:] + b"\xff",
    "an array length in two bytes": b"\xd2\x98\x04" + MESSAGE.encode()[2:],
    "a protected header that is a map": b"\xd2\x84\xa1\x01\x27" + MESSAGE.encode()[6:],
    "a protected header with an overlong head": b"\xd2\x84\x58\x03" + MESSAGE.encode()[3:],
    "an indefinite unprotected map": b"\xd2\x84\x43\xa1\x01\x27\xbf\xff" + MESSAGE.encode()[7:],
    "an undefined payload": MESSAGE.encode().replace(b"\xa0\x47payload", b"\xa0\xf7"),
    "a text payload": MESSAGE.encode().replace(b"\x47payload", b"\x67payload"),
    "a payload with an overlong head": MESSAGE.encode().replace(b"\x47payload", b"\x58\x07payload"),
    "an indefinite payload": MESSAGE.encode().replace(b"\x47payload", b"\x5f\x47payload\xff"),
    "a signature of 63 bytes": Sign1(b"", EMPTY_MAP, b"", bytes(63)).encode(),
    "a signature of 65 bytes": Sign1(b"", EMPTY_MAP, b"", bytes(65)).encode(),
    "no signature": MESSAGE.encode()[:-66] + b"\xf6",
    "a protected header that is too long": Sign1(bytes(PROTECTED_BYTES_MAX + 1), EMPTY_MAP, b"", SIGNATURE).encode(),
}


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in REFUSED.items()])
def test_other_frames_are_refused(data: bytes) -> None:
    assert not accepted(decode_sign1, data)


@given(st.lists(MESSAGES.map(Sign1.encode), min_size=1, max_size=5))
def test_a_sequence_is_split_into_its_messages(messages: list[bytes]) -> None:
    assert split_sequence(b"".join(messages), 5) == messages


@given(st.one_of(st.binary(max_size=100), damaged(MESSAGE.encode() * 3)))
def test_any_bytes_are_a_sequence_or_malformed(data: bytes) -> None:
    if accepted(lambda octets: split_sequence(octets, 100), data):
        assert b"".join(split_sequence(data, 100)) == data


def test_a_sequence_holds_one_to_the_maximum_of_messages() -> None:
    with pytest.raises(MalformedError, match="at least one"):
        split_sequence(b"", 3)
    with pytest.raises(MalformedError, match="at most 2"):
        split_sequence(MESSAGE.encode() * 3, 2)
    with pytest.raises(MalformedError):
        split_sequence(MESSAGE.encode() * 2 + b"\xff", 3)
