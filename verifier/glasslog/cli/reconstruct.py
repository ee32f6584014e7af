"""`glasslog reconstruct`: gather every record that one decision is linked to, verify each, write one readable file.

The log, the vault and the kept folder are trusted with nothing. What was read can be kept, so that anybody can
reconstruct the decision again, offline, and verify every piece with `glasslog verify`.
"""

import time
from collections.abc import Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from glasslog.cli.document import Json, encode_document
from glasslog.cli.examples import example
from glasslog.cli.options import (
    INPUT_FILE,
    LOG_KEY_OPTION,
    OUTPUT,
    OUTPUT_FILE,
    POLICY_OPTION,
    TOKEN_OPTION,
    WebUrl,
    read_input,
    trust_of,
)
from glasslog.cli.reconstruction import document_of, page_of
from glasslog.cli.screen import Screen
from glasslog.cli.verify import EXIT_CODES
from glasslog.commitments import Disclosure, decode_disclosures
from glasslog.counting import counted
from glasslog.errors import MalformedError, UncheckableError
from glasslog.limits import DISCLOSURE_FILE_BYTES_MAX
from glasslog.policy import Policy
from glasslog.reconstruct import Bounds, DecisionLog, EmptyVault, Holdings, Request, reconstruct
from glasslog.records.schema import SchemaMismatchError, uri
from glasslog.sources.folder import write_file
from glasslog.sources.http import HttpLog
from glasslog.sources.kept import KeepingLog, KeptLog
from glasslog.sources.vaults import open_vault
from glasslog.verify import Verdict
from glasslog.vkey import VerifierKey

HTML: Final = "reconstruction.html"
JSON: Final = "reconstruction.json"
EVIDENCE: Final = "evidence"

