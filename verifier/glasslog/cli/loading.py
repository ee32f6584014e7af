"""Commands that are imported when they are asked for: a program begins with what one of them needs.

The help of a program needs none. So what it says of each command stands in the program's table, and tests hold it
against what the command says of itself.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import click

from glasslog.cli import import_at_once
from glasslog.cli.ending import Interruptible


class Place(NamedTuple):
    """Where a command is, and what the program's help says of it."""

    module: str
    says: str
    name: str = "command"


class Commands(Interruptible):
    """A group of commands, in the order of its table."""

    def __init__(self, *args: Any, table: Mapping[str, Place], **kwargs: Any) -> None:  # noqa: ANN401 (click's own)
        """Take the place of each command by its name, and what `click.Group` takes."""
        super().__init__(*args, **kwargs)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        del ctx
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now."""
        del ctx
        place = self.table.get(cmd_name)
        if place is None:
            return None
        command: click.Command = getattr(import_at_once(place.module), place.name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.says) for name, place in self.table.items()])
