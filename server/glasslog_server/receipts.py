"""Encode the inclusion receipts at one tree head: thousands that differ in index and path alone.

They are, byte for byte, what `glasslog.receipt.encode_receipt` makes of each; what they share is encoded once. This is
a log's side only: the verifier has the general encoder and decoder.
"""

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
# Heads of CBOR items (RFC 8949 section 3): arguments below 24 stand in the first byte.
_INLINE_MAX: Final = 23
_BYTE_MAX: Final = 0xFF
_UINT16_MAX: Final = 0xFFFF
_UINT32_MAX: Final = 0xFFFF_FFFF


class ReceiptEncoder:
    """Encode receipts of inclusion at one head."""

    __slots__ = ("_before", "_behind", "_size")

    def __init__(self, head: TreeHead) -> None:
        """Encode what all receipts at `head` share."""
        self._before = _SIGN1 + encode_bytes(head.receipt_protected) + _PROOFS
        self._behind = _NO_PAYLOAD + encode_bytes(head.receipt_signature)
        self._size = _PROOF + _encode_number(head.size)

    def encode(self, index: LeafIndex, framed_path: bytes) -> bytes:
        """Return the receipt of an entry; its path is given as its hashes in CBOR, one after the other."""
        hashes = len(framed_path) // FRAMED_HASH_BYTES
        count = bytes((0x80 | hashes,)) if hashes <= _INLINE_MAX else bytes((0x98, hashes))
        place = self._size + _encode_number(index) + count
        length = len(place) + len(framed_path)
        if length > _BYTE_MAX:
            head = b"\x59" + length.to_bytes(2, "big")
        else:
            head = bytes((0x40 | length,)) if length <= _INLINE_MAX else bytes((0x58, length))
        return b"".join((self._before, head, place, framed_path, self._behind))


def _encode_number(number: int) -> bytes:
    """Return the CBOR of an unsigned integer below 2^64."""
    if number > _UINT32_MAX:
        return b"\x1b" + number.to_bytes(8, "big")
    if number > _UINT16_MAX:
        return b"\x1a" + number.to_bytes(4, "big")
    if number > _BYTE_MAX:
        return b"\x19" + number.to_bytes(2, "big")
    return bytes((number,)) if number <= _INLINE_MAX else bytes((0x18, number))
