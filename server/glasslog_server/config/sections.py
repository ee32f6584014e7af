"""The tables of the configuration: every key, its default, its bounds and what it means, declared once."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    model_validator,
)

from glasslog.limits import ENTRY_BUNDLE_BYTES_MAX, ENTRY_BYTES_MAX, KEY_NAME_BYTES_MAX, STATEMENT_BYTES_MAX
from glasslog_server.addresses import ListenAddress, parse_listen_address
from glasslog_server.core.limits import ROUND_BYTES_MAX, ROUND_ENTRIES_MAX
from glasslog_server.http.settings import AccessToken, HttpSettings
from glasslog_server.submissions import SequencerLimits

_HTTP: Final = HttpSettings()
_LIMITS: Final = SequencerLimits()
WORKERS_MAX: Final = 256
_ORIGIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]+)*")


def check_origin(value: object) -> str:
    """Return a text that can be the name of a key and, behind "https://", a URI."""
    if not isinstance(value, str) or len(value) > KEY_NAME_BYTES_MAX or not _ORIGIN.fullmatch(value):
        msg = "expected the log's URL without scheme and without a slash at the end, such as log.example/decisions"
        raise ValueError(msg)
    return value


def _resolve(value: object, info: ValidationInfo) -> Path:
    """Return a path of the file as an absolute one."""
    if not isinstance(value, str | Path) or not str(value):
        msg = "expected a path as text"
        raise ValueError(msg)
    folder = info.context["folder"] if info.context else Path()
    return Path(folder, value).absolute()


FilePath = Annotated[Path, BeforeValidator(_resolve)]
Listen = Annotated[ListenAddress, BeforeValidator(parse_listen_address)]
Origin = Annotated[str, BeforeValidator(check_origin)]


class Section(BaseModel):
    """Be one table of the file: nothing but the declared keys, of exactly the declared types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)


class KeyCommand(Section):
    """A command that signs: the message on its standard input, the 64-byte signature on its standard output."""

    command: Annotated[list[str], Field(min_length=1)] = Field(description="Program and arguments; no shell.")
    public_key: FilePath = Field(description="PEM file with the public key that its signatures verify with.")
    timeout_s: float = Field(10.0, gt=0, le=600, description="Time for one signature.")


def _kind_of_key(value: object) -> str:
    return "key-command" if isinstance(value, dict | KeyCommand) else "key-file"


KeySource = Annotated[
    Annotated[FilePath, Tag("key-file")] | Annotated[KeyCommand, Tag("key-command")], Discriminator(_kind_of_key)
]
"""Where a private key is: the path of a PKCS#8 PEM file of mode 0600, or a command."""


class Keys(Section):
    """The keys that sign.

    Each is a PKCS#8 PEM file of mode 0600, or a command that signs, in the place of the file's name:

    { command = ["program", "argument"], public_key = "key.pub.pem", timeout_s = 10 }
    """

    log: Annotated[list[KeySource], Field(min_length=1, max_length=4)] = Field(
        description="Sign checkpoints and receipts. The first one signs the receipts."
    )
    operator: KeySource | None = Field(
        None,
        description="Signs what the log admits and whom. Used by `issuer add` and `issuer revoke` alone: keep it away "
        "from the machine that serves when you can.",
    )


class Storage(Section):
    """What must never be lost."""

    store: FilePath = Field(Path("store"), description="Folder of the database: entries, tiles, tree heads.")
    guard: FilePath = Field(
        Path("guard/checkpoint"),
        description="File with the last signed checkpoint. It keeps a restored or copied store from signing a second "
        "history, so it must not be restored or copied with it: another disk is best.",
    )
    takeover_wait_s: float = Field(
        10.0,
        ge=0,
        le=600,
        description="At a start: for a server that ran before to let go of store, guard and addresses.",
    )

    @model_validator(mode="after")
    def _guard_is_outside(self) -> Self:
        if self.guard.is_relative_to(self.store) or self.store.is_relative_to(self.guard):
            msg = f"expected the guard outside of the store {self.store}, got {self.guard}"
            raise ValueError(msg)
        return self


