import base64
import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.checkpoint import Checkpoint, decode_checkpoint, open_checkpoint, sign_checkpoint
from glasslog.errors import MalformedError, MismatchError, SignatureError, UnknownKeyError
from glasslog.limits import CHECKPOINT_EXTENSION_LINES_MAX, TREE_SIZE_MAX
from glasslog.merkle import EMPTY_ROOT, Hash, TreeSize
from glasslog.note import Note, decode_note, sign_note
from glasslog.vkey import TYPE_COSIGNATURE_ED25519, TYPE_ED25519, VerifierKey
from tests.verifier.evidence import LOG_KEY, ORIGIN, VKEY, Witness, signing_key, small_log
from tests.verifier.fuzzing import accepted, bit_flips, damaged, truncations
from tests.verifier.test_note import LINES

ROOT = Hash(hashlib.sha256(b"root").digest())
HEAD = Checkpoint(ORIGIN, TreeSize(5), ROOT)
HEADS = st.builds(
    Checkpoint,
    origin=LINES,
    size=st.integers(1, TREE_SIZE_MAX).map(TreeSize),
    root=st.binary(min_size=32, max_size=32).map(Hash),
    extensions=st.lists(LINES, max_size=3).map(tuple),
)
SIGNED = sign_checkpoint(HEAD, [LOG_KEY])


def decode(data: bytes) -> Checkpoint:
    return decode_checkpoint(decode_note(data).text)


@given(HEADS)
def test_checkpoints_come_back(head: Checkpoint) -> None:
    assert decode_checkpoint(head.encode()) == head
    assert decode(sign_checkpoint(replace(head, origin=ORIGIN), [LOG_KEY])) == replace(head, origin=ORIGIN)


@given(st.text(max_size=100))
def test_any_text_is_a_checkpoint_or_malformed(text: str) -> None:
    if accepted(
        lambda data: decode_checkpoint(data.decode("utf-8", "surrogatepass")), text.encode("utf-8", "surrogatepass")
    ):
        assert decode_checkpoint(text).encode() == text


@given(damaged(SIGNED))
def test_damaged_checkpoints_are_read_or_malformed(data: bytes) -> None:
    accepted(decode, data)


def lines(origin: str = ORIGIN, size: str = "5", root: str | None = None, *more: str) -> str:
    encoded = base64.b64encode(ROOT).decode() if root is None else root
    return "".join(f"{line}\n" for line in (origin, size, encoded, *more))


REFUSED = {
    "nothing": "",
    "two lines": f"{ORIGIN}\n5\n",
    "no newline at the end": lines()[:-1],
    "an empty origin": lines(origin=""),
    "a leading zero": lines(size="05"),
    "a plus": lines(size="+5"),
    "a minus": lines(size="-5"),
    "hexadecimal": lines(size="0x5"),
    "a space": lines(size="5 "),
    "an underscore": lines(size="1_0"),
    "digits of another script": lines(size="\u0665"),
    "no size": lines(size=""),
    "a size of 2^63": lines(size=str(2**63)),
    "a size of 2^64": lines(size=str(2**64)),
    "a size of 10^30": lines(size="1" + "0" * 30),
    "a root of 31 bytes": lines(root=base64.b64encode(bytes(31)).decode()),
    "a root of 33 bytes": lines(root=base64.b64encode(bytes(33)).decode()),
    "an empty root": lines(root=""),
    "a root in hex": lines(root=ROOT.hex()),
    "a root in loose base64": lines(root=base64.b64encode(ROOT).decode().rstrip("=")),
    "an empty extension line": lines(ORIGIN, "5", None, "", "x"),
    "a size of 0 with a root that is not the empty tree's": lines(size="0"),
    "too many extension lines": lines(ORIGIN, "5", None, *["x"] * (CHECKPOINT_EXTENSION_LINES_MAX + 1)),
}


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in REFUSED.items()])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        decode_checkpoint(text)


def test_the_empty_tree_has_a_checkpoint() -> None:
    head = Checkpoint(ORIGIN, TreeSize(0), EMPTY_ROOT)
    assert open_checkpoint(sign_checkpoint(head, [LOG_KEY]), [VKEY]).checkpoint == head


