"""The top of the command line: what every subcommand has in common, and how errors are told."""

import importlib
import signal
import sys
from typing import Final

import click

from glasslog import __version__
from glasslog.cli import error_text, give_streams
from glasslog.cli.ending import Interruptible, complain, ending_on_signals, told_of
from glasslog.errors import GlasslogError
from glasslog_server.cli.exits import Exit, exit_of
from glasslog_server.errors import ServerError
from glasslog_server.logs import configure_logs

PROGRAM: Final = "glasslog-server"
COMMANDS: Final = ("init", "dev", "serve", "issuer", "status", "fsck", "guard")
"""In the order in which an operator meets them. Each is a module of its own name with a command of that name."""


class Program(Interruptible):
    """Load a subcommand when it is asked for, and turn errors of this package into one line and an exit code.

    A health check calls `status` every few seconds: it need not load the server for that.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the subcommands."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a subcommand."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"glasslog_server.cli.{cmd_name}"), cmd_name)
        return command

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
            complain(f"{PROGRAM}: {told_of(error)}")
            sys.exit(Exit.INTERRUPTED)


@click.group(cls=Program, name=PROGRAM, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=PROGRAM)
def program() -> None:
    """Run a Glasslog transparency log.

    Exit codes: 0 done, 1 the log is damaged or must not run, 2 wrong usage or configuration, 3 not possible now,
    130 interrupted.
    """
    configure_logs("console", "warning")


def main() -> None:
    """Run the command line; ends the process."""
    give_streams()
    with ending_on_signals([signal.SIGTERM]):  # SIGHUP asks a server for new workers
        program(prog_name=PROGRAM)
