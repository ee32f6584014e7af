import os
import stat
from pathlib import Path

import pytest

from glasslog_issuer import files


def test_a_created_file_has_its_content_and_mode(tmp_path: Path) -> None:
    files.create(tmp_path / "file", b"content", 0o600)
    assert (tmp_path / "file").read_bytes() == b"content"
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_a_file_is_not_created_over_another(tmp_path: Path) -> None:
    files.create(tmp_path / "file", b"first")
    with pytest.raises(FileExistsError):
        files.create(tmp_path / "file", b"second")
    assert (tmp_path / "file").read_bytes() == b"first"


@pytest.mark.parametrize("options", [{}, {"durable": False}])
def test_a_replaced_file_leaves_nothing_beside_it(tmp_path: Path, options: dict[str, bool]) -> None:
    files.replace(tmp_path / "file", b"first", **options)
    files.replace(tmp_path / "file", b"second", **options)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"second"}


def test_a_replacement_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    (tmp_path / "file" / "inside").touch()
    with pytest.raises(OSError, match="directory"):
        files.replace(tmp_path / "file", b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_file_that_cannot_be_finished_is_not_left_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_file = os.open

    def open_on_full_disk(path: Path, flags: int, mode: int) -> int:
        os.close(open_file(path, flags, mode))
        return open_file("/dev/full", os.O_WRONLY)

    monkeypatch.setattr(os, "open", open_on_full_disk)
    with pytest.raises(OSError, match="No space left"):
        files.create(tmp_path / "file", b"content")
    assert list(tmp_path.iterdir()) == []


def test_reading_stops_at_the_bound(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert files.read(tmp_path / "file", 5) == b"12345"
    with pytest.raises(ValueError, match="at most 4 bytes"):
        files.read(tmp_path / "file", 4)
