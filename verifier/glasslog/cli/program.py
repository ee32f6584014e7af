"""The program `glasslog`: its commands, its help, and what becomes of errors.

A command is imported when it is asked for, so `glasslog verify` runs without a line of code that knows a network. Exit
codes: 0 verified, 1 verification failed (malformed files too), 2 wrong usage, 3 could not check, 130 interrupted (by
Ctrl-C or a signal).
"""

import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Final

import click

from glasslog import __version__
from glasslog.cli import EXIT_INTERRUPTED
from glasslog.cli.ending import complain, ending_on_signals, told_of
from glasslog.cli.loading import Commands, Place
from glasslog.cli.writing import error_text, give_streams, printable
from glasslog.errors import GlasslogError, UncheckableError

EXIT_FAILED: Final = 1
EXIT_COULD_NOT_CHECK: Final = 3

_HELP: Final = """Verify what a log of AI decisions has recorded, offline and without trust in its operator.

\b
  glasslog verify evidence.glasslog --log-key @log.vkey
  glasslog audit --log https://log.example --log-key @log.vkey --state ./audit

Exit codes: 0 verified, nothing found, or done; 1 verification failed, or findings; 2 wrong usage; 3 could not check;
130 interrupted, by Ctrl-C or a signal.
"""

_COMMANDS: Final[Mapping[str, Place]] = MappingProxyType(
    {
        "verify": Place("glasslog.cli.verify", "Verify a file, offline."),
        "inspect": Place("glasslog.cli.inspect", "Show what a file holds; verifies nothing."),
        "fetch": Place("glasslog.cli.fetch", "Bring the evidence of one decision from a log."),
        "audit": Place("glasslog.cli.audit", "Audit a whole log: replay every entry, run every check."),
        "export": Place("glasslog.cli.export", "Write a whole log into one archive."),
        "compare": Place(
            "glasslog.cli.compare", "Compare checkpoints from different places: has a log shown two trees?"
        ),
        "monitor": Place("glasslog.cli.monitor", "Follow logs, and raise an alert for whatever is wrong."),
        "report": Place("glasslog.cli.report", "Make the report of an audit: HTML, JSON, CSV."),
        "sample": Place("glasslog.cli.sample", "Draw a sample of records, with evidence for each."),
        "reconstruct": Place("glasslog.cli.reconstruct", "Put one decision together from all its records."),
    }
)
"""In the order in which a newcomer needs them."""


@click.group(
    cls=Commands,
    table=_COMMANDS,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="glasslog", message="%(prog)s %(version)s")
def commands() -> None:
    """Say everything in `_HELP`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code. Takes the process's arguments unless others are given."""
    give_streams()
    try:
        with ending_on_signals():
            code = commands.main(args=arguments, prog_name="glasslog", standalone_mode=False)
    except click.ClickException as error:
        with suppress(OSError):  # of standard error
            error.show()
        return error.exit_code
    except click.Abort as error:
        complain(told_of(error))
        return EXIT_INTERRUPTED
    except GlasslogError as error:
        complain(f"Error: {printable(str(error))}")
        return EXIT_COULD_NOT_CHECK if isinstance(error, UncheckableError) else EXIT_FAILED
    except OSError as error:  # of standard output: files and networks have errors of their own
        complain(f"Error: {printable(error_text(error))}")
        return EXIT_COULD_NOT_CHECK
    except Exception:  # noqa: BLE001 (a mistake of ours must not look like a verdict, and Python would exit with 1)
        traceback.print_exc(file=sys.stderr)
        return EXIT_COULD_NOT_CHECK
    return code if isinstance(code, int) else 0
