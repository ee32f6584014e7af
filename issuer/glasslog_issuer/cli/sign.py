"""`glasslog-issuer sign`: turn records in JSON into Signed Statements."""

import json
import secrets
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Final

import click

from glasslog.errors import MalformedError
from glasslog.records.schema import SchemaMismatchError, uri
from glasslog_issuer import files
from glasslog_issuer.cli.drafts import INPUT_BYTES_MAX, Numbered, check_problems, read_drafts
from glasslog_issuer.errors import StreamError
from glasslog_issuer.keys import load_key
from glasslog_issuer.record import Issuer, SignedRecord
from glasslog_issuer.record_json import Draft
from glasslog_issuer.stream import Stream, StreamFile, Turn

DISCLOSURES_SUFFIX: Final = ".disclosures.cbor"
_LINES_SUFFIXES: Final = frozenset({".jsonl", ".ndjson"})
_STDIO: Final = Path("-")
_WRITABLE_PATH: Final = click.Path(path_type=Path)


@click.command("sign")
@click.argument("record", type=click.File("rb"))
@click.option(
    "--key",
    "key_path",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The issuer's private key, PKCS#8 PEM of mode 0600.",
)
@click.option(
    "--issuer",
    "issuer_uri",
    metavar="URI",
    required=True,
    help="Who signs: the URI that the log's operator registered.",
)
@click.option("-o", "--output", required=True, type=_WRITABLE_PATH, help="Where to write the statements; - for stdout.")
@click.option(
    "--disclosures",
    "disclosures_path",
    type=_WRITABLE_PATH,
    help="Where to write what opens the commitments: a file; with --lines a folder, one file a record.",
)
@click.option(
    "--commit",
    "committed",
    multiple=True,
    metavar="NAME=VALUE",
    help="Commit to a text, or to a file's bytes by NAME=@FILE. Repeatable; one record only.",
)
@click.option("--system", metavar="URN", default="", help="URN of the AI system, for records that do not name it.")
@click.option(
    "--env",
    type=click.Choice(["production", "shadow", "test"]),
    default="test",
    show_default=True,
    help="For records that do not say: production must be said.",
)
@click.option(
    "--stream-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Go on with the stream in this file. Without it the records are a new stream of their own.",
)
@click.option("--stream", "stream_id", metavar="ID", help="Id of the stream that a new --stream-file begins.")
@click.option(
    "--lines", is_flag=True, help="One record a line (also by suffix: .jsonl, .ndjson); writes a CBOR sequence."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each statement.")
def command(
    *,
    record: IO[bytes],
    key_path: Path,
    issuer_uri: str,
    output: Path,
    disclosures_path: Path | None,
    committed: tuple[str, ...],
    system: str,
    env: str,
    stream_file: Path | None,
    stream_id: str | None,
    lines: bool,
    as_json: bool,
) -> None:
    """Sign records that are written in JSON.

    RECORD is a file with one record, or with one a line; - for stdin. The JSON has the fields of the record, with byte
    strings in hex (ids as UUIDs too). Left out, these are filled in: v, id, time (now), system and env (by option),
    stream. Two fields are no part of the record: "commit" maps names to content, of which only salted commitments are
    signed; "subject" is the URN of the decision, by default a new one, and for registrations the system.

    Nothing is signed when one of the records is not as its schema wants it, and no file is overwritten. Keep the
    disclosures: without them no one can ever show what was committed to.
    """
    try:
        uri(issuer_uri)
    except SchemaMismatchError as error:
        msg = f"expected the URI that the log's operator registered, got {issuer_uri!r}"
        raise click.BadParameter(msg, param_hint="--issuer") from error
    if stream_id is not None and stream_file is None:
        raise click.UsageError(
            "--stream names what a --stream-file begins: a stream that is not kept must not have a name"
        )
    lines = lines or Path(record.name).suffix in _LINES_SUFFIXES
    drafts = read_drafts(record, lines=lines)
    if committed:
        drafts = [_with_commitments(drafts, dict(map(_committed_value, committed)))]
    if disclosures_path is None and any(numbered.draft.commit for numbered in drafts):
        raise click.UsageError("the record commits to content: say by --disclosures where to keep what opens it")
    _check_new(output, disclosures_path, lines=lines)
    signer = load_key(key_path)
    with _open_stream(stream_file, issuer_uri, stream_id) as stream:
        issuer = Issuer(issuer_uri, signer, system=system, env=env, stream=stream)
        with stream.turn() as turn:
            signed = _sign_all(issuer, drafts, turn)
            if disclosures_path is not None:  # before the stream moves on: what was lost later could not be made again
                _write_disclosures(disclosures_path, signed, lines=lines)
    try:
        _write_statements(output, signed)
    except OSError:
        if stream_file is not None:
            click.echo(f"The signed statements are in {stream_file}: submit that file.", err=True)
        raise
    _report(signed, to_stderr=output == _STDIO, as_json=as_json)


def _committed_value(option: str) -> tuple[str, Any]:
    name, separator, value = option.partition("=")
    if not name or not separator:
        raise click.BadParameter("expected NAME=VALUE or NAME=@FILE", param_hint="--commit")
    if not value.startswith("@"):
        return name, value
    try:
        return name, files.read(Path(value[1:]), INPUT_BYTES_MAX)
    except (OSError, ValueError) as error:
        msg = f"{value[1:]}: expected a file to commit to: {error}"
        raise click.BadParameter(msg, param_hint="--commit") from error


def _with_commitments(drafts: list[Numbered], values: dict[str, Any]) -> Numbered:
    if len(drafts) != 1:
        raise click.UsageError("--commit is for one record: give many their content in their field commit")
    [numbered] = drafts
    twice = values.keys() & numbered.draft.commit.keys()
    if twice:
        msg = f"the record commits to {min(twice)!r} itself: leave out one of the two"
        raise click.UsageError(msg)
    return replace(numbered, draft=replace(numbered.draft, commit={**numbered.draft.commit, **values}))


def _check_new(output: Path, disclosures: Path | None, *, lines: bool) -> None:
    """Refuse to overwrite: a statement that is lost is a gap in its stream, a lost disclosure cannot be made again."""
    for path in (output, None if lines else disclosures):
        if path is not None and path != _STDIO and path.exists():
            msg = f"{path} is there already: nothing is overwritten"
            raise click.UsageError(msg)
    for path in (output, disclosures):
        if path is not None and path != _STDIO and not path.parent.is_dir():
            msg = f"{path}: expected a folder {path.parent} to write into, got none"
            raise click.UsageError(msg)


def _open_stream(path: Path | None, issuer: str, stream_id: str | None) -> StreamFile | nullcontext[Stream]:
    if path is None:
        return nullcontext(Stream(f"single/{secrets.token_hex(16)}"))
    return StreamFile(path, issuer, stream_id)


def _sign_all(issuer: Issuer, drafts: list[Numbered], turn: Turn) -> list[SignedRecord]:
    """Sign all drafts or none. Raises RecordsError with what is wrong with each, StreamError."""
    signed: list[SignedRecord] = []
    problems: list[str] = []
    for numbered in drafts:
        try:
            signed.append(_sign_one(issuer, numbered.draft, turn))
        except MalformedError as error:
            problems.append(numbered.locate(error))
    check_problems(problems)
    return signed


def _sign_one(issuer: Issuer, draft: Draft, turn: Turn) -> SignedRecord:
    if not issuer.system and "system" not in draft.common:
        raise MalformedError("record system: expected the URN of the AI system, got none: add it or say --system")
    place = draft.place or turn.place
    signed = issuer.sign_at(place, draft.body, decision=draft.subject, commit=draft.commit, **draft.common)
    if draft.place is None:
        turn.take(signed.statement, signed.record)
    elif draft.place.id == turn.place.id:
        msg = f"expected the numbers of {turn.place.id} from its file, got a record that brings its own"
        raise StreamError(msg)
    return signed


def _write_disclosures(path: Path, signed: list[SignedRecord], *, lines: bool) -> None:
    if not lines:
        files.create(path, signed[0].disclosure_file(), files.PRIVATE_MODE)
        return
    path.mkdir(mode=0o700, exist_ok=True)
    for record in signed:
        if record.disclosures:
            name = f"{record.statement.leaf_hash.hex()}{DISCLOSURES_SUFFIX}"
            files.create(path / name, record.disclosure_file(), files.PRIVATE_MODE)


def _write_statements(path: Path, signed: list[SignedRecord]) -> None:
    data = b"".join(record.statement.entry for record in signed)
    if path == _STDIO:
        with click.open_file("-", "wb") as stdout:
            stdout.write(data)
    else:
        files.create(path, data)


def _report(signed: list[SignedRecord], *, to_stderr: bool, as_json: bool) -> None:
    for line in map(_json_line, signed) if as_json else _report_lines(signed):
        click.echo(line, err=to_stderr)


def _json_line(signed: SignedRecord) -> str:
    statement, place = signed.statement, signed.record.stream
    return json.dumps(
        {
            "entry_id": statement.leaf_hash.hex(),
            "record_id": signed.id.hex(),
            "subject": statement.subject,
            "stream": place.id,
            "seq": place.seq,
        }
    )


def _report_lines(signed: list[SignedRecord]) -> Iterator[str]:
    first, last = signed[0], signed[-1]
    if len(signed) == 1:
        yield f"entry id   {first.statement.leaf_hash.hex()}"
        yield f"record id  {first.id.hex()}"
        yield f"subject    {first.statement.subject}"
        yield f"stream     {first.record.stream.id} number {first.record.stream.seq}"
    else:
        yield f"signed {len(signed)} records"
        yield f"first      {first.statement.leaf_hash.hex()}"
        yield f"last       {last.statement.leaf_hash.hex()}"
