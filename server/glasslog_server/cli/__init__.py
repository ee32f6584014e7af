"""The command `glasslog-server`: one module for each subcommand, `main` to start it."""

import sys
from typing import Final

from glasslog.cli import BEGIN_AGAIN, load

_OURS: Final = frozenset({"glasslog", "glasslog_server"})
_UNABLE: Final = 3


def main() -> None:
    """Run the command line; ends the process. What is not installed is told in one line, with how to get it."""
    try:
        load("glasslog_server.cli.program", f"glasslog-server: {BEGIN_AGAIN}").main()
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing in _OURS:
            raise
        sys.stderr.write(f"glasslog-server: expected the package {missing}: install glasslog[server]\n")
        sys.exit(_UNABLE)
