"""`glasslog fetch`: bring the evidence of a decision from a log's server, and verify it before it is written.

The server is trusted with nothing: what it sends must be about the entry and the decision that were asked for, and with
a log key given, it must verify. A file that fails is not written.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from glasslog.bundle import BUNDLE_SUFFIX, decode_bundle
from glasslog.cli.document import Json, encode_document, report_document
from glasslog.cli.examples import example
from glasslog.cli.options import (
    JSON_OPTION,
    LOG_KEY_OPTION,
    OUTPUT,
    POLICY_OPTION,
    TOKEN_OPTION,
    WebUrl,
    parse_entry_id,
    trust_of,
)
from glasslog.cli.verify import EXIT_CODES, show_report
from glasslog.cli.writing import printable, write_text
from glasslog.counting import counted
from glasslog.errors import MalformedError, MismatchError, UncheckableError
from glasslog.merkle import Hash
from glasslog.policy import Policy
from glasslog.receipt import decode_receipt
from glasslog.sources.folder import write_file
from glasslog.sources.http import BUNDLE, ENTRY_FORMS, EntryForm, HttpLog
from glasslog.statement import SignedStatement, decode_statement, decode_transparent_statement
from glasslog.tlog_proof import decode_tlog_proof
from glasslog.verify import Asked, Trust, Verdict, verify
from glasslog.vkey import VerifierKey

_SUFFIXES: Final = {"bundle": BUNDLE_SUFFIX, "tlog-proof": ".tlog-proof"}
_COSE_SUFFIX: Final = ".cose"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What to bring: entries in one form, all of them about `subject` where a decision was named."""

    subject: str | None
    entry_ids: tuple[Hash, ...]
    form: EntryForm


@click.command(
    short_help="Bring the evidence of one decision from a log.",
    epilog=example(
        "glasslog fetch --log https://log.example --log-key @log.vkey --decision URN -o evidence.glasslog",
    ),
)
@click.option("--log", "url", metavar="URL", type=WebUrl(), required=True, help="The log's base URL.")
@click.option(
    "--decision", metavar="URN|HEX", help="The decision, by the URN it is filed under, or one entry by its id."
)
@click.option(
    "--entry-id", "entry", metavar="HEX", help="One entry by its id; with --decision, that one of its entries."
)
@click.option("--all", "take_all", is_flag=True, help="All entries of the decision; -o is the folder for them.")
@click.option(
    "--format",
    "form_name",
    type=click.Choice(list(ENTRY_FORMS)),
    default=BUNDLE.name,
    show_default=True,
    help="What to bring of an entry.",
)
@click.option("-o", "--output", type=OUTPUT, required=True, help="The file to write, or a folder.")
@LOG_KEY_OPTION
@POLICY_OPTION
@TOKEN_OPTION
@JSON_OPTION
def command(
    *,
    url: str,
    decision: str | None,
    entry: str | None,
    form_name: str,
    output: Path,
    log_keys: tuple[VerifierKey, ...],
    policy: Policy | None,
    token: str | None,
    take_all: bool,
    as_json: bool,
) -> int:
    """Bring the evidence of one decision. With --log-key it is verified first, and not written unless it is right.

    Exit codes: 0 written, 1 verification failed, 2 wrong usage, 3 could not fetch or check.
    """
    form = ENTRY_FORMS[form_name]
    trust = trust_of(log_keys, policy) if log_keys or policy is not None else None
    if trust is not None and form is not BUNDLE:
        msg = "Only a bundle can be verified when it is fetched: leave out --log-key and --policy, or --format."
        raise click.UsageError(msg)
    log = HttpLog(url, token=token)
    try:
        wanted = _wanted(log, decision, entry, form)
        places = _places(wanted, output, take_all=take_all)
        written: list[Json] = []
        for entry_id, place in places.items():
            code = _bring(log, wanted, entry_id, place, trust, written, as_json=as_json)
            if code:
                return code
    finally:
        log.close()
    if as_json:
        write_text(encode_document({"written": written}))
    return 0


