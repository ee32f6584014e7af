"""`glasslog-issuer vault erase|confirm|erasures`: destroy a subject's content, and see it through in every store."""

from pathlib import Path
from typing import Any, Final

import click

from glasslog.cli.ending import InterruptedCommandError, resumable
from glasslog.cli.examples import example
from glasslog.counting import counted
from glasslog.moments import iso_time
from glasslog.statement import SignedStatement
from glasslog_issuer.cli.vault_options import (
    JSON_OPTION,
    SUBJECT_OPTION,
    VAULT_OPTION,
    echo_json,
    master_key_options,
    subject_of,
)
from glasslog_issuer.cli.vault_signing import Signing, signing_options
from glasslog_issuer.vault import ErasureStatus, Vault

_REQUEST_OPTION: Final = click.option(
    "--request", "request_id", metavar="ID", required=True, help="The request's identifier, which stands in the log."
)


@click.command(
    "erase",
    short_help="Destroy what opens the records of a data subject, for good.",
    epilog=example(
        "glasslog-issuer vault erase --vault vault --master-key vault.key --subject @name "
        "--request dsr-17 --basis gdpr-17-1-b --key issuer.pem --issuer https://vendor.example "
        "--system urn:example:triage --log https://log.example --log-key @log.vkey",
    ),
)
@VAULT_OPTION
@master_key_options
@SUBJECT_OPTION
@_REQUEST_OPTION
@click.option("--basis", metavar="ID", required=True, help="On what grounds, as an identifier: gdpr-17-1-b.")
@click.option("--store", "stores", metavar="NAME", multiple=True, help="Another store that must confirm. Repeatable.")
@signing_options
@click.option("--yes", is_flag=True, help="Do not ask.")
@JSON_OPTION
def erase(
    *,
    folder: Path,
    master_key: bytes,
    subject: str | None,
    request_id: str,
    basis: str,
    stores: tuple[str, ...],
    signing: Signing,
    yes: bool,
    as_json: bool,
) -> None:
    """Destroy the keys and the content of a data subject, and record that in the log.

    After a failure or a crash, run the same command again: what was begun is finished, and recorded once.
    """
    if subject is None:
        raise click.UsageError("say whom: --subject")
    name = subject_of(subject)
    begun = resumable("Interrupted: the same command finishes what was begun, and records it once.")
    with begun, signing.recording() as recording, Vault.open(folder, master_key) as vault:
        if not yes:
            _ask()
        statements = vault.erase(name, request_id=request_id, basis=basis, stores=stores, recording=recording)
        _deliver(vault, signing, statements)
        _tell(vault, request_id, statements, as_json=as_json)


@click.command("confirm")
@VAULT_OPTION
@master_key_options
@_REQUEST_OPTION
@click.option("--store", metavar="NAME", required=True, help="The store that has erased what the request named.")
@signing_options
@JSON_OPTION
def confirm(*, folder: Path, master_key: bytes, request_id: str, store: str, signing: Signing, as_json: bool) -> None:
    """Record that another store has erased what a request named."""
    with signing.recording() as recording, Vault.open(folder, master_key) as vault:
        statements = vault.confirm(request_id, store, recording=recording)
        _deliver(vault, signing, statements)
        _tell(vault, request_id, statements, as_json=as_json)


@click.command("erasures", short_help="List the erasures that are still open.")
@VAULT_OPTION
@master_key_options
@click.option("--all", "take_all", is_flag=True, help="Those too that every store and the log have confirmed.")
@click.option(
    "--submitted", "request_ids", multiple=True, metavar="ID", help="Note that the log has its statements. Repeatable."
)
@JSON_OPTION
def erasures(*, folder: Path, master_key: bytes, take_all: bool, request_ids: tuple[str, ...], as_json: bool) -> None:
    """List the erasures that are still open: in a store, or because the log may not know of them yet."""
    with Vault.open(folder, master_key, read_only=not request_ids) as vault:
        for request_id in request_ids:
            vault.submitted(statement.leaf_hash for statement in vault.pending(request_id=request_id))
        found = vault.erasures(only_open=not take_all)
    if as_json:
        echo_json({"erasures": [_document(status) for status in found]})
        return
    if not found:
        click.echo("no erasure is open")
    for status in found:
        click.echo(_line(status))


def _ask() -> None:
    """Go on when the answer is yes. Raises InterruptedCommandError."""
    try:
        click.confirm("Destroy everything that the vault has of this subject?", abort=True, err=True)
    except click.Abort as error:
        msg = "Nothing was destroyed. With --yes nobody is asked."
        raise InterruptedCommandError(msg) from error


def _deliver(vault: Vault, signing: Signing, statements: tuple[SignedStatement, ...]) -> None:
    vault.submitted(statement.leaf_hash for statement in signing.deliver(statements))


def _tell(vault: Vault, request_id: str, statements: tuple[SignedStatement, ...], *, as_json: bool) -> None:
    [status] = [each for each in vault.erasures() if each.request_id == request_id]
    if as_json:
        echo_json({**_document(status), "entry_ids": [statement.leaf_hash.hex() for statement in statements]})
        return
    click.echo(_line(status))
    for statement in statements:
        click.echo(f"  erasure record {statement.leaf_hash.hex()}")
    if status.unsubmitted:
        click.echo(f"  when the log has them: glasslog-issuer vault erasures --submitted {request_id}")


def _document(status: ErasureStatus) -> dict[str, Any]:
    return {
        "request_id": status.request_id,
        "basis": status.basis,
        "open": status.is_open,
        "begun_at": iso_time(status.begun_at),
        "destroyed_at": iso_time(status.destroyed_at) if status.destroyed_at is not None else None,
        "stores": [{"store": each.store, "state": each.state, "at": iso_time(each.at)} for each in status.stores],
        "records": status.records,
        "unsubmitted": status.unsubmitted,
    }


def _line(status: ErasureStatus) -> str:
    when = iso_time(status.destroyed_at) if status.destroyed_at is not None else "not finished: open the vault to write"
    stores = ", ".join(f"{each.store} {each.state}" for each in status.stores)
    waiting = f"; the log may not know yet of {status.unsubmitted}" if status.unsubmitted else ""
    return (
        f"{status.request_id}: {counted(status.records, 'records')} erased {when} ({status.basis}); {stores}{waiting}"
    )
