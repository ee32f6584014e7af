"""The command `glasslog-issuer`: make a key, sign records, submit statements. One module for each subcommand."""

import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import click

from glasslog import __version__
from glasslog.cli import error_text, give_streams
from glasslog.cli.ending import Interruptible, complain, ending_on_signals, told_of
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

Exit codes: 0 done and verified, 1 refused or verification failed, 2 wrong usage, 3 not possible now, 130 interrupted
(by Ctrl-C or a signal).
"""


@click.group(
    name=PROGRAM,
    cls=Interruptible,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
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
        with ending_on_signals():
            code = program.main(args=arguments, prog_name=PROGRAM, standalone_mode=False)
    except click.ClickException as error:
        with suppress(OSError):  # of standard error
            error.show()
        return error.exit_code
    except click.Abort as error:
        complain(told_of(error))
        return Exit.INTERRUPTED
    except (GlasslogError, IssuerError) as error:
        complain(f"Error: {error}")
        return exit_of(error)
    except OSError as error:
        complain(f"Error: {error_text(error)}")
        return Exit.UNABLE
    except Exception:  # noqa: BLE001  a mistake of ours is no refusal, and Python would exit with 1
        traceback.print_exc(file=sys.stderr)
        return Exit.UNABLE
    return code if isinstance(code, int) else Exit.DONE
