"""`glasslog-issuer spool`: look at what a recorder keeps, send it without the program, see what was refused."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import click

from glasslog.cli.examples import example
from glasslog.counting import counted
from glasslog_issuer.cli.exits import Exit
from glasslog_issuer.cli.submit import read_vkey
from glasslog_issuer.client import Client
from glasslog_issuer.errors import NotSentError, SpoolError
from glasslog_issuer.registration import Outcome, Registered, Rejected
from glasslog_issuer.retry import RetryPolicy
from glasslog_issuer.sender import OnRefused, Sender, resend_refused
from glasslog_issuer.spool import Overview, ReceiptStore, RefusedRecord, Spool, inspect_folder, is_in_use
from glasslog_issuer.spool.receipts import RECEIPTS_NAME
from glasslog_issuer.spool.refused import RefusedFolder

_FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)
_spool_option = click.option("--spool", "folder", type=_FOLDER, required=True, help="Folder of the spool.")
_json_option = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
_key_help: Final = "The log's verifier key, or @ and a file that holds it. Repeatable, while a log changes keys."


@click.group("spool", short_help="Look after the records that a log does not have yet.")
def command() -> None:
    """Look after the spool of a recorder: the records that a log does not have yet."""


@command.command("status")
@_spool_option
@_json_option
@click.pass_context
def status(ctx: click.Context, *, folder: Path, as_json: bool) -> None:
    """Say what a spool holds, also while a program uses it.

    Exit codes: 0 the log has everything, 1 some records were refused, 2 wrong usage, 3 records wait.
    """
    try:
        overview, refused, in_use = inspect_folder(folder), RefusedFolder(folder / "refused"), is_in_use(folder)
    except OSError as error:
        msg = f"{folder}: cannot read the spool: {error.strerror}"
        raise SpoolError(msg) from error
    found = _status_fields(overview, refused, in_use=in_use)
    if as_json:
        click.echo(json.dumps(found))
    else:
        for name, value in found.items():
            click.echo(f"{name.replace('_', ' '):<16}{value}")
    waiting = Exit.UNABLE if overview.unsent_records else Exit.DONE
    ctx.exit(Exit.REFUSED if refused.count else waiting)


@command.command(
    "flush",
    short_help="Send what waits in a spool that no program uses.",
    epilog=example(
        "glasslog-issuer spool flush --spool ./spool --log https://log.example --log-key @log.vkey",
    ),
)
@_spool_option
@click.option("--log", "url", metavar="URL", required=True, help="The log's base URL.")
@click.option("--log-key", "log_keys", multiple=True, required=True, metavar="VKEY|@FILE", help=_key_help)
@click.option("--timeout", "timeout_s", type=float, default=60.0, show_default=True, help="Seconds to try.")
@click.option("--stop-at-refused", is_flag=True, help="Stop at the first record that the log refuses.")
@_json_option
@click.pass_context
def flush(
    ctx: click.Context,
    *,
    folder: Path,
    url: str,
    log_keys: tuple[str, ...],
    timeout_s: float,
    stop_at_refused: bool,
    as_json: bool,
) -> None:
    """Send what waits in a spool that no program uses; every receipt is verified.

    Exit codes: 0 the log has everything, 1 some records were refused, 2 wrong usage, 3 records still wait.
    """
    with _client(url, log_keys) as client, Spool.open(folder) as spool:
        with closing(ReceiptStore(folder / RECEIPTS_NAME)) as receipts:
            on_refused: OnRefused = "stop" if stop_at_refused else "continue"
            sender = Sender(spool, client, receipts=receipts, on_refused=on_refused)
            waiting = spool.unsent_records
            sender.start()
            problem = _wait(sender, spool, timeout_s)
            sender.stop(0.0 if problem else timeout_s)
        left, refused = spool.unsent_records, spool.refused.count
    told: dict[str, Any] = {"sent": waiting - left, "unsent": left, "refused": refused}
    if as_json:
        click.echo(json.dumps({**told, "problem": problem}))
    else:
        click.echo(f"sent {counted(told['sent'], 'records')}; {left} wait, {refused} were refused")
        if problem:
            click.echo(f"Error: {problem}", err=True)
    ctx.exit(Exit.UNABLE if left else Exit.REFUSED if refused else Exit.DONE)


@command.command("refused", short_help="List the records that the log refused, or resend them.")
@_spool_option
@click.option("--resend", is_flag=True, help="Submit them again: the reason may be gone. Needs --log and --log-key.")
@click.option("--log", "url", metavar="URL", help="The log's base URL.")
@click.option("--log-key", "log_keys", multiple=True, metavar="VKEY|@FILE", help=_key_help)
@_json_option
@click.pass_context
def refused(
    ctx: click.Context, *, folder: Path, resend: bool, url: str | None, log_keys: tuple[str, ...], as_json: bool
) -> None:
    """List the records that the log refused, and why; or submit them again.

    Exit codes: 0 there are none, or none any more; 1 there are some; 2 wrong usage; 3 not possible now.
    """
    if resend:
        if url is None or not log_keys:
            raise click.UsageError("--resend needs to know the log: say --log and --log-key")
        with _client(url, log_keys) as client, Spool.open(folder) as spool:
            with closing(ReceiptStore(folder / RECEIPTS_NAME)) as receipts:
                _report_resent(resend_refused(spool, client, receipts), as_json=as_json)
            ctx.exit(Exit.REFUSED if spool.refused.count else Exit.DONE)
    records = RefusedFolder(folder / "refused").all()
    for record in records:
        click.echo(json.dumps(_refused_fields(record)) if as_json else _refused_line(record))
    ctx.exit(Exit.REFUSED if records else Exit.DONE)


def _client(url: str, log_keys: tuple[str, ...]) -> Client:
    try:
        return Client(url, log_keys=[read_vkey(key) for key in log_keys], retry=RetryPolicy(attempts_max=1))
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _wait(sender: Sender, spool: Spool, timeout_s: float) -> str | None:
    """Wait until everything is sent; return what stands in the way of it."""
    try:
        sender.wait(spool.synced_seq, timeout_s)
    except NotSentError as error:
        return str(error)
    return None


def _status_fields(overview: Overview, refused: RefusedFolder, *, in_use: bool) -> dict[str, Any]:
    place = overview.state.place
    return {
        "issuer": overview.issuer,
        "stream": place.id,
        "next_number": place.seq,
        "unsent": overview.unsent_records,
        "unsent_bytes": overview.unsent_bytes,
        "refused": refused.count,
        "torn_bytes": overview.torn_bytes,
        "in_use": in_use,
    }


def _refused_fields(record: RefusedRecord) -> dict[str, Any]:
    return {
        "number": record.seq,
        "title": record.title,
        "detail": record.detail,
        "reason": record.reason,
        "at_ms": record.at_ms,
    }


def _refused_line(record: RefusedRecord) -> str:
    return f"{record.seq:>8}  {record.title}: {record.detail}"


def _report_resent(outcomes: list[Outcome], *, as_json: bool) -> None:
    for outcome in outcomes:
        entry_id = outcome.statement.leaf_hash.hex()
        match outcome:
            case Registered(index=index):
                click.echo(json.dumps({"entry_id": entry_id, "index": index}) if as_json else f"{entry_id}  {index}")
            case Rejected(error=error):
                problem = {"entry_id": entry_id, "problem": str(error)}
                click.echo(json.dumps(problem) if as_json else f"{entry_id}  {error}")
