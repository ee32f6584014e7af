"""Ed25519 keys: sign, verify, and the names a key goes by in COSE.

One key has three names here: its 32 bytes, its COSE_Key (RFC 9052 section 7) and its kid, the RFC 9679 thumbprint. The
cryptography is libsodium's, which pynacl brings; the three functions of it that are wanted are called as they are, and
pynacl's own wrappers of all the others need not be loaded. Where keys are kept is the caller's affair: nothing here
reads a file.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final, Protocol

from nacl._sodium import ffi as _ffi
from nacl._sodium import lib as _libsodium

from glasslog import cbor
from glasslog.errors import MalformedError, SignatureError

PUBLIC_KEY_BYTES: Final = 32
SEED_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
KID_BYTES: Final = 32

ALG_EDDSA: Final = -8
"""COSE algorithm EdDSA (RFC 9053): what we emit."""
ALG_ED25519: Final = -19
"""COSE algorithm Ed25519 (RFC 9864): accepted too."""
ACCEPTED_ALGS: Final = frozenset({ALG_EDDSA, ALG_ED25519})

_NULL: Final = _ffi.NULL
_SECRET_BYTES: Final = 64  # libsodium's form of a private key: the seed, then the public key

# RFC 9679 section 3: SHA-256 over the deterministic COSE_Key of the required members {1: 1, -1: 6, -2: x}.
_THUMBPRINT_PREFIX: Final = bytes.fromhex("a301012006215820")
# DER of SubjectPublicKeyInfo with the Ed25519 algorithm identifier (RFC 8410 section 4).
_SPKI_PREFIX: Final = bytes.fromhex("302a300506032b6570032100")


def _demand(succeeded: object) -> None:
    """Stop where libsodium says that it failed at what cannot fail."""
    if not succeeded:
        msg = "expected libsodium to work on this machine, got a failure"
        raise AssertionError(msg)


_demand(_libsodium.sodium_init() >= 0)  # before anything else is asked of it; 1 when somebody has done it already


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 public key, 32 bytes."""

    raw: bytes
    kid: bytes = field(init=False, compare=False, repr=False)
    """The COSE key thumbprint, 32 bytes (RFC 9679)."""

    def __post_init__(self) -> None:
        """Refuse a key of another length; name the others."""
        if len(self.raw) != PUBLIC_KEY_BYTES:
            msg = f"expected an Ed25519 public key of {PUBLIC_KEY_BYTES} bytes, got {len(self.raw)}"
            raise MalformedError(msg)
        object.__setattr__(self, "kid", hashlib.sha256(_THUMBPRINT_PREFIX + self.raw).digest())

    def cose_key(self) -> bytes:
        """Return the COSE_Key with kid and alg, deterministic: `{1: 1, 2: kid, 3: -8, -1: 6, -2: x}`."""
        parts = (b"\xa5\x01\x01\x02\x58\x20", self.kid, b"\x03\x27\x20\x06\x21\x58\x20", self.raw)
        return b"".join(parts)

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check an Ed25519 signature (RFC 8032) over `message`. Raises SignatureError. Costs 55-60 us of one core."""
        if len(signature) != SIGNATURE_BYTES:
            msg = f"expected a signature of {SIGNATURE_BYTES} bytes, got {len(signature)}"
            raise SignatureError(msg)
        self.verify_signed(signature + message)

    def verify_signed(self, signed: bytes) -> None:
        """Check a signature of 64 bytes over the message that follows it. Raises SignatureError. Costs as much."""
        # libsodium's own function without the copies that pynacl's wrapper makes: no message is asked back.
        if _libsodium.crypto_sign_open(_NULL, _NULL, signed, len(signed), self.raw):
            msg = f"expected a signature by the key with kid {self.kid.hex()}, got one that does not verify"
            raise SignatureError(msg)


class Signer(Protocol):
    """Sign with an Ed25519 key that may live elsewhere: in a file, behind a command, in a module."""

    @property
    def public_key(self) -> PublicKey:
        """Return the public key that verifies what `sign` returns."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature over `message`."""
        ...


class SigningKey:
    """An Ed25519 private key in memory, from its 32-byte seed."""

    def __init__(self, seed: bytes) -> None:
        """Take the 32-byte seed (RFC 8032 section 5.1.5)."""
        if len(seed) != SEED_BYTES:
            msg = f"expected an Ed25519 seed of {SEED_BYTES} bytes, got {len(seed)}"
            raise MalformedError(msg)
        public, secret = _ffi.new("unsigned char[]", PUBLIC_KEY_BYTES), _ffi.new("unsigned char[]", _SECRET_BYTES)
        _demand(_libsodium.crypto_sign_seed_keypair(public, secret, seed) == 0)
        self._secret = bytes(_ffi.buffer(secret))
        self._public = PublicKey(bytes(_ffi.buffer(public)))

    @property
    def public_key(self) -> PublicKey:
        """Return the public half."""
        return self._public

    @property
    def seed(self) -> bytes:
        """Return the 32-byte seed, to be stored as a secret."""
        return self._secret[:SEED_BYTES]

    def sign(self, message: bytes) -> bytes:
        """Return the deterministic 64-byte signature over `message` (RFC 8032)."""
        signed = _ffi.new("unsigned char[]", SIGNATURE_BYTES + len(message))
        _demand(_libsodium.crypto_sign(signed, _NULL, message, len(message), self._secret) == 0)
        return bytes(_ffi.buffer(signed, SIGNATURE_BYTES))

    def __repr__(self) -> str:
        """Name the key by its kid, never by its secret."""
        return f"SigningKey(kid={self._public.kid.hex()})"


def decode_cose_key(data: bytes) -> PublicKey:
    """Return the Ed25519 key of a COSE_Key: kty 1 (OKP), crv 6 (Ed25519). Raises MalformedError."""
    return public_key_of(cbor.decode_foreign(data))


def public_key_of(key: cbor.Value) -> PublicKey:
    """Return the Ed25519 key of a decoded COSE_Key map. A kid, when there is one, must be its thumbprint."""
    if not isinstance(key, dict) or (key.get(1), key.get(-1)) != (1, 6) or not isinstance(key.get(-2), bytes):
        msg = "expected a COSE_Key with kty 1 (OKP), crv 6 (Ed25519) and x"
        raise MalformedError(msg)
    public = PublicKey(key[-2])
    if key.get(2, public.kid) != public.kid:
        msg = f"expected the kid {public.kid.hex()} in the COSE_Key, got another"
        raise MalformedError(msg)
    return public


def decode_spki(der: bytes) -> PublicKey:
    """Return the Ed25519 key of a SubjectPublicKeyInfo in DER (RFC 8410 section 4). Raises MalformedError."""
    if not der.startswith(_SPKI_PREFIX):
        msg = "expected a SubjectPublicKeyInfo with an Ed25519 key"
        raise MalformedError(msg)
    return PublicKey(der[len(_SPKI_PREFIX) :])


def encode_spki(key: PublicKey) -> bytes:
    """Return the SubjectPublicKeyInfo of a key in DER, 44 bytes (RFC 8410 section 4)."""
    return _SPKI_PREFIX + key.raw