class Token(Section):
    """A bearer token that opens entries of some issuers, or of all."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = Field(description="SHA-256 of the token's text, in hex.")
    issuers: list[str] = Field(description='Issuers whose entries it opens; "*" is all.')


class Http(Section):
    """The public side: registration and reading."""

    listen: Listen = Field(ListenAddress("127.0.0.1", 8080), description="ADDRESS:PORT; [::]:8080 for all, with IPv6.")
    tls_certificate: FilePath | None = Field(None, description="PEM file with the certificate and its chain.")
    tls_key: FilePath | None = Field(None, description="PEM file with the certificate's private key, mode 0600.")
    workers: int | None = Field(
        None,
        ge=0,
        le=WORKERS_MAX,
        description="Processes that take and check statements and answer reads, beside the one that sequences; without "
        "it, one for each usable core. 0: one process does it all.",
    )
    connections_max: int = Field(
        _HTTP.connections_max, ge=1, le=100_000, description="Open connections, of all workers together."
    )
    idle_s: float = Field(_HTTP.idle_s, gt=0, le=3_600, description="Until a silent connection is closed.")
    body_s: float = Field(_HTTP.body_s, gt=0, le=3_600, description="For a request's body to arrive.")
    linger_s: float = Field(
        _HTTP.linger_s,
        ge=0,
        le=60,
        description="For a client to finish sending what is refused before it is all there.",
    )
    answer_s: float = Field(_HTTP.answer_s, gt=0, le=3_600, description="For a client to take an answer.")
    round_wait_s: float = Field(
        _HTTP.round_wait_s, gt=0, le=600, description="For a statement to be sequenced before it is answered 202."
    )
    shutdown_wait_s: float = Field(
        10.0, gt=0, le=600, description="For requests under way when the server is told to stop."
    )
    batch_entries_max: int = Field(_HTTP.batch_entries_max, ge=1, description="Statements of one batch.")
    batch_bytes_max: int = Field(_HTTP.batch_bytes_max, ge=STATEMENT_BYTES_MAX, description="Bytes of one batch.")
    bodies_bytes_max: int = Field(
        _HTTP.bodies_bytes_max,
        ge=STATEMENT_BYTES_MAX,
        description="Bytes of all request bodies in memory, of all workers together.",
    )
    answers_bytes_max: int = Field(
        _HTTP.answers_bytes_max,
        ge=ENTRY_BUNDLE_BYTES_MAX,
        description="Bytes of all answers being sent, of all workers together.",
    )
    issuer_rate: float | None = Field(
        _HTTP.issuer_rate,
        gt=0,
        description="Records a second that one issuer may submit; without it there is no quota.",
    )
    issuer_burst: int = Field(
        _HTTP.issuer_burst, ge=1, description="Records that an issuer may submit at once after a pause."
    )
    tokens: list[Token] = Field(
        [],
        description="Who may read entries of a log that was created with token access: a list of "
        '{ sha256 = "<hex>", issuers = ["https://..."] }, with "*" for all issuers.',
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            msg = "expected tls_certificate and tls_key or neither of them, got one alone"
            raise ValueError(msg)
        if self.bodies_bytes_max < self.batch_bytes_max:
            msg = f"expected bodies_bytes_max to be at least batch_bytes_max, got {self.bodies_bytes_max}"
            raise ValueError(msg)
        return self

    @property
    def has_tls(self) -> bool:
        """Return whether the public side speaks TLS."""
        return self.tls_certificate is not None

    def settings(self) -> HttpSettings:
        """Return these settings as the front end takes them."""
        shared = {field.name for field in fields(HttpSettings)} - {"tokens"}
        tokens = tuple(
            AccessToken(bytes.fromhex(token.sha256), "*" if "*" in token.issuers else frozenset(token.issuers))
            for token in self.tokens
        )
        return HttpSettings(**self.model_dump(include=shared), tokens=tokens)


class Admin(Section):
    """The operator's side: health, readiness and metrics. No TLS, no passwords: keep it on a private address."""

    listen: Listen = Field(ListenAddress("127.0.0.1", 8081), description="ADDRESS:PORT.")


class Sequencer(Section):
    """How entries become part of the tree: in rounds, each with one write to disk and one checkpoint."""

    round_interval_ms: int = Field(
        round(_LIMITS.round_interval_s * 1_000),
        ge=0,
        le=10_000,
        description="While the log is busy, rounds start at least so far apart; one entry alone waits for nothing.",
    )
    round_entries_max: int = Field(
        _LIMITS.round_entries_max, ge=1, le=ROUND_ENTRIES_MAX, description="Entries of one round, and of one batch."
    )
    round_bytes_max: int = Field(
        _LIMITS.round_bytes_max,
        ge=ENTRY_BYTES_MAX,
        le=ROUND_BYTES_MAX,
        description="Bytes of the entries of one round.",
    )
    round_age_max_s: float = Field(
        _LIMITS.round_age_max_s,
        gt=0,
        le=3_600,
        description="The server is not ready when entries have waited longer than this for a checkpoint.",
    )
    queue_entries_max: int = Field(
        _LIMITS.queue_entries_max, ge=1, le=10_000_000, description="Entries that wait; more are refused for now (503)."
    )
    queue_bytes_max: int = Field(
        _LIMITS.queue_bytes_max, ge=ENTRY_BYTES_MAX, le=2**36, description="Bytes of the entries that wait."
    )

    @model_validator(mode="after")
    def _queue_takes_a_round(self) -> Self:
        for unit in ("entries", "bytes"):
            of_queue, of_round = getattr(self, f"queue_{unit}_max"), getattr(self, f"round_{unit}_max")
            if of_queue < of_round:
                msg = f"expected queue_{unit}_max to be at least round_{unit}_max, {of_round}, got {of_queue}"
                raise ValueError(msg)
        return self

    def limits(self) -> SequencerLimits:
        """Return these settings as the sequencer takes them."""
        return SequencerLimits(
            round_interval_s=self.round_interval_ms / 1_000,
            round_entries_max=self.round_entries_max,
            round_bytes_max=self.round_bytes_max,
            round_age_max_s=self.round_age_max_s,
            queue_entries_max=self.queue_entries_max,
            queue_bytes_max=self.queue_bytes_max,
        )


class Logs(Section):
    """What the server says about itself, on standard error. Never the content of a record."""

    format: Literal["json", "console"] = Field("json", description="One JSON object a line, or lines for people.")
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is said.")
