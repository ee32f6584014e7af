import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.errors import GlasslogError, MalformedError, UncheckableError
from glasslog.keys import PublicKey
from glasslog.limits import KEY_NAME_BYTES_MAX
from glasslog.vkey import (
    TYPE_COSIGNATURE_ED25519,
    TYPE_ED25519,
    VerifierKey,
    check_key_name,
    decode_base64,
    decode_vkey,
)

# C2SP signed-note, "Verifier keys".
EXAMPLE = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"


def is_key_name(name: str) -> bool:
    try:
        check_key_name(name)
    except MalformedError:
        return False
    return True


NAMES = st.one_of(
    st.from_regex(r"[a-z0-9.-]{1,20}(/[a-z0-9]{1,10})?", fullmatch=True), st.text(min_size=1, max_size=30)
).filter(is_key_name)
KEYS = st.builds(
    VerifierKey,
    name=NAMES,
    signature_type=st.sampled_from([TYPE_ED25519, TYPE_COSIGNATURE_ED25519]),
    public_key=st.binary(min_size=32, max_size=32).map(PublicKey),
)


def test_the_example_of_the_specification_is_read() -> None:
    key = decode_vkey(EXAMPLE)
    assert (key.name, key.signature_type, key.key_id.hex()) == ("example.com/foo", TYPE_ED25519, "530d903a")
    assert str(key) == EXAMPLE


@given(KEYS)
def test_keys_come_back_from_their_text(key: VerifierKey) -> None:
    assert decode_vkey(str(key)) == key


@given(KEYS)
def test_the_id_tells_types_apart(key: VerifierKey) -> None:
    other_type = TYPE_ED25519 if key.signature_type == TYPE_COSIGNATURE_ED25519 else TYPE_COSIGNATURE_ED25519
    assert VerifierKey(key.name, other_type, key.public_key).key_id != key.key_id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "++",
        "example.com/foo",
        "example.com/foo+530d903a",
        EXAMPLE.replace("530d903a", "530d903b"),
        EXAMPLE.replace("530d903a", "530D903A"),
        EXAMPLE.replace("530d903a", "530d903"),
        EXAMPLE.replace("foo", "fooo"),
        EXAMPLE.replace("example.com/foo", ""),
        EXAMPLE.replace("foo", "f oo"),
        EXAMPLE.replace("Aeky", "AekY"),
        EXAMPLE[:-1],
        EXAMPLE + "=",
        EXAMPLE + "\n",
        " " + EXAMPLE,
        EXAMPLE.replace("AekyeRrm", "AekyeRr-"),
        "example.com/foo+530d903a+",
        "example.com/foo+530d903a+AQ==",
        "example.com/foo+530d903a+" + base64.b64encode(b"\x02" + bytes(32)).decode(),
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        decode_vkey(text)


def test_post_quantum_keys_cannot_be_checked_yet() -> None:
    with pytest.raises(UncheckableError, match="ML-DSA-44"):
        decode_vkey("witness.example+00000000+" + base64.b64encode(b"\x06" + bytes(1312)).decode())


@given(st.one_of(st.text(max_size=120), st.text("+ab01=\n/é", max_size=80)))
def test_any_text_is_a_key_or_refused(text: str) -> None:
    try:
        key = decode_vkey(text)
    except (MalformedError, UncheckableError):
        return
    assert str(key) == text


@pytest.mark.parametrize(
    "name",
    ["", "a b", "a\tb", "a\nb", "a+b", "a\u00a0b", "a\u2003b", "a\x00", "a\x1b[2J", "a\u202eb", "a\u200b", "\ud800"],
)
def test_names_that_mislead_or_do_not_fit_a_line_are_refused(name: str) -> None:
    with pytest.raises(MalformedError):
        VerifierKey(name, TYPE_ED25519, PublicKey(bytes(32)))


def test_names_are_bounded_in_bytes() -> None:
    check_key_name("é" * (KEY_NAME_BYTES_MAX // 2))
    with pytest.raises(MalformedError):
        check_key_name("é" * (KEY_NAME_BYTES_MAX // 2) + "e")


def test_signature_types_that_are_not_handled_are_refused() -> None:
    with pytest.raises(MalformedError, match="0x05"):
        VerifierKey("log.example", 0x05, PublicKey(bytes(32)))


@given(st.binary(max_size=60))
def test_base64_has_one_form(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    assert decode_base64(text, "test") == data
    for other in (text + "=", text + "\n", " " + text, text.rstrip("=") + "===", text.replace("=", "")):
        if other != text:
            with pytest.raises(GlasslogError):
                decode_base64(other, "test")


@pytest.mark.parametrize("text", ["AB==", "AAB=", "A", "AA", "AAA", "AA=A", "-_-_", "é", "AAAA AAAA"])
def test_loose_base64_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="test"):
        decode_base64(text, "test")
