import io
import os
import stat
from pathlib import Path

import pytest

from glasslog.errors import MalformedError, UncheckableError
from glasslog.sources.folder import read_file, read_stream, write_file


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "evidence.glasslog"
    write_file(path, b"one")
    write_file(path, b"two")
    assert read_file(path, 3) == b"two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["evidence.glasslog"]


def test_a_file_has_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    umask = os.umask(0o027)
    try:
        write_file(tmp_path / "file", b"")
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_a_file_above_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"1234")
    with pytest.raises(MalformedError, match="at most 3 bytes"):
        read_file(path, 3)
    assert read_stream(io.BytesIO(b"1234"), 4) == b"1234"
    with pytest.raises(MalformedError, match="at most 3 bytes"):
        read_stream(io.BytesIO(b"1234"), 3)


def test_what_cannot_be_read_could_not_be_checked(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(UncheckableError, match="cannot read"):
            read_file(path, 10)


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_file(path, b"before")

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(UncheckableError, match=r"cannot write .*No space left"):
        write_file(path, b"after")
    assert path.read_bytes() == b"before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(UncheckableError, match="cannot write"):
        write_file(tmp_path / "missing" / "file", b"")
