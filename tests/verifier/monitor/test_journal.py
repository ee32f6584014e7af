"""What a monitor remembers is whole, or nothing."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glasslog.errors import MalformedError, UncheckableError
from glasslog.monitor.journal import JOURNAL, Journal, ToldEpisode, read_journal, set_aside, write_journal

LOG = "log.example/2025"
FULL = Journal(LOG, "[]", 7, ("a", "b"), ("c",), {"g": ToldEpisode(1, 2, 3, 4.5)}, {"urn:x": 9}, 1.5)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert read_journal(tmp_path, LOG) == Journal(LOG)
    write_journal(tmp_path, FULL)
    assert read_journal(tmp_path, LOG) == read_journal(tmp_path) == FULL


def test_nothing_is_written_when_nothing_is_new(tmp_path: Path) -> None:
    write_journal(tmp_path, FULL)
    before = (tmp_path / JOURNAL).stat().st_ino
    write_journal(tmp_path, FULL)
    assert (tmp_path / JOURNAL).stat().st_ino == before
    (tmp_path / JOURNAL).write_bytes(b"damaged")
    write_journal(tmp_path, FULL)
    assert read_journal(tmp_path) == FULL


def test_the_journal_of_another_log_is_refused(tmp_path: Path) -> None:
    write_journal(tmp_path, FULL)
    with pytest.raises(MalformedError, match="remembers of other"):
        read_journal(tmp_path, "other")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=64) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_bytes_are_refused(tmp_path: Path, content: bytes | str) -> None:
    (tmp_path / JOURNAL).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(MalformedError):
        read_journal(tmp_path)


@pytest.mark.parametrize(
    "name, value",
    [
        ("v", 1),
        ("origin", 5),
        ("asked", None),
        ("resume_from", -1),
        ("resume_from", 1.5),
        ("resume_from", True),
        ("told", "abc"),
        ("standing", [5]),
        ("episodes", {"g": [1, 2]}),
        ("episodes", {"g": [1, 2, "3", 4]}),
        ("watched", {"urn:x": "9"}),
        ("failing_since_s", "yesterday"),
        ("more", 1),
    ],
)
def test_a_field_of_another_kind_is_refused(tmp_path: Path, name: str, value: object) -> None:
    write_journal(tmp_path, FULL)
    document = json.loads((tmp_path / JOURNAL).read_bytes())
    (tmp_path / JOURNAL).write_text(json.dumps({**document, name: value}))
    with pytest.raises(MalformedError):
        read_journal(tmp_path)


def test_a_damaged_journal_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_bytes(b"damaged")
    assert set_aside(tmp_path).read_bytes() == b"damaged"
    assert read_journal(tmp_path) == Journal()
    with pytest.raises(UncheckableError, match="cannot rename"):
        set_aside(tmp_path)
