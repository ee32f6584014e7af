"""`cryptography` as an independent Ed25519 and an independent reader and writer of PEM."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.checkpoint import open_checkpoint
from glasslog.cose import signed_bytes
from glasslog.errors import MalformedError, SignatureError
from glasslog.keys import SigningKey, decode_spki, encode_spki
from glasslog.note import Note, NoteSignature, cosigned_bytes, decode_note
from glasslog.pem import decode_private_key, decode_public_key, encode_private_key, encode_public_key
from tests.verifier.desk import Desk
from tests.verifier.evidence import ISSUER_KEY, LOG_KEY, VKEY, Witness, inference, small_log

pytest.importorskip("cryptography")
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

pytestmark = pytest.mark.interop
SEEDS = st.binary(min_size=32, max_size=32)
PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
PLAIN = serialization.NoEncryption()


@given(SEEDS, st.binary(max_size=200))
def test_both_make_the_same_keys_and_signatures(seed: bytes, message: bytes) -> None:
    ours, theirs = SigningKey(seed), ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    assert ours.public_key.raw == theirs.public_key().public_bytes_raw()
    assert ours.sign(message) == theirs.sign(message)
    ours.public_key.verify(theirs.sign(message), message)
    theirs.public_key().verify(ours.sign(message), message)


@given(SEEDS, st.binary(max_size=50), st.integers(0, 511))
def test_both_refuse_the_same_changed_signatures(seed: bytes, message: bytes, bit: int) -> None:
    ours = SigningKey(seed)
    theirs = ed25519.Ed25519PublicKey.from_public_bytes(ours.public_key.raw)
    changed = bytearray(ours.sign(message))
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SignatureError):
        ours.public_key.verify(bytes(changed), message)
    with pytest.raises(InvalidSignature):
        theirs.verify(bytes(changed), message)


@given(SEEDS)
def test_both_write_the_same_pem(seed: bytes) -> None:
    ours, theirs = SigningKey(seed), ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    assert encode_private_key(ours) == theirs.private_bytes(PEM, PKCS8, PLAIN)
    assert encode_public_key(ours.public_key) == theirs.public_key().public_bytes(PEM, SPKI)
    assert decode_private_key(theirs.private_bytes(PEM, PKCS8, PLAIN)).seed == seed
    assert decode_public_key(theirs.public_key().public_bytes(PEM, SPKI)) == ours.public_key
    assert decode_spki(theirs.public_key().public_bytes(serialization.Encoding.DER, SPKI)) == ours.public_key
    assert serialization.load_der_public_key(encode_spki(ours.public_key)) == theirs.public_key()


def test_keys_of_other_algorithms_are_refused() -> None:
    for key in (ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65_537, 2_048)):
        with pytest.raises(MalformedError):
            decode_private_key(key.private_bytes(PEM, PKCS8, PLAIN))
        with pytest.raises(MalformedError):
            decode_public_key(key.public_key().public_bytes(PEM, SPKI))


def test_an_encrypted_private_key_is_refused() -> None:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
    with pytest.raises(MalformedError):
        decode_private_key(key.private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"password")))


def test_a_statement_verifies_with_the_other_library() -> None:
    statement = inference()
    key = serialization.load_pem_public_key(encode_public_key(ISSUER_KEY.public_key))
    assert isinstance(key, ed25519.Ed25519PublicKey)
    key.verify(statement.signature, signed_bytes(statement.protected, statement.payload))


def test_notes_and_cosignatures_made_by_the_other_library_verify() -> None:
    text = decode_note(small_log().checkpoint()).text
    log = ed25519.Ed25519PrivateKey.from_private_bytes(LOG_KEY.seed)
    witness = Witness("w1")
    cosigner = ed25519.Ed25519PrivateKey.from_private_bytes(witness.key.seed)
    time = (1_700_000_000).to_bytes(8, "big")
    lines = (
        NoteSignature(VKEY.name, VKEY.key_id, log.sign(text.encode())),
        NoteSignature(
            witness.vkey.name, witness.vkey.key_id, time + cosigner.sign(cosigned_bytes(text, 1_700_000_000))
        ),
    )
    trusted = open_checkpoint(Note(text, lines).encode(), [VKEY], [witness.vkey])
    assert [line.time for line in trusted.cosignatures] == [1_700_000_000]


def test_openssl_style_files_are_taken_by_the_command_line(desk: Desk) -> None:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(ISSUER_KEY.seed)
    desk.put("issuer.pem", key.public_key().public_bytes(PEM, SPKI))
    desk.put("ts.cose", small_log().transparent_statement(4))
    assert desk.run("verify", "ts.cose", "--log-key", "@log.vkey", "--issuer-key", "issuer.pem").code == 0
