"""docs/records.md tells the truth: it knows every type, and its worked example is what the program prints."""

import re
from pathlib import Path

import pytest

from glasslog.cli.rendering import render
from glasslog.records import RECORD_TYPES, decode_record, encode_record
from tests.verifier.records.examples import full_record

PAGE = (Path(__file__).parents[3] / "docs" / "records.md").read_text()
BLOCKS = re.findall(r"<!-- tested: ([a-z-]+) -->\n```\n(.*?)```", PAGE, re.DOTALL)
ROWS = re.findall(r"(?m)^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \| [^|]*\?", PAGE)


def test_every_type_has_its_question() -> None:
    assert {name for row in ROWS for name in re.findall(r"[a-z-]+", row)} == set(RECORD_TYPES)


def test_the_worked_example_has_its_records() -> None:
    assert len(BLOCKS) > 5
    assert {record_type for record_type, _ in BLOCKS} <= RECORD_TYPES


@pytest.mark.parametrize("record_type, block", BLOCKS, ids=[record_type for record_type, _ in BLOCKS])
def test_what_the_page_shows_is_what_is_printed(record_type: str, block: str) -> None:
    printed = [f"{label:<14}{text}" for label, text in render(decode_record(encode_record(full_record(record_type))))]
    assert [line for line in block.splitlines() if line not in printed] == []
