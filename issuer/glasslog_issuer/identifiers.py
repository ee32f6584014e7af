"""Make the identifiers that records carry: UUIDv7 for a record, a random URN for a decision.

A record's id begins with its time, so that ids sort as records were made. A decision's URN is public (it is the `sub`
of every statement about the decision, and what the log is asked by), so it holds no time and nothing of a person.
"""

from collections.abc import Callable
from typing import Final

ID_BYTES: Final = 16
_TIME_MS_MAX: Final = 2**48 - 1


def record_id(time_ms: int, random_bytes: Callable[[int], bytes]) -> bytes:
    """Return a UUIDv7 of 16 bytes: 48 bits of POSIX milliseconds, then 74 random bits (RFC 9562 section 5.7)."""
    if not 0 <= time_ms <= _TIME_MS_MAX:
        msg = f"expected POSIX milliseconds of 48 bits, got {time_ms}"
        raise ValueError(msg)
    octets = bytearray(time_ms.to_bytes(6, "big") + random_bytes(10))
    octets[6] = 0x70 | octets[6] & 0x0F  # version 7
    octets[8] = 0x80 | octets[8] & 0x3F  # variant 10
    return bytes(octets)


def decision_urn(random_bytes: Callable[[int], bytes]) -> str:
    """Return `urn:uuid:` and a random UUID (version 4): what all statements about one decision are about."""
    octets = bytearray(random_bytes(ID_BYTES))
    octets[6] = 0x40 | octets[6] & 0x0F  # version 4
    octets[8] = 0x80 | octets[8] & 0x3F  # variant 10
    digits = octets.hex()
    return f"urn:uuid:{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
