"""`glasslog-server serve`: run a log."""

from pathlib import Path

import click

from glasslog_server.cli.options import config_option
from glasslog_server.config import load_config
from glasslog_server.logs import configure_logs
from glasslog_server.serving import serve as serve_log


@click.command()
@config_option
def serve(config_path: Path) -> None:
    """Run the log until SIGTERM or SIGINT, which end it in order; a second one ends it at once.

    What the server says about itself goes to standard error, one JSON object a line unless configured otherwise.
    """
    config = load_config(config_path)
    configure_logs(config.logs.format, config.logs.level)
    serve_log(config)
