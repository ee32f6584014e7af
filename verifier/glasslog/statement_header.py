"""The protected header of a Signed Statement (RFC 9943 section 5.2, RFC 9597): who says what about which thing.

Written and read here, and checked against our profile: alg, content type, kid, and the CWT claims iss and sub. Other
headers may be there, but for crit: nothing critical is known. The frame around it is for `glasslog.statement`.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from glasslog import cbor
from glasslog.cose import (
    CWT_ISS,
    CWT_SUB,
    HEADER_ALG,
    HEADER_CONTENT_TYPE,
    HEADER_CRIT,
    HEADER_CWT_CLAIMS,
    HEADER_KID,
)
from glasslog.errors import AlgorithmError, MalformedError
from glasslog.keys import ACCEPTED_ALGS, ALG_EDDSA, KID_BYTES
from glasslog.limits import URI_BYTES_MAX

_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")  # RFC 3986: a scheme, then visible ASCII
_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")


class StatementHeader(NamedTuple):
    """What the protected header of a statement says."""

    issuer: str
    subject: str
    kid: bytes
    content_type: str


def encode_header(header: StatementHeader) -> bytes:
    """Return the protected header with these, and EdDSA as the algorithm. Raises MalformedError."""
    subject = _uri("sub", header.subject)
    return _encode_before(header.kid, header.issuer, len(subject), header.content_type) + subject.encode()


@lru_cache(maxsize=1_024)
def _encode_before(kid: bytes, issuer: str, length: int, content_type: str) -> bytes:
    """Return what stands before a sub of a length, which the deterministic encoding puts last. Raises MalformedError.

    The statements of an issuer differ in sub alone, so everything else is encoded and checked once.
    """
    some_subject = "urn:" + "-" * (length - len("urn:"))
    headers = {
        HEADER_ALG: ALG_EDDSA,
        HEADER_CONTENT_TYPE: content_type,
        HEADER_KID: kid,
        HEADER_CWT_CLAIMS: {CWT_ISS: issuer, CWT_SUB: some_subject[:length]},
    }
    try:
        protected = cbor.encode(headers)
    except ValueError as error:
        raise MalformedError(str(error)) from error
    _uri("iss", issuer)
    _kid(kid)
    _content_type(content_type)
    return protected[:-length]


def decode_header(protected: bytes) -> StatementHeader:
    """Return the headers of a statement. Raises MalformedError, AlgorithmError."""
    headers = cbor.decode(protected)
    if not isinstance(headers, dict):
        msg = "expected a map as the protected header"
        raise MalformedError(msg)
    if HEADER_CRIT in headers:
        msg = "expected a protected header without crit (2): no critical extension is known here"
        raise MalformedError(msg)
    algorithm = headers.get(HEADER_ALG)
    if type(algorithm) is not int or algorithm not in ACCEPTED_ALGS:
        msg = f"expected the algorithm -8 (EdDSA) or -19 (Ed25519), got {algorithm!r:.40}"
        raise AlgorithmError(msg)
    claims = headers.get(HEADER_CWT_CLAIMS)
    if not isinstance(claims, dict):
        msg = "expected CWT claims (15) with iss (1) and sub (2) in the protected header"
        raise MalformedError(msg)
    return StatementHeader(
        issuer=_uri("iss", claims.get(CWT_ISS)),
        subject=_uri("sub", claims.get(CWT_SUB)),
        kid=_kid(headers.get(HEADER_KID)),
        content_type=_content_type(headers.get(HEADER_CONTENT_TYPE)),
    )


def _uri(name: str, value: cbor.Value) -> str:
    if not isinstance(value, str) or len(value) > URI_BYTES_MAX or not _URI.fullmatch(value):
        msg = f"expected {name} to be a URI of at most {URI_BYTES_MAX} bytes"
        raise MalformedError(msg)
    return value


def _kid(kid: cbor.Value) -> bytes:
    if not isinstance(kid, bytes) or len(kid) != KID_BYTES:
        msg = f"expected a kid (4) of {KID_BYTES} bytes, the thumbprint of the signing key"
        raise MalformedError(msg)
    return kid


def _content_type(content_type: cbor.Value) -> str:
    if not isinstance(content_type, str) or not _MEDIA_TYPE.fullmatch(content_type):
        msg = "expected a content type (3) that is a media type without parameters"
        raise MalformedError(msg)
    return content_type
