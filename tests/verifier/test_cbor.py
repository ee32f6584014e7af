import math
import struct
from random import Random

import cbor2
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from glasslog import cbor
from glasslog.cbor import Value
from glasslog.errors import MalformedError
from glasslog.limits import CBOR_DEPTH_MAX, CBOR_ITEMS_MAX
from tests.verifier.fuzzing import accepted, bit_flips, damaged, insertions, truncations

SEEDS = st.integers(0, 2**64 - 1)
UNSIGNED = st.integers(0, 2**64 - 1)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**64), 2**64 - 1),
    st.floats(allow_nan=False),
    st.binary(max_size=40),
    st.text(max_size=20),
)
VALUES: st.SearchStrategy[Value] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.text(max_size=8), inner, max_size=5),
        st.dictionaries(UNSIGNED, inner, max_size=5),
    ),
    max_leaves=20,
)


def nested(depth: int) -> Value:
    value: Value = 0
    for _ in range(depth):
        value = [value]
    return value


def shape(value: Value) -> Value:
    """Return a value with its types spelled out and its maps sorted: 1, 1.0 and True are equal to Python."""
    if isinstance(value, dict):
        return sorted((repr(key), shape(element)) for key, element in value.items())
    return [shape(element) for element in value] if isinstance(value, list) else repr(value)


def same(one: Value, other: Value) -> bool:
    return bool(shape(one) == shape(other))


# Encodings of RFC 8949 appendix A that are in our data model and deterministic.
RFC_8949_VALUES = [
    (0, "00"),
    (1, "01"),
    (10, "0a"),
    (23, "17"),
    (24, "1818"),
    (100, "1864"),
    (1000, "1903e8"),
    (1000000, "1a000f4240"),
    (1000000000000, "1b000000e8d4a51000"),
    (18446744073709551615, "1bffffffffffffffff"),
    (-18446744073709551616, "3bffffffffffffffff"),
    (-1, "20"),
    (-10, "29"),
    (-100, "3863"),
    (-1000, "3903e7"),
    (0.0, "f90000"),
    (-0.0, "f98000"),
    (1.0, "f93c00"),
    (1.1, "fb3ff199999999999a"),
    (1.5, "f93e00"),
    (65504.0, "f97bff"),
    (100000.0, "fa47c35000"),
    (3.4028234663852886e38, "fa7f7fffff"),
    (1.0e300, "fb7e37e43c8800759c"),
    (5.960464477539063e-8, "f90001"),
    (0.00006103515625, "f90400"),
    (-4.0, "f9c400"),
    (-4.1, "fbc010666666666666"),
    (math.inf, "f97c00"),
    (-math.inf, "f9fc00"),
    (False, "f4"),
    (True, "f5"),
    (None, "f6"),
    (b"", "40"),
    (bytes.fromhex("01020304"), "4401020304"),
    ("", "60"),
    ("a", "6161"),
    ("IETF", "6449455446"),
    ('"\\', "62225c"),
    ("ü", "62c3bc"),
    ("水", "63e6b0b4"),
    ("𐅑", "64f0908591"),
    ([], "80"),
    ([1, 2, 3], "83010203"),
    ([1, [2, 3], [4, 5]], "8301820203820405"),
    (list(range(1, 26)), "98190102030405060708090a0b0c0d0e0f101112131415161718181819"),
    ({}, "a0"),
    ({1: 2, 3: 4}, "a201020304"),
    ({"a": 1, "b": [2, 3]}, "a26161016162820203"),
    (["a", {"b": "c"}], "826161a161626163"),
    ({"a": "A", "b": "B", "c": "C", "d": "D", "e": "E"}, "a56161614161626142616361436164614461656145"),
]


@pytest.mark.parametrize("value, encoded", RFC_8949_VALUES)
def test_values_have_their_encoding_of_the_specification(value: Value, encoded: str) -> None:
    assert cbor.encode(value).hex() == encoded
    assert same(cbor.decode(bytes.fromhex(encoded)), value)
    assert same(cbor.decode_foreign(bytes.fromhex(encoded)), value)


