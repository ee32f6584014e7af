"""Print for people: everything that comes from a file is escaped, colours go to terminals alone.

rich gets finished text, escaped by `glasslog.cli.writing`, never markup.
"""

import sys
from collections.abc import Iterable, Mapping
from typing import Final

from rich.console import Console
from rich.text import Text

from glasslog.cli.document import Json
from glasslog.cli.writing import printable, write_text

_LABEL_WIDTH: Final = 14


class Screen:
    """Lines for one command's output, written at once by `show`."""

    def __init__(self) -> None:
        """Look at what standard output is."""
        self._console = Console(file=sys.stdout, markup=False, highlight=False, emoji=False, soft_wrap=True)
        self._lines: list[Text] = []
        self.draws_unicode = (sys.stdout.encoding or "ascii").lower().startswith("utf")

    def line(self, *parts: str | tuple[str, str]) -> None:
        """Add a line of parts, each text or (text, style). The parts must be printable already."""
        self._lines.append(Text.assemble(*parts))

    def field(self, label: str, value: str, *, indent: int = 0, style: str = "") -> None:
        """Add a line with a label and one value, which is escaped here."""
        width = max(_LABEL_WIDTH - indent, len(label) + 1)
        self.line(" " * indent, (f"{label:<{width}}", "dim"), (printable(value), style))

    def fields(self, label: str, values: Iterable[str]) -> None:
        """Add a line for each value, the label before the first alone."""
        for value in values:
            self.field(label, value)
            label = ""

    def tree(self, value: Mapping[str, Json] | list[Json], indent: int = 0) -> None:
        """Add lines for what a JSON object or array holds, keys as labels; everything is escaped here."""
        if isinstance(value, Mapping):
            for key, element in value.items():
                self._branch(printable(str(key)), element, indent)
        else:
            for number, element in enumerate(value):
                self._branch(f"[{number}]", element, indent)

    def _branch(self, label: str, value: Json, indent: int) -> None:
        if isinstance(value, Mapping | list) and value and not _is_octets(value):
            self.line(" " * indent, (label, "dim"))
            self.tree(value, indent + 2)
        else:
            self.line(" " * indent, (f"{label}: ", "dim"), printable(value_text(value)))

    def show(self) -> None:
        """Write all lines. A reader that has gone away changes nothing about the command's outcome."""
        with self._console.capture() as capture:
            for line in self._lines:
                self._console.print(line)
        write_text(capture.get())


def value_text(value: Json) -> str:
    """Return a JSON value on one line, as a person reads it; not escaped yet."""
    if isinstance(value, Mapping):
        if _is_octets(value):
            return str(value["hex"])
        return "{" + ", ".join(f"{key}: {value_text(element)}" for key, element in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(value_text, value)) + "]"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _is_octets(value: Json) -> bool:
    """Tell whether a value is the JSON form of a byte string."""
    return isinstance(value, Mapping) and value.keys() == {"hex"}
