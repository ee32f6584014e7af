"""The operator's own records: what the log admits, and which issuer keys may sign (RFC 9943: policy is logged too).

Entry 0 of every log is a `log-policy` that carries the operator's key and is signed by it. All that follows about who
may submit is an `issuer-registration` or a newer `log-policy`, signed by that key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from glasslog.cbor import Value
from glasslog.keys import PUBLIC_KEY_BYTES, PublicKey
from glasslog.limits import ENTRY_BYTES_MAX
from glasslog.records.schema import Relation, array, closed_map, octets, one_of, text, time_ms, token, unsigned, uri

ENTRIES_ACCESS: Final = ("public", "token")
ACTIONS: Final = ("register", "revoke")
_LIST_MAX: Final = 64

LOG_POLICY: Final = closed_map(
    {
        "origin": text(),
        "operator_key": octets(PUBLIC_KEY_BYTES),
        "log_keys": array(octets(PUBLIC_KEY_BYTES), 8, minimum=1),
        "content_types": array(text(), _LIST_MAX, minimum=1),
        "record_types": array(token, _LIST_MAX, minimum=1),
        "entry_bytes_max": unsigned(ENTRY_BYTES_MAX),
        "entries_access": one_of(*ENTRIES_ACCESS),
    }
)
"""What the log admits: its registration policy (RFC 9943), and the keys under which it speaks."""

ISSUER_REGISTRATION: Final = closed_map(
    {"action": one_of(*ACTIONS), "issuer": uri, "key": octets(PUBLIC_KEY_BYTES), "valid_from": time_ms},
    {"valid_until": time_ms, "reason": text()},
    relations=[Relation(("valid_from", "valid_until"), lambda first, end: first < end, "an end after valid_from")],
)
"""An issuer's key is registered for [valid_from, valid_until), or revoked: the trust anchors of RFC 9943."""


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """What a log admits and under which keys it speaks: the body of a `log-policy` record."""

    origin: str
    operator_key: PublicKey
    log_keys: tuple[PublicKey, ...]
    content_types: frozenset[str]
    record_types: frozenset[str]
    entry_bytes_max: int
    entries_access: str

    @classmethod
    def of_body(cls, body: Mapping[str, Value]) -> "LogPolicy":
        """Return the policy that a checked `log-policy` body states."""
        return cls(
            origin=body["origin"],
            operator_key=PublicKey(body["operator_key"]),
            log_keys=tuple(PublicKey(key) for key in body["log_keys"]),
            content_types=frozenset(body["content_types"]),
            record_types=frozenset(body["record_types"]),
            entry_bytes_max=body["entry_bytes_max"],
            entries_access=body["entries_access"],
        )

    def body(self) -> dict[str, Value]:
        """Return the body of the record that states this policy."""
        return {
            "origin": self.origin,
            "operator_key": self.operator_key.raw,
            "log_keys": [key.raw for key in self.log_keys],
            "content_types": sorted(self.content_types),
            "record_types": sorted(self.record_types),
            "entry_bytes_max": self.entry_bytes_max,
            "entries_access": self.entries_access,
        }