def test_extension_lines_are_kept() -> None:
    text = lines(ORIGIN, "5", None, "ext one", "ext two")
    data = Note(text, (sign_note(text, ORIGIN, LOG_KEY),)).encode()
    assert open_checkpoint(data, [VKEY]).checkpoint.extensions == ("ext one", "ext two")


def test_a_checkpoint_opens_with_the_key_of_its_origin() -> None:
    trusted = open_checkpoint(SIGNED, [VKEY])
    assert trusted.checkpoint == HEAD
    assert [line.key for line in trusted.log_signatures] == [VKEY]
    assert trusted.cosignatures == ()
    assert trusted.note.encode() == SIGNED


def test_no_flipped_bit_and_no_truncation_opens() -> None:
    for data in (*bit_flips(SIGNED), *truncations(SIGNED), SIGNED + b"\n", SIGNED * 2):
        with pytest.raises((MalformedError, SignatureError, UnknownKeyError)):
            open_checkpoint(data, [VKEY])


def test_a_trusted_log_cannot_speak_for_another_origin() -> None:
    text = lines(origin="other.example")
    data = Note(text, (sign_note(text, ORIGIN, LOG_KEY),)).encode()
    with pytest.raises(MismatchError, match=r"other\.example"):
        open_checkpoint(data, [VKEY])


def test_two_trusted_logs_are_told_apart_by_the_origin() -> None:
    other = VerifierKey("other.example", TYPE_ED25519, signing_key("other log").public_key)
    text = lines(origin="other.example")
    by_log = Note(text, (sign_note(text, ORIGIN, LOG_KEY),)).encode()
    with pytest.raises(MismatchError):
        open_checkpoint(by_log, [VKEY, other])
    by_both = Note(text, (sign_note(text, ORIGIN, LOG_KEY), sign_note(text, "other.example", signing_key("other log"))))
    assert open_checkpoint(by_both.encode(), [VKEY, other]).checkpoint.origin == "other.example"


def test_several_signers_sign_while_keys_are_rotated() -> None:
    new_key = signing_key("new log key")
    data = sign_checkpoint(HEAD, [LOG_KEY, new_key])
    assert len(open_checkpoint(data, [VKEY]).log_signatures) == 1
    both = [VKEY, VerifierKey(ORIGIN, TYPE_ED25519, new_key.public_key)]
    assert len(open_checkpoint(data, both).log_signatures) == 2


def test_cosignatures_of_trusted_witnesses_are_verified_and_others_ignored() -> None:
    known, unknown = Witness("w1"), Witness("w2")
    data = small_log().checkpoint(witnesses=[known, unknown])
    trusted = open_checkpoint(data, [VKEY], [known.vkey])
    assert [(line.key, line.time) for line in trusted.cosignatures] == [(known.vkey, known.time)]


def test_a_bad_cosignature_of_a_trusted_witness_refuses_the_checkpoint() -> None:
    witness = Witness("w1")
    note = decode_note(small_log().checkpoint(witnesses=[witness]))
    bad = replace(note.signatures[1], signature=note.signatures[1].signature[:-1] + b"\0")
    data = replace(note, signatures=(note.signatures[0], bad)).encode()
    with pytest.raises(SignatureError):
        open_checkpoint(data, [VKEY], [witness.vkey])
    assert open_checkpoint(data, [VKEY]).cosignatures == ()


def test_cosignatures_alone_are_not_enough() -> None:
    witness = Witness("w1")
    note = decode_note(small_log().checkpoint(witnesses=[witness]))
    data = replace(note, signatures=note.signatures[1:]).encode()
    with pytest.raises(UnknownKeyError, match="cosignatures alone"):
        open_checkpoint(data, [VKEY], [witness.vkey])


def test_the_logs_own_key_is_no_witness() -> None:
    own = Witness("self")
    own.key = LOG_KEY
    trusted = open_checkpoint(small_log().checkpoint(witnesses=[own]), [VKEY], [own.vkey])
    assert own.vkey.signature_type == TYPE_COSIGNATURE_ED25519
    assert trusted.cosignatures == ()


def test_a_witness_key_of_the_plain_type_is_no_witness() -> None:
    plain = VerifierKey("w.example", TYPE_ED25519, signing_key("w").public_key)
    text = decode_note(SIGNED).text
    data = Note(text, (*decode_note(SIGNED).signatures, sign_note(text, "w.example", signing_key("w")))).encode()
    assert open_checkpoint(data, [VKEY], [plain]).cosignatures == ()
