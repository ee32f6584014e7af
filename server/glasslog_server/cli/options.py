"""Options and parameter types that several subcommands share."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from glasslog_server.addresses import ListenAddress, parse_listen_address
from glasslog_server.config.sections import WORKERS_MAX, check_origin

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    envvar="GLASSLOG_CONFIG",
    show_envvar=True,
    help="The log's configuration file.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")

url_option = click.option(
    "--url", metavar="URL", help="The running server's URL, when it is not where the configuration says."
)


workers_option = click.option(
    "--workers",
    type=click.IntRange(0, WORKERS_MAX),
    metavar="N",
    help="Processes that take and check statements and answer reads; 0: one process does it all. "
    "[default: http.workers of the configuration, else one for each usable core]",
)


def address(value: str) -> ListenAddress:
    """Return the address that the value of an option is."""
    try:
        return parse_listen_address(value)
    except ValueError as error:
        msg = f"{error}, got {value!r}"
        raise click.BadParameter(msg) from error


def origin(value: str) -> str:
    """Return the origin that the value of an option is."""
    try:
        return check_origin(value)
    except ValueError as error:
        msg = f"{error}, got {value!r}"
        raise click.BadParameter(msg) from error


def moment(value: str) -> int:
    """Return the POSIX milliseconds of a time in ISO 8601, in UTC unless it says otherwise."""
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError as error:
        msg = f"expected a time such as 2026-01-31 or 2026-01-31T08:00:00+01:00, got {value!r}"
        raise click.BadParameter(msg) from error
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return round(parsed.timestamp() * 1_000)


def key_source(value: str) -> str | dict[str, Any]:
    """Return the path of a key file, or the table of a command, with absolute paths."""
    if not value.startswith("{"):
        return str(Path(value).absolute())
    try:
        table: dict[str, Any] = tomllib.loads(f"key = {value}")["key"]
    except tomllib.TOMLDecodeError as error:
        msg = f"expected an inline table of TOML: {error}"
        raise click.BadParameter(msg) from error
    if isinstance(table.get("public_key"), str):
        table["public_key"] = str(Path(table["public_key"]).absolute())
    return table
