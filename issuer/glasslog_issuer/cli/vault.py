"""`glasslog-issuer vault`: keep what opens commitments, show it, erase it. The erasing is in `vault_erasures`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import Progress

from glasslog.cli.document import json_of
from glasslog.cli.examples import example
from glasslog.cli.screen import value_text
from glasslog.cli.writing import printable
from glasslog.commitments import decode_disclosures
from glasslog.cose import split_sequence
from glasslog.counting import counted
from glasslog.limits import DISCLOSURE_FILE_BYTES_MAX
from glasslog.merkle import Hash
from glasslog.moments import iso_time
from glasslog.records import decode_record
from glasslog.statement import SignedStatement, decode_statement
from glasslog_issuer import files
from glasslog_issuer.cli import vault_erasures
from glasslog_issuer.cli.sign import DISCLOSURES_SUFFIX
from glasslog_issuer.cli.vault_options import (
    FILE,
    JSON_OPTION,
    SUBJECT_OPTION,
    VAULT_OPTION,
    echo_json,
    master_key_of,
    master_key_options,
    subject_of,
)
from glasslog_issuer.record import SignedRecord
from glasslog_issuer.vault import Kept, NotKeptError, Vault, generate_master_key, write_master_key

INPUT_BYTES_MAX: Final = 256 * 1_024 * 1_024
STATEMENTS_MAX: Final = 100_000
_PORTION: Final = 500
_INPUT: Final = click.Path(exists=True, path_type=Path)


@click.group("vault", short_help="Keep, show and erase what opens commitments.")
def command() -> None:
    """Keep what opens the commitments of records, encrypted by data subject, and erase it for good.

    One process at a time may write: while a service has the vault open, erase by that service (`Vault.erase`), or stop
    it. `show` reads beside it.
    """


@command.command(
    "init",
    epilog=example(
        "glasslog-issuer vault init --vault vault --master-key /elsewhere/vault.key",
    ),
)
@VAULT_OPTION
@click.option(
    "--master-key",
    "key_path",
    type=FILE,
    help="File of the master key, outside of the vault; made when it is not there.",
)
@click.option(
    "--master-key-command",
    "key_command",
    metavar="COMMAND",
    help="Command that prints the master key, run without a shell.",
)
@JSON_OPTION
def init(*, folder: Path, key_path: Path | None, key_command: str | None, as_json: bool) -> None:
    """Make an empty vault, and a master key for it.

    Keep the key where the vault's backups do not go, and have a copy of it: without it, all content is lost.
    """
    if key_path is not None and folder.absolute() in key_path.absolute().parents:
        raise click.UsageError("the master key must not lie in the vault: a backup of it would open itself")
    made = key_path if key_command is None and key_path is not None and not key_path.exists() else None
    if made is not None:
        write_master_key(made, generate_master_key())
    try:
        Vault.create(folder, master_key_of(key_path, key_command))
    except BaseException:
        if made is not None:
            made.unlink()  # of no vault
        raise
    if as_json:
        echo_json({"vault": str(folder), "master_key": str(key_path) if key_path is not None else None})
        return
    if made is not None:
        click.echo(f"master key  {made}")
    click.echo(f"vault       {folder}")


@command.command("put", short_help="Put the disclosures of signed statements into the vault.")
@click.argument("statements", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@VAULT_OPTION
@master_key_options
@click.option("--disclosures", required=True, type=_INPUT, help="The disclosure file; for many records their folder.")
@SUBJECT_OPTION
@JSON_OPTION
def put(
    *, statements: Path, folder: Path, master_key: bytes, disclosures: Path, subject: str | None, as_json: bool
) -> None:
    """Put the disclosures of signed statements into the vault, all under one subject or none.

    STATEMENTS is what `glasslog-issuer sign` wrote. Putting twice changes nothing.
    """
    name = subject_of(subject) if subject is not None else None
    signed = list(_signed(statements, disclosures))
    with Vault.open(folder, master_key) as vault, _bar("keeping", len(signed), quiet=as_json) as progress:
        for start in range(0, len(signed), _PORTION):
            vault.keep_many((record, name) for record in signed[start : start + _PORTION])
            progress.update(progress.task_ids[0], completed=start + _PORTION)
    if as_json:
        echo_json({"kept": [record.statement.leaf_hash.hex() for record in signed if record.disclosures]})
    else:
        kept = sum(1 for record in signed if record.disclosures)
        click.echo(f"kept the disclosures of {counted(kept, 'records')}")


@command.command("show", short_help="Show what the vault has, of all or of a decision.")
@VAULT_OPTION
@master_key_options
@click.option("--decision", metavar="URN", help="The records about this decision.")
@click.option("--entry-id", metavar="HEX", help="The record of this entry of the log.")
@click.option("--content", is_flag=True, help="Open the commitments and show what is in them.")
@JSON_OPTION
def show(
    *, folder: Path, master_key: bytes, decision: str | None, entry_id: str | None, content: bool, as_json: bool
) -> None:
    """Show what the vault has: how much; or of a decision or an entry, the names, and with --content the values."""
    with Vault.open(folder, master_key, read_only=True) as vault:
        if decision is None and entry_id is None:
            totals = vault.totals()
            document = {name: getattr(totals, name) for name in totals.__slots__}
            if as_json:
                echo_json(document)
            else:
                click.echo("\n".join(f"{name:<11} {count}" for name, count in document.items()))
            return
        documents = [_document(vault, kept, content=content) for kept in chosen(vault, decision, entry_id)]
    if as_json:
        echo_json({"records": documents})
    else:
        click.echo("\n".join(line for document in documents for line in _lines(document)))


@command.command("rekey")
@VAULT_OPTION
@master_key_options
@click.option("--new-master-key", "new_path", type=FILE, help="File of the new key; made when it is not there.")
@click.option(
    "--new-master-key-command",
    "new_command",
    metavar="COMMAND",
    help="Command that prints the new key, run without a shell.",
)
@JSON_OPTION
def rekey(*, folder: Path, master_key: bytes, new_path: Path | None, new_command: str | None, as_json: bool) -> None:
    """Wrap all keys by another master key.

    Destroy the old one afterwards: then nobody opens older copies of the vault any more, whatever is in them.
    """
    if new_path is not None and new_command is None and not new_path.exists():
        write_master_key(new_path, generate_master_key())
    new_key = master_key_of(new_path, new_command)
    with (
        Vault.open(folder, master_key) as vault,
        _bar("wrapping", vault.totals().subjects + 1, quiet=as_json) as progress,
    ):
        vault.rekey(new_key, lambda done: progress.update(progress.task_ids[0], completed=done))
    if as_json:
        echo_json({"vault": str(folder), "master_key": str(new_path) if new_path is not None else None})
    else:
        click.echo("the vault opens with the new master key alone")


@command.command("compact")
@VAULT_OPTION
@master_key_options
@JSON_OPTION
def compact(*, folder: Path, master_key: bytes, as_json: bool) -> None:
    """Give back the room of what was erased, by writing the file anew. Needs as much room again while it runs."""
    with Vault.open(folder, master_key) as vault:
        before = vault.totals().bytes
        records = vault.compact()
        after = vault.totals().bytes
    if as_json:
        echo_json({"records": records, "bytes_before": before, "bytes_after": after})
    else:
        click.echo(f"{counted(records, 'records')} gave up their room: {before} bytes before, {after} now")


for each in (vault_erasures.erase, vault_erasures.confirm, vault_erasures.erasures):
    command.add_command(each)


def chosen(vault: Vault, decision: str | None, entry_id: str | None) -> list[Kept]:
    """Return what the vault has of a decision or of an entry. Raises NotKeptError, UsageError."""
    if (decision is None) == (entry_id is None):
        raise click.UsageError("say what of: --decision or --entry-id, one of them")
    if entry_id is not None:
        try:
            return [vault.kept_entry(Hash(bytes.fromhex(entry_id)))]
        except ValueError as error:
            raise click.BadParameter("expected an entry id in hex", param_hint="--entry-id") from error
    kept = list(vault.kept(decision or ""))
    if not kept:
        msg = f"expected records about {decision!r:.200} in the vault, got none"
        raise NotKeptError(msg)
    return kept


def _document(vault: Vault, kept: Kept, *, content: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "record_id": kept.record_id.hex(),
        "entry_id": kept.entry_id.hex(),
        "decision": kept.decision,
        "commitments": {name: digest.hex() for name, digest in kept.commitments.items()},
        "erased_at": iso_time(kept.erased_at) if kept.erased_at is not None else None,
        "discarded": kept.discarded,
    }
    if content:
        readable = kept.erased_at is None and not kept.discarded
        opened = vault.disclosures(kept.record_id) if readable else ()
        document["content"] = {disclosure.name: json_of(disclosure.value) for disclosure in opened}
    return document


def _lines(document: dict[str, Any]) -> Iterator[str]:
    yield f"record      {document['record_id']}"
    yield f"entry id    {document['entry_id']}"
    yield f"decision    {printable(document['decision'])}"
    for name in document["commitments"]:
        if document["erased_at"] is not None:
            yield f"  {printable(name)}: erased on {document['erased_at']}"
        elif document["discarded"]:
            yield f"  {printable(name)}: discarded, the record never reached the log"
        elif "content" in document:
            yield f"  {printable(name)}: {printable(value_text(document['content'][name]))}"
        else:
            yield f"  {printable(name)}: kept (--content shows it)"


def _signed(statements: Path, disclosures: Path) -> Iterator[SignedRecord]:
    items = split_sequence(files.read(statements, INPUT_BYTES_MAX), STATEMENTS_MAX)
    if len(items) > 1 and not disclosures.is_dir():
        raise click.UsageError("for many statements, --disclosures is the folder that `sign --lines` wrote")
    for item in items:
        statement = decode_statement(item)
        path = disclosures / f"{statement.leaf_hash.hex()}{DISCLOSURES_SUFFIX}" if disclosures.is_dir() else disclosures
        yield _with_disclosures(statement, path)


def _with_disclosures(statement: SignedStatement, path: Path) -> SignedRecord:
    """Return a record with what opens its commitments; a record without commitments has no file."""
    record = decode_record(statement.payload)
    if not record.commitments:
        return SignedRecord(statement, record, ())
    return SignedRecord(statement, record, decode_disclosures(files.read(path, DISCLOSURE_FILE_BYTES_MAX)))


def _bar(what: str, total: int, *, quiet: bool = False) -> Progress:
    console = Console(stderr=True)
    progress = Progress(console=console, disable=quiet or not console.is_terminal or total < _PORTION, transient=True)
    progress.add_task(what, total=total)
    return progress
