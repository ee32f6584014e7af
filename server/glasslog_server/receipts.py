"""Encode the inclusion receipts at one tree head: thousands that differ in index and path alone.

They are, byte for byte, what `glasslog.receipt.encode_receipt` makes of each; what they share is encoded once. This is
a log's side only: the verifier has the general encoder and decoder.
"""

import struct
from typing import Final

from glasslog.cose import encode_bytes
from glasslog.merkle import LeafIndex
from glasslog_server.core.inclusion import FRAMED_HASH_BYTES
from glasslog_server.storage.store import TreeHead

# 18([protected, {396: {-1: [proof]}}, null, signature]), where the proof is a byte string of [size, index, path].
_SIGN1: Final = b"\xd2\x84"
_PROOFS: Final = b"\xa1\x19\x01\x8c\xa1\x20\x81"
_NO_PAYLOAD: Final = b"\xf6"
_PROOF: Final = b"\x83"
# Heads of CBOR items (RFC 8949 section 3): three bits of major type, and arguments below 24 in the same byte.
MAJOR_BYTES: Final = 0x40
MAJOR_ARRAY: Final = 0x80
_INLINE_MAX: Final = 23
_BYTE_MAX: Final = 0xFF
_UINT16_MAX: Final = 0xFFFF
_UINT32_MAX: Final = 0xFFFF_FFFF
_UINT32: Final = struct.Struct(">BI")


class ReceiptEncoder:
    """Encode receipts of inclusion at one head."""

    __slots__ = ("_before", "_behind", "_forms", "_size")

    def __init__(self, head: TreeHead) -> None:
        """Encode what all receipts at `head` share."""
        self._before = _SIGN1 + encode_bytes(head.receipt_protected) + _PROOFS
        self._behind = _NO_PAYLOAD + encode_bytes(head.receipt_signature)
        self._size = _PROOF + encode_number(head.size)
        self._forms: dict[tuple[int, int], tuple[bytes, bytes]] = {}  # by the bytes of the index and of the path

    def encode(self, index: LeafIndex, framed_path: bytes) -> bytes:
        """Return the receipt of an entry; its path is given as its hashes in CBOR, one after the other."""
        number = encode_number(index)
        lengths = (len(number), len(framed_path))
        form = self._forms.get(lengths)
        if form is None:
            form = self._forms[lengths] = self._form(*lengths)
        return b"".join((form[0], number, form[1], framed_path, self._behind))

    def _form(self, number_bytes: int, path_bytes: int) -> tuple[bytes, bytes]:
        """Return what stands before the index and before the path, in receipts in which both have these lengths."""
        count = encode_number(path_bytes // FRAMED_HASH_BYTES, MAJOR_ARRAY)
        head = encode_number(len(self._size) + number_bytes + len(count) + path_bytes, MAJOR_BYTES)
        return self._before + head + self._size, count


def encode_number(number: int, major: int = 0) -> bytes:
    """Return the CBOR of an unsigned integer below 2^64, or the head of an item of a major type with this argument."""
    if _UINT16_MAX < number <= _UINT32_MAX:  # nearly every index there is
        return _UINT32.pack(major | 0x1A, number)
    if number <= _INLINE_MAX:
        return bytes((major | number,))
    if number <= _BYTE_MAX:
        return bytes((major | 0x18, number))
    if number <= _UINT16_MAX:
        return bytes((major | 0x19,)) + number.to_bytes(2, "big")
    return bytes((major | 0x1B,)) + number.to_bytes(8, "big")
