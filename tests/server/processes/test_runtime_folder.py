"""The folder of a running server is locked while one of its processes lives, and swept away afterwards."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from glasslog_server.errors import ListenError
from glasslog_server.processes.runtime_folder import PREFIX, RuntimeFolder, sweep

MAKE_ONE = """
from glasslog_server.processes.runtime_folder import RuntimeFolder
folder = RuntimeFolder.make()
(folder.path / "link").touch()
print(folder.path, flush=True)
input()
"""


@pytest.fixture(autouse=True)
def parent(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(short_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return short_path


def test_a_folder_is_for_its_owner_alone_and_is_removed_at_the_end(parent: Path) -> None:
    folder = RuntimeFolder.make()
    assert folder.path.stat().st_mode & 0o777 == 0o700
    folder.remove()
    folder.remove()
    assert list(parent.iterdir()) == []


def test_the_folder_of_a_living_server_stays(parent: Path) -> None:
    folder = RuntimeFolder.make()
    other = RuntimeFolder.make()
    assert sorted(parent.iterdir()) == sorted([folder.path, other.path])
    folder.remove()
    other.remove()


def test_the_folder_of_a_killed_server_is_swept_away_by_the_next_start(parent: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", MAKE_ONE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as killed:
        assert killed.stdout is not None
        left = Path(killed.stdout.readline().strip())
        sweep(parent)
        assert (left / "link").exists()
        killed.send_signal(signal.SIGKILL)
    assert left.exists()
    folder = RuntimeFolder.make()
    assert list(parent.iterdir()) == [folder.path]
    folder.remove()


def test_the_lock_lasts_as_long_as_any_process_of_the_server(parent: Path) -> None:
    folder = RuntimeFolder.make()
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(folder.descriptor,)
    ) as child:
        os.close(folder.descriptor)  # as if the supervisor had been killed
        sweep(parent)
        assert folder.path.exists()
        child.communicate(b"\n")
    sweep(parent)
    assert not folder.path.exists()


def test_nothing_else_is_swept_away(parent: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "file").touch()
    (parent / f"{PREFIX}link").symlink_to(elsewhere)
    (parent / f"{PREFIX}file").touch()
    (parent / "glasslog-demo-x").mkdir()
    sweep(parent)
    assert (elsewhere / "file").exists()
    assert len(list(parent.iterdir())) == 3


def test_what_belongs_to_somebody_else_is_not_swept_away(parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (parent / f"{PREFIX}x").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    sweep(parent)
    assert (parent / f"{PREFIX}x").exists()


def test_a_folder_that_is_swept_away_before_it_was_locked_is_made_again(
    parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    make = tempfile.mkdtemp

    def make_and_lose(prefix: str, dir: Path) -> str:  # noqa: A002 (as it is called)
        made.append(make(prefix=prefix, dir=dir))
        if len(made) == 1:
            Path(made[0]).rmdir()
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", make_and_lose)
    folder = RuntimeFolder.make()
    assert (len(made), str(folder.path)) == (2, made[1])
    sweep(parent)
    assert folder.path.exists()
    folder.remove()


def test_a_path_too_long_for_a_socket_is_refused(parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = parent / ("x" * 100)
    deep.mkdir()
    monkeypatch.setenv("TMPDIR", str(deep))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with pytest.raises(ListenError, match="set TMPDIR"):
        RuntimeFolder.make()
    assert list(deep.iterdir()) == []