def test_not_a_number_has_one_encoding() -> None:
    assert cbor.encode(math.nan).hex() == "f97e00"
    assert math.isnan(cbor.decode(bytes.fromhex("f97e00")))
    for other in ("f97e01", "fa7fc00000", "fb7ff8000000000000"):
        assert not accepted(cbor.decode, bytes.fromhex(other))


REFUSED_BY_BOTH = {
    "nothing": "",
    "a second item": "0000",
    "an indefinite byte string": "5f42010243030405ff",
    "an indefinite text string": "7f657374726561646d696e67ff",
    "an indefinite array": "9f0102ff",
    "an indefinite map": "bf616101ff",
    "an empty indefinite array": "9fff",
    "an indefinite array within": "829f01ff02",
    "a break alone": "ff",
    "a key twice": "a2616101616102",
    "an integer key twice": "a201020103",
    "a key twice, once overlong": "a20102180103",
    "a tag": "c074323031332d30332d32315432303a30343a30305a",
    "a big number": "c249010000000000000000",
    "an unknown tag": "d9ffff00",
    "a shared value": "d81c80",
    "a set": "d9010280",
    "self-described CBOR": "d9d9f700",
    "a string reference": "d9010080",
    "undefined": "f7",
    "simple value 16": "f0",
    "simple value 255": "f8ff",
    "a simple value in two bytes that needs one": "f814",
    "text that is not UTF-8": "62c328",
    "text with a surrogate": "63eda080",
    "a map with text and integer keys": "a2016161616102",
    "a map with a true key": "a1f501",
    "a map with a null key": "a1f601",
    "a map with a byte string key": "a1410001",
    "a map with a float key": "a1f93c0001",
    "a map with an array key": "a1800001"[:6],
    "a map with a map key": "a1a001",
    "reserved additional information": "1c",
    "a truncated integer": "19ff",
    "a truncated string": "43ff",
    "a truncated array": "8201",
    "a truncated map": "a201",
    "an array longer than memory": "9bffffffffffffffff",
    "a map longer than memory": "bbffffffffffffffff",
    "a string longer than memory": "5bffffffffffffffff",
    "a text string longer than memory": "7b7fffffffffffffff",
    "an array of half of memory": "9b0000000080000000",
}


@pytest.mark.parametrize("encoded", [pytest.param(data, id=name) for name, data in REFUSED_BY_BOTH.items()])
def test_neither_reader_accepts(encoded: str) -> None:
    assert not accepted(cbor.decode, bytes.fromhex(encoded))
    assert not accepted(cbor.decode_foreign, bytes.fromhex(encoded))


FOREIGN_ONLY = {
    "an overlong integer": ("1817", 23),
    "an overlong integer in nine bytes": ("1b0000000000000001", 1),
    "an overlong negative integer": ("3800", -1),
    "an overlong string length": ("580101", b"\x01"),
    "an overlong array length": ("980101", [1]),
    "an overlong map length": ("b8010102", {1: 2}),
    "a float wider than needed": ("fa3fc00000", 1.5),
    "a double wider than needed": ("fb3ff8000000000000", 1.5),
    "keys in another order": ("a2616201616102", {"b": 1, "a": 2}),
    "longer keys first": ("a262616101616202", {"aa": 1, "b": 2}),
    "integer keys in another order": ("a203040102", {3: 4, 1: 2}),
    "negative keys": ("a201022003", {1: 2, -1: 3}),
}


@pytest.mark.parametrize("encoded, value", [pytest.param(*case, id=name) for name, case in FOREIGN_ONLY.items()])
def test_what_is_not_deterministic_is_read_as_foreign_only(encoded: str, value: Value) -> None:
    assert not accepted(cbor.decode, bytes.fromhex(encoded))
    assert same(cbor.decode_foreign(bytes.fromhex(encoded)), value)


