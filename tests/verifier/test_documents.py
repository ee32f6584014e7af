import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.cbor import Value
from glasslog.cli.document import encode_document, iso_time, iso_time_of_seconds, json_of
from glasslog.cli.screen import value_text
from glasslog.cli.writing import CHARACTERS_MAX, printable
from tests.verifier.test_cbor import VALUES


@given(VALUES)
def test_every_value_has_a_json_form(value: Value) -> None:
    text = encode_document({"value": json_of(value)})
    assert json.loads(text)["value"] == json_of(value)
    assert text.isascii()
    assert all(character.isprintable() for character in text.replace("\n", ""))


@pytest.mark.parametrize(
    "value, document",
    [
        (b"\x00\xff", {"hex": "00ff"}),
        (math.inf, {"float": "Infinity"}),
        (-math.inf, {"float": "-Infinity"}),
        (math.nan, {"float": "NaN"}),
        ({1: {"a": b""}}, {"1": {"a": {"hex": ""}}}),
        ([1, 2.5, None, True, "x"], [1, 2.5, None, True, "x"]),
    ],
    ids=repr,
)
def test_what_json_lacks_is_spelled_out(value: Value, document: Value) -> None:
    assert json_of(value) == document


@given(st.text())
def test_only_what_prints_is_printed(text: str) -> None:
    shown = printable(text)
    assert all(character.isprintable() for character in shown)
    assert "\x1b" not in shown


@given(st.text(max_size=CHARACTERS_MAX), st.text(max_size=CHARACTERS_MAX))
def test_two_texts_never_look_the_same(one: str, other: str) -> None:
    assert (printable(one) == printable(other)) == (one == other)


@pytest.mark.parametrize(
    "text, shown",
    [
        ("plain é 水", "plain é 水"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x9b31m", "\\x9b31m"),
        ("line\nbreak\r\ttab", "line\\nbreak\\r\\ttab"),
        ("over\u202eturned", "over\\u202eturned"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("back\\slash", "back\\\\slash"),
        ("\x00\x7f", "\\x00\\x7f"),
        ("no\u00a0break", "no\\xa0break"),
        ("[bold]markup[/bold]", "[bold]markup[/bold]"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
    ],
)
def test_escapes_are_readable(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_long_values_are_cut_with_a_word() -> None:
    assert printable("x" * 700) == "x" * CHARACTERS_MAX + "… (100 more characters)"
    assert printable("x" * 700, None) == "x" * 700


@pytest.mark.parametrize(
    "milliseconds, text",
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_735_689_600_123, "2025-01-01T00:00:00.123Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (253_402_300_800_000, "253402300800000 ms after 1970"),
        (2**63 * 1_000, f"{2**63 * 1_000} ms after 1970"),
    ],
)
def test_times_are_utc_or_a_number(milliseconds: int, text: str) -> None:
    assert iso_time(milliseconds) == text


def test_seconds_have_no_fraction() -> None:
    assert iso_time_of_seconds(1_735_689_600) == "2025-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "value, text",
    [
        (None, "none"),
        (True, "yes"),
        (False, "no"),
        (1.5, "1.5"),
        ("x", "x"),
        ({"hex": "00"}, "00"),
        ({"a": 1, "b": [1, {"hex": "ff"}]}, "{a: 1, b: [1, ff]}"),
        ([], "[]"),
    ],
    ids=repr,
)
def test_values_are_read_on_one_line(value: Value, text: str) -> None:
    assert value_text(value) == text
