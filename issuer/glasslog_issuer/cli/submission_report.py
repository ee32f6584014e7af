"""Tell a person, or a program, what becomes of submitted statements, one after the other and in the end.

For a person: a line on standard error for each statement that was not taken, a progress bar for many, a summary. For a
program: one JSON object a line on standard output for each statement, whatever became of it: `outcome` is registered,
refused (the log says no), unverified (a receipt came that does not hold) or unknown (submit it again).
"""

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from glasslog.errors import GlasslogError
from glasslog.statement import SignedStatement
from glasslog.vkey import VerifierKey
from glasslog_issuer.cli.exits import Exit, exit_of
from glasslog_issuer.errors import RefusedError, SubmissionError
from glasslog_issuer.registration import Outcome, Registered

_PROGRESS_FROM: Final = 100  # statements; fewer are done before a bar is read


@dataclass(frozen=True, slots=True)
class Source:
    """A statement, the file it came from and its place there, from 0."""

    statement: SignedStatement
    file: str
    position: int

    def __str__(self) -> str:
        """Return how a person finds it."""
        return f"{self.file}[{self.position}] {self.statement.leaf_hash.hex()}"


class SubmissionReport:
    """The report on `total` statements: a context manager, because a progress bar must be taken away again."""

    def __init__(self, total: int, *, as_json: bool) -> None:
        """Take how many there will be, and who reads."""
        self._total = total
        self._as_json = as_json
        self._counts: Counter[str] = Counter()
        self._is_refused = False
        self._stack = ExitStack()
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        """Show the progress bar, on a terminal and for many statements only."""
        console = Console(stderr=True)
        if console.is_terminal and self._total >= _PROGRESS_FROM and not self._as_json:
            columns = (TextColumn("submitting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._progress = self._stack.enter_context(Progress(*columns, console=console, transient=True))
            self._task = self._progress.add_task("", total=self._total)
        return self

    def __exit__(self, *_: object) -> None:
        """Take the progress bar away."""
        self._stack.close()

    def tell(self, source: Source, outcome: Outcome, written: Path | None) -> None:
        """Tell what became of the next statement, and where its receipt was written."""
        if isinstance(outcome, Registered):
            self._counts["registered"] += 1
            self._counts["duplicate"] += bool(outcome.duplicate)
            facts = _registered_facts(outcome, written)
        else:
            error = outcome.error
            facts = _rejected_facts(error)
            self._counts[facts["outcome"]] += 1
            self._is_refused |= exit_of(error) is Exit.REFUSED
            if not self._as_json:
                click.echo(f"{source}: {error}", err=True)
        if self._as_json:
            _echo_json(source, facts)
        if self._progress is not None:
            self._progress.advance(self._task)

    @property
    def told(self) -> int:
        """Return of how many statements it is known what became of them."""
        return sum(self._counts[outcome] for outcome in ("registered", "refused", "unverified", "unknown"))

    def stop(self, error: SubmissionError | GlasslogError, remaining: Sequence[Source]) -> None:
        """Tell why nothing is known of the remaining statements."""
        self._is_refused |= exit_of(error) is Exit.REFUSED
        if self._as_json:
            for source in remaining:
                _echo_json(source, {**_rejected_facts(error), "outcome": "unknown"})
        click.echo(f"Error: {error}", err=True)

    def finish(self, log_keys: Sequence[VerifierKey]) -> Exit:
        """Sum up; return the exit code."""
        if not self._as_json:
            for line in self._summary(log_keys):
                click.echo(line)
        if self._is_refused:
            return Exit.REFUSED
        return Exit.DONE if self._counts["registered"] == self._total else Exit.UNABLE

    def _summary(self, log_keys: Sequence[VerifierKey]) -> list[str]:
        counts = self._counts
        lines = [f"registered   {counts['registered']} of {self._total}"]
        if counts["duplicate"]:
            lines[0] += f", {counts['duplicate']} of them before"
        lines += [f"{outcome:<12} {counts[outcome]}" for outcome in ("refused", "unverified") if counts[outcome]]
        unknown = self._total - counts["registered"] - counts["refused"] - counts["unverified"]
        if unknown:
            lines.append(f"not known    {unknown}: submit them again")
        if counts["registered"]:
            names = ", ".join(sorted({key.name for key in log_keys}))
            lines.append(f"receipts     verified with the key of {names}" if names else _NOT_VERIFIED)
        return lines


_NOT_VERIFIED: Final = "receipts     NOT verified: say --log-key with the log's vkey"


def _echo_json(source: Source, facts: dict[str, Any]) -> None:
    place = {"file": source.file, "position": source.position, "entry_id": source.statement.leaf_hash.hex()}
    click.echo(json.dumps({**place, **facts}))


def _registered_facts(outcome: Registered, written: Path | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"outcome": "registered", "index": outcome.index, "verified": outcome.verified}
    if outcome.duplicate is not None:
        facts["duplicate"] = outcome.duplicate
    if written is not None:
        facts["written"] = str(written)
    return facts


def _rejected_facts(error: SubmissionError | GlasslogError) -> dict[str, Any]:
    told = {"error": error.code, "message": str(error)}
    if isinstance(error, RefusedError):
        return {"outcome": "refused", **told, "title": error.title, "detail": error.detail, "reason": error.reason}
    return {"outcome": "unverified" if isinstance(error, GlasslogError) else "unknown", **told}
