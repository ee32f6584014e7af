"""`glasslog-server dev`: a log to develop against, in one command."""

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Final

import click
import structlog

from glasslog.cli.examples import example
from glasslog.keys import SEED_BYTES, PublicKey, SigningKey
from glasslog_server.addresses import ListenAddress
from glasslog_server.cli import options
from glasslog_server.cli.options import json_option
from glasslog_server.config import Config, load_config
from glasslog_server.config.sections import WORKERS_MAX
from glasslog_server.creation import CONFIG_NAME, VKEY_NAME, NewLog, create_log, remains, remove
from glasslog_server.keyfiles import read_private_key, write_private_key
from glasslog_server.log import Log
from glasslog_server.logs import configure_logs
from glasslog_server.policy_log import register
from glasslog_server.policy_statements import Registration, policy_entries_of, sign_registration
from glasslog_server.serving import serve
from glasslog_server.signers import open_operator

DEV_ORIGIN: Final = "log.dev.example"  # .example is nobody's (RFC 2606): no real log has this name
DEV_ISSUER: Final = "https://issuer.dev.example"
ISSUER_KEY_NAME: Final = "issuer.pem"
DEFAULT_LISTEN: Final = ListenAddress("127.0.0.1", 8600)

logger: structlog.stdlib.BoundLogger = structlog.get_logger("glasslog.dev")


@click.command(short_help="Run a log for trying things out.", epilog=example("glasslog-server dev --dir ./dev"))
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("glasslog-dev"),
    show_default=True,
    help="Folder of the log; made when it is missing.",
)
@click.option(
    "--listen",
    type=options.address,
    metavar="ADDR:PORT",
    help=f"Address for this run; port 0 takes a free one.  [default: {DEFAULT_LISTEN}]",
)
@click.option("--workers", type=click.IntRange(0, WORKERS_MAX), default=0, show_default=True, help="As of `serve`.")
@json_option
def dev(folder: Path, listen: ListenAddress | None, workers: int, as_json: bool) -> None:
    """Run a development log, made on the first start and kept from run to run.

    Leaves DIR/log.vkey, the key to verify with, and DIR/issuer.pem, a key that may submit as https://issuer.dev.example.
    Prints one line with the URL on standard output when it is ready. Its keys lie beside its data: never for real use.
    """
    configure_logs("console", "info")
    config = _made(folder.absolute())
    issuer_key = _issuer_key(folder.absolute() / ISSUER_KEY_NAME)
    if listen is not None:
        config = config.model_copy(update={"http": config.http.model_copy(update={"listen": listen})})

    async def admit_issuer(log: Log) -> None:
        await _register_issuer(log, config, issuer_key)

    def announce(url: str, _admin_url: str) -> None:
        if as_json:
            places = {"vkey_file": str(folder / VKEY_NAME), "key": str(folder / ISSUER_KEY_NAME)}
            click.echo(json.dumps({"url": url, "origin": config.origin, "issuer": DEV_ISSUER, **places}))
            return
        files = f"verify with {folder / VKEY_NAME}, sign as {DEV_ISSUER} with {folder / ISSUER_KEY_NAME}"
        click.echo(f"{url} ready: log {config.origin}, {files}")

    serve(config, workers=workers, reload=lambda: config, prepare=admit_issuer, on_ready=announce)


def _made(folder: Path) -> Config:
    """Return the configuration of the log in a folder, after making what is missing."""
    left = remains(folder)
    if left:
        logger.warning("removing_interrupted_creation", paths=[str(path) for path in left])
        remove(left)
    if (folder / CONFIG_NAME).exists():
        return load_config(folder / CONFIG_NAME)
    chosen: dict[str, dict[str, object]] = {
        "http": {"listen": DEFAULT_LISTEN},
        "admin": {"listen": ListenAddress("127.0.0.1", 0)},
        "logs": {"format": "console"},
    }
    return asyncio.run(create_log(NewLog(folder, DEV_ORIGIN, chosen), _now_ms()))


def _issuer_key(path: Path) -> PublicKey:
    """Return the development issuer's key, after making it when it is missing."""
    if not path.exists():
        write_private_key(path, SigningKey(os.urandom(SEED_BYTES)))
    return read_private_key(path).public_key


async def _register_issuer(log: Log, config: Config, key: PublicKey) -> None:
    """Register the development issuer's key when the log does not know it yet."""
    if key.kid in log.authority.keys:
        return
    registration = Registration("register", DEV_ISSUER, key, valid_from=0)
    place = policy_entries_of(log.authority).next_place
    await register(log, sign_registration(open_operator(config), log.origin, place, registration, _now_ms()))


def _now_ms() -> int:
    return round(time.time() * 1_000)
