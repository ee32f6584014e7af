"""`glasslog-server guard`: look at the guard, and take over a copied one."""

import asyncio
import json
import os
from pathlib import Path

import click

from glasslog.checkpoint import decode_checkpoint
from glasslog.note import decode_note
from glasslog_server.cli.options import config_option, json_option
from glasslog_server.config import load_config
from glasslog_server.errors import GuardCorruptError, GuardError, GuardMissingError
from glasslog_server.storage.guard import FileGuard
from glasslog_server.storage.guard_record import GuardRecord, identify, newest_record, split_slots
from glasslog_server.storage.rocks import RocksStore


@click.group(short_help="Look at the guard, or take over a copied one.")
def guard() -> None:
    """Look at the guard, the file that holds the last signed checkpoint, or take over a copied one."""


@guard.command()
@config_option
@json_option
def show(config_path: Path, as_json: bool) -> None:
    """Show what is guarded. Changes nothing and may be called while the log runs."""
    path = load_config(config_path).storage.guard
    record, is_original = _read(path)
    checkpoint = decode_checkpoint(decode_note(record.note).text)
    answer = {
        "path": str(path),
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "sequence": record.sequence,
        "store_id": record.store_id.hex(),
        "original": is_original,
    }
    if as_json:
        click.echo(json.dumps(answer))
        return
    click.echo(f"{path}: {'the original' if is_original else 'a copy: see `glasslog-server guard adopt --help`'}")
    click.echo(f"store {record.store_id.hex()}, record {record.sequence}")
    click.echo(record.note.decode(), nl=False)


@guard.command(short_help="Make a copied guard the log's own.")
@config_option
@click.option(
    "--i-stopped-the-other",
    "stopped",
    is_flag=True,
    help="Say that no other copy of this log runs or will ever run again.",
)
@json_option
def adopt(config_path: Path, stopped: bool, as_json: bool) -> None:
    """Make the copied guard in this place the log's own, after the log was moved to another disk or machine.

    Two copies of a log that both run sign two histories, and everybody who trusted the log can prove it. Nothing here
    can find the other copy: stop it for good first, and make sure that this is the newest one.
    """
    if not stopped:
        msg = "stop the other copy for good, make sure that this one is the newest, and say --i-stopped-the-other"
        raise click.UsageError(msg)
    config = load_config(config_path)
    asyncio.run(_adopt(config.storage.store, config.storage.guard))
    if as_json:
        click.echo(json.dumps({"path": str(config.storage.guard), "origin": config.origin, "original": True}))
    else:
        click.echo(f"{config.storage.guard} is the guard of this log now", err=True)


async def _adopt(store_path: Path, guard_path: Path) -> None:
    store = RocksStore.open(store_path)  # its lock shows that no server runs here
    try:
        held = FileGuard.adopt(guard_path, store.meta.store_id)
        await held.close()
    finally:
        await store.close()


def _read(path: Path) -> tuple[GuardRecord, bool]:
    """Return the newest record, and whether it was written to this very file. Takes no lock."""
    try:
        with path.open("rb") as file:
            record, identity = newest_record(split_slots(file.read())), identify(file.fileno())
    except FileNotFoundError as error:
        msg = f"expected the guard of this log at {path}, got none"
        raise GuardMissingError(msg) from error
    except OSError as error:
        msg = f"{path}: cannot read the guard: {os.strerror(error.errno or 0)}"
        raise GuardError(msg) from error
    if record is None:
        msg = f"expected a valid record in the guard at {path}, got none in either slot"
        raise GuardCorruptError(msg)
    return record, record.identity.is_same_file(identity)
