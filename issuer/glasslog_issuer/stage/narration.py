"""Tell a person what happens, as it happens."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import indent
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from glasslog_issuer.stage.customer import CommandRun
from glasslog_issuer.stage.summary import Check, Summary

_INDENT: Final = 3


class Narration:
    """Write to a console; a quiet one writes nothing. What is told is plain text, never markup."""

    def __init__(self, console: Console) -> None:
        """Take the console."""
        self._console = console
        self._steps = 0

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._steps += 1
        self._console.print()
        self._console.print(Text(f"{self._steps}. {title}", style="bold"))

    def tell(self, text: str) -> None:
        """Say a sentence or two."""
        self._console.print(Padding.indent(Text(text), _INDENT))

    def show(self, lines: str, style: str = "") -> None:
        """Show lines as they are, for the terminal to wrap: what a person may want to copy."""
        self._console.print(Text(indent(lines, " " * _INDENT), style), soft_wrap=True)

    def command(self, run: CommandRun, *, output: str | None = None) -> None:
        """Show a command with what it printed, or the part of that which is given."""
        self.show(f"$ {run.line}", "cyan")
        shown = run.output if output is None else output
        if shown:
            self.show(shown, "dim")

    def check(self, check: Check) -> None:
        """Say whether something is as it must be."""
        said = check.found if check.holds else f"expected {check.expected}, got {check.found}"
        self.tell_marked(f"{check.name}: {said}", good=check.holds)

    def tell_marked(self, text: str, *, good: bool) -> None:
        """Say something behind a tick or a cross."""
        self._console.print(Padding.indent(Text.assemble(_mark(good=good), f" {text}"), _INDENT))

    @contextmanager
    def progress(self, doing: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar while the block runs, on a terminal; the block gets a function that moves the bar on."""
        columns = (
            TextColumn(" " * _INDENT + "{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console, disable=not self._console.is_terminal) as bar:
            task = bar.add_task(doing, total=total)
            yield lambda count: bar.advance(task, count)

    def guardrails(self, decided: Mapping[str, Mapping[str, int]]) -> None:
        """Show what each guardrail did, by what it decided and how often."""
        words = list(dict.fromkeys(word for counts in decided.values() for word in counts))
        table = Table(box=None, pad_edge=False)
        table.add_column("guardrail")
        for word in words:
            table.add_column(word, justify="right")
        for guardian, counts in decided.items():
            table.add_row(guardian, *(str(counts.get(word, "")) for word in words))
        self._console.print(Padding.indent(table, _INDENT))

    def end(self, summary: Summary, well: str) -> None:
        """Show all checks, and what they come to: `well`, when all of them hold."""
        self._console.print()
        self._console.print(Rule())
        table = Table("", "check", "expected", "found", box=None, pad_edge=False)
        for check in summary.checks:
            table.add_row(
                Text.assemble(_mark(good=check.holds)), Text(check.name), Text(check.expected), Text(check.found)
            )
        self._console.print(table)
        self._console.print()
        seconds = sum(summary.seconds.values())
        if summary.holds:
            said = Text(f"{well} ({seconds:.1f} s)", "bold green")
        else:
            said = Text("Not everything is as it must be: see the lines with a cross.", "bold red")
        self._console.print(said)

    def tell_kept(self, folder: Path) -> None:
        """Say where everything is."""
        kept = ", ".join(sorted(file.name for file in folder.iterdir()))
        self._console.print(Text(f"Kept in {folder}: {kept}."))


def _mark(*, good: bool) -> tuple[str, str]:
    return ("✓", "bold green") if good else ("✗", "bold red")
