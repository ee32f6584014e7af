"""The command `glasslog-issuer`: make a key, sign records, submit statements. One module for each subcommand."""

import sys

import click

from glasslog import __version__
from glasslog.errors import GlasslogError
from glasslog_issuer.cli.demo import demo
from glasslog_issuer.cli.exits import Exit, exit_of
from glasslog_issuer.cli.keygen import keygen
from glasslog_issuer.cli.sign import sign
from glasslog_issuer.cli.submit import submit
from glasslog_issuer.errors import IssuerError

PROGRAM = "glasslog-issuer"
_HELP = """Sign what an AI system did, and submit it to a transparency log.

\b
  glasslog-issuer keygen -o issuer.pem
  glasslog-issuer sign --key issuer.pem --issuer https://vendor.example record.json -o record.cose
  glasslog-issuer submit --log https://log.example --log-key log.vkey record.cose -o receipts

Exit codes: 0 done and verified, 1 refused or verification failed, 2 wrong usage, 3 not possible now.
"""


class Program(click.Group):
    """Turn the errors of our packages and of the operating system into lines on standard error and an exit code."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the subcommand."""
        try:
            return super().invoke(ctx)
        except (GlasslogError, IssuerError) as error:
            message, code = str(error), exit_of(error)
        except OSError as error:
            message, code = f"{error.filename}: {error.strerror}" if error.filename else str(error), Exit.UNABLE
        for line in message.splitlines():
            click.echo(f"{PROGRAM}: {line}", err=True)
        sys.exit(code)


@click.group(
    cls=Program,
    name=PROGRAM,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.version_option(__version__, prog_name=PROGRAM)
def program() -> None:
    """Say everything in `_HELP`."""


for command in (keygen, sign, submit, demo):
    program.add_command(command)


def main() -> None:
    """Run the command line; ends the process."""
    program(prog_name=PROGRAM)
