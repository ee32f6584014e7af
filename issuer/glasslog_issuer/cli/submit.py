"""`glasslog-issuer submit`: bring signed statements into a log and its receipts home."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click
import urllib3

from glasslog.cli.ending import InterruptedCommandError
from glasslog.cli.examples import example
from glasslog.cose import split_sequence
from glasslog.counting import counted
from glasslog.errors import GlasslogError, MalformedError
from glasslog.statement import decode_statement
from glasslog_issuer import files
from glasslog_issuer.cli.submission_report import Source, SubmissionReport
from glasslog_issuer.client import Client
from glasslog_issuer.errors import SubmissionError, UnavailableError
from glasslog_issuer.registration import Outcome, Registered, Rejected
from glasslog_issuer.retry import RetryPolicy

INPUT_BYTES_MAX: Final = 256 * 1_024 * 1_024
STATEMENTS_MAX: Final = 1_000_000
VKEY_FILE_BYTES_MAX: Final = 4_096
_INPUT: Final = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
_AGAIN: Final = "run the same command again, nothing is logged twice."
_SUFFIXES: Final = {"transparent-statement": ".cose", "receipt": ".receipt.cose"}


@click.command(
    "submit",
    epilog=example(
        "glasslog-issuer submit record.cose --log https://log.example --log-key @log.vkey -o receipts",
    ),
)
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=_INPUT)
@click.option("--log", "url", metavar="URL", required=True, help="The log's base URL.")
@click.option(
    "--log-key",
    "log_keys",
    multiple=True,
    metavar="VKEY|@FILE",
    help="The log's verifier key, or @ and a file that holds it: receipts are verified with it. Repeatable, while a "
    "log changes keys.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for what comes back, a file for each statement, named by its entry id.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(sorted(_SUFFIXES)),
    default="transparent-statement",
    show_default=True,
    help="What to write: the statement with its receipt in one file, or the receipt alone.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each statement.")
@click.option(
    "--attempts",
    type=click.IntRange(1, 100),
    default=RetryPolicy().attempts_max,
    show_default=True,
    help="How often a request is sent before giving up.",
)
@click.option("--ca-file", type=click.Path(exists=True, dir_okay=False), help="PEM file of the authorities to trust.")
@click.option("--proxy", metavar="URL", help="URL of an HTTP proxy.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    paths: tuple[Path, ...],
    url: str,
    log_keys: tuple[str, ...],
    output: Path | None,
    output_format: str,
    as_json: bool,
    attempts: int,
    ca_file: str | None,
    proxy: str | None,
) -> None:
    """Submit signed statements to a log.

    Each FILE is one Signed Statement or a CBOR sequence of many; - for stdin. Submitting again what was submitted
    before changes nothing: after any failure, run the same command again.

    Exit codes: 0 all are in the log and every receipt was verified (without --log-key none is, which is said), 1 one
    was refused or its receipt does not hold, 2 wrong usage, 3 the log could not be reached.
    """
    keys = [read_vkey(key) for key in log_keys]
    sources = [source for path in paths for source in _read_sources(path)]
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
    try:
        client = Client(url, log_keys=keys, retry=RetryPolicy(attempts_max=attempts), pool=_pool(ca_file, proxy))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    with client, SubmissionReport(len(sources), as_json=as_json) as report:
        try:
            for source, outcome in zip(sources, _outcomes(client, sources), strict=True):
                report.tell(source, outcome, _write(output, output_format, outcome))
        except KeyboardInterrupt as error:
            msg = f"Interrupted after {report.told} of {counted(len(sources), 'statements')}: {_AGAIN}"
            raise InterruptedCommandError(msg) from error
        except (SubmissionError, GlasslogError) as error:
            report.stop(error, sources[report.told :])
    ctx.exit(report.finish(client.log_keys))


def _outcomes(client: Client, sources: Sequence[Source]) -> Iterator[Outcome]:
    if len(sources) > 1:
        yield from client.submit_many(source.statement for source in sources)
        return
    [source] = sources
    try:
        yield client.submit(source.statement)
    except UnavailableError:
        raise
    except (SubmissionError, GlasslogError) as error:
        yield Rejected(source.statement, error)


def read_vkey(text: str) -> str:
    """Return a vkey that was given as itself, or by @ and the name of a file."""
    if not text.startswith("@"):
        if "+" not in text:
            msg = f"expected a verifier key name+<8 hex digits>+<base64>, or @ and a file that holds it, got {text!r}"
            raise click.BadParameter(msg, param_hint="--log-key")
        return text
    path = Path(text[1:])
    try:
        return files.read(path, VKEY_FILE_BYTES_MAX).decode()
    except (OSError, ValueError) as error:
        msg = f"{path}: expected a file with a verifier key: {error}"
        raise click.BadParameter(msg, param_hint="--log-key") from error


def _read_sources(path: Path) -> Iterator[Source]:
    """Yield the statements of a file. Raises MalformedError that names file and place."""
    with click.open_file(path, "rb") as file:
        data = file.read(INPUT_BYTES_MAX + 1)
    if len(data) > INPUT_BYTES_MAX:
        msg = f"{path}: expected at most {INPUT_BYTES_MAX} bytes"
        raise MalformedError(msg)
    place = str(path)
    try:
        for position, item in enumerate(split_sequence(data, STATEMENTS_MAX)):
            place = f"{path}[{position}]"
            yield Source(decode_statement(item), str(path), position)
    except MalformedError as error:
        msg = f"{place}: {error}"
        raise MalformedError(msg) from error


def _pool(ca_file: str | None, proxy: str | None) -> urllib3.PoolManager:
    if proxy is None:
        return urllib3.PoolManager(ca_certs=ca_file)
    return urllib3.ProxyManager(proxy, ca_certs=ca_file)


def _write(folder: Path | None, output_format: str, outcome: Outcome) -> Path | None:
    """Write what came back for a registered statement; return where. The same statement gives the same file again."""
    if folder is None or not isinstance(outcome, Registered):
        return None
    transparent = output_format == "transparent-statement"
    path = folder / f"{outcome.entry_id}{_SUFFIXES[output_format]}"
    files.replace(path, outcome.transparent_statement() if transparent else outcome.receipt.encode(), durable=False)
    return path
