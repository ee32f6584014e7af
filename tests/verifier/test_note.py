import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.errors import MalformedError, SignatureError, UnknownKeyError
from glasslog.keys import SigningKey
from glasslog.limits import NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, NOTE_SIGNATURES_MIN_ACCEPTED
from glasslog.note import (
    Note,
    NoteSignature,
    cosigned_bytes,
    decode_note,
    decode_signature_line,
    sign_note,
    verify_note,
)
from glasslog.vkey import TYPE_COSIGNATURE_ED25519, TYPE_ED25519, VerifierKey, decode_vkey
from tests.verifier.evidence import LOG_KEY, ORIGIN, VKEY, Witness, signing_key, small_log
from tests.verifier.fuzzing import accepted, bit_flips, damaged, truncations
from tests.verifier.test_vkey import NAMES

# C2SP signed-note, "Verifier keys", and its introduction.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
""".encode()
POEM = """Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore \
NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
""".encode()

LINES = st.text(st.characters(blacklist_categories=("Cc", "Cs")), min_size=1, max_size=30)
TEXTS = st.lists(LINES, min_size=1, max_size=5).map(lambda lines: "".join(f"{line}\n" for line in lines))
SIGNATURES = st.builds(
    NoteSignature, name=NAMES, key_id=st.binary(min_size=4, max_size=4), signature=st.binary(min_size=1, max_size=100)
)
NOTES = st.builds(Note, text=TEXTS, signatures=st.lists(SIGNATURES, min_size=1, max_size=5).map(tuple))
NOTE = Note("text\n", (sign_note("text\n", ORIGIN, LOG_KEY),))


def test_the_example_of_the_specification_verifies() -> None:
    note = decode_note(EXAMPLE)
    [verified] = verify_note(note, [decode_vkey(EXAMPLE_KEY)])
    assert (note.text, verified.key.name, verified.time) == ("This is an example message.\n", "example.com/foo", None)


def test_the_text_ends_at_the_last_empty_line() -> None:
    note = decode_note(POEM)
    assert note.text.endswith("\n\ned è subito sera.\n")
    assert [line.name for line in note.signatures] == ["quasimodo.example/salvatore"]


@given(NOTES)
def test_notes_come_back_byte_for_byte(note: Note) -> None:
    assert decode_note(note.encode()) == note
    assert decode_note(note.encode()).encode() == note.encode()


@given(st.one_of(st.binary(max_size=200), damaged(EXAMPLE), damaged(POEM)))
def test_any_bytes_are_a_note_or_malformed(data: bytes) -> None:
    if accepted(decode_note, data):
        assert decode_note(data).encode() == data


def test_every_truncation_is_refused() -> None:
    for data in truncations(POEM):
        assert not accepted(decode_note, data)


def test_no_flipped_bit_verifies() -> None:
    key = decode_vkey(EXAMPLE_KEY)
    for data in bit_flips(EXAMPLE):
        if accepted(decode_note, data):
            with pytest.raises((SignatureError, UnknownKeyError)):
                verify_note(decode_note(data), [key])


REFUSED = {
    "nothing": b"",
    "a text alone": b"text\n",
    "no text": b"\n" + NOTE.encode().partition(b"\n\n")[2],
    "an empty text": b"\n\n" + NOTE.encode().partition(b"\n\n")[2],
    "no signature": b"text\n\n",
    "an empty signature line": NOTE.encode() + b"\n",
    "no newline at the end": NOTE.encode()[:-1],
    "something after the signatures": NOTE.encode() + b"more\n",
    "a carriage return": NOTE.encode().replace(b"text\n", b"text\r\n"),
    "a tab": NOTE.encode().replace(b"text", b"te\txt"),
    "a zero byte": NOTE.encode().replace(b"text", b"te\0xt"),
    "an escape": NOTE.encode().replace(b"text", b"te\x1bxt"),
    "not UTF-8": NOTE.encode().replace(b"text", b"te\xffxt"),
    "a hyphen for the dash": NOTE.encode().replace("— ".encode(), b"- "),
    "two spaces": NOTE.encode().replace("— ".encode(), "—  ".encode()),
    "no name": NOTE.encode().replace(ORIGIN.encode(), b""),
    "a plus in the name": NOTE.encode().replace(b"log.example", b"log+example"),
    "base64 that is not": NOTE.encode()[:-3] + b"!=\n",
    "base64 without its padding": NOTE.encode().replace(b"=\n", b"\n"),
    "a key id alone": f"text\n\n— a {base64.b64encode(b'1234').decode()}\n".encode(),
    "three bytes": f"text\n\n— a {base64.b64encode(b'123').decode()}\n".encode(),
    "a space after the base64": NOTE.encode()[:-1] + b" \n",
}


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in REFUSED.items()])
def test_other_forms_are_refused(data: bytes) -> None:
    assert data != NOTE.encode()
    assert not accepted(decode_note, data)


def test_a_note_is_bounded_in_bytes_and_lines() -> None:
    line = NOTE.signatures[0]
    assert NOTE_SIGNATURES_MAX >= NOTE_SIGNATURES_MIN_ACCEPTED
    assert len(decode_note(replace(NOTE, signatures=(line,) * NOTE_SIGNATURES_MAX).encode()).signatures) == (
        NOTE_SIGNATURES_MAX
    )
    with pytest.raises(MalformedError, match="signature lines"):
        decode_note(replace(NOTE, signatures=(line,) * (NOTE_SIGNATURES_MAX + 1)).encode())
    with pytest.raises(MalformedError, match="at most"):
        decode_note(b"x" * NOTE_BYTES_MAX + NOTE.encode())


@given(TEXTS)
def test_what_was_signed_verifies_over_that_text_alone(text: str) -> None:
    line = sign_note(text, ORIGIN, LOG_KEY)
    assert decode_signature_line(line.encode()[:-1]) == line
    [verified] = verify_note(Note(text, (line,)), [VKEY])
    assert verified.key == VKEY
    with pytest.raises(SignatureError):
        verify_note(Note(text + "more\n", (line,)), [VKEY])


def test_lines_of_unknown_keys_are_passed_over() -> None:
    by_stranger = sign_note("text\n", "stranger.example", signing_key("stranger"))
    same_name = replace(by_stranger, name=ORIGIN)
    same_id = replace(NOTE.signatures[0], name="stranger.example")
    note = Note("text\n", (by_stranger, same_name, same_id, *NOTE.signatures))
    assert [line.key for line in verify_note(note, [VKEY])] == [VKEY]


def test_a_bad_line_of_a_known_key_refuses_the_whole_note() -> None:
    bad = replace(NOTE.signatures[0], signature=bytes(64))
    for signatures in ((bad,), (bad, *NOTE.signatures), (*NOTE.signatures, bad)):
        with pytest.raises(SignatureError, match=ORIGIN):
            verify_note(Note("text\n", signatures), [VKEY])
    short = replace(NOTE.signatures[0], signature=bytes(63))
    with pytest.raises(SignatureError):
        verify_note(Note("text\n", (short,)), [VKEY])


def test_a_key_counts_once_however_often_it_signs() -> None:
    note = replace(NOTE, signatures=NOTE.signatures * 3)
    assert len(verify_note(note, [VKEY, VKEY])) == 1


def test_a_note_by_nobody_known_is_refused() -> None:
    with pytest.raises(UnknownKeyError, match="none"):
        verify_note(NOTE, [])
    with pytest.raises(UnknownKeyError, match="stranger"):
        verify_note(NOTE, [VerifierKey("stranger.example", TYPE_ED25519, signing_key("stranger").public_key)])


def test_a_cosignature_is_over_the_time_and_the_whole_text() -> None:
    witness = Witness("w1", time=1_234_567)
    text = decode_note(small_log().checkpoint()).text
    line = witness.cosign(text)
    [verified] = verify_note(Note(text, (line,)), [witness.vkey])
    assert verified.time == 1_234_567
    assert cosigned_bytes(text, 7) == b"cosignature/v1\ntime 7\n" + text.encode()
    for changed in (
        replace(line, signature=b"\0" + line.signature[1:8] + b"\1" + line.signature[9:]),
        replace(line, signature=line.signature[:7] + b"\0" + line.signature[8:]),
        replace(line, signature=line.signature[8:]),
        replace(line, signature=line.signature + b"\0"),
        replace(line, signature=b"\xff" + line.signature[1:]),
    ):
        with pytest.raises(SignatureError):
            verify_note(Note(text, (changed,)), [witness.vkey])


def test_signature_types_are_not_mixed_up() -> None:
    """A key used for both types has two ids, and a signature of one type never passes as the other."""
    key = SigningKey(bytes(32))
    plain = VerifierKey("both.example", TYPE_ED25519, key.public_key)
    cosigner = VerifierKey("both.example", TYPE_COSIGNATURE_ED25519, key.public_key)
    line = sign_note("text\n", "both.example", key)
    with pytest.raises(SignatureError):
        verify_note(Note("text\n", (replace(line, key_id=cosigner.key_id),)), [plain, cosigner])


@given(st.text(max_size=100))
def test_any_line_is_a_signature_or_malformed(line: str) -> None:
    if accepted(
        lambda data: decode_signature_line(data.decode("utf-8", "surrogatepass")), line.encode("utf-8", "surrogatepass")
    ):
        assert decode_signature_line(line).encode() == line + "\n"
