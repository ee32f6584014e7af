"""Write a model or a policy in one canonical form, so that its SHA-256 means one thing.

The form is the part of RFC 8785 (JSON Canonicalization Scheme) that needs no rule for numbers: maps sorted by key, no
white space, integers below 2**53, and ASCII text. Quantities are whole numbers of a stated unit (thousandths of a
centimetre, millionths of a log-odds), never floats: the same fit gives the same bytes on every machine, and anybody
recomputes a digest with `sha256sum`.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

INTEGER_MAX: Final = 2**53 - 1  # what every JSON reader keeps exactly

Document = Mapping[str, Any]
"""A map of text keys to integers, ASCII text, booleans, lists and maps of these."""


def encode_document(document: Document) -> bytes:
    """Return the canonical bytes. Raises ValueError for what has no canonical form here."""
    _check(document)
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def decode_document(data: bytes) -> dict[str, Any]:
    """Return the document whose canonical form is exactly `data`. Raises ValueError."""
    try:
        document = json.loads(data)
    except RecursionError as error:
        raise ValueError("expected a document of few levels, got too many") from error
    if not isinstance(document, dict) or encode_document(document) != data:
        raise ValueError("expected a document in canonical form, got another form of it")
    return document


def document_digest(document: Document) -> bytes:
    """Return SHA-256 of the canonical bytes, 32 bytes."""
    return hashlib.sha256(encode_document(document)).digest()


def _check(value: object) -> None:
    match value:
        case bool():
            return
        case int() if abs(value) <= INTEGER_MAX:
            return
        case str() if value.isascii():
            return
        case list() | tuple():
            for element in value:
                _check(element)
        case Mapping():
            for key, element in value.items():
                _check(key)
                _check(element)
        case _:
            msg = f"expected ASCII text, booleans and integers below 2**53, got {value!r}"
            raise ValueError(msg)
