"""`glasslog-server status`: ask the running server how it is."""

import json
import sys
import time
from pathlib import Path

import click

from glasslog_server.cli.exits import Exit
from glasslog_server.cli.options import config_option, json_option, url_option
from glasslog_server.config import Config, load_config
from glasslog_server.errors import UnavailableError
from glasslog_server.running_server import RunningServer


@click.command()
@config_option
@url_option
@json_option
def status(config_path: Path, url: str | None, as_json: bool) -> None:
    """Say whether the server takes statements, and how far the log is.

    For people and for health checks. Exit codes: 0 ready, 1 not ready, 2 wrong usage or configuration, 3 no answer.
    """
    config = load_config(config_path)
    server = RunningServer.of(config, url)
    readiness = server.readiness()
    answer = {
        "origin": config.origin,
        "url": server.url,
        "ready": readiness.ready,
        "reason": readiness.reason if readiness.ready else _reason(config, readiness.reason),
        "size": readiness.size,
        "checkpoint_age_s": None if readiness.time is None else max(0, round(time.time()) - readiness.time),
        "software": server.description().get("software"),
    }
    if as_json:
        click.echo(json.dumps(answer))
    elif readiness.ready:
        age = f"last checkpoint {answer['checkpoint_age_s']} s ago"
        click.echo(f"ready: {config.origin} at {server.url}, {readiness.size:,} entries, {age}, {answer['software']}")
    else:
        click.echo(f"not ready: {config.origin} at {server.url}: {answer['reason']}")
    sys.exit(Exit.DONE if readiness.ready else Exit.FAILED)


def _reason(config: Config, told_to_everybody: str) -> str:
    """Return why a server is not ready: in words from its operator's side, where that can be asked."""
    if not config.admin.listen.port:
        return told_to_everybody
    try:
        return RunningServer(config.admin.listen.url(tls=False)).readiness().reason or told_to_everybody
    except UnavailableError:
        return told_to_everybody
