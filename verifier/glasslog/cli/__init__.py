"""The command line: `main` and the commands, each a module of its own that is imported when it is asked for.

So `glasslog verify` runs without a line of code that knows a network. Exit codes: 0 verified, 1 verification failed
(malformed files too), 2 wrong usage, 3 could not check, 130 interrupted
(by Ctrl-C or a signal).
"""

import importlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final

import click

from glasslog import __version__
from glasslog.cli.ending import EXIT_INTERRUPTED, Interruptible, complain, ending_on_signals, told_of
from glasslog.cli.writing import printable
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

_COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "verify": "glasslog.cli.verify",
        "inspect": "glasslog.cli.inspect",
        "fetch": "glasslog.cli.fetch",
        "audit": "glasslog.cli.audit",
        "export": "glasslog.cli.export",
        "compare": "glasslog.cli.compare",
        "monitor": "glasslog.cli.monitor",
        "report": "glasslog.cli.report",
        "sample": "glasslog.cli.sample",
        "reconstruct": "glasslog.cli.reconstruct",
    }
)


class _Commands(Interruptible):
    """Commands by name, in the order in which a newcomer needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's signature)
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(_COMMANDS[cmd_name]).command
        return command


@click.command(
    cls=_Commands, help=_HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
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


def give_streams() -> None:
    """Give a process that was started without standard output or standard error somewhere to write to."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 (until the process ends)


def error_text(error: OSError) -> str:
    """Return what went wrong with a file, or else with standard output."""
    return f"{error.filename or 'cannot write the output'}: {error.strerror or error}"
