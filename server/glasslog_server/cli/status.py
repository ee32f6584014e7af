"""`glasslog-server status`: ask the running server how it is."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from glasslog.counting import counted
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
        "workers": _workers(config),
    }
    if as_json:
        click.echo(json.dumps(answer))
    elif readiness.ready:
        age = f"last checkpoint {answer['checkpoint_age_s']} s ago"
        workers = _told_workers(answer["workers"])
        size = counted(readiness.size or 0, "entries")
        click.echo(f"ready: {config.origin} at {server.url}, {size}, {age}, {answer['software']}{workers}")
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


def _workers(config: Config) -> list[dict[str, Any]] | None:
    """Return the server's workers, none where one process does it all; None where its operator's side is not known."""
    if not config.admin.listen.port:
        return None
    try:
        told = RunningServer(config.admin.listen.url(tls=False)).read_json("/workers").get("workers")
    except UnavailableError:
        return None
    return told if isinstance(told, list) else None


def _told_workers(workers: object) -> str:
    """Return the workers in words, as the end of a sentence."""
    if not isinstance(workers, list) or not workers:
        return ""
    ready = sum(1 for worker in workers if worker.get("ready"))
    return f", {ready} of {counted(len(workers), 'workers')} ready"
