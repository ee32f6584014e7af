"""Parts that the bodies of several types share."""

from typing import Final

from glasslog.records.schema import Relation, closed_map, either, octets, octets_between, text, time_ms

REFERENCES_MAX: Final = 64  # ids, digests or names in one list
SENTENCE_BYTES_MAX: Final = 1_024  # a purpose, a scope, a gap: a sentence or two, never a document
MODEL_ASSURANCE: Final = ("self-asserted", "provider-returned", "digest-measured", "tee-attested")

DIGEST: Final = octets(32)
"""SHA-256 of a document. Never of content that could be guessed: that enters as a salted commitment."""

TAG: Final = octets_between(16, 64)
"""A person: a keyed tag (HMAC with a key that the issuer keeps), never a name and never a bare hash of one."""

PARTY: Final = either(
    {str: text(), bytes: TAG}, "the name of an organisation or a service, or the keyed tag of a person"
)
"""Whoever did something. Organisations and services by name; a person by tag alone."""


def in_order(first: str, last: str) -> Relation:
    """Demand that one field is not after another."""
    return Relation((first, last), lambda earlier, later: earlier <= later, f"no less than {first}")


PERIOD: Final = closed_map({"from": time_ms, "to": time_ms}, relations=[in_order("from", "to")])
"""The time from `from`, included, to `to`, excluded."""
