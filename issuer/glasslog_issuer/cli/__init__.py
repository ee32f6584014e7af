"""The command `glasslog-issuer`: make a key, sign records, submit statements. One module for each subcommand."""

import sys
import traceback
from collections.abc import Sequence
from typing import Final

import click

from glasslog import __version__
from glasslog.cli import error_text, give_streams
from glasslog.errors import GlasslogError
from glasslog_issuer.cli import demos, disclose, keygen, sign, spool, submit, vault
from glasslog_issuer.cli.exits import Exit, exit_of
from glasslog_issuer.errors import IssuerError

PROGRAM: Final = "glasslog-issuer"
_HELP: Final = """Sign what an AI system did, and submit it to a transparency log.

\b
  glasslog-issuer keygen -o issuer.pem
  glasslog-issuer sign --key issuer.pem --issuer https://vendor.example record.json -o record.cose
  glasslog-issuer submit --log https://log.example --log-key @log.vkey record.cose -o receipts

Exit codes: 0 done and verified, 1 refused or verification failed, 2 wrong usage, 3 not possible now, 130 interrupted.
"""


@click.group(
    name=PROGRAM, help=_HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120}
)
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
def program() -> None:
    """Say everything in `_HELP`."""


for module in (keygen, sign, submit, spool, vault, disclose):
    program.add_command(module.command)
for command in (demos.demo, demos.demo_llm):
    program.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code. Takes the process's arguments unless others are given."""
    give_streams()
    try:
        code = program.main(args=arguments, prog_name=PROGRAM, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("Interrupted: the same command goes on from what it has.", err=True)
        return Exit.INTERRUPTED
    except (GlasslogError, IssuerError) as error:
        click.echo(f"Error: {error}", err=True)
        return exit_of(error)
    except OSError as error:
        click.echo(f"Error: {error_text(error)}", err=True)
        return Exit.UNABLE
    except Exception:  # noqa: BLE001  a mistake of ours is no refusal, and Python would exit with 1
        traceback.print_exc(file=sys.stderr)
        return Exit.UNABLE
    return code if isinstance(code, int) else Exit.DONE
