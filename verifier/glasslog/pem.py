"""Ed25519 keys in PEM, as OpenSSL writes and reads them (RFC 7468, RFC 8410).

A private key is PKCS#8 version 1 with the 32-byte seed and no attributes; a public key is a SubjectPublicKeyInfo. Both
have one fixed DER prefix, so nothing general is parsed. This module turns bytes into keys; files and their modes are
the caller's affair.
"""

import base64
import re
from typing import Final

from glasslog.errors import MalformedError
from glasslog.keys import SEED_BYTES, PublicKey, SigningKey, decode_spki, encode_spki
from glasslog.vkey import decode_base64

_PKCS8_PREFIX: Final = bytes.fromhex("302e020100300506032b657004220420")
_BLOCK: Final = re.compile(
    rb"\s*-----BEGIN (PRIVATE KEY|PUBLIC KEY)-----\r?\n([A-Za-z0-9+/=\r\n]{1,1024})-----END \1-----\s*"
)


def decode_private_key(data: bytes) -> SigningKey:
    """Return the Ed25519 key of a PKCS#8 PEM file that is not encrypted. Raises MalformedError."""
    der = _decode_block(data, b"PRIVATE KEY")
    if not der.startswith(_PKCS8_PREFIX) or len(der) != len(_PKCS8_PREFIX) + SEED_BYTES:
        msg = "expected an Ed25519 private key (PKCS#8, as `openssl genpkey -algorithm ed25519` writes it)"
        raise MalformedError(msg)
    return SigningKey(der[len(_PKCS8_PREFIX) :])


def decode_public_key(data: bytes) -> PublicKey:
    """Return the Ed25519 key of a public key PEM file (`openssl pkey -pubout`). Raises MalformedError."""
    return decode_spki(_decode_block(data, b"PUBLIC KEY"))


def encode_private_key(key: SigningKey) -> bytes:
    """Return a private key as PKCS#8 PEM, unencrypted."""
    return _encode_block(b"PRIVATE KEY", _PKCS8_PREFIX + key.seed)


def encode_public_key(key: PublicKey) -> bytes:
    """Return a public key as PEM."""
    return _encode_block(b"PUBLIC KEY", encode_spki(key))


def _decode_block(data: bytes, label: bytes) -> bytes:
    block = _BLOCK.fullmatch(data)
    if block is None or block[1] != label:
        msg = f"expected one PEM block labelled {label.decode()}"
        raise MalformedError(msg)
    return decode_base64("".join(block[2].decode().split()), "PEM block")


def _encode_block(label: bytes, der: bytes) -> bytes:
    encoded = base64.b64encode(der)  # at most 64 characters for both kinds, so one line each
    return b"-----BEGIN " + label + b"-----\n" + encoded + b"\n-----END " + label + b"-----\n"
