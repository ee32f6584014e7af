"""The program `glasslog-issuer`: make a key, sign records, submit statements. Commands are imported when asked for."""

import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Final

import click

from glasslog import __version__
from glasslog.cli.ending import complain, ending_on_signals, told_of
from glasslog.cli.loading import Commands, Place
from glasslog.cli.writing import error_text, give_streams
from glasslog.errors import GlasslogError
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


_COMMANDS: Final[Mapping[str, Place]] = MappingProxyType(
    {
        "keygen": Place("glasslog_issuer.cli.keygen", "Make an Ed25519 key."),
        "sign": Place("glasslog_issuer.cli.sign", "Sign records that are written in JSON."),
        "submit": Place("glasslog_issuer.cli.submit", "Submit signed statements to a log."),
        "spool": Place("glasslog_issuer.cli.spool", "Look after the records that a log does not have yet."),
        "vault": Place("glasslog_issuer.cli.vault", "Keep, show and erase what opens commitments."),
        "disclose": Place("glasslog_issuer.cli.disclose", "Open chosen commitments of a decision."),
        "demo": Place("glasslog_issuer.cli.demos", "Show the whole way on real input.", "demo"),
        "demo-llm": Place(
            "glasslog_issuer.cli.demos", "Put a language model on a log, through OpenTelemetry.", "demo_llm"
        ),
    }
)
"""In the order in which an issuer needs them."""


@click.group(
    name=PROGRAM,
    cls=Commands,
    table=_COMMANDS,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
def program() -> None:
    """Say everything in `_HELP`."""


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
