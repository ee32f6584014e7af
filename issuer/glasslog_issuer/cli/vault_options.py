"""Options of the commands that open a vault: which vault, its master key, a data subject, and how to answer."""

import functools
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from glasslog_issuer import files
from glasslog_issuer.vault import load_master_key, run_master_key_command
from glasslog_issuer.vault.subjects import NAME_BYTES_MAX

FOLDER: Final = click.Path(path_type=Path, file_okay=False)
FILE: Final = click.Path(path_type=Path, dir_okay=False)

VAULT_OPTION: Final = click.option("--vault", "folder", required=True, type=FOLDER, help="The vault's folder.")
JSON_OPTION: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
SUBJECT_OPTION: Final = click.option(
    "--subject",
    metavar="NAME|@FILE|-",
    help="The data subject by your own name for it; from a file or standard input, so that it is in no shell history.",
)


def master_key_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that bring the master key, and hand it to the command as `master_key`."""

    @click.option(
        "--master-key",
        "master_key_path",
        type=FILE,
        envvar="GLASSLOG_VAULT_KEY",
        show_envvar=True,
        help="File of the master key, mode 0600.",
    )
    @click.option(
        "--master-key-command",
        "master_key_command",
        metavar="COMMAND",
        envvar="GLASSLOG_VAULT_KEY_COMMAND",
        show_envvar=True,
        help="Command that prints the master key, run without a shell.",
    )
    @functools.wraps(command)
    def wrapped(*, master_key_path: Path | None, master_key_command: str | None, **options: Any) -> Any:  # noqa: ANN401
        return command(master_key=master_key_of(master_key_path, master_key_command), **options)

    return wrapped


def master_key_of(path: Path | None, command: str | None) -> bytes:
    """Return the key that one of two options brings. Raises UsageError, MasterKeyError."""
    if path is not None and command is None:
        return load_master_key(path)
    if command is not None and path is None:
        return run_master_key_command(command)
    raise click.UsageError("say where the master key is: --master-key or --master-key-command, one of them")


def subject_of(text: str) -> str:
    """Return the name of a subject that was given as itself, by @ and a file, or by - on standard input."""
    if text != "-" and not text.startswith("@"):
        return text
    try:
        bytes_max = NAME_BYTES_MAX + 2
        data = sys.stdin.buffer.read(bytes_max) if text == "-" else files.read(Path(text[1:]), bytes_max)
        name = data.decode().removesuffix("\n").removesuffix("\r")
    except (OSError, ValueError) as error:
        msg = f"expected the name of a subject in a file: {error}"
        raise click.BadParameter(msg, param_hint="--subject") from error
    if not name:
        raise click.BadParameter("expected the name of a subject, got nothing", param_hint="--subject")
    return name


def echo_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document, in ASCII, so that no content reaches a terminal unescaped."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False))
