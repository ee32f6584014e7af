"""Read and write COSE_Sign1 messages (RFC 9052 section 4.2), byte for byte.

The frame is read by hand, not by a general decoder: what was signed is the protected header and the payload exactly as
they were received, so both are slices of the input and are never encoded again. What the headers mean is for
`glasslog.statement` and `glasslog.receipt` to say.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from glasslog import cbor
from glasslog.errors import MalformedError
from glasslog.keys import SIGNATURE_BYTES
from glasslog.limits import PROTECTED_BYTES_MAX

HEADER_ALG: Final = 1
HEADER_CRIT: Final = 2
HEADER_CONTENT_TYPE: Final = 3
HEADER_KID: Final = 4
HEADER_CWT_CLAIMS: Final = 15  # RFC 9597
HEADER_VDS: Final = 395  # RFC 9942, verifiable data structure
VDS_RFC9162_SHA256: Final = 1
CWT_ISS: Final = 1
CWT_SUB: Final = 2
CWT_IAT: Final = 6

EMPTY_MAP: Final = b"\xa0"
_TAGGED_ARRAY_OF_4: Final = b"\xd2\x84"  # tag 18 (COSE_Sign1), array(4)
_NULL: Final = b"\xf6"
SIG_STRUCTURE_PREFIX: Final = b"\x84\x6aSignature1"  # RFC 9052 section 4.4, up to the protected header
NO_EXTERNAL_AAD: Final = b"\x40"
# The frame of nearly every statement: a protected header of 24 to 255 bytes, no unprotected one, a payload of 256 to
# 65,535 bytes, a signature of 64.
_COMMON_START: Final = b"\xd2\x84\x58"
_COMMON_MIDDLE: Final = b"\xa0\x59"
_COMMON_END: Final = b"\x58\x40"
_DIRECT_LENGTH_MAX: Final = 23
_PROTECTED_START: Final = 4
_FRAME_BYTES: Final = _PROTECTED_START + len(_COMMON_MIDDLE) + 2 + len(_COMMON_END) + SIGNATURE_BYTES


class Sign1(NamedTuple):
    """A COSE_Sign1 message with its four parts as received; `unprotected` is the encoded map."""

    protected: bytes
    unprotected: bytes
    payload: bytes | None
    signature: bytes

    def encode(self) -> bytes:
        """Return the tagged message: 18([protected, unprotected, payload or null, signature])."""
        payload = _NULL if self.payload is None else encode_bytes(self.payload)
        parts = (_TAGGED_ARRAY_OF_4, encode_bytes(self.protected), self.unprotected, payload)
        return b"".join((*parts, encode_bytes(self.signature)))


def encode_bytes(value: bytes) -> bytes:
    """Return the CBOR byte string of `value`."""
    length = len(value)
    if length < 24:  # noqa: PLR2004 (RFC 8949 section 3: the argument fits the first byte)
        return bytes((0x40 | length,)) + value
    for head, width in ((0x58, 1), (0x59, 2), (0x5A, 4)):
        if length < 1 << (8 * width):
            return bytes((head,)) + length.to_bytes(width, "big") + value
    msg = f"expected a byte string below 4 GiB, got {length} bytes"
    raise ValueError(msg)


def signed_bytes(protected: bytes, payload: bytes) -> bytes:
    """Return the Sig_structure that a COSE_Sign1 signature is over, without external data (RFC 9052 section 4.4)."""
    return b"".join((SIG_STRUCTURE_PREFIX, encode_bytes(protected), NO_EXTERNAL_AAD, encode_bytes(payload)))


def decode_sign1(data: bytes) -> Sign1:
    """Return the message that `data` is, from its tag to its last byte. Raises MalformedError."""
    message, end = read_sign1(data, 0)
    if end != len(data):
        msg = f"expected a COSE_Sign1 message of {end} bytes, got {len(data)} bytes"
        raise MalformedError(msg)
    return message


def read_sign1(data: bytes, position: int) -> tuple[Sign1, int]:
    """Return the message that starts at `position`, and where it ends. Raises MalformedError.

    Demanded: tag 18, an array of four, shortest heads for the frame and the byte strings, a signature of 64 bytes.
    """
    if not data.startswith(_TAGGED_ARRAY_OF_4, position):
        msg = f"expected a COSE_Sign1 message (tag 18, array of 4) at byte {position}"
        raise MalformedError(msg)
    protected, position = cbor.read_bytes(data, position + len(_TAGGED_ARRAY_OF_4))
    if len(protected) > PROTECTED_BYTES_MAX:
        msg = f"expected a protected header of at most {PROTECTED_BYTES_MAX} bytes, got {len(protected)}"
        raise MalformedError(msg)
    after = position + 1 if data.startswith(EMPTY_MAP, position) else cbor.item_end(data, position)
    unprotected = data[position:after]
    position = after
    payload: bytes | None = None
    if data.startswith(_NULL, position):
        position += 1
    else:
        payload, position = cbor.read_bytes(data, position)
    signature, position = cbor.read_bytes(data, position)
    if len(signature) != SIGNATURE_BYTES:
        msg = f"expected an Ed25519 signature of {SIGNATURE_BYTES} bytes, got {len(signature)}"
        raise MalformedError(msg)
    return Sign1(protected, unprotected, payload, signature), position


def split_sequence(data: bytes, items_max: int) -> list[bytes]:
    """Return the messages of a CBOR sequence (RFC 8742) of COSE_Sign1 messages, each as its own bytes.

    Raises MalformedError for anything between or behind them, an empty sequence, and more than `items_max`.
    """
    messages = list(islice(sequence_items(data), items_max + 1))
    if not messages:
        msg = "expected at least one message in the sequence, got none"
        raise MalformedError(msg)
    if len(messages) > items_max:
        msg = f"expected at most {items_max} messages in the sequence, got more"
        raise MalformedError(msg)
    return messages


def sequence_items(data: bytes) -> Iterator[bytes]:
    """Yield what `cbor.sequence_items` does, several times faster where it is statements. Raises MalformedError."""
    position = 0
    while position < len(data):
        end = _common_end(data, position) or cbor.item_end(data, position)
        yield data[position:end]
        position = end


def _common_end(data: bytes, position: int) -> int:
    """Return where a message ends that is framed as nearly every statement is, 0 for all others."""
    try:
        middle = position + _PROTECTED_START + data[position + 3]
        payload_bytes = data[middle + 2] << 8 | data[middle + 3]
    except IndexError:
        return 0
    end = middle + payload_bytes + _FRAME_BYTES - _PROTECTED_START
    if (
        data.startswith(_COMMON_START, position)
        and data.startswith(_COMMON_MIDDLE, middle)
        and data.startswith(_COMMON_END, end - SIGNATURE_BYTES - len(_COMMON_END))
        and data[position + 3] > _DIRECT_LENGTH_MAX
        and data[middle + 2]
        and end <= len(data)
    ):
        return end
    return 0
