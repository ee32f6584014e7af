"""Whatever could make the log sign a second history stops it, and the message says what to do."""

import json
import shutil
from pathlib import Path

from tests.e2e.client import Client
from tests.e2e.installed import Installed
from tests.e2e.processes import Result, run, run_here


def submit(log: Installed, count: int) -> None:
    with log.serve().ready() as server:
        client = Client(server.url, log.vkey)
        client.post_all([log.issuer.statement() for _ in range(count)])
        client.post(log.issuer.statement())
        assert server.stop() == 0


def refused(log: Installed) -> Result:
    """Start a server that must refuse to run."""
    result = run("serve", "--config", log.config_path)
    assert result.code == 1
    assert result.out == ""
    return result


def copy(log: Installed, folder: Path) -> Installed:
    shutil.copytree(log.folder, folder)
    return Installed(folder, log.issuer)


def test_an_older_copy_of_the_store_is_refused(log: Installed, tmp_path: Path) -> None:
    submit(log, 10)
    backup = tmp_path / "backup"
    shutil.copytree(log.folder / "store", backup)
    submit(log, 10)
    shutil.rmtree(log.folder / "store")
    shutil.copytree(backup, log.folder / "store")
    complaint = refused(log).complaint
    assert "expected the guard at size 13 or one round before, got 24" in complaint
    assert "an old copy or backup was restored" in complaint
    assert "Put back the newest store" in complaint
    assert run_here("fsck", "--config", log.config_path).code == 1


def test_the_newest_store_put_back_runs_again(log: Installed, tmp_path: Path) -> None:
    submit(log, 10)
    shutil.move(log.folder / "store", tmp_path / "newest")
    shutil.copytree(tmp_path / "newest", log.folder / "store")
    submit(log, 10)


def test_a_copied_folder_is_refused_until_it_is_adopted(log: Installed, tmp_path: Path) -> None:
    submit(log, 10)
    moved = copy(log, tmp_path / "moved")
    complaint = refused(moved).complaint
    assert "got a copy of it" in complaint
    assert "the original may still be running" in complaint
    assert "glasslog-server guard adopt" in complaint

    shown = json.loads(run_here("guard", "show", "--json", "--config", moved.config_path).out)
    assert (shown["original"], shown["size"], shown["origin"]) == (False, 13, "log.example/e2e")

    hasty = run_here("guard", "adopt", "--config", moved.config_path)
    assert hasty.code == 2
    assert "say --i-stopped-the-other" in hasty.err
    refused(moved)

    adopted = run_here("guard", "adopt", "--i-stopped-the-other", "--config", moved.config_path)
    assert (adopted.code, "is the guard of this log now" in adopted.err) == (0, True)
    submit(moved, 10)
    shown = json.loads(run_here("guard", "show", "--json", "--config", moved.config_path).out)
    assert (shown["original"], shown["size"]) == (True, 24)


def test_a_guard_cannot_be_adopted_under_a_running_server(log: Installed) -> None:
    with log.serve().ready() as server:
        result = run_here("guard", "adopt", "--i-stopped-the-other", "--config", log.config_path)
        assert result.code == 3
        assert "its lock is held, most likely by a server that runs this log" in result.complaint
        assert server.stop() == 0


def test_a_guard_can_be_looked_at_under_a_running_server(log: Installed) -> None:
    with log.serve().ready() as server:
        result = run_here("guard", "show", "--config", log.config_path)
        assert result.code == 0
        assert "the original" in result.out
        note = Client(server.url, log.vkey).get("/checkpoint").decode()
        assert result.out.endswith(note)
        assert server.stop() == 0


def test_a_deleted_guard_is_refused(log: Installed) -> None:
    submit(log, 10)
    log.config.storage.guard.unlink()
    complaint = refused(log).complaint
    assert f"expected the guard of this log at {log.config.storage.guard}, got none" in complaint
    assert "Bring the file itself back" in complaint
    assert not log.config.storage.guard.exists()
    assert run_here("guard", "show", "--config", log.config_path).code == 1


def test_a_guard_that_is_put_back_as_a_copy_is_refused(log: Installed, tmp_path: Path) -> None:
    submit(log, 10)
    guard = log.config.storage.guard
    shutil.copy(guard, tmp_path / "guard")
    guard.unlink()
    shutil.copy(tmp_path / "guard", guard)
    assert "got a copy of it" in refused(log).complaint


def test_a_guard_file_of_nonsense_is_refused(log: Installed) -> None:
    guard = log.config.storage.guard
    with guard.open("r+b") as file:
        file.write(bytes(guard.stat().st_size))
    complaint = refused(log).complaint
    assert "expected a valid record in the guard" in complaint
    assert run_here("guard", "show", "--config", log.config_path).code == 1


def test_the_guard_of_another_log_is_refused(log: Installed, tmp_path: Path) -> None:
    run_here("init", "--dir", tmp_path / "other", "--origin", "log.example/other")
    shutil.copyfile(tmp_path / "other" / "guard" / "checkpoint", log.config.storage.guard)
    assert "check that store and guard are of the same log" in refused(log).complaint


def test_a_guard_that_is_ahead_of_the_store_is_refused_even_after_it_was_adopted(
    log: Installed, tmp_path: Path
) -> None:
    """The operator says that the other copy is gone, but brought back a store that is older than the guard."""
    submit(log, 10)
    old = copy(log, tmp_path / "old")
    submit(log, 10)
    shutil.copyfile(log.config.storage.guard, old.config.storage.guard)
    assert run_here("guard", "adopt", "--i-stopped-the-other", "--config", old.config_path).code == 0
    assert "an old copy or backup was restored" in refused(old).complaint