_DISCLOSURE_FILES_MAX: Final = 64
_GAPS_SHOWN_MAX: Final = 12
_HEADLINES: Final = {
    Verdict.VERIFIED: ("EVERYTHING FOUND VERIFIES", "bold green"),
    Verdict.FAILED: ("SOMETHING DOES NOT VERIFY", "bold red"),
    Verdict.COULD_NOT_CHECK: ("NOT EVERYTHING COULD BE CHECKED", "bold yellow"),
}
_GAPS: Final = {"absent": "not in the log", "unknown": "not checked", "noted": "noted"}


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the page, the document and the evidence go; None is nowhere."""

    page: Path
    document: Path | None
    evidence: Path | None


def _uri(_: click.Context, __: click.Parameter, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    for text in (value,) if isinstance(value, str) else value:
        try:
            uri(text)
        except SchemaMismatchError as error:
            msg = f"expected {error.expected}"
            raise click.BadParameter(msg) from error
    return value


@click.command(
    short_help="Put one decision together from all its records.",
    epilog=example(
        "glasslog reconstruct --decision URN --log https://log.example --log-key @log.vkey -o decision",
    ),
)
@click.option("--decision", metavar="URN", required=True, callback=_uri, help="The URN the decision is filed under.")
@click.option("--log", "url", metavar="URL", type=WebUrl(), help="The log's base URL.")
@click.option(
    "--from",
    "kept",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of kept evidence, instead of a log: nothing is asked of any network.",
)
@LOG_KEY_OPTION
@POLICY_OPTION
@click.option(
    "--disclosures",
    metavar="FILE",
    type=INPUT_FILE,
    multiple=True,
    help="A disclosure file, to open commitments with. Repeatable.",
)
@click.option(
    "--vault",
    metavar="DIR",
    type=click.Path(exists=True, path_type=Path),
    help="A vault of disclosures, to open commitments with.",
)
@click.option(
    "--master-key",
    "master_key_file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of the vault's master key.",
)
@TOKEN_OPTION
@click.option(
    "--also", metavar="URN", multiple=True, callback=_uri, help="A further subject to search for records. Repeatable."
)
@click.option(
    "--system-entries",
    metavar="NUMBER",
    type=click.IntRange(1, 100_000),
    default=Bounds().system_entries,
    show_default=True,
    help="How many entries about the system are read: the oldest half, and the newest.",
)
@click.option(
    "-o",
    "--output",
    metavar="DIR|FILE.html",
    type=OUTPUT,
    required=True,
    help="The page to write; or a folder for the page, the JSON and the evidence.",
)
@click.option("--json", "json_file", metavar="FILE", type=OUTPUT_FILE, help="The document to write.")
@click.option(
    "--keep", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help="The folder to keep evidence in."
)
def command(
    *,
    decision: str,
    url: str | None,
    kept: Path | None,
    log_keys: tuple[VerifierKey, ...],
    policy: Policy | None,
    disclosures: tuple[Path, ...],
    vault: Path | None,
    master_key_file: Path | None,
    token: str | None,
    also: tuple[str, ...],
    system_entries: int,
    output: Path,
    json_file: Path | None,
    keep: Path | None,
) -> int:
    """Put one decision together: every linked record, verified, and one page that says what is proven and what lacks.

    Exit codes: 0 all that was found verifies, 1 something failed, 2 wrong usage, 3 something could not be checked.
    """
    if (url is None) == (kept is None):
        msg = "Say where to read: --log, or --from a folder of kept evidence."
        raise click.UsageError(msg)
    if (vault is None) != (master_key_file is None):
        msg = "A vault is opened by its master key: give --vault and --master-key together."
        raise click.UsageError(msg)
    trust = trust_of(log_keys, policy)
    places = _places(output, json_file, keep)
    holdings = Holdings(
        _read_disclosures(disclosures),
        open_vault(vault, master_key_file) if vault is not None and master_key_file is not None else EmptyVault(),
    )
    request = Request(decision, also, Bounds(system_entries=system_entries))
    http = HttpLog(url, token=token) if url is not None else None
    with closing(holdings.vault), closing(http) if http is not None else nullcontext():
        log = KeepingLog(http if http is not None else _kept_log(kept))
        found = reconstruct(log, request, trust, holdings)
        document = document_of(found, trust, time.time_ns() // 1_000_000)
        if places.evidence is not None and found.pieces:
            log.keep(places.evidence)
    _write(places, document)
    _show(places, document)
    return EXIT_CODES[found.verdict]


def _kept_log(folder: Path | None) -> DecisionLog:
    if folder is None:
        msg = "expected a log or a folder"
        raise UncheckableError(msg)
    return KeptLog(folder)


def _places(output: Path, json_file: Path | None, keep: Path | None) -> _Places:
    if output.suffix.lower() in {".html", ".htm"} and not output.is_dir():
        return _Places(output, json_file, keep)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"cannot make the folder {output}: {error.strerror}"
        raise UncheckableError(msg) from error
    return _Places(output / HTML, json_file or output / JSON, keep or output / EVIDENCE)


def _read_disclosures(files: tuple[Path, ...]) -> tuple[Disclosure, ...]:
    """Return the disclosures of all files. Raises MalformedError, UncheckableError."""
    if len(files) > _DISCLOSURE_FILES_MAX:
        msg = f"expected at most {_DISCLOSURE_FILES_MAX} disclosure files, got {len(files)}"
        raise MalformedError(msg)
    found = [each for file in files for each in decode_disclosures(read_input(file, DISCLOSURE_FILE_BYTES_MAX))]
    return tuple({each.digest: each for each in found}.values())


def _write(places: _Places, document: Mapping[str, Json]) -> None:
    write_file(places.page, page_of(document).encode())
    if places.document is not None:
        write_file(places.document, encode_document(document).encode())


def _show(places: _Places, document: Mapping[str, Json]) -> None:
    screen = Screen()
    text, style = _HEADLINES[Verdict(document["verdict"])]
    counts = document["counts"]
    screen.line((text, style), f"  {counts['verified']} of {counted(counts['entries'], 'entries')}")
    screen.line("")
    for sentence in document["sentences"]:
        screen.field("Decision", sentence)
    for fault in document["faults"]:
        screen.field("Failed", fault, style="red")
    for gap in document["gaps"][:_GAPS_SHOWN_MAX]:
        label = "Noted" if gap["kind"] == "noted" else "Missing"
        screen.field(label, f"{gap['text']} ({_GAPS[gap['kind']]})")
    if len(document["gaps"]) > _GAPS_SHOWN_MAX:
        screen.field("Missing", f"{len(document['gaps']) - _GAPS_SHOWN_MAX} more: the page has them all")
    for entry in document["entries"]:
        if entry["verdict"] != "verified":
            screen.field("Entry", f"{entry['entry_id']}: {entry['verdict']}, {'; '.join(entry['reasons'])}")
    screen.field("Page", str(places.page))
    if places.document is not None:
        screen.field("Document", str(places.document))
    if places.evidence is not None and counts["entries"]:
        screen.field("Evidence", f"{places.evidence}, for glasslog verify and --from")
    screen.show()
