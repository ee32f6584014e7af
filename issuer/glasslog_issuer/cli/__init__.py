"""The command `glasslog-issuer`: one module for each subcommand, `main` to start it."""

from collections.abc import Sequence

from glasslog.cli import load


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code. Takes the process's arguments unless others are given."""
    code: int = load("glasslog_issuer.cli.program").main(arguments)
    return code
