"""`glasslog audit`: mirror a whole log, replay every entry, run every check, and say what was found."""

import csv
import os
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self, TextIO

import click

from glasslog import __version__
from glasslog.audit.checks import CHECKS
from glasslog.audit.finding import Finding
from glasslog.audit.result import CSV_COLUMNS, csv_row
from glasslog.audit.scope import Scope
from glasslog.cli.audit_progress import progress_for
from glasslog.cli.audit_screen import show_audit
from glasslog.cli.document import Json, encode_document
from glasslog.cli.ending import resumable
from glasslog.cli.examples import example
from glasslog.cli.options import (
    JSON_OPTION,
    LOG_KEY_OPTION,
    POLICY_OPTION,
    TOKEN_OPTION,
    StatePath,
    WebUrl,
    names_of,
    trust_of,
)
from glasslog.cli.reaching import reach
from glasslog.cli.writing import write_text
from glasslog.errors import UncheckableError
from glasslog.mirror.audit import Audited, Request, audit
from glasslog.mirror.outcome import document_of
from glasslog.mirror.place import Place
from glasslog.mirror.state import OUTCOME
from glasslog.mirror.sync import Trust
from glasslog.policy import Policy
from glasslog.records.schema import TIME_MS_MAX
from glasslog.sources.archive import ArchiveSource
from glasslog.sources.directory import DirectorySource
from glasslog.sources.folder import write_file
from glasslog.sources.source import LogSource
from glasslog.verify import Verdict
from glasslog.vkey import VerifierKey

EXIT_CODES: Final = {Verdict.VERIFIED: 0, Verdict.FAILED: 1, Verdict.COULD_NOT_CHECK: 3}
FINDINGS: Final = "findings.csv"


class Moment(click.ParamType[int]):
    """A day or a time in UTC, as RFC 3339 has them; POSIX milliseconds inside."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the milliseconds that a text means."""
        if isinstance(value, int):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"expected a day or a time such as 2025-01-31 or 2025-01-31T09:00:00Z, got {value!r}", param, ctx)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        milliseconds = int(moment.timestamp() * 1_000)
        if milliseconds < 0:
            self.fail("expected a time after 1970", param, ctx)
        return milliseconds


@click.command(
    short_help="Audit a whole log: replay every entry, run every check.",
    epilog=example(
        "glasslog audit --log https://log.example --log-key @log.vkey --state ./audit",
        "glasslog audit --archive log.zip --log-key @log.vkey --state ./audit --from 2026-01-01 --to 2026-07-01",
    ),
)
@click.option("--log", "url", metavar="URL", type=WebUrl(), help="The log's base URL.")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with the log in the layout of C2SP tlog-tiles; it is read in place.",
)
@click.option(
    "--archive",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An archive that `glasslog export` has made; it is read in place.",
)
@LOG_KEY_OPTION
@POLICY_OPTION
@click.option(
    "--state",
    type=StatePath(),
    required=True,
    help="The audit's own folder. It is made if need be, and a later audit goes on from it.",
)
@click.option(
    "--from",
    "start",
    type=Moment(),
    default=0,
    help="Judge events from this time on: 2026-01-31 or 2026-01-31T08:00:00Z.  [default: the beginning]",
)
@click.option(
    "--to", "end", type=Moment(), default=TIME_MS_MAX + 1, help="Judge events before this time.  [default: the end]"
)
@click.option(
    "--issuer",
    "issuers",
    metavar="URI",
    multiple=True,
    help="Judge records of this issuer. Repeatable.  [default: all]",
)
@click.option(
    "--system",
    "systems",
    metavar="URN",
    multiple=True,
    help="Judge records of this system. Repeatable.  [default: all]",
)
@click.option(
    "--checks",
    "names",
    metavar="NAME,...",
    multiple=True,
    callback=names_of(CHECKS),
    help="Run these checks alone: stream-gaps, guardrails ... A name that is none lists them.  [default: all]",
)
@click.option(
    "--processes",
    type=click.IntRange(0, 1_024),
    default=lambda: len(os.sched_getaffinity(0)),
    show_default="all cores",
    help="Processes that verify; 0 is this one alone.",
)
@TOKEN_OPTION
@JSON_OPTION
def command(
    *,
    url: str | None,
    folder: Path | None,
    archive: Path | None,
    log_keys: tuple[VerifierKey, ...],
    policy: Policy | None,
    state: Path,
    start: int,
    end: int,
    issuers: tuple[str, ...],
    systems: tuple[str, ...],
    names: tuple[str, ...],
    processes: int,
    token: str | None,
    as_json: bool,
) -> int:
    """Audit a whole log: mirror it, verify every entry as it comes, and run every check over it.

    It may be stopped at any moment: the same command goes on from there. The state folder holds the outcome
    (audit.json, and findings.csv with all findings), the mirror, and the evidence of whatever is wrong. With --json the
    outcome is printed, and progress goes to standard error as JSON lines.

    Exit codes: 0 nothing found, 1 findings or verification failed, 2 wrong usage, 3 could not check.
    """
    if sum(place is not None for place in (url, folder, archive)) != 1:
        msg = "Say where the log is: --log, --folder or --archive, one of them."
        raise click.UsageError(msg)
    if start >= end:
        msg = "--to must be after --from."
        raise click.UsageError(msg)
    trust = trust_of(log_keys, policy)
    kept = f"Interrupted: what was mirrored and verified is in {state}; the same command goes on from there."
    with ExitStack() as stack:
        stack.enter_context(resumable(kept))
        source, place = _source(url, folder, archive, token)
        stack.enter_context(closing(source))
        scope = Scope(start, end, frozenset(issuers), frozenset(systems))
        request = Request(source, place, state, Trust(trust.log_keys, policy), scope, names, processes)
        told = stack.enter_context(_FindingsFile(state / FINDINGS))
        progress = stack.enter_context(progress_for(as_json=as_json))
        outcome = audit(request, progress, told.write)
    document = {"glasslog": __version__, **document_of(outcome, source.name)}
    write_file(state / OUTCOME, encode_document(document).encode())
    _show(outcome, document, state, as_json=as_json)
    return EXIT_CODES[outcome.verdict]


def _source(url: str | None, folder: Path | None, archive: Path | None, token: str | None) -> tuple[LogSource, Place]:
    """Return the source that the options name, and where the replay reads it."""
    if url is not None:
        return reach(url, token), Place()
    if folder is not None:
        return DirectorySource(folder), Place("folder", str(folder.resolve()))
    path = archive or Path()
    return ArchiveSource(path), Place("archive", str(path.resolve()))


def _show(outcome: Audited, document: Json, state: Path, *, as_json: bool) -> None:
    if as_json:
        write_text(encode_document(document))
    else:
        show_audit(outcome, state)


class _FindingsFile:
    """All findings as lines of CSV, whole under its name or not there. Nothing is opened before the first finding."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.new")
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def write(self, finding: Finding, ids: list[str]) -> None:
        """Write one finding."""
        csv.writer(self._opened()).writerow(csv_row(finding, ids))

    def _opened(self) -> TextIO:
        if self._file is None:
            try:
                self._file = self._partial.open("w", newline="", encoding="utf-8")
            except OSError as error:
                msg = f"cannot write {self._path}: {error.strerror}"
                raise UncheckableError(msg) from error
            csv.writer(self._file).writerow(CSV_COLUMNS)
        return self._file

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._opened()
        if self._file is not None:
            self._file.close()
        if kind is None:
            self._partial.replace(self._path)
        else:
            self._partial.unlink(missing_ok=True)
