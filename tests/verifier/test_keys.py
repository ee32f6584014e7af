import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog import cbor
from glasslog.errors import MalformedError, SignatureError
from glasslog.keys import PublicKey, SigningKey, decode_cose_key, decode_spki, encode_spki, public_key_of
from tests.verifier.fuzzing import accepted, bit_flips, damaged, insertions, truncations

KEY = SigningKey(bytes(range(32)))

# RFC 8032 section 7.1, tests 1 to 3.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize("seed, public, message, signature", RFC_8032)
def test_signatures_are_those_of_the_specification(seed: str, public: str, message: str, signature: str) -> None:
    key = SigningKey(bytes.fromhex(seed))
    assert key.public_key.raw.hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    key.public_key.verify(bytes.fromhex(signature), bytes.fromhex(message))


@given(st.binary(max_size=100), st.data())
def test_a_changed_message_or_signature_does_not_verify(message: bytes, data: st.DataObject) -> None:
    signature = KEY.sign(message)
    KEY.public_key.verify(signature, message)
    position = data.draw(st.integers(0, 63))
    changed = signature[:position] + bytes((signature[position] ^ 1,)) + signature[position + 1 :]
    for bad_signature, bad_message in ((changed, message), (signature, message + b"\0"), (signature, b"\0" + message)):
        with pytest.raises(SignatureError):
            KEY.public_key.verify(bad_signature, bad_message)


@pytest.mark.parametrize("length", [0, 63, 65, 128])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(SignatureError, match="64 bytes"):
        KEY.public_key.verify(bytes(length), b"")


def test_a_signature_with_a_scalar_out_of_range_is_refused() -> None:
    """Adding the group order to S gives a second signature to naive verifiers (RFC 8032 section 8.4)."""
    order = 2**252 + 27742317777372353535851937790883648493
    signature = KEY.sign(b"message")
    scalar = int.from_bytes(signature[32:], "little") + order
    with pytest.raises(SignatureError):
        KEY.public_key.verify(signature[:32] + scalar.to_bytes(32, "little"), b"message")


def test_a_key_of_small_order_verifies_nothing() -> None:
    """With the neutral element as the key, the zero signature would fit every message."""
    neutral = PublicKey(b"\x01" + bytes(31))
    with pytest.raises(SignatureError):
        neutral.verify(b"\x01" + bytes(63), b"any message")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_keys_have_32_bytes(length: int) -> None:
    with pytest.raises(MalformedError, match="32 bytes"):
        PublicKey(bytes(length))
    with pytest.raises(MalformedError, match="32 bytes"):
        SigningKey(bytes(length))


def test_the_kid_is_the_thumbprint_of_the_required_members() -> None:
    required = b"\xa3\x01\x01\x20\x06\x21" + cbor.encode(KEY.public_key.raw)
    assert KEY.public_key.kid == hashlib.sha256(required).digest()


def test_a_secret_key_is_named_by_its_kid_alone() -> None:
    assert repr(KEY) == f"SigningKey(kid={KEY.public_key.kid.hex()})"
    assert KEY.seed == bytes(range(32))


@given(st.binary(min_size=32, max_size=32))
def test_cose_keys_and_spki_lead_back_to_the_key(raw: bytes) -> None:
    key = PublicKey(raw)
    assert decode_cose_key(key.cose_key()) == key
    assert decode_spki(encode_spki(key)) == key
    members = cbor.decode_foreign(key.cose_key())
    assert members == {1: 1, 2: key.kid, 3: -8, -1: 6, -2: raw}


def cose_key(**changes: object) -> dict[int, object]:
    names = {"kty": 1, "kid": 2, "alg": 3, "crv": -1, "x": -2}
    members: dict[int, object] = {1: 1, -1: 6, -2: KEY.public_key.raw}
    for name, value in changes.items():
        members[names[name]] = value
    return {label: value for label, value in members.items() if value is not None}


def test_kid_and_alg_may_be_left_out_of_a_cose_key() -> None:
    assert public_key_of(cose_key()) == KEY.public_key


@pytest.mark.parametrize(
    "key",
    [
        cose_key(kty=2),
        cose_key(kty=None),
        cose_key(crv=4),
        cose_key(crv=None),
        cose_key(x=None),
        cose_key(x="text"),
        cose_key(x=bytes(31)),
        cose_key(kid=bytes(32)),
        [],
        None,
        "key",
    ],
    ids=repr,
)
def test_other_cose_keys_are_refused(key: object) -> None:
    with pytest.raises(MalformedError):
        public_key_of(key)


@given(st.one_of(st.binary(max_size=100), damaged(KEY.public_key.cose_key())))
def test_any_bytes_are_a_cose_key_or_malformed(data: bytes) -> None:
    accepted(decode_cose_key, data)


@given(st.one_of(st.binary(max_size=100), damaged(encode_spki(KEY.public_key))))
def test_any_bytes_are_an_spki_or_malformed(data: bytes) -> None:
    if accepted(decode_spki, data):
        assert encode_spki(decode_spki(data)) == data


def test_an_spki_has_one_form() -> None:
    der = encode_spki(KEY.public_key)
    for data in (*truncations(der), *insertions(der)):
        assert not accepted(decode_spki, data)
    assert {decode_spki(data) for data in bit_flips(der) if accepted(decode_spki, data)} == {
        PublicKey(data[12:]) for data in bit_flips(der) if data[:12] == der[:12]
    }
