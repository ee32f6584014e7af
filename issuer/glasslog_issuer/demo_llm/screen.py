"""Tell a person what happens, as it happens. What is told is plain text, never markup."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from textwrap import indent
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from glasslog_issuer.demo.customer import CommandRun
from glasslog_issuer.demo_llm.summary import Check, Summary

_INDENT: Final = 3


class Screen:
    """Write to a console; a quiet one writes nothing."""

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
        self._console.print(Padding(Text(text), (0, 0, 0, _INDENT)))

    def command(self, run: CommandRun, output: str) -> None:
        """Show a command, with the part of what it printed that is given."""
        self._show(f"$ {run.line}", "cyan")
        if output:
            self._show(output, "dim")

    def check(self, check: Check) -> None:
        """Say whether something is as it must be."""
        said = check.found if check.holds else f"expected {check.expected}, got {check.found}"
        self._console.print(
            Padding(Text.assemble(_mark(good=check.holds), f" {check.name}: {said}"), (0, 0, 0, _INDENT))
        )

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
        """Show what each guardrail did."""
        words = list(dict.fromkeys(word for counts in decided.values() for word in counts))
        table = Table(box=None, pad_edge=False)
        table.add_column("guardrail")
        for word in words:
            table.add_column(word, justify="right")
        for guardian, counts in decided.items():
            table.add_row(guardian, *(str(counts.get(word, "")) for word in words))
        self._console.print(Padding(table, (0, 0, 0, _INDENT)))

    def end(self, summary: Summary) -> None:
        """Show all checks, and what they come to."""
        self._console.print()
        self._console.print(Rule())
        table = Table("", "check", "expected", "found", box=None, pad_edge=False)
        for check in summary.checks:
            mark = Text.assemble(_mark(good=check.holds))
            table.add_row(mark, Text(check.name), Text(check.expected), Text(check.found))
        self._console.print(table)
        self._console.print()
        if summary.holds:
            seconds = sum(summary.seconds.values())
            said = Text(
                f"Everything that happened is on the log, and what did not happen shows. ({seconds:.1f} s)",
                "bold green",
            )
        else:
            said = Text("Not everything is as it must be: see the lines with a cross.", "bold red")
        self._console.print(said)

    def _show(self, lines: str, style: str) -> None:
        self._console.print(Text(indent(lines, " " * _INDENT), style), soft_wrap=True)


def _mark(*, good: bool) -> tuple[str, str]:
    return ("✓", "bold green") if good else ("✗", "bold red")
