"""The command `glasslog-server`: one module for each subcommand, `main` to start it."""

from glasslog_server.cli.program import main

__all__ = ["main"]
