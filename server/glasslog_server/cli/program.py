"""The top of the command line: what every subcommand has in common, and how errors are told."""

import signal
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import click

from glasslog import __version__
from glasslog.cli.ending import complain, ending_on_signals, told_of
from glasslog.cli.loading import Commands, Place
from glasslog.cli.writing import error_text, give_streams
from glasslog.errors import GlasslogError
from glasslog_server.cli.exits import Exit, exit_of
from glasslog_server.errors import ServerError

PROGRAM: Final = "glasslog-server"
_HELP: Final = """Run a Glasslog transparency log.

\b
  glasslog-server init --dir /srv/log --origin log.example/2026
  glasslog-server serve --config /srv/log/config.toml
  glasslog-server issuer add --config /srv/log/config.toml --issuer https://vendor.example --key issuer.pub.pem

Exit codes: 0 done, 1 the log is damaged or must not run, 2 wrong usage or configuration, 3 not possible now,
130 interrupted.
"""
COMMANDS: Final[Mapping[str, Place]] = MappingProxyType(
    {
        "init": Place("glasslog_server.cli.init", "Create a log: configuration, keys, entry 0.", "init"),
        "dev": Place("glasslog_server.cli.dev", "Run a log for trying things out.", "dev"),
        "serve": Place("glasslog_server.cli.serve", "Run the log until SIGTERM or SIGINT.", "serve"),
        "issuer": Place("glasslog_server.cli.issuer", "Register, revoke and list the keys that may submit.", "issuer"),
        "status": Place(
            "glasslog_server.cli.status", "Say whether the server takes statements, and how far the log is.", "status"
        ),
        "fsck": Place("glasslog_server.cli.fsck", "Read everything again and recompute it.", "fsck"),
        "guard": Place("glasslog_server.cli.guard", "Look at the guard, or take over a copied one.", "guard"),
    }
)
"""In the order in which an operator meets them."""


class Program(Commands):
    """Turn errors of this package into one line and an exit code. Subcommands are loaded when they are asked for.

    A health check calls `status` every few seconds: it need not load the server for that.
    """

    def invoke(self, ctx: click.Context) -> object:
        """Run the subcommand."""
        try:
            return super().invoke(ctx)
        except (ServerError, GlasslogError) as error:
            for line in str(error).splitlines():
                complain(f"{PROGRAM}: {line}")
            sys.exit(exit_of(error))
        except OSError as error:  # of standard output: the files of a log have errors of their own
            complain(f"{PROGRAM}: {error_text(error)}")
            sys.exit(Exit.UNABLE)
        except click.Abort as error:
            complain(told_of(error, f"{PROGRAM}: "))
            sys.exit(Exit.INTERRUPTED)


@click.group(
    cls=Program,
    table=COMMANDS,
    name=PROGRAM,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.version_option(__version__, prog_name=PROGRAM)
def program() -> None:
    """Say everything in `_HELP`."""
    from glasslog_server.logs import configure_logs  # noqa: PLC0415 (the help says nothing in them)

    configure_logs("console", "warning")


def main() -> None:
    """Run the command line; ends the process."""
    give_streams()
    with ending_on_signals([signal.SIGTERM]):  # SIGHUP asks a server for new workers
        program(prog_name=PROGRAM)
