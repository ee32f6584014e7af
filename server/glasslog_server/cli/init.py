"""`glasslog-server init`: create a log."""

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from glasslog.cli.examples import example
from glasslog.statement import CONTENT_TYPE_RECORD
from glasslog_server.addresses import ListenAddress
from glasslog_server.cli import options
from glasslog_server.cli.options import json_option
from glasslog_server.creation import CONFIG_NAME, VKEY_NAME, NewLog, create_log
from glasslog_server.signers import open_head_signer


@click.command(
    short_help="Create a log: configuration, keys, entry 0.",
    epilog=example("glasslog-server init --dir /srv/log --origin log.example/2026"),
)
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for configuration, keys, store and guard.",
)
@click.option(
    "--origin",
    type=options.origin,
    metavar="NAME",
    required=True,
    help="The log's URL without scheme: its name for ever, and its key's.",
)
@click.option("--listen", type=options.address, metavar="ADDR:PORT", help="Public address.  [default: 127.0.0.1:8080]")
@click.option(
    "--admin-listen",
    type=options.address,
    metavar="ADDR:PORT",
    help="Address for health and metrics.  [default: 127.0.0.1:8081]",
)
@click.option(
    "--guard",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the guard, best on another disk.  [default: DIR/guard/checkpoint]",
)
@click.option(
    "--log-key",
    type=options.key_source,
    metavar="KEY",
    help="Key file or command that signs.  [default: a new DIR/log.key]",
)
@click.option(
    "--operator-key",
    type=options.key_source,
    metavar="KEY",
    help="Key file or command of the operator.  [default: a new DIR/operator.key]",
)
@click.option(
    "--entries-access",
    type=click.Choice(["public", "token"]),
    default="public",
    show_default=True,
    help="Who may read the entries themselves; the tree is public.",
)
@click.option(
    "--content-type", "content_types", metavar="TYPE", multiple=True, help="Admit this media type too. Repeatable."
)
@json_option
def init(
    *,
    folder: Path,
    origin: str,
    listen: ListenAddress | None,
    admin_listen: ListenAddress | None,
    guard: Path | None,
    log_key: str | dict[str, Any] | None,
    operator_key: str | dict[str, Any] | None,
    entries_access: str,
    content_types: tuple[str, ...],
    as_json: bool,
) -> None:
    """Create a log: its configuration, its keys, and entry 0 with what it admits.

    A key is the path of a PKCS#8 PEM file of mode 0600 or a command, written as in the configuration:
    '{command = ["program", "argument"], public_key = "key.pub.pem"}'.

    Exit codes: 0 created, 1 failed and removed again, 2 wrong usage, or a log is there, 3 not possible now.
    """
    chosen = {
        "keys": _given(log=None if log_key is None else [log_key], operator=operator_key),
        "storage": _given(guard=None if guard is None else str(guard.absolute())),
        "http": _given(listen=listen),
        "admin": _given(listen=admin_listen),
    }
    admitted = frozenset({CONTENT_TYPE_RECORD, *content_types})
    new = NewLog(folder.absolute(), origin, chosen, content_types=admitted, entries_access=entries_access)
    config = asyncio.run(create_log(new, round(time.time() * 1_000)))
    vkey = open_head_signer(config).verifier_keys[0]
    if as_json:
        made = {"config": folder / CONFIG_NAME, "vkey_file": folder / VKEY_NAME}
        places = {name: str(path) for name, path in made.items()}
        click.echo(json.dumps({"origin": origin, "vkey": str(vkey), **places}))
        return
    click.echo(f"{vkey}")
    click.echo(f"created the log {origin} in {folder}: configuration {CONFIG_NAME}, public key {VKEY_NAME}", err=True)
    click.echo(f"start it: glasslog-server serve --config {folder / CONFIG_NAME}", err=True)


def _given(**values: Any) -> Mapping[str, Any]:  # noqa: ANN401 (whatever a key of the configuration takes)
    return {key: value for key, value in values.items() if value is not None}