@given(VALUES)
def test_what_was_encoded_is_decoded(value: Value) -> None:
    encoded = cbor.encode(value)
    assert same(cbor.decode(encoded), value)
    assert same(cbor.decode_foreign(encoded), value)
    assert cbor.item_end(encoded, 0) == len(encoded)


@given(VALUES)
def test_an_encoding_has_no_other_byte_before_or_after(value: Value) -> None:
    encoded = cbor.encode(value)
    for cut in truncations(encoded):
        assert not accepted(cbor.decode, cut)
        assert not accepted(cbor.decode_foreign, cut)
    for data in (encoded + b"\0", encoded + encoded):
        assert not accepted(cbor.decode, data)
        assert not accepted(cbor.decode_foreign, data)


@given(st.binary(max_size=200))
@example(b"")
def test_any_bytes_are_a_value_or_malformed(data: bytes) -> None:
    if accepted(cbor.decode, data):
        assert cbor.encode(cbor.decode(data)) == data
        assert cbor.item_end(data, 0) == len(data)
        assert accepted(cbor.decode_foreign, data)
    if accepted(cbor.decode_foreign, data):
        assert cbor.item_end(data, 0) == len(data)


@given(VALUES.flatmap(lambda value: damaged(cbor.encode(value))))
def test_damaged_encodings_are_a_value_or_malformed(data: bytes) -> None:
    if accepted(cbor.decode, data):
        assert cbor.encode(cbor.decode(data)) == data
    accepted(cbor.decode_foreign, data)


@given(VALUES, SEEDS)
def test_one_value_has_one_encoding(value: Value, seed: int) -> None:
    """Re-encode with wider heads and shuffled maps: never accepted as deterministic unless it is the same bytes."""
    encoded = cbor.encode(value)
    other = encode_freely(value, seed)
    if other != encoded:
        assert not accepted(cbor.decode, other)


def encode_freely(value: Value, seed: int) -> bytes:
    """Encode with any width of head and any order of keys, as the specification allows in general.

    The seed decides how often a head is wider than needed: in some encodings everywhere, in some at one place.
    """
    random = Random(seed)
    rate = random.choice([0.0, 0.02, 0.2, 1.0])

    def head(major: int, argument: int) -> bytes:
        widths = [width for width in (0, 1, 2, 4, 8) if argument < (24 if width == 0 else 1 << (8 * width))]
        width = random.choice(widths) if random.random() < rate else widths[0]
        info = {0: argument, 1: 24, 2: 25, 4: 26, 8: 27}[width]
        return bytes((major << 5 | info,)) + (argument.to_bytes(width, "big") if width else b"")

    def encode(value: Value) -> bytes:
        if value is None or isinstance(value, bool):
            return cbor2.dumps(value)
        if isinstance(value, int):
            return head(0, value) if value >= 0 else head(1, -1 - value)
        if isinstance(value, float):
            return b"\xfb" + struct.pack(">d", value) if random.random() < rate else cbor.encode(value)
        if isinstance(value, bytes | str):
            octets = value.encode() if isinstance(value, str) else value
            return head(2 if isinstance(value, bytes) else 3, len(octets)) + octets
        if isinstance(value, list):
            return head(4, len(value)) + b"".join(map(encode, value))
        pairs = list(value.items())
        if random.random() < rate:
            random.shuffle(pairs)
        return head(5, len(pairs)) + b"".join(encode(key) + encode(element) for key, element in pairs)

    return encode(value)


@given(st.dictionaries(st.one_of(st.text(max_size=3), UNSIGNED, st.booleans(), st.none()), st.integers(0, 9)))
def test_maps_have_keys_of_one_kind(value: dict[Value, int]) -> None:
    kinds = {type(key) for key in value}
    assume(kinds not in (set(), {str}, {int}))
    with pytest.raises(ValueError, match="cannot encode"):
        cbor.encode(value)


