"""The fast encoder writes what the other one does, or leaves the value to it."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from glasslog import cbor
from glasslog_issuer.bodies import to_value
from glasslog_issuer.encoding import encode_claim, encode_record_fields, in_order

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(max_size=300)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=5), max_leaves=15
)
FIELDS = st.dictionaries(st.text(), VALUES, max_size=6)


@given(FIELDS)
@example({"zero": 0.0, "minus": -0.0, "again": 0.0, "one": 1.0, "true": True, "int": 1})
@example({"a" * 23: 1, "b" * 24: 2, "c" * 300: 3, "": 4})
def test_it_writes_the_deterministic_encoding(fields: dict[str, Any]) -> None:
    assert encode_record_fields(in_order(to_value(fields))) == cbor.encode(fields)


@given(
    st.binary(min_size=16, max_size=16), SCALARS | st.lists(SCALARS) | st.dictionaries(st.text(), SCALARS), st.text()
)
def test_a_claim_is_encoded_as_a_disclosure_is(salt: bytes, value: Any, name: str) -> None:  # noqa: ANN401
    assert encode_claim(salt, to_value(value), name) == cbor.encode([salt, value, name])


@pytest.mark.parametrize("value", [{1, 2}, len, {1: 2}, 2**64, -(2**64) - 1, "\ud800", 1j], ids=repr)
def test_what_it_does_not_know_it_refuses(value: object) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        encode_record_fields({"value": value})


@pytest.mark.parametrize("value", [[[]], {"a": {}}, [0] * 5_000], ids=["list", "map", "long"])
def test_a_claim_of_many_levels_or_elements_is_left_to_the_encoder_that_counts(value: object) -> None:
    with pytest.raises(TypeError, match="one level"):
        encode_claim(bytes(16), value, "input")
