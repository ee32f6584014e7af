import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog_issuer.demo.document import INTEGER_MAX, decode_document, document_digest, encode_document

TEXTS = st.text(st.characters(max_codepoint=127), max_size=8)
VALUES = st.recursive(
    st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=5))
def test_a_document_comes_back_as_it_went(document: dict[str, object]) -> None:
    assert decode_document(encode_document(document)) == document


@given(st.binary(max_size=64))
def test_any_bytes_are_a_document_in_canonical_form_or_refused(data: bytes) -> None:
    try:
        document = decode_document(data)
    except ValueError:
        return
    assert encode_document(document) == data


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'{"a": 1}', id="white space"),
        pytest.param(b'{"b":1,"a":1}', id="keys out of order"),
        pytest.param(b'{"a":1,"a":1}', id="a key twice"),
        pytest.param(b'{"a":1.0}', id="a float"),
        pytest.param(b'{"a":NaN}', id="not a number"),
        pytest.param(b'{"a":null}', id="null"),
        pytest.param(b'{"a":"\xc3\xa9"}', id="not ASCII"),
        pytest.param(b'{"a":9007199254740992}', id="an integer of 54 bits"),
        pytest.param(b"[1]", id="no map"),
        pytest.param(b"[" * 100_000, id="too many levels"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^"):
        decode_document(data)


def test_the_digest_is_that_of_the_bytes() -> None:
    assert document_digest({"b": [1, 2], "a": True}) == hashlib.sha256(b'{"a":true,"b":[1,2]}').digest()
