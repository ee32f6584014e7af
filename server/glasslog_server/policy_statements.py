"""What the operator signs after entry 0: which issuer keys may submit, and which no longer."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from glasslog.authority import POLICY_STREAM, Authority, RegisteredKey
from glasslog.keys import PublicKey, Signer
from glasslog.records import Stream
from glasslog.statement import SignedStatement
from glasslog_server.genesis import sign_policy_record

_VERSION_7: Final = 0x7
_VARIANT: Final = 0b10


@dataclass(frozen=True, slots=True)
class Registration:
    """The body of an `issuer-registration`. Times are POSIX milliseconds, [valid_from, valid_until)."""

    action: Literal["register", "revoke"]
    issuer: str
    key: PublicKey
    valid_from: int
    valid_until: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyEntries:
    """What the operator has said so far: every registered key, in the order of the log, and where the next one goes."""

    next_place: Stream
    keys: Sequence[RegisteredKey]


def policy_entries_of(authority: Authority) -> PolicyEntries:
    """Return what the operator's entries up to a tree head lead to."""
    keys = sorted(authority.keys.values(), key=lambda registered: registered.registered_at)
    return PolicyEntries(Stream(POLICY_STREAM, authority.next_seq, authority.last_leaf), keys)


def sign_registration(
    operator: Signer, origin: str, place: Stream, registration: Registration, time_ms: int
) -> SignedStatement:
    """Return the operator's statement of a registration or revocation. Raises MalformedError, SigningError."""
    body: dict[str, object] = {
        "action": registration.action,
        "issuer": registration.issuer,
        "key": registration.key.raw,
        "valid_from": registration.valid_from,
    }
    if registration.valid_until is not None:
        body["valid_until"] = registration.valid_until
    if registration.reason is not None:
        body["reason"] = registration.reason
    record_id = new_record_id(time_ms)
    return sign_policy_record(
        operator, origin, place, "issuer-registration", body, record_id=record_id, time_ms=time_ms
    )


def new_record_id(time_ms: int) -> bytes:
    """Return a UUIDv7 of this moment (RFC 9562 section 5.7), 16 bytes."""
    chance = int.from_bytes(os.urandom(10), "big")
    number = (time_ms & (1 << 48) - 1) << 80 | _VERSION_7 << 76 | _VARIANT << 62 | chance & ~(0x3 << 62 | 0xF << 76)
    return number.to_bytes(16, "big")
