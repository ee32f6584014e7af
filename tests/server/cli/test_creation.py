"""A log is created whole or not at all, and never over another one."""

import asyncio
import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest

from glasslog.authority import Authority
from glasslog.keys import SigningKey
from glasslog.statement import CONTENT_TYPE_RECORD, decode_statement
from glasslog.vkey import decode_vkey
from glasslog_server.config import load_config
from glasslog_server.creation import MARKER_NAME, NewLog, create_log, remains, remove
from glasslog_server.errors import ConfigError, CreationError, GuardError, KeyFileError
from glasslog_server.keyfiles import read_private_key, write_private_key
from glasslog_server.policy_statements import new_record_id
from glasslog_server.storage.guard import FileGuard
from glasslog_server.storage.rocks import RocksStore
from tests.server.cli.small_log import fsck, now_ms

ORIGIN = "log.example/new"
CREATE = """
import asyncio, os, signal, sys
from pathlib import Path
from glasslog_server import creation

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(creation, sys.argv[2], die)
asyncio.run(creation.create_log(creation.NewLog(Path(sys.argv[1]), "log.example/new"), 1_700_000_000_000))
"""
FULL = """
import resource, sys
from glasslog_server.cli import main

bytes_max = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, bytes_max))
main()
"""


def create(folder: Path, **chosen: Mapping[str, object]) -> NewLog:
    new = NewLog(folder, ORIGIN, chosen)
    asyncio.run(create_log(new, now_ms()))
    return new


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_new_log_has_everything_it_needs_and_nothing_else(tmp_path: Path) -> None:
    create(tmp_path / "log")
    assert names(tmp_path / "log") == {"config.toml", "log.key", "operator.key", "log.vkey", "store", "guard"}
    config = load_config(tmp_path / "log" / "config.toml")
    report = fsck(config)
    assert (report.is_sound, report.size, report.origin) == (True, 1, ORIGIN)


def test_entry_0_is_the_policy_signed_by_the_operator(tmp_path: Path) -> None:
    new = NewLog(
        tmp_path / "log", ORIGIN, content_types=frozenset({CONTENT_TYPE_RECORD, "text/x"}), entries_access="token"
    )
    config = asyncio.run(create_log(new, now_ms()))

    async def read() -> bytes:
        store = RocksStore.open(config.storage.store)
        try:
            [entry] = await store.read_entries(0, 1)  # type: ignore[arg-type]
        finally:
            await store.close()
        return entry

    authority = Authority.establish(decode_statement(asyncio.run(read())))
    policy = authority.policy
    assert policy.origin == ORIGIN
    assert policy.operator_key == read_private_key(tmp_path / "log" / "operator.key").public_key
    assert policy.log_keys == (read_private_key(tmp_path / "log" / "log.key").public_key,)
    assert (policy.content_types, policy.entries_access) == (new.content_types, "token")
    assert policy.record_types >= {"inference", "model-registration"}
    assert "log-policy" not in policy.record_types
    vkey = decode_vkey((tmp_path / "log" / "log.vkey").read_text().strip())
    assert (vkey.name, vkey.public_key) == (ORIGIN, policy.log_keys[0])


def test_nothing_of_a_new_log_is_open_to_others(tmp_path: Path) -> None:
    create(tmp_path / "log")
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0
    assert (tmp_path / "log" / "guard").stat().st_mode & 0o077 == 0


def test_keys_and_guard_may_be_elsewhere(tmp_path: Path) -> None:
    write_private_key(tmp_path / "mine.key", SigningKey(bytes(32)))
    guard = tmp_path / "other-disk" / "deep" / "guard"
    keys = {"log": [str(tmp_path / "mine.key")]}
    create(tmp_path / "log", keys=keys, storage={"guard": str(guard)})
    assert names(tmp_path / "log") == {"config.toml", "operator.key", "log.vkey", "store"}
    assert guard.is_file()
    assert fsck(load_config(tmp_path / "log" / "config.toml")).is_sound


def test_a_folder_that_has_a_log_is_left_alone(tmp_path: Path) -> None:
    create(tmp_path / "log")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(CreationError, match="expected no log here yet, got one"):
        create(tmp_path / "log")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("name", ["log.key", "operator.key", "store", "log.vkey", "guard/checkpoint"])
