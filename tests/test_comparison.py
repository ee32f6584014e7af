"""docs/comparison.md: what it says of Glasslog is so."""

import re
from pathlib import Path

from glasslog.audit.checks import CHECKS
from glasslog.records import RECORD_TYPES

PAGE = (Path(__file__).parents[1] / "docs" / "comparison.md").read_text()


def test_its_numbers_are_those_of_the_code() -> None:
    assert {int(number) for number in re.findall(r"(\d+) checks", PAGE)} == {len(CHECKS)}
    assert {int(number) for number in re.findall(r"(\d+) types", PAGE)} == {len(RECORD_TYPES)}


def test_everybody_who_is_compared_has_a_source() -> None:
    table = PAGE.partition("## What each is")[2].partition("##")[0]
    others = [line for line in table.splitlines() if line.startswith("| [")]
    assert len(others) == 9
    assert all(line.startswith("| [") and "](https://" in line.split("|")[1] for line in others)
