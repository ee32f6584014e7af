"""Evidence bundles: all that shows one entry of a log, in one file (`.glasslog`).

A bundle is one map in deterministic CBOR (RFC 8949 section 4.2.1), so that one piece of evidence has one encoding:

    {
      "v": 1,                        the version of this format
      "type": "glasslog-bundle",
      "proof": bstr,                 C2SP tlog-proof of the entry, with a signed checkpoint
      "receipt": bstr,               COSE receipt of inclusion (RFC 9942)
      "authority": [                 operator's entries, in the order of the log; the first is entry 0, the log-policy
        {"proof": bstr, "statement": bstr}, ...
      ],
      "statement": bstr,             the Signed Statement, which is the entry
      ? "disclosures": [bstr, ...]   each an encoded disclosure [salt, value, name]
    }

The keys stand in this order, so every file begins with the same bytes. Each entry of the authority chain has a
tlog-proof of its own, and all proofs carry the checkpoint of the first: one signed tree shows everything. The chain
holds entry 0, every later log-policy below the checkpoint's size, and the registrations of the key that signed the
statement; others may be left out, which is why a bundle cannot show that a key was not revoked.

The parts are kept as bytes: a bundle is a container, and `glasslog.verify` opens and checks what is in it.
"""

from dataclasses import dataclass, field
from typing import Final

from glasslog import cbor
from glasslog.errors import MalformedError
from glasslog.limits import (
    AUTHORITY_CHAIN_MAX,
    BUNDLE_BYTES_MAX,
    DISCLOSURE_BYTES_MAX,
    DISCLOSURES_MAX,
    RECEIPT_BYTES_MAX,
    STATEMENT_BYTES_MAX,
    TLOG_PROOF_BYTES_MAX,
)

BUNDLE_TYPE: Final = "glasslog-bundle"
BUNDLE_VERSION: Final = 1
BUNDLE_SUFFIX: Final = ".glasslog"
BUNDLE_MEDIA_TYPE: Final = "application/vnd.glasslog.bundle+cbor"

_REQUIRED: Final = frozenset({"v", "type", "proof", "receipt", "authority", "statement"})
_OPTIONAL: Final = frozenset({"disclosures"})


@dataclass(frozen=True, slots=True)
class AuthorityEntry:
    """An entry by the operator, as a Signed Statement, and its tlog-proof; both unchecked."""

    statement: bytes = field(repr=False)
    proof: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bundle:
    """The parts of a bundle, unchecked. `disclosures` are encoded; they hold content."""

    statement: bytes = field(repr=False)
    proof: bytes = field(repr=False)
    receipt: bytes = field(repr=False)
    authority: tuple[AuthorityEntry, ...]
    disclosures: tuple[bytes, ...] = field(default=(), repr=False)

    def encode(self) -> bytes:
        """Return the file's bytes. Raises ValueError for parts that `decode_bundle` would refuse."""
        authority = [{"proof": entry.proof, "statement": entry.statement} for entry in self.authority]
        fields: dict[str, cbor.Value] = {
            "v": BUNDLE_VERSION,
            "type": BUNDLE_TYPE,
            "proof": self.proof,
            "receipt": self.receipt,
            "authority": authority,
            "statement": self.statement,
        }
        if self.disclosures:
            fields["disclosures"] = list(self.disclosures)
        encoded = cbor.encode(fields)
        try:
            decode_bundle(encoded)
        except MalformedError as error:
            raise ValueError(str(error)) from error
        return encoded


def decode_bundle(data: bytes) -> Bundle:
    """Return the bundle that `data` is; what its parts hold is not looked at. Raises MalformedError."""
    if len(data) > BUNDLE_BYTES_MAX:
        msg = f"expected a bundle of at most {BUNDLE_BYTES_MAX} bytes, got {len(data)}"
        raise MalformedError(msg)
    fields = cbor.decode(data)
    if not isinstance(fields, dict) or fields.get("type") != BUNDLE_TYPE:
        msg = f"expected a map of type {BUNDLE_TYPE}"
        raise MalformedError(msg)
    version = fields.get("v")
    if type(version) is not int or version != BUNDLE_VERSION:
        msg = f"expected a bundle of version {BUNDLE_VERSION}, got {version!r:.40}"
        raise MalformedError(msg)
    if not _REQUIRED <= fields.keys() <= _REQUIRED | _OPTIONAL:
        msg = f"expected the fields {', '.join(sorted(_REQUIRED))} and perhaps {', '.join(_OPTIONAL)}, got others"
        raise MalformedError(msg)
    return Bundle(
        statement=_octets(fields["statement"], "statement", STATEMENT_BYTES_MAX),
        proof=_octets(fields["proof"], "proof", TLOG_PROOF_BYTES_MAX),
        receipt=_octets(fields["receipt"], "receipt", RECEIPT_BYTES_MAX),
        authority=_authority(fields["authority"]),
        disclosures=_disclosures(fields["disclosures"]) if "disclosures" in fields else (),
    )


def _authority(items: cbor.Value) -> tuple[AuthorityEntry, ...]:
    if not isinstance(items, list) or not 1 <= len(items) <= AUTHORITY_CHAIN_MAX:
        msg = f"expected authority to be an array of 1 to {AUTHORITY_CHAIN_MAX} entries"
        raise MalformedError(msg)
    entries = []
    for item in items:
        if not isinstance(item, dict) or item.keys() != {"proof", "statement"}:
            msg = "expected each entry of authority to be a map of proof and statement"
            raise MalformedError(msg)
        statement = _octets(item["statement"], "authority statement", STATEMENT_BYTES_MAX)
        entries.append(AuthorityEntry(statement, _octets(item["proof"], "authority proof", TLOG_PROOF_BYTES_MAX)))
    return tuple(entries)


def _disclosures(items: cbor.Value) -> tuple[bytes, ...]:
    """Return the encoded disclosures. Leaving the field out is the only way to say that there are none."""
    if not isinstance(items, list) or not 1 <= len(items) <= DISCLOSURES_MAX:
        msg = f"expected disclosures to be an array of 1 to {DISCLOSURES_MAX} byte strings"
        raise MalformedError(msg)
    return tuple(_octets(item, "disclosure", DISCLOSURE_BYTES_MAX) for item in items)


def _octets(value: cbor.Value, name: str, maximum: int) -> bytes:
    if not isinstance(value, bytes) or len(value) > maximum:
        msg = f"expected the {name} as a byte string of at most {maximum} bytes"
        raise MalformedError(msg)
    return value
