"""The top of the command line: what every subcommand has in common, and how errors are told."""

import sys

import click

from glasslog import __version__
from glasslog.errors import GlasslogError
from glasslog_server.cli.dev import dev
from glasslog_server.cli.exits import Exit, exit_of
from glasslog_server.cli.fsck import fsck
from glasslog_server.cli.guard import guard
from glasslog_server.cli.init import init
from glasslog_server.cli.issuer import issuer
from glasslog_server.cli.serve import serve
from glasslog_server.cli.status import status
from glasslog_server.errors import ServerError
from glasslog_server.logs import configure_logs

PROGRAM = "glasslog-server"


class Program(click.Group):
    """Turn the errors of this package into one line on standard error and an exit code."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the subcommand."""
        try:
            return super().invoke(ctx)
        except (ServerError, GlasslogError) as error:
            for line in str(error).splitlines():
                click.echo(f"{PROGRAM}: {line}", err=True)
            sys.exit(exit_of(error))
        except KeyboardInterrupt:
            click.echo(f"{PROGRAM}: interrupted", err=True)
            sys.exit(Exit.UNABLE)


@click.group(cls=Program, name=PROGRAM, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=PROGRAM)
def program() -> None:
    """Run a Glasslog transparency log.

    Exit codes: 0 done, 1 the log is damaged or must not run, 2 wrong usage or configuration, 3 not possible now.
    """
    configure_logs("console", "warning")


for command in (init, dev, serve, issuer, fsck, status, guard):
    program.add_command(command)


def main() -> None:
    """Run the command line; ends the process."""
    program(prog_name=PROGRAM)