def test_depth_is_bounded() -> None:
    assert cbor.decode(cbor.encode(nested(CBOR_DEPTH_MAX))) == nested(CBOR_DEPTH_MAX)
    too_deep = b"\x81" * (CBOR_DEPTH_MAX + 1) + b"\0"
    assert not accepted(cbor.decode, too_deep)
    assert not accepted(cbor.decode_foreign, too_deep)
    assert not accepted(cbor.decode, b"\x81" * 100_000)
    assert not accepted(cbor.decode, b"\xa1\x00" * 100_000 + b"\0")
    with pytest.raises(ValueError, match="cannot encode"):
        cbor.encode(nested(CBOR_DEPTH_MAX + 1))


def test_the_number_of_elements_is_bounded() -> None:
    assert len(cbor.decode(cbor.encode([0] * CBOR_ITEMS_MAX))) == CBOR_ITEMS_MAX
    assert not accepted(cbor.decode, b"\x99\x10\x01" + b"\0" * 4_097)
    with pytest.raises(ValueError, match="cannot encode"):
        cbor.encode([0] * (CBOR_ITEMS_MAX + 1))
    with pytest.raises(ValueError, match="cannot encode"):
        cbor.encode(dict.fromkeys(range(CBOR_ITEMS_MAX + 1)))


@pytest.mark.parametrize(
    "value",
    [2**64, -(2**64) - 1, range(1), {1.5: 0}, {b"key": 0}, {-1: 0}, ("tuple",), {1, 2}, "\ud800", {"\ud800": 1}],
    ids=repr,
)
def test_values_outside_the_data_model_are_not_encoded(value: Value) -> None:
    with pytest.raises(ValueError, match=r"cannot encode|surrogates"):
        cbor.encode(value)


def test_booleans_are_no_integers() -> None:
    assert cbor.decode(b"\xf5") is True
    assert type(cbor.decode(b"\x01")) is int
    assert not accepted(cbor.decode, bytes.fromhex("a2f400f501"))
    assert not accepted(cbor.decode, bytes.fromhex("a20000f401"))


def test_the_verdict_on_one_map_does_not_colour_another() -> None:
    """1 and True are equal, so a memory of key lists must keep their types apart."""
    assert accepted(cbor.decode, bytes.fromhex("a10100"))
    assert not accepted(cbor.decode, bytes.fromhex("a1f500"))
    assert accepted(cbor.decode, bytes.fromhex("a10100"))


@given(st.binary(max_size=300))
def test_byte_strings_are_read_with_the_shortest_head_only(content: bytes) -> None:
    encoded = cbor.encode(content)
    assert cbor.read_bytes(b"\0" + encoded + b"rest", 1) == (content, len(encoded) + 1)
    for cut in truncations(encoded):
        with pytest.raises(MalformedError):
            cbor.read_bytes(cut, 0)


@pytest.mark.parametrize(
    "encoded", ["5801ff", "58180000", "5900ff", "5a0000ffff", "5b00000000ffffffff", "5c", "5f", "60"]
)
def test_other_heads_of_byte_strings_are_refused(encoded: str) -> None:
    with pytest.raises(MalformedError):
        cbor.read_bytes(bytes.fromhex(encoded), 0)


def test_the_end_of_an_item_is_found_without_decoding_it() -> None:
    data = bytes.fromhex("d2 84 43 010203 a1 01 82 0102 f6 41 00 ff".replace(" ", ""))
    assert cbor.item_end(data, 0) == len(data) - 1
    with pytest.raises(MalformedError, match="got the end"):
        cbor.item_end(data, len(data))


def test_an_item_that_claims_too_much_is_refused_at_once() -> None:
    for encoded in ("9a7fffffff", "ba7fffffff" + "00" * 100, "5a7fffffff", "9b7fffffffffffffff00"):
        with pytest.raises(MalformedError, match="truncated"):
            cbor.item_end(bytes.fromhex(encoded), 0)


def test_valid_maps_are_refused_after_any_small_change_that_alters_their_form() -> None:
    encoded = cbor.encode({"v": 1, "id": b"12", "list": [1, 2, {"x": None}]})
    for data in (*bit_flips(encoded), *insertions(encoded)):
        if accepted(cbor.decode, data):
            assert cbor.encode(cbor.decode(data)) == data
