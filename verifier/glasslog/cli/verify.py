"""`glasslog verify`: take the numbered steps for a file, and print how each ended."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from glasslog.bundle import BUNDLE_SUFFIX, decode_bundle
from glasslog.cli.document import encode_document, error_document, report_document
from glasslog.cli.examples import example
from glasslog.cli.options import (
    ENTRY_ID_OPTION,
    INPUT_FILE,
    ISSUER_KEY_OPTION,
    JSON_OPTION,
    LOG_KEY_OPTION,
    POLICY_OPTION,
    read_input,
    trust_of,
)
from glasslog.cli.screen import Screen
from glasslog.cli.summary import add_summary
from glasslog.cli.writing import printable, write_text
from glasslog.errors import GlasslogError, MalformedError
from glasslog.keys import PublicKey
from glasslog.limits import BUNDLE_BYTES_MAX, DISCLOSURE_FILE_BYTES_MAX, TRANSPARENT_STATEMENT_BYTES_MAX
from glasslog.merkle import Hash
from glasslog.policy import Policy
from glasslog.records import decode_record
from glasslog.sources.folder import read_file
from glasslog.statement import CONTENT_TYPE_RECORD, decode_statement
from glasslog.verify import Asked, Report, Status, Step, Verdict, verify
from glasslog.verify.erasures import ERASURE_TYPE
from glasslog.vkey import VerifierKey

EXIT_CODES: Final = {Verdict.VERIFIED: 0, Verdict.FAILED: 1, Verdict.COULD_NOT_CHECK: 3}

_MARKS: Final = {
    Status.PASSED: ("✓", "ok", "green"),
    Status.FAILED: ("✗", "FAIL", "bold red"),
    Status.SKIPPED: ("–", "-", "dim"),  # noqa: RUF001 (a dash, not a hyphen)
    Status.COULD_NOT_CHECK: ("?", "?", "yellow"),
    Status.NOT_REACHED: ("·", ".", "dim"),
}
_VERDICTS: Final = {
    Verdict.VERIFIED: ("VERIFIED", "bold green"),
    Verdict.FAILED: ("FAILED", "bold red"),
    Verdict.COULD_NOT_CHECK: ("COULD NOT CHECK", "bold yellow"),
}
_TITLE_WIDTH: Final = 44


@click.command(
    short_help="Verify a file, offline.", epilog=example("glasslog verify evidence.glasslog --log-key @log.vkey")
)
@click.argument("file", type=INPUT_FILE)
@LOG_KEY_OPTION
@POLICY_OPTION
@ISSUER_KEY_OPTION
@click.option("--statement", metavar="FILE", type=INPUT_FILE, help="The statement that a receipt or tlog-proof is for.")
@click.option("--disclosures", metavar="FILE", type=INPUT_FILE, help="A disclosure file, to open commitments with.")
@click.option(
    "--erasure",
    "erasures",
    metavar="FILE|FOLDER",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Evidence of an erasure record: what it names is shown as erased. Of a folder, all such bundles. Repeatable.",
)
@ENTRY_ID_OPTION
@JSON_OPTION
def command(
    *,
    file: Path,
    log_keys: tuple[VerifierKey, ...],
    policy: Policy | None,
    issuer_key: PublicKey | None,
    statement: Path | None,
    disclosures: Path | None,
    erasures: tuple[Path, ...],
    entry_id: Hash | None,
    as_json: bool,
) -> int:
    """Verify FILE, offline; - is standard input.

    It is an evidence bundle, a Transparent Statement, a receipt, a tlog-proof, a checkpoint, or evidence of a fork.

    Have the log's key from its operator, by another way than the file: whom you trust is --log-key, or the logs that a
    --policy names.

    Exit codes: 0 verified, 1 verification failed, 2 wrong usage, 3 could not check.
    """
    trust = trust_of(log_keys, policy, issuer_key)
    try:
        asked = Asked(
            statement=read_input(statement, TRANSPARENT_STATEMENT_BYTES_MAX) if statement is not None else None,
            entry_id=entry_id,
            disclosures=read_input(disclosures, DISCLOSURE_FILE_BYTES_MAX) if disclosures is not None else None,
            erasures=tuple(data for path in erasures for data in _read_erasures(path)),
        )
        report = verify(read_input(file), trust, asked)
    except GlasslogError as error:
        if not as_json:
            raise
        document = error_document(error, str(file))
        write_text(encode_document(document))
        return EXIT_CODES[Verdict(document["verdict"])]
    if as_json:
        write_text(encode_document(report_document(report, str(file))))
    else:
        show_report(report, str(file))
    return EXIT_CODES[report.verdict]


def _read_erasures(path: Path) -> Iterator[bytes]:
    """Yield a file as it is; of a folder, the bundles whose statements are erasure records."""
    if not path.is_dir():
        yield read_input(path)
        return
    found = False
    for each in sorted(path.glob(f"*{BUNDLE_SUFFIX}")):
        data = read_file(each, BUNDLE_BYTES_MAX)
        if _is_erasure(data):
            found = True
            yield data
    if not found:
        click.echo(f"Note: {printable(str(path))} holds no evidence of an erasure.", err=True)


def _is_erasure(data: bytes) -> bool:
    """Tell whether a file is a bundle with an erasure record; nothing of it is verified."""
    try:
        statement = decode_statement(decode_bundle(data).statement)
        return statement.content_type == CONTENT_TYPE_RECORD and decode_record(statement.payload).type == ERASURE_TYPE
    except MalformedError:
        return False


def show_report(report: Report, file: str) -> None:
    """Print a report for a person."""
    screen = Screen()
    label = report.file_type.label if report.file_type is not None else "unknown file"
    screen.line((printable(file), "bold"), f"  {label}")
    screen.line("")
    for step in report.steps:
        _add_step(screen, step)
    screen.line("")
    text, style = _VERDICTS[report.verdict]
    screen.line((text, style), _because(report))
    if report.shown is not None:
        add_summary(screen, report.shown)
    if report.not_shown and report.verdict is not Verdict.FAILED:
        screen.line("")
        screen.line("This file does not show", (":", ""))
        for sentence in report.not_shown:
            screen.line("  - ", sentence)
    screen.show()


def _add_step(screen: Screen, step: Step) -> None:
    drawn, plain, style = _MARKS[step.status]
    mark = drawn if screen.draws_unicode else f"{plain:<4}"
    said = {Status.PASSED: step.found, Status.FAILED: None, Status.NOT_REACHED: f"not reached, {step.reason}"}
    text = said.get(step.status, step.reason)
    screen.line(
        f"{step.number:>2} ", (mark, style), f" {step.check.title:<{_TITLE_WIDTH}}", (printable(text or ""), "dim")
    )
    if step.status is Status.FAILED:
        indent = 6 if screen.draws_unicode else 9
        screen.field("expected", step.expected or "", indent=indent)
        screen.field("found", step.found or "otherwise", indent=indent)
        screen.field("see", step.check.specification, indent=indent)


def _because(report: Report) -> str:
    """Return which steps decided, for a verdict that is not the good one."""
    deciding = {Verdict.FAILED: Status.FAILED, Verdict.COULD_NOT_CHECK: Status.COULD_NOT_CHECK}.get(report.verdict)
    numbers = [str(step.number) for step in report.steps if step.status is deciding]
    return f": step {', '.join(numbers)}" if numbers else ""
