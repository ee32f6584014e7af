import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.errors import MalformedError
from glasslog.keys import SigningKey
from glasslog.pem import decode_private_key, decode_public_key, encode_private_key, encode_public_key
from tests.verifier.fuzzing import accepted, damaged

# The examples of RFC 8410 section 10.
RFC_8410_PRIVATE = b"""-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
"""
RFC_8410_PUBLIC = b"""-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""
PRIVATE = encode_private_key(SigningKey(bytes(32)))
PUBLIC = encode_public_key(SigningKey(bytes(32)).public_key)


def test_the_examples_of_the_specification_belong_together() -> None:
    key = decode_private_key(RFC_8410_PRIVATE)
    assert key.public_key == decode_public_key(RFC_8410_PUBLIC)
    assert encode_private_key(key) == RFC_8410_PRIVATE
    assert encode_public_key(key.public_key) == RFC_8410_PUBLIC


@given(st.binary(min_size=32, max_size=32))
def test_keys_come_back_from_pem(seed: bytes) -> None:
    key = SigningKey(seed)
    assert decode_private_key(encode_private_key(key)).seed == seed
    assert decode_public_key(encode_public_key(key.public_key)) == key.public_key


def test_line_ends_of_another_system_are_read() -> None:
    assert decode_public_key(PUBLIC.replace(b"\n", b"\r\n")) == decode_public_key(PUBLIC)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        PRIVATE + PUBLIC,
        PUBLIC + PUBLIC,
        PUBLIC.replace(b"BEGIN", b"START"),
        PUBLIC.replace(b"END PUBLIC", b"END PRIVATE"),
        PUBLIC.replace(b"MCow", b"MCo!"),
        PUBLIC.replace(b"MCow", b"MC4w"),
        PUBLIC.replace(b"=", b""),
        PUBLIC[:-30],
        b"x" + PUBLIC,
        PUBLIC + b"x",
        b"-----BEGIN PUBLIC KEY-----\n\n-----END PUBLIC KEY-----\n",
        b"-----BEGIN PUBLIC KEY-----\n" + b"A" * 2_000 + b"\n-----END PUBLIC KEY-----\n",
    ],
)
def test_what_is_not_one_block_of_a_public_key_is_refused(data: bytes) -> None:
    assert not accepted(decode_public_key, data)


def test_the_two_kinds_are_not_taken_for_each_other() -> None:
    with pytest.raises(MalformedError, match="PRIVATE KEY"):
        decode_private_key(PUBLIC)
    with pytest.raises(MalformedError, match="PUBLIC KEY"):
        decode_public_key(PRIVATE)


def test_a_private_key_of_another_algorithm_is_refused() -> None:
    x25519 = RFC_8410_PRIVATE.replace(b"MC4CAQAwBQYDK2Vw", b"MC4CAQAwBQYDK2Vu")
    with pytest.raises(MalformedError, match="Ed25519 private key"):
        decode_private_key(x25519)


@given(st.one_of(st.binary(max_size=200), damaged(PUBLIC), damaged(PRIVATE)))
def test_any_bytes_are_a_key_or_malformed(data: bytes) -> None:
    accepted(decode_public_key, data)
    accepted(decode_private_key, data)
