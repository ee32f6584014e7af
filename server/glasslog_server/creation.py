"""Create a log in a folder: configuration, keys, store, guard and entry 0.

An explicit act, never a side effect of starting. It is all or nothing: while it runs a marker in the folder names what
it makes, a failure removes all of that again, and after a crash the marker says what may be removed, because nothing of
it was ever used. The configuration comes last: a folder with one holds a whole log.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from glasslog.keys import SigningKey
from glasslog.limits import ENTRY_BYTES_MAX
from glasslog.records import POLICY_RECORD_TYPES, RECORD_TYPES, LogPolicy
from glasslog.statement import CONTENT_TYPE_RECORD
from glasslog_server.config import Config, decode_config, encode_config
from glasslog_server.errors import CreationError
from glasslog_server.genesis import sign_policy, write_first_entry
from glasslog_server.keyfiles import write_private_key
from glasslog_server.policy_statements import new_record_id
from glasslog_server.signers import open_head_signer, open_operator
from glasslog_server.storage.disk import sync_folder
from glasslog_server.storage.guard import FileGuard
from glasslog_server.storage.rocks import RocksStore
from glasslog_server.storage.store import STORE_ID_BYTES, StoreMeta

CONFIG_NAME: Final = "config.toml"
VKEY_NAME: Final = "log.vkey"
LOG_KEY_NAME: Final = "log.key"
OPERATOR_KEY_NAME: Final = "operator.key"
MARKER_NAME: Final = ".creating"


@dataclass(frozen=True, slots=True)
class NewLog:
    """What a new log is to be.

    `chosen` are keys of the configuration, tables within tables; a log or operator key that it does not name is made.
    """

    folder: Path
    origin: str
    chosen: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    content_types: frozenset[str] = frozenset({CONTENT_TYPE_RECORD})
    record_types: frozenset[str] = RECORD_TYPES - POLICY_RECORD_TYPES
    entries_access: str = "public"

    @property
    def config_path(self) -> Path:
        """Return where the configuration will be."""
        return self.folder / CONFIG_NAME


async def create_log(new: NewLog, time_ms: int) -> Config:
    """Create a log and return its configuration; everything is on disk then. `time_ms` is in POSIX milliseconds.

    Raises CreationError where there is one already, or the remains of an interrupted creation; ConfigError,
    KeyFileError, StoreError, GuardError, and then leaves nothing behind.
    """
    keys = {"log": [LOG_KEY_NAME], "operator": OPERATOR_KEY_NAME, **new.chosen.get("keys", {})}
    text = encode_config({"origin": new.origin, **new.chosen, "keys": keys})
    config = decode_config(text.encode(), new.config_path)
    made_keys = [
        new.folder / name for name in (LOG_KEY_NAME, OPERATOR_KEY_NAME) if name in (*keys["log"], keys["operator"])
    ]
    with _all_or_nothing(new.folder, [*made_keys, config.storage.store, config.storage.guard, new.folder / VKEY_NAME]):
        for path in made_keys:
            write_private_key(path, SigningKey(os.urandom(32)))
        await _write_log(config, new, time_ms)
        _write_text(new.folder / VKEY_NAME, f"{open_head_signer(config).verifier_keys[0]}\n")
        _write_text(new.config_path, text)
    return config


def refuse_existing(folder: Path) -> None:
    """Raise CreationError when a folder holds a log, or what an interrupted creation has left."""
    if (folder / CONFIG_NAME).exists():
        msg = f"{folder}: expected no log here yet, got one ({CONFIG_NAME}): start it with `glasslog-server serve`"
        raise CreationError(msg)
    left = remains(folder)
    if left:
        msg = (
            f"{folder}: an earlier creation was interrupted before the log was complete. Nothing that it made was ever "
            f"used: remove it and create the log again: rm -rf {' '.join(map(str, left))}"
        )
        raise CreationError(msg)


def remains(folder: Path) -> list[Path]:
    """Return what an interrupted creation has left in a folder, the marker last; nothing where there is a whole log."""
    marker = folder / MARKER_NAME
    if (folder / CONFIG_NAME).exists() or not marker.exists():
        return []
    return [path for path in map(Path, json.loads(marker.read_text())) if path.exists()] + [marker]


def remove(paths: list[Path]) -> None:
    """Remove what is there of files and folders, in this order."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        elif path.exists():
            path.unlink()


@contextlib.contextmanager
def _all_or_nothing(folder: Path, paths: list[Path]) -> Iterator[None]:
    """Hold the marker while the block makes `paths`; remove them all when it fails."""
    refuse_existing(folder)
    for path in paths:
        if path.exists():
            msg = f"{path}: expected nothing there yet: a new log overwrites nothing"
            raise CreationError(msg)
    missing_folders = _missing_folders(folder, *(path.parent for path in paths))
    marker = folder / MARKER_NAME
    try:
        _make_folders(missing_folders)
        _write_text(marker, json.dumps([str(path) for path in paths]))
        yield
    except BaseException:
        remove([*paths, folder / CONFIG_NAME, marker])
        for missing in reversed(missing_folders):
            with contextlib.suppress(OSError):  # not empty: somebody else has put something there meanwhile
                missing.rmdir()
        raise
    marker.unlink()
    sync_folder(folder)


def _missing_folders(*folders: Path) -> list[Path]:
    """Return the folders that have to be made, parents first."""
    needed = {step.absolute() for folder in folders for step in (folder, *folder.parents)}
    return sorted((step for step in needed if not step.exists()), key=lambda step: len(step.parts))


def _make_folders(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            msg = f"{folder}: cannot make this folder: {error.strerror}"
            raise CreationError(msg) from error


async def _write_log(config: Config, new: NewLog, time_ms: int) -> None:
    """Make the store with entry 0, then the guard."""
    signer, operator = open_head_signer(config), open_operator(config)
    policy = LogPolicy(
        origin=config.origin,
        operator_key=operator.public_key,
        log_keys=signer.public_keys,
        content_types=new.content_types,
        record_types=new.record_types,
        entry_bytes_max=ENTRY_BYTES_MAX,
        entries_access=new.entries_access,
    )
    statement = sign_policy(operator, policy, record_id=new_record_id(time_ms), time_ms=time_ms)
    store_id = os.urandom(STORE_ID_BYTES)
    store = RocksStore.create(config.storage.store, StoreMeta(store_id, config.origin))
    try:
        head = await write_first_entry(store, signer, statement, time_ms // 1_000)
    finally:
        await store.close()
    guard = FileGuard.create(config.storage.guard, store_id, head.note)
    await guard.close()


def _write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all, on disk when this returns."""
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        with temporary.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        msg = f"{path}: cannot write it: {error.strerror}"
        raise CreationError(msg) from error
