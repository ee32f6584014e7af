"""Print the outcome of an audit for a person: the steps, a table of the checks, the gravest findings, the verdict."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from glasslog.audit.check import Verdict as CheckVerdict
from glasslog.audit.finding import Severity
from glasslog.audit.result import AuditResult, CheckResult
from glasslog.cli.writing import printable, write_text
from glasslog.counting import counted
from glasslog.mirror.audit import Audited
from glasslog.mirror.evidence import EVIDENCE
from glasslog.mirror.state import OUTCOME
from glasslog.verify import Status, Step, Verdict

_STEP_MARKS: Final = {
    Status.PASSED: ("✓", "ok", "green"),
    Status.FAILED: ("✗", "FAIL", "bold red"),
    Status.SKIPPED: ("–", "-", "dim"),  # noqa: RUF001 (a dash, not a hyphen)
    Status.COULD_NOT_CHECK: ("?", "?", "yellow"),
    Status.NOT_REACHED: ("·", ".", "dim"),
}
_CHECK_STYLES: Final = {
    CheckVerdict.OK: "green",
    CheckVerdict.FINDINGS: "bold red",
    CheckVerdict.NOT_RECORDED: "yellow",
    CheckVerdict.NOT_APPLICABLE: "dim",
}
_SEVERITY_STYLES: Final = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "",
}
_VERDICTS: Final = {
    Verdict.VERIFIED: ("NOTHING FOUND", "bold green"),
    Verdict.FAILED: ("FINDINGS", "bold red"),
    Verdict.COULD_NOT_CHECK: ("COULD NOT CHECK", "bold yellow"),
}
_FINDINGS_SHOWN_MAX: Final = 20
_PLAIN_WIDTH: Final = 140  # where standard output is a file or a pipe
_TITLES_FROM_WIDTH: Final = 110
_TITLE_WIDTH: Final = 45


def show_audit(audited: Audited, state: Path) -> None:
    """Print an outcome; what is not shown is in the state folder."""
    width = None if sys.stdout.isatty() else _PLAIN_WIDTH
    console = Console(file=sys.stdout, markup=False, highlight=False, emoji=False, width=width)
    unicode = (sys.stdout.encoding or "ascii").lower().startswith("utf")
    with console.capture() as capture:
        for step in audited.steps:
            for line in _step_lines(step, unicode=unicode):
                console.print(line, soft_wrap=True)
        if audited.result is not None:
            console.print()
            console.print(_table(audited.result, unicode=unicode, titles=console.width >= _TITLES_FROM_WIDTH))
            for line in _finding_lines(audited.result):
                console.print(line, soft_wrap=True)
        console.print()
        for line in _verdict_lines(audited, state):
            console.print(line, soft_wrap=True)
    write_text(capture.get())


def _step_lines(step: Step, *, unicode: bool) -> Iterator[Text]:
    drawn, plain, style = _STEP_MARKS[step.status]
    mark = drawn if unicode else f"{plain:<4}"
    said = {Status.PASSED: step.found, Status.FAILED: None, Status.NOT_REACHED: f"not reached, {step.reason}"}
    text = printable(said.get(step.status, step.reason) or "")
    yield Text.assemble(f"{step.number:>2} ", (mark, style), f" {step.check.title:<{_TITLE_WIDTH}}", (text, "dim"))
    if step.status is Status.FAILED:
        parts = (("expected", step.expected or ""), ("found", step.found or "otherwise"))
        for label, value in (*parts, ("see", step.check.specification)):
            yield Text.assemble("      ", (f"{label:<9}", "dim"), printable(value))


def _table(result: AuditResult, *, unicode: bool, titles: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD if unicode else box.ASCII, pad_edge=False)
    rows = [_row(checked) for checked in result.checks]
    headings = ("check", "verdict", "findings", "examined")
    for number, heading in enumerate(headings):
        widest = max(len(heading), *(row[number].cell_len for row in rows))
        justify: Literal["left", "right"] = "left" if number < 2 else "right"  # noqa: PLR2004 (texts, then numbers)
        table.add_column(heading, min_width=widest, no_wrap=True, justify=justify)
    if titles:
        table.add_column("what nothing found would mean", style="dim")
    for checked, row in zip(result.checks, rows, strict=True):
        table.add_row(*row, *([checked.check.title] if titles else []))
    return table


def _row(checked: CheckResult) -> tuple[Text, ...]:
    examination, findings = checked.examination, checked.counts.total()
    return (
        Text(checked.check.id),
        Text(str(checked.verdict), style=_CHECK_STYLES[checked.verdict]),
        Text(f"{findings:,}" if findings else ""),
        Text(counted(examination.count, examination.unit) if examination.count else ""),
    )


def _finding_lines(result: AuditResult) -> Iterator[Text]:
    found = [(checked, finding) for checked in result.checks for finding in checked.findings]
    ranks = list(Severity)
    found.sort(key=lambda item: ranks.index(Severity(item[1]["severity"])))
    for checked, finding in found[:_FINDINGS_SHOWN_MAX]:
        yield _finding_line(checked, finding)
    if result.findings > _FINDINGS_SHOWN_MAX:
        yield Text(f"… and {result.findings - _FINDINGS_SHOWN_MAX:,} more", style="dim")


def _finding_line(checked: CheckResult, finding: dict[str, Any]) -> Text:
    severity = Severity(finding["severity"])
    entries = finding["entries"]
    where = f"  (entry {', '.join(map(str, entries[:3]))}{', …' if len(entries) > 3 else ''})" if entries else ""  # noqa: PLR2004
    message = printable(finding["message"])
    return Text.assemble(
        (f"{severity:<9}", _SEVERITY_STYLES[severity]), f"{checked.check.id}: {message}", (where, "dim")
    )


def _verdict_lines(audited: Audited, state: Path) -> Iterator[Text]:
    text, style = _VERDICTS[audited.verdict]
    count = audited.result.findings if audited.result is not None else 0
    said = f"  {counted(count, 'findings')}" if count else ""
    yield Text.assemble((text, style), said)
    yield Text(printable(f"outcome: {state / OUTCOME}; evidence: {state / EVIDENCE}", None), style="dim")
