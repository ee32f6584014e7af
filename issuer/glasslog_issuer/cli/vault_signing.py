"""Sign what the vault has to tell the log, and bring it there: for the commands that erase, confirm or disclose."""

import functools
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Unpack

import click

from glasslog.cose import split_sequence
from glasslog.records import decode_record
from glasslog.statement import SignedStatement, decode_statement
from glasslog_issuer import files
from glasslog_issuer.bodies import Body
from glasslog_issuer.cli.vault_options import FILE
from glasslog_issuer.client import Client
from glasslog_issuer.keys import load_key
from glasslog_issuer.record import CommonFields, Issuer, SignedRecord
from glasslog_issuer.recording import DirectRecording, Recording
from glasslog_issuer.registration import Registered
from glasslog_issuer.stream import TURN_BYTES_MAX, TURN_STATEMENTS_MAX, Stream, StreamFile

_VKEY_BYTES_MAX: Final = 4_096


@dataclass(frozen=True, kw_only=True)
class Signing:
    """Who signs, about which system, in which stream, and where the statements go."""

    key_path: Path | None
    issuer_uri: str | None
    system: str | None
    env: str
    stream_file: Path | None
    stream_id: str | None
    url: str | None
    log_keys: tuple[str, ...]
    statements_path: Path | None

    def check(self) -> None:
        """Raise UsageError unless it says enough to sign and to deliver."""
        if self.key_path is None or self.issuer_uri is None or self.system is None:
            raise click.UsageError("say who signs the record: --key, --issuer and --system")
        if self.url is None and self.statements_path is None:
            raise click.UsageError("say where the signed record goes: --log, or --statements for a file")
        if self.statements_path is not None and self.statements_path.exists():
            msg = f"{self.statements_path} is there already: nothing is overwritten"
            raise click.UsageError(msg)

    @contextmanager
    def recording(self) -> Iterator[Recording]:
        """Open key and stream, before anything is destroyed or given away that could not be recorded without them."""
        self.check()
        signer = load_key(self.key_path or Path())
        with self._stream() as stream:
            system, uri = self.system or "", self.issuer_uri or ""
            direct = DirectRecording(Issuer(uri, signer, system=system, env=self.env, stream=stream))
            yield _Resumed(direct, self.stream_file)

    def deliver(self, statements: Sequence[SignedStatement]) -> list[SignedStatement]:
        """Write the statements to their file, submit them to the log; return those that the log has now.

        Raises the log's refusal: what it took before stays taken, and submitting again is harmless.
        """
        if self.statements_path is not None and statements:
            files.create(self.statements_path, b"".join(statement.entry for statement in statements))
        if self.url is None or not statements:
            return []
        taken: list[SignedStatement] = []
        with self._client(self.url) as client:
            for outcome in client.submit_many(statements):
                if not isinstance(outcome, Registered):
                    raise outcome.error
                taken.append(outcome.statement)
        return taken

    def _client(self, url: str) -> Client:
        try:
            return Client(url, log_keys=[_vkey(text) for text in self.log_keys])
        except ValueError as error:
            raise click.UsageError(str(error)) from error

    def _stream(self) -> StreamFile | nullcontext[Stream]:
        if self.stream_file is None:
            return nullcontext(Stream(f"vault/{secrets.token_hex(16)}"))
        return StreamFile(self.stream_file, self.issuer_uri or "", self.stream_id)


class _Resumed:
    """A recording that signs no record a second time that a run before this one signed last, and was lost after it.

    That one has a number of the stream: signing it again would leave a gap where nobody submits the first.
    """

    def __init__(self, recording: Recording, stream_file: Path | None) -> None:
        self._recording = recording
        self._last = _last_turn(stream_file) if stream_file is not None else {}

    def record(
        self,
        body: Body,
        *,
        decision: str | None = None,
        commit: Mapping[str, object] | None = None,
        subject: str | None = None,
        **common: Unpack[CommonFields],
    ) -> SignedRecord:
        """Return the record of the stream's last turn that has the id asked for, or sign it now."""
        signed = self._last.get(common.get("id", b""))
        if signed is not None:
            return signed
        return self._recording.record(body, decision=decision, commit=commit, subject=subject, **common)


def _last_turn(path: Path) -> dict[bytes, SignedRecord]:
    """Return what a stream's file holds, by record id. StreamFile has opened it: what it refuses is refused already."""
    if not path.exists():
        return {}
    statements = [
        decode_statement(item) for item in split_sequence(files.read(path, TURN_BYTES_MAX), TURN_STATEMENTS_MAX)
    ]
    signed = [SignedRecord(statement, decode_record(statement.payload), ()) for statement in statements]
    return {record.id: record for record in signed}


def signing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `Signing`, and hand it to the command as `signing`."""

    @click.option("--key", "key_path", type=FILE, help="The issuer's private key, PKCS#8 PEM of mode 0600.")
    @click.option(
        "--issuer", "issuer_uri", metavar="URI", help="Who signs: the URI that the log's operator registered."
    )
    @click.option("--system", metavar="URN", help="URN of the AI system that the record is about.")
    @click.option(
        "--env",
        type=click.Choice(["production", "shadow", "test"]),
        default="test",
        show_default=True,
        help="Production must be said.",
    )
    @click.option("--stream-file", type=FILE, help="Go on with the stream in this file; else a new stream.")
    @click.option("--stream", "stream_id", metavar="ID", help="Id of the stream that a new --stream-file begins.")
    @click.option("--log", "url", metavar="URL", help="The log's base URL, to submit to.")
    @click.option(
        "--log-key",
        "log_keys",
        multiple=True,
        metavar="VKEY|@FILE",
        help="The log's verifier key, or @ and a file that holds it. Repeatable.",
    )
    @click.option("--statements", "statements_path", type=FILE, help="Write the signed statements to this new file.")
    @functools.wraps(command)
    def wrapped(**options: Any) -> Any:  # noqa: ANN401
        signing = Signing(**{field.name: options.pop(field.name) for field in fields(Signing)})
        return command(signing=signing, **options)

    return wrapped


def _vkey(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        return files.read(Path(text[1:]), _VKEY_BYTES_MAX).decode()
    except (OSError, ValueError) as error:
        msg = f"{text[1:]}: expected a file with a verifier key: {error}"
        raise click.BadParameter(msg, param_hint="--log-key") from error
