"""The bytes of a spool's segment: whatever happens to them, what was acknowledged is read back or missed."""

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from glasslog_issuer.errors import SpoolDamagedError
from glasslog_issuer.spool.frames import (
    MAGIC,
    NOTE,
    STATEMENT,
    Header,
    Item,
    Segment,
    encode_header,
    encode_item,
    encode_unit,
    read_segment,
)

MARKER = b"\x00marker\xff"
HEADER = Header("https://vendor.example", "triage-1", 7, MARKER, {"place": ["triage-1", 7, None]})

ITEMS = st.builds(Item, st.sampled_from([STATEMENT, NOTE]), st.binary(max_size=60) | st.just(b"x" + MARKER * 2))
UNITS = st.lists(st.lists(ITEMS, max_size=3), min_size=1, max_size=5)


def segment(units: list[list[Item]], *, synced: bool = True) -> tuple[bytes, list[int]]:
    """Return a segment as writers make it, with an fsync between units or none, and where its units begin."""
    data = encode_header(HEADER)
    start = len(data)
    begins = []
    for items in units:
        begins.append(len(data))
        data += encode_unit(MARKER, len(data) if synced else start, map(encode_item, items))
    return data, begins


def read(data: bytes) -> Segment:
    return read_segment(data, name="s")


@given(UNITS)
def test_what_was_written_is_read(units: list[list[Item]]) -> None:
    data, _ = segment(units)
    found = read(data)
    assert found.header == HEADER
    assert found.items == [item for items in units for item in items]
    assert (found.end, found.torn) == (len(data), 0)


@given(UNITS, st.data())
def test_of_a_torn_end_everything_before_the_tear_is_read(units: list[list[Item]], data: st.DataObject) -> None:
    whole, begins = segment(units)
    length = data.draw(st.integers(begins[0], len(whole)))
    found = read(whole[:length])
    complete = sum(1 for begin in [*begins[1:], len(whole)] if begin <= length)
    assert found.items == [item for items in units[:complete] for item in items]
    assert found.end + found.torn == length


@given(UNITS, st.binary(max_size=80))
def test_rubbish_behind_the_end_was_never_acknowledged(units: list[list[Item]], rubbish: bytes) -> None:
    whole, _ = segment(units)
    found = read(whole + rubbish)
    assert found.items == [item for items in units for item in items]
    assert found.torn == len(rubbish)


@given(UNITS, st.data())
def test_no_flipped_bit_changes_what_is_read(units: list[list[Item]], data: st.DataObject) -> None:
    whole, begins = segment(units)
    position = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytearray(whole)
    flipped[position] ^= 1 << data.draw(st.integers(0, 7))
    if position < begins[-1]:  # something behind it says that this was on disk
        with pytest.raises(SpoolDamagedError):
            read(bytes(flipped))
    else:  # the last unit: nobody can tell whether its write was cut off, so it is put aside whole
        found = read(bytes(flipped))
        assert found.items == [item for items in units[:-1] for item in items]
        assert found.end == begins[-1]


@given(UNITS, st.data())
def test_a_hole_among_units_that_were_not_on_disk_is_a_torn_end(units: list[list[Item]], data: st.DataObject) -> None:
    whole, begins = segment(units, synced=False)
    broken = data.draw(st.integers(0, len(units) - 1))
    begin = begins[broken]
    found = read(whole[:begin] + b"\1" + whole[begin + 1 :])
    assert found.items == [item for items in units[:broken] for item in items]
    assert found.end == begin


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda rest: MAGIC + rest))
@example(MAGIC)
@example(MAGIC + struct.pack(">II", 1, 0x0D968558) + b"\xa0")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(SpoolDamagedError):
        read(data)


def test_a_unit_of_another_segment_is_not_taken_for_one_of_this() -> None:
    whole, _ = segment([[Item(NOTE, b"1")]])
    other = encode_unit(b"another!", len(whole), [encode_item(Item(NOTE, b"2"))])
    assert read(whole + other).items == [Item(NOTE, b"1")]