def _wanted(log: HttpLog, decision: str | None, entry: str | None, form: EntryForm) -> _Wanted:
    """Ask the log which entries a decision has, unless an entry is named."""
    subject = decision if decision is not None and ":" in decision else None
    named = [name for name in (decision, entry) if name is not None and name != subject]
    if len(named) > 1 or (not named and subject is None):
        msg = "Say what to fetch: --decision, --entry-id, or one entry of a decision by both."
        raise click.UsageError(msg)
    if named:
        try:
            return _Wanted(subject, (parse_entry_id(named[0]),), form)
        except MalformedError as error:
            raise click.UsageError(str(error)) from error
    entry_ids = log.decision(str(subject))
    if not entry_ids:
        msg = f"the log has no entry about {subject}"
        raise UncheckableError(msg)
    return _Wanted(subject, entry_ids, form)


def _places(wanted: _Wanted, output: Path, *, take_all: bool) -> dict[Hash, Path]:
    """Return where each entry is written: the file named, or files named by entry ids in a folder."""
    if take_all or output.is_dir():
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            msg = f"cannot make the folder {output}: {error.strerror}"
            raise UncheckableError(msg) from error
        suffix = _SUFFIXES.get(wanted.form.name, _COSE_SUFFIX)
        return {entry_id: output / f"{entry_id.hex()}{suffix}" for entry_id in wanted.entry_ids}
    if len(wanted.entry_ids) > 1:
        listed = "\n".join(f"  {entry_id.hex()}" for entry_id in wanted.entry_ids)
        msg = f"The decision has {len(wanted.entry_ids)} entries: name one by --entry-id, or take them --all.\n{listed}"
        raise click.UsageError(msg)
    return {wanted.entry_ids[0]: output}


def _bring(
    log: HttpLog,
    wanted: _Wanted,
    entry_id: Hash,
    place: Path,
    trust: Trust | None,
    written: list[Json],
    *,
    as_json: bool,
) -> int:
    """Fetch, check and write one entry, and add it to what was written; return the exit code."""
    data = log.entry(entry_id, wanted.form)
    statement = _statement_in(data, wanted.form)
    if statement is not None:
        _check_answer(statement, entry_id, wanted.subject)
    if trust is not None:
        report = verify(data, trust, Asked(entry_id=entry_id))
        if report.verdict is not Verdict.VERIFIED:
            name = f"{wanted.form.name} of {entry_id.hex()}, not written"
            if as_json:
                write_text(encode_document(report_document(report, name)))
            else:
                show_report(report, name)
            return EXIT_CODES[report.verdict]
    write_file(place, data)
    written.append({"entry_id": entry_id.hex(), "file": str(place), "bytes": len(data), "verified": trust is not None})
    if as_json:
        return 0
    state = "verified" if trust is not None else "not verified: give --log-key, or use `glasslog verify`"
    write_text(printable(f"{place}: {counted(len(data), 'bytes')}, {state}", None) + "\n")
    return 0


def _statement_in(data: bytes, form: EntryForm) -> SignedStatement | None:
    """Return the statement in an answer, None for forms without one. Raises MalformedError for what is not the form."""
    match form.name:
        case "bundle":
            return decode_statement(decode_bundle(data).statement)
        case "transparent-statement":
            return decode_transparent_statement(data).statement
        case "statement":
            return decode_statement(data)
        case "receipt":
            decode_receipt(data)
        case _:
            decode_tlog_proof(data)
    return None


def _check_answer(statement: SignedStatement, entry_id: Hash, subject: str | None) -> None:
    """Check that an answer is about what was asked for, whether or not it is going to be verified."""
    if statement.leaf_hash != entry_id:
        msg = f"expected the entry {entry_id.hex()} from the log, got {statement.leaf_hash.hex()}"
        raise MismatchError(msg)
    if subject is not None and statement.subject != subject:
        msg = f"expected an entry about {subject} from the log, got one about {statement.subject}"
        raise MismatchError(msg)
