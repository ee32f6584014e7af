"""The frame that nearly all statements have, read at a glance: who signed, and where the parts stand.

The statements of an issuer about its decisions begin with the same bytes, up to the sub, which is a URN of one length
and which the deterministic encoding puts last in the protected header:

    d2 84 58 nn   tag, array, and the head of a protected header of nn bytes, 24 to 255
    ...           the protected header up to the sub: who signed
    urn:uuid:...  the sub, 45 bytes
    a0            an empty unprotected header
    59 nn nn      the head of a payload of 256 bytes or more
    ...           the payload
    58 40 ...     the signature, 64 bytes

So what stands before the sub is looked up, once `glasslog.statement` has decoded it in the general way, and the rest is
matched with one expression. Nothing here says what is wrong with a statement: what is not like this has to be decoded.
"""

from binascii import unhexlify
from typing import Final, NamedTuple

from glasslog.keys import SIGNATURE_BYTES

PROTECTED_HEAD: Final = 2  # where the head of the protected header stands, behind tag and array
SIGNATURE_HEAD: Final = b"\x58\x40"
SIGNATURE_PART: Final = len(SIGNATURE_HEAD) + SIGNATURE_BYTES  # what follows the payload
SUBJECT_BYTES: Final = 45  # urn:uuid: and a UUID, the sub of every decision
PAYLOAD_HEAD: Final = 4  # bytes between the protected header and the payload

_UUID: Final = rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_UUID_CHARACTERS: Final = 36
DECISION_FRAME: Final = (b"urn:uuid:" + _UUID + rb"\xa0\x59[\x01-\xff].", rb"\x58\x40.{64}")
"""What stands around the payload of a statement about a decision, from the sub on: an expression for either side."""
_START: Final = b"\xd2\x84\x58"
_PROTECTED: Final = 4  # where the protected header starts
_BYTES_MIN: Final = 256
_KNOWN_MAX: Final = 4_096


class Signatory(NamedTuple):
    """Whose statements these are: what those of one issuer's key about one kind of content have in common."""

    issuer: str
    kid: bytes
    content_type: str


_known: Final[dict[bytes, Signatory]] = {}
"""What statements begin with, up to the sub, and who signs those that do."""


def glance(entry: bytes) -> tuple[Signatory | None, int]:
    """Return who signed an entry and where its protected header ends, if it begins as one that was remembered.

    The length of its payload is right then; what stands from the sub on was not looked at. Of others, nobody is said to
    have signed them. Costs 0.4 us.
    """
    if len(entry) < _BYTES_MIN:
        return None, 0
    end = _PROTECTED + entry[3]
    signatory = _known.get(entry[: end - SUBJECT_BYTES])
    payload_bytes = len(entry) - end - PAYLOAD_HEAD - SIGNATURE_PART
    if signatory is None or int.from_bytes(entry[end + 2 : end + 4]) != payload_bytes:
        return None, 0
    return signatory, end


def decision_of(entry: bytes, end: int) -> bytes:
    """Return the UUID of the decision that an entry in DECISION_FRAME is about, 16 bytes."""
    return unhexlify(entry[end - _UUID_CHARACTERS : end].replace(b"-", b""))


def remember(entry: bytes, end: int, subject: str, signatory: Signatory) -> None:
    """Remember what stands before the sub, if the sub stands where it is looked for, and nowhere else."""
    start = end - SUBJECT_BYTES
    octets = subject.encode()
    stands_last = entry[start:end] == octets and 0 < start == entry.find(octets, 0, end)
    if stands_last and entry.startswith(_START):
        if len(_known) >= _KNOWN_MAX:
            _known.clear()
        _known[entry[:start]] = signatory
