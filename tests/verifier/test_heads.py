"""Kept heads: the codec, and what a signature over one shows."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog import cbor, cose
from glasslog.errors import AlgorithmError, MalformedError, MismatchError, SignatureError, UnknownKeyError
from glasslog.heads import KeptHead, decode_head, decode_heads, encode_heads
from glasslog.keys import SigningKey
from glasslog.limits import HEAD_BYTES_MAX, TREE_SIZE_MAX
from glasslog.merkle import Hash, TreeSize
from glasslog.receipt import encode_receipt_header

KEY = SigningKey(hashlib.sha256(b"log").digest())
OTHER = SigningKey(hashlib.sha256(b"other").digest())
ISSUER = "https://log.example/heads"
ROOT = Hash(hashlib.sha256(b"root").digest())

heads = st.builds(
    KeptHead,
    st.integers(1, TREE_SIZE_MAX).map(TreeSize),
    st.binary(min_size=32, max_size=32).map(Hash),
    st.binary(max_size=300),
    st.binary(min_size=64, max_size=64),
)


def signed(protected: bytes, root: Hash = ROOT, size: int = 7) -> KeptHead:
    return KeptHead(TreeSize(size), root, protected, KEY.sign(cose.signed_bytes(protected, root)))


def header(time: int = 1_700_000_000) -> bytes:
    return encode_receipt_header(KEY.public_key, issuer=ISSUER, subject=ISSUER, time=time)


def headers_without(label: int) -> bytes:
    fields = cbor.decode(header())
    del fields[label]
    return cbor.encode(fields)


@given(st.lists(heads, max_size=5, unique_by=lambda head: head.size))
def test_heads_come_back_as_they_were(written: list[KeptHead]) -> None:
    written.sort(key=lambda head: head.size)
    assert decode_heads(encode_heads(written)) == written


@given(heads)
def test_the_encoding_is_the_deterministic_one(head: KeptHead) -> None:
    assert head.encode() == cbor.encode([head.size, head.root, head.protected, head.signature])


@given(st.binary(max_size=400))
def test_any_bytes_are_heads_or_malformed(data: bytes) -> None:
    try:
        decoded = decode_heads(data)
    except MalformedError:
        return
    assert encode_heads(decoded) == data


@given(heads, st.data())
def test_a_changed_byte_is_another_head_or_malformed(head: KeptHead, data: st.DataObject) -> None:
    encoded = bytearray(head.encode())
    position = data.draw(st.integers(0, len(encoded) - 1))
    encoded[position] ^= data.draw(st.integers(1, 255))
    try:
        decoded = decode_head(bytes(encoded))
    except MalformedError:
        return
    assert decoded != head
    assert decoded.encode() == encoded


@pytest.mark.parametrize(
    "item",
    [
        [0, ROOT, b"", bytes(64)],
        [2**63, ROOT, b"", bytes(64)],
        [True, ROOT, b"", bytes(64)],
        [1, ROOT[:31], b"", bytes(64)],
        [1, ROOT, "", bytes(64)],
        [1, ROOT, bytes(2_049), bytes(64)],
        [1, ROOT, b"", bytes(63)],
        [1, ROOT, b""],
        [1, ROOT, b"", bytes(64), 1],
        {"size": 1},
        1,
        [1, ROOT, b"", bytes(HEAD_BYTES_MAX)],
    ],
)
def test_other_items_are_malformed(item: cbor.Value) -> None:
    with pytest.raises(MalformedError):
        decode_heads(cbor.encode(item))


def test_sizes_must_ascend() -> None:
    first, second = (KeptHead(TreeSize(size), ROOT, b"", bytes(64)) for size in (1, 2))
    for wrong in ([second, first], [first, first]):
        with pytest.raises(MalformedError):
            decode_heads(encode_heads(wrong))


def test_a_head_tells_the_time_of_the_log() -> None:
    assert signed(header(12_345)).verify(ISSUER, [OTHER.public_key, KEY.public_key]) == 12_345


def test_a_head_over_another_root_or_with_another_time_does_not_verify() -> None:
    good = signed(header())
    other_root = KeptHead(good.size, Hash(bytes(32)), good.protected, good.signature)
    other_time = KeptHead(good.size, good.root, header(1), good.signature)
    for bad in (other_root, other_time):
        with pytest.raises(SignatureError):
            bad.verify(ISSUER, [KEY.public_key])


def test_a_head_of_another_log_or_key_is_refused() -> None:
    with pytest.raises(UnknownKeyError):
        signed(header()).verify(ISSUER, [OTHER.public_key])
    with pytest.raises(MismatchError):
        signed(header()).verify("https://log.example/other", [KEY.public_key])


@pytest.mark.parametrize(
    "protected, error",
    [
        (headers_without(1), AlgorithmError),
        (headers_without(4), MalformedError),
        (headers_without(15), MalformedError),
        (headers_without(395), MalformedError),
        (b"", MalformedError),
        (b"\x80", MalformedError),
        (header() + b"\x00", MalformedError),
        (b"\xa6" + header()[1:] + b"\x02\x80", MalformedError),
        (header(2**63), MalformedError),
    ],
)
def test_a_header_that_is_none_of_a_receipt_is_refused(protected: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        signed(protected).verify(ISSUER, [KEY.public_key])
