"""`glasslog report`: from the state of an audit to a page for people, JSON for machines and a CSV of all findings."""

import csv
import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from glasslog.audit.database import Database
from glasslog.audit.result import CSV_COLUMNS
from glasslog.cli.audit import FINDINGS
from glasslog.cli.document import Json, encode_document
from glasslog.cli.examples import example
from glasslog.cli.options import OUTPUT, OUTPUT_FILE
from glasslog.cli.screen import Screen
from glasslog.counting import counted
from glasslog.errors import MalformedError, UncheckableError
from glasslog.mirror.state import DATABASE, OUTCOME
from glasslog.report import Framework, builtin_frameworks, count_kinds, decode_frameworks, page_of, report_of
from glasslog.report.controls import CONTROLS_FILE_BYTES_MAX, joined
from glasslog.sources.folder import read_file, write_file

HTML: Final = "report.html"
JSON: Final = "report.json"
_OUTCOME_BYTES_MAX: Final = 256 * 1_024 * 1_024
_FIELD_CHARACTERS_MAX: Final = 1_048_576
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_STYLES: Final = {"good": "bold green", "bad": "bold red", "open": "bold yellow"}


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the page, the document and the list of findings go; None is nowhere."""

    page: Path
    document: Path | None
    findings: Path | None


@click.command(
    short_help="Make the report of an audit: HTML, JSON, CSV.",
    epilog=example("glasslog report --state ./audit -o report"),
)
@click.option(
    "--state",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="The state folder of an audit.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE.html|DIR",
    type=OUTPUT,
    required=True,
    help="The page to write; or a folder for the page, the JSON and the CSV.",
)
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    type=OUTPUT_FILE,
    help="The JSON document to write.  [default: report.json in a folder]",
)
@click.option(
    "--csv",
    "csv_file",
    metavar="FILE",
    type=OUTPUT_FILE,
    help="The list of all findings to write.  [default: findings.csv in a folder]",
)
@click.option(
    "--controls",
    "files",
    metavar="FILE",
    type=_FILE,
    multiple=True,
    help="A TOML file with controls of your own, beside those that come with Glasslog. Repeatable.",
)
def command(
    *, state: Path, output: Path, json_file: Path | None, csv_file: Path | None, files: tuple[Path, ...]
) -> int:
    """Make the report of an audit: what was proven, found and not checked, and which records there are.

    Nothing is verified anew: the report says what the audit said, in the state folder, and the same audit gives the
    same report.

    Exit codes: 0 written, whatever was found; 1 a file is not what it should be; 2 wrong usage; 3 could not read or
    write.
    """
    frameworks = joined([builtin_frameworks(), *map(_read_controls, files)])
    audit = _read_outcome(state)
    report = report_of(audit, _kinds(state, audit), frameworks)
    places = _places(output, json_file, csv_file)
    write_file(places.page, page_of(report).encode())
    if places.document is not None:
        write_file(places.document, encode_document(report).encode())
    if places.findings is not None:
        _copy_findings(state, places.findings, audit)
    _show(report, places)
    return 0


def _read_controls(path: Path) -> tuple[Framework, ...]:
    try:
        return decode_frameworks(read_file(path, CONTROLS_FILE_BYTES_MAX))
    except MalformedError as error:
        msg = f"{path}: {error}"
        raise type(error)(msg) from error


def _read_outcome(state: Path) -> dict[str, Any]:
    path = state / OUTCOME
    if not path.exists():
        msg = f"expected the outcome of an audit in {path}, got none: run glasslog audit first"
        raise UncheckableError(msg)
    try:
        audit = json.loads(read_file(path, _OUTCOME_BYTES_MAX))
    except (ValueError, RecursionError) as error:
        msg = f"expected the outcome of an audit in {path}, got something that is no JSON"
        raise MalformedError(msg) from error
    if not isinstance(audit, dict):
        msg = f"expected the outcome of an audit in {path}, got JSON of another kind"
        raise MalformedError(msg)
    return audit


def _kinds(state: Path, audit: Mapping[str, Any]) -> dict[str, int]:
    """Return how many records there are of each kind, from the audit's database."""
    if "checks" not in audit:
        return {}
    path = state / DATABASE
    if not path.exists():
        msg = f"expected the facts of the audit in {path}, got none"
        raise UncheckableError(msg)
    with closing(Database.open(path)) as database:
        if database.next_index < audit["log"]["entries"]:
            msg = f"expected the facts of {counted(audit['log']['entries'], 'entries')} in {path}, got those of fewer"
            raise UncheckableError(msg)
        return count_kinds(database, audit)


def _places(output: Path, json_file: Path | None, csv_file: Path | None) -> _Places:
    if output.suffix.lower() in {".html", ".htm"} and not output.is_dir():
        return _Places(output, json_file, csv_file)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"cannot make the folder {output}: {error.strerror}"
        raise UncheckableError(msg) from error
    return _Places(output / HTML, json_file or output / JSON, csv_file or output / FINDINGS)


def _copy_findings(state: Path, target: Path, audit: Mapping[str, Any]) -> None:
    """Copy the list of all findings, whole or not at all, when it is that of this outcome. Memory stays bounded."""
    source = state / FINDINGS
    expected = sum(audit["summary"]["findings"].values()) if "checks" in audit else 0
    partial = target.with_name(f".{target.name}.new")
    try:
        with source.open(newline="", encoding="utf-8") as lines, partial.open("w", newline="", encoding="utf-8") as out:
            count = _copy_rows(csv.reader(lines), csv.writer(out))
        if count != expected:
            wanted = counted(expected, "findings")
            msg = f"expected {wanted} of the last audit in {source}, got {count}: audit once more"
            raise UncheckableError(msg)
        partial.replace(target)
    except OSError as error:
        msg = f"cannot copy {source} to {target}: {error.strerror}"
        raise UncheckableError(msg) from error
    finally:
        partial.unlink(missing_ok=True)


def _copy_rows(reader: Any, writer: Any) -> int:  # noqa: ANN401  (the csv module has no public types for these)
    before = csv.field_size_limit(_FIELD_CHARACTERS_MAX)
    try:
        header: Sequence[str] = next(reader, ())
        if tuple(header) != CSV_COLUMNS:
            msg = f"expected a list of findings with the columns {', '.join(CSV_COLUMNS)}, got others"
            raise MalformedError(msg)
        writer.writerow(header)
        count = 0
        for count, row in enumerate(reader, 1):  # noqa: B007  (the last number is how many there are)
            writer.writerow(row)
    except csv.Error as error:
        msg = f"expected a list of findings as CSV, got: {error}"
        raise MalformedError(msg) from error
    finally:
        csv.field_size_limit(before)
    return count


def _show(report: Mapping[str, Json], places: _Places) -> None:
    screen = Screen()
    headline = report["headline"]
    screen.line((headline["text"].upper(), _STYLES[headline["kind"]]))
    screen.line("")
    for sentence in report["sentences"]:
        screen.field("Audit", sentence)
    for framework in report["coverage"]:
        states = ", ".join(f"{count} {state}" for state, count in framework["states"].items())
        screen.field("Controls", f"{framework['title']}: {states}")
    screen.field("Page", str(places.page))
    for label, place in (("Document", places.document), ("Findings", places.findings)):
        if place is not None:
            screen.field(label, str(place))
    screen.show()
