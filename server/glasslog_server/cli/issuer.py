"""`glasslog-server issuer`: register and revoke the keys that may submit, and list them.

Registering and revoking are entries of the log itself, signed by the operator. A running server takes them over HTTP as
it takes any statement; when none runs, the log is opened for one round.
"""

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from glasslog.authority import RegisteredKey
from glasslog.cli.examples import example
from glasslog.keys import KID_BYTES
from glasslog.records.schema import SchemaMismatchError, uri
from glasslog.statement import SignedStatement
from glasslog_server.cli import options
from glasslog_server.cli.options import config_option, json_option, url_option
from glasslog_server.config import Config, load_config
from glasslog_server.keyfiles import read_public_key
from glasslog_server.policy_log import PolicyLog
from glasslog_server.policy_statements import PolicyEntries, Registration, sign_registration
from glasslog_server.signers import open_operator


@click.group()
def issuer() -> None:
    """Register, revoke and list the keys that may submit."""


@issuer.command(
    epilog=example(
        "glasslog-server issuer add --config config.toml --issuer https://vendor.example --key issuer.pub.pem",
    )
)
@config_option
@click.option(
    "--issuer", "issuer_uri", metavar="URI", required=True, help="Name the key signs for: the statements' iss."
)
@click.option(
    "--key",
    "key_path",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="PEM file with the issuer's public key (openssl pkey -pubout).",
)
@click.option(
    "--valid-from",
    type=options.moment,
    metavar="TIME",
    help="From when on: 2026-01-31 or 2026-01-31T08:00:00Z.  [default: now]",
)
@click.option(
    "--valid-until",
    type=options.moment,
    metavar="TIME",
    help="The first moment it is no longer valid.  [default: none]",
)
@url_option
@json_option
def add(
    *,
    config_path: Path,
    issuer_uri: str,
    key_path: Path,
    valid_from: int | None,
    valid_until: int | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Register a key, or give a registered one another time of validity. The log's own clock decides."""
    try:
        uri(issuer_uri)
    except SchemaMismatchError as error:
        msg = f"expected a URI of at most 512 bytes, got {issuer_uri!r}"
        raise click.BadParameter(msg, param_hint="--issuer") from error
    config = load_config(config_path)
    key = read_public_key(key_path)
    start = _now_s() * 1_000 if valid_from is None else valid_from  # the log's time is in whole seconds
    if valid_until is not None and valid_until <= start:
        msg = "expected --valid-until after --valid-from"
        raise click.UsageError(msg)
    _log(config, url, as_json, lambda _: Registration("register", issuer_uri, key, start, valid_until))


@issuer.command()
@config_option
@click.option("--kid", metavar="HEX", help="The key's thumbprint, as `issuer list` shows it.")
@click.option(
    "--key", "key_path", type=click.Path(dir_okay=False, path_type=Path), help="PEM file with the public key."
)
@click.option("--reason", metavar="TEXT", help="Why; everybody can read it.")
@url_option
@json_option
def revoke(
    *, config_path: Path, kid: str | None, key_path: Path | None, reason: str | None, url: str | None, as_json: bool
) -> None:
    """Revoke a key: from that entry on nothing it signed is taken. What is in the log stays valid."""
    config = load_config(config_path)
    if (kid is None) == (key_path is None):
        msg = "expected one of --kid and --key"
        raise click.UsageError(msg)
    wanted = read_public_key(key_path).kid if key_path is not None else _decode_kid(kid or "")

    def revocation(entries: PolicyEntries) -> Registration:
        for registered in entries.keys:
            if registered.key.kid == wanted and registered.revoked_at is None:
                return Registration("revoke", registered.issuer, registered.key, registered.valid_from, reason=reason)
        msg = (
            f"expected a registered key that is not revoked, got kid {wanted.hex()}: see `glasslog-server issuer list`"
        )
        raise click.UsageError(msg)

    _log(config, url, as_json, revocation)


@issuer.command(name="list")
@config_option
@url_option
@json_option
def list_keys(config_path: Path, url: str | None, as_json: bool) -> None:
    """List every key that was ever registered, in the order of the log."""
    keys = PolicyLog(load_config(config_path), url).read().keys
    if as_json:
        click.echo(json.dumps([_as_json(registered) for registered in keys]))
    elif not keys:
        click.echo("no issuer is registered: see `glasslog-server issuer add --help`", err=True)
    else:
        _print_table(keys)


def _log(config: Config, url: str | None, as_json: bool, decide: Callable[[PolicyEntries], Registration]) -> None:
    """Sign what `decide` makes of the operator's earlier entries, log it, and say where."""
    operator = open_operator(config)
    logged: list[Registration] = []

    def make(entries: PolicyEntries) -> SignedStatement:
        logged.append(decide(entries))
        return sign_registration(operator, config.origin, entries.next_place, logged[-1], _now_s() * 1_000)

    index = PolicyLog(config, url).append(make)
    done = logged[-1]
    if as_json:
        click.echo(
            json.dumps({"action": done.action, "issuer": done.issuer, "kid": done.key.kid.hex(), "index": index})
        )
    else:
        word = {"register": "registered", "revoke": "revoked"}[done.action]
        click.echo(f"{word} the key {done.key.kid.hex()} of {done.issuer} in entry {index}")


def _print_table(keys: Sequence[RegisteredKey]) -> None:
    """Print a line for each key, nothing cut: a kid is there to be copied."""
    rows = [("issuer", "kid", "valid from", "valid until", "entry", "revoked in")]
    for registered in keys:
        revoked = "-" if registered.revoked_at is None else str(registered.revoked_at)
        until = "-" if registered.valid_until is None else _iso(registered.valid_until)
        names, since = (registered.issuer, registered.key.kid.hex()), _iso(registered.valid_from)
        rows.append((*names, since, until, str(registered.registered_at), revoked))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _as_json(registered: RegisteredKey) -> dict[str, Any]:
    return {
        "issuer": registered.issuer,
        "kid": registered.key.kid.hex(),
        "key": registered.key.raw.hex(),
        "valid_from": registered.valid_from,
        "valid_until": registered.valid_until,
        "registered_at": registered.registered_at,
        "revoked_at": registered.revoked_at,
    }


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1_000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _decode_kid(text: str) -> bytes:
    try:
        kid = bytes.fromhex(text)
    except ValueError:
        kid = b""
    if len(kid) != KID_BYTES:
        msg = f"expected --kid as {2 * KID_BYTES} hexadecimal digits, got {text!r}"
        raise click.UsageError(msg)
    return kid


def _now_s() -> int:
    return int(time.time())
