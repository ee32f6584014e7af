"""`glasslog-server serve`: run a log."""

from pathlib import Path

import click

from glasslog_server.cli.options import config_option, workers_option
from glasslog_server.config import Config, load_config
from glasslog_server.logs import configure_logs
from glasslog_server.processes.cores import usable_cores
from glasslog_server.serving import serve as serve_log


@click.command(short_help="Run the log until SIGTERM or SIGINT.")
@config_option
@workers_option
def serve(config_path: Path, workers: int | None) -> None:
    """Run the log until SIGTERM or SIGINT, which end it in order; a second one ends it at once.

    Statements are checked, and reads answered, by worker processes beside the one that sequences. SIGHUP reads the
    configuration again and replaces the workers one by one; no request is refused.

    What the server says about itself goes to standard error, one JSON object a line unless configured otherwise.
    """
    config = load_config(config_path)
    count = _workers_of(config, workers)
    configure_logs(config.logs.format, config.logs.level, process="supervisor" if count else None)
    serve_log(config, workers=count, reload=lambda: load_config(config_path))


def _workers_of(config: Config, chosen: int | None) -> int:
    """Return how many workers to run: as the command line says, or the configuration, or one for each usable core."""
    if chosen is not None:
        return chosen
    return usable_cores() if config.http.workers is None else config.http.workers