def test_a_file_in_the_way_is_named_and_left_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / "log" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(CreationError, match=f"{name}: expected nothing there yet"):
        create(tmp_path / "log")
    assert [file for file in (tmp_path / "log").rglob("*") if file.is_file()] == [path]
    assert path.read_text() == "mine"


def test_other_files_in_the_folder_are_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "notes.txt").write_text("mine")
    create(tmp_path / "log")
    assert "notes.txt" in names(tmp_path / "log")


def test_a_configuration_that_is_wrong_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="guard outside of the store"):
        create(tmp_path / "log", storage={"guard": str(tmp_path / "log" / "store" / "guard")})
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_cannot_be_used_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError):
        create(tmp_path / "a" / "log", keys={"log": [str(tmp_path / "none.key")]})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CreationError, match="file/log: cannot make this folder: Not a directory"):
        create(tmp_path / "file" / "log")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_a_failure_in_the_middle_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> FileGuard:
        msg = "no space left"
        raise GuardError(msg)

    monkeypatch.setattr(FileGuard, "create", fail)
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "notes.txt").write_text("mine")
    with pytest.raises(GuardError, match="no space left"):
        create(tmp_path / "log")
    assert names(tmp_path / "log") == {"notes.txt"}


@pytest.mark.parametrize("step", ["write_private_key", "write_first_entry", "encode_config", "sync_folder"])
def test_a_crash_in_the_middle_is_told_with_what_to_do(tmp_path: Path, step: str) -> None:
    folder = tmp_path / "log"
    died = subprocess.run([sys.executable, "-c", CREATE, str(folder), step], check=False)
    assert died.returncode == -signal.SIGKILL
    left = remains(folder)
    if left:
        with pytest.raises(
            CreationError, match=f"Nothing that it made was ever used: remove it .*: rm -rf .*{left[-1]}"
        ):
            create(folder)
        remove(left)
    create(folder)
    assert remains(folder) == []
    assert fsck(load_config(folder / "config.toml")).is_sound


def test_a_crash_after_the_last_step_has_left_a_whole_log(tmp_path: Path) -> None:
    create(tmp_path / "log")
    (tmp_path / "log" / MARKER_NAME).write_text('["log.key"]')
    assert remains(tmp_path / "log") == []
    with pytest.raises(CreationError, match="expected no log here yet, got one"):
        create(tmp_path / "log")


def test_record_ids_are_uuids_of_version_7_in_the_order_of_time() -> None:
    ids = [new_record_id(time_ms) for time_ms in (0, 1, 1_700_000_000_000, 2**48 - 1)]
    assert ids == sorted(ids)
    for raw in ids:
        parsed = uuid.UUID(bytes=raw)
        assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert int.from_bytes(new_record_id(1_700_000_000_000)[:6], "big") == 1_700_000_000_000
    assert len({new_record_id(5) for _ in range(100)}) == 100


@pytest.mark.parametrize("bytes_max", [0, 100, 1_000, 4_000])
def test_a_full_disk_is_told_as_what_cannot_be_done_now(tmp_path: Path, bytes_max: int) -> None:
    """A limit of the size of files stands for the disk: one write fails after the other as it grows."""
    for command in (["init", "--origin", ORIGIN], ["dev", "--listen", "127.0.0.1:0"]):
        ended = subprocess.run(
            [sys.executable, "-c", FULL, str(bytes_max), *command, "--dir", str(tmp_path / "log")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ended.returncode, ended.stdout) == (3, "")
        [line] = ended.stderr.splitlines()
        assert line.startswith("glasslog-server: ")
        assert "File too large" in line
        assert list(tmp_path.iterdir()) == []


def test_a_script_reads_where_the_log_is(tmp_path: Path) -> None:
    asked = ["init", "--dir", str(tmp_path / "log"), "--origin", ORIGIN, "--json"]
    done = subprocess.run([sys.executable, "-m", "glasslog_server", *asked], capture_output=True, text=True, check=True)
    made = json.loads(done.stdout)
    assert (made["origin"], done.stderr) == (ORIGIN, "")
    assert load_config(Path(made["config"])).origin == ORIGIN
    assert Path(made["vkey_file"]).read_text().strip() == made["vkey"]
